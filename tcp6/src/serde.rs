//! The feature `serde`: how tables, rows and changes are written and read.
//!
//! | | in formats for people (JSON, TOML ...) | in binary formats |
//! |---|---|---|
//! | an end | `"[addr%scope]:port"` | address, scope id, port |
//! | a state | `"LISTEN"`; a number if it has no name | the number |
//! | an owner | `{"pid": 1234}`, `"kernel"`, `"nobody"`, `"unresolved"` | the number of a row |
//! | a time | `"2026-01-31T12:00:00.5Z"` | seconds and nanoseconds |
//! | a set | `["LISTEN", "ESTABLISHED"]` | the bits |
//! | a row | `{"local": end, "remote": end or null, "state": state, ...}` | its fields in order |
//! | a snapshot, a table | `{"taken_at": time, "class": "basic", "rows": [...]}` | these in order |
//! | a change | `{"change": "added", "row": row}`, `{"change": "changed", "before": row, "after": row}` | a variant |
//!
//! Rows are written one by one: no tree of values is built, however large the table. What is written is what has a
//! meaning, so that it is read back as the canonical row.

mod change;
mod row;
mod sets;
mod snapshot;
mod time;

pub(crate) use time::Time;

#[cfg(test)]
mod tests;
