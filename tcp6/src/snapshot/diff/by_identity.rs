//! The changes of many rows on one pair of ends, by sorting these rows by identity.

use core::cmp::Ordering;
use core::iter::Peekable;
use core::ptr;
use std::vec;

use super::unpaired::Unpaired;
use crate::row::Row;
use crate::row::layout::RawRow;
use crate::snapshot::change::Change;

/// The changes from what is left on one side to what is left on the other, in the order in which a
/// [`Diff`](super::Diff) gives them; `None` if there is no memory for them.
pub(super) fn changes<'a, R: Row>(
    lost: Unpaired<'a, R>,
    gained: Unpaired<'a, R>,
) -> Option<vec::IntoIter<Change<&'a R>>> {
    let (lost, gained) = (by_identity(lost)?, by_identity(gained)?);
    let mut changes = with_room(lost.len() + gained.len())?;
    let (mut lost, mut gained) = (lost.into_iter().peekable(), gained.into_iter().peekable());
    while let Some(change) = merge(&mut lost, &mut gained) {
        changes.push(change);
    }
    changes.sort_unstable_by_key(|change| match *change {
        Change::Removed(before) | Change::Changed { before, .. } => (false, place(before)),
        Change::Added(after) => (true, place(after)),
    });
    Some(changes.into_iter())
}

/// These rows by identity; those that share one stay in their order.
fn by_identity<'a, R: Row>(left: Unpaired<'a, R>) -> Option<Vec<&'a R>> {
    let mut rows = with_room(left.clone().count())?;
    rows.extend(left);
    rows.sort_unstable_by_key(|row: &&R| (row.identity(), place(*row)));
    Some(rows)
}

fn with_room<T>(count: usize) -> Option<Vec<T>> {
    let mut room = Vec::new();
    room.try_reserve_exact(count).ok()?;
    Some(room)
}

/// Where a row stands among others of its slice.
fn place<R>(row: &R) -> *const R {
    ptr::from_ref(row)
}

type Rows<'a, R> = Peekable<vec::IntoIter<&'a R>>;

/// The next change by identity.
fn merge<'a, R: Row>(lost: &mut Rows<'a, R>, gained: &mut Rows<'a, R>) -> Option<Change<&'a R>> {
    let order = match (lost.peek(), gained.peek()) {
        (Some(before), Some(after)) => before.identity().cmp(&after.identity()),
        (_, None) => Ordering::Less,
        (None, _) => Ordering::Greater,
    };
    Some(match order {
        Ordering::Less => Change::Removed(lost.next()?),
        Ordering::Equal => Change::Changed { before: lost.next()?, after: gained.next()? },
        Ordering::Greater => Change::Added(gained.next()?),
    })
}
