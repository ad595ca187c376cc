//! A kernel with connections on a few ends, random polls of it, and the law: each connection is reported once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Duration, Event, Events, Listed, Merger, Poll, ends, event};
use crate::events::brief::Brief;

/// The number of pairs of ends. Few, so that connections often have the ends of earlier ones.
const PLACES: u16 = 6;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Opens a connection, or accepts the rest of the last one there as gone.
    Open(u16),
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
    is_minisock: bool,
    is_closing: bool,
    /// The cookie of the connection, if it is a minisock that gets another one.
    connection: Option<u64>,
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
    /// The places whose closing socket a poll has listed since the last accepted table.
    ///
    /// Nothing is opened there, or closed after a reset, until the next one: its minisock or event could be taken for that
    /// of this socket. The documentation of the module states what is then reported.
    caught: BTreeSet<u16>,
    /// The cookies of minisocks that differ from those of their connections, and these.
    renamed: BTreeMap<u64, u64>,
    /// By place: the connections that were opened, and the events that were dropped or erased.
    opened: BTreeMap<u16, u64>,
    lost: BTreeMap<u16, u64>,
}

impl Kernel {
    fn cookie(&mut self) -> u64 {
        self.next_cookie += 1;
        self.next_cookie
    }

    fn destroy(&mut self, place: u16, cookie: Option<u64>) {
        let cookie = cookie.unwrap_or_else(|| self.cookie());
        self.unsent.push_back(event(cookie, place));
    }

    fn socket(&mut self, place: u16) -> Option<Place> {
        self.places.get(&place).copied().filter(|found| !found.is_minisock)
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Open(place) => {
                if self.socket(place).is_none() && !self.caught.contains(&place) {
                    let open = Place { cookie: None, is_minisock: false, is_closing: false, connection: None };
                    self.places.insert(place, open);
                    *self.opened.entry(place).or_default() += 1;
                }
            }
            Step::CloseFirst(place) => {
                if let Some(socket) = self.socket(place) {
                    self.places.insert(place, Place { is_minisock: true, is_closing: false, ..socket });
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
                if let Some(socket) = self.socket(place) {
                    self.places.remove(&place);
                    let cookie = socket.cookie.unwrap_or_else(|| self.cookie());
                    self.unsent.push_back(Event { ends: ends(place, 0), info: None, ..event(cookie, place) });
                    *self.lost.entry(place).or_default() += 1;
                }
            }
            Step::ResetByPeer(place) => {
                if let Some(socket) = self.socket(place) {
                    self.places.remove(&place);
                    self.held.push_back((place, socket.cookie));
                }
            }
            Step::CloseReset => {
                if let Some((place, cookie)) =
                    self.held.front().copied().filter(|(place, _)| !self.caught.contains(place))
                {
                    self.held.pop_front();
                    self.destroy(place, cookie);
                }
            }
            Step::Expire(place) => {
                if self.places.get(&place).is_some_and(|found| found.is_minisock) {
                    self.places.remove(&place);
                }
            }
            Step::List(place) => drop(self.list(place)),
            Step::BeginClose(place) => {
                if let Some(socket) = self.socket(place) {
                    self.places.insert(place, Place { is_closing: true, ..socket });
                }
            }
            Step::Send => self.queue.extend(self.unsent.pop_front()),
            Step::Drop => {
                if let Some(event) = self.unsent.pop_front() {
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
        let Place { is_minisock, is_closing, connection, .. } = found;
        self.renamed.extend(connection.map(|connection| (cookie, connection)));
        Some(Listed { cookie, ends: ends(place, 443), is_minisock, is_closing })
    }

    /// The socket at a place, as a poll lists it.
    fn list_in_poll(&mut self, place: u16) -> Option<Listed> {
        let is_new = self.places.get(&place).is_some_and(|found| found.cookie.is_none());
        let listed = self.list(place)?;
        if listed.is_closing {
            self.caught.insert(place);
            if is_new {
                let connection = Some(listed.cookie);
                self.destroy(place, connection);
                let minisock = Place { cookie: None, is_minisock: true, is_closing: false, connection };
                self.places.insert(place, minisock);
            }
        }
        Some(listed)
    }
}

/// The reports of a history, by place.
struct Reported {
    merger: Merger,
    has_identity: bool,
    events: Events,
    /// The cookies of the last accepted table, by place.
    table: BTreeMap<u16, u64>,
    reports: BTreeMap<u16, u64>,
}

impl Reported {
    fn poll(&mut self, kernel: &mut Kernel, split: u16, during: &[Step], accepts: bool) {
        let Reported { merger, has_identity, events, .. } = self;
        // An event is late for one poll at most.
        let late = kernel.unsent.len();
        merger.begin(|pending| pending.append(&mut kernel.queue));
        let mut listed: Vec<Listed> = (0..split).filter_map(|place| kernel.list_in_poll(place)).collect();
        during.iter().for_each(|step| kernel.apply(*step));
        listed.extend((split..PLACES).filter_map(|place| kernel.list_in_poll(place)));
        merger.table().extend(&listed);
        merger.add_late(|pending| pending.append(&mut kernel.queue));
        events.clear();
        merger
            .merge(Poll { now: Duration::ZERO, has_identity: *has_identity, reports: |_: &Brief| true }, events)
            .unwrap();
        events.finish(|_| true);
        let sent = late.min(kernel.unsent.len());
        kernel.queue.extend(kernel.unsent.drain(..sent));
        if accepts {
            merger.commit();
            self.count(&listed, &kernel.renamed);
            kernel.caught.retain(|place| listed.iter().any(|row| row.is_closing && row.ends == ends(*place, 443)));
        }
    }

    fn count(&mut self, listed: &[Listed], renamed: &BTreeMap<u64, u64>) {
        for brief in self.events.brief() {
            *self.reports.entry(brief.local().port()).or_default() += 1;
        }
        let place = |listed: &Listed| u16::from_be(listed.ends.ports[0]);
        for row in listed {
            let before = self.table.get(&place(row));
            let is_new = before.is_none_or(|before| *before != row.cookie);
            // Without an identity, a row that is replaced is not added. A new open connection appears as changed.
            let is_hidden = !self.has_identity && before.is_some() && row.is_minisock;
            // The changes report the connection as removed, and its minisock as added.
            let is_renamed = before.is_some() && before == renamed.get(&row.cookie);
            if is_new && !is_hidden && !is_renamed {
                *self.reports.entry(place(row)).or_default() += 1;
            }
        }
        self.table = listed.iter().map(|row| (place(row), row.cookie)).collect();
    }
}

fn step() -> impl Strategy<Value = Step> {
    let place = 0..PLACES;
    prop_oneof![
        6 => place.clone().prop_map(Step::Open),
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

/// Runs a history, then closes all connections. Returns the reports and the kernel.
fn run(steps: &[Step], has_identity: bool) -> (BTreeMap<u16, u64>, Kernel) {
    let mut kernel = Kernel::default();
    let (merger, events) = (Merger::default(), Events::default());
    let mut reported = Reported { merger, has_identity, events, table: BTreeMap::new(), reports: BTreeMap::new() };
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
    (0..PLACES).for_each(|place| kernel.apply(Step::CloseLast(place)));
    reported.poll(&mut kernel, 0, &[], true);
    while !kernel.held.is_empty() {
        kernel.apply(Step::CloseReset);
    }
    for _ in 0..4 {
        reported.poll(&mut kernel, 0, &[], true);
    }
    assert!(kernel.unsent.is_empty() && reported.merger.pending.is_empty(), "an event was kept");
    (reported.reports, kernel)
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() }
}

#[test]
fn each_connection_is_reported_once() {
    proptest!(config(), |(steps in vec(step(), 0..120), has_identity in any::<bool>())| {
        // A reset erases the ends: the connection is reported only if a table has listed it.
        let steps: Vec<Step> = steps.into_iter().filter(|step| !matches!(step, Step::Reset(_))).collect();
        let (reports, kernel) = run(&steps, has_identity);
        prop_assert_eq!(reports, kernel.opened);
    });
}

#[test]
fn lost_events_explain_every_missing_report() {
    let step = prop_oneof![9 => step(), 1 => Just(Step::Drop)];
    proptest!(config(), |(steps in vec(step, 0..120), has_identity in any::<bool>())| {
        let (reports, kernel) = run(&steps, has_identity);
        for (place, opened) in &kernel.opened {
            let reported = reports.get(place).copied().unwrap_or(0);
            let lost = kernel.lost.get(place).copied().unwrap_or(0);
            prop_assert!(reported <= *opened && opened - reported <= lost, "{place}: {reported} of {opened}, {lost} lost");
        }
    });
}
