//! A fast hasher for integers that the kernel assigns: inodes and cookies.

use core::hash::{BuildHasherDefault, Hasher};

/// The `BuildHasher` for sets and maps of these integers.
pub(super) type IntHash = BuildHasherDefault<IntHasher>;

/// A multiplicative hasher.
///
/// It does not resist chosen keys, and need not: the kernel assigns these integers by counting.
#[derive(Debug, Default)]
pub(super) struct IntHasher(u64);

impl Hasher for IntHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64((*byte).into()));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        let product = (self.0 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = product ^ product >> 32;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
