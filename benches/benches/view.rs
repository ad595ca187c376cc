//! Looking at rows: how far an iterator over a table is from a loop over a raw pointer.
//!
//! Both count the rows that are established on port 443.

use std::hint::black_box;
use std::time::SystemTime;

use benches::comparison::{Comparison, criterion};
use benches::synthetic;
use criterion::Criterion;
use tcp6::{BasicRow, Buffer, Class, Row, State, Table};
use tcp6_sys::{MIB_TCP_STATE_ESTAB, MIB_TCP6ROW, MIB_TCP6TABLE};

fn with_tcp6(table: &Table<'_, BasicRow>) -> usize {
    table.iter().filter(|row| row.state() == State::Established && row.local().port() == 443).count()
}

/// As a C program would.
fn with_a_pointer(table: &[u8]) -> usize {
    let table = table.as_ptr().cast::<MIB_TCP6TABLE>();
    // SAFETY: these are the bytes of a table, as a buffer holds them: 8-aligned, a count, and so many rows.
    let rows = unsafe { (*table).dwNumEntries } as usize;
    // SAFETY: as above; the pointer is made from the table's, and not from a reference to its one declared row.
    let first = unsafe { &raw const (*table).table }.cast::<MIB_TCP6ROW>();
    let mut count = 0;
    for i in 0..rows {
        // SAFETY: one of the rows that the table counts.
        let row = unsafe { first.add(i) };
        // SAFETY: as above.
        let state = unsafe { (*row).State };
        // SAFETY: as above.
        let port = unsafe { (*row).dwLocalPort };
        count += usize::from(state == MIB_TCP_STATE_ESTAB && u16::from_be(port as u16) == 443);
    }
    count
}

fn main() {
    let mut criterion: Criterion = criterion();
    for rows in synthetic::sizes() {
        let mut buffer = Buffer::new();
        buffer.write_rows(Class::Basic, &synthetic::table::<BasicRow>(rows)).expect("memory");
        let bytes = buffer.as_bytes();
        let table = Table::from_bytes(bytes, SystemTime::UNIX_EPOCH).expect("a table");
        assert_eq!(with_tcp6(&table), with_a_pointer(bytes));

        let mut ways = Comparison::new(&mut criterion, "view", rows);
        ways.time("tcp6", || with_tcp6(black_box(&table)));
        ways.time("raw pointer", || with_a_pointer(black_box(bytes)));
    }
    criterion.final_summary();
}
