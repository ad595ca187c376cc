//! Tables in a file, to be played again on any system.
//!
//! # The format, version 1
//!
//! All integers are little-endian. A file is a heading of 16 bytes and then tables, one behind the other, to its end.
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
//! | 8 | 4 | the rows, n |
//! | 12 | 4 | the time when it was taken: nanoseconds of the second, below 10^9 |
//! | 16 | 8 | and seconds since 1970-01-01 UTC, signed |
//! | 24 | n times the size of a row | the rows, as the system wrote them, in the layout of the Windows structs on a little-endian machine; so ports are in network byte order in the first two of four bytes |

mod crc32;

use std::io::{self, Read, Write};
use std::time::SystemTime;

use crc32::{crc32, crc32_of};

use crate::class::by_class;
use crate::error::{Error, Malformed, Result};
use crate::row::layout::Parts;
use crate::{Buffer, Class, Query, Row, Source, Table, clock, view};

const MAGIC: &[u8; 8] = b"tcp6cap\n";
const VERSION: u16 = 1;
const HEADING: usize = 16;
const TABLE: usize = 24;

/// Writes tables into a capture file, which [`Replay::load`](crate::Replay::load) plays.
///
/// ```
/// use tcp6::{BasicRow, Query, Recorder, Replay, Row, System, Table};
///
/// let mut buffer = tcp6::Buffer::new();
/// let mut recorder = Recorder::new(Vec::new())?; // or a file
/// recorder.record(System::new()?.table::<BasicRow>(&Query::all(), &mut buffer)?)?;
/// let capture = recorder.into_inner();
///
/// let mut replay = Replay::load(&capture[..])?;
/// let mut other = tcp6::Buffer::new();
/// let again = Table::<BasicRow>::read(&mut replay, &Query::all(), &mut other)?;
/// assert_eq!(again.rows(), buffer.table::<BasicRow>()?.rows());
/// # Ok::<(), tcp6::Error>(())
/// ```
///
/// The format is documented in the crate's `capture.rs`: a heading, then for each table its class, its time, its rows as
/// the system wrote them, and a checksum. It is versioned, and does not depend on the system or its byte order.
#[derive(Debug)]
pub struct Recorder<W> {
    file: W,
    /// A table on its way, so that it is written at once.
    frame: Vec<u8>,
    /// Whether a table was written in part only.
    is_torn: bool,
}

impl<W: Write> Recorder<W> {
    /// Begins a capture.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] if it cannot be written.
    pub fn new(mut file: W) -> Result<Recorder<W>> {
        let mut heading = [0; HEADING];
        heading[..8].copy_from_slice(MAGIC);
        heading[8..10].copy_from_slice(&VERSION.to_le_bytes());
        file.write_all(&heading).map_err(write_failed)?;
        Ok(Recorder { file, frame: Vec::new(), is_torn: false })
    }

    /// Adds a table.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] if it cannot be written, [`Error::Malformed`] if it has more rows than a `u32` can count,
    /// [`Error::OutOfMemory`]. When a table could not be written there may be half
    /// of it in the file, behind which nothing would be found: every later one is refused, as a broken pipe.
    pub fn record<R: Row>(&mut self, table: Table<'_, R>) -> Result<()> {
        if self.is_torn {
            return Err(write_failed(io::ErrorKind::BrokenPipe.into()));
        }
        let rows = u32::try_from(table.len()).map_err(|_| Malformed::TooManyRows { rows: table.len() })?;
        let (seconds, nanoseconds) = clock::since_epoch(table.taken_at());
        let bytes = TABLE + size_of_val(table.rows());
        self.frame.clear();
        self.frame.try_reserve(bytes).map_err(|_| Error::OutOfMemory { bytes })?;
        self.frame.extend([0; 4]);
        self.frame.extend([R::CLASS.number(), 0, 0, 0]);
        self.frame.extend(rows.to_le_bytes());
        self.frame.extend(nanoseconds.to_le_bytes());
        self.frame.extend(seconds.to_le_bytes());
        for row in table {
            self.frame.extend(view::row_bytes(&[little_endian(row)]));
        }
        let sum = crc32(&self.frame[4..]);
        self.frame[..4].copy_from_slice(&sum.to_le_bytes());
        self.is_torn = true;
        self.file.write_all(&self.frame).map_err(write_failed)?;
        self.is_torn = false;
        Ok(())
    }

    /// The file.
    pub fn into_inner(self) -> W {
        self.file
    }
}

/// A source that records what another one fills.
///
/// Every table is recorded as it was filled, before it is narrowed or sorted. A table that could not be recorded is an
/// error, as is one that could not be filled.
#[derive(Debug)]
pub struct Recording<S, W> {
    source: S,
    recorder: Recorder<W>,
}

impl<S: Source, W: Write> Recording<S, W> {
    /// Records what this source fills from now on.
    pub fn new(source: S, recorder: Recorder<W>) -> Recording<S, W> {
        Recording { source, recorder }
    }

    /// The source and the recorder.
    pub fn into_parts(self) -> (S, Recorder<W>) {
        (self.source, self.recorder)
    }
}

impl<S: Source, W: Write> Source for Recording<S, W> {
    fn fill(&mut self, class: Class, query: &Query, buffer: &mut Buffer) -> Result<()> {
        self.source.fill(class, query, buffer)?;
        let recorded = by_class!(class, R => self.recorder.record(buffer.table::<R>()?));
        recorded.inspect_err(|_| buffer.clear())
    }
}

/// Reads a capture file, table by table.
pub(crate) struct Reader<F> {
    file: F,
    /// How far it has been read, for errors.
    offset: u64,
}

impl<F: Read> Reader<F> {
    pub(crate) fn new(file: F) -> Result<Reader<F>> {
        let mut reader = Reader { file, offset: 0 };
        let mut heading = Vec::new();
        if reader.read(HEADING, &mut heading)? < HEADING || heading[..8] != *MAGIC {
            return Err(damaged(0, "this is no capture"));
        }
        if heading[8..] != [VERSION.to_le_bytes().as_slice(), &[0; 6]].concat() {
            return Err(damaged(8, "a version that is not known"));
        }
        Ok(reader)
    }

    /// The next table and the time when it was taken, or `None` at the end.
    pub(crate) fn next_table(&mut self) -> Result<Option<(Buffer, SystemTime)>> {
        let begin = self.offset;
        let mut header = Vec::new();
        match self.read(TABLE, &mut header)? {
            0 => return Ok(None),
            TABLE => {}
            _ => return Err(damaged(begin, "a table is cut short")),
        }
        let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let Some(class) = Class::from_number(header[4]).filter(|_| header[5..8] == [0; 3]) else {
            return Err(damaged(begin + 4, "a class of table that is not known"));
        };
        let seconds = u64::from(word(16)) | u64::from(word(20)) << 32;
        let Some(taken_at) = clock::at(seconds as i64, word(12)) else {
            return Err(damaged(begin + 12, "a time that this system cannot tell"));
        };
        let count = word(8);
        let rows = usize::try_from(count).ok().and_then(|rows| rows.checked_mul(class.row_size()));
        let Some(rows) = rows else { return Err(damaged(begin + 8, "more rows than this system can address")) };

        // Room is taken as bytes arrive, and not because a number says so.
        let mut bytes = count.to_ne_bytes().to_vec();
        bytes.resize(class.first_row(), 0);
        if self.read(rows, &mut bytes)? < rows {
            return Err(damaged(begin, "a table is cut short"));
        }
        let sum = crc32_of([&header[4..], &bytes[class.first_row()..]]);
        if sum != word(0) {
            return Err(damaged(begin, "a checksum does not fit"));
        }
        let mut table = Buffer::new();
        table.write_bytes(class, &bytes)?;
        if cfg!(target_endian = "big") {
            table = by_class!(class, R => native_endian::<R>(&table)?);
        }
        Ok(Some((table, taken_at)))
    }

    /// Reads so many bytes, or fewer at the end, behind what is there, and says how many.
    fn read(&mut self, bytes: usize, into: &mut Vec<u8>) -> Result<usize> {
        let read = self.file.by_ref().take(bytes as u64).read_to_end(into);
        let read = read.map_err(|error| Error::os("reading a capture", error))?;
        self.offset += read as u64;
        Ok(read)
    }
}

/// The table that was read as it stands in the file, in this machine's byte order.
fn native_endian<R: Row>(table: &Buffer) -> Result<Buffer> {
    let mut writer = Buffer::new();
    let mut rows = writer.write::<R>();
    for row in table.table::<R>()? {
        rows.push(&little_endian(row))?;
    }
    rows.finish()?;
    Ok(writer)
}

/// The row with its integers in little-endian order; and, as swapping twice is nothing, the row in native order of one
/// whose integers are little-endian.
fn little_endian<R: Row>(row: &R) -> R {
    let mut parts = row.parts();
    for end in [&mut parts.local, &mut parts.remote] {
        end.scope_id = end.scope_id.to_le();
        if cfg!(target_endian = "big") {
            // Two bytes in network order, here in the later half and in the file in the earlier one.
            end.port = end.port.rotate_left(16);
        }
    }
    R::build(&Parts {
        state: parts.state.to_le(),
        owner: parts.owner.to_le(),
        offload: parts.offload.to_le(),
        created: parts.created.to_le(),
        module: parts.module.map(u64::to_le),
        ..parts
    })
}

fn damaged(offset: u64, what: &'static str) -> Error {
    Malformed::Capture { offset, what }.into()
}

fn write_failed(error: io::Error) -> Error {
    Error::os("writing a capture", error)
}
