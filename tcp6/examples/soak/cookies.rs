//! Sockets by their cookies: which are doubled in a table, and which come back.

use std::collections::HashSet;

use tcp6::os::linux::OwnerModuleRowExt;
use tcp6::{Change, Class, OwnerModuleRow, Row};

/// The number of removed sockets that are remembered at least. A row that was removed by mistake comes back soon, and
/// remembering every socket of a long soak would take memory without bound.
const REMEMBERED: usize = 32_768;

/// The cookie of a row, if its class and its system have one.
fn cookie<R: Row>(row: &R) -> Option<u64> {
    if R::CLASS != Class::OwnerModule {
        return None;
    }
    row.to_class::<OwnerModuleRow>().socket_info()?.cookie.map(Into::into)
}

/// How many rows are there once more: with the same cookie or, without cookies, equal and of a connection. Listeners on one
/// end (SO_REUSEPORT) are equal without being doubled. Of rows without cookies it tells only in a sorted table.
pub fn doubled<R: Row>(rows: &[R], space: &mut Vec<u64>) -> usize {
    space.clear();
    space.extend(rows.iter().filter_map(cookie));
    if space.is_empty() {
        return rows.windows(2).filter(|pair| pair[0] == pair[1] && !pair[0].is_listener()).count();
    }
    space.sort_unstable();
    space.windows(2).filter(|pair| pair[0] == pair[1]).count()
}

/// A cookie, and whether the row has its local port. A socket that has just been reset can be listed once more, when the
/// kernel has already taken its port away. That is another row, in the place of the first: one Removed and one Added.
type Key = (u64, bool);

fn key<R: Row>(row: &R) -> Option<Key> {
    Some((cookie(row)?, row.local().port() != 0))
}

/// What a watcher has reported of sockets.
#[derive(Debug, Default)]
pub struct Reported {
    /// Those that are there.
    present: HashSet<Key>,
    /// Those that were removed lately, and those before.
    removed: [HashSet<Key>; 2],
}

/// A report that cannot be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum False {
    /// Added, and it was there.
    Added,
    /// Added, and it was removed before: at least one of the two is false.
    Back,
    /// Removed, and it was not there.
    Removed,
}

impl Reported {
    /// Takes note of what is there at first.
    pub fn begin<R: Row>(&mut self, rows: &[R]) {
        self.present.extend(rows.iter().filter_map(key));
    }

    /// Takes note of a change. Says so if it is false.
    pub fn note<R: Row>(&mut self, change: Change<&R>) -> Option<False> {
        let key = key(change.row())?;
        match change {
            Change::Added(_) if !self.present.insert(key) => Some(False::Added),
            Change::Added(_) => self.removed.iter().any(|removed| removed.contains(&key)).then_some(False::Back),
            Change::Removed(_) => {
                if self.removed[0].len() >= REMEMBERED {
                    self.removed.swap(0, 1);
                    self.removed[0].clear();
                }
                self.removed[0].insert(key);
                (!self.present.remove(&key)).then_some(False::Removed)
            }
            Change::Changed { .. } => (!self.present.contains(&key)).then_some(False::Removed),
        }
    }
}
