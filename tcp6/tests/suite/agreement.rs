//! Comparison of a changing table with a witness that reads the same table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::time::Duration;

/// The lines of the crate, and those of the witness before and after.
pub struct Observation<T> {
    pub before: Vec<T>,
    pub ours: Vec<T>,
    pub after: Vec<T>,
}

/// The number of attempts before a comparison fails because each one has different differences.
const MAX_ATTEMPTS: usize = 200;

/// Observes until the crate and the witness agree. Returns the crate's lines, or `None` without a witness.
///
/// The count of each line must lie between its counts in `before` and `after`. The machine therefore need not be idle:
/// sockets of other tests may open and close between the two readings of the witness.
///
/// # Panics
///
/// Panics if the crate duplicates a line, if two consecutive attempts have a difference in common, or after
/// [`MAX_ATTEMPTS`]. On Windows, a duplicate in one attempt is accepted, because Wine reads `/proc/net/tcp6`, which
/// repeats lines while sockets open and close.
pub fn assert_agrees<T: Ord + Clone + Debug>(mut observe: impl FnMut() -> Option<Observation<T>>) -> Option<Vec<T>> {
    let mut last = BTreeSet::new();
    for _ in 0..MAX_ATTEMPTS {
        let Some(observation) = observe() else {
            eprintln!("skipped: no witness on this machine");
            return None;
        };
        let differences = differences(&observation);
        if differences.is_empty() {
            return Some(observation.ours);
        }
        let duplicates: Vec<_> = differences.iter().filter(|one| cfg!(not(windows)) && one.is_duplicate()).collect();
        assert!(duplicates.is_empty(), "duplicates: {duplicates:?}");
        let persistent: Vec<_> = differences.intersection(&last).take(8).collect();
        assert!(persistent.is_empty(), "persistent differences from the witness: {persistent:?}");
        last = differences;
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("no agreement with the witness in {MAX_ATTEMPTS} attempts, last differences: {last:?}");
}

/// A line with fewer than `min` or more than `max` occurrences.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Difference<T> {
    line: T,
    ours: usize,
    min: usize,
    max: usize,
}

impl<T> Difference<T> {
    fn is_duplicate(&self) -> bool {
        self.ours > self.max && self.max > 0
    }
}

fn differences<T: Ord + Clone>(Observation { before, ours, after }: &Observation<T>) -> BTreeSet<Difference<T>> {
    let mut counts: BTreeMap<&T, [usize; 3]> = BTreeMap::new();
    for (i, lines) in [before, ours, after].into_iter().enumerate() {
        lines.iter().for_each(|line| counts.entry(line).or_default()[i] += 1);
    }
    let difference = |(line, [before, ours, after]): (&T, [usize; 3])| {
        let (min, max) = (before.min(after), before.max(after));
        let is_between = (min..=max).contains(&ours);
        (!is_between).then(|| Difference { line: line.clone(), ours, min, max })
    };
    counts.into_iter().filter_map(difference).collect()
}

#[test]
fn accepts_changes_between_the_witness_readings() {
    let observation = Observation { before: vec![1, 2, 2, 3], ours: vec![1, 2, 4], after: vec![1, 2, 4] };
    assert!(differences(&observation).is_empty());
    let observe = || Some(Observation { ours: vec![1, 2, 4], ..witness(&[1, 2], &[1, 2, 4]) });
    assert_eq!(assert_agrees(observe), Some(vec![1, 2, 4]));
}

#[test]
#[cfg(not(windows))]
#[should_panic(expected = "duplicates")]
fn rejects_a_duplicate_while_other_lines_change() {
    let mut number = 10;
    assert_agrees(|| {
        number += 1;
        Some(Observation { ours: vec![1, 1], ..witness(&[1, number], &[1]) })
    });
}

#[test]
#[should_panic(expected = "persistent differences from the witness")]
fn rejects_a_line_that_stays_missing_while_other_lines_change() {
    let mut number = 10;
    assert_agrees(|| {
        number += 1;
        Some(Observation { ours: vec![number], ..witness(&[1, number], &[1]) })
    });
}

#[test]
fn retries_after_a_transient_difference() {
    let mut attempts = 0;
    let ours = assert_agrees(|| {
        attempts += 1;
        Some(Observation { ours: if attempts == 1 { vec![1, 7] } else { vec![1] }, ..witness(&[1], &[1]) })
    });
    assert_eq!((ours, attempts), (Some(vec![1]), 2));
}

fn witness(before: &[i32], after: &[i32]) -> Observation<i32> {
    Observation { before: before.to_vec(), ours: Vec::new(), after: after.to_vec() }
}
