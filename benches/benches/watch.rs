//! A poll: reading the table, taking it, comparing it with the last one. The system is replayed, at the cost of a copy.

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
            let mut ways = Comparison::new(&mut criterion, format!("watch/{percent} % changed"), rows);
            let mut poll = |way, tables: [&[BasicRow]; 2]| {
                let mut watcher = Watcher::<BasicRow, _>::new(Replayed::new(&tables));
                ways.time(way, || watcher.poll().expect("a table").count());
            };
            poll("sorted", [&sorted, &later_sorted]);
            poll("kernel order", [&table, &later]);
        }
    }
    criterion.final_summary();
}
