//! The table of a machine that moves, against a witness that reads the same table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::time::Duration;

/// One try: what the witness shows before, what the crate shows, what the witness shows after.
pub struct Moments<T> {
    pub before: Vec<T>,
    pub ours: Vec<T>,
    pub after: Vec<T>,
}

/// How often others may come and go in a way that two tries differ in another way each.
const MOST_TRIES: usize = 200;

/// Compares until nothing differs but what comes and goes between two moments of the witness, as sockets of other tests
/// do. Returns what the crate shows then, or `None` without a witness.
///
/// A line must be there as often as at one of the two moments or at a number between. That needs no machine at rest: what
/// is there more than once too often fails at once, and any other difference when it is still the same in the next try.
/// Wine reads the kernel's text, which repeats lines while others come and go: there a doubled line has to stay to fail.
pub fn agree<T: Ord + Clone + Debug>(mut look: impl FnMut() -> Option<Moments<T>>) -> Option<Vec<T>> {
    let mut last = BTreeSet::new();
    for _ in 0..MOST_TRIES {
        let Some(moments) = look() else {
            eprintln!("skipped: no witness on this machine");
            return None;
        };
        let differences = differences(&moments);
        if differences.is_empty() {
            return Some(moments.ours);
        }
        let doubled: Vec<_> = differences.iter().filter(|one| cfg!(not(windows)) && one.is_doubled()).collect();
        assert!(doubled.is_empty(), "doubled: {doubled:?}");
        let stays: Vec<_> = differences.intersection(&last).take(8).collect();
        assert!(stays.is_empty(), "a difference from the witness that stays: {stays:?}");
        last = differences;
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{MOST_TRIES} tries differ from the witness, each in its own way, the last in {last:?}");
}

/// A line that is there too often or not often enough.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Difference<T> {
    line: T,
    ours: usize,
    least: usize,
    most: usize,
}

impl<T> Difference<T> {
    fn is_doubled(&self) -> bool {
        self.ours > self.most && self.most > 0
    }
}

fn differences<T: Ord + Clone>(Moments { before, ours, after }: &Moments<T>) -> BTreeSet<Difference<T>> {
    let mut counts: BTreeMap<&T, [usize; 3]> = BTreeMap::new();
    for (i, lines) in [before, ours, after].into_iter().enumerate() {
        lines.iter().for_each(|line| counts.entry(line).or_default()[i] += 1);
    }
    let difference = |(line, [before, ours, after]): (&T, [usize; 3])| {
        let (least, most) = (before.min(after), before.max(after));
        let is_between = (least..=most).contains(&ours);
        (!is_between).then(|| Difference { line: line.clone(), ours, least, most })
    };
    counts.into_iter().filter_map(difference).collect()
}

#[test]
fn what_comes_or_goes_meanwhile_is_no_difference() {
    let moments = Moments { before: vec![1, 2, 2, 3], ours: vec![1, 2, 4], after: vec![1, 2, 4] };
    assert!(differences(&moments).is_empty());
    assert_eq!(agree(|| Some(Moments { ours: vec![1, 2, 4], ..moments_of(&[1, 2], &[1, 2, 4]) })), Some(vec![1, 2, 4]));
}

#[test]
#[cfg(not(windows))]
#[should_panic(expected = "doubled")]
fn what_is_doubled_fails_on_a_machine_that_moves() {
    let mut number = 10;
    agree(|| {
        number += 1;
        Some(Moments { ours: vec![1, 1], ..moments_of(&[1, number], &[1]) })
    });
}

#[test]
#[should_panic(expected = "a difference from the witness that stays")]
fn what_stays_missing_fails_on_a_machine_that_moves() {
    let mut number = 10;
    agree(|| {
        number += 1;
        Some(Moments { ours: vec![number], ..moments_of(&[1, number], &[1]) })
    });
}

#[test]
fn what_differs_once_is_looked_at_again() {
    let mut tries = 0;
    let ours = agree(|| {
        tries += 1;
        Some(Moments { ours: if tries == 1 { vec![1, 7] } else { vec![1] }, ..moments_of(&[1], &[1]) })
    });
    assert_eq!((ours, tries), (Some(vec![1]), 2));
}

fn moments_of(before: &[i32], after: &[i32]) -> Moments<i32> {
    Moments { before: before.to_vec(), ours: Vec::new(), after: after.to_vec() }
}
