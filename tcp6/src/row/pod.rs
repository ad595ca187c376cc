//! Casts between bytes and plain values: the only module that reinterprets memory.
//!
//! It imports nothing from the crate. A type opts in with `unsafe impl Plain` next to its definition.
#![allow(unsafe_code)]

use core::mem::MaybeUninit;
use core::slice;

use tcp6_sys::IN6_ADDR;

/// A type that consists of bytes: every byte pattern is a value, and every byte of a value is
/// initialized.
///
/// # Safety
///
/// The type is an integer, an array of plain values, or a `repr(C)` or `repr(transparent)` type of plain fields without
/// padding.
pub unsafe trait Plain: Copy {}

// SAFETY: these are integers.
unsafe impl Plain for u32 {}
// SAFETY: as above.
unsafe impl Plain for u64 {}
// SAFETY: as above.
unsafe impl Plain for i32 {}
// SAFETY: as above.
unsafe impl Plain for i64 {}
// SAFETY: an array has no padding between its elements.
unsafe impl<const N: usize> Plain for [u8; N] {}
// SAFETY: as above.
unsafe impl<const N: usize> Plain for [u64; N] {}
// SAFETY: a union of two arrays of integers that are 16 bytes each (tcp6-sys asserts the size).
unsafe impl Plain for IN6_ADDR {}

/// Eight bytes of storage, aligned to 8 on every system (32-bit x86 Linux aligns `u64` to 4).
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(8))]
pub(crate) struct Word(pub(crate) [u32; 2]);

const _: () = assert!(size_of::<Word>() == 8 && align_of::<Word>() == 8);

// SAFETY: two integers fill the 8 bytes (asserted above).
unsafe impl Plain for Word {}

/// The size of a field, which must be plain.
///
/// Row classes assert with it that their fields fill their struct.
pub(crate) const fn field_size<S, F: Plain>(_: fn(&S) -> &F) -> usize {
    size_of::<F>()
}

/// The bytes of these values.
#[inline]
pub(crate) fn bytes_of<T: Plain>(values: &[T]) -> &[u8] {
    // SAFETY: the range is that of `values`, plain values have no uninitialized bytes, and u8 needs no alignment.
    unsafe { slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

/// The bytes of these values, for writing.
#[inline]
pub(crate) fn bytes_of_mut<T: Plain>(values: &mut [T]) -> &mut [u8] {
    // SAFETY: as in `bytes_of`; the borrow is exclusive, and every byte pattern that is written is a value.
    unsafe { slice::from_raw_parts_mut(values.as_mut_ptr().cast(), size_of_val(values)) }
}

/// The first `count` values of these bytes, or `None` if the bytes are too few or not aligned for
/// `T`.
pub(crate) fn values<T: Plain>(bytes: &[u8], count: usize) -> Option<&[T]> {
    let bytes = bytes.get(..count.checked_mul(size_of::<T>())?)?;
    let first = bytes.as_ptr().cast::<T>();
    // SAFETY: `count` values from `first` on are exactly `bytes`, aligned (checked), initialized because they are part
    // of a `&[u8]`, and valid because every byte pattern is. They stay borrowed for as long as `bytes`.
    first.is_aligned().then(|| unsafe { slice::from_raw_parts(first, count) })
}

/// The first `count` values of these bytes, for writing, or `None` as for [`values`].
pub(crate) fn values_mut<T: Plain>(bytes: &mut [u8], count: usize) -> Option<&mut [T]> {
    let bytes = bytes.get_mut(..count.checked_mul(size_of::<T>())?)?;
    let first = bytes.as_mut_ptr().cast::<T>();
    // SAFETY: as in `values`; the borrow is exclusive, and a value that is written leaves all bytes initialized.
    first.is_aligned().then(|| unsafe { slice::from_raw_parts_mut(first, count) })
}

/// Copies of the values in these bytes, at any alignment.
///
/// Bytes after the last whole value are ignored.
pub(crate) fn unaligned_values<T: Plain>(bytes: &[u8]) -> impl Iterator<Item = T> {
    bytes.chunks_exact(size_of::<T>()).map(|chunk| {
        // SAFETY: the chunk has the size of `T`, every byte pattern is a value, and the read needs no alignment.
        unsafe { chunk.as_ptr().cast::<T>().read_unaligned() }
    })
}

/// The value whose bytes are all zero.
#[inline]
pub(crate) const fn zeroed<T: Plain>() -> T {
    // SAFETY: every byte pattern is a value.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_span_exactly_their_bytes() {
        let mut words = [Word([1, 2]), Word([3, 4])];
        let range = bytes_of(&words).as_ptr_range();
        let values = values::<u32>(bytes_of(&words), 4).unwrap();
        assert_eq!(values, [1, 2, 3, 4]);
        assert_eq!(values.as_ptr_range().start.cast(), range.start);
        assert_eq!(values.as_ptr_range().end.cast(), range.end);
        values_mut::<u32>(bytes_of_mut(&mut words), 3).unwrap()[2] = 7;
        assert_eq!(words[1].0, [7, 4]);
    }

    #[test]
    fn too_few_and_misaligned_bytes_are_refused() {
        let mut words = [Word::default(); 2];
        let bytes = bytes_of_mut(&mut words);
        assert!(values::<u32>(&bytes[..15], 4).is_none());
        assert!(values::<u32>(&bytes[1..], 1).is_none());
        assert!(values::<u32>(bytes, usize::MAX).is_none());
        assert!(values::<u64>(&bytes[4..], 1).is_none_or(|_| align_of::<u64>() == 4));
        assert!(values_mut::<u32>(&mut bytes[..15], 4).is_none());
        assert!(values_mut::<u32>(&mut bytes[2..], 1).is_none());
    }

    #[test]
    fn unaligned_values_are_copied() {
        let words = [Word([0x0102_0304, 0x0506_0708]); 2];
        let whole: Vec<u32> = unaligned_values(bytes_of(&words)).collect();
        assert_eq!(whole, [0x0102_0304, 0x0506_0708, 0x0102_0304, 0x0506_0708]);
        let shifted: Vec<u32> = unaligned_values(&bytes_of(&words)[4..15]).collect();
        assert_eq!(shifted, [0x0506_0708, 0x0102_0304], "the last three bytes are no value");
        assert_eq!(zeroed::<u64>(), 0);
    }
}
