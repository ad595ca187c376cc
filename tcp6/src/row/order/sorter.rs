//! Sorts rows by keys of 64 bits, in less than half of the time of comparing rows.

use super::sort_key::SortKey;
use super::{compare, ends};
use crate::row::Row;

/// Sorts rows, and keeps its memory for the next table.
///
/// Rows are large: the order depends on 44 bytes, most of whose bits are equal in all rows of a table. The sorter
/// reduces each row to a key of the first 64 bits of the ranges in which rows differ ([`SortKey`]) and sorts the keys. Rows with
/// equal keys are sorted again by the bits that follow.
pub(crate) struct Sorter {
    keys: Vec<Key>,
}

#[derive(Clone, Copy)]
struct Key {
    bits: u64,
    /// The index of the row.
    index: usize,
}

/// Tables of at most this many rows are sorted by comparing rows.
const MAX_COMPARED: usize = 24;

impl Sorter {
    pub(crate) const fn new() -> Sorter {
        Sorter { keys: Vec::new() }
    }

    /// The rows in order, or `None` if the keys cannot be allocated.
    pub(crate) fn sorted<'a, R: Row>(&'a mut self, rows: &'a [R]) -> Option<impl ExactSizeIterator<Item = &'a R>> {
        self.keys.clear();
        if self.keys.capacity() < rows.len() {
            // The next table may have a few more rows.
            self.keys.try_reserve(rows.len() + rows.len() / 4 + MAX_COMPARED).ok()?;
        }
        self.keys.extend((0..rows.len()).map(|index| Key { bits: 0, index }));
        sort(rows, &mut self.keys);
        Some(self.keys.iter().map(|key| &rows[key.index]))
    }
}

/// A clone starts without memory.
impl Clone for Sorter {
    fn clone(&self) -> Sorter {
        Sorter::new()
    }
}

/// Sorts the keys of some of the rows.
fn sort<R: Row>(rows: &[R], keys: &mut [Key]) {
    let row = |key: &Key| &rows[key.index];
    let sort_key = if keys.len() > MAX_COMPARED { SortKey::of(keys.iter().map(|key| ends(row(key)))) } else { None };
    let Some(sort_key) = sort_key else {
        keys.sort_unstable_by(|a, b| compare(row(a), row(b)));
        return;
    };
    for key in &mut *keys {
        key.bits = sort_key.bits(ends(row(key)));
    }
    keys.sort_unstable_by_key(|key| key.bits);
    // The recursion ends: at least two rows differ in the bits of the key, so that each run of equal keys is shorter
    // than the input.
    for equal in keys.chunk_by_mut(|a, b| a.bits == b.bits).filter(|equal| equal.len() > 1) {
        sort(rows, equal);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv6Addr, SocketAddrV6};

    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::{Index, select};
    use tcp6_sys::MIB_TCP6ROW_OWNER_PID;

    use super::*;
    use crate::row::class::{OwnerModuleRow, OwnerPidRow};
    use crate::row::state::State;

    /// Deterministic random numbers below `end`.
    fn numbers() -> impl FnMut(u32) -> u32 {
        let mut state = 1u64;
        move |end| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u32 % end
        }
    }

    fn owned(state: State, local: SocketAddrV6, remote: Option<SocketAddrV6>, pid: u32) -> OwnerPidRow {
        let raw = *OwnerPidRow::new(state, local, remote).as_raw();
        OwnerPidRow::from_raw(MIB_TCP6ROW_OWNER_PID { dwOwningPid: pid, ..raw })
    }

    fn check<R: Row>(name: &str, rows: usize, mut row: impl FnMut() -> R) {
        for count in [0, 1, 2, MAX_COMPARED, MAX_COMPARED + 1, rows] {
            let mut sorted: Vec<R> = (0..count).map(|_| row()).collect();
            let mut expected = sorted.clone();
            crate::row::order::sort(&mut sorted);
            expected.sort_by(compare);
            assert_eq!(sorted, expected, "{name}, {count} rows");
        }
    }

    #[test]
    fn sorts_rows_that_differ_in_any_bit() {
        let mut below = numbers();
        // The bits that differ are spread over the ends, so that one key never decides.
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
    fn sorts_listeners_among_connections_with_one_remote_end() {
        let mut below = numbers();
        let end: SocketAddrV6 = "[fe80::1]:443".parse().unwrap();
        check("one remote end", 500, || {
            let state = [State::Listen, State::Bound, State::TimeWait][below(3) as usize];
            let remote = (state == State::Bound).then_some(end);
            owned(state, end, remote, below(4))
        });
    }

    /// The ends from which a table is built.
    fn pool() -> impl Strategy<Value = Vec<SocketAddrV6>> {
        let address = prop_oneof![Just(0), Just(1), any::<u128>(), (0..128u32).prop_map(|bit| 1 << bit)];
        let port = prop_oneof![Just(0), Just(1), any::<u16>()];
        let end = (address, port, prop_oneof![Just(0), any::<u32>()])
            .prop_map(|(address, port, scope)| SocketAddrV6::new(Ipv6Addr::from_bits(address), port, 0, scope));
        vec(end, 1..5)
    }

    /// A table with the ends of a pool and too many rows to be sorted by comparing them.
    fn table() -> impl Strategy<Value = Vec<OwnerPidRow>> {
        let state = select(vec![State::Listen, State::Established, State::TimeWait]);
        let row = (state, any::<[Index; 2]>(), 0..3u32);
        (pool(), pool(), vec(row, MAX_COMPARED + 1..8 * MAX_COMPARED)).prop_map(|(local, remote, rows)| {
            let row = |(state, [near, far], pid): (State, [Index; 2], u32)| {
                let remote = (state != State::Listen).then(|| *far.get(&remote));
                owned(state, *near.get(&local), remote, pid)
            };
            rows.into_iter().map(row).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn agrees_with_sorting_by_comparison(mut rows in table()) {
            let mut expected = rows.clone();
            expected.sort_by(compare);
            crate::row::order::sort(&mut rows);
            prop_assert_eq!(rows, expected);
        }
    }

    #[test]
    fn sorts_more_local_addresses_than_are_numbered() {
        let mut below = numbers();
        check("addresses", 5_000, || {
            let local = Ipv6Addr::from_bits(u128::from(below(3_000)) << 60);
            OwnerPidRow::new(State::Established, SocketAddrV6::new(local, 80, 0, 0), None)
        });
    }

    #[test]
    fn sorts_rows_with_equal_ends_by_their_other_fields() {
        let mut below = numbers();
        let end: SocketAddrV6 = "[::1]:80".parse().unwrap();
        check("ties", 500, || {
            let mut raw = *OwnerModuleRow::new(State::Listen, end, None).as_raw();
            (raw.dwOwningPid, raw.liCreateTimestamp) = (below(5), below(5).into());
            raw.OwningModuleInfo[below(16) as usize] = below(3).into();
            // Undefined bits.
            (raw.dwRemotePort, raw.dwLocalPort) = (below(9), raw.dwLocalPort | below(9) << 16);
            OwnerModuleRow::from_raw(raw)
        });
    }
}
