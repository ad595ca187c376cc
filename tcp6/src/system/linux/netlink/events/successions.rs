//! The connections that may have another cookie in the new table than in the last one.
//!
//! A dump gives a socket its cookie when it lists it. If the kernel replaces the socket at that moment, the next one gets
//! a cookie of its own:
//!
//! * a request for a connection (`request_sock`), by the socket that is accepted;
//! * a closing socket, by its minisock.
//!
//! So if the last table lists such a socket, the new one does not, and lists a new socket with its ends, that is the same
//! connection under another cookie, unless events show that one was closed in between.

use core::num::NonZeroU64;
use core::time::Duration;
use std::collections::HashMap;

use super::event::{Event, Verdict};
use super::fates::{Fates, Presence};
use super::listed::{Kind, Listed, SocketEnds};
use super::orphans::{Orphan, Orphans};
use super::tables::Tables;
use crate::error::{Error, Result};
use crate::events::report::Events;

/// The sockets with one pair of ends that only one table lists.
#[derive(Clone, Copy, Debug, Default)]
struct Succession {
    gone: Option<Gone>,
    new: Option<New>,
    /// Whether the changes do not report a new minisock, because rows have no identity and its ends were in the table
    /// before.
    is_hidden: bool,
}

/// A request or a closing socket that only the last table lists.
#[derive(Clone, Copy, Debug)]
struct Gone {
    cookie: u64,
    is_request: bool,
    /// The position of its event. That of a request is found by its ends.
    event: Option<usize>,
}

/// A minisock that only the new table lists, or a socket in place of a request.
#[derive(Clone, Copy, Debug)]
struct New {
    cookie: u64,
    is_minisock: bool,
    found: Found,
}

/// Whether the event of a new minisock has arrived, and its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    No,
    /// An event with its ends. If it belongs to an earlier connection, the event of the minisock may follow.
    ByEnds(usize),
    /// An event with its cookie, which it has if somebody else has listed the socket.
    ByCookie(usize),
}

impl Succession {
    /// Whether an event with these ends can be that of the request.
    ///
    /// Not if the new socket replaces the request, and its event has its cookie.
    fn is_of_request(&self) -> bool {
        let has_cookie = |new: New| !new.is_minisock || matches!(new.found, Found::ByCookie(_));
        let is_awaited = self.gone.is_some_and(|gone| gone.is_request && gone.event.is_none());
        is_awaited && !self.new.is_some_and(has_cookie)
    }

    /// Whether the event at this position, which has these ends, can be that of the minisock.
    ///
    /// If a socket has gone, the minisock may be its rest, and only an event after that of the socket and before the dump
    /// shows another connection.
    fn is_of_minisock(&self, position: usize, is_late: bool) -> bool {
        let is_next = |gone: Gone| !is_late && gone.event.is_some_and(|event| event < position);
        self.new.is_some_and(|new| new.is_minisock && new.found == Found::No) && self.gone.is_none_or(is_next)
    }

    /// Whether both are one connection. The cookies of both.
    fn renamed(&self) -> Option<(u64, u64)> {
        let (gone, new) = (self.gone?, self.new?);
        let is_renamed = match new.found {
            Found::No => true,
            Found::ByEnds(_) => false,
            Found::ByCookie(_) => gone.is_request,
        };
        is_renamed.then_some((gone.cookie, new.cookie))
    }

    /// Whether the event of the new minisock can still arrive; whether another one was taken for it.
    fn awaited(&self) -> Option<bool> {
        let new = self.new.filter(|new| new.is_minisock)?;
        match (new.found, self.gone) {
            (Found::ByCookie(_), _) => None,
            (Found::ByEnds(_), _) => Some(true),
            (Found::No, None) => Some(false),
            (Found::No, Some(gone)) => Some(!gone.is_request || gone.event.is_some()),
        }
    }
}

/// The successions by their ends. Peers choose these, so that the hash has random keys.
#[derive(Debug, Default)]
pub(super) struct Successions(HashMap<SocketEnds, Succession>);

impl Successions {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// `has_lost` is whether events were lost since the last table. Then nothing shows that two sockets are one connection.
    /// Without an identity, their rows are one nevertheless.
    pub(super) fn look_up(&mut self, tables: &Tables, fates: &Fates, has_identity: bool, has_lost: bool) -> Result<()> {
        self.clear();
        let is_new = |listed: &&Listed| fates[listed.cookie].before == Presence::Missing;
        let new =
            |listed: &Listed| Some(New { cookie: listed.cookie, is_minisock: listed.is_minisock(), found: Found::No });
        for listed in tables.after().iter().filter(|listed| listed.is_minisock()).filter(is_new) {
            self.at(listed.ends)?.new = new(listed);
        }
        let mut has_requests = false;
        for listed in tables.before() {
            let is_request = listed.kind == Kind::Request;
            let is_gone = fates[listed.cookie].after == Presence::Missing && listed.ends.has_remote();
            if is_gone && (!has_lost || !has_identity) && (is_request || listed.kind == Kind::Closing) {
                self.at(listed.ends)?.gone = Some(Gone { cookie: listed.cookie, is_request, event: None });
                has_requests |= is_request;
            }
            if !has_identity {
                self.0.entry(listed.ends).and_modify(|succession| succession.is_hidden = true);
            }
        }
        if !has_requests {
            return Ok(());
        }
        // A request is accepted at once, so that another one is that of another connection. Without an identity, the two
        // rows are equal.
        let is_socket = |listed: &&Listed| match listed.kind {
            Kind::Request => !has_identity,
            Kind::Socket | Kind::Closing => true,
            Kind::Minisock => false,
        };
        for listed in tables.after().iter().filter(is_socket).filter(is_new) {
            let succession = self.0.get_mut(&listed.ends);
            if let Some(succession) = succession.filter(|found| found.gone.is_some_and(|gone| gone.is_request)) {
                succession.new = new(listed);
            }
        }
        Ok(())
    }

    fn at(&mut self, ends: SocketEnds) -> Result<&mut Succession> {
        let bytes = (self.0.len() + 1).saturating_mul(size_of::<(SocketEnds, Succession)>());
        self.0.try_reserve(1).map_err(|_| Error::OutOfMemory { bytes })?;
        Ok(self.0.entry(ends).or_default())
    }

    /// Notes an event at this position that has the cookie of a new minisock.
    pub(super) fn note_new(&mut self, position: usize, event: &Event) {
        let new = self.0.get_mut(&event.ends).and_then(|succession| succession.new.as_mut());
        if let Some(new) = new.filter(|new| new.cookie == event.cookie) {
            new.found = Found::ByCookie(position);
        }
    }

    /// Notes an event at this position that has the cookie of a socket that only the last table lists.
    pub(super) fn note_gone(&mut self, position: usize, event: &Event) {
        let gone = self.0.get_mut(&event.ends).and_then(|succession| succession.gone.as_mut());
        if let Some(gone) = gone.filter(|gone| gone.cookie == event.cookie) {
            gone.event = Some(position);
        }
    }

    /// Forgets the requests whose sockets had their cookies, as their events show.
    ///
    /// The events may have lost their ends.
    pub(super) fn forget_closed_requests(&mut self, fates: &Fates) {
        for succession in self.0.values_mut() {
            succession.gone = succession.gone.filter(|gone| !(gone.is_request && fates[gone.cookie].has_event));
        }
    }

    /// Decides on the events whose cookies no table lists. The first `settled` ones came before the dump.
    pub(super) fn find(&mut self, pending: &[Event], settled: usize, verdicts: &mut [Verdict]) {
        for (position, (event, verdict)) in pending.iter().zip(&mut *verdicts).enumerate() {
            let succession = self.0.get_mut(&event.ends).filter(|found| found.is_of_request());
            if let (Verdict::Unknown, Some(gone)) = (*verdict, succession.and_then(|found| found.gone.as_mut())) {
                gone.event = Some(position);
                *verdict = Verdict::Final(gone.cookie);
            }
        }
        let mut rest = |position: usize, otherwise: Verdict| {
            if verdicts[position] != Verdict::Unknown {
                return;
            }
            let succession = self.0.get_mut(&pending[position].ends);
            let free = succession.filter(|found| found.is_of_minisock(position, position >= settled));
            verdicts[position] = free.and_then(|found| found.new.as_mut()).map_or(otherwise, |new| {
                new.found = Found::ByEnds(position);
                Verdict::Final(new.cookie)
            });
        };
        // The last event before the dump, or else the first one after it.
        (0..settled).rev().for_each(|position| rest(position, Verdict::Brief));
        (settled..pending.len()).for_each(|position| rest(position, Verdict::Keep));
        for succession in self.0.values().filter(|found| found.is_hidden && found.renamed().is_none()) {
            if let Some(Found::ByEnds(position) | Found::ByCookie(position)) = succession.new.map(|new| new.found) {
                verdicts[position] = Verdict::Brief;
            }
        }
    }

    /// Reports the connections that have another cookie.
    pub(super) fn report(&self, events: &mut Events) -> Result<()> {
        for (gone, new) in self.0.values().filter_map(Succession::renamed) {
            if let (Some(before), Some(after)) = (NonZeroU64::new(gone), NonZeroU64::new(new)) {
                events.push_renamed(before, after)?;
            }
        }
        Ok(())
    }

    /// Whether this socket of the last table is a request whose connection is found under another cookie.
    pub(super) fn is_replaced(&self, listed: &Listed) -> bool {
        let Some(succession) = self.0.get(&listed.ends) else { return false };
        let request = succession.gone.filter(|gone| gone.is_request && gone.cookie == listed.cookie);
        request.is_some_and(|gone| gone.event.is_some() || succession.renamed().is_some())
    }

    /// Adds those to `orphans` whose event can still arrive.
    pub(super) fn commit(&self, orphans: &mut Orphans, is_old: bool, now: Duration) {
        for (ends, succession) in &self.0 {
            let is_renamed = succession.renamed().is_some();
            let orphan = |cookie, is_claimed| Orphan {
                cookie,
                ends: *ends,
                is_hidden: false,
                is_old,
                is_claimed,
                is_request: false,
                listed_at: now,
            };
            let request = succession.gone.filter(|gone| gone.is_request && gone.event.is_none() && !is_renamed);
            if let Some(gone) = request {
                orphans.push(Orphan { is_request: true, ..orphan(gone.cookie, false) });
            }
            if let (Some(new), Some(is_claimed)) = (succession.new, succession.awaited()) {
                let is_hidden = succession.is_hidden && !is_renamed;
                orphans.push(Orphan { is_hidden, ..orphan(new.cookie, is_claimed) });
            }
        }
    }
}
