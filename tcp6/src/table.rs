//! Tables: rows borrowed from a buffer.

pub(crate) mod buffer;
pub(crate) mod display;
pub(crate) mod filter;
pub(crate) mod finish;
pub(crate) mod layout;
pub(crate) mod port_set;
pub(crate) mod query;
pub(crate) mod source;
pub(crate) mod writer;

use core::fmt;
use core::ops::Deref;
use core::slice;
use std::net::SocketAddrV6;
use std::time::{Instant, SystemTime};

use self::buffer::Buffer;
use self::query::Query;
use self::source::Source;
use crate::error::Result;
use crate::events::report::Events;
use crate::row::Row;
use crate::row::order::{self, Ends};
use crate::row::state_counts::StateCounts;
use crate::stats::table::Stats;

/// A table: rows that are borrowed from a [`Buffer`], and the time at which they were read.
///
/// It dereferences to `[R]`: index it, iterate over it, share it with threads.
///
/// ```
/// use tcp6::{BasicRow, Buffer, Query, System};
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

    /// Reads the current table of a source into the buffer.
    ///
    /// For the table of this machine, use [`System::table`](crate::System::table).
    ///
    /// # Errors
    ///
    /// Those of [`Source::fill`], and [`Error::WrongClass`](crate::Error::WrongClass) if the source filled the buffer
    /// with another class. The buffer then holds no table.
    pub fn read<S: Source + ?Sized>(source: &mut S, query: &Query, buffer: &'a mut Buffer) -> Result<Table<'a, R>> {
        Table::read_by(query, buffer, |buffer| source.fill(R::CLASS, query, buffer))
    }

    /// Reads the current table of a source into the buffer, and the statistics of its sockets into
    /// `stats`.
    ///
    /// For the table of this machine, use [`System::table_with_stats`](crate::System::table_with_stats). The statistics
    /// of a source that has none are empty.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Table::read). The buffer then holds no table, and `stats` is empty.
    pub fn read_with_stats<S: Source + ?Sized>(
        source: &mut S,
        query: &Query,
        buffer: &'a mut Buffer,
        stats: &mut Stats,
    ) -> Result<Table<'a, R>> {
        let table = Table::read_by(query, buffer, |buffer| source.fill_with_stats(R::CLASS, query, buffer, stats));
        match &table {
            Ok(table) => stats.set_taken(table.taken_at, Instant::now()),
            Err(_) => stats.clear(),
        }
        table
    }

    /// Reads the current table of a subscribed source into the buffer, and what events report
    /// besides into `events`.
    pub(crate) fn read_with_events<S: Source + ?Sized>(
        source: &mut S,
        query: &Query,
        buffer: &'a mut Buffer,
        events: &mut Events,
    ) -> Result<Table<'a, R>> {
        Table::read_by(query, buffer, |buffer| source.fill_with_events(R::CLASS, query, buffer, events))
    }

    fn read_by(
        query: &Query,
        buffer: &'a mut Buffer,
        fill: impl FnOnce(&mut Buffer) -> Result<()>,
    ) -> Result<Table<'a, R>> {
        buffer.clear();
        let filled = fill(buffer);
        if let Err(error) = filled.and_then(|()| buffer.finish_table::<R>(query)) {
            buffer.clear();
            return Err(error);
        }
        buffer.table()
    }

    /// Views these bytes as a table.
    ///
    /// They are a row count in native byte order, padding if the class has it
    /// ([`Class::rows_offset`](crate::Class::rows_offset)), and rows. Bytes after the last row are ignored.
    ///
    /// Nothing is copied, so that the bytes must be aligned for the class: to 4, or to 8 for
    /// [`OwnerModuleRow`](crate::OwnerModuleRow). [`Buffer::write_bytes`](crate::Buffer::write_bytes) copies bytes of
    /// any alignment.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`](crate::Error::Malformed) if the bytes are too few for the count or for the rows, or not
    /// aligned.
    pub fn from_bytes(table: &'a [u8], taken_at: SystemTime) -> Result<Table<'a, R>> {
        Ok(Table::new(layout::rows(table)?, taken_at))
    }

    /// The rows. They are borrowed from the buffer and can outlive this `Table`.
    #[must_use]
    pub fn rows(&self) -> &'a [R] {
        self.rows
    }

    /// The time at which the table was read, by the clock of the machine that read it.
    #[must_use]
    pub fn taken_at(&self) -> SystemTime {
        self.taken_at
    }

    /// The rows with these ends; listeners if `remote` is `None`.
    ///
    /// It compares every row. To search often, take a [snapshot](Table::to_snapshot), whose
    /// [`find`](crate::Snapshot::find) is a binary search.
    pub fn find(&self, local: SocketAddrV6, remote: Option<SocketAddrV6>) -> impl Iterator<Item = &'a R> + use<'a, R> {
        let ends = Ends::of_addresses(local, remote);
        self.rows.iter().filter(move |row| order::ends(*row) == ends)
    }

    /// The rows whose local end has this port.
    ///
    /// [`Query::port`] selects rows with a port at either end.
    ///
    /// It compares every row.
    pub fn on_port(&self, port: u16) -> impl Iterator<Item = &'a R> + use<'a, R> {
        self.rows.iter().filter(move |row| row.local().port() == port)
    }

    /// The listeners.
    pub fn listeners(&self) -> impl Iterator<Item = &'a R> + use<'a, R> {
        self.rows.iter().filter(|row| row.is_listener())
    }

    /// The number of rows in each state.
    #[must_use]
    pub fn counts(&self) -> StateCounts {
        self.rows.iter().map(Row::state).collect()
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

/// Writes a heading, a line per row, and the number of rows in each state.
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
