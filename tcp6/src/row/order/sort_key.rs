//! Ends in one word: the bits that tell the rows of a table apart.

use super::Ends;

/// The first bits in which the ends of some rows differ.
///
/// Taken as a word, they are smaller for the earlier row, or equal.
pub(super) struct SortKey {
    own: OwnAddresses,
    ranges: [Range; 6],
}

/// Neighbouring bits of one of the [`words`].
#[derive(Clone, Copy, Default)]
struct Range {
    shift: u32,
    width: u32,
    mask: u64,
}

impl SortKey {
    /// `None` if there are no such bits: the ends are all the same, but that some may have no remote end.
    pub(super) fn of(ends: impl Iterator<Item = Ends>) -> Option<SortKey> {
        let mut own = OwnAddresses::default();
        let (mut some, mut all) = ([0; 6], [u64::MAX; 6]);
        for ends in ends {
            own.add(ends.local.address);
            let words = words(ends);
            // Nothing comes before a remote end of zeros, so the bits that all others have in common say next to nothing.
            let count = if words[3..] == [0; 3] { 3 } else { 6 };
            for i in 0..count {
                some[i] |= words[i];
                all[i] &= words[i];
            }
        }
        if own.are_numbered() {
            (some[0], all[0]) = (0, 0);
            (some[1], all[1]) = (own.count.next_power_of_two() as u64 - 1, 0);
        }

        let mut room = u64::BITS;
        let mut ranges = [Range::default(); 6];
        for (i, range) in ranges.iter_mut().enumerate() {
            let differ = some[i] & !all[i];
            if differ != 0 && room > 0 {
                let high = u64::BITS - differ.leading_zeros();
                let width = room.min(high - differ.trailing_zeros());
                *range = Range { shift: high - width, width, mask: u64::MAX >> (u64::BITS - width) };
                room -= width;
            }
        }
        (room < u64::BITS).then_some(SortKey { own, ranges })
    }

    /// These bits of the ends.
    #[inline]
    pub(super) fn take(&self, ends: Ends) -> u64 {
        let mut words = words(ends);
        if self.own.are_numbered() {
            words[1] = self.own.number(ends.local.address) as u64;
        }
        let fields = words.into_iter().zip(self.ranges);
        // A range of a whole word is the only one that is not empty, so that not to shift for it is as good.
        fields.fold(0, |bits, (word, range)| bits << (range.width % u64::BITS) | word >> range.shift & range.mask)
    }
}

/// The ends as words that compare, one after the other, as the ends do.
#[inline]
fn words(ends: Ends) -> [u64; 6] {
    let [[a, b, c], [d, e, f]] =
        [ends.local, ends.remote].map(|end| [(end.address >> 64) as u64, end.address as u64, end.scope_and_port]);
    [a, b, c, d, e, f]
}

/// The machine's own addresses, in order.
///
/// They are few, but differ in bits all over their length; their numbers differ in a handful.
#[derive(Default)]
struct OwnAddresses {
    addresses: [u128; OwnAddresses::MOST],
    /// One more than the most, if they are more.
    count: usize,
}

impl OwnAddresses {
    /// With more than these a machine is left to the bits.
    const MOST: usize = 32;

    fn are_numbered(&self) -> bool {
        self.count <= OwnAddresses::MOST
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
        if self.count < OwnAddresses::MOST {
            self.addresses[at..=self.count].rotate_right(1);
            self.addresses[at] = address;
        }
        self.count += 1;
    }

    /// How many come before this one. Counting takes no branch, and those of a search could not be predicted.
    #[inline]
    fn number(&self, address: u128) -> usize {
        self.addresses[..self.count].iter().map(|own| usize::from(*own < address)).sum()
    }
}
