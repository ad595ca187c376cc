//! A source that is polled, and what changes from poll to poll.

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

/// Polls a source, and tells what has changed since the last good poll.
///
/// ```
/// use tcp6::{BasicRow, Change, Row, System, Watcher};
///
/// let mut watcher = Watcher::<BasicRow, _>::new(System::new()?);
/// watcher.poll()?; // what is there already is the baseline
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
/// A poll that fails gives the error and nothing else: the last good table stays the baseline, and the next good poll
/// tells what truly changed since then. Nothing is ever "removed" because a table could not be read. The same holds if
/// the source panics.
///
/// In the steady state a poll allocates nothing: one buffer and two snapshots are used again and again.
///
/// # What is reported, and what is read
///
/// [`only_states`](Watcher::only_states) and [`only_port`](Watcher::only_port) narrow what is reported. The whole table
/// is still read and compared, so that a connection which leaves those states is a [`Change::Changed`] that says where it
/// went, and not a removal that never happened: a change is reported if the row as it was **or** as it is belongs to what
/// was asked for.
///
/// [`reading`](Watcher::reading) narrows what is read, which on Linux can be hundreds of times faster. What is not read
/// is not known: a row that leaves the query is Removed. For listeners that is nearly always true: a socket can stop
/// listening without being closed (`shutdown` on Linux), but hardly any program does that.
#[derive(Debug)]
pub struct Watcher<R, S> {
    source: S,
    /// What is read.
    query: Query,
    /// What is reported.
    filter: Query,
    initial: Initial,
    buffer: Buffer,
    /// The table of the last good poll.
    current: Snapshot<R>,
    /// The one before it; while a poll is under way, where the new one is made.
    previous: Snapshot<R>,
    polled: bool,
}

/// What the first good poll reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Initial {
    #[default]
    Nothing,
    Everything,
}

impl<R: Row, S: Source> Watcher<R, S> {
    /// A watcher of this source, for which what is there at the first poll is the baseline and no change.
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

    /// The same, but what is there at the first poll is reported as added.
    #[must_use]
    pub fn report_initial(self) -> Watcher<R, S> {
        Watcher { initial: Initial::Everything, ..self }
    }

    /// The watcher, reporting only rows that match this query before or after the change. Its order is ignored.
    ///
    /// The whole table is still read: see [above](Watcher#what-is-reported-and-what-is-read).
    #[must_use]
    pub fn report(self, filter: Query) -> Watcher<R, S> {
        Watcher { filter, ..self }
    }

    /// The same, reading only what this query asks for. See [above](Watcher#what-is-reported-and-what-is-read) for what
    /// that means.
    #[must_use]
    pub fn with_query(self, query: Query) -> Watcher<R, S> {
        Watcher { query, ..self }
    }

    /// Reads the table, and gives what has changed since the last time that this worked.
    ///
    /// # Errors
    ///
    /// Those of [`Table::read`], and [`Error::OutOfMemory`](crate::Error::OutOfMemory) for the snapshot. There is then no
    /// change, and the baseline stays.
    pub fn poll(&mut self) -> Result<Changes<'_, R>> {
        let taken_at = self.read()?;
        let is_first = self.commit();
        Ok(self.changes(is_first, &self.previous, &self.current, taken_at))
    }

    /// Polls, and returns the changes as a list that does not borrow the watcher: to send them to another thread, or to
    /// hold them across an `await`.
    ///
    /// # Errors
    ///
    /// Those of [`poll`](Watcher::poll), and [`Error::OutOfMemory`] for the list. The baseline then remains, so that the
    /// next poll returns these changes.
    pub fn poll_owned(&mut self) -> Result<Vec<Change<R>>> {
        let taken_at = self.read()?;
        let mut owned = Vec::new();
        for change in self.changes(!self.polled, &self.current, &self.previous, taken_at) {
            owned.try_reserve(1).map_err(|_| Error::OutOfMemory { bytes: size_of_val(&owned[..]) })?;
            owned.push(change.cloned());
        }
        self.commit();
        Ok(owned)
    }

    /// Reads the table into `previous`, so that a failure leaves the baseline as it is. Returns the time of the table.
    fn read(&mut self) -> Result<SystemTime> {
        // Snapshots sort by themselves.
        let table = Table::<R>::read(&mut self.source, &self.query.unsorted(), &mut self.buffer)?;
        self.previous.copy_from(table)?;
        Ok(table.taken_at())
    }

    /// Makes the table that was read the baseline. Returns whether it is the first one.
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

    /// The table of the last good poll; nothing before the first.
    #[must_use]
    pub fn snapshot(&self) -> &Snapshot<R> {
        &self.current
    }

    /// The source.
    #[must_use]
    pub fn source(&self) -> &S {
        &self.source
    }

    /// The source, given back.
    pub fn into_source(self) -> S {
        self.source
    }

    /// The source, to be talked to.
    #[must_use]
    pub fn source_mut(&mut self) -> &mut S {
        &mut self.source
    }
}

/// What has changed since the last good poll. Made by [`Watcher::poll`]; see [`Diff`] for the order and the pairing.
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
        let wants = |row: Option<&R>| row.is_some_and(|row| filter.matches(row));
        self.diff.find(|change| wants(change.before()) || wants(change.after()))
    }
}

impl<R: Row> FusedIterator for Changes<'_, R> {}
