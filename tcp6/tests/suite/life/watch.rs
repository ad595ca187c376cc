//! A watcher that is kept, and a copy of the table that its changes alone keep up to date.

use std::collections::{BTreeMap, HashSet};

use tcp6::{Change, Error, Query, Row, System, Watcher};

use super::seen::Seen;

#[derive(Debug)]
pub struct Watched<R> {
    watcher: Watcher<R, System>,
    /// The rows that there should be, and how often.
    copy: BTreeMap<Seen, usize>,
    /// Every cookie that was ever in a row; none if a few states are read, which a socket can leave and enter again.
    known: Option<HashSet<u64>>,
    has_begun: bool,
}

impl<R: Row> Watched<R> {
    pub fn new(query: Query) -> Result<Watched<R>, Error> {
        let known = query.is_unfiltered().then(HashSet::new);
        let watcher = Watcher::new(System::new()?).with_query(query);
        Ok(Watched { watcher, copy: BTreeMap::new(), known, has_begun: false })
    }

    /// Polls. Gives the rows of the copy, sorted, and says what is wrong with the changes.
    pub fn poll(&mut self) -> Result<(Vec<Seen>, Vec<String>), Error> {
        let changes: Vec<Change<Seen>> = self.watcher.poll()?.map(|change| change.map(Seen::of)).collect();
        let mut shown: Vec<Seen> = self.watcher.snapshot().iter().map(Seen::of).collect();
        shown.sort_unstable();
        let mut problems = Vec::new();
        if self.has_begun {
            let before = rows(&self.copy);
            self.apply(&changes, &mut problems);
            if rows(&self.copy) != shown {
                problems.push("the changes do not lead to the watcher's own snapshot".to_owned());
            }
            let (told, expected) = (tally(&changes), tally(&expected(&before, &shown)));
            for (identity, counts) in &told {
                let expected = expected.get(identity).copied().unwrap_or_default();
                if *counts != expected {
                    problems.push(format!("{identity:?}: {counts:?} are reported, {expected:?} expected"));
                }
            }
        } else {
            self.has_begun = true;
            shown.iter().for_each(|row| *self.copy.entry(*row).or_default() += 1);
        }
        if let Some(known) = &mut self.known {
            known.extend(shown.iter().filter_map(|row| row.identity().2));
        }
        Ok((rows(&self.copy), problems))
    }

    fn apply(&mut self, changes: &[Change<Seen>], problems: &mut Vec<String>) {
        for change in changes {
            if let Some(before) = change.before() {
                match self.copy.get_mut(&before) {
                    Some(count) if *count > 1 => *count -= 1,
                    Some(_) => drop(self.copy.remove(&before)),
                    None => problems.push(format!("{change:?} is about a row that was not there")),
                }
            }
            if let Change::Added(row) = change {
                let is_known = |cookie| self.known.as_ref().is_some_and(|known| known.contains(&cookie));
                if row.identity().2.is_some_and(is_known) {
                    problems.push(format!("{change:?}: this socket was reported before"));
                }
            }
            if let Some(after) = change.after() {
                *self.copy.entry(after).or_default() += 1;
            }
        }
    }
}

fn rows(copy: &BTreeMap<Seen, usize>) -> Vec<Seen> {
    copy.iter().flat_map(|(row, count)| std::iter::repeat_n(*row, *count)).collect()
}

/// How many rows of one identity were added, removed and changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    added: usize,
    removed: usize,
    changed: usize,
}

type Identity = (std::net::SocketAddrV6, Option<std::net::SocketAddrV6>, Option<u64>);

fn tally(changes: &[Change<Seen>]) -> BTreeMap<Identity, Counts> {
    let mut counts: BTreeMap<Identity, Counts> = BTreeMap::new();
    for change in changes {
        let of = counts.entry(change.row().identity()).or_default();
        match change {
            Change::Added(_) => of.added += 1,
            Change::Removed(_) => of.removed += 1,
            Change::Changed { .. } => of.changed += 1,
        }
    }
    counts
}

/// What must be reported, found without the crate's diff: one change for a socket that is in another state.
fn expected(before: &[Seen], after: &[Seen]) -> Vec<Change<Seen>> {
    let (lost, gained) = super::seen::difference(before, after);
    let mut left: BTreeMap<Identity, Vec<Seen>> = BTreeMap::new();
    lost.iter().for_each(|row| left.entry(row.identity()).or_default().push(*row));
    let mut changes = Vec::new();
    for after in gained {
        changes.push(match left.get_mut(&after.identity()).and_then(Vec::pop) {
            Some(before) => Change::Changed { before, after },
            None => Change::Added(after),
        });
    }
    changes.extend(left.into_values().flatten().map(Change::Removed));
    changes
}
