//! A diff with a HashMap, as a program without the crate would write it.

use std::collections::HashMap;

use tcp6::Row;

/// Counts the rows that were added, removed or changed, with a map by both ends.
pub fn changes<R: Row>(before: &[R], after: &[R]) -> usize {
    let key = |row: &R| (row.local(), row.remote());
    let mut unmatched: HashMap<_, &R> = before.iter().map(|row| (key(row), row)).collect();
    let mut changes = 0;
    for row in after {
        match unmatched.remove(&key(row)) {
            Some(same) if same.state() == row.state() && same.owner() == row.owner() => {}
            _ => changes += 1,
        }
    }
    changes + unmatched.len()
}
