//! Sort keys: 64 bits of the ends of a row that distinguish it from the other rows of its table.

use super::Ends;

/// Selects up to 64 bits of the ends of a row, in which the rows of a table differ.
///
/// For each of six words it takes the range of bits from the highest to the lowest that differs, until 64 are used.
///
/// If the key of one row is less than that of another, its ends are less too. Rows with different ends can have equal
/// keys.
pub(super) struct SortKey {
    locals: LocalAddresses,
    ranges: [Range; 6],
}

/// A range of adjacent bits of one of the [`words`].
#[derive(Clone, Copy, Default)]
struct Range {
    shift: u32,
    width: u32,
    mask: u64,
}

impl SortKey {
    /// The key for rows with these ends.
    ///
    /// `None` if no bits differ: the ends are equal, except that some may have no remote end.
    pub(super) fn of(ends: impl Iterator<Item = Ends>) -> Option<SortKey> {
        let mut locals = LocalAddresses::default();
        let (mut set_in_any, mut set_in_all) = ([0; 6], [u64::MAX; 6]);
        for ends in ends {
            locals.add(ends.local.address);
            let words = words(ends);
            // A zero remote end sorts first whatever bits are selected, so it is ignored: bits that all other remote
            // ends share then need no place in the key.
            let count = if words[3..] == [0; 3] { 3 } else { 6 };
            for i in 0..count {
                set_in_any[i] |= words[i];
                set_in_all[i] &= words[i];
            }
        }
        if locals.are_numbered() {
            (set_in_any[0], set_in_all[0]) = (0, 0);
            (set_in_any[1], set_in_all[1]) = (locals.count.next_power_of_two() as u64 - 1, 0);
        }

        let mut bits_left = u64::BITS;
        let mut ranges = [Range::default(); 6];
        for (i, range) in ranges.iter_mut().enumerate() {
            let differ = set_in_any[i] & !set_in_all[i];
            if differ != 0 && bits_left > 0 {
                let high = u64::BITS - differ.leading_zeros();
                let width = bits_left.min(high - differ.trailing_zeros());
                *range = Range { shift: high - width, width, mask: u64::MAX >> (u64::BITS - width) };
                bits_left -= width;
            }
        }
        (bits_left < u64::BITS).then_some(SortKey { locals, ranges })
    }

    /// The selected bits of these ends.
    #[inline]
    pub(super) fn bits(&self, ends: Ends) -> u64 {
        let mut words = words(ends);
        if self.locals.are_numbered() {
            words[1] = self.locals.number(ends.local.address) as u64;
        }
        let fields = words.into_iter().zip(self.ranges);
        // A range of 64 bits fills the key: all other ranges are empty, and `bits` is 0, so that it need not be shifted.
        fields.fold(0, |bits, (word, range)| bits << (range.width % u64::BITS) | word >> range.shift & range.mask)
    }
}

/// The ends as words: compared one after another, they give the order of the ends.
#[inline]
fn words(ends: Ends) -> [u64; 6] {
    let [[a, b, c], [d, e, f]] =
        [ends.local, ends.remote].map(|end| [(end.address >> 64) as u64, end.address as u64, end.scope_and_port]);
    [a, b, c, d, e, f]
}

/// The local addresses of a table, in order.
///
/// Most tables have few of them, but these differ in bits over their whole length. The number of an address in this
/// list takes at most 5 bits of a key.
#[derive(Default)]
struct LocalAddresses {
    addresses: [u128; LocalAddresses::MAX],
    /// `MAX + 1` if there are more than `MAX` addresses.
    count: usize,
}

impl LocalAddresses {
    /// The most addresses that are numbered. A table with more uses the bits of the addresses.
    const MAX: usize = 32;

    fn are_numbered(&self) -> bool {
        self.count <= LocalAddresses::MAX
    }

    #[inline]
    fn add(&mut self, address: u128) {
        if self.are_numbered() {
            let number = self.number(address);
            if number == self.count || self.addresses[number] != address {
                self.insert(number, address);
            }
        }
    }

    #[cold]
    fn insert(&mut self, at: usize, address: u128) {
        if self.count < LocalAddresses::MAX {
            self.addresses[at..=self.count].rotate_right(1);
            self.addresses[at] = address;
        }
        self.count += 1;
    }

    /// The number of addresses less than this one.
    ///
    /// It is counted without branches, because the branches of a binary search would be mispredicted.
    #[inline]
    fn number(&self, address: u128) -> usize {
        self.addresses[..self.count].iter().map(|local| usize::from(*local < address)).sum()
    }
}
