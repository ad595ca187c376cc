//! Tables: rows borrowed from a buffer.

pub(crate) mod buffer;
pub(crate) mod display;
pub(crate) mod finish;
pub(crate) mod layout;
pub(crate) mod query;
pub(crate) mod source;
pub(crate) mod writer;

use core::fmt;
use core::ops::Deref;
use core::slice;
use std::time::SystemTime;

use self::buffer::Buffer;
use self::query::Query;
use self::source::Source;
use crate::error::Result;
use crate::row::Row;

/// A table: rows, borrowed from a [`Buffer`], and the time when they were taken.
///
/// It is a slice (`Deref<Target = [R]>`): index it, iterate it, search it, share it with threads.
///
/// ```
/// use tcp6::{BasicRow, Buffer, Query, Row, System};
///
/// let mut system = System::new()?;
/// let mut buffer = Buffer::new();
/// let table = system.table::<BasicRow>(&Query::listeners(), &mut buffer)?;
/// for row in table {
///     println!("{} listens", row.local());
/// }
/// # Ok::<(), tcp6::Error>(())
/// ```
#[doc(alias = "MIB_TCP6TABLE")]
pub struct Table<'a, R> {
    rows: &'a [R],
    taken_at: SystemTime,
}

impl<'a, R: Row> Table<'a, R> {
    pub(crate) fn new(rows: &'a [R], taken_at: SystemTime) -> Table<'a, R> {
        Table { rows, taken_at }
    }

    /// The table that a source has now: refills the buffer, and shows what it holds.
    ///
    /// For the table of this machine, [`System::table`](crate::System::table) is shorter.
    ///
    /// # Errors
    ///
    /// Those of [`Source::fill`], and [`Error::WrongClass`](crate::Error::WrongClass) if it filled the buffer with
    /// something else than it was asked for. The buffer then holds no table.
    pub fn read<S: Source + ?Sized>(source: &mut S, query: &Query, buffer: &'a mut Buffer) -> Result<Table<'a, R>> {
        buffer.clear();
        let filled = source.fill(R::CLASS, query, buffer);
        if let Err(error) = filled.and_then(|()| buffer.finish_table::<R>(query)) {
            buffer.clear();
            return Err(error);
        }
        buffer.table()
    }

    /// The table in these bytes: a count in native byte order, padding where the class has it, rows. What stands
    /// behind the last row is ignored.
    ///
    /// Nothing is copied, so the bytes must begin where the class allows it: at a multiple of 4, for
    /// [`OwnerModuleRow`](crate::OwnerModuleRow) of 8. [`Buffer::write_bytes`](crate::Buffer::write_bytes) copies from
    /// anywhere.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`](crate::Error::Malformed) if there are no bytes for the count, for the rows that it
    /// announces, or if they stand at the wrong place.
    pub fn from_bytes(table: &'a [u8], taken_at: SystemTime) -> Result<Table<'a, R>> {
        Ok(Table::new(layout::rows(table)?, taken_at))
    }

    /// The rows, for as long as the buffer is borrowed, which may be longer than this table is kept.
    #[must_use]
    pub fn rows(&self) -> &'a [R] {
        self.rows
    }

    /// When the table was taken, by this machine's clock.
    #[must_use]
    pub fn taken_at(&self) -> SystemTime {
        self.taken_at
    }
}

impl Buffer {
    /// The table in the buffer.
    ///
    /// # Errors
    ///
    /// [`Error::WrongClass`](crate::Error::WrongClass) if the buffer holds no table, or one of another class.
    pub fn table<R: Row>(&self) -> Result<Table<'_, R>> {
        let held = self.held_as::<R>()?;
        Ok(Table::new(layout::rows(self.as_bytes())?, held.taken_at))
    }
}

impl<R> Clone for Table<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Table<'_, R> {}

impl<R> Deref for Table<'_, R> {
    type Target = [R];

    fn deref(&self) -> &[R] {
        self.rows
    }
}

impl<R> AsRef<[R]> for Table<'_, R> {
    fn as_ref(&self) -> &[R] {
        self.rows
    }
}

impl<'a, R> IntoIterator for Table<'a, R> {
    type Item = &'a R;
    type IntoIter = slice::Iter<'a, R>;

    fn into_iter(self) -> slice::Iter<'a, R> {
        self.rows.iter()
    }
}

impl<'a, R> IntoIterator for &Table<'a, R> {
    type Item = &'a R;
    type IntoIter = slice::Iter<'a, R>;

    fn into_iter(self) -> slice::Iter<'a, R> {
        self.rows.iter()
    }
}

/// A table for people: a heading, a line a row, and the counts by state.
impl<R: Row> fmt::Display for Table<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display::write(self.rows, f)
    }
}

impl<R: fmt::Debug> fmt::Debug for Table<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("taken_at", &self.taken_at).field("rows", &self.rows).finish()
    }
}
