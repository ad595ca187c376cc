use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;

use super::*;
use crate::table::query::Query;

const ESTABLISHED: u8 = 1;
const FIN_WAIT_2: u8 = 5;
const TIME_WAIT: u8 = 6;
const LISTEN: u8 = 10;
const ALL: u32 = 0xFFE;

/// A socket of the model: its state, and its due time in TIME-WAIT.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sock {
    state: u8,
    due: u64,
}

/// The kernel's table, keyed by cookie.
type Table = BTreeMap<u64, Sock>;

/// The message of a socket. Three sockets with successive cookies share their ends.
fn message(cookie: u64, sock: Sock, now: u64) -> [u8; 72] {
    let mut bytes = [0; 72];
    bytes[..2].copy_from_slice(&[10, sock.state]);
    bytes[4..6].copy_from_slice(&((cookie / 3) as u16).to_be_bytes());
    bytes[44..48].copy_from_slice(&(cookie as u32).to_ne_bytes());
    bytes[48..52].copy_from_slice(&((cookie >> 32) as u32).to_ne_bytes());
    if sock.state == TIME_WAIT {
        bytes[2] = 3;
        bytes[52..56].copy_from_slice(&(sock.due.saturating_sub(now) as u32).to_ne_bytes());
    }
    bytes
}

fn record(reconciler: &mut Reconciler, cookie: u64, sock: Sock) -> bool {
    let now = reconciler.started;
    reconciler.record(InetDiagMsg::new(&message(cookie, sock, now)).unwrap().unwrap()).unwrap()
}

/// Ends a dump and looks up missing sockets in `table`.
///
/// Returns the cookies looked up, and those found.
fn finish(reconciler: &mut Reconciler, table: &Table) -> (Vec<u64>, Vec<u64>) {
    reconciler.find_missing().unwrap();
    let (mut looked_up, mut found) = (Vec::new(), Vec::new());
    let now = reconciler.started;
    let mut look_up = |reconciler: &mut Reconciler, id: SockId| {
        looked_up.push(id.cookie());
        let Some(sock) = table.get(&id.cookie()) else { return false };
        let bytes = message(id.cookie(), *sock, now);
        reconciler.recover(InetDiagMsg::new(&bytes).unwrap().unwrap()).unwrap();
        found.push(id.cookie());
        true
    };
    for id in reconciler.take_missing() {
        look_up(reconciler, id);
    }
    while let Some(id) = reconciler.next_overdue() {
        if !look_up(reconciler, id) {
            break;
        }
    }
    reconciler.commit().unwrap();
    (looked_up, found)
}

fn open(state: u8) -> Sock {
    Sock { state, due: 0 }
}

/// Records a dump without duplicates at `now` and finishes it.
///
/// Returns the cookies looked up, and those found.
fn dump(reconciler: &mut Reconciler, now: u64, listed: &[(u64, Sock)], table: &Table) -> (Vec<u64>, Vec<u64>) {
    reconciler.begin(&Selection::in_states(ALL), now);
    for (cookie, sock) in listed {
        assert!(record(reconciler, *cookie, *sock), "{cookie}");
    }
    finish(reconciler, table)
}

fn established(cookies: &[u64]) -> Vec<(u64, Sock)> {
    cookies.iter().map(|cookie| (*cookie, open(ESTABLISHED))).collect()
}

#[test]
fn looks_up_each_missing_socket_once() {
    let mut reconciler = Reconciler::new();
    for (listed, alive, looked_up, found) in [
        (&[1, 2, 3, 4][..], &[][..], &[][..], &[][..]),
        (&[1, 3, 4], &[2], &[2], &[2]),
        (&[1, 3, 4], &[2], &[2], &[2]),
        (&[1, 2, 3, 4], &[], &[], &[]),
        (&[4, 5, 1], &[], &[2, 3], &[]),
        (&[4, 5, 1], &[], &[], &[]),
        (&[4, 5], &[], &[1], &[]),
        (&[], &[4, 5], &[4, 5], &[4, 5]),
        (&[4, 5], &[], &[], &[]),
    ] {
        let table = established(alive).into_iter().collect();
        let result = dump(&mut reconciler, 0, &established(listed), &table);
        assert_eq!(result, (looked_up.to_vec(), found.to_vec()), "{listed:?}");
    }
}

#[test]
fn does_not_look_up_a_socket_that_changed_its_state() {
    let before = [(1, open(LISTEN)), (2, open(ESTABLISHED)), (3, open(ESTABLISHED)), (4, open(ESTABLISHED))];
    for state in 1..=12 {
        for place in [1, 3] {
            let mut reconciler = Reconciler::new();
            dump(&mut reconciler, 0, &before, &Table::new());
            let mut after = before.to_vec();
            let (cookie, _) = after.remove(2);
            after.insert(place, (cookie, Sock { state, due: 60_000 }));
            assert_eq!(dump(&mut reconciler, 0, &after, &Table::new()).0, [0; 0], "{state}");
            // The reverse change does not occur in the kernel.
            assert_eq!(dump(&mut reconciler, 0, &before, &Table::new()).0, [0; 0], "{state}");
        }
    }
}

#[test]
fn looks_up_time_wait_sockets_before_their_due_time_and_then_only_the_latest() {
    let waiting = |due| Sock { state: TIME_WAIT, due };
    let before = [(1, waiting(1_000)), (2, waiting(5_000)), (3, waiting(3_000)), (4, waiting(2_000))];
    let looked_up = |now: u64, table: &[u64]| {
        let mut reconciler = Reconciler::new();
        let alive = before.iter().filter(|(cookie, _)| table.contains(cookie)).copied().collect();
        dump(&mut reconciler, 0, &before, &alive);
        dump(&mut reconciler, now, &[], &alive).0
    };
    // No socket is due.
    assert_eq!(looked_up(999, &[1, 2, 3, 4]), [1, 2, 3, 4]);
    // All have expired: only the latest is looked up.
    assert_eq!(looked_up(6_000, &[]), [2]);
    // All are overdue, but the kernel still has the two with the latest due times.
    assert_eq!(looked_up(6_000, &[2, 3]), [2, 3, 4]);
    // Two are not due. Two are overdue, and one of these has expired.
    assert_eq!(looked_up(2_500, &[2, 3, 4]), [2, 3, 4, 1]);
}

#[test]
fn each_dump_updates_the_due_time() {
    let mut reconciler = Reconciler::new();
    dump(&mut reconciler, 0, &[(1, Sock { state: TIME_WAIT, due: 1_000 })], &Table::new());
    // A retransmitted FIN restarts the timer.
    let restarted = (1, Sock { state: TIME_WAIT, due: 61_000 });
    dump(&mut reconciler, 900, &[restarted], &Table::new());
    let table = Table::from([restarted]);
    assert_eq!(dump(&mut reconciler, 2_000, &[], &table), (vec![1], vec![1]));
}

#[test]
fn drops_duplicates_anywhere_in_a_dump() {
    let socks = |cookies: &[u64]| cookies.iter().map(|c| (*c, open(ESTABLISHED))).collect::<Vec<_>>();
    for known in [&[][..], &[1, 1025, 2049], &[1, 1025], &[1], &[2049, 1025, 1]] {
        let mut reconciler = Reconciler::new();
        dump(&mut reconciler, 0, &socks(known), &Table::new());
        for _ in 0..2 {
            reconciler.begin(&Selection::in_states(ALL), 0);
            // These cookies collide in a hash table with 1,024 slots that uses the low bits.
            for (cookie, is_first) in [(1, true), (1025, true), (1, false), (2049, true), (1025, false), (1, false)] {
                assert_eq!(record(&mut reconciler, cookie, open(ESTABLISHED)), is_first, "{known:?} {cookie}");
            }
            assert_eq!(finish(&mut reconciler, &Table::new()).0, [0; 0]);
        }
    }
}

#[test]
fn drops_a_duplicate_with_another_state() {
    let mut reconciler = Reconciler::new();
    for _ in 0..2 {
        reconciler.begin(&Selection::in_states(ALL), 0);
        assert!(record(&mut reconciler, 7, open(FIN_WAIT_2)));
        assert!(!record(&mut reconciler, 7, Sock { state: TIME_WAIT, due: 60_000 }));
        assert_eq!(finish(&mut reconciler, &Table::new()).0, [0; 0]);
    }
}

#[test]
fn does_not_compare_sockets_without_a_cookie() {
    let mut reconciler = Reconciler::new();
    for listed in [&[0, 0, 1, u64::MAX, u64::MAX][..], &[0, 1], &[1, 0, 0, 0]] {
        assert_eq!(dump(&mut reconciler, 0, &established(listed), &Table::new()).0, [0; 0], "{listed:?}");
    }
}

#[test]
fn compares_with_the_last_committed_dump() {
    let mut reconciler = Reconciler::new();
    let table: Table = established(&[1, 2, 3]).into_iter().collect();
    dump(&mut reconciler, 0, &established(&[1, 2, 3]), &table);
    for listed in [[4, 1], [1, 5]] {
        reconciler.begin(&Selection::in_states(ALL), 0);
        assert!(listed.iter().all(|cookie| record(&mut reconciler, *cookie, open(ESTABLISHED))));
        reconciler.find_missing().unwrap();
    }
    assert_eq!(dump(&mut reconciler, 0, &established(&[1]), &table).1, [2, 3]);
}

#[test]
fn nothing_is_missing_after_a_dump_of_other_states() {
    let mut reconciler = Reconciler::new();
    for states in [ALL, 1 << LISTEN, ALL, 1 << ESTABLISHED] {
        reconciler.begin(&Selection::in_states(states), 0);
        assert_eq!(finish(&mut reconciler, &Table::new()).0, [0; 0]);
        reconciler.begin(&Selection::in_states(states), 0);
        record(&mut reconciler, 1, open(LISTEN));
        assert_eq!(finish(&mut reconciler, &Table::new()).0, [0; 0]);
    }
}

#[test]
fn nothing_is_missing_after_a_dump_with_other_conditions() {
    let queries = [
        Query::all(),
        Query::all().local_port(1),
        Query::all().local_port(2),
        Query::all().remote_port(2),
        Query::all().port(2),
        Query::all().local_net("::1/128".parse().unwrap()),
        Query::all().without_v4_mapped(),
    ];
    let mut reconciler = Reconciler::new();
    for query in queries {
        let selection = Selection::of(&query);
        for missing in [&[][..], &[1]] {
            reconciler.begin(&selection, 0);
            if missing.is_empty() {
                record(&mut reconciler, 1, open(ESTABLISHED));
            }
            assert_eq!(finish(&mut reconciler, &Table::new()).0, missing, "{query:?}");
        }
        reconciler.begin(&selection, 0);
        record(&mut reconciler, 1, open(ESTABLISHED));
        assert_eq!(finish(&mut reconciler, &Table::new()).0, [0; 0]);
    }
}

fn state() -> impl Strategy<Value = u8> {
    prop_oneof![4 => Just(ESTABLISHED), 3 => Just(TIME_WAIT), 1 => Just(FIN_WAIT_2), 1 => Just(LISTEN), 1 => 1..=12u8]
}

#[test]
fn lists_each_socket_once_and_misses_none_that_still_exists() {
    // In order: sockets that open or change their state before the dump, sockets that are reset, the time that passes,
    // sockets that the dump skips, positions of duplicates, changes between the dump and the look-ups, the requested
    // states, and a number that determines the order of the dump.
    let cookies = || btree_set(0..60u64, 0..20);
    let step = (
        btree_map(0..60u64, state(), 0..20),
        cookies(),
        prop_oneof![0..3_000u64, 0..70_000u64],
        cookies(),
        vec((0..60usize, 1..60usize), 0..4),
        btree_map(0..60u64, state(), 0..4),
        prop_oneof![4 => Just(ALL), 1 => Just(1 << ESTABLISHED), 1 => Just(1 << TIME_WAIT)],
        any::<u64>(),
    );
    let config = ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(steps in vec(step, 1..12))| {
        let mut reconciler = Reconciler::new();
        let mut table = Table::new();
        // Cookies are not reused.
        let mut used = BTreeSet::new();
        let (mut now, mut previous, mut previous_states) = (0, Vec::new(), 0);
        let mut waiting = BTreeSet::new();
        for (changed, reset, elapsed, skipped, duplicates, late, states, order) in steps {
            now += elapsed;
            // The kernel removes sockets up to 2,048 ms after their due time.
            table.retain(|_, sock| sock.state != TIME_WAIT || now < (sock.due / 2_048 + 1) * 2_048);
            let mut change = |table: &mut Table, changed: BTreeMap<u64, u8>| {
                for (cookie, state) in changed {
                    let is_waiting = table.get(&cookie).is_some_and(|sock| sock.state == TIME_WAIT);
                    let is_new = used.insert(cookie);
                    if is_new || table.contains_key(&cookie) && !is_waiting {
                        table.insert(cookie, Sock { state, due: now + 60_000 });
                    }
                }
            };
            change(&mut table, changed);
            // Overdue sockets are not reset: they expire in order.
            table.retain(|cookie, sock| !reset.contains(cookie) || sock.state == TIME_WAIT && sock.due <= now);
            let is_in = |sock: &Sock| states >> sock.state & 1 == 1;

            let mut listed: Vec<(u64, Sock)> =
                table.iter().filter(|(c, s)| is_in(s) && !skipped.contains(c)).map(|(c, s)| (*c, *s)).collect();
            if order % 3 == 0 && !listed.is_empty() {
                let at = order as usize % listed.len();
                listed.rotate_left(at);
            }
            for (at, distance) in duplicates {
                if let Some(duplicate) = listed.get(at).copied() {
                    listed.insert((at + distance).min(listed.len()), duplicate);
                }
            }
            reconciler.begin(&Selection::in_states(states), now);
            let mut rows = Vec::new();
            for (cookie, sock) in &listed {
                if record(&mut reconciler, *cookie, *sock) {
                    rows.push(*cookie);
                }
            }
            change(&mut table, late);
            let (looked_up, found) = finish(&mut reconciler, &table);
            let is_listed = |cookie: &u64| listed.iter().any(|(c, _)| c == cookie);
            prop_assert!(!looked_up.iter().any(is_listed), "looked up although listed: {looked_up:?}");
            let mut unique = looked_up.clone();
            unique.sort_unstable();
            unique.dedup();
            prop_assert_eq!(unique.len(), looked_up.len(), "looked up twice");
            let has_expired = |c: &&u64| waiting.contains(*c) && !table.contains_key(c) && !reset.contains(c);
            let expired = looked_up.iter().filter(has_expired).count();
            prop_assert!(expired <= 1, "{} look-ups of expired sockets", expired);

            rows.extend(&found);
            rows.retain(|cookie| *cookie != 0);
            let count = rows.len();
            rows.sort_unstable();
            rows.dedup();
            prop_assert_eq!(rows.len(), count, "listed twice");
            if previous_states == states {
                let missing = previous.iter().find(|c| table.contains_key(c) && rows.binary_search(c).is_err());
                prop_assert_eq!(missing, None);
            }
            let is_waiting = |(cookie, sock): &(u64, Sock)| (sock.state == TIME_WAIT).then_some(*cookie);
            let recovered = found.iter().map(|cookie| (*cookie, table[cookie]));
            waiting = listed.iter().copied().chain(recovered).filter_map(|row| is_waiting(&row)).collect();
            (previous, previous_states) = (rows, states);
        }
    });
}

#[test]
fn bound_sockets_are_listed_once_and_never_looked_up() {
    const BOUND: u8 = 7;
    let mut reconciler = Reconciler::new();
    let all_and_bound = Selection::in_states(ALL | 1 << 13);
    let table = Table::new();
    for _ in 0..2 {
        reconciler.begin(&all_and_bound, 0);
        // The walks come in this order: listeners, bound sockets, connections.
        for (cookie, state, is_first) in [
            (1, LISTEN, true),
            (2, LISTEN, true),
            (3, BOUND, true),
            (4, BOUND, true),
            // Listed twice by the walk of bound sockets; a listener that stopped; a socket that connected.
            (3, BOUND, false),
            (2, BOUND, false),
            (4, ESTABLISHED, false),
            (5, ESTABLISHED, true),
        ] {
            assert_eq!(record(&mut reconciler, cookie, open(state)), is_first, "{cookie}, {state}");
        }
        assert_eq!(finish(&mut reconciler, &table), (vec![], vec![]));
    }
    // Without the bound sockets, only the others are missing. None of them exists any more.
    reconciler.begin(&all_and_bound, 0);
    let (mut looked_up, found) = finish(&mut reconciler, &table);
    looked_up.sort_unstable();
    assert_eq!((looked_up, found), (vec![1, 2, 5], vec![]));
    // A connection that is only bound now is not missing.
    reconciler.begin(&all_and_bound, 0);
    assert!(record(&mut reconciler, 6, open(ESTABLISHED)));
    assert!(finish(&mut reconciler, &table).0.is_empty());
    reconciler.begin(&all_and_bound, 0);
    assert!(record(&mut reconciler, 6, open(BOUND)));
    assert!(finish(&mut reconciler, &table).0.is_empty());
    // If they are not requested, a socket in the state CLOSED is one that closes while it is listed.
    reconciler.begin(&Selection::in_states(ALL), 0);
    assert!(record(&mut reconciler, 7, open(BOUND)));
    assert!(finish(&mut reconciler, &table).0.is_empty());
    reconciler.begin(&Selection::in_states(ALL), 0);
    assert_eq!(finish(&mut reconciler, &table).0, [7]);
}
