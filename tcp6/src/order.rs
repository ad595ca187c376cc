//! The documented order of rows, the same on every system.

use core::cmp::Ordering;

use crate::Row;

/// One end: its address, scope id and port.
type End = (u128, u32, u16);

/// Both ends of a row: what the documented order compares first. A listener's remote end is zero, whatever is there.
#[inline]
pub(crate) fn ends<R: Row>(row: &R) -> (End, End) {
    (row.raw_local().key(), remote(row))
}

#[inline]
fn remote<R: Row>(row: &R) -> End {
    if row.is_listener() { End::default() } else { row.raw_remote().key() }
}

/// Local address, local scope id, local port, remote address, remote scope id, remote port; addresses by their bytes,
/// ports as numbers. Then owner, identity and all else.
pub(crate) fn compare<R: Row>(a: &R, b: &R) -> Ordering {
    a.raw_local().key().cmp(&b.raw_local().key()).then_with(|| remote(a).cmp(&remote(b))).then_with(|| a.tie_break(b))
}

/// Sorts the rows, if they are not sorted.
///
/// Systems sort by compare functions of their own, which differ in detail (Wine compares scope ids as signed numbers),
/// so their order is checked and not trusted. What they sorted is nearly always sorted, and then this costs one pass.
pub(crate) fn sort<R: Row>(rows: &mut [R]) {
    if !rows.is_sorted_by(|a, b| compare(a, b).is_le()) {
        rows.sort_unstable_by(compare);
    }
}
