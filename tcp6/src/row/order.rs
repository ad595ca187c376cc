//! The order of rows, which is the same on every system.

mod sort_key;
mod sorter;

use core::cmp::Ordering;
use std::net::{Ipv6Addr, SocketAddrV6};

use crate::row::Row;
use crate::row::endpoint::RawEnd;
use crate::row::layout::RawRow;

pub(crate) use sorter::Sorter;

/// Both ends of a row as numbers whose order is that of rows. The remote end of a listener is zero.
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

    /// The ends of these addresses; `None` is the remote end of a listener.
    pub(crate) fn of_addresses(local: SocketAddrV6, remote: Option<SocketAddrV6>) -> Ends {
        Ends::new(RawEnd::new(local), remote.map(RawEnd::new).unwrap_or_default())
    }

    /// The ends as addresses. The remote end is `None` if it is `[::]:0`.
    pub(crate) fn addresses(&self) -> (SocketAddrV6, Option<SocketAddrV6>) {
        let is_unspecified = self.remote.address == 0 && self.remote.scope_and_port == 0;
        (self.local.address(), if is_unspecified { None } else { Some(self.remote.address()) })
    }

    /// The ends as words, in less space.
    #[inline]
    pub(crate) fn words(&self) -> [u64; 6] {
        let [local, remote] = [self.local.address, self.remote.address];
        let (local_upper, remote_upper) = ((local >> 64) as u64, (remote >> 64) as u64);
        let (local_port, remote_port) = (self.local.scope_and_port, self.remote.scope_and_port);
        [local_upper, local as u64, local_port, remote_upper, remote as u64, remote_port]
    }

    /// The ends with these [`words`](Ends::words).
    pub(crate) fn from_words(words: &[u64; 6]) -> Ends {
        let [local_upper, local_lower, local_port, remote_upper, remote_lower, remote_port] = *words;
        let end = |upper: u64, lower: u64, scope_and_port| End {
            address: u128::from(upper) << 64 | u128::from(lower),
            scope_and_port,
        };
        Ends { local: end(local_upper, local_lower, local_port), remote: end(remote_upper, remote_lower, remote_port) }
    }
}

impl End {
    #[inline]
    fn new(end: RawEnd) -> End {
        let (address, scope_id, port) = end.key();
        End { address, scope_and_port: u64::from(scope_id) << 16 | u64::from(port) }
    }

    fn address(&self) -> SocketAddrV6 {
        let scope_id = (self.scope_and_port >> 16) as u32;
        SocketAddrV6::new(Ipv6Addr::from_bits(self.address), self.scope_and_port as u16, 0, scope_id)
    }
}

/// Both ends of a row, which the order compares first.
#[inline]
pub(crate) fn ends<R: Row>(row: &R) -> Ends {
    Ends::new(row.raw_local(), if row.is_listener() { RawEnd::default() } else { row.raw_remote() })
}

/// Compares by the ends, then by [`RawRow::tie_break`].
#[inline]
pub(crate) fn compare<R: Row>(a: &R, b: &R) -> Ordering {
    ends(a).cmp(&ends(b)).then_with(|| a.tie_break(b))
}

/// Whether rows are sorted.
pub(crate) fn is_sorted<R: Row>(rows: &[R]) -> bool {
    are_sorted_by(rows, ends)
}

/// Whether canonical rows are sorted.
///
/// Their listeners have a zero remote end, so that the state need not be read.
pub(crate) fn is_canonical_sorted<R: Row>(rows: &[R]) -> bool {
    are_sorted_by(rows, |row| Ends::new(row.raw_local(), row.raw_remote()))
}

#[inline]
fn are_sorted_by<R: Row>(rows: &[R], ends: impl Fn(&R) -> Ends) -> bool {
    // Keeps the ends of the last row, so that each row is decoded once.
    let Some((mut before, rest)) = rows.split_first() else { return true };
    let mut ends_before = ends(before);
    rest.iter().all(|row| {
        let ends = ends(row);
        let order = ends_before.cmp(&ends).then_with(|| before.tie_break(row));
        (before, ends_before) = (row, ends);
        order.is_le()
    })
}

/// Sorts rows that are not sorted yet. To sort repeatedly, keep a [`Sorter`].
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
        // Without memory for a copy, the rows are sorted in place, which takes longer.
        None => rows.sort_unstable_by(compare),
    }
}
