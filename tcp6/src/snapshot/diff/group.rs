//! The changes between rows with the same ends.

use std::vec;

use super::by_identity;
use super::unpaired::Unpaired;
use crate::row::Row;
use crate::row::layout::RawRow;
use crate::snapshot::change::Change;

/// With more comparisons than this, a search takes longer than sorting by identity.
const MAX_COMPARISONS: usize = 4_096;

/// An iterator over the changes between rows with the same ends.
#[derive(Clone, Debug)]
pub(super) enum Group<'a, R> {
    /// So far, the i-th unpaired rows of both sides had the same identity and were paired.
    ///
    /// That holds if rows have no identity, or if only the owner of a socket changed.
    InStep(Unpaired<'a, R>, Unpaired<'a, R>),
    /// Searches for each pair, without an allocation: for few rows, or if an allocation failed.
    Searched(Search<'a, R>),
    /// The changes found by sorting: for many rows.
    Sorted(vec::IntoIter<Change<&'a R>>),
}

impl<'a, R: Row> Group<'a, R> {
    pub(super) fn new(before: &'a [R], after: &'a [R]) -> Group<'a, R> {
        Group::InStep(Unpaired::new(before, after), Unpaired::new(after, before))
    }

    /// Continues from the first rows whose identities differ.
    fn out_of_step(lost: Unpaired<'a, R>, gained: Unpaired<'a, R>) -> Group<'a, R> {
        let unpaired = lost.clone().count() + gained.clone().count();
        if unpaired.saturating_mul(lost.rows.len() + gained.rows.len()) > MAX_COMPARISONS {
            if let Some(changes) = by_identity::changes(lost.clone(), gained.clone()) {
                return Group::Sorted(changes);
            }
        }
        Group::Searched(Search::new(lost, gained))
    }

    pub(super) fn next(&mut self) -> Option<Change<&'a R>> {
        if let Group::InStep(lost, gained) = self {
            let (lost_here, gained_here) = (lost.clone(), gained.clone());
            match (lost.next(), gained.next()) {
                (Some(before), Some(after)) if before.identity() == after.identity() => {
                    return Some(Change::Changed { before, after });
                }
                (Some(_), Some(_)) => *self = Group::out_of_step(lost_here, gained_here),
                (before, after) => return before.map(Change::Removed).or(after.map(Change::Added)),
            }
        }
        match self {
            Group::InStep(..) => None,
            Group::Searched(search) => search.next(),
            Group::Sorted(changes) => changes.next(),
        }
    }
}

/// Searches all unpaired rows of the other side for the partner of each row.
#[derive(Clone, Debug)]
pub(super) struct Search<'a, R> {
    lost: Unpaired<'a, R>,
    gained: Unpaired<'a, R>,
    all_lost: Unpaired<'a, R>,
    all_gained: Unpaired<'a, R>,
}

impl<'a, R: Row> Search<'a, R> {
    fn new(lost: Unpaired<'a, R>, gained: Unpaired<'a, R>) -> Search<'a, R> {
        Search { lost: lost.clone(), gained: gained.clone(), all_lost: lost, all_gained: gained }
    }

    fn next(&mut self) -> Option<Change<&'a R>> {
        let Search { lost, gained, all_lost, all_gained } = self;
        if let Some(before) = lost.next() {
            return Some(match all_gained.with_identity_of(before).nth(all_lost.rank(before)) {
                Some(after) => Change::Changed { before, after },
                None => Change::Removed(before),
            });
        }
        let is_paired = |after: &&R| all_lost.with_identity_of(*after).nth(all_gained.rank(after)).is_some();
        gained.find(|after| !is_paired(after)).map(Change::Added)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::row::class::OwnerModuleRow;
    use crate::row::state::State;

    fn listener((pid, created, word): (u32, i64, u64)) -> OwnerModuleRow {
        let mut raw = *OwnerModuleRow::new(State::Listen, "[::1]:80".parse().unwrap(), None).as_raw();
        (raw.dwOwningPid, raw.liCreateTimestamp, raw.OwningModuleInfo[0]) = (pid, created, word);
        OwnerModuleRow::from_raw(raw)
    }

    /// Sorted listeners on one end: some are duplicates, some share an identity, some have none.
    fn listeners() -> impl Strategy<Value = Vec<OwnerModuleRow>> {
        let row = (0..3u32, prop_oneof![0..3i64, 0..100i64], 0..2u64).prop_map(listener);
        vec(row, 0..80).prop_map(|mut rows| {
            rows.sort();
            rows
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn search_and_sort_find_the_same_changes(before in listeners(), after in listeners(), shared in listeners()) {
            let with_shared = |mut rows: Vec<OwnerModuleRow>| {
                rows.extend(&shared);
                rows.sort();
                rows
            };
            let (before, after) = (with_shared(before), with_shared(after));
            let (lost, gained) = (Unpaired::new(&before, &after), Unpaired::new(&after, &before));
            let mut search = Search::new(lost.clone(), gained.clone());
            let searched: Vec<_> = core::iter::from_fn(|| search.next()).collect();
            let indexed: Vec<_> = by_identity::changes(lost, gained).unwrap().collect();
            prop_assert_eq!(&indexed, &searched);
            let mut group = Group::new(&before, &after);
            let changes: Vec<_> = core::iter::from_fn(|| group.next()).collect();
            prop_assert_eq!(changes, searched);
        }
    }

    #[test]
    fn searches_few_rows_and_sorts_many() {
        let rows =
            |count: u32, first: u32| -> Vec<_> { (first..first + count).map(|i| listener((i, i.into(), 0))).collect() };
        for (count, is_searched) in [(2, true), (30, true), (40, false), (50_000, false)] {
            let (before, after) = (rows(count, 1), rows(count, count + 1));
            let mut group = Group::new(&before, &after);
            assert_eq!(group.next(), Some(Change::Removed(&before[0])));
            assert_eq!(matches!(group, Group::Searched(_)), is_searched, "{count}");
            assert_eq!(matches!(group, Group::Sorted(_)), !is_searched, "{count}");
        }
    }
}
