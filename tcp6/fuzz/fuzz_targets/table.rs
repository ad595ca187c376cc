//! Bytes as a table of each class: refused, or rows that lie within them.
#![no_main]

use std::time::SystemTime;

use libfuzzer_sys::fuzz_target;
use tcp6::{Buffer, Query, Replay, Row, StateSet, Table};
use tcp6_fuzz::for_each_class;
use tcp6_fuzz::rows::local_port;

fuzz_target!(|bytes: &[u8]| for_each_class!(table(bytes)));

fn table<R: Row>(bytes: &[u8]) {
    let mut buffer = Buffer::new();
    let copied = buffer.write_bytes(R::CLASS, bytes);
    // The fuzzer hands over memory of its own, which is aligned; a byte further it is not.
    let in_place = Table::<R>::from_bytes(bytes, SystemTime::UNIX_EPOCH);
    let off_place = Table::<R>::from_bytes(bytes.get(1..).unwrap_or_default(), SystemTime::UNIX_EPOCH);
    assert!(off_place.is_err_and(|error| !error.to_string().is_empty()) || bytes[1..5] == [0; 4]);
    let Ok(table) = in_place else {
        assert!(copied.is_err());
        assert_eq!(buffer.class(), None);
        return;
    };
    copied.unwrap();
    assert_eq!(buffer.table::<R>().unwrap().rows(), table.rows());
    assert!(bytes.starts_with(buffer.as_bytes()) || table.is_empty());
    rows_are_where_they_are_said_to_be(table, bytes);
    a_snapshot_holds_them_in_order(table);
    a_query_narrows(table, bytes);
}

fn rows_are_where_they_are_said_to_be<R: Row>(table: Table<'_, R>, bytes: &[u8]) {
    let by_hand = bytes.get(R::CLASS.rows_offset()..).unwrap_or_default().chunks_exact(R::CLASS.row_size());
    let port = |row: &[u8]| u16::from_be_bytes([row[local_port::<R>()], row[local_port::<R>() + 1]]);
    let ports = by_hand.map(port).take(table.len());
    assert!(table.iter().map(|row| row.local().port()).eq(ports));
    let text = table.to_string();
    // A heading before them and the counts behind.
    assert_eq!(text.lines().count(), table.len() + 2);
    assert!(!format!("{table:?}").is_empty());
}

fn a_snapshot_holds_them_in_order<R: Row>(table: Table<'_, R>) {
    let snapshot = table.to_snapshot().unwrap();
    let mut slow = table.rows().to_vec();
    slow.sort();
    assert_eq!(snapshot.rows(), slow);
    assert_eq!(snapshot.diff(&snapshot).count(), 0);
    for row in &snapshot {
        assert!(snapshot.find(row.local(), row.remote()).contains(row));
        assert!(snapshot.on_port(row.local().port()).any(|other| other == row));
    }
}

fn a_query_narrows<R: Row>(table: Table<'_, R>, bytes: &[u8]) {
    let Some(last) = table.last() else { return };
    for query in
        [Query::listeners(), Query::all().port(last.local().port()), Query::all().states(StateSet::of(last.state()))]
    {
        let mut replay = Replay::new().then_bytes(R::CLASS, bytes, SystemTime::UNIX_EPOCH).unwrap();
        let mut buffer = Buffer::new();
        let narrowed = Table::<R>::read(&mut replay, &query, &mut buffer).unwrap();
        let mut slow: Vec<R> = table.iter().filter(|row| query.matches(*row)).copied().collect();
        slow.sort();
        assert_eq!(narrowed.rows(), slow);
    }
}
