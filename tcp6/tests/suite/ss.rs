//! The table against `ss`, which asks the same kernel in its own way.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::net::SocketAddrV6;
use std::process::Command;
use std::time::Duration;

use tcp6::{BasicRow, Buffer, Query, Row, System};

use crate::load::Load;
use crate::support::alone_with_the_table;

/// State, local end, remote end, in `ss`'s own words; sorted.
type Lines = Vec<[String; 3]>;

/// What `ss` prints, or `None` where it is not installed.
fn ss(options: &str) -> Option<Vec<String>> {
    let output = Command::new("ss").arg(options).output().ok()?;
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

/// State and ends of a line of its output, and what stands behind.
fn split(line: &str) -> ([String; 3], &str) {
    let mut fields = line.split_ascii_whitespace();
    let mut next = |skip| fields.nth(skip).unwrap_or_default();
    let (state, local, remote, rest) = (next(0), next(2), next(0), next(0));
    // A listener that takes IPv4 as well stands on any address of both.
    let end = |end: &str| end.strip_prefix("*:").map_or_else(|| end.to_owned(), |port| format!("[::]:{port}"));
    ([state.to_owned(), end(local), end(remote)], rest)
}

fn lines(options: &str) -> Option<Lines> {
    let mut lines: Lines = ss(options)?.iter().map(|line| split(line).0).collect();
    lines.sort_unstable();
    Some(lines)
}

/// The lines and, for each, the processes that hold the socket.
pub fn with_pids() -> Option<Vec<([String; 3], BTreeSet<u32>)>> {
    let pids = |users: &str| {
        let numbers = users.split("pid=").skip(1);
        numbers.map(|rest| rest[..rest.find(',').unwrap()].parse().unwrap()).collect()
    };
    let mut lines: Vec<_> = ss("-6tanpHn")?
        .iter()
        .map(|text| {
            let (line, users) = split(text);
            (line, pids(users))
        })
        .collect();
    lines.sort_unstable();
    Some(lines)
}

fn name(state: &str) -> &str {
    match state {
        "ESTABLISHED" => "ESTAB",
        "SYN-RECEIVED" => "SYN-RECV",
        "CLOSED" => "UNCONN",
        other => other,
    }
}

fn end(end: SocketAddrV6) -> String {
    let scope = if end.scope_id() == 0 { String::new() } else { format!("%{}", end.scope_id()) };
    if end.ip().is_unspecified() && end.port() == 0 {
        "[::]:*".to_owned()
    } else {
        format!("[{}]{scope}:{}", end.ip(), end.port())
    }
}

const NO_END: &str = "[::]:*";

/// The row as `ss` would print it.
pub fn line(row: &impl Row) -> [String; 3] {
    let state = name(row.state().name().unwrap());
    [state.to_owned(), end(row.local()), row.remote().map_or_else(|| NO_END.to_owned(), end)]
}

fn rows(system: &mut System, buffer: &mut Buffer, query: Query) -> Lines {
    let table = system.table::<BasicRow>(&query, buffer).unwrap();
    table.iter().map(line).collect()
}

/// One try: what `ss` shows before, what the crate shows, what `ss` shows after.
pub struct Moments<T> {
    pub before: Vec<T>,
    pub ours: Vec<T>,
    pub after: Vec<T>,
}

/// How often others may come and go in a way that two tries differ in another way each.
const MOST_TRIES: usize = 200;

/// Compares until there is no difference but for what comes and goes between two moments of `ss`, as other tests do.
/// Gives what the crate shows then; nothing without `ss`.
///
/// A line must be there as often as at one of the two moments or at a number between. That needs no machine at rest: what
/// is there more than once too often fails at once, and any other difference when it is still the same in the next try.
pub fn agree<T: Ord + Clone + Debug>(mut look: impl FnMut() -> Option<Moments<T>>) -> Option<Vec<T>> {
    let mut last = BTreeSet::new();
    for _ in 0..MOST_TRIES {
        let Some(moments) = look() else {
            eprintln!("skipped: no ss on this machine");
            return None;
        };
        let differences = differences(&moments);
        if differences.is_empty() {
            return Some(moments.ours);
        }
        let doubled: Vec<_> = differences.iter().filter(|one| one.is_doubled()).collect();
        assert!(doubled.is_empty(), "doubled: {doubled:?}");
        let stays: Vec<_> = differences.intersection(&last).take(8).collect();
        assert!(stays.is_empty(), "a difference from ss that stays: {stays:?}");
        last = differences;
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{MOST_TRIES} tries differ from ss, each in its own way, the last in {last:?}");
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

fn same_as_ss(options: &str, least: usize, mut ours: impl FnMut() -> Lines) {
    let look = || Some(Moments { before: lines(options)?, ours: ours(), after: lines(options)? });
    if let Some(ours) = agree(look) {
        assert!(ours.len() >= least, "{} rows", ours.len());
    }
}

#[test]
fn what_comes_or_goes_meanwhile_is_no_difference() {
    let moments = Moments { before: vec![1, 2, 2, 3], ours: vec![1, 2, 4], after: vec![1, 2, 4] };
    assert!(differences(&moments).is_empty());
    assert_eq!(agree(|| Some(Moments { ours: vec![1, 2, 4], ..moments_of(&[1, 2], &[1, 2, 4]) })), Some(vec![1, 2, 4]));
}

#[test]
#[should_panic(expected = "doubled")]
fn what_is_doubled_fails_on_a_machine_that_moves() {
    let mut number = 10;
    agree(|| {
        number += 1;
        Some(Moments { ours: vec![1, 1], ..moments_of(&[1, number], &[1]) })
    });
}

#[test]
#[should_panic(expected = "a difference from ss that stays")]
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

#[test]
fn eighteen_thousand_rows_are_those_of_ss() {
    let _alone = alone_with_the_table();
    let _load = Load::in_tests(9_000);
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    same_as_ss("-6tanHn", 18_000, || rows(&mut system, &mut buffer, Query::all()));
    same_as_ss("-6tlnHn", 6, || rows(&mut system, &mut buffer, Query::listeners()));
}
