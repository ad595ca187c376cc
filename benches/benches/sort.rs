//! Putting a table in order: what the crate's sort saves over comparing the documented key.
//!
//! Every way copies the table first, since it is to be sorted again and again.
//!
//! * `sort_unstable_by_key`: by the documented key, as anybody would write it.
//! * `table`: in the buffer, as `System::table` does it.
//! * `snapshot`: on the way into a snapshot, as `Watcher` does it.

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
    bytes.write_rows(R::CLASS, rows).expect("memory");
    let table = Table::<R>::from_bytes(bytes.as_bytes(), SystemTime::UNIX_EPOCH).expect("a table");

    let mut ways = Comparison::new(criterion, format!("sort/{}/{order}", R::CLASS), rows.len());
    let mut copy = rows.to_vec();
    ways.time("sort_unstable_by_key", || {
        copy.copy_from_slice(black_box(rows));
        copy.sort_unstable_by_key(documented_key);
    });
    let (mut replayed, mut buffer) = (Replayed::new(&[rows]), Buffer::new());
    ways.time("table", || Table::<R>::read(&mut replayed, &Query::all(), &mut buffer).expect("a table").len());
    let mut snapshot = Snapshot::new();
    ways.time("snapshot", || snapshot.copy_from(black_box(table)).expect("memory"));
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
