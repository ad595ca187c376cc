//! Writes tables row by row.

use core::marker::PhantomData;
use std::time::SystemTime;

use crate::error::{Error, Result};
use crate::row::Row;
use crate::row::class::{Class, by_class};
use crate::row::pod;
use crate::table::buffer::Buffer;

/// The first allocation of a buffer that is written row by row.
const FIRST_BYTES: usize = 1024;

/// Writes a table into a [`Buffer`], row by row. Returned by [`Buffer::writer`].
///
/// The buffer holds no table until [`finish`](Writer::finish) returns.
///
/// # Example
///
/// ```
/// use tcp6::{BasicRow, Buffer, State};
///
/// let mut buffer = Buffer::new();
/// let mut writer = buffer.writer::<BasicRow>();
/// writer.push(&BasicRow::new(State::Listen, "[::1]:80".parse().unwrap(), None))?;
/// writer.finish()?;
/// assert_eq!(buffer.table::<BasicRow>()?.len(), 1);
/// # Ok::<(), tcp6::Error>(())
/// ```
#[derive(Debug)]
pub struct Writer<'a, R> {
    buffer: &'a mut Buffer,
    rows: usize,
    /// The number of bytes written, including the space for the count.
    filled: usize,
    row: PhantomData<fn(&R)>,
}

impl<'a, R: Row> Writer<'a, R> {
    /// A writer into this buffer, which must hold no table.
    pub(super) fn new(buffer: &'a mut Buffer) -> Writer<'a, R> {
        Writer::after(buffer, 0)
    }

    /// A writer that keeps the first `rows` rows in the buffer.
    pub(super) fn after(buffer: &'a mut Buffer, rows: usize) -> Writer<'a, R> {
        let filled = R::CLASS.rows_offset() + rows * size_of::<R>();
        Writer { buffer, rows, filled, row: PhantomData }
    }

    /// Reserves space for `rows` more rows.
    pub(crate) fn reserve(&mut self, rows: usize) -> Result<()> {
        let bytes = rows.checked_mul(size_of::<R>()).and_then(|bytes| bytes.checked_add(self.filled));
        self.buffer.reserve(bytes.ok_or(Error::OutOfMemory { bytes: usize::MAX })?)
    }

    /// Appends a row.
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

    /// The number of rows written.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Makes the written rows the table of the buffer. Its time is now.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if the number of rows exceeds 32 bits, and [`Error::OutOfMemory`].
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
    /// Starts to write a table row by row, for a [`Source`](crate::Source) that produces rows.
    ///
    /// Drops the table in the buffer. The buffer holds no table until [`Writer::finish`] returns.
    pub fn writer<R: Row>(&mut self) -> Writer<'_, R> {
        self.clear();
        Writer::new(self)
    }

    /// Writes these rows as a table of `class`.
    ///
    /// `class` must not be greater than the class of `R` in the order of [`Class`]. Fields that `class` lacks are
    /// dropped. The offload state is unknown if `class` is [`Class::Offload`] and the rows are of
    /// [`Class::OwnerModule`], which lacks it.
    ///
    /// # Errors
    ///
    /// [`Error::WrongClass`] if `class` is greater than the class of `R`, [`Error::Malformed`] if the number of rows
    /// exceeds 32 bits, and [`Error::OutOfMemory`]. The buffer then holds no table.
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
    fn growing_the_buffer_keeps_all_rows() {
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
