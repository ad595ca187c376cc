//! What has changed between two snapshots.

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

/// What has changed between two snapshots, change by change. Made by [`Snapshot::diff`](crate::Snapshot::diff).
///
/// It is a lazy merge of two sorted tables, which passes over what is equal at the speed of comparing memory. It allocates
/// nothing, with one exception: where many rows of one pair of ends have gone and others have come, in another order of
/// identities, these are sorted by them. (Without memory for that it gives the same changes, in a time that grows with the
/// square of those rows.)
///
/// Changes come in the documented order of their ends. Where one pair of ends has several, those that were removed or
/// changed come first, then those that were added.
///
/// Rows are paired so:
///
/// 1. A row that is equal before and after is no change, as often as it is there on both sides: duplicates are counted,
///    and of five listeners on one end that become three, two are removed.
/// 2. What is left on one pair of ends is paired if its identity is the same, in order, and is a [`Change::Changed`].
///    The identity is the time of creation on Windows and the socket's cookie on Linux, which
///    [`OwnerModuleRow`](crate::OwnerModuleRow) carries; where there is none, all rows of one pair of ends share it.
/// 3. What is left then was removed, or added. So a pair of ends that is used again is Removed and Added where rows carry
///    an identity, and may be taken for Changed where they do not.
///
/// On Linux a connection that was listed before it closed keeps its cookie into FIN-WAIT-2 and TIME-WAIT, although its
/// owner, inode and user change: closing is one [`Change::Changed`] in every class. Two cases differ:
///
/// * A cookie is created when a socket is first listed. A connection that was opened and closed between two tables is
///   Added in TIME-WAIT. If it used the ends of a row of the table before, that row is Removed.
/// * Before Linux 4.1 a cookie is the address of the socket in the kernel. TIME-WAIT has another address, and an address is
///   used again: with `OwnerModuleRow` closing is Removed and Added there.
#[derive(Clone, Debug)]
pub struct Diff<'a, R> {
    before: &'a [R],
    after: &'a [R],
    /// The rows of one pair of ends, if they are more than one on a side.
    group: Option<Group<'a, R>>,
}

/// So many rows are compared at once: many where nothing has changed, fewer on the way to what has.
const STRIDES: [usize; 3] = [32, 8, 1];

impl<'a, R: Row> Diff<'a, R> {
    /// Of canonical rows in the documented order.
    pub(crate) fn new(before: &'a [R], after: &'a [R]) -> Diff<'a, R> {
        Diff { before, after, group: None }
    }

    /// Passes over rows that are equal on both sides, up to the first that are not.
    ///
    /// A pair of ends may be equal in part: then what is equal is a change of nothing, and what is left of the group is
    /// still in order, so that passing over it changes no pairing.
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

/// Takes the rows of the first pair of ends off the front.
fn split_group<'a, R: Row>(rows: &mut &'a [R]) -> &'a [R] {
    let ends = rows.first().map(order::ends);
    let length = rows.iter().take_while(|row| Some(order::ends(*row)) == ends).count();
    let (group, rest) = rows.split_at(length);
    *rows = rest;
    group
}
