use core::time::Duration;

use super::*;
use crate::row::class::OwnerPidRow;
use crate::row::state::State;
use crate::stats::connection::ConnectionStats;
use crate::stats::kinds::StatsKinds;
use crate::system::windows::estats::script::Script;
use crate::system::windows::estats::types::Type;

fn row<R: Row>(state: State, port: u16) -> R {
    R::new(state, format!("[fe80::1%7]:{port}").parse().unwrap(), Some("[fe80::2%7]:443".parse().unwrap()))
}

fn open(port: u16) -> BasicRow {
    row(State::Established, port)
}

/// Reads the statistics of these kinds, besides the queues.
fn stats(script: &Script, rows: &[BasicRow], kinds: StatsKinds) -> Stats {
    let mut stats = Stats::new().request(kinds);
    read(&mut script.clone(), rows, &Query::all(), &mut stats).unwrap();
    stats
}

#[test]
fn enabled_types_have_values_and_disabled_ones_none() {
    let script = Script::new(&[1, 2]);
    script.enable(1, &Type::ALL);
    script.enable(2, &[Type::SendBuff, Type::Path]);
    let stats = stats(&script, &[open(1), open(2)], StatsKinds::all());
    let all = ConnectionStats {
        bytes_acknowledged: Some(900),
        bytes_received: Some(0),
        bytes_sent: Some(1_000),
        bytes_retransmitted: Some(0),
        segments_retransmitted: Some(3),
        segments_sent: Some(0),
        segments_received: Some(0),
        rtt: Some(Duration::from_micros(30_500)),
        rtt_variation: Some(Duration::from_micros(400)),
        min_rtt: Some(Duration::from_micros(29_000)),
        congestion_window: Some(14_600),
        slow_start_threshold: Some(0),
        peer_window: Some(64_000),
        own_window: Some(65_535),
        unread_bytes: Some(5),
        send_queue_bytes: Some(120),
        unacknowledged_bytes: Some(100),
        unsent_bytes: Some(20),
        ..ConnectionStats::default()
    };
    assert_eq!(stats.of(&open(1)), Some(all));
    let some = ConnectionStats {
        bytes_retransmitted: Some(0),
        segments_retransmitted: Some(3),
        rtt: Some(Duration::from_millis(30)),
        rtt_variation: Some(Duration::ZERO),
        send_queue_bytes: Some(120),
        unacknowledged_bytes: Some(100),
        unsent_bytes: Some(20),
        ..ConnectionStats::default()
    };
    assert_eq!(stats.of(&open(2)), Some(some));
    let sender = |port: u16| stats.get(&open(port)).unwrap().sender();
    assert_eq!(sender(1).unwrap().limited_by_receiver, Some(Duration::from_millis(70)));
    let path = SenderStats {
        limited_by_receiver: None,
        limited_by_congestion: None,
        limited_by_sender: None,
        ..sender(1).unwrap()
    };
    assert_eq!((sender(2), path.fast_retransmits), (Some(path), Some(2)));
    assert_eq!(stats.failures(), None);
}

#[test]
fn a_connection_without_a_collection_has_only_unknown_values() {
    let script = Script::new(&[1]);
    let stats = stats(&script, &[open(1)], StatsKinds::all());
    assert_eq!(stats.of(&open(1)), Some(ConnectionStats::default()));
    assert_eq!(stats.get(&open(1)).unwrap().sender(), None);
}

#[test]
fn each_type_is_read_once_for_each_connection_that_the_query_selects() {
    let states = [
        (State::Closed, false),
        (State::Listen, false),
        (State::SynSent, true),
        (State::SynReceived, true),
        (State::Established, true),
        (State::FinWait1, true),
        (State::FinWait2, true),
        (State::CloseWait, true),
        (State::Closing, true),
        (State::LastAck, true),
        (State::TimeWait, false),
        (State::DeleteTcb, false),
        (State::Bound, false),
        (State::Other(77), true),
    ];
    let rows: Vec<OwnerPidRow> = (1..).zip(states).map(|(port, (state, _))| row(state, port)).collect();
    let script = Script::new(&(1..=14).collect::<Vec<_>>());
    for query in [Query::all(), Query::all().local_port(3), Query::all().local_port(2)] {
        let mut stats = Stats::new().request(StatsKinds::DATA);
        read(&mut script.clone(), &rows, &query, &mut stats).unwrap();
        let expected: Vec<String> = rows
            .iter()
            .zip(states)
            .filter(|(row, (_, is_asked))| *is_asked && query.matches(*row))
            .flat_map(|(row, _)| {
                ["Data", "Path", "SendBuff", "Rec"].map(|name| format!("read {} {name}", row.local().port()))
            })
            .collect();
        assert_eq!(script.log(), expected);
        assert_eq!(stats.len(), expected.len() / 4);
    }
}

#[test]
fn the_row_is_passed_as_the_system_wrote_it() {
    struct Witness(Vec<[u32; 5]>);
    impl Calls for Witness {
        fn read_switch(&mut self, _: &tcp6_sys::MIB_TCP6ROW, _: Type, _: &mut u8) -> u32 {
            panic!("only a collection reads a switch alone")
        }
        fn read(&mut self, row: &tcp6_sys::MIB_TCP6ROW, rw: &mut u8, _: &mut Rod) -> u32 {
            assert_eq!(*rw, 0);
            let numbers = [row.dwLocalScopeId, row.dwLocalPort, row.dwRemoteScopeId, row.dwRemotePort];
            self.0.push([row.State as u32, numbers[0], numbers[1], numbers[2], numbers[3]]);
            NO_ERROR
        }
        fn write_switch(&mut self, _: &tcp6_sys::MIB_TCP6ROW, _: Type, _: u8) -> u32 {
            panic!("reading changes nothing")
        }
    }
    let mut raw = *row::<OwnerPidRow>(State::CloseWait, 80).as_raw();
    // The upper half is undefined, and passed all the same.
    raw.dwLocalPort |= 0xABCD_0000;
    let mut witness = Witness(Vec::new());
    read(&mut witness, &[OwnerPidRow::from_raw(raw)], &Query::all(), &mut Stats::new()).unwrap();
    let port = |port: u16| u32::from(port.to_be());
    assert_eq!(witness.0, [[8, 7, 0xABCD_0000 | port(80), 7, port(443)]; 2]);
}

#[test]
fn a_connection_that_is_gone_is_left_out() {
    let script = Script::new(&[1, 2]);
    script.enable(1, &Type::ALL);
    script.enable(2, &Type::ALL);
    // Port 3 closed before the first call, and port 1 after its second.
    script.codes(&[0, 0, ERROR_NOT_FOUND]);
    let stats = stats(&script, &[open(1), open(3), open(2)], StatsKinds::DATA);
    assert_eq!(script.log().len(), 3 + 1 + 4);
    assert_eq!((stats.len(), stats.of(&open(1)), stats.failures()), (1, None, None));
    assert!(stats.of(&open(2)).is_some_and(|stats| stats.bytes_sent == Some(1_000)));
}

#[test]
fn a_type_that_the_system_lacks_is_asked_for_once() {
    let rows = [open(1), open(2)];
    for code in [50, 120] {
        let script = Script::new(&[1, 2]);
        script.codes(&[code; 2]);
        let none = stats(&script, &rows, StatsKinds::QUEUES);
        assert_eq!((none.len(), none.failures(), script.log().len()), (0, None, 2), "no type");
        script.codes(&[0, code]);
        let some = stats(&script, &rows, StatsKinds::QUEUES);
        assert_eq!((some.len(), some.failures(), script.log().len()), (2, None, 3), "no Rec");
    }
}

#[test]
fn failures_are_counted_once_for_each_connection() {
    let script = Script::new(&[1, 2, 3]);
    (1..=3).for_each(|port| script.enable(port, &Type::ALL));
    // Each connection is read until its first failure.
    script.codes(&[5, 0, 8, 0, 0]);
    let stats = stats(&script, &[open(1), open(2), open(3)], StatsKinds::QUEUES);
    let failures = stats.failures().unwrap();
    assert_eq!((failures.connections, failures.code), (2, 5), "the first code");
    assert_eq!(script.log().len(), 5);
    assert_eq!(stats.of(&open(1)), None);
    let partial = stats.of(&open(2)).unwrap();
    assert_eq!((partial.unsent_bytes, partial.unread_bytes), (Some(20), None), "read before the failure");
    assert_eq!(stats.of(&open(3)).unwrap().unread_bytes, Some(5));
    let error = failures.error();
    assert_eq!(error.raw_os_error(), Some(5));
    assert!(error.to_string().starts_with("GetPerTcp6ConnectionEStats: "), "{error}");

    let mut cleared = stats.clone();
    cleared.clear();
    assert_eq!((cleared.failures(), stats.failures()), (None, Some(failures)));
}

#[test]
fn kinds_without_types_need_no_call() {
    let script = Script::new(&[1]);
    let mut stats = Stats::new();
    read(&mut script.clone(), &[row::<BasicRow>(State::Listen, 1)], &Query::all(), &mut stats).unwrap();
    assert!(script.log().is_empty() && stats.is_empty());
}
