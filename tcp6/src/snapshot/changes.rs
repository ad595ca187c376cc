//! The changes that a poll reports.

use core::iter::FusedIterator;
use std::time::SystemTime;

use crate::events::brief::Brief;
use crate::events::report::{Events, Renamed};
use crate::row::layout::RawRow;
use crate::row::owner::Owner;
use crate::row::{Row, order};
use crate::snapshot::Snapshot;
use crate::snapshot::change::Change;
use crate::snapshot::diff::Diff;
use crate::stats::connection::ConnectionStats;
use crate::table::query::Query;

/// An iterator over the changes since the last successful poll. Returned by [`Watcher::poll`](crate::Watcher::poll).
///
/// [`Diff`] documents the order and how rows are paired.
#[derive(Clone, Debug)]
pub struct Changes<'a, R> {
    pub(super) diff: Diff<'a, R>,
    pub(super) filter: Query,
    pub(super) taken_at: SystemTime,
    /// The table of this poll.
    pub(super) after: &'a Snapshot<R>,
    pub(super) events: Option<&'a Events>,
}

impl<R> Changes<'_, R> {
    /// The time at which the table of this poll was read, by the clock of the machine that read it.
    #[must_use]
    pub fn taken_at(&self) -> SystemTime {
        self.taken_at
    }
}

impl<'a, R: Row> Changes<'a, R> {
    /// The connections that closed since the last successful poll and that no table has listed.
    ///
    /// Empty unless the watcher receives events: see [short connections](crate::Watcher#short-connections).
    pub fn brief(&self) -> impl ExactSizeIterator<Item = &'a Brief> + use<'a, R> {
        self.events.map_or(&[][..], Events::brief).iter()
    }

    /// The final statistics of the connection of a change: removed, changed to a closing state, or
    /// added in TIME-WAIT.
    ///
    /// `None` if its event has not arrived or was lost, if the kernel had already erased them (a connection that this
    /// side reset), and as documented in [`Events::final_stats`].
    #[must_use]
    pub fn final_stats(&self, change: Change<&R>) -> Option<ConnectionStats> {
        let final_of = |row: Option<&R>| self.events?.final_stats(row?);
        final_of(change.before()).or_else(|| final_of(change.after()))
    }

    /// The process that has probably accepted a short connection: the owner of the listeners on its
    /// local end.
    ///
    /// It is an inference. The event has no owner, and a listener can pass connections to other processes. `None` if no
    /// socket listens on the local end or its port, if several processes do, or if the owner of one is unknown. See
    /// [`Snapshot::listener_owner`].
    #[must_use]
    pub fn inferred_owner(&self, brief: &Brief) -> Option<Owner> {
        self.after.listener_owner(brief.local())
    }

    /// The number of events that report no connection: see [`Events::ignored`].
    #[must_use]
    pub fn ignored(&self) -> u64 {
        self.events.map_or(0, Events::ignored)
    }

    /// The number of events that were lost since the last successful poll: see [`Events::missed`].
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.events.map_or(0, Events::missed)
    }

    /// What events report besides the changes. `None` unless the watcher receives events.
    #[must_use]
    pub fn events(&self) -> Option<&'a Events> {
        self.events
    }
}

impl<'a, R: Row> Iterator for Changes<'a, R> {
    type Item = Change<&'a R>;

    fn next(&mut self) -> Option<Change<&'a R>> {
        let filter = self.filter;
        let matches = |row: Option<&R>| row.is_some_and(|row| filter.matches(row));
        loop {
            let change = self.diff.next()?;
            let change = match self.events.and_then(|events| events.renamed(change.row().identity())) {
                None => change,
                Some(renamed) => match self.pair(change, renamed) {
                    Some(change) => change,
                    None => continue,
                },
            };
            if matches(change.before()) || matches(change.after()) {
                return Some(change);
            }
        }
    }
}

impl<'a, R: Row> Changes<'a, R> {
    /// The change of a connection that has another identity in the new table: one instead of a removal and an addition.
    ///
    /// `None` for the addition.
    fn pair(&self, change: Change<&'a R>, renamed: Renamed) -> Option<Change<&'a R>> {
        match (change, renamed) {
            (Change::Removed(before), Renamed::To(identity)) => {
                // Additions follow the removals of rows with the same ends.
                let with_these_ends =
                    self.diff.clone().take_while(|change| order::ends(change.row()) == order::ends(before));
                let mut added = with_these_ends.filter_map(|change| match change {
                    Change::Added(after) if after.identity() == Some(identity) => Some(after),
                    _ => None,
                });
                Some(added.next().map_or(change, |after| Change::Changed { before, after }))
            }
            (Change::Added(_), Renamed::From(_)) => None,
            _ => Some(change),
        }
    }
}

impl<R: Row> FusedIterator for Changes<'_, R> {}

#[cfg(test)]
mod tests {
    use core::num::NonZeroU64;

    use super::*;
    use crate::row::class::OwnerModuleRow;
    use crate::row::socket_info;
    use crate::row::state::{State, StateSet};

    fn row(port: u16, state: State, cookie: u64) -> OwnerModuleRow {
        let end = |port| format!("[::1]:{port}").parse().unwrap();
        let mut raw = *OwnerModuleRow::new(state, end(port), Some(end(443))).as_raw();
        raw.OwningModuleInfo = socket_info::pack(0, 0, cookie, 0);
        OwnerModuleRow::from_raw(raw)
    }

    /// The changes between these rows, if connections have two cookies.
    fn changes<'a>(
        before: &'a Snapshot<OwnerModuleRow>,
        after: &'a Snapshot<OwnerModuleRow>,
        events: &'a Events,
    ) -> Changes<'a, OwnerModuleRow> {
        let taken_at = SystemTime::UNIX_EPOCH;
        Changes { diff: before.diff(after), filter: Query::all(), taken_at, after, events: Some(events) }
    }

    fn renamed(cookies: &[(u64, u64)]) -> Events {
        let mut events = Events::default();
        for (before, after) in cookies {
            events.push_renamed(NonZeroU64::new(*before).unwrap(), NonZeroU64::new(*after).unwrap()).unwrap();
        }
        events.finish(|_| true);
        events
    }

    #[test]
    fn a_connection_with_two_identities_is_changed() {
        // Other changes with the same ends, and with ends before and after them.
        let gone = row(1, State::SynReceived, 10);
        let accepted = row(1, State::Established, 20);
        let before = Snapshot::from_iter([row(0, State::Established, 1), row(1, State::TimeWait, 5), gone]);
        let after = Snapshot::from_iter([row(1, State::TimeWait, 6), accepted, row(2, State::Established, 2)]);
        // In any order, and with identities that the tables do not list.
        let events = renamed(&[(30, 40), (10, 20), (1, 99)]);
        let found: Vec<_> = changes(&before, &after, &events).map(|change| change.cloned()).collect();
        let expected = [
            Change::Removed(row(0, State::Established, 1)),
            Change::Removed(row(1, State::TimeWait, 5)),
            Change::Changed { before: gone, after: accepted },
            Change::Added(row(1, State::TimeWait, 6)),
            Change::Added(row(2, State::Established, 2)),
        ];
        assert_eq!(found, expected);
        let none = Events::default();
        let unpaired = changes(&before, &after, &none);
        assert_eq!(unpaired.filter(|change| matches!(change, Change::Changed { .. })).count(), 0);
    }

    #[test]
    fn a_filter_selects_either_row_of_a_connection_with_two_identities() {
        let (before, after) =
            (Snapshot::from_iter([row(1, State::FinWait2, 10)]), Snapshot::from_iter([row(1, State::TimeWait, 20)]));
        let events = renamed(&[(10, 20)]);
        for (states, count) in [(StateSet::FIN_WAIT_2, 1), (StateSet::TIME_WAIT, 1), (StateSet::ESTABLISHED, 0)] {
            let changes = Changes { filter: Query::all().states(states), ..changes(&before, &after, &events) };
            assert!(changes.clone().all(|change| matches!(change, Change::Changed { .. })));
            assert_eq!(changes.count(), count, "{states:?}");
        }
    }

    #[test]
    fn final_statistics_are_found_by_both_identities() {
        let (before, after) = (row(1, State::SynReceived, 10), row(1, State::TimeWait, 20));
        for of in [before, after] {
            let mut events = renamed(&[(10, 20)]);
            let stats = ConnectionStats { bytes_sent: Some(7), ..ConnectionStats::default() };
            events.push_final(&of, stats).unwrap();
            let (first, second) = (Snapshot::from_iter([before]), Snapshot::from_iter([after]));
            let mut changes = changes(&first, &second, &events);
            let change = changes.next().unwrap();
            assert_eq!(changes.final_stats(change), Some(stats));
        }
    }
}
