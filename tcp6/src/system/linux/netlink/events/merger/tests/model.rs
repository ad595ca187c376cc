//! A kernel with connections on a few ends, random polls of it, and the law: each connection is reported once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Duration, Event, Events, Kind, Listed, MAX_REQUEST_DELAY, Merger, NonZeroU64, Poll, Renamed, ends, event};
use crate::events::brief::Brief;

/// The number of pairs of ends. Few, so that connections often have the ends of earlier ones.
const PLACES: u16 = 6;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Opens a connection, or accepts the rest of the last one there as gone.
    Open(u16),
    /// The same, with a request. A poll that lists it before the next step gives it its cookie just when the kernel
    /// makes the socket, which gets another one.
    Request(u16),
    /// Makes a socket of a request.
    Accept(u16),
    /// Ends a request, which has no event.
    Fail(u16),
    /// Closes a connection first: it leaves a minisock.
    CloseFirst(u16),
    /// Closes a connection after the peer, or by a reset of the peer.
    CloseLast(u16),
    /// Closes a connection by a reset, which erases its ends.
    Reset(u16),
    /// The peer resets a connection, whose process keeps it open.
    ResetByPeer(u16),
    /// A process closes the oldest connection that was reset by its peer.
    CloseReset,
    /// A minisock expires.
    Expire(u16),
    /// Another program lists a socket, which then gets its cookie.
    List(u16),
    /// A connection begins to close first. A poll that lists it before the next step gives it its cookie just when the
    /// kernel makes the minisock, which gets another one.
    BeginClose(u16),
    /// The kernel sends the oldest event.
    Send,
    /// The kernel drops the oldest event.
    Drop,
    /// A poll that lists the places before the first number, performs the steps up to the next
    /// [`Step::End`], and lists
    /// the others. The watcher accepts the table if the flag is set.
    Poll(u16, bool),
    End,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    cookie: Option<u64>,
    kind: Kind,
    /// The earlier cookie of the connection, if it has two.
    renamed: Option<u64>,
}

fn is_request(place: &Place) -> bool {
    place.kind == Kind::Request
}

#[derive(Default)]
struct Kernel {
    places: BTreeMap<u16, Place>,
    /// The sockets that were reset and are open.
    held: VecDeque<(u16, Option<u64>)>,
    /// Events that were not sent yet, and those that can be received.
    unsent: VecDeque<Event>,
    queue: Vec<Event>,
    next_cookie: u64,
    /// The places where nothing is opened, or closed after a reset, with the number of tables until then: it could be
    /// taken for the connection of a request that has failed.
    reserved: BTreeMap<u16, u8>,
    /// The cookies of sockets that were replaced by others when a poll listed them.
    replaced: BTreeSet<u64>,
    /// The cookies of connections in place of earlier ones, and these.
    renamed: BTreeMap<u64, u64>,
    /// The places of sockets that were destroyed, with the number of tables until their events have arrived.
    destroyed: BTreeMap<u16, u8>,
    /// The cookies of the last accepted table.
    known: BTreeSet<u64>,
    /// The places and cookies of failed requests.
    failed: Vec<(u16, Option<u64>)>,
    /// By place: the connections that were opened, and the events that were dropped or erased.
    opened: BTreeMap<u16, u64>,
    lost: BTreeMap<u16, u64>,
    /// Whether events are dropped.
    loses_events: bool,
    /// Whether one was dropped since the last accepted table.
    has_lost: bool,
}

/// The number of tables for which the connection of a request is awaited, at one table a second.
const REQUEST_TABLES: u8 = MAX_REQUEST_DELAY.as_secs() as u8 + 3;

impl Kernel {
    fn cookie(&mut self) -> u64 {
        self.next_cookie += 1;
        self.next_cookie
    }

    fn destroy(&mut self, place: u16, cookie: Option<u64>) {
        let cookie = cookie.unwrap_or_else(|| self.cookie());
        self.unsent.push_back(event(cookie, place));
        self.destroyed.insert(place, 3);
    }

    fn socket(&mut self, place: u16) -> Option<Place> {
        self.places.get(&place).copied().filter(|found| matches!(found.kind, Kind::Socket | Kind::Closing))
    }

    /// Whether no event of an earlier connection at a place can arrive, which could be taken for that of a request.
    fn is_alone(&self, place: u16) -> bool {
        self.held.iter().all(|(held, _)| *held != place) && !self.destroyed.contains_key(&place)
    }

    fn open(&mut self, place: u16, kind: Kind) {
        let is_free = self.places.get(&place).is_none_or(|found| found.kind == Kind::Minisock);
        if is_free && !self.reserved.contains_key(&place) {
            self.places.insert(place, Place { cookie: None, kind, renamed: None });
            *self.opened.entry(place).or_default() += 1;
        }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Open(place) => self.open(place, Kind::Socket),
            Step::Request(place) => self.open(place, Kind::Request),
            Step::Accept(place) => {
                if let Some(request) = self.places.get(&place).copied().filter(is_request) {
                    self.places.insert(place, Place { kind: Kind::Socket, ..request });
                }
            }
            Step::Fail(place) => {
                let is_alone = |request: &Place| request.cookie.is_none() || self.is_alone(place);
                if let Some(request) = self.places.get(&place).copied().filter(is_request).filter(is_alone) {
                    self.places.remove(&place);
                    self.failed.push((place, request.cookie));
                    if request.cookie.is_some() {
                        self.reserved.insert(place, REQUEST_TABLES);
                    }
                }
            }
            Step::CloseFirst(place) => {
                if let Some(socket) = self.socket(place) {
                    self.places.insert(place, Place { kind: Kind::Minisock, ..socket });
                    self.destroy(place, socket.cookie);
                }
            }
            Step::CloseLast(place) => {
                if let Some(socket) = self.socket(place) {
                    self.places.remove(&place);
                    self.destroy(place, socket.cookie);
                }
            }
            Step::Reset(place) => {
                // The connection must be reported already, because its event does not report it.
                let socket = self.socket(place);
                let is_listed = |socket: &Place| {
                    socket.cookie.is_some_and(|cookie| self.known.contains(&cookie)) && self.is_alone(place)
                };
                if let Some(socket) = socket.filter(|socket| self.loses_events || is_listed(socket)) {
                    self.places.remove(&place);
                    let cookie = socket.cookie.unwrap_or_else(|| self.cookie());
                    // It is not late: without its ends, it could not be told from that of a later connection.
                    self.queue.push(Event { ends: ends(place, 0), info: None, ..event(cookie, place) });
                    *self.lost.entry(place).or_default() += 1;
                }
            }
            Step::ResetByPeer(place) => {
                // If no table has listed its second cookie, it would be another connection when it is closed.
                let socket = self.socket(place);
                let is_known = |socket: &Place| {
                    socket.renamed.is_none() || socket.cookie.is_some_and(|cookie| self.known.contains(&cookie))
                };
                if let Some(socket) = socket.filter(is_known) {
                    self.places.remove(&place);
                    self.held.push_back((place, socket.cookie));
                }
            }
            Step::CloseReset => {
                if let Some((place, cookie)) =
                    self.held.front().copied().filter(|(place, _)| !self.reserved.contains_key(place))
                {
                    self.held.pop_front();
                    self.destroy(place, cookie);
                }
            }
            Step::Expire(place) => {
                if self.places.get(&place).is_some_and(|found| found.kind == Kind::Minisock) {
                    self.places.remove(&place);
                }
            }
            Step::List(place) => drop(self.list(place)),
            Step::BeginClose(place) => {
                if let Some(socket) = self.socket(place) {
                    self.places.insert(place, Place { kind: Kind::Closing, ..socket });
                }
            }
            Step::Send => self.queue.extend(self.unsent.pop_front()),
            Step::Drop => {
                if let Some(event) = self.unsent.pop_front() {
                    self.has_lost = true;
                    *self.lost.entry(event.to_brief().local().port()).or_default() += 1;
                }
            }
            Step::Poll(..) | Step::End => {}
        }
    }

    /// The socket at a place, which gets a cookie.
    fn list(&mut self, place: u16) -> Option<Listed> {
        let found = self.places.get(&place).copied()?;
        let cookie = found.cookie.unwrap_or_else(|| self.cookie());
        self.places.insert(place, Place { cookie: Some(cookie), ..found });
        self.renamed.extend(found.renamed.map(|earlier| (cookie, earlier)));
        Some(Listed { cookie, ends: ends(place, 443), kind: found.kind })
    }

    /// The socket at a place, as a poll lists it.
    fn list_in_poll(&mut self, place: u16) -> Option<Listed> {
        let is_new = self.places.get(&place).is_some_and(|found| found.cookie.is_none());
        let listed = self.list(place)?;
        let renamed = |kind| Place { cookie: None, kind, renamed: Some(listed.cookie) };
        if is_new && matches!(listed.kind, Kind::Request | Kind::Closing) {
            self.replaced.insert(listed.cookie);
        }
        match listed.kind {
            // Otherwise its event could be taken for that of an earlier connection.
            Kind::Request if is_new && self.held.iter().all(|(held, _)| *held != place) => {
                self.places.insert(place, renamed(Kind::Socket));
            }
            Kind::Closing if is_new => {
                self.destroy(place, Some(listed.cookie));
                self.places.insert(place, renamed(Kind::Minisock));
            }
            _ => {}
        }
        Some(listed)
    }
}

/// The reports of a history, by place.
struct Reported {
    merger: Merger,
    has_identity: bool,
    events: Events,
    /// The sockets of the last accepted table, by place.
    table: BTreeMap<u16, (u64, Kind)>,
    /// The cookies of all accepted tables.
    seen: BTreeSet<u64>,
    /// By place: the connections with two cookies that may be reported twice, because events were lost.
    twice: BTreeMap<u16, u64>,
    /// The number of accepted tables.
    accepted: u64,
    reports: BTreeMap<u16, u64>,
}

impl Reported {
    fn poll(&mut self, kernel: &mut Kernel, split: u16, during: &[Step], accepts: bool) {
        let Reported { merger, has_identity, events, accepted, .. } = self;
        // An event is late for one poll at most.
        let late = kernel.unsent.len();
        merger.begin(|pending| pending.append(&mut kernel.queue));
        let mut listed: Vec<Listed> = (0..split).filter_map(|place| kernel.list_in_poll(place)).collect();
        during.iter().for_each(|step| kernel.apply(*step));
        listed.extend((split..PLACES).filter_map(|place| kernel.list_in_poll(place)));
        merger.table().extend(&listed);
        merger.add_late(|pending| pending.append(&mut kernel.queue));
        events.clear();
        let (now, has_lost) = (Duration::from_secs(*accepted), kernel.has_lost);
        let poll = Poll { now, has_identity: *has_identity, has_lost, reports: |_: &Brief| true };
        merger.merge(poll, events).unwrap();
        events.finish(|_| true);
        let sent = late.min(kernel.unsent.len());
        kernel.queue.extend(kernel.unsent.drain(..sent));
        if accepts {
            merger.commit();
            self.accepted += 1;
            self.count(&listed, kernel);
            kernel.has_lost = false;
            kernel.known = listed.iter().map(|row| row.cookie).collect();
            for counts in [&mut kernel.destroyed, &mut kernel.reserved] {
                counts.retain(|_, tables| {
                    *tables -= 1;
                    *tables > 0
                });
            }
        }
    }

    fn count(&mut self, listed: &[Listed], kernel: &Kernel) {
        for brief in self.events.brief() {
            *self.reports.entry(brief.local().port()).or_default() += 1;
        }
        let place = |listed: &Listed| u16::from_be(listed.ends.ports[0]);
        for row in listed {
            let before = self.table.get(&place(row));
            let is_new = before.is_none_or(|(before, _)| *before != row.cookie);
            // Without an identity, a row that is replaced is not added. A new open connection appears as changed.
            let is_hidden = !self.has_identity && before.is_some() && row.is_minisock();
            let is_renamed = before.is_some_and(|(cookie, kind)| {
                let is_truly_renamed = Some(cookie) == kernel.renamed.get(&row.cookie);
                if !self.has_identity {
                    // The request appears as changed: to another connection if it has final statistics.
                    let has_ended = self.events.final_of(row.ends.to_ends(), NonZeroU64::new(*cookie)).is_some();
                    return is_truly_renamed || (*kind == Kind::Request && !has_ended);
                }
                let renamed = self.events.renamed(NonZeroU64::new(row.cookie));
                matches!(renamed, Some(Renamed::From(earlier)) if earlier.get() == *cookie)
            });
            if is_new && !is_hidden && !is_renamed {
                *self.reports.entry(place(row)).or_default() += 1;
            }
        }
        if kernel.has_lost {
            for (place, (cookie, _)) in &self.table {
                let is_renamed = kernel.replaced.contains(cookie);
                if is_renamed && listed.iter().all(|row| row.cookie != *cookie) {
                    *self.twice.entry(*place).or_default() += 1;
                }
            }
        }
        self.seen.extend(listed.iter().map(|row| row.cookie));
        self.table = listed.iter().map(|row| (place(row), (row.cookie, row.kind))).collect();
    }
}

fn step() -> impl Strategy<Value = Step> {
    let place = 0..PLACES;
    prop_oneof![
        4 => place.clone().prop_map(Step::Open),
        3 => place.clone().prop_map(Step::Request),
        1 => place.clone().prop_map(Step::Accept),
        1 => place.clone().prop_map(Step::Fail),
        3 => place.clone().prop_map(Step::CloseFirst),
        3 => place.clone().prop_map(Step::CloseLast),
        1 => place.clone().prop_map(Step::Reset),
        1 => place.clone().prop_map(Step::ResetByPeer),
        1 => Just(Step::CloseReset),
        1 => place.clone().prop_map(Step::Expire),
        1 => place.clone().prop_map(Step::List),
        1 => place.clone().prop_map(Step::BeginClose),
        6 => Just(Step::Send),
        3 => (0..=PLACES, prop::bool::weighted(0.8)).prop_map(|(split, accepts)| Step::Poll(split, accepts)),
        3 => Just(Step::End),
    ]
}

/// Runs a history, then closes all connections. Returns the reports, the numbers of connections that may be reported
/// twice, and the kernel.
fn run(steps: &[Step], has_identity: bool) -> (BTreeMap<u16, u64>, BTreeMap<u16, u64>, Kernel) {
    let loses_events = steps.iter().any(|step| matches!(step, Step::Drop));
    let mut kernel = Kernel { loses_events, ..Kernel::default() };
    let (merger, events) = (Merger::default(), Events::default());
    let (seen, twice, accepted) = (BTreeSet::new(), BTreeMap::new(), 0);
    let (table, reports) = (BTreeMap::new(), BTreeMap::new());
    let mut reported = Reported { merger, has_identity, events, table, seen, twice, accepted, reports };
    // The first table is empty: every connection is opened after it.
    reported.poll(&mut kernel, 0, &[], true);
    let mut rest = steps;
    while let Some((step, after)) = rest.split_first() {
        rest = after;
        let Step::Poll(split, accepts) = *step else {
            kernel.apply(*step);
            continue;
        };
        let end = rest.iter().position(|step| matches!(step, Step::Poll(..) | Step::End)).unwrap_or(rest.len());
        reported.poll(&mut kernel, split, &rest[..end], accepts);
        rest = &rest[end..];
    }
    for place in 0..PLACES {
        kernel.apply(Step::Accept(place));
        kernel.apply(Step::CloseLast(place));
    }
    for _ in 0..=REQUEST_TABLES {
        reported.poll(&mut kernel, 0, &[], true);
    }
    while !kernel.held.is_empty() {
        kernel.apply(Step::CloseReset);
    }
    for _ in 0..4 {
        reported.poll(&mut kernel, 0, &[], true);
    }
    // A request that failed before it was reported was no connection.
    for (place, cookie) in &kernel.failed {
        if cookie.is_none_or(|cookie| !reported.seen.contains(&cookie)) {
            *kernel.opened.get_mut(place).unwrap() -= 1;
        }
    }
    kernel.opened.retain(|_, opened| *opened > 0);
    assert!(kernel.unsent.is_empty() && reported.merger.pending.is_empty(), "an event was kept");
    (reported.reports, reported.twice, kernel)
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() }
}

#[test]
fn each_connection_is_reported_once() {
    proptest!(config(), |(steps in vec(step(), 0..120), has_identity in any::<bool>())| {
        // Without an identity, a reset connection cannot be told from the next one, because its event has no ends.
        let is_told = |step: &Step| has_identity || !matches!(step, Step::Reset(_));
        let steps: Vec<Step> = steps.into_iter().filter(is_told).collect();
        let (reports, _, kernel) = run(&steps, has_identity);
        prop_assert_eq!(reports, kernel.opened);
    });
}

#[test]
fn lost_events_explain_every_missing_report() {
    let step = prop_oneof![9 => step(), 1 => Just(Step::Drop)];
    proptest!(config(), |(steps in vec(step, 0..120), has_identity in any::<bool>())| {
        let (reports, twice, kernel) = run(&steps, has_identity);
        for (place, opened) in &kernel.opened {
            let reported = reports.get(place).copied().unwrap_or(0);
            let lost = kernel.lost.get(place).copied().unwrap_or(0);
            let twice = twice.get(place).copied().unwrap_or(0);
            let is_explained = reported <= opened + twice && *opened <= reported + lost;
            prop_assert!(is_explained, "{place}: {reported} of {opened}, {lost} lost, {twice} twice");
        }
    });
}
