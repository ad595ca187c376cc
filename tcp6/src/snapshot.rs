//! Snapshots: owned tables that are kept and compared.

pub(crate) mod apply;
pub(crate) mod change;
pub(crate) mod diff;
pub(crate) mod watcher;

use core::ops::Deref;
use core::{fmt, slice};
use std::net::SocketAddrV6;
use std::time::SystemTime;

use self::change::Change;
use self::diff::Diff;
use crate::error::{Error, Result};
use crate::row::Row;
use crate::row::layout::RawRow;
use crate::row::order::{self, Ends, Sorter};
use crate::row::state_counts::StateCounts;
use crate::table::Table;
use crate::table::display;

/// A table of one's own: rows of any class, and the time when they were taken.
///
/// Its rows are canonical: what has no meaning (the upper bits of ports, a listener's remote end) is zero. They are in
/// the documented order, ties included, so that two snapshots of the same table are equal to the byte. It is a slice
/// (`Deref<Target = [R]>`).
///
/// Snapshots are equal, and hash alike, if their rows are and do, whenever they were taken. Printed, a snapshot is a table for
/// people.
///
/// ```
/// use tcp6::{BasicRow, Snapshot, State};
///
/// let listener = BasicRow::new(State::Listen, "[::1]:80".parse()?, None);
/// # use tcp6::Row;
/// let snapshot: Snapshot<BasicRow> = [listener].into_iter().collect();
/// assert_eq!(snapshot.find("[::1]:80".parse()?, None), [listener]);
/// assert_eq!(snapshot.counts().get(State::Listen), 1);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone)]
pub struct Snapshot<R> {
    rows: Vec<R>,
    taken_at: Option<SystemTime>,
    sorter: Sorter,
}

/// So many rows are copied at once.
const CHUNK: usize = 32;

impl<R: Row> Snapshot<R> {
    /// An empty snapshot that no table was taken into: it has no time.
    #[must_use]
    pub const fn new() -> Snapshot<R> {
        Snapshot { rows: Vec::new(), taken_at: None, sorter: Sorter::new() }
    }

    /// A snapshot of these rows, in whatever order they come.
    #[must_use]
    pub fn from_rows(rows: impl IntoIterator<Item = R>, taken_at: SystemTime) -> Snapshot<R> {
        Snapshot::with_time(rows, Some(taken_at))
    }

    pub(crate) fn with_time(rows: impl IntoIterator<Item = R>, taken_at: Option<SystemTime>) -> Snapshot<R> {
        let rows = rows.into_iter().map(RawRow::canonical).collect();
        let mut snapshot = Snapshot { rows, taken_at, sorter: Sorter::new() };
        order::sort(&mut snapshot.rows);
        snapshot
    }

    /// Takes the rows of this table in place of its own. It allocates only if there are more than it ever held, or more to be
    /// sorted than it ever sorted.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`]; it is then as it was.
    pub fn copy_from(&mut self, table: Table<'_, R>) -> Result<()> {
        let missing = table.len().saturating_sub(self.rows.len());
        self.rows.try_reserve(missing).map_err(|_| Error::OutOfMemory { bytes: size_of_val(table.rows()) })?;
        self.rows.clear();
        // What is checked has just been copied, and is still in the cache.
        let in_order = table.chunks(CHUNK).all(|chunk| {
            let last = self.rows.len().saturating_sub(1);
            append(&mut self.rows, chunk);
            order::is_canonical_sorted(&self.rows[last..])
        });
        if !in_order {
            self.rows.clear();
            match self.sorter.sorted(&table) {
                Some(mut sorted) => {
                    while sorted.len() > 0 {
                        append(&mut self.rows, sorted.by_ref().take(CHUNK));
                    }
                }
                None => {
                    append(&mut self.rows, table);
                    self.rows.sort_unstable();
                }
            }
        }
        self.taken_at = Some(table.taken_at());
        Ok(())
    }

    /// When the table was taken, by the clock of the machine that took it; `None` if none was taken yet.
    #[must_use]
    pub fn taken_at(&self) -> Option<SystemTime> {
        self.taken_at
    }

    /// Sets the time when the table was taken.
    pub fn set_taken_at(&mut self, taken_at: SystemTime) {
        self.taken_at = Some(taken_at);
    }

    /// The rows.
    #[must_use]
    pub fn rows(&self) -> &[R] {
        &self.rows
    }

    /// What has changed from this snapshot to a later one, lazily.
    #[must_use]
    pub fn diff<'a>(&'a self, after: &'a Snapshot<R>) -> Diff<'a, R> {
        Diff::new(&self.rows, &after.rows)
    }

    /// Makes these changes: those that [`diff`](Snapshot::diff) tells between this snapshot and another make it equal to
    /// the other.
    ///
    /// The changes may come in any order. The time when it was taken stays.
    ///
    /// # Errors
    ///
    /// [`Error::RowNotFound`] if a row that is removed or changed is not there, [`Error::OutOfMemory`]. The snapshot is
    /// then as it was.
    pub fn apply(&mut self, changes: impl IntoIterator<Item = Change<R>>) -> Result<()> {
        self.rows = apply::apply(&self.rows, changes)?;
        Ok(())
    }

    /// The rows of this pair of ends; of a listener's, if there is no remote one.
    ///
    /// Usually none or one. Several sockets may listen on one end. `None` finds rows with a remote end of `[::]:0` as well:
    /// some systems list sockets so that neither listen nor are connected.
    #[must_use]
    pub fn find(&self, local: SocketAddrV6, remote: Option<SocketAddrV6>) -> &[R] {
        let key = Ends::of_addresses(local, remote);
        let start = self.rows.partition_point(|row| order::ends(row) < key);
        let length = self.rows[start..].partition_point(|row| order::ends(row) == key);
        &self.rows[start..start + length]
    }

    /// The rows whose local end is on this port, whatever the address.
    ///
    /// Rows are looked up by address and port, so that this costs little more than the rows which it finds, unless a
    /// machine has very many local addresses.
    pub fn on_port(&self, port: u16) -> impl Iterator<Item = &R> {
        let mut rest = self.rows.as_slice();
        let of_next_address = move || {
            let (address, scope_id, _) = rest.first()?.raw_local().key();
            let end = rest.partition_point(|row| {
                let key = row.raw_local().key();
                (key.0, key.1) <= (address, scope_id)
            });
            let (of_address, behind) = rest.split_at(end);
            rest = behind;
            let start = of_address.partition_point(|row| row.local().port() < port);
            let length = of_address[start..].partition_point(|row| row.local().port() == port);
            Some(&of_address[start..start + length])
        };
        core::iter::from_fn(of_next_address).flatten()
    }

    /// The listeners.
    pub fn listeners(&self) -> impl Iterator<Item = &R> {
        self.rows.iter().filter(|row| row.is_listener())
    }

    /// How many rows there are in each state.
    #[must_use]
    pub fn counts(&self) -> StateCounts {
        self.rows.iter().map(Row::state).collect()
    }

    /// Leaves out the rows for which this does not hold.
    pub fn retain(&mut self, keep: impl FnMut(&R) -> bool) {
        self.rows.retain(keep);
    }
}

/// Appends these rows, made canonical where they are then: on its way, a row would go through the stack.
fn append<'r, R: Row>(rows: &mut Vec<R>, more: impl IntoIterator<Item = &'r R>) {
    let start = rows.len();
    rows.extend(more);
    rows[start..].iter_mut().for_each(RawRow::make_canonical);
}

impl<R: Row> Table<'_, R> {
    /// A snapshot of the table.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`]
    pub fn to_snapshot(&self) -> Result<Snapshot<R>> {
        let mut snapshot = Snapshot::new();
        snapshot.copy_from(*self)?;
        // It may be kept for long, and never be taken into again.
        snapshot.sorter = Sorter::new();
        Ok(snapshot)
    }
}

/// A snapshot of these rows, taken now.
impl<R: Row> FromIterator<R> for Snapshot<R> {
    fn from_iter<I: IntoIterator<Item = R>>(rows: I) -> Snapshot<R> {
        Snapshot::from_rows(rows, SystemTime::now())
    }
}

impl<R: Row> Default for Snapshot<R> {
    fn default() -> Snapshot<R> {
        Snapshot::new()
    }
}

impl<R> Deref for Snapshot<R> {
    type Target = [R];

    fn deref(&self) -> &[R] {
        &self.rows
    }
}

impl<'a, R> IntoIterator for &'a Snapshot<R> {
    type Item = &'a R;
    type IntoIter = slice::Iter<'a, R>;

    fn into_iter(self) -> slice::Iter<'a, R> {
        self.rows.iter()
    }
}

impl<R: PartialEq> PartialEq for Snapshot<R> {
    fn eq(&self, other: &Snapshot<R>) -> bool {
        self.rows == other.rows
    }
}

impl<R: Eq> Eq for Snapshot<R> {}

impl<R: core::hash::Hash> core::hash::Hash for Snapshot<R> {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.rows.hash(state);
    }
}

impl<R: Row> fmt::Display for Snapshot<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display::write(&self.rows, f)
    }
}

impl<R: fmt::Debug> fmt::Debug for Snapshot<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("taken_at", &self.taken_at).field("rows", &self.rows).finish()
    }
}
