use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::super::{Recorder, Replay};
use super::*;
use crate::row::class::{BasicRow, Class, OwnerPidRow};
use crate::stats::{connection, sender};
use crate::table::buffer::Buffer;
use crate::table::query::Query;
use crate::table::source::Source;

/// The statistics of one socket, as a system reports them.
#[derive(Clone, Debug)]
enum Given {
    Linux {
        words: [u32; 5],
        uid: Option<u32>,
        info: Option<Vec<u8>>,
        algorithm: Option<Vec<u8>>,
        memory: Option<Vec<u8>>,
    },
    Values(Vec<Option<u64>>, Option<Vec<Option<u32>>>),
}

fn given() -> impl Strategy<Value = Given> {
    let linux = (
        any::<[u32; 5]>(),
        option::of(any::<u32>()),
        option::of(vec(any::<u8>(), 0..=300)),
        option::of(vec(1u8..=255, 0..=MAX_NAME)),
        option::of(vec(any::<u8>(), 36)),
    );
    let values = vec(option::of(any::<u64>()), connection::FIELDS);
    let sender = vec(option::of(any::<u32>()), sender::FIELDS);
    prop_oneof![
        3 => linux.prop_map(|(words, uid, info, algorithm, memory)| Given::Linux { words, uid, info, algorithm, memory }),
        1 => (values, option::of(sender)).prop_map(|(values, sender)| Given::Values(values, sender)),
    ]
}

fn row(number: usize, state: State) -> BasicRow {
    let end = |port: usize| SocketAddrV6::new(Ipv6Addr::LOCALHOST, port as u16, 0, 3);
    BasicRow::new(state, end(number + 1), (state != State::Listen).then(|| end(7)))
}

fn collected(given: &[Given]) -> (Buffer, Stats) {
    let (mut buffer, mut stats) = (Buffer::new(), Stats::new());
    let states = [State::Established, State::Listen, State::TimeWait, State::CloseWait];
    let rows: Vec<BasicRow> = (0..given.len()).map(|number| row(number, states[number % states.len()])).collect();
    for (number, (row, given)) in rows.iter().zip(given).enumerate() {
        match given {
            Given::Linux {
                words: [timer, count, expires_in, receive_queue, send_queue],
                uid,
                info,
                algorithm,
                memory,
            } => {
                let values = BaseValues {
                    timer: *timer as u8,
                    count: *count,
                    expires_in: *expires_in,
                    receive_queue: *receive_queue,
                    send_queue: Some(*send_queue).filter(|queue| queue % 2 == 0),
                };
                let (info, algorithm, memory) = (info.as_deref(), algorithm.as_deref(), memory.as_deref());
                let cookie = number as u64;
                stats.push_reported(row, &Reported { values, uid: *uid, cookie, info, algorithm, memory }).unwrap();
            }
            Given::Values(values, sender) => {
                let values: [Option<u64>; connection::FIELDS] = values.clone().try_into().unwrap();
                let identity = NonZeroU64::new(number as u64);
                let sender = sender.clone().map(|values| SenderStats::from_values(&values.try_into().unwrap()));
                stats.push_connection(row, identity, ConnectionStats::from_values(&values), sender).unwrap();
            }
        }
    }
    buffer.write_rows(Class::Basic, &rows).unwrap();
    (buffer, stats)
}

/// Everything that can be read of each socket.
fn described(stats: &Stats) -> Vec<String> {
    let describe = |socket: SocketStats<'_>| {
        let mut memory = Vec::new();
        format!(
            "{:?} {:?} {:?} {:?} {:?} {:?} {:?}",
            socket.local(),
            socket.remote(),
            socket.state(),
            socket.identity(),
            socket.connection(),
            socket.sender(),
            socket.reported(&mut memory)
        )
    };
    stats.iter().map(describe).collect()
}

fn recorded(tables: &[(Buffer, Stats)]) -> Vec<u8> {
    let mut recorder = Recorder::new(Vec::new()).unwrap();
    for (buffer, stats) in tables {
        recorder.record_with_stats(buffer.table::<BasicRow>().unwrap(), stats).unwrap();
    }
    recorder.into_inner()
}

fn read(replay: &mut Replay, stats: &mut Stats) -> Result<Vec<BasicRow>> {
    let mut buffer = Buffer::new();
    replay.fill_with_stats(Class::Basic, &Query::all(), &mut buffer, stats)?;
    Ok(buffer.table::<BasicRow>()?.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_capture_preserves_all_statistics(tables in vec(vec(given(), 0..6), 1..4)) {
        let tables: Vec<_> = tables.iter().map(|given| collected(given)).collect();
        let capture = recorded(&tables);
        let mut replay = Replay::from_reader(&capture[..]).unwrap();
        prop_assert_eq!((replay.remaining(), replay.damage()), (tables.len(), None));
        let mut stats = Stats::new();
        for (buffer, expected) in &tables {
            prop_assert_eq!(read(&mut replay, &mut stats).unwrap(), buffer.table::<BasicRow>().unwrap().to_vec());
            prop_assert_eq!(described(&stats), described(expected));
            prop_assert_eq!(stats.taken_at(), buffer.taken_at());
        }
        prop_assert!(matches!(read(&mut replay, &mut stats), Err(Error::EndOfReplay)));
        prop_assert!(stats.is_empty());
    }

    #[test]
    fn damaged_statistics_are_an_error_and_cause_no_panic(given in vec(given(), 1..4), at in any::<usize>(), bit in 0u8..8) {
        let mut capture = recorded(&[collected(&given)]);
        let at = at % capture.len();
        capture[at] ^= 1u8 << bit;
        let mut stats = Stats::new();
        if let Ok(mut replay) = Replay::from_reader(&capture[..]) {
            while replay.remaining() > 0 {
                let _ = read(&mut replay, &mut stats);
            }
        }
    }

    #[test]
    fn arbitrary_payloads_cause_no_panic(payload in vec(any::<u8>(), 0..800), count in 0u32..5) {
        let mut bytes = Vec::new();
        let write = |bytes: &mut Vec<u8>| {
            bytes.extend(&payload);
            Ok(())
        };
        frame::append_extension(&mut bytes, frame::STATISTICS, count, Duration::ZERO, write).unwrap();
        let header = frame::Header::parse(bytes.first_chunk().unwrap(), 0).unwrap();
        let frame::Header::Extension(header) = header else { panic!("{header:?}") };
        let mut stats = Stats::new();
        let decoded = decode(&header, &payload, SystemTime::now(), Instant::now(), &mut stats);
        prop_assert!(decoded.is_err() || stats.len() == count as usize);
    }
}

fn one_table() -> (Buffer, Stats) {
    let info = Some(vec![7; 280]);
    collected(&[Given::Linux { words: [0, 0, 0, 5, 6], uid: None, info, algorithm: None, memory: None }])
}

#[test]
fn a_reader_without_statistics_skips_them() {
    let capture = recorded(&[one_table(), one_table()]);
    let mut replay = Replay::from_reader(&capture[..]).unwrap();
    assert_eq!(replay.remaining(), 2);
    let mut buffer = Buffer::new();
    for _ in 0..2 {
        replay.fill(Class::Basic, &Query::all(), &mut buffer).unwrap();
        assert_eq!(buffer.table::<BasicRow>().unwrap().len(), 1);
    }
    assert!(matches!(replay.fill(Class::Basic, &Query::all(), &mut buffer), Err(Error::EndOfReplay)));
}

#[test]
fn tables_without_statistics_have_none() {
    let (buffer, _) = one_table();
    let mut recorder = Recorder::new(Vec::new()).unwrap();
    recorder.record(buffer.table::<BasicRow>().unwrap()).unwrap();
    let mut replay = Replay::from_reader(&recorder.into_inner()[..]).unwrap();
    let (_, mut stats) = one_table();
    assert_eq!(read(&mut replay, &mut stats).unwrap().len(), 1);
    assert!(stats.is_empty() && stats.taken_at().is_none());
}

#[test]
fn extensions_of_later_versions_are_skipped() {
    let (buffer, stats) = one_table();
    let mut capture = recorded(&[]);
    for kind in [200, frame::STATISTICS] {
        frame::append(&mut capture, buffer.table::<BasicRow>().unwrap()).unwrap();
        let write = |bytes: &mut Vec<u8>| {
            bytes.extend([1, 2, 3]);
            Ok(())
        };
        frame::append_extension(&mut capture, 200, 9, Duration::ZERO, write).unwrap();
        if kind == frame::STATISTICS {
            append(&mut capture, &stats, Duration::ZERO).unwrap();
        }
    }
    let mut replay = Replay::from_reader(&capture[..]).unwrap();
    assert_eq!((replay.remaining(), replay.damage()), (2, None));
    let mut read_stats = Stats::new();
    assert!(read(&mut replay, &mut read_stats).is_ok() && read_stats.is_empty());
    assert!(read(&mut replay, &mut read_stats).is_ok() && read_stats.len() == 1);
}

#[test]
fn a_tear_in_the_statistics_loses_no_table() {
    let whole = recorded(&[one_table(), one_table()]);
    let one = recorded(&[one_table()]);
    for length in one.len() - 100..one.len() {
        let replay = Replay::from_reader(&whole[..length]).unwrap();
        assert_eq!(replay.remaining(), 2, "the table and the error");
        assert!(matches!(replay.damage(), Some(Malformed::Torn { .. })));
    }
    let mut appended = std::io::Cursor::new(one.clone());
    let mut recorder = Recorder::append(&mut appended).unwrap();
    let (buffer, stats) = one_table();
    recorder.record_with_stats(buffer.table::<BasicRow>().unwrap(), &stats).unwrap();
    assert_eq!(Replay::from_reader(&appended.into_inner()[..]).unwrap().remaining(), 2);
}

#[test]
fn a_difference_spans_two_replayed_tables() {
    let given = |bytes: u64| {
        let mut info = vec![0; 280];
        info[128..136].copy_from_slice(&bytes.to_ne_bytes());
        Given::Linux { words: [0; 5], uid: None, info: Some(info), algorithm: None, memory: None }
    };
    let tables = [given(1_000), given(4_000)].map(|given| {
        // The cookie is the number of the socket, and 0 is none.
        let (buffer, stats) = collected(&[given.clone(), given]);
        (buffer.table::<BasicRow>().unwrap().to_vec(), stats)
    });
    let mut replay = Replay::new();
    for ((rows, stats), second) in tables.iter().zip([0, 2]) {
        let snapshot = rows.iter().copied().collect();
        replay = replay.then_with_stats(&snapshot, stats, Duration::from_secs(second)).unwrap();
    }
    let (mut earlier, mut later) = (Stats::new(), Stats::new());
    let rows = read(&mut replay, &mut earlier).unwrap();
    read(&mut replay, &mut later).unwrap();
    let delta = later.delta(&earlier, &rows[0]).unwrap();
    assert_eq!((delta.elapsed, delta.bytes_received), (Duration::from_secs(2), Some(3_000)));
    assert_eq!(delta.per_second(delta.bytes_received), Some(1_500.0));
}

#[test]
fn a_class_with_more_fields_is_refused_and_the_statistics_stay_with_their_table() {
    let mut replay = Replay::from_reader(&recorded(&[one_table()])[..]).unwrap();
    let (mut buffer, mut stats) = (Buffer::new(), Stats::new());
    let refused = replay.fill_with_stats(Class::OwnerPid, &Query::all(), &mut buffer, &mut stats);
    assert!(matches!(refused, Err(Error::WrongClass { wanted: Class::OwnerPid, .. })), "{refused:?}");
    assert!(buffer.table::<OwnerPidRow>().is_err() && stats.is_empty());
    assert_eq!(read(&mut replay, &mut stats).unwrap().len(), 1);
    assert_eq!(stats.len(), 1);
}
