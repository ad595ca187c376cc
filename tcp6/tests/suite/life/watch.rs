//! A watcher, and a copy of its table that is maintained only from the reported changes.

use std::collections::{BTreeMap, HashSet};

use tcp6::os::linux::BriefExt;
use tcp6::{Change, Error, EventOptions, Query, Row, System, Watcher};

use super::seen::Seen;

/// A long-lived watcher and the copy of its table.
#[derive(Debug)]
pub struct Watched<R> {
    watcher: Watcher<R, System>,
    /// The expected rows, with their multiplicities.
    copy: BTreeMap<Seen, usize>,
    /// Every cookie that was ever in a row. A socket with a known cookie must not be added again.
    ///
    /// `None` for a filtered query, because a socket can leave the queried states and enter them again.
    cookies: Option<HashSet<u64>>,
    is_initialized: bool,
}

impl<R: Row> Watched<R> {
    pub fn new(query: Query) -> Result<Watched<R>, Error> {
        let cookies = query.is_unfiltered().then(HashSet::new);
        let mut watcher = Watcher::new(System::new()?).with_query(query);
        if query.is_unfiltered() {
            // Changes are the same with events. A kernel or a sandbox may refuse them.
            let _ = watcher.subscribe(&EventOptions::new());
        }
        Ok(Watched { watcher, copy: BTreeMap::new(), cookies, is_initialized: false })
    }

    /// Polls the watcher and updates the copy.
    ///
    /// Returns the rows of the copy, sorted, and a description of each wrong change.
    pub fn poll(&mut self) -> Result<(Vec<Seen>, Vec<String>), Error> {
        let changes = self.watcher.poll()?;
        let brief: Vec<_> = changes.brief().cloned().collect();
        let changes: Vec<Change<Seen>> = changes.map(|change| change.map(Seen::of)).collect();
        let mut shown: Vec<Seen> = self.watcher.snapshot().iter().map(Seen::of).collect();
        shown.sort_unstable();
        let mut problems = Vec::new();
        let was_listed = |cookie: u64| self.cookies.as_ref().is_some_and(|cookies| cookies.contains(&cookie));
        for brief in brief {
            if brief.cookie().is_some_and(|cookie| was_listed(cookie.get())) {
                problems.push(format!("{brief:?}: a table has listed this connection"));
            }
        }
        if self.is_initialized {
            let before = rows(&self.copy);
            self.apply(&changes, &mut problems);
            if rows(&self.copy) != shown {
                problems.push("the changes do not produce the watcher's snapshot".to_owned());
            }
            let (reported, expected) = (count_by_identity(&changes), count_by_identity(&expected(&before, &shown)));
            for (identity, counts) in &reported {
                let expected = expected.get(identity).copied().unwrap_or_default();
                if *counts != expected {
                    problems.push(format!("{identity:?}: reported {counts:?}, expected {expected:?}"));
                }
            }
        } else {
            self.is_initialized = true;
            shown.iter().for_each(|row| *self.copy.entry(*row).or_default() += 1);
        }
        if let Some(cookies) = &mut self.cookies {
            cookies.extend(shown.iter().filter_map(|row| row.identity().2));
        }
        Ok((rows(&self.copy), problems))
    }

    /// Applies changes to the copy.
    fn apply(&mut self, changes: &[Change<Seen>], problems: &mut Vec<String>) {
        for change in changes {
            if let Some(before) = change.before() {
                match self.copy.get_mut(&before) {
                    Some(count) if *count > 1 => *count -= 1,
                    Some(_) => drop(self.copy.remove(&before)),
                    None => problems.push(format!("{change:?}: the copy does not have this row")),
                }
            }
            if let Change::Added(row) = change {
                let was_seen = |cookie| self.cookies.as_ref().is_some_and(|cookies| cookies.contains(&cookie));
                if row.identity().2.is_some_and(was_seen) {
                    problems.push(format!("{change:?}: a socket with this cookie was reported before"));
                }
            }
            if let Some(after) = change.after() {
                *self.copy.entry(after).or_default() += 1;
            }
        }
    }
}

/// Returns the rows of a copy, sorted.
fn rows(copy: &BTreeMap<Seen, usize>) -> Vec<Seen> {
    copy.iter().flat_map(|(row, count)| std::iter::repeat_n(*row, *count)).collect()
}

/// Numbers of added, removed and changed rows of one identity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    added: usize,
    removed: usize,
    changed: usize,
}

type Identity = (std::net::SocketAddrV6, Option<std::net::SocketAddrV6>, Option<u64>);

/// Counts the changes of each identity.
fn count_by_identity(changes: &[Change<Seen>]) -> BTreeMap<Identity, Counts> {
    let mut counts: BTreeMap<Identity, Counts> = BTreeMap::new();
    for change in changes {
        let entry = counts.entry(change.row().identity()).or_default();
        match change {
            Change::Added(_) => entry.added += 1,
            Change::Removed(_) => entry.removed += 1,
            Change::Changed { .. } => entry.changed += 1,
        }
    }
    counts
}

/// Computes the changes between two tables without the crate's diff.
///
/// A lost and a gained row with the same identity make one `Changed`.
fn expected(before: &[Seen], after: &[Seen]) -> Vec<Change<Seen>> {
    let (lost, gained) = super::seen::difference(before, after);
    let mut unpaired: BTreeMap<Identity, Vec<Seen>> = BTreeMap::new();
    lost.iter().for_each(|row| unpaired.entry(row.identity()).or_default().push(*row));
    let mut changes = Vec::new();
    for after in gained {
        changes.push(match unpaired.get_mut(&after.identity()).and_then(Vec::pop) {
            Some(before) => Change::Changed { before, after },
            None => Change::Added(after),
        });
    }
    changes.extend(unpaired.into_values().flatten().map(Change::Removed));
    changes
}
