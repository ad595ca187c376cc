//! Tables of up to a million rows, on a small stack and within time limits.

use std::net::{Ipv6Addr, SocketAddrV6};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tcp6::{
    BasicRow, Buffer, Change, Class, OwnerModuleRow, OwnerPidRow, Query, Recorder, Replay, Row, Snapshot, State, Table,
    Watcher,
};
#[cfg(target_os = "linux")]
use tcp6::{RecordingSource, System};
use tcp6_sys::{MIB_TCP6ROW_OWNER_MODULE, MIB_TCP6ROW_OWNER_PID};

const ROWS: u32 = 1_000_000;

/// A connection to one server. The remote addresses and ports are pseudorandom.
fn row(i: u32) -> BasicRow {
    let local = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 443, 0, 0);
    let hash = i.wrapping_mul(0x9E37_79B1);
    let remote = Ipv6Addr::from_bits(0x2001_0DB8 << 96 | u128::from(hash));
    BasicRow::new(State::Established, local, Some(SocketAddrV6::new(remote, (hash >> 16) as u16, 0, 0)))
}

/// Writes, searches, compares, changes, records, replays and watches a table of a million rows.
fn process_a_million_rows() {
    let mut buffer = Buffer::new();
    let mut writer = buffer.writer::<BasicRow>();
    (0..ROWS).for_each(|i| writer.push(&row(i)).unwrap());
    writer.finish().unwrap();
    let table = buffer.table::<BasicRow>().unwrap();
    assert_eq!(table.len(), ROWS as usize);
    assert_eq!(Some(buffer.as_bytes().len()), Class::Basic.table_size(ROWS as usize));

    let before = table.to_snapshot().unwrap();
    assert_eq!(before.len(), ROWS as usize);
    assert_eq!(before.on_port(443).count(), ROWS as usize);
    assert_eq!(before.find(row(7).local(), row(7).remote()), [row(7)]);

    // One row in a thousand is removed, and one is added.
    let rows = (0..ROWS).map(|i| if i % 1_000 == 0 { row(ROWS + i) } else { row(i) });
    let after = Snapshot::from_rows(rows, SystemTime::UNIX_EPOCH);
    let changes: Vec<_> = before.diff(&after).map(Change::cloned).collect();
    assert_eq!(changes.len(), 2 * 1_000);
    let mut applied = before.clone();
    applied.apply(changes).unwrap();
    assert_eq!(applied, after);

    let mut recorder = Recorder::new(Vec::new()).unwrap();
    recorder.record(table).unwrap();
    let capture = recorder.into_inner();
    let mut again = Buffer::new();
    let mut replay = Replay::from_reader(&capture[..]).unwrap();
    let replayed = Table::<BasicRow>::read(&mut replay, &Query::all(), &mut again).unwrap();
    assert_eq!(replayed.rows(), before.rows());

    let history = Replay::new().then(&before).unwrap().then(&after).unwrap();
    let mut watcher = Watcher::<BasicRow, _>::new(history);
    assert_eq!(watcher.poll().unwrap().count(), 0);
    assert_eq!(watcher.poll().unwrap().count(), 2 * 1_000);
}

/// Compares 200,000 listeners on one end, all of which have another owner afterwards.
#[test]
fn diff_of_changed_rows_with_equal_ends_takes_linear_time() {
    let listeners = |pid: u32| {
        let row = OwnerPidRow::new(State::Listen, "[::1]:80".parse().unwrap(), None);
        let raw = MIB_TCP6ROW_OWNER_PID { dwOwningPid: pid, ..*row.as_raw() };
        Snapshot::from_rows((0..200_000).map(|_| OwnerPidRow::from_raw(raw)), SystemTime::UNIX_EPOCH)
    };
    let (before, after) = (listeners(1), listeners(2));
    let start = Instant::now();
    let changed = |change: &Change<&OwnerPidRow>| matches!(change, Change::Changed { .. });
    assert!(before.diff(&after).all(|change| changed(&change)));
    assert_eq!(before.diff(&after).count(), 200_000);
    // A search for the partner of each row would take minutes.
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

/// Compares 100,000 listeners on one end, all of which are replaced by rows with other identities.
#[test]
fn diff_of_replaced_rows_with_equal_ends_does_not_take_quadratic_time() {
    let listeners = |pid: u32, first: i64| {
        let row = |created| {
            let row = OwnerModuleRow::new(State::Listen, "[::1]:80".parse().unwrap(), None);
            let raw = *row.as_raw();
            OwnerModuleRow::from_raw(MIB_TCP6ROW_OWNER_MODULE { dwOwningPid: pid, liCreateTimestamp: created, ..raw })
        };
        Snapshot::from_rows((first..first + 100_000).map(row), SystemTime::UNIX_EPOCH)
    };
    let (before, after) = (listeners(1, 1), listeners(2, 1_000_000));
    let start = Instant::now();
    assert_eq!(before.diff(&after).take_while(|change| matches!(change, Change::Removed(_))).count(), 100_000);
    assert_eq!(before.diff(&after).skip(100_000).filter(|change| matches!(change, Change::Added(_))).count(), 100_000);
    // A search for the partner of each row would take minutes.
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

/// Reads 100,000 sockets with owners from the kernel, records them, and replays the capture.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "opens 100,000 sockets: cargo test -p tcp6 --test suite -- --ignored a_hundred_thousand"]
fn a_hundred_thousand_sockets_are_recorded_and_replayed() {
    let _alone = crate::support::alone_with_the_table();
    let _load = crate::load::Load::in_tests(50_000);
    let recording = RecordingSource::new(System::new().unwrap(), Recorder::new(Vec::new()).unwrap());
    let mut watcher = Watcher::<OwnerModuleRow, _>::new(recording);
    assert_eq!(watcher.poll().unwrap().count(), 0);
    let seen = watcher.snapshot().clone();
    assert!(seen.len() >= 100_000, "{} rows", seen.len());
    let established = |row: &&OwnerModuleRow| row.state() == State::Established;
    assert!(seen.iter().filter(established).count() >= 100_000);
    assert!(seen.iter().filter(established).all(|row| row.owner().pid().is_some()));
    assert_eq!(watcher.poll().unwrap().count(), 0, "no socket has changed");
    let capture = watcher.into_source().into_parts().1.into_inner();
    let mut again = Watcher::<OwnerModuleRow, _>::new(Replay::from_reader(&capture[..]).unwrap());
    assert_eq!(again.poll().unwrap().count(), 0);
    assert_eq!(again.snapshot().rows(), seen.rows());
}

#[test]
fn a_million_rows_fit_a_64_kib_stack() {
    let small_stack = thread::Builder::new().stack_size(64 * 1024);
    small_stack.spawn(process_a_million_rows).unwrap().join().unwrap();
}
