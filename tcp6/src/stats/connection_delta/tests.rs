use std::time::{Instant, SystemTime};

use super::*;
use crate::row::class::{BasicRow, OwnerModuleRow};
use crate::row::state::State;
use crate::stats::connection::ConnectionStats;
use crate::stats::linux::{BaseValues, Reported};

fn row<R: Row>(state: State, port: u16) -> R {
    R::new(state, format!("[::1]:{port}").parse().unwrap(), Some("[::1]:443".parse().unwrap()))
}

/// A `tcp_info` with these counters.
fn info(bytes_acked: u64, bytes_received: u64, total_retrans: u32, segs_out: u32) -> Vec<u8> {
    let mut bytes = vec![0; 144];
    bytes[100..104].copy_from_slice(&total_retrans.to_ne_bytes());
    bytes[120..128].copy_from_slice(&bytes_acked.to_ne_bytes());
    bytes[128..136].copy_from_slice(&bytes_received.to_ne_bytes());
    bytes[136..140].copy_from_slice(&segs_out.to_ne_bytes());
    bytes
}

/// Statistics that Linux reported `milliseconds` after `start`: state, local port, cookie,
/// `tcp_info`.
fn read(start: Instant, milliseconds: u64, sockets: &[(State, u16, u64, Option<&[u8]>)]) -> Stats {
    let mut stats = Stats::new();
    for (state, port, cookie, info) in sockets {
        let reported = Reported { cookie: *cookie, info: *info, ..Reported::default() };
        stats.push_reported(&row::<BasicRow>(*state, *port), &reported).unwrap();
    }
    stats.index_entries().unwrap();
    stats.set_taken(SystemTime::UNIX_EPOCH, start + Duration::from_millis(milliseconds));
    stats
}

const OPEN: State = State::Established;

#[test]
fn a_delta_has_the_growth_of_each_counter_and_its_rate() {
    let start = Instant::now();
    let (first, second) = (info(1_000, 70, 1, 9), info(6_000, 70, 3, 14));
    let earlier = read(start, 0, &[(OPEN, 1, 7, Some(&first)), (OPEN, 2, 8, Some(&first))]);
    // The order and the state may change.
    let later = read(start, 500, &[(OPEN, 2, 8, Some(&first)), (State::CloseWait, 1, 7, Some(&second))]);
    let delta = later.delta(&earlier, &row::<BasicRow>(OPEN, 1)).unwrap();
    assert_eq!(delta.elapsed, Duration::from_millis(500));
    assert_eq!((delta.bytes_acknowledged, delta.bytes_received), (Some(5_000), Some(0)));
    assert_eq!((delta.segments_retransmitted, delta.segments_sent), (Some(2), Some(5)));
    assert_eq!((delta.bytes_sent, delta.bytes_retransmitted), (None, None), "Linux 4.2 has no such counters");
    assert_eq!(delta.per_second(delta.bytes_acknowledged), Some(10_000.0));
    assert_eq!(delta.per_second(delta.bytes_sent), None);
    let unchanged = later.delta(&earlier, &row::<BasicRow>(OPEN, 2)).unwrap();
    assert_eq!((unchanged.bytes_acknowledged, unchanged.segments_sent), (Some(0), Some(0)));
    // Readings at the same moment have no rate.
    let again = later.delta(&later, &row::<BasicRow>(OPEN, 1)).unwrap();
    assert_eq!((again.elapsed, again.per_second(again.bytes_received)), (Duration::ZERO, None));
}

#[test]
fn the_first_reading_of_a_connection_is_a_baseline() {
    let start = Instant::now();
    let counters = info(1_000, 1_000, 0, 9);
    let empty = read(start, 0, &[]);
    let later = read(start, 500, &[(OPEN, 1, 7, Some(&counters))]);
    assert_eq!(later.delta(&empty, &row::<BasicRow>(OPEN, 1)), None);
    // A request has no counters.
    let request = read(start, 0, &[(State::SynReceived, 1, 7, None)]);
    assert_eq!(later.delta(&request, &row::<BasicRow>(OPEN, 1)), None);
    // Nor have queues alone.
    let queues = read(start, 0, &[(OPEN, 1, 7, None)]);
    assert_eq!(later.delta(&queues, &row::<BasicRow>(OPEN, 1)), None);
    assert_eq!(read(start, 500, &[(OPEN, 1, 7, None)]).delta(&queues, &row::<BasicRow>(OPEN, 1)), None);
}

#[test]
fn another_connection_with_the_same_ends_is_not_compared() {
    let start = Instant::now();
    let (small, large) = (info(10, 10, 0, 1), info(1_000, 1_000, 0, 9));
    let earlier = read(start, 0, &[(OPEN, 1, 7, Some(&small))]);
    let later = read(start, 500, &[(OPEN, 1, 8, Some(&large))]);
    assert_eq!(later.delta(&earlier, &row::<BasicRow>(OPEN, 1)), None);
    assert_eq!(later.delta(&earlier, &row::<OwnerModuleRow>(OPEN, 1)), None);
    // Without a cookie on one side, they cannot be compared.
    let unknown = read(start, 0, &[(OPEN, 1, 0, Some(&small))]);
    assert_eq!(later.delta(&unknown, &row::<BasicRow>(OPEN, 1)), None);
    let unknown = read(start, 500, &[(OPEN, 1, 0, Some(&large))]);
    assert_eq!(unknown.delta(&earlier, &row::<BasicRow>(OPEN, 1)), None);
    // Among several sockets with these ends, the cookie selects.
    let both = read(start, 0, &[(OPEN, 1, 6, Some(&small)), (OPEN, 1, 8, Some(&small))]);
    assert_eq!(later.delta(&both, &row::<BasicRow>(OPEN, 1)).unwrap().bytes_received, Some(990));
}

#[test]
fn a_close_ends_the_counters() {
    let start = Instant::now();
    let counters = info(1_000, 1_000, 0, 9);
    let open = read(start, 0, &[(OPEN, 1, 7, Some(&counters))]);
    let closed = read(start, 500, &[(State::TimeWait, 1, 7, None)]);
    assert_eq!(closed.delta(&open, &row::<BasicRow>(State::TimeWait, 1)), None);
}

#[test]
fn counters_of_32_bits_wrap_and_no_counter_decreases() {
    let start = Instant::now();
    let delta = |before: &[u8], after: &[u8]| {
        let earlier = read(start, 0, &[(OPEN, 1, 7, Some(before))]);
        let later = read(start, 1_000, &[(OPEN, 1, 7, Some(after))]);
        later.delta(&earlier, &row::<BasicRow>(OPEN, 1))
    };
    let wrapped = delta(&info(0, 0, u32::MAX, u32::MAX - 4), &info(0, 0, 1, 5)).unwrap();
    assert_eq!((wrapped.segments_retransmitted, wrapped.segments_sent), (Some(2), Some(10)));
    assert_eq!(delta(&info(5, 0, 0, 0), &info(4, 0, 0, 0)), None);
    assert_eq!(delta(&info(0, 5, 0, 0), &info(0, 4, 0, 0)), None);
    assert_eq!(delta(&info(0, 0, 5, 0), &info(0, 0, 4, 0)), None);
    assert_eq!(delta(&info(0, 0, 0, 5), &info(0, 0, 0, 4)), None);
    // The readings are swapped.
    let (earlier, later) = (read(start, 0, &[(OPEN, 1, 7, Some(&info(0, 0, 0, 0)))]), read(start, 9, &[]));
    assert_eq!(earlier.delta(&later, &row::<BasicRow>(OPEN, 1)), None);
    let later = read(start, 9, &[(OPEN, 1, 7, Some(&info(0, 0, 0, 0)))]);
    assert_eq!(earlier.delta(&later, &row::<BasicRow>(OPEN, 1)), None);
    assert!(later.delta(&earlier, &row::<BasicRow>(OPEN, 1)).is_some());
}

#[test]
fn windows_counts_segments_with_64_bits() {
    let start = Instant::now();
    let read = |milliseconds, connection: ConnectionStats| {
        let mut stats = Stats::new();
        stats.insert(&row::<BasicRow>(OPEN, 1), connection).unwrap();
        stats.set_taken(SystemTime::UNIX_EPOCH, start + Duration::from_millis(milliseconds));
        stats
    };
    let counters = |segments_sent, bytes_retransmitted| ConnectionStats {
        segments_sent: Some(segments_sent),
        bytes_retransmitted: Some(bytes_retransmitted),
        ..ConnectionStats::default()
    };
    let (earlier, later) = (read(0, counters(1, 0xFFFF_FFFF)), read(9, counters(1 << 33, 1)));
    let delta = later.delta(&earlier, &row::<BasicRow>(OPEN, 1)).unwrap();
    assert_eq!((delta.segments_sent, delta.bytes_retransmitted), (Some((1 << 33) - 1), Some(2)));
    // Statistics of two systems have nothing in common.
    let values = BaseValues { send_queue: Some(0), ..BaseValues::default() };
    let mut linux = Stats::new();
    let bytes = info(0, 0, 0, 0);
    let reported = Reported { values, info: Some(&bytes), ..Reported::default() };
    linux.push_reported(&row::<BasicRow>(OPEN, 1), &reported).unwrap();
    linux.index_entries().unwrap();
    linux.set_taken(SystemTime::UNIX_EPOCH, start);
    assert_eq!(later.delta(&linux, &row::<BasicRow>(OPEN, 1)), None);
}
