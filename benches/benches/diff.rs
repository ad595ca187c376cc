//! Comparing two snapshots, of which some rows have changed.
//!
//! * `memcmp`: the bytes of both, of which nothing has changed.
//! * `tcp6`: the changes, counted.
//! * `HashMap`: the same from a map by both ends, as one would write it without the crate.

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

        let mut ways = Comparison::new(criterion, format!("diff/{}/{percent} % changed", R::CLASS), rows);
        ways.note("tcp6", "changes", changes);
        let (mut one, mut other) = (benches::replayed::bytes(&before), benches::replayed::bytes(&before));
        ways.time("memcmp", || black_box(&mut one) == black_box(&mut other));
        ways.time("tcp6", || black_box(&before).diff(black_box(&after)).count());
        ways.time_slow("HashMap", || hashmap_diff::changes(black_box(&before), black_box(&after)));
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
