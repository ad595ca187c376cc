//! Iterating a table, compared with a loop over a raw pointer.
//!
//! Both count the established connections on local port 443. In a sorted table, equal ports are adjacent, so the
//! processor can predict the branches.

use std::hint::black_box;
use std::time::SystemTime;

use benches::comparison::{Comparison, criterion};
use benches::{pointer, synthetic};
use criterion::Criterion;
use tcp6::{BasicRow, Buffer, Class, State, Table};

fn with_tcp6(table: &Table<'_, BasicRow>) -> usize {
    table.iter().filter(|row| row.state() == State::Established && row.local().port() == 443).count()
}

fn view(criterion: &mut Criterion, order: &str, rows: &[BasicRow]) {
    let mut buffer = Buffer::new();
    buffer.write_rows(Class::Basic, rows).expect("fill the buffer");
    let table = Table::from_bytes(buffer.as_bytes(), SystemTime::UNIX_EPOCH).expect("valid table");
    assert_eq!(with_tcp6(&table), pointer::established_on_443(&buffer));

    let mut group = Comparison::new(criterion, format!("view/{order}"), rows.len());
    group.time("tcp6", || with_tcp6(black_box(&table)));
    group.time("raw pointer", || pointer::established_on_443(black_box(&buffer)));
}

fn main() {
    let mut criterion = criterion();
    for rows in synthetic::sizes() {
        let table = synthetic::table::<BasicRow>(rows);
        view(&mut criterion, "kernel order", &table);
        view(&mut criterion, "sorted", &synthetic::snapshot(&table));
    }
    criterion.final_summary();
}
