//! A poll of a watcher: reads the table, copies it, and compares it with the previous one.
//!
//! The source is replayed, which costs one copy.

use benches::comparison::{Comparison, criterion};
use benches::replayed::Replayed;
use benches::synthetic;
use tcp6::{BasicRow, Snapshot, Watcher};

fn main() {
    let mut criterion = criterion();
    for rows in synthetic::sizes() {
        let table = synthetic::table::<BasicRow>(rows);
        let sorted = synthetic::snapshot(&table);
        for percent in synthetic::CHANGED {
            let later = synthetic::later(&table, percent);
            let later_sorted: Snapshot<BasicRow> = synthetic::snapshot(&later);
            let mut group = Comparison::new(&mut criterion, format!("watch/{percent} % changed"), rows);
            let mut poll = |function, tables: [&[BasicRow]; 2]| {
                let mut watcher = Watcher::<BasicRow, _>::new(Replayed::new(&tables));
                group.time(function, || watcher.poll().expect("poll").count());
            };
            poll("sorted", [&sorted, &later_sorted]);
            poll("kernel order", [&table, &later]);
        }
    }
    criterion.final_summary();
}
