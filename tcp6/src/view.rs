//! Bytes seen as rows: the one module that casts.
//!
//! Everything that the crate knows about rows in memory rests on this file: that a table is a count, perhaps padding,
//! and rows at a fixed distance; that any bytes are a row; and that the rows which are handed out lie within the bytes.
//! It is the only file with unsafe code besides those that call the system.
#![allow(unsafe_code)]

use core::mem::{align_of, size_of};
use core::slice;

use tcp6_sys::{IN6_ADDR, MIB_TCP6ROW, MIB_TCP6ROW_OWNER_MODULE, MIB_TCP6ROW_OWNER_PID, MIB_TCP6ROW2};

use crate::error::Malformed;
use crate::row::{BasicRow, OffloadRow, OwnerModuleRow, OwnerPidRow};
use crate::{Class, Row};

/// A row that is bytes and nothing but bytes.
///
/// # Safety
///
/// The type is `repr(transparent)` over a `repr(C)` struct of integers and of arrays of integers, without padding: any
/// bytes are a value of it, and any value of it is bytes.
pub unsafe trait Plain: Copy {}

// SAFETY: MIB_TCP6ROW is seven fields of 4 or 16 bytes that fill its 52 bytes; IN6_ADDR is a union of two arrays of
// integers, each of 16 bytes.
unsafe impl Plain for BasicRow {}
// SAFETY: MIB_TCP6ROW_OWNER_PID is eight fields of 4 or 16 bytes that fill its 56 bytes.
unsafe impl Plain for OwnerPidRow {}
// SAFETY: MIB_TCP6ROW2 is nine fields of 4 or 16 bytes that fill its 60 bytes.
unsafe impl Plain for OffloadRow {}
// SAFETY: MIB_TCP6ROW_OWNER_MODULE is ten fields that fill its 192 bytes: 56, then 8, then 16 times 8.
unsafe impl Plain for OwnerModuleRow {}

// What the comments above claim, as far as the compiler can say it: the wrapper is its struct, and the fields fill it.
const _: () = {
    const ADDRESSES: usize = 2 * size_of::<IN6_ADDR>();
    const WORDS: usize = 4 * size_of::<u32>();
    assert!(size_of::<BasicRow>() == size_of::<MIB_TCP6ROW>() && size_of::<BasicRow>() == ADDRESSES + WORDS + 4);
    assert!(size_of::<OwnerPidRow>() == size_of::<MIB_TCP6ROW_OWNER_PID>());
    assert!(size_of::<OwnerPidRow>() == ADDRESSES + WORDS + 2 * 4);
    assert!(
        size_of::<OffloadRow>() == size_of::<MIB_TCP6ROW2>() && size_of::<OffloadRow>() == ADDRESSES + WORDS + 3 * 4
    );
    assert!(size_of::<OwnerModuleRow>() == size_of::<MIB_TCP6ROW_OWNER_MODULE>());
    assert!(size_of::<OwnerModuleRow>() == ADDRESSES + WORDS + 2 * 4 + 8 + 16 * 8);
};

/// Asserts, when it is compiled for a row, that the class says of it what is true.
const fn agrees<R: Row>() {
    const {
        assert!(R::CLASS.row_size() == size_of::<R>());
        // Within an 8-aligned table every row is aligned: the first one is, and the distance is a multiple.
        assert!(R::CLASS.first_row() % align_of::<R>() == 0 && size_of::<R>() % align_of::<R>() == 0);
        assert!(align_of::<R>() <= align_of::<Word>());
    }
}

/// The number of rows that the table says it has.
pub(crate) fn announced(table: &[u8]) -> Result<u32, Malformed> {
    let count = table.first_chunk().ok_or(Malformed::TooShort { bytes: table.len() })?;
    Ok(u32::from_ne_bytes(*count))
}

/// The number of rows of the table, checked: there are bytes for each of them.
pub(crate) fn count(table: &[u8], class: Class) -> Result<usize, Malformed> {
    let count = announced(table)?;
    let fits = |count: usize| count == 0 || class.table_size(count).is_some_and(|size| size <= table.len());
    match usize::try_from(count) {
        Ok(rows) if fits(rows) => Ok(rows),
        _ => Err(Malformed::CountBeyondBytes { count, bytes: table.len() }),
    }
}

/// The rows of a table in these bytes.
///
/// What may stand behind the last row is ignored: Windows asks for more than it fills.
pub(crate) fn rows<R: Row>(table: &[u8]) -> Result<&[R], Malformed> {
    agrees::<R>();
    let count = count(table, R::CLASS)?;
    if count == 0 {
        return Ok(&[]);
    }
    let first = table[R::CLASS.first_row()..].as_ptr().cast::<R>();
    if !first.is_aligned() {
        return Err(Malformed::Misaligned { alignment: align_of::<R>() });
    }
    // SAFETY: `count` rows from `first` on lie within `table` (checked by `count`), are aligned (checked above), are
    // initialised, for they are part of a `&[u8]`, and valid, for any bytes are (`Plain`). They stay borrowed for as
    // long as the table is.
    Ok(unsafe { slice::from_raw_parts(first, count) })
}

/// The rows of a table in these bytes, to be moved and changed.
pub(crate) fn rows_mut<R: Row>(table: &mut [u8]) -> Result<&mut [R], Malformed> {
    agrees::<R>();
    let count = count(table, R::CLASS)?;
    if count == 0 {
        return Ok(&mut []);
    }
    let first = table[R::CLASS.first_row()..].as_mut_ptr().cast::<R>();
    if !first.is_aligned() {
        return Err(Malformed::Misaligned { alignment: align_of::<R>() });
    }
    // SAFETY: as in `rows`; and the borrow is exclusive, and whatever is written is bytes without padding (`Plain`),
    // so that the table stays initialised.
    Ok(unsafe { slice::from_raw_parts_mut(first, count) })
}

/// Copies of the rows that these bytes are, wherever they begin. Bytes behind the last whole row are ignored.
pub(crate) fn unaligned_rows<R: Row>(rows: &[u8]) -> impl Iterator<Item = R> {
    rows.chunks_exact(size_of::<R>()).map(|row| {
        // SAFETY: the chunk is as long as a row, any bytes are a row (`Plain`), and it may begin anywhere.
        unsafe { row.as_ptr().cast::<R>().read_unaligned() }
    })
}

/// The bytes of rows.
pub(crate) fn row_bytes<R: Row>(rows: &[R]) -> &[u8] {
    // SAFETY: rows have no padding (`Plain`), so each of their bytes is initialised.
    unsafe { slice::from_raw_parts(rows.as_ptr().cast(), size_of_val(rows)) }
}

/// What storage is made of. A `u64` would not do: 32-bit x86 aligns it to 4 bytes, but on Windows.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(8))]
pub(crate) struct Word(pub(crate) [u32; 2]);

const _: () = assert!(size_of::<Word>() == 8, "no padding");

/// The bytes of words.
pub(crate) fn bytes(words: &[Word]) -> &[u8] {
    // SAFETY: a word has no padding, and bytes may stand anywhere.
    unsafe { slice::from_raw_parts(words.as_ptr().cast(), size_of_val(words)) }
}

/// The bytes of words, to be written.
pub(crate) fn bytes_mut(words: &mut [Word]) -> &mut [u8] {
    // SAFETY: a word has no padding, any bytes are a word, and bytes may stand anywhere.
    unsafe { slice::from_raw_parts_mut(words.as_mut_ptr().cast(), size_of_val(words)) }
}

/// The bytes of an address, in network byte order.
#[inline]
pub(crate) const fn octets(address: &IN6_ADDR) -> [u8; 16] {
    // SAFETY: both fields of the union are 16 bytes of integers, so that either may be read whatever was written.
    unsafe { address.u.Byte }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::by_class;

    /// A table of one row in the first of these bytes, all others 0xFF.
    fn one_row(class: Class) -> Vec<Word> {
        let mut words = vec![Word([u32::MAX; 2]); class.table_size(1).unwrap().div_ceil(8)];
        bytes_mut(&mut words)[..4].copy_from_slice(&1u32.to_ne_bytes());
        words
    }

    fn lies_within<R: Row>() {
        let mut words = one_row(R::CLASS);
        let table = &mut bytes_mut(&mut words)[..R::CLASS.table_size(1).unwrap()];
        let range = table.as_ptr_range();
        let row = row_bytes(rows_mut::<R>(table).unwrap());
        assert_eq!(row, vec![0xFF; R::CLASS.row_size()]);
        assert_eq!(row.as_ptr_range().end, range.end, "no byte further");
        let short = &bytes(&words)[..R::CLASS.table_size(1).unwrap() - 1];
        assert!(matches!(rows::<R>(short), Err(Malformed::CountBeyondBytes { count: 1, .. })));
    }

    #[test]
    fn rows_lie_within_the_bytes() {
        Class::ALL.into_iter().for_each(|class| by_class!(class, R => lies_within::<R>()));
    }

    #[test]
    fn bytes_that_begin_elsewhere_are_refused() {
        let words = [one_row(Class::Basic), vec![Word::default()]].concat();
        let mut shifted = words.clone();
        let length = Class::Basic.table_size(1).unwrap();
        bytes_mut(&mut shifted)[1..=length].copy_from_slice(&bytes(&words)[..length]);
        assert!(matches!(rows::<BasicRow>(&bytes(&shifted)[1..]), Err(Malformed::Misaligned { .. })));
        assert!(matches!(rows_mut::<BasicRow>(&mut bytes_mut(&mut shifted)[1..]), Err(Malformed::Misaligned { .. })));
    }
}
