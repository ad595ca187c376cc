//! Encodes and decodes the parts of a capture file: headings and tables.

use std::time::SystemTime;

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
/// The size of a table header in bytes. The rows follow it.
pub(super) const TABLE: usize = 24;

// Offsets in a table header.
const CLASS: usize = 4;
const ROWS: usize = 8;
const NANOSECONDS: usize = 12;
const SECONDS: usize = 16;

/// The heading of a capture.
pub(super) fn heading() -> [u8; HEADING] {
    let mut heading = [0; HEADING];
    heading[..8].copy_from_slice(MAGIC);
    heading[8..10].copy_from_slice(&VERSION.to_le_bytes());
    heading
}

/// Whether these bytes begin a heading. If they are fewer than the magic, they are compared with its beginning.
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

/// The header of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) class: Class,
    pub(super) rows: u32,
    pub(super) taken_at: SystemTime,
    pub(super) sum: u32,
}

impl Header {
    /// Parses the header of the table at `offset` in the file.
    pub(super) fn parse(bytes: &[u8; TABLE], offset: u64) -> Result<Header, Malformed> {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let damaged = |at: usize, what| Malformed::Capture { offset: offset + at as u64, what };
        let class = Class::from_number(bytes[CLASS]).filter(|_| bytes[CLASS + 1..ROWS] == [0; 3]);
        let class = class.ok_or(damaged(CLASS, "unknown class of table"))?;
        let seconds = u64::from(word(SECONDS)) | u64::from(word(SECONDS + 4)) << 32;
        let taken_at = unix_time::at(seconds as i64, word(NANOSECONDS));
        let taken_at = taken_at.ok_or(damaged(NANOSECONDS, "invalid time"))?;
        let header = Header { class, rows: word(ROWS), taken_at, sum: word(0) };
        // On a 32-bit system, the header can claim more bytes than `usize` can count.
        header.len().ok_or(damaged(ROWS, "more rows than this system can address"))?;
        Ok(header)
    }

    /// The size of the rows in bytes.
    pub(super) fn rows_len(&self) -> usize {
        self.rows as usize * self.class.row_size()
    }

    /// The size of header and rows in bytes; `None` if it overflows `usize`.
    fn len(&self) -> Option<usize> {
        usize::try_from(self.rows).ok()?.checked_mul(self.class.row_size())?.checked_add(TABLE)
    }
}

/// Whether the checksum in the header matches the table.
pub(super) fn is_intact(header: &Header, table: &[u8]) -> bool {
    table.get(CLASS..).is_some_and(|checked| crc32(checked) == header.sum)
}

/// Appends a table to `bytes`. On an error, `bytes` is unchanged.
pub(super) fn append<R: Row>(bytes: &mut Vec<u8>, table: Table<'_, R>) -> Result<()> {
    let rows = u32::try_from(table.len()).map_err(|_| Malformed::TooManyRows { rows: table.len() })?;
    let (seconds, nanoseconds) = unix_time::since_epoch(table.taken_at());
    let size = TABLE + size_of_val(table.rows());
    bytes.try_reserve(size).map_err(|_| Error::OutOfMemory { bytes: size })?;
    let begin = bytes.len();
    bytes.extend([0; CLASS]);
    bytes.extend([R::CLASS.number(), 0, 0, 0]);
    bytes.extend(rows.to_le_bytes());
    bytes.extend(nanoseconds.to_le_bytes());
    bytes.extend(seconds.to_le_bytes());
    for row in table {
        bytes.extend(pod::bytes_of(&[little_endian(row)]));
    }
    let sum = crc32(&bytes[begin + CLASS..]);
    bytes[begin..begin + CLASS].copy_from_slice(&sum.to_le_bytes());
    Ok(())
}

/// Fills `buffer` with the rows of a table, converted to `class`, and with its time.
pub(super) fn decode(header: &Header, rows: &[u8], class: Class, buffer: &mut Buffer) -> Result<()> {
    if class > header.class {
        return Err(Error::WrongClass { wanted: class, held: Some(header.class) });
    }
    by_class!(header.class, R => by_class!(class, W => convert::<R, W>(header, rows, buffer)))?;
    buffer.set_taken_at(header.taken_at);
    Ok(())
}

fn convert<R: Row, W: Row>(header: &Header, rows: &[u8], buffer: &mut Buffer) -> Result<()> {
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
