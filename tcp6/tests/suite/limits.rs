//! A million rows through everything that rows go through, on a stack too small for any table.

use std::net::{Ipv6Addr, SocketAddrV6};
use std::thread;
use std::time::SystemTime;

use tcp6::{BasicRow, Buffer, Change, Class, Query, Recorder, Replay, Row, Snapshot, State, Table, Watcher};

const ROWS: u32 = 1_000_000;

/// Connections to one server from many machines, in no order.
fn row(i: u32) -> BasicRow {
    let local = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 443, 0, 0);
    let spread = i.wrapping_mul(0x9E37_79B1);
    let remote = Ipv6Addr::from_bits(0x2001_0DB8 << 96 | u128::from(spread));
    BasicRow::new(State::Established, local, Some(SocketAddrV6::new(remote, (spread >> 16) as u16, 0, 0)))
}

fn million() {
    let mut buffer = Buffer::new();
    let mut writer = buffer.write::<BasicRow>();
    (0..ROWS).for_each(|i| writer.push(&row(i)).unwrap());
    writer.finish().unwrap();
    let table = buffer.table::<BasicRow>().unwrap();
    assert_eq!(table.len(), ROWS as usize);
    assert_eq!(Some(buffer.as_bytes().len()), Class::Basic.table_size(ROWS as usize));

    let before = table.to_snapshot().unwrap();
    assert_eq!(before.len(), ROWS as usize);
    assert_eq!(before.on_port(443).count(), ROWS as usize);
    assert_eq!(before.find(row(7).local(), row(7).remote()), [row(7)]);

    // Of every thousand one goes, and one comes.
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
    let mut replay = Replay::load(&capture[..]).unwrap();
    let played = Table::<BasicRow>::read(&mut replay, &Query::all(), &mut again).unwrap();
    assert_eq!(played.rows(), before.rows());

    let history = Replay::new().then(&before).unwrap().then(&after).unwrap();
    let mut watcher = Watcher::<BasicRow, _>::new(history);
    assert_eq!(watcher.poll().unwrap().count(), 0);
    assert_eq!(watcher.poll().unwrap().count(), 2 * 1_000);
}

#[test]
fn a_million_rows_need_no_more_stack_than_one() {
    let small = thread::Builder::new().stack_size(64 * 1024);
    small.spawn(million).unwrap().join().unwrap();
}
