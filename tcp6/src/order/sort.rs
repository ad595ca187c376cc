//! Sorting, at less than half of what comparing rows with each other costs.

use super::bits::Bits;
use super::{compare, ends, is_sorted};
use crate::Row;

/// Sorts rows, and keeps the memory that it takes to do so.
///
/// Rows are large, 44 bytes of each decide, and most bits of these are the same in all rows of a table. So what is sorted
/// is one word a row, of the first bits in which these rows differ at all. Rows that are equal in them are sorted among
/// themselves, by the next bits in which they differ.
pub(crate) struct Sorter {
    keys: Vec<Key>,
}

/// What stands for a row while its like are sorted.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    bits: u64,
    /// Where the row stands.
    pub(crate) place: usize,
}

/// So few rows are sorted by comparing them.
const FEW: usize = 24;

impl Sorter {
    pub(crate) const fn new() -> Sorter {
        Sorter { keys: Vec::new() }
    }

    /// Sorts the rows, if they are not sorted.
    ///
    /// Systems sort by compare functions of their own, which differ in detail (Wine compares scope ids as signed
    /// numbers), so their order is checked and not trusted. What they sorted is nearly always sorted, and then this
    /// costs one pass.
    pub(crate) fn sort<R: Row>(&mut self, rows: &mut [R]) {
        if is_sorted(rows) {
            return;
        }
        match self.keys(rows) {
            Some(keys) => permute(rows, keys),
            None => rows.sort_unstable_by(compare),
        }
    }

    /// A key for each row, in the order of the rows; `None` if there is no memory for them.
    pub(crate) fn keys<R: Row>(&mut self, rows: &[R]) -> Option<&mut [Key]> {
        self.keys.clear();
        if self.keys.capacity() < rows.len() {
            // With room to spare: the next table may have a few rows more.
            self.keys.try_reserve(rows.len() + rows.len() / 4 + FEW).ok()?;
        }
        self.keys.extend((0..rows.len()).map(|place| Key { bits: 0, place }));
        sort(rows, &mut self.keys);
        Some(&mut self.keys)
    }
}

/// A copy has no use for the memory of the original.
impl Clone for Sorter {
    fn clone(&self) -> Sorter {
        Sorter::new()
    }
}

/// Sorts the keys of some of the rows.
fn sort<R: Row>(rows: &[R], keys: &mut [Key]) {
    let row = |key: &Key| &rows[key.place];
    if keys.len() <= FEW {
        keys.sort_unstable_by(|a, b| compare(row(a), row(b)));
        return;
    }
    let Some(bits) = Bits::of(keys.iter().map(|key| ends(row(key)))) else {
        keys.sort_unstable_by(|a, b| row(a).tie_break(row(b)));
        return;
    };
    for key in &mut *keys {
        key.bits = bits.take(ends(row(key)));
    }
    keys.sort_unstable_by_key(|key| key.bits);
    // The rows of each of these differ in later bits only, if they do, so that this comes to an end.
    for equal in keys.chunk_by_mut(|a, b| a.bits == b.bits).filter(|equal| equal.len() > 1) {
        sort(rows, equal);
    }
}

/// Puts the rows in the order of the keys, which are used up.
fn permute<R: Row>(rows: &mut [R], keys: &mut [Key]) {
    for start in 0..rows.len() {
        let first = rows[start];
        let mut to = start;
        // Round the cycle of places that begins here. Where one has been gone round, each row is at its place.
        loop {
            let from = keys[to].place;
            keys[to].place = to;
            if from == start {
                break;
            }
            rows[to] = rows[from];
            to = from;
        }
        rows[to] = first;
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv6Addr, SocketAddrV6};

    use super::*;
    use crate::{OwnerModuleRow, OwnerPidRow, State};

    /// Numbers that are the same in every run.
    fn numbers() -> impl FnMut(u32) -> u32 {
        let mut state = 1u64;
        move |end| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u32 % end
        }
    }

    fn check<R: Row>(name: &str, rows: usize, mut row: impl FnMut() -> R) {
        let mut sorter = Sorter::new();
        for count in [0, 1, 2, FEW, FEW + 1, rows] {
            let mut sorted: Vec<R> = (0..count).map(|_| row()).collect();
            let mut expected = sorted.clone();
            sorter.sort(&mut sorted);
            expected.sort_by(compare);
            assert_eq!(sorted, expected, "{name}, {count} rows");
        }
    }

    #[test]
    fn rows_that_differ_anywhere_are_sorted() {
        let mut below = numbers();
        // Bits all over the ends, so that one word of them never decides.
        let mut end = move || {
            let (high, low) = (u128::from(below(3)), u128::from(below(5)));
            let address =
                Ipv6Addr::from_bits(high << 126 | u128::from(below(2)) << 70 | low << 30 | u128::from(below(2)));
            SocketAddrV6::new(address, below(4) as u16 * 0x3FFF, 0, below(2) << 31)
        };
        let mut state = numbers();
        check("ends", 5_000, || {
            let state = State::NAMED[state(13) as usize];
            OwnerPidRow::new(state, end(), Some(end()))
        });
    }

    #[test]
    fn a_machine_with_more_addresses_than_are_numbered_is_sorted() {
        let mut below = numbers();
        check("addresses", 5_000, || {
            let local = Ipv6Addr::from_bits(u128::from(below(3_000)) << 60);
            OwnerPidRow::new(State::Established, SocketAddrV6::new(local, 80, 0, 0), None)
        });
    }

    #[test]
    fn rows_of_the_same_ends_are_sorted_by_all_else() {
        let mut below = numbers();
        let end: SocketAddrV6 = "[::1]:80".parse().unwrap();
        check("ties", 500, || {
            let mut raw = *OwnerModuleRow::new(State::Listen, end, None).as_raw();
            (raw.dwOwningPid, raw.liCreateTimestamp) = (below(5), below(5).into());
            raw.OwningModuleInfo[below(16) as usize] = below(3).into();
            // Garbage, where it may stand.
            (raw.dwRemotePort, raw.dwLocalPort) = (below(9), raw.dwLocalPort | below(9) << 16);
            OwnerModuleRow::from_raw(raw)
        });
    }
}
