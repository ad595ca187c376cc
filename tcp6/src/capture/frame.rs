//! Encodes and decodes the parts of a capture file: headings, tables and extensions.

use std::time::{Duration, SystemTime};

use super::crc32::crc32;
use crate::error::{Error, Malformed, Result};
use crate::row::Row;
use crate::row::class::Class;
use crate::row::class::by_class;
use crate::row::layout::{Parts, RawRow};
use crate::row::pod;
use crate::table::Table;
use crate::table::buffer::Buffer;
use crate::unix_time;

const MAGIC: &[u8; 8] = b"tcp6cap\n";
const VERSION: u16 = 1;

/// The size of a heading in bytes.
pub(super) const HEADING: usize = 16;
/// The size of the header of a record in bytes. The rows or the payload follow it.
pub(super) const HEADER: usize = 24;

// Offsets in the header of every record.
const KIND: usize = 4;
const LENGTH: usize = 8;
// Offsets in the header of a table.
const NANOSECONDS: usize = 12;
const SECONDS: usize = 16;
// Offsets in the header of an extension.
const COUNT: usize = 12;
const CLOCK: usize = 16;

/// The first kind of extensions. Smaller kinds are classes of tables.
const FIRST_EXTENSION: u8 = 128;

/// The extension with the statistics of the sockets of the table before it.
pub(super) const STATISTICS: u8 = 128;

/// The heading of a capture.
pub(super) fn heading() -> [u8; HEADING] {
    let mut heading = [0; HEADING];
    heading[..8].copy_from_slice(MAGIC);
    heading[8..10].copy_from_slice(&VERSION.to_le_bytes());
    heading
}

/// Whether these bytes begin a heading.
///
/// If they are fewer than the magic, they are compared with its beginning.
pub(super) fn begins_heading(bytes: &[u8]) -> bool {
    let length = bytes.len().min(MAGIC.len());
    bytes[..length] == MAGIC[..length]
}

/// Checks the heading at `offset` in the file.
pub(super) fn check_heading(bytes: &[u8; HEADING], offset: u64) -> Result<(), Malformed> {
    if !begins_heading(bytes) {
        return Err(Malformed::Capture { offset, what: "not a tcp6 capture" });
    }
    if *bytes != heading() {
        return Err(Malformed::Capture { offset: offset + 8, what: "unknown version of the capture format" });
    }
    Ok(())
}

/// The header of a record.
#[derive(Clone, Copy, Debug)]
pub(super) enum Header {
    Table(TableHeader),
    Extension(ExtensionHeader),
}

/// The header of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct TableHeader {
    class: Class,
    rows: u32,
    taken_at: SystemTime,
}

/// The header of an extension.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExtensionHeader {
    pub(super) kind: u8,
    length: u32,
    pub(super) count: u32,
    /// The time from the creation of the recorder to the reading of the table.
    pub(super) clock: Duration,
}

impl Header {
    /// Parses the header of the record at `offset` in the file.
    pub(super) fn parse(bytes: &[u8; HEADER], offset: u64) -> Result<Header, Malformed> {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
        let damaged = |at: usize, what| Malformed::Capture { offset: offset + at as u64, what };
        let kind = Some(bytes[KIND]).filter(|_| bytes[KIND + 1..LENGTH] == [0; 3]);
        let header = match kind {
            Some(kind @ FIRST_EXTENSION..) => {
                let clock = Duration::from_nanos(long(CLOCK));
                Header::Extension(ExtensionHeader { kind, length: word(LENGTH), count: word(COUNT), clock })
            }
            class => {
                let class = class.and_then(Class::from_number).ok_or(damaged(KIND, "unknown class of table"))?;
                let taken_at = unix_time::at(long(SECONDS) as i64, word(NANOSECONDS));
                let taken_at = taken_at.ok_or(damaged(NANOSECONDS, "invalid time"))?;
                Header::Table(TableHeader { class, rows: word(LENGTH), taken_at })
            }
        };
        // On a 32-bit system, the header can claim more bytes than `usize` can count.
        header.checked_len().ok_or(damaged(LENGTH, "more bytes than this system can address"))?;
        Ok(header)
    }

    /// The size of the rows or the payload in bytes.
    pub(super) fn payload_len(&self) -> usize {
        match self {
            Header::Table(table) => table.rows as usize * table.class.row_size(),
            Header::Extension(extension) => extension.length as usize,
        }
    }

    /// The size of the record in bytes; `None` if it overflows `usize`.
    fn checked_len(&self) -> Option<usize> {
        let payload = match self {
            Header::Table(table) => usize::try_from(table.rows).ok()?.checked_mul(table.class.row_size())?,
            Header::Extension(extension) => usize::try_from(extension.length).ok()?,
        };
        payload.checked_add(HEADER)
    }
}

impl TableHeader {
    pub(super) fn taken_at(&self) -> SystemTime {
        self.taken_at
    }
}

/// Whether the checksum at the start of a record matches the rest.
pub(super) fn is_intact(record: &[u8]) -> bool {
    record.split_first_chunk().is_some_and(|(sum, checked)| crc32(checked) == u32::from_le_bytes(*sum))
}

/// Appends a table to `bytes`. On an error, `bytes` is unchanged.
pub(super) fn append<R: Row>(bytes: &mut Vec<u8>, table: Table<'_, R>) -> Result<()> {
    let rows = u32::try_from(table.len()).map_err(|_| Malformed::TooManyRows { rows: table.len() })?;
    let (seconds, nanoseconds) = unix_time::since_epoch(table.taken_at());
    let size = HEADER + size_of_val(table.rows());
    bytes.try_reserve(size).map_err(|_| Error::OutOfMemory { bytes: size })?;
    let begin = bytes.len();
    bytes.extend([0; KIND]);
    bytes.extend([R::CLASS.number(), 0, 0, 0]);
    bytes.extend(rows.to_le_bytes());
    bytes.extend(nanoseconds.to_le_bytes());
    bytes.extend(seconds.to_le_bytes());
    for row in table {
        bytes.extend(pod::bytes_of(&[little_endian(row)]));
    }
    seal(&mut bytes[begin..]);
    Ok(())
}

/// Appends an extension to `bytes`; `write` appends its payload. On an error, `bytes` is unchanged.
pub(super) fn append_extension(
    bytes: &mut Vec<u8>,
    kind: u8,
    count: u32,
    clock: Duration,
    write: impl FnOnce(&mut Vec<u8>) -> Result<()>,
) -> Result<()> {
    let begin = bytes.len();
    bytes.try_reserve(HEADER).map_err(|_| Error::OutOfMemory { bytes: HEADER })?;
    bytes.extend([0; KIND]);
    bytes.extend([kind, 0, 0, 0]);
    bytes.extend([0; COUNT - LENGTH]);
    bytes.extend(count.to_le_bytes());
    bytes.extend(u64::try_from(clock.as_nanos()).unwrap_or(u64::MAX).to_le_bytes());
    let written = write(bytes).and_then(|()| {
        let length = bytes.len() - begin - HEADER;
        Ok(u32::try_from(length).map_err(|_| Malformed::TooManyRows { rows: count as usize })?)
    });
    match written {
        Ok(length) => bytes[begin + LENGTH..begin + COUNT].copy_from_slice(&length.to_le_bytes()),
        Err(error) => {
            bytes.truncate(begin);
            return Err(error);
        }
    }
    seal(&mut bytes[begin..]);
    Ok(())
}

/// Writes the checksum of a record to its start.
fn seal(record: &mut [u8]) {
    let sum = crc32(&record[KIND..]);
    record[..KIND].copy_from_slice(&sum.to_le_bytes());
}

/// Fills `buffer` with the rows of a table, converted to `class`, and with its time.
pub(super) fn decode(header: &TableHeader, rows: &[u8], class: Class, buffer: &mut Buffer) -> Result<()> {
    if class > header.class {
        return Err(Error::WrongClass { wanted: class, held: Some(header.class) });
    }
    by_class!(header.class, R => by_class!(class, W => convert::<R, W>(header, rows, buffer)))?;
    buffer.set_taken_at(header.taken_at);
    Ok(())
}

fn convert<R: Row, W: Row>(header: &TableHeader, rows: &[u8], buffer: &mut Buffer) -> Result<()> {
    let mut writer = buffer.writer::<W>();
    writer.reserve(header.rows as usize)?;
    for row in pod::unaligned_values::<R>(rows) {
        writer.push(&little_endian(&row).to_class())?;
    }
    writer.finish()
}

/// Converts a row between native and little-endian byte order. The conversion is its own inverse.
fn little_endian<R: Row>(row: &R) -> R {
    if cfg!(target_endian = "little") {
        return *row;
    }
    let mut parts = row.parts();
    for end in [&mut parts.local, &mut parts.remote] {
        end.scope_id = end.scope_id.to_le();
        // The two bytes of a port are the last two of four on a big-endian machine, and the first two in the file.
        end.port = end.port.rotate_left(16);
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
