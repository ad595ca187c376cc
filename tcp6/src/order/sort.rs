//! Sorting, at about a third of what comparing rows with each other costs.

use super::{Ends, compare, ends};
use crate::Row;

/// Sorts rows, and keeps the memory that it takes to do so.
///
/// Rows are large, their order is decided by 44 bytes, and in one table most bits of these are the same. So what is
/// sorted is a number a row, made of the first 64 bits in which the ends of these rows differ at all. Rows that are equal
/// in these bits are sorted again among themselves, by the next bits in which they differ.
pub(crate) struct Sorter {
    keys: Vec<Key>,
}

#[derive(Clone, Copy)]
struct Key {
    /// What is compared now.
    bits: u64,
    /// Where the row stands.
    place: u32,
}

/// So few rows are sorted by comparing them.
const FEW: usize = 32;

/// A copy has no use for the memory of the original.
impl Clone for Sorter {
    fn clone(&self) -> Sorter {
        Sorter::new()
    }
}

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
        if rows.is_sorted_by(|a, b| compare(a, b).is_le()) {
            return;
        }
        match self.places(rows) {
            Some(keys) => permute(rows, keys),
            None => rows.sort_unstable_by(compare),
        }
    }

    /// The places of the rows, in their order. `None` if comparing is cheaper, or if there is no memory for more.
    fn places<R: Row>(&mut self, rows: &[R]) -> Option<&mut [Key]> {
        let count = u32::try_from(rows.len()).ok().filter(|_| rows.len() > FEW)?;
        self.keys.clear();
        self.keys.try_reserve(rows.len()).ok()?;
        self.keys.extend((0..count).map(|place| Key { bits: 0, place }));
        sort(rows, &mut self.keys);
        Some(&mut self.keys)
    }
}

/// Sorts the keys of some of the rows; only their places count.
fn sort<R: Row>(rows: &[R], keys: &mut [Key]) {
    let row = |key: &Key| &rows[key.place as usize];
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
    for equal in keys.chunk_by_mut(|a, b| a.bits == b.bits) {
        if equal.len() > 1 {
            sort(rows, equal);
        }
    }
}

/// The first bits in which ends differ.
struct Bits {
    own: Own,
    ranges: [Range; 6],
}

/// Neighbouring bits of a word.
#[derive(Clone, Copy, Default)]
struct Range {
    shift: u32,
    width: u32,
    mask: u64,
}

impl Bits {
    /// `None` if they are all the same.
    fn of(mut ends: impl Iterator<Item = Ends>) -> Option<Bits> {
        let Ends(first) = ends.next()?;
        let mut own = Own::new();
        own.learn(first);
        let mut differ = [0; 6];
        for Ends(words) in ends {
            own.learn(words);
            for i in 0..6 {
                differ[i] |= words[i] ^ first[i];
            }
        }
        if own.count <= MANY {
            differ[0] = 0;
            differ[1] = (own.count as u64).next_power_of_two() - 1;
        }
        let mut room = u64::BITS;
        let ranges = differ.map(|differ| {
            if differ == 0 || room == 0 {
                return Range::default();
            }
            let high = u64::BITS - differ.leading_zeros();
            let width = room.min(high - differ.trailing_zeros());
            room -= width;
            Range { shift: high - width, width, mask: u64::MAX >> (u64::BITS - width) }
        });
        (room < u64::BITS).then_some(Bits { own, ranges })
    }

    #[inline]
    fn take(&self, Ends(mut words): Ends) -> u64 {
        if self.own.count <= MANY {
            words[1] = self.own.number(words);
        }
        let fields = words.into_iter().zip(self.ranges);
        fields.fold(0, |key, (word, range)| key << (range.width & 63) | word >> (range.shift & 63) & range.mask)
    }
}

/// The addresses that the machine itself has in a table, in order.
///
/// They are few, but differ in bits all over their length. Their numbers differ in a handful.
struct Own {
    addresses: [u128; MANY],
    count: usize,
}

/// A machine with more addresses than this is left to the bits.
const MANY: usize = 64;

impl Own {
    fn new() -> Own {
        Own { addresses: [u128::MAX; MANY], count: 0 }
    }

    #[inline]
    fn learn(&mut self, words: [u64; 6]) {
        if self.count > MANY {
            return;
        }
        let at = self.number(words) as usize;
        if at == self.count || self.addresses[at] != address(words) {
            self.insert(at, words);
        }
    }

    #[cold]
    fn insert(&mut self, at: usize, words: [u64; 6]) {
        if self.count < MANY {
            self.addresses[at..=self.count].rotate_right(1);
            self.addresses[at] = address(words);
        }
        self.count += 1;
    }

    #[inline]
    fn number(&self, words: [u64; 6]) -> u64 {
        let address = address(words);
        self.addresses[..self.count].partition_point(|own| *own < address) as u64
    }
}

#[inline]
fn address([high, low, ..]: [u64; 6]) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

/// Moves each row to where its place stands among these. The places are used up.
fn permute<R: Row>(rows: &mut [R], places: &mut [Key]) {
    for start in 0..rows.len() {
        let first = rows[start];
        let mut to = start;
        // Round the cycle that begins here; one that was gone round is all rows in their own places.
        loop {
            let from = places[to].place as usize;
            places[to].place = to as u32;
            if from == start {
                break;
            }
            rows[to] = rows[from];
            to = from;
        }
        rows[to] = first;
    }
}
