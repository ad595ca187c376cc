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
//! Captures can be concatenated: a heading may follow a table. Its fifth byte is neither a class nor the kind of an
//! extension, which distinguishes it from a record.
//!
//! # Extensions
//!
//! A record whose fifth byte is 128 or greater is an extension. It belongs to the table before it. A reader skips
//! extensions that it does not know or need.
//!
//! | offset in the extension | bytes | content |
//! |--:|--:|---|
//! | 0 | 4 | CRC-32 (IEEE) of the rest of the extension |
//! | 4 | 1 | the kind: 128 statistics of sockets |
//! | 5 | 3 | zero |
//! | 8 | 4 | n, the size of the payload in bytes |
//! | 12 | 4 | the number of sockets |
//! | 16 | 8 | nanoseconds from the creation of the recorder to the reading of the table, on a clock that is never set |
//! | 24 | n | the payload |
//!
//! The payload has, for each socket:
//!
//! | bytes | content |
//! |--:|---|
//! | 1 | bits: 1 from Linux, 2 has a send queue, 4 has a uid, 8 has `tcp_info`, 16 has an algorithm, 32 has memory, 64 has what Windows alone reports |
//! | 4 | the state, a `MIB_TCP_STATE` |
//! | 22 | the local end: address in network byte order (16), scope id (4), port (2) |
//! | 22 | the remote end; zero if there is none |
//! | 8 | the identity (the cookie on Linux); zero if it is unknown |
//!
//! From Linux: the number of the timer (1); the count and the milliseconds of the timer, and the receive queue (4 each);
//! the send queue (4) and the uid (4); the length of `tcp_info` (2) and its bytes, each known field in little-endian
//! order; the name of the algorithm, padded with zeros (16); the number of words of memory (1) and these (4 each). What
//! the bits exclude is absent.
//!
//! From other systems: the known fields as bits (4), and each known field (8), in the order of
//! [`ConnectionStats`](crate::ConnectionStats), times in nanoseconds. If the bit is set, what Windows alone reports
//! follows: the known fields as bits (4), and each known field (4), in the order of
//! [`SenderStats`](crate::os::windows::SenderStats), times in milliseconds.

mod crc32;
mod frame;
mod reader;
mod recorder;
mod replay;
mod source;
mod stats_frame;

pub use recorder::Recorder;
pub use replay::Replay;
pub use source::RecordingSource;
