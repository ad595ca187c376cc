use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;

use super::*;

const ESTABLISHED: u8 = 1;
const FIN_WAIT_2: u8 = 5;
const TIME_WAIT: u8 = 6;
const LISTEN: u8 = 10;
const ALL: u32 = 0xFFE;

/// A socket of the model: its state, and when it is due to end if that is TIME-WAIT.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sock {
    state: u8,
    due: u64,
}

/// The kernel's table by cookie.
type Table = BTreeMap<u64, Sock>;

/// The message of a socket. Sockets share their ends by threes.
fn message(cookie: u64, sock: Sock, now: u64) -> [u8; 72] {
    let mut bytes = [0; 72];
    bytes[..2].copy_from_slice(&[10, sock.state]);
    bytes[4..6].copy_from_slice(&((cookie / 3) as u16).to_be_bytes());
    bytes[44..52].copy_from_slice(&cookie.to_ne_bytes());
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

/// Ends a dump while the kernel has this table: the cookies that were looked up, and those of them that were found.
fn finish(reconciler: &mut Reconciler, table: &Table) -> (Vec<u64>, Vec<u64>) {
    reconciler.find_missing().unwrap();
    let (mut asked, mut found) = (Vec::new(), Vec::new());
    let now = reconciler.started;
    let mut look_up = |reconciler: &mut Reconciler, id: SockId| {
        asked.push(id.cookie());
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
    (asked, found)
}

fn open(state: u8) -> Sock {
    Sock { state, due: 0 }
}

/// A dump at `now` that lists these sockets, none of them twice: what was looked up, and what was found.
fn dump(reconciler: &mut Reconciler, now: u64, listed: &[(u64, Sock)], table: &Table) -> (Vec<u64>, Vec<u64>) {
    reconciler.begin(ALL, now);
    for (cookie, sock) in listed {
        assert!(record(reconciler, *cookie, *sock), "{cookie}");
    }
    finish(reconciler, table)
}

fn established(cookies: &[u64]) -> Vec<(u64, Sock)> {
    cookies.iter().map(|cookie| (*cookie, open(ESTABLISHED))).collect()
}

#[test]
fn a_missing_socket_is_looked_up_once() {
    let mut reconciler = Reconciler::new();
    for (listed, alive, asked, found) in [
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
        let looked_up = dump(&mut reconciler, 0, &established(listed), &table);
        assert_eq!(looked_up, (asked.to_vec(), found.to_vec()), "{listed:?}");
    }
}

#[test]
fn a_socket_that_changes_its_state_is_not_looked_up() {
    let before = [(1, open(LISTEN)), (2, open(ESTABLISHED)), (3, open(ESTABLISHED)), (4, open(ESTABLISHED))];
    for state in 1..=12 {
        for place in [1, 3] {
            let mut reconciler = Reconciler::new();
            dump(&mut reconciler, 0, &before, &Table::new());
            let mut after = before.to_vec();
            let (cookie, _) = after.remove(2);
            after.insert(place, (cookie, Sock { state, due: 60_000 }));
            assert_eq!(dump(&mut reconciler, 0, &after, &Table::new()).0, [0; 0], "{state}");
            // And back, as no socket does.
            assert_eq!(dump(&mut reconciler, 0, &before, &Table::new()).0, [0; 0], "{state}");
        }
    }
}

#[test]
fn time_wait_is_looked_up_before_it_is_due_and_then_only_the_latest() {
    let waiting = |due| Sock { state: TIME_WAIT, due };
    let before = [(1, waiting(1_000)), (2, waiting(5_000)), (3, waiting(3_000)), (4, waiting(2_000))];
    let asked = |now: u64, table: &[u64]| {
        let mut reconciler = Reconciler::new();
        let alive = before.iter().filter(|(cookie, _)| table.contains(cookie)).copied().collect();
        dump(&mut reconciler, 0, &before, &alive);
        dump(&mut reconciler, now, &[], &alive).0
    };
    // All are passed over before any is due.
    assert_eq!(asked(999, &[1, 2, 3, 4]), [1, 2, 3, 4]);
    // Those that have ended are not asked for, but for the latest.
    assert_eq!(asked(6_000, &[]), [2]);
    // The kernel is late: it still has the two that were due last.
    assert_eq!(asked(6_000, &[2, 3]), [2, 3, 4]);
    // One is not due, two are overdue, and one of these has ended.
    assert_eq!(asked(2_500, &[2, 3, 4]), [2, 3, 4, 1]);
}

#[test]
fn each_dump_reports_anew_when_a_socket_is_due() {
    let mut reconciler = Reconciler::new();
    dump(&mut reconciler, 0, &[(1, Sock { state: TIME_WAIT, due: 1_000 })], &Table::new());
    // A retransmitted FIN starts its timer again.
    let again = (1, Sock { state: TIME_WAIT, due: 61_000 });
    dump(&mut reconciler, 900, &[again], &Table::new());
    let table = Table::from([again]);
    assert_eq!(dump(&mut reconciler, 2_000, &[], &table), (vec![1], vec![1]));
}

#[test]
fn duplicates_are_found_wherever_they_are_listed() {
    let socks = |cookies: &[u64]| cookies.iter().map(|c| (*c, open(ESTABLISHED))).collect::<Vec<_>>();
    for known in [&[][..], &[1, 1025, 2049], &[1, 1025], &[1], &[2049, 1025, 1]] {
        let mut reconciler = Reconciler::new();
        dump(&mut reconciler, 0, &socks(known), &Table::new());
        for _ in 0..2 {
            reconciler.begin(ALL, 0);
            // Cookies that a table with 1,024 places could not keep apart.
            for (cookie, is_first) in [(1, true), (1025, true), (1, false), (2049, true), (1025, false), (1, false)] {
                assert_eq!(record(&mut reconciler, cookie, open(ESTABLISHED)), is_first, "{known:?} {cookie}");
            }
            assert_eq!(finish(&mut reconciler, &Table::new()).0, [0; 0]);
        }
    }
}

#[test]
fn a_socket_listed_twice_in_two_states_is_one() {
    let mut reconciler = Reconciler::new();
    for _ in 0..2 {
        reconciler.begin(ALL, 0);
        assert!(record(&mut reconciler, 7, open(FIN_WAIT_2)));
        assert!(!record(&mut reconciler, 7, Sock { state: TIME_WAIT, due: 60_000 }));
        assert_eq!(finish(&mut reconciler, &Table::new()).0, [0; 0]);
    }
}

#[test]
fn sockets_without_a_cookie_are_not_compared() {
    let mut reconciler = Reconciler::new();
    for listed in [&[0, 0, 1, u64::MAX, u64::MAX][..], &[0, 1], &[1, 0, 0, 0]] {
        assert_eq!(dump(&mut reconciler, 0, &established(listed), &Table::new()).0, [0; 0], "{listed:?}");
    }
}

#[test]
fn after_a_failed_dump_the_next_is_compared_with_the_last_good_one() {
    let mut reconciler = Reconciler::new();
    let table: Table = established(&[1, 2, 3]).into_iter().collect();
    dump(&mut reconciler, 0, &established(&[1, 2, 3]), &table);
    for listed in [[4, 1], [1, 5]] {
        reconciler.begin(ALL, 0);
        assert!(listed.iter().all(|cookie| record(&mut reconciler, *cookie, open(ESTABLISHED))));
        reconciler.find_missing().unwrap();
    }
    assert_eq!(dump(&mut reconciler, 0, &established(&[1]), &table).1, [2, 3]);
}

#[test]
fn after_a_dump_of_other_states_nothing_is_missing() {
    let mut reconciler = Reconciler::new();
    for states in [ALL, 1 << LISTEN, ALL, 1 << ESTABLISHED] {
        reconciler.begin(states, 0);
        assert_eq!(finish(&mut reconciler, &Table::new()).0, [0; 0]);
        reconciler.begin(states, 0);
        record(&mut reconciler, 1, open(LISTEN));
        assert_eq!(finish(&mut reconciler, &Table::new()).0, [0; 0]);
    }
}

fn state() -> impl Strategy<Value = u8> {
    prop_oneof![4 => Just(ESTABLISHED), 3 => Just(TIME_WAIT), 1 => Just(FIN_WAIT_2), 1 => Just(LISTEN), 1 => 1..=12u8]
}

#[test]
fn each_socket_is_listed_once_and_none_that_lasts_is_missing() {
    // What opens or changes its state and what is reset before a dump, how much time passes, what the dump passes over,
    // and what it lists again a few places later. Other states change between the dump and the look-ups.
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
        // No cookie is used again.
        let mut used = BTreeSet::new();
        let (mut now, mut previous, mut previous_states) = (0, Vec::new(), 0);
        let mut waiting = BTreeSet::new();
        for (changed, reset, passes, passed_over, twice, late, states, order) in steps {
            now += passes;
            // The kernel is up to 2,048 ms late.
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
            // What is overdue ends in order, by itself.
            table.retain(|cookie, sock| !reset.contains(cookie) || sock.state == TIME_WAIT && sock.due <= now);
            let is_in = |sock: &Sock| states >> sock.state & 1 == 1;

            let mut listed: Vec<(u64, Sock)> =
                table.iter().filter(|(c, s)| is_in(s) && !passed_over.contains(c)).map(|(c, s)| (*c, *s)).collect();
            if order % 3 == 0 && !listed.is_empty() {
                let at = order as usize % listed.len();
                listed.rotate_left(at);
            }
            for (at, behind) in twice {
                if let Some(again) = listed.get(at).copied() {
                    listed.insert((at + behind).min(listed.len()), again);
                }
            }
            reconciler.begin(states, now);
            let mut rows = Vec::new();
            for (cookie, sock) in &listed {
                if record(&mut reconciler, *cookie, *sock) {
                    rows.push(*cookie);
                }
            }
            change(&mut table, late);
            let (asked, found) = finish(&mut reconciler, &table);
            prop_assert!(asked.iter().all(|cookie| !listed.iter().any(|(c, _)| c == cookie)), "listed: {asked:?}");
            let mut once = asked.clone();
            once.sort_unstable();
            once.dedup();
            prop_assert_eq!(once.len(), asked.len(), "each is looked up once");
            let has_ended = |c: &&u64| waiting.contains(*c) && !table.contains_key(c) && !reset.contains(c);
            let ended = asked.iter().filter(has_ended).count();
            prop_assert!(ended <= 1, "{} look-ups of what ended by itself", ended);

            rows.extend(&found);
            rows.retain(|cookie| *cookie != 0);
            let count = rows.len();
            rows.sort_unstable();
            rows.dedup();
            prop_assert_eq!(rows.len(), count, "each once");
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
