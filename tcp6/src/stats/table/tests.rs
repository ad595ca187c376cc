use std::collections::{HashMap, HashSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::row::class::{BasicRow, OwnerModuleRow, OwnerPidRow};
use crate::row::layout::Parts;
use crate::row::socket_info;

fn ends(port: u16) -> (SocketAddrV6, Option<SocketAddrV6>) {
    (format!("[::1]:{port}").parse().unwrap(), Some("[2001:db8::1]:443".parse().unwrap()))
}

fn basic(port: u16) -> BasicRow {
    let (local, remote) = ends(port);
    BasicRow::new(State::Established, local, remote)
}

fn module(port: u16, cookie: u64) -> OwnerModuleRow {
    let (local, remote) = ends(port);
    let parts = Parts::new(State::Established, local, remote);
    OwnerModuleRow::build(&Parts { module: socket_info::pack(9, 0, cookie, 0), ..parts })
}

/// Reports a socket whose number of unread bytes is `unread`.
fn push(stats: &mut Stats, port: u16, cookie: u64, unread: u32) {
    let values = BaseValues { receive_queue: unread, send_queue: Some(0), ..BaseValues::default() };
    stats.push_reported(&basic(port), &Reported { values, cookie, ..Reported::default() }).unwrap();
    stats.index_entries().unwrap();
}

fn unread<R: Row>(stats: &Stats, row: &R) -> Option<u64> {
    stats.of(row)?.unread_bytes
}

#[test]
fn a_row_is_found_by_its_ends() {
    let mut stats = Stats::new();
    assert!(stats.is_empty() && stats.of(&basic(1)).is_none());
    push(&mut stats, 1, 7, 100);
    push(&mut stats, 2, 8, 200);
    assert_eq!((unread(&stats, &basic(1)), unread(&stats, &basic(2))), (Some(100), Some(200)));
    assert_eq!(unread(&stats, &basic(1).to_class::<OwnerPidRow>()), Some(100));
    assert_eq!(unread(&stats, &basic(3)), None);
    let scoped = BasicRow::new(State::Established, "[::1%2]:1".parse().unwrap(), ends(1).1);
    assert_eq!(unread(&stats, &scoped), None);
    let listed: Vec<_> = stats.iter().map(|socket| (socket.local(), socket.remote(), socket.state())).collect();
    assert_eq!(listed, [1, 2].map(|port| (ends(port).0, ends(port).1, State::Established)));
}

#[test]
fn the_remote_end_of_a_listener_is_ignored() {
    let mut stats = Stats::new();
    let listener = BasicRow::new(State::Listen, ends(1).0, None);
    let reported = Reported { values: BaseValues { receive_queue: 3, ..BaseValues::default() }, ..Reported::default() };
    stats.push_reported(&listener, &reported).unwrap();
    stats.index_entries().unwrap();
    let undefined = BasicRow::new(State::Listen, ends(1).0, ends(9).1);
    assert_eq!(stats.of(&undefined).unwrap().accept_queue, Some(3));
    assert_eq!(stats.iter().next().unwrap().remote(), None);
}

#[test]
fn an_identity_must_be_the_same() {
    let mut stats = Stats::new();
    push(&mut stats, 1, 7, 100);
    push(&mut stats, 2, 0, 200);
    assert_eq!(unread(&stats, &module(1, 7)), Some(100));
    assert_eq!(unread(&stats, &module(1, 8)), None, "a later connection with the same ends");
    assert_eq!(unread(&stats, &module(1, 0)), Some(100), "a row from /proc");
    assert_eq!(unread(&stats, &module(2, 0)), Some(200), "both from /proc");
    assert_eq!(unread(&stats, &module(2, 7)), None);
}

#[test]
fn sockets_with_the_same_ends_are_found_by_their_identity_alone() {
    let mut stats = Stats::new();
    for cookie in 1..=3_000u32 {
        push(&mut stats, 1, cookie.into(), cookie);
    }
    push(&mut stats, 1, 0, 9_999);
    push(&mut stats, 2, 7, 77);
    for cookie in 1..=3_000 {
        assert_eq!(unread(&stats, &module(1, cookie)), Some(cookie));
    }
    assert_eq!(unread(&stats, &module(1, 3_001)), None);
    assert_eq!(unread(&stats, &basic(1)), None);
    assert_eq!(unread(&stats, &module(1, 0)), None);
    assert_eq!(unread(&stats, &module(2, 7)), Some(77));
    assert_eq!(stats.len(), 3_002);
}

#[test]
fn attributes_belong_to_their_socket() {
    let mut stats = Stats::new().request(StatsKinds::all());
    let infos: Vec<Vec<u8>> = (0..4u8).map(|number| vec![number; 104]).collect();
    let memory = [1u32, 2].map(u32::to_ne_bytes).concat();
    let reported =
        |info, algorithm, memory| Reported { info, algorithm, memory, uid: Some(5), cookie: 3, ..Reported::default() };
    let all = [
        reported(None, None, None),
        reported(Some(&infos[1][..]), Some(&b"cubic\0"[..]), None),
        reported(Some(&infos[2][..]), None, Some(&memory[..])),
        reported(Some(&infos[3][..]), Some(&b"0123456789abcdef"[..]), Some(&memory[..4])),
    ];
    for (port, reported) in (0..).zip(&all) {
        stats.push_reported(&basic(port), reported).unwrap();
    }
    stats.index_entries().unwrap();
    for (port, Reported { info, algorithm, memory, .. }) in (0..).zip(&all) {
        let found = stats.get(&basic(port)).unwrap();
        assert_eq!(found.tcp_info().map(TcpInfo::raw), *info, "{port}");
        assert_eq!(found.algorithm_bytes(), algorithm.map(|name| name.strip_suffix(b"\0").unwrap_or(name)), "{port}");
        assert_eq!(found.memory(), memory.map(SocketMemory::from_bytes), "{port}");
        assert_eq!((found.uid(), found.cookie()), (Some(5), NonZeroU64::new(3)), "{port}");
    }
}

#[test]
fn nothing_remains_after_clear() {
    let mut stats = Stats::new();
    for port in 0..1_000 {
        push(&mut stats, port, 7, 1);
    }
    stats.set_taken(SystemTime::UNIX_EPOCH, Instant::now());
    assert!(stats.taken_at().is_some() && stats.instant().is_some());
    stats.clear();
    assert!(stats.is_empty() && stats.taken_at().is_none() && stats.instant().is_none());
    assert!((0..1_000).all(|port| stats.of(&basic(port)).is_none()));
    push(&mut stats, 5, 7, 2);
    assert_eq!((stats.len(), unread(&stats, &basic(5)), unread(&stats, &basic(6))), (1, Some(2), None));
}

#[test]
fn each_reading_uses_the_storage_of_the_one_before() {
    let mut stats = Stats::new();
    for reading in 1..=20 {
        stats.clear();
        for port in 0..100 {
            let info = [port as u8; 104];
            let reported = Reported { cookie: 7, info: Some(&info), ..Reported::default() };
            stats.push_reported(&basic(port), &reported).unwrap();
        }
        stats.index_entries().unwrap();
        assert_eq!(stats.infos.len(), 100, "reading {reading}");
        assert_eq!(stats.get(&basic(99)).unwrap().tcp_info().unwrap().raw(), [99; 104]);
    }
}

#[test]
fn inserted_statistics_are_found_by_ends_and_identity() {
    let mut stats = Stats::new();
    let of = |bytes| ConnectionStats { bytes_sent: Some(bytes), ..ConnectionStats::default() };
    stats.insert(&module(1, 7), of(70)).unwrap();
    stats.insert(&module(1, 8), of(80)).unwrap();
    stats.insert(&basic(2), of(20)).unwrap();
    assert_eq!((stats.of(&module(1, 7)), stats.of(&module(1, 8))), (Some(of(70)), Some(of(80))));
    assert_eq!((stats.of(&basic(1)), stats.of(&basic(2))), (None, Some(of(20))));
    let found = stats.get(&basic(2)).unwrap();
    assert!(found.timer().is_none() && found.uid().is_none() && found.tcp_info().is_none() && found.cookie().is_none());
}

/// The socket that a model finds: by ends and identity in a map of all sockets.
fn expected(sockets: &[(u16, u64)], port: u16, cookie: u64) -> Option<usize> {
    let mut map: HashMap<u16, Vec<(u64, usize)>> = HashMap::new();
    for (at, (port, cookie)) in sockets.iter().enumerate() {
        map.entry(*port).or_default().push((*cookie, at));
    }
    let same_ends = map.get(&port)?;
    match cookie {
        0 if same_ends.len() == 1 => Some(same_ends[0].1),
        0 => None,
        cookie => same_ends.iter().find(|(other, _)| *other == cookie).map(|(_, at)| *at),
    }
}

#[test]
fn finds_what_a_map_finds_in_every_table_of_a_series() {
    let config = ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() };
    let socket = (0..40u16, prop_oneof![Just(0u64), 1..6u64]);
    let tables = vec(vec(socket, 0..120), 1..5);
    proptest!(config, |(tables in tables)| {
        let mut stats = Stats::new();
        for mut sockets in tables {
            // The kernel lists each cookie once.
            let mut seen = HashSet::new();
            sockets.retain(|socket| socket.1 == 0 || seen.insert(*socket));
            stats.clear();
            for (at, (port, cookie)) in (0..).zip(&sockets) {
                push(&mut stats, *port, *cookie, at);
            }
            prop_assert_eq!(stats.len(), sockets.len());
            for port in 0..41 {
                let position = |found: Option<u64>| found.map(|unread| unread as usize);
                prop_assert_eq!(position(unread(&stats, &basic(port))), expected(&sockets, port, 0));
                for cookie in 0..7 {
                    let found = position(unread(&stats, &module(port, cookie)));
                    prop_assert_eq!(found, expected(&sockets, port, cookie), "{} {}", port, cookie);
                }
            }
        }
    });
}
