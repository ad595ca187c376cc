//! The serde formats of rows, snapshots, changes and statistics.
//!
//! | type | human-readable formats (JSON, TOML ...) | binary formats |
//! |---|---|---|
//! | end | `"[addr%scope]:port"` | address, scope id, port |
//! | state | `"LISTEN"`; a number if it has no name | number |
//! | owner | `{"pid": 1234}`, `"kernel"`, `"nobody"`, `"unresolved"` | number, as in a row |
//! | time | `"2026-01-31T12:00:00.500Z"` | seconds and nanoseconds |
//! | set | `["LISTEN", "ESTABLISHED"]` | bits |
//! | row | an object, see below | fields in order |
//! | snapshot, table | an object, see below | time or none, class, rows |
//! | statistics, their increase, statistics of a connection, their difference | an object, see below | fields in order |
//! | change | `{"change": "added", "row": row}`, the same with `"removed"`, or `{"change": "changed", "before": row, "after": row}` | a variant |
//! | short connection | `{"change": "brief", "local": end, "remote": end, "stats": statistics}` | ends, statistics or none |
//!
//! Rows are serialized one by one, without an intermediate tree of values. Undefined fields are not written, so that a
//! deserialized row is canonical.
//!
//! # Example: a snapshot in JSON
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
//! | `taken_at` | string or null | the second in which the table was read, in UTC; null if the snapshot has no time |
//! | `taken_at_nanos` | number or null | the nanoseconds of that second |
//! | `class` | string | `basic`, `owner-pid`, `offload`, `owner-module` |
//! | `rows` | array | the rows, in the documented order in a snapshot |
//!
//! `taken_at` is in whole seconds because `fromdate` of `jq` accepts nothing else. `datetime.fromisoformat` of Python
//! (since 3.11) and `Date` of JavaScript accept it too. The deserializer also accepts a fraction in `taken_at` if
//! `taken_at_nanos` is absent.
//!
//! # A row in JSON
//!
//! | field | classes | type | meaning |
//! |---|---|---|---|
//! | `local` | all | string | the local end |
//! | `remote` | all | string or null | the remote end; null if the socket has none, as a listener |
//! | `state` | all | string or number | the state by name, or by number if it has no name |
//! | `owner` | all except `basic` | object or string | the owner |
//! | `offload` | `offload` | string or number | `in-host`, `offloading`, `offloaded`, `uploading`; not on Linux |
//! | `created` | `owner-module` | string | the second in which the socket was bound; not on Linux |
//! | `created_ticks` | `owner-module` | string of digits | the exact time, in units of 100 ns since 1601-01-01 UTC; not on Linux |
//! | `module` | `owner-module` | 16 strings of digits | the module words, by which Windows finds the module; not on Linux |
//! | `socket` | `owner-module` | object | on Linux only: `inode`, `uid` and `interface` as numbers, `cookie` as a string of digits |
//!
//! A field whose value is unknown is omitted. The deserializer accepts `null` for it too.
//!
//! All numbers are below 2^32, except times in microseconds, and 64-bit integers are strings of decimal digits. So programs that store numbers as
//! 64-bit floats (JavaScript, `jq`) do not change them. For a 64-bit integer, the deserializer also accepts a number
//! below 2^53, and rejects other numbers, because they may have lost bits. It accepts ticks in `created`, which
//! versions before 0.1 wrote.
//!
//! # Statistics in JSON
//!
//! [`Statistics`](crate::Statistics) are an object:
//!
//! | field | type | meaning |
//! |---|---|---|
//! | `taken_at`, `taken_at_nanos` | string, number | the time at which the counters were read, as in a snapshot |
//! | `scope` | string | `ipv6` or `both-families` |
//! | `counter_bits` | number or null | the width of the counters, 32 or 64; null if it is unknown |
//! | `segment_bits` | number or null | the same for `segments_in` and `segments_out` |
//! | `rto_algorithm` | string or number | `constant`, `rsre`, `van-jacobson`, `rfc-2988`; a number if it has no name |
//! | `rto_min_ms`, `rto_max_ms` | number | the retransmission timeouts in milliseconds |
//! | `max_connections` | string of digits or null | the maximum number of connections; null if there is no limit |
//! | `established` | string of digits | the number of connections that are established |
//! | `connections` | string of digits | the number of connections; not on Linux |
//! | `active_opens` ... | string of digits | a counter with the name and meaning of the field of `Statistics`; omitted if the system does not provide it |
//!
//! [`StatisticsDelta`](crate::StatisticsDelta) is an object with the increase of each counter under the same name, as a
//! string of digits, and the time between the readings in nanoseconds in `elapsed_nanos`, as a string of digits. Values
//! that are unknown are omitted.
//!
//! The monotonic clock is not serialized, because it has no meaning in another process. So the time between statistics
//! that were deserialized is unknown; use the difference of their `taken_at`.
//!
//! # Statistics of a connection in JSON
//!
//! [`ConnectionStats`](crate::ConnectionStats) is an object with a field for each known value. The name of a time ends in
//! `_us`: it is a number of whole microseconds, rounded down, below 2^53 (285 years), which 64-bit floats represent
//! exactly.
//!
//! | field | type |
//! |---|---|
//! | `bytes_acknowledged`, `bytes_received`, `bytes_sent`, `bytes_retransmitted` | string of digits |
//! | `segments_sent`, `segments_received` | string of digits |
//! | `segments_retransmitted` | number |
//! | `rtt_us`, `rtt_variation_us`, `min_rtt_us`, `retransmission_timeout_us` | number |
//! | `congestion_window_bytes`, `slow_start_threshold_bytes`, `peer_window_bytes`, `own_window_bytes` | string of digits |
//! | `max_segment_size_bytes` | number |
//! | `unread_bytes`, `send_queue_bytes`, `unacknowledged_bytes`, `unsent_bytes` | string of digits |
//! | `accept_queue`, `backlog` | number of connections |
//!
//! [`ConnectionDelta`](crate::ConnectionDelta) is an object with the time between the readings in `elapsed_us`, which is
//! required, and its counters as strings of digits. In binary formats, times are exact.
//!
//! ## Example: two readings in JSON
//!
//! ```
//! use std::time::Duration;
//! use tcp6::{ConnectionDelta, ConnectionStats};
//!
//! let json = r#"{"bytes_received":"18446744073709551615","segments_retransmitted":2,"rtt_us":1500}"#;
//! let stats: ConnectionStats = serde_json::from_str(json)?;
//! assert_eq!(stats.rtt, Some(Duration::from_micros(1_500)));
//! assert_eq!(stats.bytes_sent, None, "unknown, not zero");
//! assert_eq!(serde_json::to_string(&stats)?, json);
//!
//! let delta: ConnectionDelta = serde_json::from_str(r#"{"elapsed_us":2000000,"bytes_received":"3000"}"#)?;
//! assert_eq!(delta.per_second(delta.bytes_received), Some(1_500.0));
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! ## All that is known of a socket
//!
//! [`SocketStats`](crate::SocketStats) is written and not read. Fields whose value is unknown are omitted, except
//! `remote`. Binary formats contain all fields in order.
//!
//! | field | type | meaning |
//! |---|---|---|
//! | `local`, `remote`, `state` | as in a row | the ends and the state |
//! | `stats` | object | the [`ConnectionStats`](crate::ConnectionStats) |
//! | `uid` | number | the user who created the socket; on Linux only, as the fields below |
//! | `cookie` | string of digits | the cookie of the socket |
//! | `timer` | object | `kind` is `retransmission`, `keep-alive`, `time-wait`, `zero-window-probe` or `other`, and `expires_in_us` a number. `retransmissions`, `probes` and (of `other`) `number` are numbers |
//! | `algorithm` | string | the congestion control algorithm |
//! | `memory` | object | the fields of [`SocketMemory`](crate::os::linux::SocketMemory) as numbers, with `_bytes` after all names except `drops` |
//! | `tcp_info` | object | the fields of [`TcpInfo`](crate::os::linux::TcpInfo) |
//!
//! The name of a field of `tcp_info` is that of the C struct without `tcpi_`, followed by its unit: `_us`, `_bytes`,
//! `_bytes_per_second` or `_segments`. Names that contain `bytes` or `segs` have no unit after them, nor have counts of
//! anything else. Integers of 64 bits are strings of digits. Values in milliseconds are converted to microseconds.
//!
//! # A short connection in JSON
//!
//! [`Brief`](crate::Brief) has the same tag as a change, so that both can be lines of one stream. `stats` are the
//! statistics of a connection, and absent if they are unknown. The identity and the `tcp_info` of
//! [`os::linux::BriefExt`](crate::os::linux::BriefExt) are not serialized.
//!
//! # Counts
//!
//! [`StateCounts`](crate::StateCounts) is written as a map from the name of each state to a number, zeros included, and
//! [`OwnerCounts`](crate::OwnerCounts) as a map of its fields.
//!
//! # Stability
//!
//! * Within a major version, a field keeps its name, type, unit and meaning. Fields may be added to any object, and
//!   names to the states, classes, owners, offload states and timers.
//! * Unknown fields are ignored, as are fields that the class of a row lacks. Other readers should ignore them too.
//! * Duplicate fields, missing required fields, unknown names and invalid values are errors. The required fields are
//!   `taken_at`, `class`, `rows`, `local`, `state`, `owner` (except in `basic`), `elapsed_us`, those of a change, and in
//!   statistics of the stack all except `taken_at_nanos`, `connections` and the counters that only Linux has.
//! * Binary formats contain no names; their layout is stable within one minor version. To store tables for longer,
//!   write captures ([`Recorder`](crate::Recorder)), whose format is versioned.

mod brief;
mod change;
mod integer;
mod rfc3339;
mod row;
mod sets;
mod snapshot;
mod statistics;
mod stats;
pub mod time;

#[cfg(test)]
mod tests;
