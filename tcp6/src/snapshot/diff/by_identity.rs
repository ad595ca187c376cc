//! The changes of many rows with the same ends, found by sorting these rows by identity.

use core::cmp::Ordering;
use core::iter::Peekable;
use core::ptr;
use std::vec;

use super::unpaired::Unpaired;
use crate::row::Row;
use crate::row::layout::RawRow;
use crate::snapshot::change::Change;

/// The changes between the unpaired rows of both sides, in the order of a [`Diff`](super::Diff).
///
/// `None` if an allocation fails.
pub(super) fn changes<'a, R: Row>(
    lost: Unpaired<'a, R>,
    gained: Unpaired<'a, R>,
) -> Option<vec::IntoIter<Change<&'a R>>> {
    let (lost, gained) = (by_identity(lost)?, by_identity(gained)?);
    let mut changes = try_with_capacity(lost.len() + gained.len())?;
    let (mut lost, mut gained) = (lost.into_iter().peekable(), gained.into_iter().peekable());
    while let Some(change) = merge(&mut lost, &mut gained) {
        changes.push(change);
    }
    changes.sort_unstable_by_key(|change| match *change {
        Change::Removed(before) | Change::Changed { before, .. } => (false, position(before)),
        Change::Added(after) => (true, position(after)),
    });
    Some(changes.into_iter())
}

/// These rows, sorted by identity. Rows with the same identity keep their order.
fn by_identity<'a, R: Row>(unpaired: Unpaired<'a, R>) -> Option<Vec<&'a R>> {
    let mut rows = try_with_capacity(unpaired.clone().count())?;
    rows.extend(unpaired);
    rows.sort_unstable_by_key(|row: &&R| (row.identity(), position(*row)));
    Some(rows)
}

fn try_with_capacity<T>(count: usize) -> Option<Vec<T>> {
    let mut empty = Vec::new();
    empty.try_reserve_exact(count).ok()?;
    Some(empty)
}

/// The address of a row, which orders the rows of one slice by position.
fn position<R>(row: &R) -> *const R {
    ptr::from_ref(row)
}

type Rows<'a, R> = Peekable<vec::IntoIter<&'a R>>;

/// The next change, by ascending identity.
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
