//! Compares a reading with the witness, also while the kernel changes sockets.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddrV6;

use super::reader::Reading;
use super::seen::{Seen, difference};
use super::witness::Line;

/// Returns the rows that a reading must have according to the witness, sorted.
fn expected(reading: &Reading, lines: &[Line]) -> Vec<Seen> {
    let matching = lines.iter().filter(|line| reading.states.has(line.seen.state));
    let mut rows: Vec<Seen> = matching.map(|line| line.seen.in_class(reading.class)).collect();
    rows.sort_unstable();
    rows
}

/// Describes the differences between a reading and the witness. Returns `None` if they agree.
pub fn compare(reading: &Reading, lines: &[Line]) -> Option<String> {
    let (only_in_reading, only_in_ss) = difference(&reading.rows, &expected(reading, lines));
    let mut differences: Vec<String> = Vec::new();
    if !only_in_reading.is_empty() || !only_in_ss.is_empty() {
        differences.push(format!("    only in the reading {only_in_reading:#?}\n    only in ss {only_in_ss:#?}"));
    }
    let by_inode: HashMap<u32, &BTreeSet<u32>> =
        lines.iter().filter_map(|line| Some((line.seen.info?.inode, &line.pids))).collect();
    for (inode, pids) in &reading.holders {
        let theirs = by_inode.get(inode).copied();
        if theirs != Some(pids) {
            differences.push(format!("    holders of inode {inode}: {pids:?}, in ss {theirs:?}"));
        }
    }
    differences.extend(reading.problems.iter().map(|problem| format!("    {problem}")));
    (!differences.is_empty()).then(|| {
        let Reading { class, mode, states, .. } = reading;
        format!("{class}, {mode:?}, {states:?}:\n{}", differences.join("\n"))
    })
}

/// Returns whether a reading differs from the witness in more than owners and holders.
pub fn differs_beyond_owners(reading: &Reading, lines: &[Line]) -> bool {
    let without_owners = |rows: &[Seen]| {
        let mut rows: Vec<Seen> = rows.iter().map(|row| Seen { owner: None, ..*row }).collect();
        rows.sort_unstable();
        rows
    };
    let (only_in_reading, only_in_ss) =
        difference(&without_owners(&reading.rows), &without_owners(&expected(reading, lines)));
    !(only_in_reading.is_empty() && only_in_ss.is_empty() && reading.problems.is_empty())
}

/// The changes between two runs of the witness.
///
/// The kernel changes sockets when timers expire and when segments arrive.
#[derive(Debug)]
pub struct Transition<'a> {
    before: &'a [Line],
    after: &'a [Line],
    /// Lines that are in both runs, and whose ends are not those of a changed line.
    stable: Vec<Line>,
    changed_ends: BTreeSet<Ends>,
}

type Ends = (SocketAddrV6, Option<SocketAddrV6>);

fn ends(seen: &Seen) -> Ends {
    (seen.local, seen.remote)
}

impl<'a> Transition<'a> {
    /// Compares two runs. The lines of both must be sorted.
    pub fn between(before: &'a [Line], after: &'a [Line]) -> Transition<'a> {
        let only_in =
            |these: &'a [Line], those: &'a [Line]| these.iter().filter(|line| those.binary_search(line).is_err());
        let changed = only_in(before, after).chain(only_in(after, before));
        let changed_ends: BTreeSet<Ends> = changed.map(|line| ends(&line.seen)).collect();
        let stable = before.iter().filter(|line| !changed_ends.contains(&ends(&line.seen))).cloned().collect();
        Transition { before, after, stable, changed_ends }
    }

    /// Describes the differences that concern unchanged sockets. Returns `None` if there are none.
    pub fn stable_mismatch(&self, reading: &Reading) -> Option<String> {
        let inodes: BTreeSet<u32> =
            self.stable.iter().filter_map(|line| line.seen.info).map(|info| info.inode).collect();
        let mut reading = reading.clone();
        reading.rows.retain(|row| !self.changed_ends.contains(&ends(row)));
        reading.holders.retain(|(inode, _)| inodes.contains(inode));
        compare(&reading, &self.stable)
    }

    /// Returns whether the number of copies of each row lies between the numbers in the two runs.
    pub fn covers(&self, reading: &Reading) -> bool {
        let mut counts: BTreeMap<Seen, [usize; 3]> = BTreeMap::new();
        let [before, after] = [self.before, self.after].map(|lines| expected(reading, lines));
        for (i, rows) in [&before, &reading.rows, &after].into_iter().enumerate() {
            rows.iter().for_each(|row| counts.entry(*row).or_default()[i] += 1);
        }
        counts.values().all(|[before, ours, after]| (before.min(after)..=before.max(after)).contains(&ours))
    }
}
