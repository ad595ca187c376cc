//! A reading against the witness, at rest and while sockets change by themselves.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddrV6;

use super::eye::Reading;
use super::seen::{Seen, difference};
use super::witness::Line;

/// The witness' rows as this reading must show them, sorted.
fn expected(reading: &Reading, lines: &[Line]) -> Vec<Seen> {
    let wanted = lines.iter().filter(|line| reading.states.has(line.seen.state));
    let mut rows: Vec<Seen> = wanted.map(|line| line.seen.in_class(reading.class)).collect();
    rows.sort_unstable();
    rows
}

/// What differs between a reading and the witness, for people.
pub fn compare(reading: &Reading, lines: &[Line]) -> Option<String> {
    let (only_here, only_in_ss) = difference(&reading.rows, &expected(reading, lines));
    let mut wrong: Vec<String> = Vec::new();
    if !only_here.is_empty() || !only_in_ss.is_empty() {
        wrong.push(format!("    only here {only_here:#?}\n    only in ss {only_in_ss:#?}"));
    }
    let by_inode: HashMap<u32, &BTreeSet<u32>> =
        lines.iter().filter_map(|line| Some((line.seen.info?.inode, &line.pids))).collect();
    for (inode, pids) in &reading.holders {
        let theirs = by_inode.get(inode).copied();
        if theirs != Some(pids) {
            wrong.push(format!("    holders of inode {inode}: {pids:?}, in ss {theirs:?}"));
        }
    }
    wrong.extend(reading.problems.iter().map(|problem| format!("    {problem}")));
    (!wrong.is_empty()).then(|| {
        let Reading { class, way, states, .. } = reading;
        format!("{class}, {way:?}, {states:?}:\n{}", wrong.join("\n"))
    })
}

/// Whether a reading differs from the witness in anything but owners.
pub fn differs_beyond_owners(reading: &Reading, lines: &[Line]) -> bool {
    let without_owners = |rows: &[Seen]| {
        let mut rows: Vec<Seen> = rows.iter().map(|row| Seen { owner: None, ..*row }).collect();
        rows.sort_unstable();
        rows
    };
    let (only_here, only_in_ss) =
        difference(&without_owners(&reading.rows), &without_owners(&expected(reading, lines)));
    !(only_here.is_empty() && only_in_ss.is_empty() && reading.problems.is_empty())
}

/// What has changed between two moments of the witness: timers run out, and the last segments of a connection arrive.
#[derive(Debug)]
pub struct Moved<'a> {
    before: &'a [Line],
    after: &'a [Line],
    /// What is the same at both moments, and at no ends of what is not.
    still: Vec<Line>,
    ends: BTreeSet<Ends>,
}

type Ends = (SocketAddrV6, Option<SocketAddrV6>);

fn ends(seen: &Seen) -> Ends {
    (seen.local, seen.remote)
}

impl<'a> Moved<'a> {
    /// Of sorted lines.
    pub fn between(before: &'a [Line], after: &'a [Line]) -> Moved<'a> {
        let only =
            |these: &'a [Line], those: &'a [Line]| these.iter().filter(|line| those.binary_search(line).is_err());
        let moved = only(before, after).chain(only(after, before));
        let ends: BTreeSet<Ends> = moved.map(|line| self::ends(&line.seen)).collect();
        let still = before.iter().filter(|line| !ends.contains(&self::ends(&line.seen))).cloned().collect();
        Moved { before, after, still, ends }
    }

    /// What is wrong about sockets that have not moved.
    pub fn violated_by(&self, reading: &Reading) -> Option<String> {
        let inodes: BTreeSet<u32> =
            self.still.iter().filter_map(|line| line.seen.info).map(|info| info.inode).collect();
        let mut reading = reading.clone();
        reading.rows.retain(|row| !self.ends.contains(&ends(row)));
        reading.holders.retain(|(inode, _)| inodes.contains(inode));
        compare(&reading, &self.still)
    }

    /// Whether every row is there as often as at one of the two moments, or at a number between.
    pub fn explains(&self, reading: &Reading) -> bool {
        let mut counts: BTreeMap<Seen, [usize; 3]> = BTreeMap::new();
        let [before, after] = [self.before, self.after].map(|lines| expected(reading, lines));
        for (i, rows) in [&before, &reading.rows, &after].into_iter().enumerate() {
            rows.iter().for_each(|row| counts.entry(*row).or_default()[i] += 1);
        }
        counts.values().all(|[before, ours, after]| (before.min(after)..=before.max(after)).contains(&ours))
    }
}
