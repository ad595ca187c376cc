//! A table, written row by row.

use core::marker::PhantomData;
use std::time::SystemTime;

use crate::error::{Error, Result};
use crate::row::Row;
use crate::row::class::{Class, by_class};
use crate::row::pod;
use crate::table::buffer::Buffer;

/// The first allocation of a buffer that is written row by row.
const FIRST_BYTES: usize = 1024;

/// Writes a table into a [`Buffer`], row by row. Made by [`Buffer::writer`].
///
/// Dropped without [`finish`](Writer::finish), it leaves the buffer without a table.
#[derive(Debug)]
pub struct Writer<'a, R> {
    buffer: &'a mut Buffer,
    rows: usize,
    /// The bytes written, the header included.
    filled: usize,
    row: PhantomData<fn(&R)>,
}

impl<'a, R: Row> Writer<'a, R> {
    /// Into a buffer without a table.
    pub(super) fn new(buffer: &'a mut Buffer) -> Writer<'a, R> {
        Writer { buffer, rows: 0, filled: R::CLASS.rows_offset(), row: PhantomData }
    }

    /// Makes room for `rows` more rows.
    pub(crate) fn reserve(&mut self, rows: usize) -> Result<()> {
        let bytes = rows.checked_mul(size_of::<R>()).and_then(|bytes| bytes.checked_add(self.filled));
        self.buffer.reserve(bytes.ok_or(Error::OutOfMemory { bytes: usize::MAX })?)
    }

    /// Adds a row.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`] if the buffer cannot grow.
    #[inline]
    pub fn push(&mut self, row: &R) -> Result<()> {
        let end = self.filled + size_of::<R>();
        if end > self.buffer.capacity() {
            self.grow()?;
        }
        let place = &mut pod::bytes_of_mut(&mut self.buffer.words)[self.filled..end];
        place.copy_from_slice(pod::bytes_of(core::slice::from_ref(row)));
        self.filled = end;
        self.rows += 1;
        Ok(())
    }

    /// The rows written so far.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Makes what was written the buffer's table, taken now.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if there are more rows than a table can count, [`Error::OutOfMemory`].
    pub fn finish(self) -> Result<()> {
        self.buffer.grow_to(R::CLASS.rows_offset())?;
        self.buffer.set_count::<R>(self.rows, SystemTime::now())
    }

    #[cold]
    fn grow(&mut self) -> Result<()> {
        let bytes = self.buffer.capacity().checked_mul(2).ok_or(Error::OutOfMemory { bytes: usize::MAX })?;
        self.buffer.grow_to(bytes.max(FIRST_BYTES))
    }
}

impl Buffer {
    /// Begins a table of this class, row by row: how a [`Source`](crate::Source) of rows fills a buffer.
    ///
    /// The buffer holds no table until [`Writer::finish`].
    pub fn writer<R: Row>(&mut self) -> Writer<'_, R> {
        self.clear();
        Writer::new(self)
    }

    /// Writes these rows as a table of `class`, which must not come after theirs in the order of [`Class`].
    ///
    /// A field that `class` has and theirs lacks, such as the offload state of rows with modules, reads as `None`.
    ///
    /// # Errors
    ///
    /// [`Error::WrongClass`] if `class` comes after theirs, [`Error::Malformed`] if there are more rows than a table can count,
    /// [`Error::OutOfMemory`].
    pub fn write_rows<'r, R: Row>(&mut self, class: Class, rows: impl IntoIterator<Item = &'r R>) -> Result<()> {
        self.clear();
        if class > R::CLASS {
            return Err(Error::WrongClass { wanted: class, held: Some(R::CLASS) });
        }
        let rows = rows.into_iter();
        by_class!(class, W => self.write_as::<_, W>(rows))
    }

    fn write_as<'r, R: Row, W: Row>(&mut self, rows: impl Iterator<Item = &'r R>) -> Result<()> {
        let mut writer = self.writer::<W>();
        for row in rows {
            writer.push(&row.to_class())?;
        }
        writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::class::OwnerModuleRow;
    use crate::row::state::State;

    #[test]
    fn the_buffer_grows_and_nothing_is_lost() {
        let mut buffer = Buffer::new();
        let mut writer = buffer.writer::<OwnerModuleRow>();
        for port in 0..=u16::MAX {
            let local = format!("[::1]:{port}").parse().unwrap();
            writer.push(&OwnerModuleRow::new(State::Listen, local, None)).unwrap();
        }
        assert_eq!(writer.rows(), 1 << 16);
        writer.finish().unwrap();
        let table = buffer.table::<OwnerModuleRow>().unwrap();
        assert!(table.iter().map(|row| row.local().port()).eq(0..=u16::MAX));
    }
}
