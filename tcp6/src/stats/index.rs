//! Finds entries by the hash of their ends: a table with open addressing.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use crate::error::{Error, Result};
use crate::row::order::Ends;

/// A hash table of positions in another table. It reuses its memory.
#[derive(Clone, Debug)]
pub(super) struct Index {
    /// At least half of the slots are empty. Their number is a power of two, or zero.
    slots: Vec<Slot>,
    used: usize,
    /// The storage for growing.
    spare: Vec<Slot>,
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

/// The first number of slots.
const MIN_SLOTS: usize = 16;

impl Index {
    pub(super) fn new() -> Index {
        // Peers choose addresses and ports. Random keys prevent that they choose equal hashes.
        let random = RandomState::new();
        Index { slots: Vec::new(), used: 0, spare: Vec::new(), keys: [random.hash_one(0), random.hash_one(1)] }
    }

    /// Removes all positions, and makes space for as many without growing.
    pub(super) fn clear(&mut self) {
        let slots = if self.used == 0 { 0 } else { (self.used * 2).next_power_of_two().max(MIN_SLOTS) };
        self.slots.clear();
        // It is at most the number of slots that were in use, so that this allocates nothing.
        self.slots.resize(slots, EMPTY);
        self.used = 0;
    }

    /// The hash of the ends, and of the identity of a socket if it is not zero.
    #[inline]
    pub(super) fn hash(&self, ends: &Ends, identity: u64) -> u32 {
        let [a, b, c, d, e, f] = ends.words();
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
    /// `position` is less than `u32::MAX`.
    #[inline]
    pub(super) fn find_or_insert(
        &mut self,
        hash: u32,
        position: u32,
        is_match: impl Fn(usize) -> bool,
    ) -> Result<Option<usize>> {
        if (self.used + 1) * 2 > self.slots.len() {
            self.grow()?;
        }
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = &mut self.slots[at];
            if slot.position == NONE {
                *slot = Slot { hash, position };
                self.used += 1;
                return Ok(None);
            }
            if slot.hash == hash && is_match(slot.position as usize) {
                return Ok(Some(slot.position as usize));
            }
            at = (at + 1) & mask;
        }
    }

    #[cold]
    fn grow(&mut self) -> Result<()> {
        let count = (self.slots.len() * 2).max(MIN_SLOTS);
        self.spare.clear();
        let bytes = count.saturating_mul(size_of::<Slot>());
        self.spare.try_reserve(count).map_err(|_| Error::OutOfMemory { bytes })?;
        self.spare.resize(count, EMPTY);
        for slot in self.slots.iter().filter(|slot| slot.position != NONE) {
            let mut at = slot.hash as usize & (count - 1);
            while self.spare[at].position != NONE {
                at = (at + 1) & (count - 1);
            }
            self.spare[at] = *slot;
        }
        core::mem::swap(&mut self.slots, &mut self.spare);
        Ok(())
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
    use crate::row::endpoint::RawEnd;

    #[test]
    fn finds_what_was_inserted_and_nothing_else() {
        let mut index = Index::new();
        for round in 0..3u32 {
            let count = [100u32, 5_000, 10][round as usize];
            // Many hashes are equal, and all are equal in their lower bits.
            let hash = |position: u32| position / 3 * 64;
            for position in 0..count {
                let is_match = |found: usize| found as u32 == position;
                assert_eq!(index.find(hash(position), is_match), None);
                assert_eq!(index.find_or_insert(hash(position), position, is_match).unwrap(), None);
                assert_eq!(index.find_or_insert(hash(position), NONE - 1, is_match).unwrap(), Some(position as usize));
            }
            for position in 0..count {
                assert_eq!(index.find(hash(position), |found| found as u32 == position), Some(position as usize));
            }
            assert!(index.slots.len() >= 2 * count as usize && index.slots.len() <= 4 * count.max(10_000) as usize);
            index.clear();
            assert_eq!(index.find(hash(0), |_| true), None);
        }
    }

    #[test]
    fn each_word_and_the_identity_change_the_hash() {
        let index = Index::new();
        let end = |address: [u8; 16], scope_id, port| RawEnd { address, scope_id, port };
        let one = |at: usize| core::array::from_fn(|i| u8::from(i == at));
        let plain = end([0; 16], 0, 0);
        let mut ends: Vec<Ends> = vec![Ends::new(plain, plain)];
        for other in (0..16).map(|at| end(one(at), 0, 0)).chain([end([0; 16], 1, 0), end([0; 16], 0, 1)]) {
            ends.extend([Ends::new(other, plain), Ends::new(plain, other)]);
        }
        let mut hashes: Vec<u32> = ends.iter().map(|ends| index.hash(ends, 0)).collect();
        hashes.extend((1..50).map(|identity| index.hash(&ends[0], identity)));
        let count = hashes.len();
        hashes.sort_unstable();
        hashes.dedup();
        // Of 86 random hashes, two are equal once in 1.2 million runs.
        assert!(hashes.len() >= count - 1, "{} of {count}", hashes.len());
        assert_ne!(index.hash(&ends[1], 0), Index::new().hash(&ends[1], 0), "keys are random");
    }
}
