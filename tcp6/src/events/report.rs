//! What the events of one poll report.

use core::num::NonZeroU64;

use super::brief::Brief;
use super::closing::Closing;
use crate::error::{Error, Result};
use crate::row::Row;
use crate::row::layout::RawRow;
use crate::row::order::{self, Ends};
use crate::stats::connection::ConnectionStats;
use crate::stats::tcp_info::TcpInfo;

/// What the events of one poll report besides the table. A [`Source`](crate::Source) fills it.
///
/// [`Watcher::events`](crate::Watcher::events) and [`Changes::events`](crate::Changes::events) return it. It reuses its
/// memory.
#[derive(Clone, Debug, Default)]
pub struct Events {
    brief: Vec<Brief>,
    /// Sorted by ends and identity when the source has filled it.
    finals: Vec<Final>,
    /// The connections whose identity has changed, each by both. Sorted when the source has filled it.
    renamed: Vec<(NonZeroU64, Renamed)>,
    ignored: u64,
    missed: u64,
    accepted: bool,
}

/// The other identity of a connection whose identity has changed between two tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Renamed {
    /// The identity in the new table.
    To(NonZeroU64),
    /// The identity in the last table.
    From(NonZeroU64),
}

/// The final statistics of a connection that a table has listed.
#[derive(Clone, Debug)]
struct Final {
    ends: Ends,
    identity: Option<NonZeroU64>,
    closing: Closing,
}

impl Final {
    fn key(&self) -> (Ends, Option<NonZeroU64>) {
        (self.ends, self.identity)
    }
}

impl Events {
    /// The connections that no table has listed, in the order in which they closed.
    #[must_use]
    pub fn brief(&self) -> &[Brief] {
        &self.brief
    }

    /// The final statistics of the connection with this row, which was removed or has changed to a
    /// closing state.
    ///
    /// Classes without an identity cannot distinguish successive connections with the same ends: if several of them
    /// have closed since the last poll, the result is `None`.
    #[must_use]
    pub fn final_stats<R: Row>(&self, row: &R) -> Option<ConnectionStats> {
        self.final_of(order::ends(row), row.identity())
    }

    pub(crate) fn final_of(&self, ends: Ends, identity: Option<NonZeroU64>) -> Option<ConnectionStats> {
        let start = self.finals.partition_point(|closed| closed.key() < (ends, identity));
        let mut found = self.finals[start..].iter().take_while(|closed| closed.ends == ends);
        let closed = found.next()?;
        let is_same = match identity {
            None => found.next().is_none(),
            identity => closed.identity == identity,
        };
        if is_same { closed.closing.stats() } else { None }
    }

    /// The number of events that report no connection.
    ///
    /// These are events of listeners, of sockets that were never connected, of connections whose ends the kernel had
    /// already erased (refused, or reset by this side), of connections that closed before the first table, and of
    /// connections that the query does not select.
    #[must_use]
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    /// The number of events that were lost since the last successful poll, because a buffer was
    /// full.
    ///
    /// The changes of the table are complete nevertheless. Connections can be missing from [`brief`](Events::brief), and
    /// final statistics can be missing. On Linux the number is exact since 4.12; before that, each overflow counts as
    /// one.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// Whether the watcher has made the last table its baseline.
    ///
    /// A source reports the events of a table that was not accepted again, together with the next one.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.accepted
    }

    /// Drops all reports and keeps the storage.
    pub fn clear(&mut self) {
        self.brief.clear();
        self.finals.clear();
        self.renamed.clear();
        (self.ignored, self.missed, self.accepted) = (0, 0, false);
    }

    /// Drops all reports, because the source has failed.
    ///
    /// It may not have seen that the last table was accepted.
    pub(crate) fn discard(&mut self) {
        let accepted = self.accepted;
        self.clear();
        self.accepted = accepted;
    }

    /// Adds a connection that no table has listed.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`].
    pub fn push_brief(&mut self, brief: Brief) -> Result<()> {
        push(&mut self.brief, brief)
    }

    /// Adds the final statistics of the connection with this row.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`].
    pub fn push_final<R: Row>(&mut self, row: &R, stats: ConnectionStats) -> Result<()> {
        let closed = Final { ends: order::ends(row), identity: row.identity(), closing: Closing::Stats(stats) };
        push(&mut self.finals, closed)
    }

    /// Adds a connection that has another identity in the new table than in the last one.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    pub(crate) fn push_renamed(&mut self, before: NonZeroU64, after: NonZeroU64) -> Result<()> {
        push(&mut self.renamed, (before, Renamed::To(after)))?;
        push(&mut self.renamed, (after, Renamed::From(before)))
    }

    /// The other identity of the connection with this one, if it has two.
    pub(crate) fn renamed(&self, identity: Option<NonZeroU64>) -> Option<Renamed> {
        let found = self.renamed.binary_search_by_key(&identity?, |(identity, _)| *identity).ok()?;
        Some(self.renamed[found].1)
    }

    /// Adds the final `tcp_info` of the connection with these ends.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    pub(crate) fn push_final_info(&mut self, ends: Ends, identity: Option<NonZeroU64>, info: TcpInfo) -> Result<()> {
        push(&mut self.finals, Final { ends, identity, closing: Closing::TcpInfo(info) })
    }

    /// Adds to the number of ignored events.
    pub fn add_ignored(&mut self, events: u64) {
        self.ignored = self.ignored.saturating_add(events);
    }

    /// Adds to the number of missed events.
    pub fn add_missed(&mut self, events: u64) {
        self.missed = self.missed.saturating_add(events);
    }

    /// Prepares what the source has filled: keeps the short connections that `is_reported`.
    pub(crate) fn finish(&mut self, is_reported: impl Fn(&Brief) -> bool) {
        let before = self.brief.len();
        self.brief.retain(is_reported);
        self.add_ignored((before - self.brief.len()) as u64);
        self.finals.sort_unstable_by_key(Final::key);
        self.renamed.sort_unstable();
    }

    /// Records that the watcher has made the table its baseline.
    pub(crate) fn accept(&mut self) {
        self.accepted = true;
    }
}

fn push<T>(reports: &mut Vec<T>, report: T) -> Result<()> {
    let bytes = reports.len().saturating_add(1).saturating_mul(size_of::<T>());
    reports.try_reserve(1).map_err(|_| Error::OutOfMemory { bytes })?;
    reports.push(report);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::class::{BasicRow, OwnerModuleRow};
    use crate::row::socket_info;
    use crate::row::state::State;

    fn row(port: u16, cookie: u64) -> OwnerModuleRow {
        let end = |port| format!("[::1]:{port}").parse().unwrap();
        let row: OwnerModuleRow = Row::new(State::Established, end(port), Some(end(443)));
        let mut raw = *row.as_raw();
        raw.OwningModuleInfo = socket_info::pack(0, 0, cookie, 0);
        OwnerModuleRow::from_raw(raw)
    }

    fn stats(bytes: u64) -> ConnectionStats {
        ConnectionStats { bytes_sent: Some(bytes), ..ConnectionStats::default() }
    }

    #[test]
    fn final_stats_are_found_by_ends_and_identity() {
        let mut events = Events::default();
        // Not in order.
        for (port, cookie) in [(3, 30), (1, 12), (2, 20), (1, 11)] {
            events.push_final(&row(port, cookie), stats(cookie)).unwrap();
        }
        events.finish(|_| true);
        for (port, cookie) in [(1, 11), (1, 12), (2, 20), (3, 30)] {
            assert_eq!(events.final_stats(&row(port, cookie)), Some(stats(cookie)));
        }
        assert_eq!(events.final_stats(&row(1, 10)), None, "another connection with these ends");
        assert_eq!(events.final_stats(&row(4, 11)), None);
        let basic = |port| row(port, 0).to_class::<BasicRow>();
        assert_eq!(events.final_stats(&basic(2)), Some(stats(20)));
        assert_eq!(events.final_stats(&basic(1)), None, "two connections have these ends");
    }

    #[test]
    fn connections_that_are_not_reported_are_ignored() {
        let mut events = Events::default();
        let end = |port| format!("[::1]:{port}").parse().unwrap();
        for port in 1..=5 {
            events.push_brief(Brief::new(end(port), end(443), None)).unwrap();
        }
        events.add_missed(7);
        events.finish(|brief| brief.local().port() > 3);
        assert_eq!((events.brief().len(), events.ignored(), events.missed()), (2, 3, 7));
        events.accept();
        assert!(events.is_accepted());
        events.clear();
        assert_eq!((events.brief().len(), events.ignored(), events.missed()), (0, 0, 0));
        assert!(!events.is_accepted());
    }
}
