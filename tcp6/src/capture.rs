//! Captures: tables recorded in a file, which can be replayed on any system.
//!
//! # The format, version 1
//!
//! All integers are little-endian. A file is a heading of 16 bytes, followed by any number of tables.
//!
//! | offset in the heading | bytes | content |
//! |--:|--:|---|
//! | 0 | 8 | `tcp6cap` and a line feed |
//! | 8 | 2 | the version, 1 |
//! | 10 | 6 | zero |
//!
//! | offset in the table | bytes | content |
//! |--:|--:|---|
//! | 0 | 4 | CRC-32 (IEEE) of the rest of the table, including the rows |
//! | 4 | 1 | the class: 0 basic, 1 owner-pid, 2 offload, 3 owner-module |
//! | 5 | 3 | zero |
//! | 8 | 4 | n, the number of rows |
//! | 12 | 4 | the time at which the table was read: nanoseconds of the second, below 10^9 |
//! | 16 | 8 | seconds of that time since 1970-01-01 UTC, signed |
//! | 24 | n times the row size | the rows in the layout of the Windows structs on a little-endian machine; a port is in network byte order in the first two of its four bytes |
//!
//! Captures can be concatenated: a heading may follow a table. Its fifth byte is not a class, which distinguishes it
//! from a table.

mod crc32;
mod frame;
mod reader;
mod recorder;
mod replay;
mod source;

pub use recorder::Recorder;
pub use replay::Replay;
pub use source::RecordingSource;
