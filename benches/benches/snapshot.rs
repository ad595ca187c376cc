//! Copying a table into a snapshot, compared with a copy of its bytes.
//!
//! * `memcpy`: copies the bytes only.
//! * `sorted`: copies a sorted table into a reused snapshot.
//! * `kernel order`: copies a table that must be sorted into a reused snapshot.
//! * `fresh`: copies a sorted table into a new snapshot.

use std::hint::black_box;
use std::time::SystemTime;

use benches::comparison::{Comparison, criterion};
use benches::synthetic;
use criterion::Criterion;
use tcp6::{BasicRow, Buffer, OwnerModuleRow, Row, Snapshot, Table};

fn snapshot<R: Row>(criterion: &mut Criterion, rows: usize) {
    let in_kernel_order = synthetic::table::<R>(rows);
    let (mut kernel, mut sorted) = (Buffer::new(), Buffer::new());
    kernel.write_rows(R::CLASS, &in_kernel_order).expect("fill the buffer");
    sorted.write_rows(R::CLASS, &synthetic::snapshot(&in_kernel_order)).expect("fill the buffer");
    let table = |buffer| Table::<R>::from_bytes(Buffer::as_bytes(buffer), SystemTime::UNIX_EPOCH).expect("valid table");

    let mut group = Comparison::new(criterion, format!("snapshot/{}", R::CLASS), rows);
    let mut copy = vec![0; sorted.as_bytes().len()];
    group.time("memcpy", || black_box(&mut copy[..]).copy_from_slice(black_box(sorted.as_bytes())));
    let mut reused = Snapshot::new();
    group.time("sorted", || reused.copy_from(black_box(table(&sorted))).expect("copy the table"));
    group.time("kernel order", || reused.copy_from(black_box(table(&kernel))).expect("copy the table"));
    group.time("fresh", || black_box(table(&sorted)).to_snapshot().expect("copy the table"));
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
