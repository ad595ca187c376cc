//! Errors.

use core::fmt;
use std::io;

use crate::row::class::Class;

/// The result of a call that can fail with an [`Error`].
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// The reason why a table or statistics could not be read, or a table not recorded, replayed or
/// changed.
///
/// An error is never reported as an empty table, and no input from the system, a file or another program makes this
/// crate panic.
///
/// There is no conversion from [`io::Error`], because it would lose the call: use [`Error::os`].
///
/// # After an error
///
/// A [`System`](crate::System) remains usable after every error: its next read starts anew. A
/// [`Watcher`](crate::Watcher) keeps the last good table. Whether another attempt makes sense depends on the error:
///
/// | error | another attempt |
/// |---|---|
/// | [`is_transient`](Error::is_transient) | may succeed at once: the table changed too fast, or the system lacked memory |
/// | [`is_not_supported`](Error::is_not_supported) | fails until IPv6 is enabled; always fails if the system lacks the function |
/// | [`Error::EndOfReplay`] | fails: the replay has no further table |
/// | [`Error::Os`], otherwise | fails until permissions, limits or the file change |
/// | [`Error::Malformed`], [`Error::WrongClass`], [`Error::RowNotFound`] | fails: the input is wrong |
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The system has no IPv6 TCP table, or lacks what was requested of it.
    ///
    /// IPv6 is not installed or is disabled in the kernel (`ipv6.disable=1`), or the system is neither Windows nor
    /// Linux. A machine with IPv6 disabled on every interface still has a table.
    ///
    /// [`System::collect`](crate::System::collect) returns it if the system lacks the functions, as Wine does. A query
    /// of [`StateSet::BOUND`](crate::StateSet::BOUND) returns it for tables that are read from `/proc`, and on Windows if
    /// the system lacks the function.
    NotSupported,

    /// A system call failed, or a file could not be read or written.
    #[non_exhaustive]
    Os {
        /// The call or the file.
        call: &'static str,
        /// The code of the system ([`io::Error::raw_os_error`]), or a text if the failure has no
        /// code.
        source: io::Error,
    },

    /// Every attempt failed: the table changed while it was read, or the kernel lacked memory.
    #[non_exhaustive]
    Unstable {
        /// The call.
        call: &'static str,
        /// The number of attempts.
        attempts: u32,
        /// The failure of the last attempt.
        last: io::Error,
    },

    /// The bytes from the system, a file or a [`Source`](crate::Source) are not a table, or not
    /// statistics.
    Malformed(Malformed),

    /// An allocation failed.
    #[non_exhaustive]
    OutOfMemory {
        /// The size of the allocation in bytes.
        bytes: usize,
    },

    /// Every recorded table has been replayed.
    EndOfReplay,

    /// A change removes or changes a row that the snapshot does not contain.
    RowNotFound,

    /// The buffer holds a table of another class, or none.
    #[non_exhaustive]
    WrongClass {
        /// The requested class.
        wanted: Class,
        /// The class of the table in the buffer.
        held: Option<Class>,
    },
}

/// The reason why bytes are not a table, or not statistics. Offsets and lengths are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// The bytes are too few for the count of rows.
    #[non_exhaustive]
    TooShort {
        /// The number of bytes.
        bytes: usize,
    },
    /// The table claims more rows than its bytes can hold.
    #[non_exhaustive]
    CountBeyondBytes {
        /// The claimed number of rows.
        count: u32,
        /// The number of bytes.
        bytes: usize,
    },
    /// The system reports that it wrote more bytes than the buffer has.
    #[non_exhaustive]
    BeyondBuffer {
        /// The reported number of bytes.
        reported: u32,
        /// The size of the buffer.
        capacity: usize,
    },
    /// The number of rows exceeds the 32-bit count of a table.
    #[non_exhaustive]
    TooManyRows {
        /// The number of rows.
        rows: usize,
    },
    /// The bytes are not aligned for rows of the class.
    #[non_exhaustive]
    Misaligned {
        /// The required alignment.
        alignment: usize,
    },
    /// The length of a netlink message is invalid, or the message is truncated.
    #[non_exhaustive]
    Message {
        /// The length that the message claims.
        length: usize,
        /// The number of bytes that are left.
        bytes: usize,
    },
    /// The length of an attribute of a netlink message is invalid, or the attribute is truncated.
    #[non_exhaustive]
    Attribute {
        /// The length that the attribute claims.
        length: usize,
        /// The number of bytes that are left.
        bytes: usize,
    },
    /// The capture ends within a table or a heading: the disk was full, or the program was killed.
    #[non_exhaustive]
    Torn {
        /// The offset in the file at which the incomplete table begins.
        ///
        /// Everything before it is intact; truncate the file here to continue it with
        /// [`Recorder::append`](crate::Recorder::append).
        offset: u64,
    },
    /// The file is not a capture, or it is damaged.
    #[non_exhaustive]
    Capture {
        /// The offset in the file.
        offset: u64,
        /// The fault at this offset.
        what: &'static str,
    },
    /// A line of `/proc/net/tcp6` has an unknown format.
    #[non_exhaustive]
    Line {
        /// The number of the line; the heading is line 1.
        line: usize,
    },
    /// The text of `/proc/net/snmp` or `/proc/net/netstat` has an unknown format.
    #[non_exhaustive]
    Statistics {
        /// The path of the file.
        file: &'static str,
        /// The number of the line, from 1.
        ///
        /// It is the last line of the file if lines are missing.
        line: usize,
        /// The fault in this line.
        fault: StatisticsFault,
    },
    /// A function of Windows reported success and wrote no statistics.
    #[non_exhaustive]
    NotWritten {
        /// The function.
        call: &'static str,
    },
}

/// A fault in a line of `/proc/net/snmp` or `/proc/net/netstat`.
///
/// The counters of a protocol are in two lines that begin with its name: the names of the columns, and their values.
/// Columns are numbered from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatisticsFault {
    /// The file has no lines of TCP.
    MissingNames,
    /// The line of values does not follow, or does not end.
    MissingValues,
    /// The protocol has more than two lines.
    RepeatedLine,
    /// The numbers of names and values differ.
    #[non_exhaustive]
    Count {
        /// The number of names.
        names: usize,
        /// The number of values.
        values: usize,
    },
    /// A column that every kernel has is missing.
    #[non_exhaustive]
    MissingColumn {
        /// The name of the column.
        name: &'static str,
    },
    /// A name appears twice.
    #[non_exhaustive]
    RepeatedColumn {
        /// The name of the column.
        name: &'static str,
    },
    /// A value is not a decimal number in the range of its type.
    #[non_exhaustive]
    Value {
        /// The name of the column.
        name: &'static str,
        /// The number of the column.
        column: usize,
    },
}

impl Error {
    /// An error of a system call, for a [`Source`](crate::Source).
    ///
    /// ```
    /// use std::io;
    ///
    /// let error = tcp6::Error::os("tables.bin", io::Error::from(io::ErrorKind::NotFound));
    /// assert_eq!(error.to_string(), "tables.bin: entity not found");
    /// ```
    #[must_use]
    pub fn os(call: &'static str, source: impl Into<io::Error>) -> Error {
        Error::Os { call, source: source.into() }
    }

    /// An error of a table that changed during each attempt, for a [`Source`](crate::Source).
    #[must_use]
    pub fn unstable(call: &'static str, attempts: u32, last: impl Into<io::Error>) -> Error {
        Error::Unstable { call, attempts, last: last.into() }
    }

    /// The code of the system: a Windows error or NTSTATUS, or an errno.
    ///
    /// `None` if the error has no code.
    #[must_use]
    pub fn raw_os_error(&self) -> Option<i32> {
        match self {
            Error::Os { source, .. } => source.raw_os_error(),
            Error::Unstable { last, .. } => last.raw_os_error(),
            _ => None,
        }
    }

    /// Whether the same call may succeed a moment later without any other change.
    ///
    /// That is [`Error::Unstable`], [`Error::OutOfMemory`], and system errors of the kinds `Interrupted`, `WouldBlock`,
    /// `TimedOut` and `OutOfMemory`.
    ///
    /// ```
    /// use std::{thread, time::Duration};
    ///
    /// use tcp6::{BasicRow, Buffer, Query, System};
    ///
    /// let (mut system, mut buffer) = (System::new()?, Buffer::new());
    /// let table = loop {
    ///     match system.table::<BasicRow>(&Query::all(), &mut buffer) {
    ///         Err(error) if error.is_transient() => thread::sleep(Duration::from_secs(1)),
    ///         result => break result?.to_snapshot()?,
    ///     }
    /// };
    /// # Ok::<(), tcp6::Error>(())
    /// ```
    #[must_use]
    pub fn is_transient(&self) -> bool {
        use io::ErrorKind::{Interrupted, OutOfMemory, TimedOut, WouldBlock};
        match self {
            Error::Unstable { .. } | Error::OutOfMemory { .. } => true,
            Error::Os { source, .. } => matches!(source.kind(), Interrupted | WouldBlock | TimedOut | OutOfMemory),
            _ => false,
        }
    }

    /// Whether the system lacks the table, or what was requested of it: [`Error::NotSupported`].
    #[must_use]
    pub const fn is_not_supported(&self) -> bool {
        matches!(self, Error::NotSupported)
    }
}

/// The system's text for a code.
///
/// An NTSTATUS (top bits 11), which the system's message table lacks, is written as a number.
struct CodeText<'a>(&'a io::Error);

impl fmt::Display for CodeText<'_> {
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
            Error::NotSupported => f.write_str("this system has no IPv6 TCP table, or lacks what was requested"),
            Error::Os { call, source } => write!(f, "{call}: {}", CodeText(source)),
            Error::Unstable { call, attempts, last } => {
                write!(f, "{call}: no table after {attempts} attempts: {}", CodeText(last))
            }
            Error::Malformed(malformed) if malformed.is_of_statistics() => {
                write!(f, "malformed statistics: {malformed}")
            }
            Error::Malformed(malformed) => write!(f, "not a table: {malformed}"),
            Error::OutOfMemory { bytes } => write!(f, "failed to allocate {bytes} bytes"),
            Error::EndOfReplay => f.write_str("every recorded table has been replayed"),
            Error::RowNotFound => f.write_str("a change removes or changes a row that the snapshot does not contain"),
            Error::WrongClass { wanted, held: Some(held) } => {
                write!(f, "the buffer holds a table of class {held}, not {wanted}")
            }
            Error::WrongClass { wanted, held: None } => {
                write!(f, "the buffer holds no table; a table of class {wanted} was requested")
            }
        }
    }
}

impl Malformed {
    /// Whether the bytes should have been statistics, rather than a table.
    const fn is_of_statistics(&self) -> bool {
        matches!(self, Malformed::Statistics { .. } | Malformed::NotWritten { .. })
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::TooShort { bytes } => write!(f, "{bytes} bytes are too few for the count of rows"),
            Malformed::CountBeyondBytes { count, bytes } => write!(f, "{count} rows do not fit into {bytes} bytes"),
            Malformed::BeyondBuffer { reported, capacity } => {
                write!(f, "the system reports {reported} bytes written into {capacity}")
            }
            Malformed::TooManyRows { rows } => write!(f, "{rows} rows exceed the 32-bit count of a table"),
            Malformed::Misaligned { alignment } => write!(f, "the rows are not aligned to {alignment} bytes"),
            Malformed::Message { length, bytes } => {
                write!(f, "a netlink message of {length} bytes in {bytes} bytes")
            }
            Malformed::Attribute { length, bytes } => {
                write!(f, "a netlink attribute of {length} bytes in {bytes} bytes")
            }
            Malformed::Torn { offset } => write!(f, "the capture ends within the table at byte {offset}"),
            Malformed::Capture { offset, what } => write!(f, "{what}, at byte {offset} of the capture"),
            Malformed::Line { line } => write!(f, "line {line} of /proc/net/tcp6 has an unknown format"),
            Malformed::Statistics { file, line, fault } => write!(f, "{file}, line {line}: {fault}"),
            Malformed::NotWritten { call } => write!(f, "{call} reported success and wrote nothing"),
        }
    }
}

impl fmt::Display for StatisticsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StatisticsFault::MissingNames => f.write_str("the lines of TCP are missing"),
            StatisticsFault::MissingValues => f.write_str("the line of values is missing"),
            StatisticsFault::RepeatedLine => f.write_str("more than one line of values"),
            StatisticsFault::Count { names, values } => write!(f, "{values} values for {names} names"),
            StatisticsFault::MissingColumn { name } => write!(f, "the column {name} is missing"),
            StatisticsFault::RepeatedColumn { name } => write!(f, "the column {name} appears twice"),
            StatisticsFault::Value { name, column } => {
                write!(f, "the value of {name}, in column {column}, is not a number in its range")
            }
        }
    }
}

// No `source`: the display already contains the text of the inner error.
impl std::error::Error for Error {}

impl std::error::Error for Malformed {}

impl From<Malformed> for Error {
    fn from(malformed: Malformed) -> Error {
        Error::Malformed(malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_ntstatus_as_hex_and_other_codes_as_text() {
        let status = Error::unstable("GetTcp6Table", 3, io::Error::from_raw_os_error(0xC000_0001_u32 as i32));
        assert_eq!(status.to_string(), "GetTcp6Table: no table after 3 attempts: status 0xC0000001");

        let refused = Error::os("GetTcp6Table", io::Error::from_raw_os_error(5));
        assert_eq!(refused.to_string(), format!("GetTcp6Table: {}", io::Error::from_raw_os_error(5)));
        assert_eq!(refused.raw_os_error(), Some(5));
    }

    #[test]
    fn names_the_place_of_malformed_statistics() {
        let fault = StatisticsFault::Count { names: 15, values: 14 };
        let error = Error::from(Malformed::Statistics { file: "/proc/thread-self/net/snmp", line: 8, fault });
        let text = "malformed statistics: /proc/thread-self/net/snmp, line 8: 14 values for 15 names";
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn classifies_errors() {
        let os = |kind: io::ErrorKind| Error::os("recv", kind);
        for error in [
            os(io::ErrorKind::TimedOut),
            Error::unstable("recv", 16, io::Error::other("")),
            Error::OutOfMemory { bytes: 1 },
        ] {
            assert!(error.is_transient() && !error.is_not_supported(), "{error}");
        }
        for error in [os(io::ErrorKind::PermissionDenied), Error::EndOfReplay, Error::RowNotFound, Error::NotSupported]
        {
            assert!(!error.is_transient(), "{error}");
        }
        assert!(Error::NotSupported.is_not_supported());
    }
}
