//! The documented order of rows, the same on every system.

mod sort;

use core::cmp::Ordering;

use crate::Row;
use crate::endpoint::RawEnd;

pub(crate) use sort::Sorter;

/// Both ends of a row in numbers that compare as the documented order does: of the local and then of the remote end, the
/// address in two halves, and the scope id above the port.
///
/// A listener's remote end is zero, whatever is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ends([u64; 6]);

impl Ends {
    #[inline]
    pub(crate) fn new(local: RawEnd, remote: RawEnd) -> Ends {
        let ([a, b, c], [d, e, f]) = (words(local), words(remote));
        Ends([a, b, c, d, e, f])
    }
}

#[inline]
fn words(end: RawEnd) -> [u64; 3] {
    let (address, scope_id, port) = end.key();
    [(address >> 64) as u64, address as u64, u64::from(scope_id) << 16 | u64::from(port)]
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

/// Sorts rows, once. Who sorts again and again keeps a [`Sorter`].
pub(crate) fn sort<R: Row>(rows: &mut [R]) {
    Sorter::new().sort(rows);
}
