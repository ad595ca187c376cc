//! Finds entries by the hash of their ends: a table with open addressing.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use crate::error::{Error, Result};

/// A hash table of positions in another table. It reuses its memory.
#[derive(Clone, Debug)]
pub(super) struct Index {
    /// At least half of the slots are empty. Their number is a power of two, or zero.
    slots: Vec<Slot>,
    keys: [u64; 2],
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: u32,
    position: u32,
}

/// The position of an empty slot.
const NONE: u32 = u32::MAX;
const EMPTY: Slot = Slot { hash: 0, position: NONE };

/// The smallest number of slots.
const MIN_SLOTS: usize = 16;

impl Index {
    pub(super) fn new() -> Index {
        // Peers choose addresses and ports. Random keys prevent that they choose equal hashes.
        let random = RandomState::new();
        Index { slots: Vec::new(), keys: [random.hash_one(0), random.hash_one(1)] }
    }

    /// Removes all positions and all capacity, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.slots.clear();
    }

    /// The number of positions for which there is capacity.
    pub(super) fn capacity(&self) -> usize {
        self.slots.len() / 2
    }

    /// Removes all positions, and makes capacity for `positions`.
    pub(super) fn reset(&mut self, positions: usize) -> Result<()> {
        self.slots.clear();
        let slots = positions.checked_mul(2).and_then(usize::checked_next_power_of_two);
        let slots = slots.ok_or(Error::OutOfMemory { bytes: usize::MAX })?.max(MIN_SLOTS);
        let bytes = slots.saturating_mul(size_of::<Slot>());
        self.slots.try_reserve_exact(slots).map_err(|_| Error::OutOfMemory { bytes })?;
        self.slots.resize(slots, EMPTY);
        Ok(())
    }

    /// The hash of ends, and of the identity of a socket if it is not zero.
    #[inline]
    pub(super) fn hash(&self, ends: &[u64; 6], identity: u64) -> u32 {
        let [a, b, c, d, e, f] = *ends;
        let [first, second] = self.keys;
        let mut hash = fold(a ^ first, b ^ second);
        hash = fold(c ^ hash, d ^ second);
        hash = fold(e ^ hash, f ^ second);
        hash = fold(identity ^ hash, second);
        (hash ^ hash >> 32) as u32
    }

    /// The position with this hash for which `is_match` returns true.
    #[inline]
    pub(super) fn find(&self, hash: u32, is_match: impl Fn(usize) -> bool) -> Option<usize> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot.position == NONE {
                return None;
            }
            if slot.hash == hash && is_match(slot.position as usize) {
                return Some(slot.position as usize);
            }
            at = (at + 1) & mask;
        }
    }

    /// Finds a position as [`find`](Index::find) does, or inserts `position` and returns `None`.
    ///
    /// There must be capacity, and `position` must be less than `u32::MAX`.
    #[inline]
    pub(super) fn find_or_insert(
        &mut self,
        hash: u32,
        position: u32,
        is_match: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = &mut self.slots[at];
            if slot.position == NONE {
                *slot = Slot { hash, position };
                return None;
            }
            if slot.hash == hash && is_match(slot.position as usize) {
                return Some(slot.position as usize);
            }
            at = (at + 1) & mask;
        }
    }
}

/// The halves of the product, combined.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_inserted_and_nothing_else() {
        let mut index = Index::new();
        for count in [100u32, 5_000, 10] {
            index.reset(count as usize).unwrap();
            assert!((count as usize..=5_000 * 4).contains(&index.capacity()));
            // Many hashes are equal, and all are equal in their lower bits.
            let hash = |position: u32| position / 3 * 64;
            for position in 0..count {
                let is_match = |found: usize| found as u32 == position;
                assert_eq!(index.find(hash(position), is_match), None);
                assert_eq!(index.find_or_insert(hash(position), position, is_match), None);
                assert_eq!(index.find_or_insert(hash(position), NONE - 1, is_match), Some(position as usize));
            }
            for position in 0..count {
                assert_eq!(index.find(hash(position), |found| found as u32 == position), Some(position as usize));
            }
            index.clear();
            assert_eq!((index.find(hash(0), |_| true), index.capacity()), (None, 0));
        }
    }

    #[test]
    fn each_word_and_the_identity_change_the_hash() {
        let index = Index::new();
        let mut ends = vec![[0; 6]];
        ends.extend(
            (0..6 * 64).map(|bit| core::array::from_fn(|word| if word == bit / 64 { 1 << (bit % 64) } else { 0 })),
        );
        let mut hashes: Vec<u32> = ends.iter().map(|ends| index.hash(ends, 0)).collect();
        hashes.extend((1..50).map(|identity| index.hash(&ends[0], identity)));
        let count = hashes.len();
        hashes.sort_unstable();
        hashes.dedup();
        // Of 434 random hashes, two are equal once in 46,000 runs, and three practically never.
        assert!(hashes.len() >= count - 1, "{} of {count}", hashes.len());
        assert_ne!(index.hash(&ends[1], 0), Index::new().hash(&ends[1], 0), "keys are random");
    }
}
