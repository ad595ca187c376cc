//! Merges events with tables.

use core::num::NonZeroU64;
use core::time::Duration;
use std::net::SocketAddrV6;

use super::departed::Departed;
use super::event::{Event, Verdict};
use super::fates::{Fates, Presence};
use super::listed::Listed;
use super::orphans::Orphans;
use super::successions::Successions;
use super::tables::Tables;
use crate::error::Result;
use crate::events::brief::Brief;
use crate::events::report::Events;
use crate::system::linux::netlink::inet_diag::SockId;

/// What is known of a poll besides its sockets.
#[derive(Clone, Copy, Debug)]
pub(in crate::system::linux) struct Poll<F> {
    /// The time of the table, from any start.
    pub(in crate::system::linux) now: Duration,
    /// Whether rows have an identity: otherwise a minisock is not added if its ends were in the
    /// table before.
    pub(in crate::system::linux) has_identity: bool,
    /// Whether events were lost since the last accepted table.
    pub(in crate::system::linux) has_lost: bool,
    /// Whether a short connection with these ends is reported.
    pub(in crate::system::linux) reports: F,
}

/// Merges the events with the tables of one watcher.
#[derive(Debug, Default)]
pub(in crate::system::linux) struct Merger {
    /// The events that are not reported yet. The first `settled` came before the dump.
    pending: Vec<Event>,
    settled: usize,
    verdicts: Vec<Verdict>,
    tables: Tables,
    /// The time of the new table.
    now: Duration,
    departed: Departed,
    /// The requests whose connections were found under other cookies. An event with the cookie of one shows that it was
    /// another connection.
    replaced: Departed,
    orphans: Orphans,
    fates: Fates,
    successions: Successions,
}

impl Merger {
    /// Starts a poll with the events that arrived before its dump.
    pub(in crate::system::linux) fn begin(&mut self, receive: impl FnOnce(&mut Vec<Event>)) {
        receive(&mut self.pending);
        self.settled = self.pending.len();
        self.verdicts.clear();
        self.tables.current.clear();
    }

    /// Adds the events that arrived after the dump.
    pub(in crate::system::linux) fn add_late(&mut self, receive: impl FnOnce(&mut Vec<Event>)) {
        receive(&mut self.pending);
    }

    /// The storage for the sockets of the table.
    pub(in crate::system::linux) fn table(&mut self) -> &mut Vec<Listed> {
        &mut self.tables.current
    }

    /// The connections that were closed before the dump, and whose ends `selects` selects: the ids of any socket with
    /// these ends.
    pub(in crate::system::linux) fn closed(
        &self,
        selects: impl Fn(SocketAddrV6, SocketAddrV6) -> bool,
    ) -> impl Iterator<Item = SockId> {
        self.pending.iter().filter_map(move |event| event.any_socket(&selects))
    }

    /// Drops all that is known, for a table without cookies. Returns the number of dropped events.
    pub(in crate::system::linux) fn reset(&mut self) -> u64 {
        let dropped = self.pending.len() as u64;
        self.pending.clear();
        self.verdicts.clear();
        self.tables.baseline = None;
        self.departed.clear();
        self.replaced.clear();
        self.orphans.clear();
        self.fates.clear();
        self.successions.clear();
        dropped
    }

    /// Classifies the events and reports them.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory). The events are kept.
    pub(in crate::system::linux) fn merge(
        &mut self,
        poll: Poll<impl Fn(&Brief) -> bool>,
        events: &mut Events,
    ) -> Result<()> {
        self.now = poll.now;
        self.classify(poll.has_identity, poll.has_lost)?;
        for (event, verdict) in self.pending.iter().zip(&self.verdicts) {
            match *verdict {
                Verdict::Ignored => events.add_ignored(1),
                Verdict::Final(cookie) => {
                    if let Some(info) = event.info {
                        events.push_final_info(event.ends.to_ends(), NonZeroU64::new(cookie), info)?;
                    }
                }
                Verdict::Brief => {
                    let brief = event.to_brief();
                    if (poll.reports)(&brief) { events.push_brief(brief)? } else { events.add_ignored(1) }
                }
                Verdict::Unknown | Verdict::Keep | Verdict::Consumed | Verdict::Departed => {}
            }
        }
        if poll.has_identity { self.successions.report(events) } else { Ok(()) }
    }

    fn classify(&mut self, has_identity: bool, has_lost: bool) -> Result<()> {
        let Merger { pending, tables, orphans, fates, successions, .. } = self;
        tables.compare();
        fates.look_up(tables, pending, orphans.awaited())?;
        successions.look_up(tables, fates, has_identity, has_lost)?;
        self.classify_by_cookie();
        let Merger { pending, settled, verdicts, orphans, fates, successions, .. } = self;
        successions.forget_closed_requests(fates);
        orphans.find(pending, *settled, verdicts, fates)?;
        successions.find(pending, *settled, verdicts);
        Ok(())
    }

    fn classify_by_cookie(&mut self) {
        let Merger { pending, verdicts, tables, departed, replaced, fates, successions, .. } = self;
        verdicts.clear();
        verdicts.extend(pending.iter().enumerate().map(|(position, event)| {
            let fate = fates.get_mut(event.cookie);
            let verdict = match (fate.before, fate.after) {
                (_, Presence::Socket) => return Verdict::Keep,
                (Presence::Missing, Presence::Minisock) => {
                    successions.note_new(position, event);
                    Verdict::Final(event.cookie)
                }
                (Presence::Missing, Presence::Missing)
                    if event.ends.has_remote() && replaced.contains(event.cookie) =>
                {
                    Verdict::Unknown
                }
                (Presence::Missing, Presence::Missing) if departed.contains(event.cookie) => Verdict::Departed,
                (Presence::Missing, Presence::Missing) if tables.is_first() || !event.ends.has_remote() => {
                    Verdict::Ignored
                }
                (Presence::Missing, Presence::Missing) => Verdict::Unknown,
                (Presence::Socket, Presence::Missing) => {
                    successions.note_gone(position, event);
                    Verdict::Final(event.cookie)
                }
                _ => Verdict::Final(event.cookie),
            };
            fate.has_event = true;
            fate.awaited.unwrap_or(verdict)
        }));
    }

    /// Makes the table the last one, and drops the events that were reported.
    ///
    /// If memory is lacking, it forgets some sockets whose events are late, which may then be reported again.
    pub(in crate::system::linux) fn commit(&mut self) {
        let Merger { pending, verdicts, tables, now, departed, replaced, orphans, fates, successions, .. } = self;
        for listed in tables.before() {
            let fate = fates[listed.cookie];
            if !listed.is_minisock() && fate.after != Presence::Socket && !fate.has_event {
                let of = if successions.is_replaced(listed) { &mut *replaced } else { &mut *departed };
                of.insert(listed.cookie);
            }
        }
        orphans.commit(fates, *now, |cookie| {
            departed.remove(cookie);
            replaced.insert(cookie);
        });
        successions.commit(orphans, tables.is_first(), *now);
        let mut decided = verdicts.iter();
        pending.retain(|event| match decided.next() {
            None | Some(Verdict::Keep) => true,
            Some(_) => {
                departed.remove(event.cookie);
                replaced.remove(event.cookie);
                false
            }
        });
        tables.accept();
    }
}

#[cfg(test)]
mod tests;
