//! Diffs of two snapshots, between which some rows have changed.
//!
//! * `memcmp`: compares the bytes of two equal tables.
//! * `tcp6`: counts the changes.
//! * `HashMap`: counts the changes with a map by both ends, as a program without the crate would.

use std::hint::black_box;

use benches::comparison::{Comparison, criterion};
use benches::{hashmap_diff, synthetic};
use criterion::Criterion;
use tcp6::{BasicRow, OwnerModuleRow, Row, Snapshot};

fn diff<R: Row>(criterion: &mut Criterion, rows: usize) {
    let table = synthetic::table::<R>(rows);
    let before = synthetic::snapshot(&table);
    for percent in synthetic::CHANGED {
        let after: Snapshot<R> = synthetic::snapshot(&synthetic::later(&table, percent));
        let changes = before.diff(&after).count();
        assert_eq!(changes, hashmap_diff::changes(&before, &after));

        let mut group = Comparison::new(criterion, format!("diff/{}/{percent} % changed", R::CLASS), rows);
        group.note("tcp6", "changes", changes);
        let (mut one, mut other) = (benches::replayed::bytes(&before), benches::replayed::bytes(&before));
        group.time("memcmp", || black_box(&mut one) == black_box(&mut other));
        group.time("tcp6", || black_box(&before).diff(black_box(&after)).count());
        group.time_slow("HashMap", || hashmap_diff::changes(black_box(&before), black_box(&after)));
    }
}

fn main() {
    let mut criterion = criterion();
    for rows in synthetic::sizes() {
        diff::<BasicRow>(&mut criterion, rows);
    }
    diff::<OwnerModuleRow>(&mut criterion, synthetic::MIDDLE);
    criterion.final_summary();
}
