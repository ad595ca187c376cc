//! Snapshots: owned, sorted tables that can be kept and compared.

pub(crate) mod apply;
pub(crate) mod change;
pub(crate) mod changes;
pub(crate) mod diff;
pub(crate) mod watcher;

use core::ops::Deref;
use core::{fmt, slice};
use std::net::{Ipv6Addr, SocketAddrV6};
use std::time::SystemTime;

use self::change::Change;
use self::diff::Diff;
use crate::error::{Error, Result};
use crate::row::Row;
use crate::row::layout::RawRow;
use crate::row::order::{self, Ends, Sorter};
use crate::row::owner::Owner;
use crate::row::state_counts::StateCounts;
use crate::table::Table;
use crate::table::display;

/// An owned table: sorted rows of one class, and the time at which they were read.
///
/// Its rows are canonical: undefined fields (the upper bits of ports, the remote end of a listener) are zero. They are
/// in the documented order ([`Query::is_sorted`](crate::Query::is_sorted)), ties included, so that two snapshots of the
/// same rows are equal byte by byte. A snapshot dereferences to `[R]`.
///
/// Equality and hash depend on the rows only, not on the time. [`Display`](fmt::Display) writes a heading, a line per
/// row, and the number of rows in each state.
///
/// # Example: find rows
///
/// ```
/// use tcp6::{BasicRow, Snapshot, State};
///
/// let listener = BasicRow::new(State::Listen, "[::1]:80".parse()?, None);
/// let snapshot = Snapshot::from_iter([listener]);
/// assert_eq!(snapshot.find("[::1]:80".parse()?, None), [listener]);
/// assert_eq!(snapshot.on_port(80).count(), 1);
/// assert_eq!(snapshot.counts().get(State::Listen), 1);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
///
/// # Example: compare two snapshots
///
/// ```
/// use tcp6::{BasicRow, Change, Snapshot, State};
///
/// let listener = |port| BasicRow::new(State::Listen, format!("[::1]:{port}").parse().unwrap(), None);
/// let before = Snapshot::from_iter([listener(80), listener(443)]);
/// let after = Snapshot::from_iter([listener(80), listener(8080)]);
/// let changes: Vec<_> = before.diff(&after).collect();
/// assert_eq!(changes, [Change::Removed(&listener(443)), Change::Added(&listener(8080))]);
/// ```
#[derive(Clone)]
pub struct Snapshot<R> {
    rows: Vec<R>,
    taken_at: Option<SystemTime>,
    sorter: Sorter,
}

/// The number of rows that are copied before they are made canonical and their order is checked.
const CHUNK: usize = 32;

impl<R: Row> Snapshot<R> {
    /// An empty snapshot without a time.
    #[must_use]
    pub const fn new() -> Snapshot<R> {
        Snapshot { rows: Vec::new(), taken_at: None, sorter: Sorter::new() }
    }

    /// A snapshot of these rows, which may be in any order, with this time.
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

    /// Replaces the rows and the time by those of this table.
    ///
    /// Allocates only if the table has more rows than the snapshot has ever held, or if more rows must be sorted than
    /// it has ever sorted.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`]. The snapshot is then unchanged.
    pub fn copy_from(&mut self, table: Table<'_, R>) -> Result<()> {
        let missing = table.len().saturating_sub(self.rows.len());
        self.rows.try_reserve(missing).map_err(|_| Error::OutOfMemory { bytes: size_of_val(table.rows()) })?;
        self.rows.clear();
        // Rows that were just copied are still in the cache when their order is checked.
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

    /// The time at which the table was read, by the clock of the machine that read it.
    ///
    /// `None` if no table was copied into the snapshot.
    #[must_use]
    pub fn taken_at(&self) -> Option<SystemTime> {
        self.taken_at
    }

    /// Sets the time at which the table was read.
    pub fn set_taken_at(&mut self, taken_at: SystemTime) {
        self.taken_at = Some(taken_at);
    }

    /// The rows.
    #[must_use]
    pub fn rows(&self) -> &[R] {
        &self.rows
    }

    /// The changes from this snapshot to a later one. They are computed as the iterator advances.
    #[must_use]
    pub fn diff<'a>(&'a self, after: &'a Snapshot<R>) -> Diff<'a, R> {
        Diff::new(&self.rows, &after.rows)
    }

    /// Applies these changes, which may be in any order.
    ///
    /// The changes that [`diff`](Snapshot::diff) returns for another snapshot make this one equal to it. The time is
    /// not changed.
    ///
    /// # Errors
    ///
    /// [`Error::RowNotFound`] if a change removes or changes a row that the snapshot does not contain, and
    /// [`Error::OutOfMemory`]. The snapshot is then unchanged.
    ///
    /// # Example
    ///
    /// ```
    /// use tcp6::{BasicRow, Change, Snapshot, State};
    ///
    /// let listener = BasicRow::new(State::Listen, "[::1]:80".parse().unwrap(), None);
    /// let after = Snapshot::from_iter([listener]);
    /// let mut copy = Snapshot::new();
    /// let changes: Vec<_> = copy.diff(&after).map(Change::cloned).collect();
    /// copy.apply(changes)?;
    /// assert_eq!(copy, after);
    /// # Ok::<(), tcp6::Error>(())
    /// ```
    pub fn apply(&mut self, changes: impl IntoIterator<Item = Change<R>>) -> Result<()> {
        self.rows = apply::apply(&self.rows, changes)?;
        Ok(())
    }

    /// The rows with these ends, by binary search; listeners if `remote` is `None`.
    ///
    /// There is usually at most one row, but several sockets can listen on one end. `None` also finds rows with the
    /// remote end `[::]:0`, with which some systems list sockets that neither listen nor are connected.
    #[must_use]
    pub fn find(&self, local: SocketAddrV6, remote: Option<SocketAddrV6>) -> &[R] {
        let key = Ends::of_addresses(local, remote);
        let start = self.rows.partition_point(|row| order::ends(row) < key);
        let length = self.rows[start..].partition_point(|row| order::ends(row) == key);
        &self.rows[start..start + length]
    }

    /// The rows whose local end has this port.
    ///
    /// It takes a few binary searches for each local address in the table, instead of comparing every row.
    pub fn on_port(&self, port: u16) -> impl Iterator<Item = &R> {
        let mut rest = self.rows.as_slice();
        let rows_of_next_address = move || {
            let (address, scope_id, _) = rest.first()?.raw_local().key();
            let end = rest.partition_point(|row| {
                let key = row.raw_local().key();
                (key.0, key.1) <= (address, scope_id)
            });
            let (same_address, others) = rest.split_at(end);
            rest = others;
            let start = same_address.partition_point(|row| row.local().port() < port);
            let length = same_address[start..].partition_point(|row| row.local().port() == port);
            Some(&same_address[start..start + length])
        };
        core::iter::from_fn(rows_of_next_address).flatten()
    }

    /// The listeners.
    pub fn listeners(&self) -> impl Iterator<Item = &R> {
        self.rows.iter().filter(|row| row.is_listener())
    }

    /// The process that owns every listener to which the system passes connections to this local
    /// end.
    ///
    /// These are the listeners on this end or, if there are none, the listeners on its port and on all addresses. `None`
    /// if there are no such listeners, or if their owners are not one known process.
    ///
    /// ```
    /// use tcp6::{Owner, OwnerPidRow, Snapshot, State};
    ///
    /// let listener = |end: &str, pid| {
    ///     OwnerPidRow::new(State::Listen, end.parse().unwrap(), None).with_owner(Owner::Process(pid))
    /// };
    /// let table = Snapshot::from_iter([listener("[::]:22", 800), listener("[::1]:22", 900), listener("[::]:80", 7)]);
    /// assert_eq!(table.listener_owner("[2001:db8::1]:22".parse().unwrap()), Some(Owner::Process(800)));
    /// assert_eq!(table.listener_owner("[::1]:22".parse().unwrap()), Some(Owner::Process(900)));
    /// assert_eq!(table.listener_owner("[::1]:443".parse().unwrap()), None);
    /// ```
    #[must_use]
    pub fn listener_owner(&self, local: SocketAddrV6) -> Option<Owner> {
        let on_all = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, local.port(), 0, 0);
        let owner_of = |end| {
            let mut listeners = self.find(end, None).iter().filter(|row| row.is_listener()).map(Row::owner);
            let first = listeners.next()?;
            Some(Some(first).filter(|first| first.pid().is_some() && listeners.all(|owner| owner == *first)))
        };
        owner_of(local).or_else(|| owner_of(on_all)).flatten()
    }

    /// The number of rows in each state.
    #[must_use]
    pub fn counts(&self) -> StateCounts {
        self.rows.iter().map(Row::state).collect()
    }

    /// Keeps only the rows for which `keep` returns true.
    pub fn retain(&mut self, keep: impl FnMut(&R) -> bool) {
        self.rows.retain(keep);
    }
}

/// Appends these rows, then makes them canonical in place.
///
/// Making rows canonical before they are appended would copy each row through the stack.
fn append<'r, R: Row>(rows: &mut Vec<R>, more: impl IntoIterator<Item = &'r R>) {
    let start = rows.len();
    rows.extend(more);
    rows[start..].iter_mut().for_each(RawRow::make_canonical);
}

impl<R: Row> Table<'_, R> {
    /// A snapshot of the table.
    ///
    /// To copy tables repeatedly, [`Snapshot::copy_from`] reuses memory.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`] if an allocation fails.
    pub fn to_snapshot(&self) -> Result<Snapshot<R>> {
        let mut snapshot = Snapshot::new();
        snapshot.copy_from(*self)?;
        // The snapshot may be kept for long and never be filled again.
        snapshot.sorter = Sorter::new();
        Ok(snapshot)
    }
}

/// A snapshot of these rows, in any order. Its time is now.
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
