//! The minisocks that only the new table lists, and their events.

use core::time::Duration;
use std::collections::HashMap;

use super::event::{Event, Verdict};
use super::fates::{Fates, Presence};
use super::listed::SocketEnds;
use super::orphans::{Found, Orphan, Orphans};
use super::tables::Tables;
use crate::error::{Error, Result};

#[derive(Clone, Copy, Debug)]
struct Minisock {
    cookie: u64,
    /// Whether the changes do not report it, because rows have no identity and its ends were in the
    /// table before.
    is_hidden: bool,
    /// The closing socket of the last table that this minisock replaces, if that has another cookie.
    rest_of: Option<Closing>,
    found: Found,
}

impl Minisock {
    /// Whether the event at this position, which has its ends, can be its own.
    fn can_own(&self, position: usize, is_late: bool) -> bool {
        let is_next = |closing: Closing| !is_late && closing.event.is_some_and(|event| event < position);
        self.found == Found::No && self.rest_of.is_none_or(is_next)
    }
}

/// A closing socket of the last table.
#[derive(Clone, Copy, Debug)]
struct Closing {
    cookie: u64,
    /// The position of its event.
    event: Option<usize>,
}

/// The new minisocks by their ends. Peers choose these, so that the hash has random keys.
#[derive(Debug, Default)]
pub(super) struct Minisocks(HashMap<SocketEnds, Minisock>);

impl Minisocks {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn look_up(&mut self, tables: &Tables, fates: &Fates, has_identity: bool) -> Result<()> {
        let Minisocks(minisocks) = self;
        minisocks.clear();
        for listed in tables.after().iter().filter(|listed| listed.is_minisock) {
            if fates[listed.cookie].before == Presence::Missing {
                let bytes = (minisocks.len() + 1).saturating_mul(size_of::<(SocketEnds, Minisock)>());
                minisocks.try_reserve(1).map_err(|_| Error::OutOfMemory { bytes })?;
                let cookie = listed.cookie;
                let minisock = Minisock { cookie, is_hidden: false, rest_of: None, found: Found::No };
                minisocks.insert(listed.ends, minisock);
            }
        }
        if minisocks.is_empty() {
            return Ok(());
        }
        for listed in tables.before().iter().filter(|listed| !has_identity || listed.is_closing) {
            if let Some(minisock) = minisocks.get_mut(&listed.ends) {
                minisock.is_hidden = !has_identity;
                minisock.rest_of = listed.is_closing.then_some(Closing { cookie: listed.cookie, event: None });
            }
        }
        Ok(())
    }

    /// The verdict on an event with the cookie of a new minisock.
    pub(super) fn claim(&mut self, event: &Event) -> Verdict {
        let minisock = self.0.get_mut(&event.ends).filter(|minisock| minisock.cookie == event.cookie);
        let is_hidden = minisock.is_some_and(|minisock| {
            minisock.found = Found::ByCookie;
            minisock.is_hidden
        });
        if is_hidden { Verdict::Brief } else { Verdict::Final(event.cookie) }
    }

    /// Notes the event of a socket that the new table does not list, which has this position.
    pub(super) fn note(&mut self, position: usize, event: &Event) {
        let rest_of = self.0.get_mut(&event.ends).and_then(|minisock| minisock.rest_of.as_mut());
        if let Some(closing) = rest_of.filter(|closing| closing.cookie == event.cookie) {
            closing.event = Some(position);
        }
    }

    /// Decides on the other events. The first `settled` ones came before the dump.
    pub(super) fn find(&mut self, pending: &[Event], settled: usize, verdicts: &mut [Verdict]) {
        let mut rest = |position: usize, otherwise: Verdict| {
            if verdicts[position] != Verdict::Unknown {
                return;
            }
            let minisock = self.0.get_mut(&pending[position].ends);
            let free = minisock.filter(|minisock| minisock.can_own(position, position >= settled));
            verdicts[position] = free.map_or(otherwise, |minisock| {
                minisock.found = Found::ByEnds;
                if minisock.is_hidden { Verdict::Brief } else { Verdict::Final(minisock.cookie) }
            });
        };
        // The last event before the dump, or else the first one after it.
        (0..settled).rev().for_each(|position| rest(position, Verdict::Brief));
        (settled..pending.len()).for_each(|position| rest(position, Verdict::Keep));
    }

    /// Adds those to `orphans` whose event can still arrive.
    pub(super) fn commit(&self, orphans: &mut Orphans, is_old: bool, now: Duration) {
        let new = self.0.iter().filter(|(_, minisock)| match minisock.found {
            Found::No => minisock.rest_of.is_none(),
            Found::ByEnds => true,
            Found::ByCookie => false,
        });
        let orphan = |(ends, minisock): (&SocketEnds, &Minisock)| Orphan {
            cookie: minisock.cookie,
            ends: *ends,
            is_hidden: minisock.is_hidden,
            is_old,
            is_claimed: minisock.found == Found::ByEnds,
            listed_at: now,
        };
        orphans.extend(self.0.len(), new.map(orphan));
    }
}
