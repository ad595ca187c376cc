//! Checks by socket cookie: duplicate rows in a table, and contradictory changes.

use std::collections::HashSet;

use tcp6::os::linux::OwnerModuleRowExt;
use tcp6::{Change, Class, OwnerModuleRow, Row};

/// The minimum number of removed sockets that are remembered.
///
/// A row that was removed by mistake comes back soon. Remembering all sockets would take unbounded memory.
const REMEMBERED: usize = 32_768;

/// The cookie of a row. `None` if the class or the system has no cookies.
fn cookie<R: Row>(row: &R) -> Option<u64> {
    if R::CLASS != Class::OwnerModule {
        return None;
    }
    row.to_class::<OwnerModuleRow>().socket_info()?.cookie.map(Into::into)
}

/// Counts rows with the same cookie or, without cookies, adjacent equal rows of connections.
///
/// Equal listeners (SO_REUSEPORT) are not duplicates. Without cookies, duplicates are found only in a sorted table.
/// `scratch` is reused between calls.
pub fn duplicates<R: Row>(rows: &[R], scratch: &mut Vec<u64>) -> usize {
    scratch.clear();
    scratch.extend(rows.iter().filter_map(cookie));
    if scratch.is_empty() {
        return rows.windows(2).filter(|pair| pair[0] == pair[1] && !pair[0].is_listener()).count();
    }
    scratch.sort_unstable();
    scratch.windows(2).filter(|pair| pair[0] == pair[1]).count()
}

/// A cookie, and whether the row has a local port.
///
/// A socket that has just been reset may be listed again, after the kernel has taken its local port. That is a
/// different row: the watcher reports one Removed and one Added.
type Key = (u64, bool);

fn key<R: Row>(row: &R) -> Option<Key> {
    Some((cookie(row)?, row.local().port() != 0))
}

/// The sockets that a watcher has reported.
#[derive(Debug, Default)]
pub struct Reported {
    /// Sockets that are present.
    present: HashSet<Key>,
    /// Recently removed sockets, in two generations, the newer first.
    removed: [HashSet<Key>; 2],
}

/// A change that contradicts earlier changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// Added, but already present.
    AlreadyPresent,
    /// Added, but removed earlier: one of the two changes is wrong.
    RemovedBefore,
    /// Changed or removed, but not present.
    NotPresent,
}

impl Reported {
    /// Records the rows of the first poll.
    pub fn begin<R: Row>(&mut self, rows: &[R]) {
        self.present.extend(rows.iter().filter_map(key));
    }

    /// Records a change. Returns how it contradicts earlier changes, if it does.
    pub fn note<R: Row>(&mut self, change: Change<&R>) -> Option<Contradiction> {
        let key = key(change.row())?;
        match change {
            Change::Added(_) if !self.present.insert(key) => Some(Contradiction::AlreadyPresent),
            Change::Added(_) => {
                let removed_before = self.removed.iter().any(|removed| removed.contains(&key));
                removed_before.then_some(Contradiction::RemovedBefore)
            }
            Change::Removed(_) => {
                if self.removed[0].len() >= REMEMBERED {
                    self.removed.swap(0, 1);
                    self.removed[0].clear();
                }
                self.removed[0].insert(key);
                (!self.present.remove(&key)).then_some(Contradiction::NotPresent)
            }
            Change::Changed { .. } => (!self.present.contains(&key)).then_some(Contradiction::NotPresent),
        }
    }
}
