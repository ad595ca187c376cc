//! How rows, snapshots and changes are serialized.
//!
//! | | in human-readable formats (JSON, TOML ...) | in binary formats |
//! |---|---|---|
//! | an end | `"[addr%scope]:port"` | address, scope id, port |
//! | a state | `"LISTEN"`; a number if it has no name | the number |
//! | an owner | `{"pid": 1234}`, `"kernel"`, `"nobody"`, `"unresolved"` | the number of a row |
//! | a time | `"2026-01-31T12:00:00.5Z"` | seconds and nanoseconds |
//! | a set | `["LISTEN", "ESTABLISHED"]` | the bits |
//! | a row | an object, see below | its fields in order |
//! | a snapshot, a table | an object, see below | time or none, class, rows |
//! | a change | `{"change": "added", "row": row}`, `"removed"` likewise, `{"change": "changed", "before": row, "after": row}` | a variant |
//!
//! Rows are written one by one; no tree of values is built, however large the table. Fields without a meaning are not
//! written, so a row is read as its canonical form.
//!
//! # A snapshot in JSON
//!
//! ```
//! use tcp6::{OwnerPidRow, Row, Snapshot, State};
//!
//! let json = r#"{
//!     "taken_at": "2026-11-23T10:42:39Z",
//!     "taken_at_nanos": 99338100,
//!     "class": "owner-pid",
//!     "rows": [
//!         {"local": "[::]:22", "remote": null, "state": "LISTEN", "owner": {"pid": 812}},
//!         {"local": "[::1]:22", "remote": "[::1]:50000", "state": "TIME-WAIT", "owner": "nobody"}
//!     ]
//! }"#;
//! let snapshot: Snapshot<OwnerPidRow> = serde_json::from_str(json)?;
//! assert_eq!(snapshot.len(), 2);
//! assert_eq!(serde_json::to_value(&snapshot)?, serde_json::from_str::<serde_json::Value>(json)?);
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! | field | type | meaning |
//! |---|---|---|
//! | `taken_at` | string or null | the second in which the table was taken, in UTC; null for a snapshot that no table was taken into |
//! | `taken_at_nanos` | number or null | the nanoseconds of that second |
//! | `class` | string | `basic`, `owner-pid`, `offload`, `owner-module` |
//! | `rows` | array | the rows, in the documented order in a snapshot |
//!
//! `taken_at` is in whole seconds because the `fromdate` of `jq` reads no others; Python's `datetime.fromisoformat` (since 3.11)
//! and JavaScript's `Date` read it as well. When it is read, it may have a fraction in place of `taken_at_nanos`.
//!
//! # A row in JSON
//!
//! | field | classes | type | meaning |
//! |---|---|---|---|
//! | `local` | all | string | the local end |
//! | `remote` | all | string or null | the remote end; null for listeners |
//! | `state` | all | string or number | the state by name, or by number if it has no name |
//! | `owner` | all but `basic` | object or string | the owner |
//! | `offload` | `offload` | string or number | `in-host`, `offloading`, `offloaded`, `uploading`; not on Linux |
//! | `created` | `owner-module` | string | the second in which the socket was bound; not on Linux |
//! | `created_ticks` | `owner-module` | string of digits | the same exactly, in 100 ns since 1601-01-01 UTC; not on Linux |
//! | `module` | `owner-module` | 16 strings of digits | the words by which Windows finds the module; not on Linux |
//! | `socket` | `owner-module` | object | on Linux only: `inode` and `uid` as numbers, `cookie` as a string of digits |
//!
//! A field whose value is unknown is left out; `null` means the same when it is read.
//!
//! No number is greater than 2^32, so that readers whose numbers are 64-bit floats (JavaScript, `jq`) lose nothing: 64-bit
//! integers are strings of decimal digits. Where these are expected, numbers below 2^53 are read too, and so are ticks in
//! `created`, which is what versions before 0.1 wrote; greater numbers are refused, since they may have lost bits.
//!
//! # Stability
//!
//! * Within a major version, a field keeps its name, its type, its unit and its meaning. Fields may be added to any object,
//!   and names to the states, classes, owners and offload states.
//! * Unknown fields are ignored, and so are those that a row's class lacks. Write your readers alike.
//! * Duplicate fields, missing ones, unknown names and invalid values are errors.
//! * Binary formats have no names: a layout lasts for one minor version. To keep tables, write captures
//!   ([`Recorder`](crate::Recorder)), whose format has a version.

mod change;
mod integer;
mod rfc3339;
mod row;
mod sets;
mod snapshot;
pub mod time;

#[cfg(test)]
mod tests;
