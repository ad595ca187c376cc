//! A table in memory: a count in native byte order, padding if rows are aligned to 8, and rows at a fixed distance.

use crate::error::Malformed;
use crate::row::Row;
use crate::row::class::Class;
use crate::row::pod;

/// The number of rows that a table claims.
pub(crate) fn announced(table: &[u8]) -> Result<u32, Malformed> {
    let count = table.first_chunk().ok_or(Malformed::TooShort { bytes: table.len() })?;
    Ok(u32::from_ne_bytes(*count))
}

/// The number of rows of a table, which are within its bytes.
pub(crate) fn count(table: &[u8], class: Class) -> Result<usize, Malformed> {
    let count = announced(table)?;
    let fits = |count: usize| count == 0 || class.table_size(count).is_some_and(|size| size <= table.len());
    match usize::try_from(count) {
        Ok(rows) if fits(rows) => Ok(rows),
        _ => Err(Malformed::CountBeyondBytes { count, bytes: table.len() }),
    }
}

/// The rows of a table.
///
/// Bytes after the last row are ignored: Windows asks for more space than it fills.
pub(crate) fn rows<R: Row>(table: &[u8]) -> Result<&[R], Malformed> {
    match count(table, R::CLASS)? {
        0 => Ok(&[]),
        count => pod::values(&table[R::CLASS.rows_offset()..], count).ok_or(misaligned::<R>()),
    }
}

/// The rows of a table, for writing.
pub(crate) fn rows_mut<R: Row>(table: &mut [u8]) -> Result<&mut [R], Malformed> {
    match count(table, R::CLASS)? {
        0 => Ok(&mut []),
        count => pod::values_mut(&mut table[R::CLASS.rows_offset()..], count).ok_or(misaligned::<R>()),
    }
}

fn misaligned<R>() -> Malformed {
    Malformed::Misaligned { alignment: align_of::<R>() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::class::{BasicRow, by_class};
    use crate::row::pod::{Word, bytes_of, bytes_of_mut};

    /// A table of one row whose bytes are all 0xFF, followed by up to 7 bytes.
    fn one_row(class: Class) -> Vec<Word> {
        let mut words = vec![Word([u32::MAX; 2]); class.table_size(1).unwrap().div_ceil(8)];
        bytes_of_mut(&mut words)[..4].copy_from_slice(&1u32.to_ne_bytes());
        words
    }

    fn lies_within<R: Row>() {
        let size = R::CLASS.table_size(1).unwrap();
        let mut words = one_row(R::CLASS);
        let table = &mut bytes_of_mut(&mut words)[..size];
        let end = table.as_ptr_range().end;
        let row = bytes_of(rows_mut::<R>(table).unwrap());
        assert_eq!(row, vec![0xFF; R::CLASS.row_size()]);
        assert_eq!(row.as_ptr_range().end, end);
        let short = &bytes_of(&words)[..size - 1];
        assert!(matches!(rows::<R>(short), Err(Malformed::CountBeyondBytes { count: 1, .. })));
    }

    #[test]
    fn rows_lie_within_the_bytes() {
        Class::ALL.into_iter().for_each(|class| by_class!(class, R => lies_within::<R>()));
    }

    #[test]
    fn misaligned_tables_are_refused() {
        let words = [one_row(Class::Basic), vec![Word::default()]].concat();
        let mut shifted = words.clone();
        let size = Class::Basic.table_size(1).unwrap();
        bytes_of_mut(&mut shifted)[1..=size].copy_from_slice(&bytes_of(&words)[..size]);
        assert!(matches!(rows::<BasicRow>(&bytes_of(&shifted)[1..]), Err(Malformed::Misaligned { .. })));
        let shifted = &mut bytes_of_mut(&mut shifted)[1..];
        assert!(matches!(rows_mut::<BasicRow>(shifted), Err(Malformed::Misaligned { .. })));
    }
}
