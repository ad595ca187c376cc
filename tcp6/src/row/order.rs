//! The documented order of rows, the same on every system.

mod sort_key;
mod sorter;

use core::cmp::Ordering;

use crate::row::Row;
use crate::row::endpoint::RawEnd;
use crate::row::layout::RawRow;

pub(crate) use sorter::Sorter;

/// Both ends of a row, in numbers that compare as the documented order does. A listener's remote end is zero, whatever is
/// there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ends {
    local: End,
    remote: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct End {
    address: u128,
    /// The scope id above the port.
    scope_and_port: u64,
}

impl Ends {
    #[inline]
    pub(crate) fn new(local: RawEnd, remote: RawEnd) -> Ends {
        Ends { local: End::new(local), remote: End::new(remote) }
    }
}

impl End {
    #[inline]
    fn new(end: RawEnd) -> End {
        let (address, scope_id, port) = end.key();
        End { address, scope_and_port: u64::from(scope_id) << 16 | u64::from(port) }
    }
}

/// Both ends of a row: what the documented order compares first.
#[inline]
pub(crate) fn ends<R: Row>(row: &R) -> Ends {
    Ends::new(row.raw_local(), if row.is_listener() { RawEnd::default() } else { row.raw_remote() })
}

/// Local address, local scope id, local port, remote address, remote scope id, remote port; addresses by their bytes,
/// ports as numbers. Then owner, identity and all else.
#[inline]
pub(crate) fn compare<R: Row>(a: &R, b: &R) -> Ordering {
    ends(a).cmp(&ends(b)).then_with(|| a.tie_break(b))
}

/// Whether the rows are in order.
pub(crate) fn is_sorted<R: Row>(rows: &[R]) -> bool {
    are_sorted_by(rows, ends)
}

/// The same of canonical rows: where there is no remote end it is zero already, which saves a look at the state.
pub(crate) fn is_canonical_sorted<R: Row>(rows: &[R]) -> bool {
    are_sorted_by(rows, |row| Ends::new(row.raw_local(), row.raw_remote()))
}

#[inline]
fn are_sorted_by<R: Row>(rows: &[R], ends: impl Fn(&R) -> Ends) -> bool {
    // Compared one by one, each row would be decoded twice.
    let Some((mut before, rest)) = rows.split_first() else { return true };
    let mut ends_before = ends(before);
    rest.iter().all(|row| {
        let ends = ends(row);
        let order = ends_before.cmp(&ends).then_with(|| before.tie_break(row));
        (before, ends_before) = (row, ends);
        order.is_le()
    })
}

/// Sorts rows, if they are not sorted. Who does so again and again keeps a [`Sorter`].
pub(crate) fn sort<R: Row>(rows: &mut Vec<R>) {
    if is_sorted(rows) {
        return;
    }
    let copy = Sorter::new().sorted(rows).and_then(|sorted| {
        let mut copy = Vec::new();
        copy.try_reserve_exact(sorted.len()).ok()?;
        copy.extend(sorted);
        Some(copy)
    });
    match copy {
        Some(copy) => *rows = copy,
        // No memory for that: then where they are, which takes longer.
        None => rows.sort_unstable_by(compare),
    }
}
