//! Destroy events: the messages, and how they are merged with tables.
//!
//! The kernel sends an event when the last reference to a socket goes, 10 to 20 us later. A connection that this side
//! closes first remains in the table as a minisock (`inet_timewait_sock`: TIME-WAIT, or FIN-WAIT-2 without a process). It
//! has the cookie of its socket if the socket had one by then, and otherwise gets one of its own when it is listed.
//!
//! A poll receives the events before and after its dump. Each is looked up by cookie in the table of the last poll that
//! the watcher accepted, and in the new one:
//!
//! | last table | new table | result |
//! |---|---|---|
//! | any | socket | the event came after the row was read: kept for the next poll |
//! | listed | minisock or missing | closed: final statistics |
//! | missing | minisock | opened and closed in between: final statistics of the added row |
//! | missing | missing | see below |
//!
//! Of an event whose cookie neither table lists:
//!
//! * If its socket was closed in an earlier table, that was reported: [`Departed`] remembers the cookies.
//! * If the remote port is 0, it reports no connection.
//! * If a minisock with its ends is new in the last table, or in the new one, this is the rest of the connection, with
//!   a cookie of its own. The last event with these ends belongs to it. If another event then arrives that has the
//!   cookie of the minisock, each is reported in place of the other.
//! * If the last table lists a closing socket with the ends of a new minisock, the minisock is the rest of that socket: a
//!   dump can assign the cookie of a socket while the kernel replaces it by a minisock, which then gets another cookie.
//!   Only an event after that of the socket and before the dump belongs to the minisock. Two cases within one interval
//!   between polls are ambiguous. If another connection with these ends opens and closes, and its event comes after the
//!   dump, it is reported twice. If the process closes an earlier connection with these ends, which its peer had reset,
//!   that connection is not reported.
//! * If it came before the dump, it is a brief connection.
//! * If it came later, its minisock may be in the next table: kept for the next poll.
//!
//! A poll that fails after the merge changes nothing: [`Merger::commit`] takes effect when the watcher has accepted the
//! table.

mod departed;
mod listed;

use core::num::NonZeroU64;
use core::time::Duration;
use std::collections::HashMap;

use self::departed::Departed;
pub(in crate::system::linux) use self::listed::{Listed, SocketEnds};
use super::inet_diag::{Attributes, InetDiagMsg, read_events};
use crate::error::{Error, Result};
use crate::events::brief::Brief;
use crate::events::report::Events;
use crate::stats::tcp_info::TcpInfo;
use crate::system::linux::int_hash::IntHash;

/// A socket that the kernel has destroyed.
#[derive(Clone, Copy, Debug)]
pub(in crate::system::linux) struct Event {
    cookie: u64,
    ends: SocketEnds,
    /// The final `tcp_info`. `None` if the kernel sent none, or had already erased the connection.
    info: Option<TcpInfo>,
}

impl Event {
    fn new(message: InetDiagMsg<'_>) -> Result<Event> {
        let ends = SocketEnds::of(&message.socket());
        let attributes = Attributes::parse(message.attributes())?;
        let info = attributes.info.filter(|_| ends.has_remote()).map(TcpInfo::from_bytes);
        Ok(Event { cookie: message.id().cookie(), ends, info })
    }

    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    pub(in crate::system::linux) fn cookie(&self) -> u64 {
        self.cookie
    }

    /// The ends of a short connection as addresses.
    fn to_brief(self) -> Brief {
        let (local, remote) = (self.ends.local().socket_addr(), self.ends.remote().socket_addr());
        Brief::of_tcp_info(local, remote, NonZeroU64::new(self.cookie), self.info)
    }
}

/// Passes the events of a datagram to `found`.
///
/// # Errors
///
/// [`Error::Malformed`] for a datagram that is not a sequence of messages, and any error of `found`.
pub(in crate::system::linux) fn read(datagram: &[u8], mut found: impl FnMut(Event) -> Result<()>) -> Result<()> {
    read_events(datagram, |message| found(Event::new(message)?))
}

/// What is known of a poll besides its sockets.
#[derive(Clone, Copy, Debug)]
pub(in crate::system::linux) struct Poll<F> {
    /// The time of the table, from any start.
    pub(in crate::system::linux) now: Duration,
    /// Whether rows have an identity: otherwise a minisock is not added if its ends were in the
    /// table before.
    pub(in crate::system::linux) has_identity: bool,
    /// Whether a short connection with these ends is reported.
    pub(in crate::system::linux) reports: F,
}

/// Merges events with tables.
#[derive(Debug)]
pub(in crate::system::linux) struct Merger {
    /// The events that are not reported yet. The first `settled` came before the dump.
    pending: Vec<Event>,
    settled: usize,
    /// What becomes of each of them, if the table is accepted.
    verdicts: Vec<Verdict>,
    /// The sockets of the last accepted table; `None` before the first one.
    baseline: Option<Vec<Listed>>,
    current: Vec<Listed>,
    /// The number of equal sockets at the start of both tables.
    common: usize,
    /// The time of the new table.
    now: Duration,
    departed: Departed,
    /// The minisocks of earlier tables whose event has not arrived.
    orphans: Vec<Orphan>,
    /// Where the sockets of events and orphans, and those that differ between the tables, are
    /// listed.
    fates: HashMap<u64, Fate, IntHash>,
    /// The new minisocks by their ends. Peers choose these, so that the hash has random keys.
    minisocks: HashMap<SocketEnds, Minisock>,
    /// The position of the earliest orphan with each ends.
    orphans_by_ends: HashMap<SocketEnds, usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Undecided until the other events are classified.
    Unknown,
    Keep,
    /// The event reports nothing that was not reported.
    Consumed,
    /// It reports no connection.
    Ignored,
    /// The final statistics of the listed socket with this cookie.
    Final(u64),
    /// The same, of a socket that left an earlier table.
    Departed,
    Brief,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Presence {
    #[default]
    Missing,
    Socket,
    Minisock,
}

impl Presence {
    fn of(listed: &Listed) -> Presence {
        if listed.is_minisock { Presence::Minisock } else { Presence::Socket }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Fate {
    before: Presence,
    after: Presence,
    /// Whether its event has arrived.
    has_event: bool,
    /// The verdict on its event, if it is a minisock of an earlier table.
    awaited: Option<Verdict>,
}

/// Whether the event of a minisock has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    No,
    /// An event with its ends. If it belongs to an earlier connection, the event of the minisock may follow.
    ByEnds,
    /// An event with its cookie, which it has if somebody else has listed the socket.
    ByCookie,
}

/// A minisock that only the new table lists.
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

/// A minisock that an earlier table listed.
#[derive(Clone, Copy, Debug)]
struct Orphan {
    cookie: u64,
    ends: SocketEnds,
    is_hidden: bool,
    /// Whether its event may have been sent before the subscription.
    is_old: bool,
    /// Whether an event with its ends was taken for its own, by an earlier poll.
    is_claimed: bool,
    found: Found,
    /// The time of the last table that listed it; of the first one, if it is old.
    listed_at: Duration,
    /// The number of tables since it was claimed.
    claimed_for: u8,
    /// The position of the next orphan with these ends.
    next: Option<usize>,
}

impl Orphan {
    /// The verdict on an event with its cookie.
    ///
    /// It is made up for the event of a brief connection if that was taken for its own.
    fn verdict(&self) -> Verdict {
        if self.is_hidden || self.is_claimed { Verdict::Brief } else { Verdict::Final(self.cookie) }
    }

    /// Whether its event can still arrive after the table at `now`, which lists it or not.
    fn is_awaited(&mut self, is_listed: bool, now: Duration) -> bool {
        match self.found {
            Found::No => {}
            Found::ByEnds => self.is_claimed = true,
            Found::ByCookie => return false,
        }
        if self.is_claimed {
            self.claimed_for += 1;
            return self.claimed_for <= MAX_CLAIMED;
        }
        if is_listed && !self.is_old {
            self.listed_at = now;
        }
        let is_in_time = now.saturating_sub(self.listed_at) <= MAX_DELAY;
        // While a minisock is listed, no other connection has its ends.
        is_in_time && (is_listed || !self.is_old)
    }
}

/// The time for which the event of a minisock is awaited after it was listed.
///
/// The kernel sends events from a queue of work, which has been seen to stall for two seconds on a busy machine.
const MAX_DELAY: Duration = Duration::from_secs(30);

/// The number of tables for which another event is awaited after one was taken for that of a minisock.
const MAX_CLAIMED: u8 = 3;

impl Merger {
    pub(in crate::system::linux) fn new() -> Merger {
        Merger {
            pending: Vec::new(),
            settled: 0,
            verdicts: Vec::new(),
            baseline: None,
            current: Vec::new(),
            common: 0,
            now: Duration::ZERO,
            departed: Departed::default(),
            orphans: Vec::new(),
            fates: HashMap::default(),
            minisocks: HashMap::new(),
            orphans_by_ends: HashMap::new(),
        }
    }

    /// Starts a poll with the events that arrived before its dump.
    pub(in crate::system::linux) fn begin(&mut self, receive: impl FnOnce(&mut Vec<Event>)) {
        receive(&mut self.pending);
        self.settled = self.pending.len();
        self.verdicts.clear();
        self.current.clear();
    }

    /// Adds the events that arrived after the dump.
    pub(in crate::system::linux) fn add_late(&mut self, receive: impl FnOnce(&mut Vec<Event>)) {
        receive(&mut self.pending);
    }

    /// The storage for the sockets of the table.
    pub(in crate::system::linux) fn table(&mut self) -> &mut Vec<Listed> {
        &mut self.current
    }

    /// Drops all that is known, for a table without cookies. Returns the number of dropped events.
    pub(in crate::system::linux) fn reset(&mut self) -> u64 {
        let dropped = self.pending.len() as u64;
        self.pending.clear();
        self.verdicts.clear();
        self.baseline = None;
        self.departed.clear();
        self.orphans.clear();
        self.fates.clear();
        self.minisocks.clear();
        dropped
    }

    /// Classifies the events and reports them.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`]. The events are kept.
    pub(in crate::system::linux) fn merge(
        &mut self,
        poll: Poll<impl Fn(&Brief) -> bool>,
        events: &mut Events,
    ) -> Result<()> {
        self.now = poll.now;
        self.look_up()?;
        self.find_new_minisocks(poll.has_identity)?;
        self.classify_by_cookie();
        self.match_orphans()?;
        self.match_minisocks();
        for (event, verdict) in self.pending.iter().zip(&mut self.verdicts) {
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
        Ok(())
    }

    /// Finds where the tables list the sockets of events and orphans, and the sockets that differ.
    fn look_up(&mut self) -> Result<()> {
        let Merger { pending, baseline, current, common, orphans, fates, .. } = self;
        let baseline = baseline.as_deref().unwrap_or_default();
        *common = baseline.iter().zip(&*current).take_while(|(before, after)| before == after).count();
        let (before, after) = (&baseline[*common..], &current[*common..]);
        fates.clear();
        let needed = pending.len() + orphans.len() + before.len() + after.len();
        let bytes = needed.saturating_mul(size_of::<(u64, Fate)>());
        fates.try_reserve(needed).map_err(|_| Error::OutOfMemory { bytes })?;
        for listed in before {
            fates.entry(listed.cookie).or_default().before = Presence::of(listed);
        }
        for listed in after {
            fates.entry(listed.cookie).or_default().after = Presence::of(listed);
        }
        if pending.is_empty() && orphans.is_empty() {
            return Ok(());
        }
        for event in &*pending {
            fates.entry(event.cookie).or_default();
        }
        for orphan in &*orphans {
            fates.entry(orphan.cookie).or_default().awaited = Some(orphan.verdict());
        }
        for listed in &current[..*common] {
            if let Some(fate) = fates.get_mut(&listed.cookie) {
                (fate.before, fate.after) = (Presence::of(listed), Presence::of(listed));
            }
        }
        Ok(())
    }

    fn find_new_minisocks(&mut self, has_identity: bool) -> Result<()> {
        let Merger { baseline, current, common, fates, minisocks, .. } = self;
        let baseline = baseline.as_deref().unwrap_or_default();
        minisocks.clear();
        for listed in current[*common..].iter().filter(|listed| listed.is_minisock) {
            if fates.get(&listed.cookie).is_some_and(|fate| fate.before == Presence::Missing) {
                minisocks.try_reserve(1).map_err(|_| out_of_memory(minisocks.len()))?;
                let cookie = listed.cookie;
                let minisock = Minisock { cookie, is_hidden: false, rest_of: None, found: Found::No };
                minisocks.insert(listed.ends, minisock);
            }
        }
        if minisocks.is_empty() {
            return Ok(());
        }
        for listed in baseline[*common..].iter().filter(|listed| !has_identity || listed.is_closing) {
            if let Some(minisock) = minisocks.get_mut(&listed.ends) {
                minisock.is_hidden = !has_identity;
                minisock.rest_of = listed.is_closing.then_some(Closing { cookie: listed.cookie, event: None });
            }
        }
        Ok(())
    }

    fn classify_by_cookie(&mut self) {
        let Merger { pending, verdicts, baseline, departed, fates, minisocks, .. } = self;
        let is_first = baseline.is_none();
        verdicts.clear();
        verdicts.extend(pending.iter().enumerate().map(|(position, event)| {
            let fate = fates.get_mut(&event.cookie).expect("look_up has inserted the cookie of each event");
            let verdict = match (fate.before, fate.after) {
                (_, Presence::Socket) => return Verdict::Keep,
                (Presence::Missing, Presence::Minisock) => {
                    let minisock = minisocks.get_mut(&event.ends).filter(|minisock| minisock.cookie == event.cookie);
                    let is_hidden = minisock.is_some_and(|minisock| {
                        minisock.found = Found::ByCookie;
                        minisock.is_hidden
                    });
                    if is_hidden { Verdict::Brief } else { Verdict::Final(event.cookie) }
                }
                (Presence::Missing, Presence::Missing) if departed.contains(event.cookie) => Verdict::Departed,
                (Presence::Missing, Presence::Missing) if is_first || !event.ends.has_remote() => Verdict::Ignored,
                (Presence::Missing, Presence::Missing) => Verdict::Unknown,
                (Presence::Socket, Presence::Missing) => {
                    let rest_of = minisocks.get_mut(&event.ends).and_then(|minisock| minisock.rest_of.as_mut());
                    if let Some(closing) = rest_of.filter(|closing| closing.cookie == event.cookie) {
                        closing.event = Some(position);
                    }
                    Verdict::Final(event.cookie)
                }
                _ => Verdict::Final(event.cookie),
            };
            fate.has_event = true;
            fate.awaited.unwrap_or(verdict)
        }));
    }

    /// Finds the events of minisocks that earlier tables have listed.
    ///
    /// The first event with the ends of the earliest one belongs to it.
    fn match_orphans(&mut self) -> Result<()> {
        let Merger { pending, settled, verdicts, orphans, fates, orphans_by_ends, .. } = self;
        for orphan in &mut *orphans {
            let has_event = fates.get(&orphan.cookie).is_some_and(|fate| fate.has_event);
            orphan.found = if has_event { Found::ByCookie } else { Found::No };
        }
        if orphans.is_empty() || !verdicts.contains(&Verdict::Unknown) {
            return Ok(());
        }
        orphans_by_ends.clear();
        orphans_by_ends.try_reserve(orphans.len()).map_err(|_| out_of_memory(orphans.len()))?;
        for (position, orphan) in orphans.iter_mut().enumerate().rev() {
            let is_listed = fates.get(&orphan.cookie).is_some_and(|fate| fate.after != Presence::Missing);
            if orphan.found == Found::No && !orphan.is_claimed && (is_listed || !orphan.is_old) {
                orphan.next = orphans_by_ends.insert(orphan.ends, position);
            }
        }
        for (index, (event, verdict)) in pending.iter().zip(verdicts).enumerate() {
            if *verdict != Verdict::Unknown {
                continue;
            }
            let Some(position) = orphans_by_ends.get_mut(&event.ends) else { continue };
            let orphan = &mut orphans[*position];
            // After its row was read, another connection can have its ends.
            if orphan.is_old && index >= *settled {
                continue;
            }
            orphan.found = Found::ByEnds;
            *verdict = if orphan.is_hidden { Verdict::Brief } else { Verdict::Consumed };
            match orphan.next {
                Some(next) => *position = next,
                None => drop(orphans_by_ends.remove(&event.ends)),
            }
        }
        Ok(())
    }

    /// Finds the events of minisocks that are new in this table.
    fn match_minisocks(&mut self) {
        let Merger { pending, settled, verdicts, minisocks, .. } = self;
        let mut rest = |position: usize, otherwise: Verdict| {
            if verdicts[position] != Verdict::Unknown {
                return;
            }
            let minisock = minisocks.get_mut(&pending[position].ends);
            let free = minisock.filter(|minisock| minisock.can_own(position, position >= *settled));
            verdicts[position] = free.map_or(otherwise, |minisock| {
                minisock.found = Found::ByEnds;
                if minisock.is_hidden { Verdict::Brief } else { Verdict::Final(minisock.cookie) }
            });
        };
        // The last event before the dump, or else the first one after it.
        (0..*settled).rev().for_each(|position| rest(position, Verdict::Brief));
        (*settled..pending.len()).for_each(|position| rest(position, Verdict::Keep));
    }

    /// Makes the table the last one, and drops the events that were reported.
    ///
    /// If memory is lacking, it forgets some sockets whose events are late, which may then be reported again.
    pub(in crate::system::linux) fn commit(&mut self) {
        let Merger { pending, verdicts, baseline, current, common, now, departed, orphans, fates, minisocks, .. } =
            self;
        let is_first = baseline.is_none();
        let baseline = baseline.get_or_insert_with(Vec::new);
        for listed in &baseline[*common..] {
            let fate = fates.get(&listed.cookie).copied().unwrap_or_default();
            if !listed.is_minisock && fate.after != Presence::Socket && !fate.has_event {
                departed.insert(listed.cookie);
            }
        }
        orphans.retain_mut(|orphan| {
            let is_listed = fates.get(&orphan.cookie).is_some_and(|fate| fate.after != Presence::Missing);
            orphan.is_awaited(is_listed, *now)
        });
        let new = minisocks.iter().filter(|(_, minisock)| match minisock.found {
            Found::No => minisock.rest_of.is_none(),
            Found::ByEnds => true,
            Found::ByCookie => false,
        });
        if orphans.try_reserve(minisocks.len()).is_ok() {
            orphans.extend(new.map(|(ends, minisock)| Orphan {
                cookie: minisock.cookie,
                ends: *ends,
                is_hidden: minisock.is_hidden,
                is_old: is_first,
                is_claimed: minisock.found == Found::ByEnds,
                found: Found::No,
                listed_at: *now,
                claimed_for: 0,
                next: None,
            }));
        }
        let mut decided = verdicts.iter();
        pending.retain(|event| match decided.next() {
            Some(Verdict::Departed | Verdict::Final(_)) => {
                departed.remove(event.cookie);
                false
            }
            verdict => matches!(verdict, None | Some(Verdict::Keep)),
        });
        core::mem::swap(baseline, current);
    }
}

fn out_of_memory(sockets: usize) -> Error {
    Error::OutOfMemory { bytes: sockets.saturating_add(1).saturating_mul(size_of::<(SocketEnds, Minisock)>()) }
}

#[cfg(test)]
mod tests;
