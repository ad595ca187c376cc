//! Keeping a table: what a snapshot costs beyond a copy of its bytes.
//!
//! * `memcpy`: the bytes alone.
//! * `sorted`: a table that the system has sorted, taken into a snapshot that was used before.
//! * `kernel order`: one that has to be sorted.
//! * `fresh`: as `sorted`, into a snapshot of its own.

use std::hint::black_box;
use std::time::SystemTime;

use benches::comparison::{Comparison, criterion};
use benches::synthetic;
use criterion::Criterion;
use tcp6::{BasicRow, Buffer, OwnerModuleRow, Row, Snapshot, Table};

fn snapshot<R: Row>(criterion: &mut Criterion, rows: usize) {
    let in_kernel_order = synthetic::table::<R>(rows);
    let (mut kernel, mut sorted) = (Buffer::new(), Buffer::new());
    kernel.write_rows(R::CLASS, &in_kernel_order).expect("memory");
    sorted.write_rows(R::CLASS, &synthetic::snapshot(&in_kernel_order)).expect("memory");
    let table = |buffer| Table::<R>::from_bytes(Buffer::as_bytes(buffer), SystemTime::UNIX_EPOCH).expect("a table");

    let mut ways = Comparison::new(criterion, format!("snapshot/{}", R::CLASS), rows);
    let mut copy = vec![0; sorted.as_bytes().len()];
    ways.time("memcpy", || black_box(&mut copy[..]).copy_from_slice(black_box(sorted.as_bytes())));
    let mut old = Snapshot::new();
    ways.time("sorted", || old.copy_from(black_box(table(&sorted))).expect("memory"));
    ways.time("kernel order", || old.copy_from(black_box(table(&kernel))).expect("memory"));
    ways.time("fresh", || black_box(table(&sorted)).to_snapshot().expect("memory"));
}

fn main() {
    let mut criterion = criterion();
    for rows in synthetic::sizes() {
        snapshot::<BasicRow>(&mut criterion, rows);
        if rows < 1_000_000 {
            snapshot::<OwnerModuleRow>(&mut criterion, rows);
        }
    }
    criterion.final_summary();
}
