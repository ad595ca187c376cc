mod model;

use std::collections::BTreeMap;

use super::*;
use crate::error::Error;
use crate::events::report::Renamed;
use crate::row::order::Ends;
use crate::stats::tcp_info::TcpInfo;
use crate::system::linux::netlink::events::departed;
use crate::system::linux::netlink::events::listed::{Kind, SocketEnds};
use crate::system::linux::netlink::events::orphans::{
    MAX_DELAY, MAX_REQUEST_DELAY, MAX_WITH_REQUESTS, MIN_CLAIMED, MIN_CLAIMED_DELAY,
};
use crate::system::linux::netlink::events::read;

/// The ends of a connection or listener; remote port 0 is none.
fn ends(local: u16, remote: u16) -> SocketEnds {
    let mut loopback = [0; 16];
    loopback[15] = 1;
    SocketEnds { addresses: [loopback; 2], scope_ids: [0; 2], ports: [local.to_be(), remote.to_be()] }
}

fn listed(cookie: u64, local: u16, kind: Kind) -> Listed {
    Listed { cookie, ends: ends(local, 443), kind }
}

fn request(cookie: u64, local: u16) -> Listed {
    listed(cookie, local, Kind::Request)
}

fn socket(cookie: u64, local: u16) -> Listed {
    listed(cookie, local, Kind::Socket)
}

fn closing(cookie: u64, local: u16) -> Listed {
    listed(cookie, local, Kind::Closing)
}

fn minisock(cookie: u64, local: u16) -> Listed {
    listed(cookie, local, Kind::Minisock)
}

/// An event whose `tcp_info` has the cookie as the number of bytes sent.
fn event(cookie: u64, local: u16) -> Event {
    let mut info = [0; 232];
    info[200..208].copy_from_slice(&cookie.to_ne_bytes());
    Event { cookie, ends: ends(local, 443), interface: 0, info: Some(TcpInfo::from_bytes(&info)) }
}

/// What a poll reports: the local ports and cookies of short connections, the cookies whose row has
/// which final
/// statistics, the number of ignored events, and the cookies of connections before and after they changed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Reports {
    brief: Vec<(u16, u64)>,
    finals: BTreeMap<u64, u64>,
    ignored: u64,
    renamed: Vec<(u64, u64)>,
}

fn poll_as(merger: &mut Merger, has_identity: bool, early: &[Event], table: &[Listed], late: &[Event]) -> Reports {
    poll_at(merger, Duration::ZERO, has_identity, early, table, late)
}

fn poll_at(
    merger: &mut Merger,
    now: Duration,
    has_identity: bool,
    early: &[Event],
    table: &[Listed],
    late: &[Event],
) -> Reports {
    let mut events = Events::default();
    merger.begin(|pending| pending.extend(early));
    merger.table().extend(table);
    merger.add_late(|pending| pending.extend(late));
    merger.merge(Poll { now, has_identity, has_lost: false, reports: |_: &Brief| true }, &mut events).unwrap();
    events.finish(|_| true);
    let cookie = |brief: &Brief| brief.identity().unwrap().get();
    let rows = || merger.tables.baseline.iter().flatten().chain(table);
    let finals = rows().filter_map(|row| {
        let sent = events.final_of(row.ends.to_ends(), NonZeroU64::new(row.cookie))?.bytes_sent;
        Some((row.cookie, sent.unwrap()))
    });
    Reports {
        brief: events.brief().iter().map(|brief| (brief.local().port(), cookie(brief))).collect(),
        finals: finals.collect(),
        ignored: events.ignored(),
        renamed: rows().filter_map(|row| renamed(&events, row)).collect(),
    }
}

/// The cookies of a row of the last table and of its connection in the new table, if that has another one.
fn renamed(events: &Events, row: &Listed) -> Option<(u64, u64)> {
    match events.renamed(NonZeroU64::new(row.cookie)) {
        Some(Renamed::To(after)) => Some((row.cookie, after.get())),
        _ => None,
    }
}

fn poll(merger: &mut Merger, early: &[Event], table: &[Listed], late: &[Event]) -> Reports {
    let reports = poll_as(merger, true, early, table, late);
    merger.commit();
    reports
}

fn brief(connections: &[(u16, u64)]) -> Reports {
    Reports { brief: connections.to_vec(), ..Reports::default() }
}

fn finals(of: &[(u64, u64)]) -> Reports {
    Reports { finals: of.iter().copied().collect(), ..Reports::default() }
}

fn ignored(events: u64) -> Reports {
    Reports { ignored: events, ..Reports::default() }
}

#[test]
fn a_listed_connection_closes_with_its_statistics() {
    let mut merger = Merger::default();
    let table = [socket(1, 10), socket(2, 20), socket(3, 30)];
    poll(&mut merger, &[], &table, &[]);
    // Gone before the dump; in TIME-WAIT with its event before the dump; gone with its event after the dump.
    let table = [minisock(2, 20)];
    let reports = poll(&mut merger, &[event(1, 10), event(2, 20)], &table, &[event(3, 30)]);
    assert_eq!(reports, finals(&[(1, 1), (2, 2), (3, 3)]));
    assert_eq!(poll(&mut merger, &[], &[], &[]), Reports::default(), "TIME-WAIT ends without an event");
}

#[test]
fn an_event_after_its_row_is_kept() {
    let mut merger = Merger::default();
    poll(&mut merger, &[], &[socket(1, 10)], &[]);
    let reports = poll(&mut merger, &[], &[socket(1, 10), socket(2, 20)], &[event(1, 10), event(2, 20)]);
    assert_eq!(reports, Reports::default());
    assert_eq!(poll(&mut merger, &[], &[minisock(2, 20)], &[]), finals(&[(1, 1), (2, 2)]));
    assert!(merger.pending.is_empty());
}

#[test]
fn a_connection_between_two_tables_is_brief() {
    let mut merger = Merger::default();
    poll(&mut merger, &[], &[], &[]);
    assert_eq!(poll(&mut merger, &[event(1, 10), event(2, 20)], &[], &[]), brief(&[(10, 1), (20, 2)]));
    // After the dump it is not known whether its minisock will be in the next table.
    assert_eq!(poll(&mut merger, &[], &[], &[event(3, 30), event(4, 40)]), Reports::default());
    let reports = poll(&mut merger, &[], &[minisock(50, 30)], &[]);
    assert_eq!(reports, Reports { brief: vec![(40, 4)], ..finals(&[(50, 3)]) });
    assert_eq!(poll(&mut merger, &[], &[], &[]), Reports::default());
}

#[test]
fn the_last_of_several_connections_with_the_same_ends_is_in_time_wait() {
    let mut merger = Merger::default();
    poll(&mut merger, &[], &[], &[]);
    let reports = poll(&mut merger, &[event(1, 10), event(2, 10), event(3, 10)], &[minisock(9, 10)], &[]);
    assert_eq!(reports, Reports { brief: vec![(10, 1), (10, 2)], ..finals(&[(9, 3)]) });
}

#[test]
fn a_late_event_of_a_reported_minisock_reports_nothing() {
    for persists in [true, false] {
        let mut merger = Merger::default();
        poll(&mut merger, &[], &[], &[]);
        assert_eq!(poll(&mut merger, &[], &[minisock(9, 10)], &[]), Reports::default());
        let table: &[Listed] = if persists { &[minisock(9, 10)] } else { &[] };
        assert_eq!(poll(&mut merger, &[event(1, 10)], table, &[]), Reports::default());
        assert_eq!(poll(&mut merger, &[event(2, 10)], &[], &[]), brief(&[(10, 2)]), "another connection");
    }
}

#[test]
fn late_events_of_successive_minisocks_report_nothing() {
    let mut merger = Merger::default();
    poll(&mut merger, &[], &[], &[]);
    poll(&mut merger, &[], &[minisock(8, 10)], &[]);
    poll(&mut merger, &[], &[minisock(9, 10)], &[]);
    let reports = poll(&mut merger, &[event(1, 10), event(2, 10), event(3, 10)], &[minisock(9, 10)], &[]);
    assert_eq!(reports, brief(&[(10, 3)]));
}

#[test]
fn the_event_of_a_minisock_is_awaited_for_some_time() {
    for (delay, expected) in [(MAX_DELAY, Reports::default()), (MAX_DELAY + Duration::from_secs(1), brief(&[(10, 1)]))]
    {
        let mut merger = Merger::default();
        let mut poll = |seconds, early: &[Event], table: &[Listed]| {
            let reports = poll_at(&mut merger, seconds, true, early, table, &[]);
            merger.commit();
            reports
        };
        let listed = Duration::from_secs(100);
        poll(Duration::ZERO, &[], &[]);
        poll(Duration::ZERO, &[], &[minisock(9, 10)]);
        poll(listed, &[], &[minisock(9, 10)]);
        poll(listed + delay, &[], &[]);
        assert_eq!(poll(listed + delay, &[event(1, 10)], &[]), expected, "{delay:?}");
    }
}

#[test]
fn an_event_after_the_dump_belongs_to_an_earlier_minisock() {
    let mut merger = Merger::default();
    poll(&mut merger, &[], &[], &[]);
    poll(&mut merger, &[], &[minisock(8, 10)], &[]);
    assert_eq!(poll(&mut merger, &[], &[minisock(2, 10)], &[event(1, 10)]), Reports::default());
    assert_eq!(poll(&mut merger, &[event(2, 10)], &[minisock(2, 10)], &[]), finals(&[(2, 2)]));
}

#[test]
fn a_late_event_of_a_removed_connection_reports_nothing() {
    let mut merger = Merger::default();
    poll(&mut merger, &[], &[socket(1, 10)], &[]);
    assert_eq!(poll(&mut merger, &[], &[], &[]), Reports::default());
    assert_eq!(poll(&mut merger, &[], &[], &[]), Reports::default());
    assert_eq!(poll(&mut merger, &[event(1, 10)], &[], &[]), Reports::default());
    assert!(!merger.departed.contains(1));
}

#[test]
fn a_late_event_of_a_replaced_minisock_reports_nothing() {
    let mut merger = Merger::default();
    poll(&mut merger, &[], &[socket(1, 10)], &[]);
    poll(&mut merger, &[], &[minisock(1, 10)], &[]);
    poll(&mut merger, &[], &[socket(2, 10)], &[]);
    assert_eq!(poll(&mut merger, &[event(1, 10)], &[socket(2, 10)], &[]), Reports::default());
}

#[test]
fn a_late_event_with_the_cookie_of_a_minisock_is_of_no_other_connection() {
    for persists in [true, false] {
        let mut merger = Merger::default();
        poll(&mut merger, &[], &[], &[]);
        assert_eq!(poll(&mut merger, &[], &[minisock(1, 10)], &[]), Reports::default());
        if persists {
            assert_eq!(poll(&mut merger, &[event(1, 10)], &[minisock(1, 10)], &[]), finals(&[(1, 1)]));
            assert_eq!(poll(&mut merger, &[event(2, 10)], &[], &[]), brief(&[(10, 2)]));
        } else {
            let reports = poll(&mut merger, &[event(1, 10), event(2, 10)], &[], &[]);
            assert_eq!(reports, Reports { brief: vec![(10, 2)], ..finals(&[(1, 1)]) });
        }
    }
}

#[test]
fn an_event_that_was_taken_for_that_of_a_minisock_is_made_up_for() {
    let mut merger = Merger::default();
    poll(&mut merger, &[], &[], &[]);
    // The event of the minisock, which has its cookie, arrives after the dump.
    assert_eq!(poll(&mut merger, &[event(1, 10)], &[minisock(2, 10)], &[]), finals(&[(2, 1)]));
    assert_eq!(poll(&mut merger, &[event(2, 10)], &[minisock(2, 10)], &[]), brief(&[(10, 2)]));
    // The same, with an event that is late for the table that lists the minisock.
    assert_eq!(poll(&mut merger, &[], &[minisock(4, 20)], &[]), Reports::default());
    assert_eq!(poll(&mut merger, &[event(3, 20)], &[minisock(4, 20)], &[]), Reports::default());
    assert_eq!(poll(&mut merger, &[event(4, 20)], &[minisock(4, 20)], &[]), brief(&[(20, 4)]));
    assert_eq!(merger.orphans.awaited().len(), 0);
}

#[test]
fn an_event_is_made_up_for_during_some_tables_and_some_time() {
    let mut merger = Merger::default();
    poll(&mut merger, &[], &[], &[]);
    poll(&mut merger, &[event(1, 10)], &[minisock(9, 10)], &[]);
    let late = MIN_CLAIMED_DELAY + Duration::from_millis(1);
    let mut is_awaited_after_tables = |now, tables| {
        for _ in 0..tables {
            poll_at(&mut merger, now, true, &[], &[minisock(9, 10)], &[]);
            merger.commit();
        }
        merger.orphans.awaited().len() == 1
    };
    assert!(is_awaited_after_tables(late, MIN_CLAIMED));
    assert!(is_awaited_after_tables(MIN_CLAIMED_DELAY, 100));
    assert!(!is_awaited_after_tables(late, 1));
}

#[test]
fn connections_from_before_the_first_table_are_ignored() {
    let mut merger = Merger::default();
    let table = [minisock(8, 20), minisock(9, 30)];
    assert_eq!(poll(&mut merger, &[event(1, 10)], &table, &[event(2, 50)]), ignored(2));
    // The event of a minisock of the first table; an event with the ends of one that has gone.
    let reports = poll(&mut merger, &[event(3, 20), event(4, 30)], &[minisock(8, 20)], &[]);
    assert_eq!(reports, brief(&[(30, 4)]));
}

/// A dump assigns the cookie of a socket while the kernel replaces it by a minisock, which then gets another cookie.
#[test]
fn a_minisock_is_the_rest_of_a_closing_socket_with_another_cookie() {
    for own_event in 0..3 {
        let own = |poll| if poll == own_event { vec![event(1, 10)] } else { vec![] };
        let mut merger = Merger::default();
        poll(&mut merger, &[], &[], &[]);
        assert_eq!(poll(&mut merger, &[], &[closing(1, 10)], &own(0)), Reports::default());
        let reports = poll(&mut merger, &own(1), &[minisock(9, 10)], &[]);
        let closed = if own_event < 2 { finals(&[(1, 1)]) } else { Reports::default() };
        assert_eq!(reports, Reports { renamed: vec![(1, 9)], ..closed });
        assert_eq!(poll(&mut merger, &own(2), &[minisock(9, 10)], &[]), Reports::default());
        // Each later connection with the same ends is reported.
        assert_eq!(poll(&mut merger, &[event(2, 10)], &[], &[]), brief(&[(10, 2)]), "{own_event}");
        assert_eq!(poll(&mut merger, &[event(3, 10)], &[], &[]), brief(&[(10, 3)]), "{own_event}");
    }
    // A later connection closes just after the dump.
    let mut merger = Merger::default();
    poll(&mut merger, &[], &[closing(1, 10)], &[]);
    let reports = poll(&mut merger, &[event(1, 10)], &[minisock(9, 10)], &[event(2, 10)]);
    assert_eq!(reports, Reports { renamed: vec![(1, 9)], ..finals(&[(1, 1)]) });
    assert_eq!(poll(&mut merger, &[], &[], &[]), brief(&[(10, 2)]));
}

#[test]
fn a_minisock_of_another_connection_is_no_rest_of_a_closing_socket() {
    // Another connection was opened and closed since the last table.
    let mut merger = Merger::default();
    poll(&mut merger, &[], &[closing(1, 10)], &[]);
    let reports = poll(&mut merger, &[event(1, 10), event(2, 10)], &[minisock(9, 10)], &[]);
    assert_eq!(reports, finals(&[(1, 1), (9, 2)]));
    assert_eq!(poll(&mut merger, &[event(3, 10)], &[], &[]), brief(&[(10, 3)]));
    // The same, but the minisock has the cookie of its socket.
    let mut merger = Merger::default();
    poll(&mut merger, &[], &[closing(1, 10)], &[]);
    let reports = poll(&mut merger, &[event(1, 10), event(2, 10)], &[minisock(2, 10)], &[]);
    assert_eq!(reports, finals(&[(1, 1), (2, 2)]));
    // Its event, which may have been lost, is not known to be missing.
    let mut merger = Merger::default();
    poll(&mut merger, &[], &[closing(1, 10)], &[]);
    merger.begin(|pending| pending.push(event(1, 10)));
    merger.table().push(minisock(9, 10));
    let lossy = Poll { now: Duration::ZERO, has_identity: true, has_lost: true, reports: |_: &Brief| true };
    let mut events = Events::default();
    merger.merge(lossy, &mut events).unwrap();
    assert_eq!(events.renamed(NonZeroU64::new(1)), None);
}

/// A dump assigns the cookie of a request while the kernel replaces it by a socket, which then gets another cookie.
#[test]
fn a_socket_with_the_ends_of_a_request_is_its_connection() {
    for after in [socket(2, 10), closing(2, 10), minisock(2, 10)] {
        let mut merger = Merger::default();
        poll(&mut merger, &[], &[], &[]);
        assert_eq!(poll(&mut merger, &[], &[request(1, 10)], &[]), Reports::default());
        let reports = poll(&mut merger, &[], &[after], &[]);
        assert_eq!(reports, Reports { renamed: vec![(1, 2)], ..Reports::default() });
        // The event of a minisock has its cookie only if somebody else has listed the socket.
        let own = if after.is_minisock() { event(3, 10) } else { event(2, 10) };
        let closed = if after.is_minisock() { Reports::default() } else { finals(&[(2, 2)]) };
        assert_eq!(poll(&mut merger, &[own], &[], &[]), closed, "{after:?}");
        assert_eq!(poll(&mut merger, &[event(4, 10)], &[], &[]), brief(&[(10, 4)]), "{after:?}");
    }
    let mut merger = Merger::default();
    poll(&mut merger, &[], &[request(1, 10)], &[]);
    let reports = poll(&mut merger, &[event(2, 10)], &[minisock(2, 10)], &[]);
    assert_eq!(reports, Reports { renamed: vec![(1, 2)], ..finals(&[(2, 2)]) });
}

#[test]
fn the_first_event_with_the_ends_of_a_request_is_that_of_its_connection() {
    let mut merger = Merger::default();
    poll(&mut merger, &[], &[request(1, 10), request(2, 20), request(3, 30)], &[]);
    // Before the dump; after the dump; before the next one.
    let reports = poll(&mut merger, &[event(4, 10), event(5, 10)], &[], &[event(6, 20)]);
    assert_eq!(reports, Reports { brief: vec![(10, 5)], ..finals(&[(1, 4), (2, 6)]) });
    assert_eq!(poll(&mut merger, &[event(7, 30), event(8, 30)], &[], &[]), brief(&[(30, 8)]));
    // The requests were other connections after all.
    let reports = poll(&mut merger, &[event(1, 10), event(2, 20), event(3, 30)], &[], &[]);
    assert_eq!(reports, brief(&[(10, 1), (20, 2), (30, 3)]));
}

#[test]
fn a_socket_that_closed_with_the_cookie_of_its_request_is_no_other_connection() {
    // A reset by this side erases the ends of the event.
    let erased = Event { ends: ends(10, 0), info: None, ..event(1, 10) };
    for (own, closed) in [(event(1, 10), finals(&[(1, 1)])), (erased, Reports::default())] {
        let mut after = [vec![], vec![minisock(9, 10)], vec![socket(9, 10)]].into_iter();
        for table in after.by_ref() {
            let mut merger = Merger::default();
            poll(&mut merger, &[], &[request(1, 10)], &[]);
            let reports = poll(&mut merger, &[own, event(2, 10)], &table, &[]);
            let is_minisock = table.first().is_some_and(Listed::is_minisock);
            let mut expected = Reports { finals: closed.finals.clone(), ..Reports::default() };
            if is_minisock {
                expected.finals.insert(9, 2);
            } else {
                expected.brief.push((10, 2));
            }
            assert_eq!(reports, expected, "{own:?} {table:?}");
            assert_eq!(poll(&mut merger, &[event(3, 10)], &table, &[]), brief(&[(10, 3)]));
        }
    }
}

#[test]
fn a_port_scan_leaves_a_bounded_number_of_requests() {
    let mut merger = Merger::default();
    let scan = (0..=u16::MAX).chain([80]).zip(1..);
    let requests: Vec<Listed> = scan
        .map(|(port, cookie)| Listed { ends: ends(port, 443 + u16::from(cookie > 65_536)), ..request(cookie, port) })
        .collect();
    poll(&mut merger, &[], &requests, &[]);
    poll(&mut merger, &[], &[], &[]);
    assert_eq!((requests.len(), merger.orphans.awaited().len()), (65_537, MAX_WITH_REQUESTS));
}

#[test]
fn a_request_does_not_replace_a_request() {
    let mut merger = Merger::default();
    poll(&mut merger, &[], &[request(1, 10)], &[]);
    assert_eq!(poll(&mut merger, &[], &[request(2, 10)], &[]), Reports::default());
    let reports = poll(&mut merger, &[], &[socket(3, 10)], &[]);
    assert_eq!(reports, Reports { renamed: vec![(2, 3)], ..Reports::default() });
}

#[test]
fn the_connection_of_a_request_is_awaited_for_a_short_time() {
    for (delay, expected) in
        [(MAX_REQUEST_DELAY, Reports::default()), (MAX_REQUEST_DELAY + Duration::from_millis(1), brief(&[(10, 2)]))]
    {
        let mut merger = Merger::default();
        let mut poll = |now, early: &[Event], table: &[Listed]| {
            let reports = poll_at(&mut merger, now, true, early, table, &[]);
            merger.commit();
            reports
        };
        let gone = Duration::from_secs(100);
        poll(Duration::ZERO, &[], &[request(1, 10)]);
        poll(gone, &[], &[]);
        poll(gone + delay, &[], &[]);
        assert_eq!(poll(gone + delay, &[event(2, 10)], &[]), expected, "{delay:?}");
    }
}

#[test]
fn sockets_without_a_remote_end_are_ignored() {
    let mut merger = Merger::default();
    let unconnected = |cookie| Event { ends: ends(80, 0), info: None, ..event(cookie, 80) };
    poll(&mut merger, &[], &[Listed { ends: ends(80, 0), ..socket(1, 80) }, socket(2, 20)], &[]);
    // The listener and the reset connection were listed.
    let reports = poll(&mut merger, &[unconnected(1), unconnected(2), unconnected(3)], &[], &[unconnected(4)]);
    assert_eq!(reports, ignored(2));
    assert!(merger.pending.is_empty());
}

#[test]
fn a_minisock_with_the_cookie_of_its_socket_is_its_rest() {
    let mut merger = Merger::default();
    poll(&mut merger, &[], &[], &[]);
    assert_eq!(poll(&mut merger, &[event(1, 10)], &[minisock(1, 10)], &[]), finals(&[(1, 1)]));
    assert_eq!(merger.orphans.awaited().len(), 0);
}

#[test]
fn without_an_identity_a_replaced_row_is_brief() {
    for late in [false, true] {
        let mut merger = Merger::default();
        poll_as(&mut merger, false, &[], &[minisock(8, 10), socket(7, 20)], &[]);
        merger.commit();
        // TIME-WAIT again, so that the row is equal; an open connection, which is reported as closed.
        let table = [minisock(9, 10), minisock(6, 20)];
        let all = [event(1, 10), event(7, 20), event(2, 20)];
        let expected = [(10, 1), (20, 2)];
        if late {
            assert_eq!(poll_as(&mut merger, false, &[], &table, &[]), Reports::default());
            merger.commit();
            let reports = poll_as(&mut merger, false, &all, &table, &[]);
            assert_eq!(reports, brief(&expected), "the close of the listed connection was reported before");
        } else {
            let reports = poll_as(&mut merger, false, &all, &table, &[]);
            assert_eq!(reports, Reports { brief: expected.to_vec(), ..finals(&[(7, 7)]) });
        }
    }
}

#[test]
fn without_an_identity_a_late_event_of_a_replaced_row_is_brief() {
    let mut merger = Merger::default();
    let mut poll = |early: &[Event], table: &[Listed]| {
        let reports = poll_as(&mut merger, false, early, table, &[]);
        merger.commit();
        reports
    };
    poll(&[], &[minisock(8, 10)]);
    // Equal rows. Somebody else has listed the socket, so that the minisock has its cookie.
    assert_eq!(poll(&[], &[minisock(1, 10)]), Reports::default());
    assert_eq!(poll(&[event(1, 10)], &[minisock(1, 10)]).brief, [(10, 1)]);
    assert_eq!(poll(&[event(2, 10)], &[]).brief, [(10, 2)]);
}

#[test]
fn a_table_that_is_not_accepted_changes_nothing() {
    let mut merger = Merger::default();
    poll(&mut merger, &[], &[socket(1, 10)], &[]);
    let expected = Reports { brief: vec![(20, 2)], ..finals(&[(1, 1)]) };
    assert_eq!(poll_as(&mut merger, true, &[event(1, 10), event(2, 20)], &[], &[]), expected);
    // A poll whose dump failed.
    merger.begin(|_| ());
    merger.table().push(socket(99, 99));
    assert_eq!(poll(&mut merger, &[], &[], &[]), expected);
    assert_eq!(poll(&mut merger, &[], &[], &[]), Reports::default());
}

#[test]
fn a_reset_drops_the_events() {
    let mut merger = Merger::default();
    poll(&mut merger, &[], &[], &[]);
    merger.begin(|pending| pending.extend([event(1, 10), event(2, 20)]));
    assert_eq!(merger.reset(), 2);
    assert_eq!(poll(&mut merger, &[event(3, 30)], &[], &[]), ignored(1), "the first table again");
}

#[test]
fn the_oldest_departed_sockets_are_forgotten() {
    let mut departed = Departed::default();
    let max = departed::MAX_DEPARTED as u64;
    (1..=max).for_each(|cookie| departed.insert(cookie));
    departed.insert(1);
    assert!(departed.contains(2) && departed.contains(max));
    departed.insert(max + 1);
    assert!(!departed.contains(1) && departed.contains(2) && departed.contains(max + 1));
    // Removed ones take no place of others.
    (3..max).for_each(|cookie| departed.remove(cookie));
    for cookie in max + 2..4 * max {
        departed.insert(cookie);
        departed.remove(cookie);
    }
    assert!(departed.contains(2) && departed.contains(max) && departed.contains(max + 1));
}

/// The bytes of an event as Linux 6.18 sends it: a header, the base message, and the attributes
/// PROTOCOL and INFO.
fn datagram(cookie: u64, info: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 16 + 72];
    bytes[4..6].copy_from_slice(&20u16.to_ne_bytes());
    let message = &mut bytes[16..];
    message[..2].copy_from_slice(&[10, 7]);
    message[4..8].copy_from_slice(&[0, 80, 0x01, 0xBB]);
    message[23] = 1;
    message[39] = 1;
    // Two words, the lower one first.
    message[44..48].copy_from_slice(&(cookie as u32).to_ne_bytes());
    message[48..52].copy_from_slice(&((cookie >> 32) as u32).to_ne_bytes());
    let mut attribute = |kind: u16, payload: &[u8]| {
        bytes.extend(((4 + payload.len()) as u16).to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(payload);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    };
    attribute(10, &[6]);
    attribute(2, info);
    let length = bytes.len() as u32;
    bytes[..4].copy_from_slice(&length.to_ne_bytes());
    bytes
}

#[test]
fn reads_the_event_of_a_connection() {
    let mut found = Vec::new();
    let info = [7; 280];
    let bytes = datagram(0x1_0000_0002, &info);
    assert_eq!(bytes.len(), 380);
    read(&bytes, |event| {
        found.push(event);
        Ok(())
    })
    .unwrap();
    let [event] = found[..] else { panic!("{found:?}") };
    assert_eq!((event.cookie(), event.info.unwrap().raw()), (0x1_0000_0002, &info[..]));
    let brief = event.to_brief();
    assert_eq!((brief.local(), brief.remote()), ("[::1]:80".parse().unwrap(), "[::1]:443".parse().unwrap()));
    assert_eq!(event.ends.to_ends(), Ends::of_addresses(brief.local(), Some(brief.remote())));
    // Truncated within an attribute, and with a wrong length.
    for cut in [92, 100, 379] {
        let mut bytes = bytes[..cut].to_vec();
        bytes[..4].copy_from_slice(&(cut as u32).to_ne_bytes());
        assert!(matches!(read(&bytes, |_| Ok(())), Err(Error::Malformed(_))), "{cut}");
    }
    assert!(matches!(read(&bytes[..50], |_| Ok(())), Err(Error::Malformed(_))));
}

#[test]
fn statistics_of_an_erased_connection_are_unknown() {
    let mut bytes = datagram(5, &[0; 280]);
    bytes[16 + 6..16 + 8].fill(0);
    read(&bytes, |event| {
        assert!(event.info.is_none() && !event.ends.has_remote());
        Ok(())
    })
    .unwrap();
}
