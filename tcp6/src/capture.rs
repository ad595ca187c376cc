//! Tables in a file, to be replayed on any system.
//!
//! # The format, version 1
//!
//! All integers are little-endian. A file is a heading of 16 bytes, then tables, one after another, to its end.
//!
//! | heading: at | bytes | what |
//! |--:|--:|---|
//! | 0 | 8 | `tcp6cap` and a line feed |
//! | 8 | 2 | the version, 1 |
//! | 10 | 6 | zero |
//!
//! | table: at | bytes | what |
//! |--:|--:|---|
//! | 0 | 4 | CRC-32 (IEEE) of all that follows, rows included |
//! | 4 | 1 | the class: 0 basic, 1 owner-pid, 2 offload, 3 owner-module |
//! | 5 | 3 | zero |
//! | 8 | 4 | n, the number of rows |
//! | 12 | 4 | the time when it was taken: nanoseconds of the second, below 10^9 |
//! | 16 | 8 | and seconds since 1970-01-01 UTC, signed |
//! | 24 | n times the size of a row | the rows, as the system wrote them, in the layout of the Windows structs on a little-endian machine; so ports are in network byte order in the first two of four bytes |
//!
//! Captures can be concatenated: another heading may stand where a table may begin. Its fifth byte is not a class, which
//! distinguishes it from a table.

mod crc32;
mod frame;
mod reader;
mod recorder;
mod replay;
mod source;

pub use recorder::Recorder;
pub use replay::Replay;
pub use source::RecordingSource;
