//! Sorting, at less than half of what comparing rows with each other costs.

use super::sort_key::SortKey;
use super::{compare, ends};
use crate::row::Row;

/// Finds the order of rows, and keeps the memory that it takes to do so.
///
/// Rows are large, 44 bytes of each decide, and most bits of these are the same in all rows of a table. So what is sorted
/// is one word a row, of the first bits from where these rows differ at all, field by field. Rows that are equal in them are
/// sorted among themselves, by the next such bits.
pub(crate) struct Sorter {
    keys: Vec<Key>,
}

/// What stands for a row while its like are sorted.
#[derive(Clone, Copy)]
struct Key {
    bits: u64,
    /// Where the row stands.
    place: usize,
}

/// So few rows are sorted by comparing them.
const FEW: usize = 24;

impl Sorter {
    pub(crate) const fn new() -> Sorter {
        Sorter { keys: Vec::new() }
    }

    /// The rows in their order; `None` if there is no memory to find it.
    pub(crate) fn sorted<'a, R: Row>(&'a mut self, rows: &'a [R]) -> Option<impl ExactSizeIterator<Item = &'a R>> {
        self.keys.clear();
        if self.keys.capacity() < rows.len() {
            // With room to spare: the next table may have a few rows more.
            self.keys.try_reserve(rows.len() + rows.len() / 4 + FEW).ok()?;
        }
        self.keys.extend((0..rows.len()).map(|place| Key { bits: 0, place }));
        sort(rows, &mut self.keys);
        Some(self.keys.iter().map(|key| &rows[key.place]))
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
    let bits = if keys.len() > FEW { SortKey::of(keys.iter().map(|key| ends(row(key)))) } else { None };
    let Some(bits) = bits else {
        keys.sort_unstable_by(|a, b| compare(row(a), row(b)));
        return;
    };
    for key in &mut *keys {
        key.bits = bits.take(ends(row(key)));
    }
    keys.sort_unstable_by_key(|key| key.bits);
    // The rows of each of these differ in later bits only, if they do, so that this comes to an end: some rows differ in
    // the bits that were taken, so that each of these has fewer rows than there were.
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

    /// Numbers that are the same in every run.
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
        for count in [0, 1, 2, FEW, FEW + 1, rows] {
            let mut sorted: Vec<R> = (0..count).map(|_| row()).collect();
            let mut expected = sorted.clone();
            crate::row::order::sort(&mut sorted);
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
    fn listeners_and_connections_that_share_all_other_ends_are_sorted() {
        let mut below = numbers();
        let end: SocketAddrV6 = "[fe80::1]:443".parse().unwrap();
        check("one remote end", 500, || {
            let state = [State::Listen, State::Bound, State::TimeWait][below(3) as usize];
            let remote = (state == State::Bound).then_some(end);
            owned(state, end, remote, below(4))
        });
    }

    /// A few ends, of which a table is made.
    fn pool() -> impl Strategy<Value = Vec<SocketAddrV6>> {
        let address = prop_oneof![Just(0), Just(1), any::<u128>(), (0..128u32).prop_map(|bit| 1 << bit)];
        let port = prop_oneof![Just(0), Just(1), any::<u16>()];
        let end = (address, port, prop_oneof![Just(0), any::<u32>()])
            .prop_map(|(address, port, scope)| SocketAddrV6::new(Ipv6Addr::from_bits(address), port, 0, scope));
        vec(end, 1..5)
    }

    /// A table of more rows than are sorted by comparing them, on the ends of a pool.
    fn table() -> impl Strategy<Value = Vec<OwnerPidRow>> {
        let state = select(vec![State::Listen, State::Established, State::TimeWait]);
        let row = (state, any::<[Index; 2]>(), 0..3u32);
        (pool(), pool(), vec(row, FEW + 1..8 * FEW)).prop_map(|(local, remote, rows)| {
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
        fn tables_are_sorted_as_comparing_their_rows_would(mut rows in table()) {
            let mut expected = rows.clone();
            expected.sort_by(compare);
            crate::row::order::sort(&mut rows);
            prop_assert_eq!(rows, expected);
        }
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
