//! Polls a source and reports changes.

use core::iter::FusedIterator;
use core::mem;
use std::time::SystemTime;

use crate::error::{Error, Result};
use crate::row::Row;
use crate::snapshot::Snapshot;
use crate::snapshot::change::Change;
use crate::snapshot::diff::Diff;
use crate::table::Table;
use crate::table::buffer::Buffer;
use crate::table::query::Query;
use crate::table::source::Source;

/// Polls a source and reports what changed since the last successful poll.
///
/// If a poll fails, it returns the error and keeps the last good table as the baseline. The next successful poll
/// reports the changes since then, so that no row is reported as removed because a table could not be read. The same
/// holds if the source panics.
///
/// A watcher reuses one buffer and two snapshots: in the steady state, [`poll`](Watcher::poll) allocates nothing.
///
/// # Example: changes
///
/// ```
/// use tcp6::{BasicRow, Change, System, Watcher};
///
/// let mut watcher = Watcher::<BasicRow, _>::new(System::new()?);
/// watcher.poll()?; // the first table is the baseline
/// for change in watcher.poll()? {
///     match change {
///         Change::Added(row) => println!("+ {} {:?}", row.local(), row.remote()),
///         Change::Removed(row) => println!("- {} {:?}", row.local(), row.remote()),
///         Change::Changed { before, after } => println!("{} -> {}", before.state(), after.state()),
///     }
/// }
/// # Ok::<(), tcp6::Error>(())
/// ```
///
/// # What is reported, and what is read
///
/// [`report`](Watcher::report) filters what is reported. The whole table is still read and compared. A change is
/// reported if the row before **or** after it matches, so that a connection that leaves the states of the query is a
/// [`Change::Changed`] with its new state.
///
/// [`with_query`](Watcher::with_query) filters what is read. On Linux, reading only listeners can be hundreds of times
/// faster. A row that no longer matches is then reported as [`Change::Removed`], although the socket may still exist.
/// That is rare for listeners: a socket can stop listening without being closed (`shutdown` on Linux), but hardly any
/// program does that.
///
/// # Example: filter
///
/// ```
/// use tcp6::{BasicRow, Change, Query, Replay, Snapshot, State, StateSet, Watcher};
///
/// let (local, remote) = ("[::1]:443".parse().unwrap(), "[::1]:50000".parse().unwrap());
/// let established = BasicRow::new(State::Established, local, Some(remote));
/// let time_wait = BasicRow::new(State::TimeWait, local, Some(remote));
/// let source =
///     Replay::new().then(&Snapshot::from_iter([established]))?.then(&Snapshot::from_iter([time_wait]))?;
///
/// let filter = Query::all().states(StateSet::ESTABLISHED);
/// let mut watcher = Watcher::<BasicRow, _>::new(source).report(filter);
/// watcher.poll()?; // the first table is the baseline
/// assert!(watcher.poll()?.eq([Change::Changed { before: &established, after: &time_wait }]));
/// # Ok::<(), tcp6::Error>(())
/// ```
#[derive(Debug)]
pub struct Watcher<R, S> {
    source: S,
    /// What is read.
    query: Query,
    /// What is reported.
    filter: Query,
    initial: Initial,
    buffer: Buffer,
    /// The table of the last successful poll.
    current: Snapshot<R>,
    /// The table before that. A poll reads the new table into it.
    previous: Snapshot<R>,
    polled: bool,
}

/// What the first successful poll reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Initial {
    #[default]
    Nothing,
    Everything,
}

impl<R: Row, S: Source> Watcher<R, S> {
    /// A watcher of this source.
    ///
    /// The first successful poll reports no changes: its table is the baseline.
    #[must_use]
    pub fn new(source: S) -> Watcher<R, S> {
        Watcher {
            source,
            query: Query::all(),
            filter: Query::all(),
            initial: Initial::Nothing,
            buffer: Buffer::new(),
            current: Snapshot::new(),
            previous: Snapshot::new(),
            polled: false,
        }
    }

    /// Makes the first successful poll report all rows as added.
    #[must_use]
    pub fn report_initial(self) -> Watcher<R, S> {
        Watcher { initial: Initial::Everything, ..self }
    }

    /// Reports only changes whose row matches this query before or after the change.
    ///
    /// The order of the query is ignored. The whole table is still read: see
    /// [what is reported, and what is read](Watcher#what-is-reported-and-what-is-read).
    #[must_use]
    pub fn report(self, filter: Query) -> Watcher<R, S> {
        Watcher { filter, ..self }
    }

    /// Reads only rows that match this query. The order of the query is ignored.
    ///
    /// Rows that no longer match are reported as removed: see
    /// [what is reported, and what is read](Watcher#what-is-reported-and-what-is-read).
    #[must_use]
    pub fn with_query(self, query: Query) -> Watcher<R, S> {
        Watcher { query, ..self }
    }

    /// Reads the table and returns the changes since the last successful poll.
    ///
    /// The new table is the baseline of the next poll, even if the changes are not iterated over.
    ///
    /// # Errors
    ///
    /// Those of [`Table::read`], and [`Error::OutOfMemory`] for the snapshot. The baseline is then unchanged.
    pub fn poll(&mut self) -> Result<Changes<'_, R>> {
        let taken_at = self.read()?;
        let is_first = self.commit();
        Ok(self.changes(is_first, &self.previous, &self.current, taken_at))
    }

    /// Polls and returns the changes as a list that does not borrow the watcher.
    ///
    /// Such a list can be sent to another thread or kept across an `await`.
    ///
    /// # Errors
    ///
    /// Those of [`poll`](Watcher::poll), and [`Error::OutOfMemory`] for the list. The baseline is then unchanged, so
    /// that the next poll returns these changes.
    pub fn poll_owned(&mut self) -> Result<Vec<Change<R>>> {
        let taken_at = self.read()?;
        let mut owned = Vec::new();
        for change in self.changes(!self.polled, &self.current, &self.previous, taken_at) {
            owned.try_reserve(1).map_err(|_| out_of_memory::<Change<R>>(owned.len() + 1))?;
            owned.push(change.cloned());
        }
        self.commit();
        Ok(owned)
    }

    /// Reads the table into `previous` and returns its time.
    ///
    /// A failure leaves the baseline unchanged.
    fn read(&mut self) -> Result<SystemTime> {
        // The snapshot sorts its rows.
        let table = Table::<R>::read(&mut self.source, &self.query.unsorted(), &mut self.buffer)?;
        self.previous.copy_from(table)?;
        Ok(table.taken_at())
    }

    /// Makes the table that was read the baseline. Returns whether it is the first table.
    fn commit(&mut self) -> bool {
        mem::swap(&mut self.previous, &mut self.current);
        !mem::replace(&mut self.polled, true)
    }

    fn changes<'a>(
        &self,
        is_first: bool,
        before: &'a Snapshot<R>,
        after: &'a Snapshot<R>,
        taken_at: SystemTime,
    ) -> Changes<'a, R> {
        let baseline = match self.initial {
            Initial::Nothing if is_first => after,
            Initial::Everything if is_first => const { &Snapshot::new() },
            _ => before,
        };
        Changes { diff: baseline.diff(after), filter: self.filter, taken_at }
    }

    /// The table of the last successful poll; empty before the first one.
    #[must_use]
    pub fn snapshot(&self) -> &Snapshot<R> {
        &self.current
    }

    /// The source.
    ///
    /// For a [`System`](crate::System), `watcher.source().owner_counts()` are the counts of the last poll.
    #[must_use]
    pub fn source(&self) -> &S {
        &self.source
    }

    /// Ends the watcher and returns the source.
    pub fn into_source(self) -> S {
        self.source
    }

    /// The source, for changing its settings.
    #[must_use]
    pub fn source_mut(&mut self) -> &mut S {
        &mut self.source
    }
}

/// An iterator over the changes since the last successful poll. Returned by [`Watcher::poll`].
///
/// [`Diff`] documents the order and how rows are paired.
#[derive(Clone, Debug)]
pub struct Changes<'a, R> {
    diff: Diff<'a, R>,
    filter: Query,
    taken_at: SystemTime,
}

impl<R> Changes<'_, R> {
    /// The time at which the table of this poll was read, by the clock of the machine that read it.
    #[must_use]
    pub fn taken_at(&self) -> SystemTime {
        self.taken_at
    }
}

impl<'a, R: Row> Iterator for Changes<'a, R> {
    type Item = Change<&'a R>;

    fn next(&mut self) -> Option<Change<&'a R>> {
        let filter = self.filter;
        let matches = |row: Option<&R>| row.is_some_and(|row| filter.matches(row));
        self.diff.find(|change| matches(change.before()) || matches(change.after()))
    }
}

impl<R: Row> FusedIterator for Changes<'_, R> {}

fn out_of_memory<T>(count: usize) -> Error {
    Error::OutOfMemory { bytes: count.saturating_mul(size_of::<T>()) }
}
