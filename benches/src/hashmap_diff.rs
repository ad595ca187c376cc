//! What has changed, as one would find it without the crate.

use std::collections::HashMap;

use tcp6::Row;

/// How many rows were added, removed or changed, from a map by both ends.
pub fn changes<R: Row>(before: &[R], after: &[R]) -> usize {
    let key = |row: &R| (row.local(), row.remote());
    let mut left: HashMap<_, &R> = before.iter().map(|row| (key(row), row)).collect();
    let mut changes = 0;
    for row in after {
        match left.remove(&key(row)) {
            Some(same) if same.state() == row.state() && same.owner() == row.owner() => {}
            _ => changes += 1,
        }
    }
    changes + left.len()
}
