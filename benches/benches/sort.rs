//! Sorting a table, compared with a comparison sort by the documented key.
//!
//! Every function copies the unsorted table first, because each call sorts it again.
//!
//! * `sort_unstable_by_key`: sorts by the documented key, with the standard library.
//! * `table`: sorts in the buffer, as `System::table` does.
//! * `snapshot`: sorts while copying into a snapshot, as `Watcher` does.

use std::hint::black_box;
use std::time::SystemTime;

use benches::comparison::{Comparison, criterion};
use benches::replayed::Replayed;
use benches::synthetic;
use criterion::Criterion;
use tcp6::{BasicRow, Buffer, OwnerModuleRow, Query, Row, Snapshot, Table};

type End = (u128, u32, u16);

fn documented_key<R: Row>(row: &R) -> (End, End) {
    let end = |end: std::net::SocketAddrV6| (end.ip().to_bits(), end.scope_id(), end.port());
    (end(row.local()), row.remote().map(end).unwrap_or_default())
}

fn sort<R: Row>(criterion: &mut Criterion, order: &str, rows: &[R]) {
    let mut bytes = Buffer::new();
    bytes.write_rows(R::CLASS, rows).expect("fill the buffer");
    let table = Table::<R>::from_bytes(bytes.as_bytes(), SystemTime::UNIX_EPOCH).expect("valid table");

    let mut group = Comparison::new(criterion, format!("sort/{}/{order}", R::CLASS), rows.len());
    let mut copy = rows.to_vec();
    group.time("sort_unstable_by_key", || {
        copy.copy_from_slice(black_box(rows));
        copy.sort_unstable_by_key(documented_key);
    });
    let (mut replayed, mut buffer) = (Replayed::new(&[rows]), Buffer::new());
    group.time("table", || Table::<R>::read(&mut replayed, &Query::all(), &mut buffer).expect("read the table").len());
    let mut snapshot = Snapshot::new();
    group.time("snapshot", || snapshot.copy_from(black_box(table)).expect("copy the table"));
}

fn main() {
    let mut criterion = criterion();
    for rows in synthetic::sizes() {
        let table = synthetic::table::<BasicRow>(rows);
        sort(&mut criterion, "kernel order", &table);
        sort(&mut criterion, "sorted", &synthetic::snapshot(&table));
    }
    sort(&mut criterion, "kernel order", &synthetic::table::<OwnerModuleRow>(synthetic::MIDDLE));
    criterion.final_summary();
}
