//! The minisocks and requests of earlier tables whose event has not arrived.

use core::time::Duration;
use std::collections::HashMap;

use super::event::{Event, Verdict};
use super::fates::{Fates, Presence};
use super::listed::SocketEnds;
use crate::error::{Error, Result};

/// The time for which the event of a minisock is awaited after it was listed.
///
/// The kernel sends events from a queue of work, which has been seen to stall for two seconds on a busy machine.
pub(super) const MAX_DELAY: Duration = Duration::from_secs(30);

/// The same, of a request, whose socket can have another cookie.
///
/// A request that fails has no event, so that another connection with its ends must not be taken for its own for long.
pub(super) const MAX_REQUEST_DELAY: Duration = Duration::from_secs(2);

/// The number of tables, and the time, for which another event is awaited after one was taken for that of an orphan.
pub(super) const MIN_CLAIMED: u8 = 3;
pub(super) const MIN_CLAIMED_DELAY: Duration = Duration::from_millis(100);

/// The number of orphans from which on requests that have gone are not awaited: a port scan leaves many.
pub(super) const MAX_WITH_REQUESTS: usize = 65_536;

/// A minisock that an earlier table listed, or a request that has left the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Orphan {
    pub(super) cookie: u64,
    pub(super) ends: SocketEnds,
    /// Whether the changes did not report it.
    pub(super) is_hidden: bool,
    /// Whether its event may have been sent before the subscription.
    pub(super) is_old: bool,
    /// Whether an event with its ends was taken for its own, by an earlier poll.
    pub(super) is_claimed: bool,
    /// The time of the last table that listed it, or of the first one if it is old. For a request, that of the table
    /// that it has left.
    pub(super) listed_at: Duration,
    pub(super) is_request: bool,
}

/// Whether the event of an orphan has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    No,
    /// An event with its ends. If it belongs to an earlier connection, its own may follow.
    ByEnds,
    /// An event with its cookie.
    ByCookie,
}

/// An orphan, and what a poll has found.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    orphan: Orphan,
    found: Found,
    /// The number of tables since it was claimed.
    claimed_for: u8,
    /// The position of the next orphan with these ends.
    next: Option<usize>,
}

impl Waiting {
    /// Whether its event can still arrive after the table at `now`, which lists it or not.
    fn is_awaited(&mut self, is_listed: bool, now: Duration) -> bool {
        let Waiting { orphan, found, claimed_for, .. } = self;
        match found {
            Found::No => {}
            Found::ByEnds => orphan.is_claimed = true,
            Found::ByCookie => return false,
        }
        if orphan.is_claimed {
            *claimed_for = claimed_for.saturating_add(1);
            return *claimed_for <= MIN_CLAIMED || now.saturating_sub(orphan.listed_at) <= MIN_CLAIMED_DELAY;
        }
        if is_listed && !orphan.is_old {
            orphan.listed_at = now;
        }
        let max_delay = if orphan.is_request { MAX_REQUEST_DELAY } else { MAX_DELAY };
        let is_in_time = now.saturating_sub(orphan.listed_at) <= max_delay;
        // While a minisock is listed, no other connection has its ends.
        is_in_time && (is_listed || !orphan.is_old)
    }
}

#[derive(Debug, Default)]
pub(super) struct Orphans {
    waiting: Vec<Waiting>,
    /// The position of the earliest one with each ends.
    by_ends: HashMap<SocketEnds, usize>,
}

impl Orphans {
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// The cookies, and the verdicts on events with them.
    ///
    /// An event is made up for that of a brief connection if that was taken for its own.
    pub(super) fn awaited(&self) -> impl ExactSizeIterator<Item = (u64, Verdict)> {
        self.waiting.iter().map(|Waiting { orphan, .. }| {
            let verdict = match orphan {
                Orphan { is_request: true, .. } => Verdict::Departed,
                Orphan { is_hidden: true, .. } | Orphan { is_claimed: true, .. } => Verdict::Brief,
                Orphan { cookie, .. } => Verdict::Final(*cookie),
            };
            (orphan.cookie, verdict)
        })
    }

    /// Finds the events of the orphans. The first `settled` ones came before the dump.
    ///
    /// The first event with the ends of the earliest one belongs to it.
    pub(super) fn find(
        &mut self,
        pending: &[Event],
        settled: usize,
        verdicts: &mut [Verdict],
        fates: &Fates,
    ) -> Result<()> {
        let Orphans { waiting, by_ends } = self;
        for Waiting { orphan, found, .. } in &mut *waiting {
            *found = if fates[orphan.cookie].has_event { Found::ByCookie } else { Found::No };
        }
        if waiting.is_empty() || !verdicts.contains(&Verdict::Unknown) {
            return Ok(());
        }
        by_ends.clear();
        let bytes = waiting.len().saturating_mul(size_of::<(SocketEnds, usize)>());
        by_ends.try_reserve(waiting.len()).map_err(|_| Error::OutOfMemory { bytes })?;
        for (position, Waiting { orphan, found, next, .. }) in waiting.iter_mut().enumerate().rev() {
            let is_listed = fates[orphan.cookie].after != Presence::Missing;
            if *found == Found::No && !orphan.is_claimed && (is_listed || !orphan.is_old) {
                *next = by_ends.insert(orphan.ends, position);
            }
        }
        for (index, (event, verdict)) in pending.iter().zip(verdicts).enumerate() {
            if *verdict != Verdict::Unknown {
                continue;
            }
            let Some(position) = by_ends.get_mut(&event.ends) else { continue };
            let Waiting { orphan, found, next, .. } = &mut waiting[*position];
            // After its row was read, another connection can have its ends.
            if orphan.is_old && index >= settled {
                continue;
            }
            *found = Found::ByEnds;
            *verdict = if orphan.is_hidden { Verdict::Brief } else { Verdict::Consumed };
            match next {
                Some(next) => *position = *next,
                None => drop(by_ends.remove(&event.ends)),
            }
        }
        Ok(())
    }

    /// Drops those whose event has arrived, or can no longer arrive.
    ///
    /// Calls `replaced` with the cookies of requests whose connection is found under another cookie.
    pub(super) fn commit(&mut self, fates: &Fates, now: Duration, mut replaced: impl FnMut(u64)) {
        self.waiting.retain_mut(|waiting| {
            if waiting.orphan.is_request && waiting.found == Found::ByEnds {
                replaced(waiting.orphan.cookie);
                return false;
            }
            let is_listed = fates[waiting.orphan.cookie].after != Presence::Missing;
            waiting.is_awaited(is_listed, now)
        });
    }

    /// Adds an orphan. Does nothing if memory is lacking, or if there are too many for a request.
    pub(super) fn push(&mut self, orphan: Orphan) {
        let has_space = !orphan.is_request || self.waiting.len() < MAX_WITH_REQUESTS;
        if has_space && self.waiting.try_reserve(1).is_ok() {
            self.waiting.push(Waiting { orphan, found: Found::No, claimed_for: 0, next: None });
        }
    }
}
