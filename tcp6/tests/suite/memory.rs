//! Memory use is proportional to the data, also for files with false counts and for many tables and watchers.

use std::io::Read;
use std::time::SystemTime;

use tcp6::{BasicRow, Buffer, Class, OwnerModuleRow, Query, Recorder, Replay, Row, Snapshot, Source, State, Watcher};

use crate::allocations::memory;

/// A capture of empty tables.
fn empty_tables(count: usize) -> Vec<u8> {
    let mut recorder = Recorder::new(Vec::new()).unwrap();
    let mut buffer = Buffer::new();
    buffer.writer::<BasicRow>().finish().unwrap();
    let table = buffer.table::<BasicRow>().unwrap();
    (0..count).for_each(|_| recorder.record(table).unwrap());
    recorder.into_inner()
}

fn listener<R: Row>() -> R {
    R::new(State::Listen, "[::1]:80".parse().unwrap(), None)
}

fn replay_all(mut replay: Replay) -> usize {
    let mut buffer = Buffer::new();
    std::iter::from_fn(|| replay.fill(Class::Basic, &Query::all(), &mut buffer).ok()).count()
}

#[test]
fn replay_of_empty_tables_takes_memory_proportional_to_the_file() {
    // Files of 480 kB and 24 MB.
    for tables in [20_000, 1_000_000] {
        let capture = empty_tables(tables);
        assert_eq!(capture.len(), 16 + 24 * tables);
        let (replay, taken) = memory(|| Replay::from_reader(&capture[..]).unwrap());
        assert!(taken.kept <= capture.len(), "{tables} tables: {taken:?}");
        assert!(taken.peak <= 3 * capture.len(), "{tables} tables: {taken:?}");
        let (replayed, taken) = memory(|| replay_all(replay));
        assert_eq!(replayed, tables);
        assert!(taken.peak <= 4096, "{taken:?}");
    }
}

#[test]
fn false_row_count_takes_memory_proportional_to_the_file() {
    let mut capture = empty_tables(1);
    capture[16 + 4] = 3; // owner-module
    capture[16 + 8..16 + 12].copy_from_slice(&(u32::MAX / 200).to_le_bytes());
    capture.extend(vec![0; 100_000]);
    let (replay, taken) = memory(|| Replay::from_reader(&capture[..]).unwrap());
    assert!(replay.damage().is_some());
    assert!(taken.peak <= 3 * capture.len() && taken.kept <= 1024, "{taken:?}");
}

#[test]
fn endless_reader_is_read_only_up_to_the_damage() {
    let capture = empty_tables(1);
    let (replay, taken) = memory(|| Replay::from_reader((&capture[..]).chain(std::io::repeat(0))).unwrap());
    assert_eq!(replay.remaining(), 2, "the table and the damage");
    assert!(taken.peak <= 32 * 1024, "{taken:?}");
}

#[test]
fn history_takes_memory_proportional_to_its_rows() {
    let snapshot = Snapshot::from_rows([listener::<OwnerModuleRow>()], SystemTime::UNIX_EPOCH);
    let (replay, taken) = memory(|| (0..20_000).fold(Replay::new(), |replay, _| replay.then(&snapshot).unwrap()));
    assert_eq!(replay.remaining(), 20_000);
    assert!(taken.peak <= 3 * 20_000 * (24 + 192), "{taken:?}");

    let mut buffer = Buffer::new();
    buffer.writer::<BasicRow>().finish().unwrap();
    let (replay, taken) = memory(|| {
        let append =
            |replay: Replay, _| replay.then_bytes(Class::Basic, buffer.as_bytes(), SystemTime::UNIX_EPOCH).unwrap();
        (0..20_000).fold(Replay::new(), append)
    });
    assert_eq!(replay.remaining(), 20_000);
    assert!(taken.peak <= 3 * 20_000 * 24, "{taken:?}");
}

#[test]
fn false_length_of_a_binary_snapshot_takes_little_memory() {
    // No time, class owner-module, a count of 2^62 rows, and no rows.
    let bytes = [&[0, 3][..], &[0x80; 8], &[0x40]].concat();
    let (read, taken) = memory(|| postcard::from_bytes::<Snapshot<OwnerModuleRow>>(&bytes));
    assert!(read.is_err());
    assert!(taken.peak <= 1024 * 1024, "{taken:?}");
}

#[test]
fn many_snapshots_take_memory_proportional_to_their_rows() {
    let snapshots = vec![Snapshot::<OwnerModuleRow>::from_rows([listener()], SystemTime::UNIX_EPOCH); 10_000];
    let bytes = postcard::to_allocvec(&snapshots).unwrap();
    let (again, taken) = memory(|| postcard::from_bytes::<Vec<Snapshot<OwnerModuleRow>>>(&bytes).unwrap());
    assert_eq!(again, snapshots);
    assert!(taken.peak <= 3 * 10_000 * (192 + size_of::<Snapshot<OwnerModuleRow>>()), "{taken:?}");
}

#[test]
fn watchers_of_small_tables_take_at_most_2_kib_each() {
    let snapshot = Snapshot::from_rows([listener::<BasicRow>()], SystemTime::UNIX_EPOCH);
    let (watchers, taken) = memory(|| {
        let watcher = |_| {
            let history = Replay::new().then(&snapshot).unwrap().then(&snapshot).unwrap();
            let mut watcher = Watcher::<BasicRow, _>::new(history);
            assert_eq!(watcher.poll().unwrap().count() + watcher.poll().unwrap().count(), 0);
            watcher
        };
        (0..1_000).map(watcher).collect::<Vec<_>>()
    });
    assert_eq!(watchers.len(), 1_000);
    assert!(taken.peak <= 1_000 * 2048, "{taken:?}");
}
