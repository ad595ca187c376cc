//! The changes between two snapshots.

mod by_identity;
mod group;
mod unpaired;

use core::cmp::Ordering;
use core::iter::FusedIterator;

use self::group::Group;
use crate::row::Row;
use crate::row::layout::RawRow;
use crate::row::order;
use crate::row::pod;
use crate::snapshot::change::Change;

/// An iterator over the changes between two snapshots.
///
/// Returned by [`Snapshot::diff`](crate::Snapshot::diff).
///
/// It merges two sorted tables lazily and skips equal rows at the speed of a memory comparison. It allocates only if
/// many rows with the same ends were removed or added and their identities are in a different order: it then sorts them
/// by identity. If that allocation fails, it returns the same changes, in a time that is quadratic in the number of
/// these rows.
///
/// Changes are in the documented order of their ends. Among changes with the same ends, removed and changed rows come
/// before added ones.
///
/// # How rows are paired
///
/// 1. Rows that are equal on both sides are not changes. Duplicates are counted: if five equal listeners become three,
///    two are removed.
/// 2. Of the remaining rows with the same ends, those with the same identity are paired in order; each pair is a
///    [`Change::Changed`]. The identity is the time of creation on Windows and the cookie of the socket on Linux, which
///    only [`OwnerModuleRow`](crate::OwnerModuleRow) contains. Rows without an identity share one.
/// 3. The rest are removed or added. So if a socket is closed and another one uses the same ends, it is Removed and
///    Added if rows have an identity, and can be reported as Changed if they do not.
///
/// # Connections that close on Linux
///
/// A connection that was listed before it closed keeps its cookie into FIN-WAIT-2 and TIME-WAIT, although its owner,
/// inode and user change once no process holds it: closing is one [`Change::Changed`] in every class. Two cases differ:
///
/// * The kernel creates a cookie when it first lists a socket. A connection that was opened and closed between two
///   tables is Added in TIME-WAIT. If it has the ends of a row of the previous table, that row is Removed.
/// * Before Linux 4.1 a cookie is the address of the socket in the kernel. TIME-WAIT has another address, and addresses
///   are reused: for `OwnerModuleRow`, closing is then Removed and Added.
///
/// # Connections with two identities on Linux
///
/// If the kernel replaces a socket just when a table lists it for the first time, its successor gets another cookie. That
/// happens to a request in SYN-RECEIVED that is just being accepted, and to a closing connection that just becomes a
/// timewait socket (in TIME-WAIT, or in FIN-WAIT-2 without a process). It is Removed and Added, like another connection with the same ends. The changes of a [watcher with
/// events](crate::Watcher#short-connections), which tell the two cases apart, have one Changed for it.
#[derive(Clone, Debug)]
pub struct Diff<'a, R> {
    before: &'a [R],
    after: &'a [R],
    /// The rows with the current ends, if a side has more than one or if their identities differ.
    group: Option<Group<'a, R>>,
}

/// The numbers of rows that are compared at once.
///
/// Many are compared while nothing has changed, then fewer to locate the first difference.
const STRIDES: [usize; 3] = [32, 8, 1];

impl<'a, R: Row> Diff<'a, R> {
    /// The changes between these rows, which must be canonical and sorted.
    pub(crate) fn new(before: &'a [R], after: &'a [R]) -> Diff<'a, R> {
        Diff { before, after, group: None }
    }

    /// Skips rows up to the first that differ.
    ///
    /// Only some of the rows with the same ends may be equal. Skipping them does not affect the pairing: equal rows are
    /// not changes, and the remaining rows are still in order.
    #[inline]
    fn skip_equal(&mut self) {
        for stride in STRIDES {
            while let (Some(before), Some(after)) = (self.before.get(..stride), self.after.get(..stride)) {
                if pod::bytes_of(before) != pod::bytes_of(after) {
                    break;
                }
                self.before = &self.before[stride..];
                self.after = &self.after[stride..];
            }
        }
    }
}

impl<'a, R: Row> Iterator for Diff<'a, R> {
    type Item = Change<&'a R>;

    fn next(&mut self) -> Option<Change<&'a R>> {
        loop {
            if let Some(group) = &mut self.group {
                match group.next() {
                    None => self.group = None,
                    change => return change,
                }
            }
            self.skip_equal();
            let (before, after) = match (self.before.split_first(), self.after.split_first()) {
                (None, None) => return None,
                (Some((row, rest)), None) => {
                    self.before = rest;
                    return Some(Change::Removed(row));
                }
                (None, Some((row, rest))) => {
                    self.after = rest;
                    return Some(Change::Added(row));
                }
                (Some((before, _)), Some((after, _))) => (before, after),
            };
            match order::ends(before).cmp(&order::ends(after)) {
                Ordering::Less => {
                    self.before = &self.before[1..];
                    return Some(Change::Removed(before));
                }
                Ordering::Greater => {
                    self.after = &self.after[1..];
                    return Some(Change::Added(after));
                }
                Ordering::Equal => {}
            }
            let lost = split_group(&mut self.before);
            let gained = split_group(&mut self.after);
            match (lost, gained) {
                ([before], [after]) if before.identity() == after.identity() => {
                    return Some(Change::Changed { before, after });
                }
                _ => self.group = Some(Group::new(lost, gained)),
            }
        }
    }
}

impl<R: Row> FusedIterator for Diff<'_, R> {}

/// Removes the rows with the ends of the first row from the front, and returns them.
fn split_group<'a, R: Row>(rows: &mut &'a [R]) -> &'a [R] {
    let ends = rows.first().map(order::ends);
    let length = rows.iter().take_while(|row| Some(order::ends(*row)) == ends).count();
    let (group, rest) = rows.split_at(length);
    *rows = rest;
    group
}
