//! What can go wrong, and how it is told.

use core::fmt;
use std::io;

use crate::row::class::Class;

/// A result of this crate.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// Why there is no table.
///
/// No error is ever turned into an empty table, and no call of this crate panics on what a system, a file or another
/// program hands to it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// This system has no IPv6 TCP table: IPv6 is not installed, or disabled in the kernel (`ipv6.disable=1`), or the system
    /// is neither Windows nor Linux. If IPv6 is disabled on every interface only, there is a table.
    NotSupported,

    /// The system refused, or a file could not be read or written.
    #[non_exhaustive]
    Os {
        /// What was called, or done.
        call: &'static str,
        /// The system's code ([`io::Error::raw_os_error`]) and its text for it; a text alone where the failure has no code.
        source: io::Error,
    },

    /// The table never stood still long enough, however much room it was given; or the kernel was short of memory for it
    /// each time.
    #[non_exhaustive]
    Unstable {
        /// What was called.
        call: &'static str,
        /// How often it was called.
        attempts: u32,
        /// What it said last.
        last: io::Error,
    },

    /// What the system, a file or a [`Source`](crate::Source) handed over is not a table.
    Malformed(Malformed),

    /// There was no memory for a buffer of so many bytes.
    #[non_exhaustive]
    OutOfMemory {
        /// The size that was asked for.
        bytes: usize,
    },

    /// The replay has ended: every recorded table was replayed.
    EndOfReplay,

    /// A change does not fit the snapshot that it is applied to: a row that it removes or changes is not there.
    RowNotFound,

    /// The buffer holds no table, or one of another class.
    #[non_exhaustive]
    WrongClass {
        /// The class that was asked for.
        wanted: Class,
        /// The class that is there.
        held: Option<Class>,
    },
}

/// How bytes fail to be a table.
///
/// All offsets and lengths are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// Too short for the count of rows.
    #[non_exhaustive]
    TooShort {
        /// The bytes that are there.
        bytes: usize,
    },
    /// More rows announced than there are bytes for.
    #[non_exhaustive]
    CountBeyondBytes {
        /// The rows announced.
        count: u32,
        /// The bytes that are there.
        bytes: usize,
    },
    /// The system says that it wrote more than it was given room for.
    #[non_exhaustive]
    BeyondBuffer {
        /// The bytes that the system says it wrote.
        reported: u32,
        /// The bytes that it was given.
        capacity: usize,
    },
    /// More rows than the count in front of a table can say.
    #[non_exhaustive]
    TooManyRows {
        /// The rows.
        rows: usize,
    },
    /// The bytes do not begin where a row of this class may begin.
    #[non_exhaustive]
    Misaligned {
        /// The alignment that the class asks for.
        alignment: usize,
    },
    /// A message of the kernel is cut off, or its length makes no sense.
    #[non_exhaustive]
    Message {
        /// The length that the message claims.
        length: usize,
        /// The bytes that are there.
        bytes: usize,
    },
    /// A capture ends within a table, or within its heading: the disk was full, or the program was killed.
    #[non_exhaustive]
    Torn {
        /// The offset in the file at which that table begins. All before it is intact; cut the file off here to
        /// continue it ([`Recorder::append`](crate::Recorder::append)).
        offset: u64,
    },
    /// A file is not a capture, or it is damaged.
    #[non_exhaustive]
    Capture {
        /// Where in the file.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// A line of the kernel's text is not one of a TCP table.
    #[non_exhaustive]
    Line {
        /// The number of the line; the heading is line 1.
        line: usize,
    },
}

impl Error {
    /// The code of the system, if it gave one: a Windows error or NTSTATUS, or an errno.
    #[must_use]
    pub fn raw_os_error(&self) -> Option<i32> {
        match self {
            Error::Os { source, .. } => source.raw_os_error(),
            Error::Unstable { last, .. } => last.raw_os_error(),
            _ => None,
        }
    }

    pub(crate) fn os(call: &'static str, source: impl Into<io::Error>) -> Error {
        Error::Os { call, source: source.into() }
    }
}

/// The system's own text for a code.
///
/// An NTSTATUS (top bits 11) is written as its number: it is not a code that the system's message table knows.
struct Told<'a>(&'a io::Error);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.raw_os_error() {
            Some(code) if code as u32 >> 30 == 0b11 => write!(f, "status {:#010X}", code as u32),
            _ => fmt::Display::fmt(self.0, f),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotSupported => f.write_str("this system has no IPv6 TCP table"),
            Error::Os { call, source } => write!(f, "{call}: {}", Told(source)),
            Error::Unstable { call, attempts, last } => {
                write!(f, "{call}: no table after {attempts} attempts: {}", Told(last))
            }
            Error::Malformed(how) => write!(f, "not a table: {how}"),
            Error::OutOfMemory { bytes } => write!(f, "no memory for a table of {bytes} bytes"),
            Error::EndOfReplay => f.write_str("the replay has ended"),
            Error::RowNotFound => f.write_str("a change is of a row that is not there"),
            Error::WrongClass { wanted, held: Some(held) } => {
                write!(f, "wanted a table of class {wanted}, but there is one of class {held}")
            }
            Error::WrongClass { wanted, held: None } => {
                write!(f, "wanted a table of class {wanted}, but there is none")
            }
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::TooShort { bytes } => write!(f, "{bytes} bytes are too few for a count"),
            Malformed::CountBeyondBytes { count, bytes } => write!(f, "{count} rows announced in {bytes} bytes"),
            Malformed::BeyondBuffer { reported, capacity } => {
                write!(f, "{reported} bytes reported as written into {capacity}")
            }
            Malformed::TooManyRows { rows } => write!(f, "{rows} rows are more than a table can count"),
            Malformed::Misaligned { alignment } => write!(f, "the bytes are not aligned to {alignment}"),
            Malformed::Message { length, bytes } => {
                write!(f, "a message claims a length of {length} in {bytes} bytes")
            }
            Malformed::Torn { offset } => write!(f, "the capture ends within the table at byte {offset}"),
            Malformed::Capture { offset, what } => write!(f, "{what}, at byte {offset} of the capture"),
            Malformed::Line { line } => write!(f, "line {line} is not one of a TCP table"),
        }
    }
}

// No `source`: the text of what is underneath is part of the text above, and nobody wants to read it twice.
impl std::error::Error for Error {}

impl std::error::Error for Malformed {}

impl From<Malformed> for Error {
    fn from(how: Malformed) -> Error {
        Error::Malformed(how)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_told_as_a_number_and_a_code_by_the_system() {
        let status = Error::Unstable {
            call: "GetTcp6Table",
            attempts: 3,
            last: io::Error::from_raw_os_error(0xC000_0001_u32 as i32),
        };
        assert_eq!(status.to_string(), "GetTcp6Table: no table after 3 attempts: status 0xC0000001");

        let refused = Error::os("GetTcp6Table", io::Error::from_raw_os_error(5));
        assert_eq!(refused.to_string(), format!("GetTcp6Table: {}", io::Error::from_raw_os_error(5)));
        assert_eq!(refused.raw_os_error(), Some(5));
    }
}
