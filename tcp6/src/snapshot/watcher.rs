//! Polls a source.

use core::mem;
use std::time::SystemTime;

use crate::error::{Error, Result};
use crate::events::brief::Brief;
use crate::events::options::EventOptions;
use crate::events::report::Events;
use crate::row::Row;
use crate::row::class::BasicRow;
use crate::row::state::State;
use crate::snapshot::Snapshot;
use crate::snapshot::change::Change;
use crate::snapshot::changes::Changes;
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
///
/// # Short connections
///
/// A table shows the connections that exist when it is read. On Linux, [`with_events`](Watcher::with_events) also
/// receives an event from the kernel for each socket that is destroyed, without privileges. Each connection is then
/// reported once:
///
/// * A connection that a table has listed is reported by the changes of the table. When it closes,
///   [`Changes::final_stats`] has its final statistics, if they have arrived by then.
/// * A connection that no table has listed is reported by [`Changes::brief`].
/// * A connection that was opened and closed between two tables and is in TIME-WAIT in the second one is
///   [`Change::Added`] with final statistics, and not brief. (Classes without an identity report it as brief if
///   another connection with its ends was in the table before, because it is then not added.)
/// * Events that report no connection are counted ([`Changes::ignored`]), and so are lost events ([`Changes::missed`]).
///
/// The limits:
///
/// * The kernel sends the event when the last process closes the socket. A connection that the peer resets between two
///   tables is brief when its process closes it, which can be many tables later, even if it was reset before the
///   first table.
/// * The kernel sends events from a queue of work, which can stall on a busy machine. An event that arrives more than 30
///   s after the row in TIME-WAIT of its connection was last listed is reported a second time, as brief.
/// * A connection can have two identities: see [`Diff`](crate::Diff#connections-with-two-identities-on-linux). Events
///   tell it from two connections with the same ends, so that it is one change. If events were lost, it is reported
///   twice. So it is if the peer resets it, and its process closes it more than two seconds after the row of its request
///   was removed.
/// * A request in SYN-RECEIVED that fails has no event. A connection with its ends that is open in the next table, or
///   closes up to two seconds after it, is taken for the same connection: it is Changed, or not reported again.
/// * A dump of the kernel can skip a socket that no earlier one has listed. If that is the row in TIME-WAIT of a brief
///   connection, the next poll adds it, and the next brief connection with its ends within 30 s is taken for it and not
///   reported. Therefore each closed connection that is not listed is looked up by its ends, which takes some 4 us, if
///   the table has as many rows as the kernel's hash has chains, or more (`/proc/sys/net/ipv4/tcp_ehash_entries`; 16 before
///   Linux 6.1). With fewer rows, a dump skips a socket only if a datagram, of some 270 rows, ends in its chain. The limit
///   remains for these, and if a look-up fails.
/// * If more than 65,536 sockets have left the table without an event, because their processes keep them open or because
///   they were requests that failed, a connection that was removed can be reported a second time, as brief.
/// * A query that is read ([`with_query`](Watcher::with_query)) must select all states of connections, except perhaps
///   TIME-WAIT. Otherwise a connection that is not listed need not be short, and none is reported as brief.
/// * The conditions of both queries on ends apply to brief connections, which have the state [`State::Closed`] for
///   [`report`](Watcher::report).
/// * If a poll fails, its events are reported by the next one.
///
/// # Example: short connections
///
/// ```
/// use tcp6::{OwnerModuleRow, System, Watcher};
///
/// let watcher = Watcher::<OwnerModuleRow, _>::new(System::new()?);
/// let Ok(mut watcher) = watcher.with_events() else { return Ok(()) }; // not supported
/// watcher.poll()?; // the first table is the baseline
/// let changes = watcher.poll()?;
/// for brief in changes.brief() {
///     let sent = brief.stats().and_then(|stats| stats.bytes_sent);
///     println!("{} {} {sent:?} bytes sent", brief.local(), brief.remote());
/// }
/// println!("{} events were lost", changes.missed());
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
    /// What the events of the last poll report. `None` if the watcher is not subscribed.
    events: Option<Events>,
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
            events: None,
        }
    }

    /// Also reports short connections and final statistics: see [short
    /// connections](Watcher#short-connections).
    ///
    /// To be called before the first poll, on Linux. The watcher ends if it fails; [`subscribe`](Watcher::subscribe)
    /// leaves it as it is.
    ///
    /// # Errors
    ///
    /// Those of [`subscribe`](Watcher::subscribe).
    pub fn with_events(mut self) -> Result<Watcher<R, S>> {
        self.subscribe(&EventOptions::new())?;
        Ok(self)
    }

    /// Also reports short connections and final statistics, from the poll after the next one on.
    ///
    /// The table of the next poll is the first one that events are compared with. If it fails, the watcher works without
    /// events.
    ///
    /// # Errors
    ///
    /// * [`Error::NotSupported`] if the source has no events. A [`System`](crate::System) has events on Linux 4.2 and
    ///   later, unless sock_diag or its events are refused.
    /// * [`Error::Os`] if a call of the system failed. On Linux also if the `System` shows the network namespace of
    ///   another thread than the calling one.
    pub fn subscribe(&mut self, options: &EventOptions) -> Result<()> {
        self.source.subscribe(options)?;
        self.events = Some(Events::default());
        Ok(())
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
    ///
    /// [`events`](Watcher::events) has the short connections.
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
        let Watcher { source, buffer, events, .. } = self;
        // The snapshot sorts its rows.
        let query = self.query.unsorted();
        let table = match events {
            None => Table::<R>::read(source, &query, buffer)?,
            Some(events) => {
                let table =
                    Table::read_with_events(source, &query, buffer, events).inspect_err(|_| events.discard())?;
                let filter = self.filter;
                events.finish(|brief| filter.matches(&closed_row(brief)));
                table
            }
        };
        self.previous.copy_from(table)?;
        Ok(table.taken_at())
    }

    /// Makes the table that was read the baseline. Returns whether it is the first table.
    fn commit(&mut self) -> bool {
        if let Some(events) = &mut self.events {
            events.accept();
        }
        mem::swap(&mut self.previous, &mut self.current);
        !mem::replace(&mut self.polled, true)
    }

    fn changes<'a>(
        &'a self,
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
        let events = self.events.as_ref();
        Changes { diff: baseline.diff(after), filter: self.filter, taken_at, after, events }
    }

    /// The table of the last successful poll; empty before the first one.
    #[must_use]
    pub fn snapshot(&self) -> &Snapshot<R> {
        &self.current
    }

    /// What events report besides the changes of the last poll.
    ///
    /// `None` without [`subscribe`](Watcher::subscribe).
    ///
    /// If the last poll failed, the events are kept for the next one.
    #[must_use]
    pub fn events(&self) -> Option<&Events> {
        self.events.as_ref()
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

/// The row that the kernel reports of a short connection.
fn closed_row(brief: &Brief) -> BasicRow {
    BasicRow::new(State::Closed, brief.local(), Some(brief.remote()))
}

fn out_of_memory<T>(count: usize) -> Error {
    Error::OutOfMemory { bytes: count.saturating_mul(size_of::<T>()) }
}
