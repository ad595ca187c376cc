//! Reads bytes as a table of each class. They are rejected, or all rows are inside the bytes.
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
    // The memory of the fuzzer is aligned. One byte further it is not.
    let in_place = Table::<R>::from_bytes(bytes, SystemTime::UNIX_EPOCH);
    let unaligned = Table::<R>::from_bytes(bytes.get(1..).unwrap_or_default(), SystemTime::UNIX_EPOCH);
    assert!(unaligned.is_err_and(|error| !error.to_string().is_empty()) || bytes[1..5] == [0; 4]);
    let Ok(table) = in_place else {
        assert!(copied.is_err());
        assert_eq!(buffer.class(), None);
        return;
    };
    copied.unwrap();
    assert_eq!(buffer.table::<R>().unwrap().rows(), table.rows());
    assert!(bytes.starts_with(buffer.as_bytes()) || table.is_empty());
    check_offsets(table, bytes);
    check_snapshot(table);
    check_queries(table, bytes);
}

/// Checks that rows are at the documented offsets.
fn check_offsets<R: Row>(table: Table<'_, R>, bytes: &[u8]) {
    let raw_rows = bytes.get(R::CLASS.rows_offset()..).unwrap_or_default().chunks_exact(R::CLASS.row_size());
    let port = |row: &[u8]| u16::from_be_bytes([row[local_port::<R>()], row[local_port::<R>() + 1]]);
    let ports = raw_rows.map(port).take(table.len());
    assert!(table.iter().map(|row| row.local().port()).eq(ports));
    let text = table.to_string();
    // The rows are between a heading and a line of counts.
    assert_eq!(text.lines().count(), table.len() + 2);
    assert!(!format!("{table:?}").is_empty());
}

/// Checks that a snapshot contains the rows in order, and that they can be found in it.
fn check_snapshot<R: Row>(table: Table<'_, R>) {
    let snapshot = table.to_snapshot().unwrap();
    let mut expected = table.rows().to_vec();
    expected.sort();
    assert_eq!(snapshot.rows(), expected);
    assert_eq!(snapshot.diff(&snapshot).count(), 0);
    for row in &snapshot {
        assert!(snapshot.find(row.local(), row.remote()).contains(row));
        assert!(snapshot.on_port(row.local().port()).any(|other| other == row));
    }
}

/// Checks that a query returns the rows that match it, in order.
fn check_queries<R: Row>(table: Table<'_, R>, bytes: &[u8]) {
    let Some(last) = table.last() else { return };
    for query in
        [Query::listeners(), Query::all().port(last.local().port()), Query::all().states(StateSet::of(last.state()))]
    {
        let mut replay = Replay::new().then_bytes(R::CLASS, bytes, SystemTime::UNIX_EPOCH).unwrap();
        let mut buffer = Buffer::new();
        let selected = Table::<R>::read(&mut replay, &query, &mut buffer).unwrap();
        let mut expected: Vec<R> = table.iter().filter(|row| query.matches(*row)).copied().collect();
        expected.sort();
        assert_eq!(selected.rows(), expected);
    }
}
