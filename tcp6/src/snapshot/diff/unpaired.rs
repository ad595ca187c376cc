//! The rows of one side without an equal row on the other side.

use crate::row::layout::RawRow;
use crate::row::{Row, pod};

/// An iterator over the rows of one side without an equal row on the other side.
///
/// Duplicates are counted: each row of the other side cancels one equal row. All rows have the same ends, and both
/// sides are sorted.
#[derive(Clone, Debug)]
pub(super) struct Unpaired<'a, R> {
    pub(super) rows: &'a [R],
    others: &'a [R],
}

impl<'a, R: Row> Unpaired<'a, R> {
    pub(super) fn new(rows: &'a [R], others: &'a [R]) -> Unpaired<'a, R> {
        Unpaired { rows, others }
    }

    /// The remaining rows with the identity of this row.
    pub(super) fn with_identity_of(&self, row: &R) -> impl Iterator<Item = &'a R> + use<'a, R> {
        let identity = row.identity();
        self.clone().filter(move |other| other.identity() == identity)
    }

    /// The number of remaining rows before this one that have its identity.
    ///
    /// This row must be one of the remaining rows.
    pub(super) fn rank(&self, row: &R) -> usize {
        self.with_identity_of(row).take_while(|other| !core::ptr::eq(*other, row)).count()
    }
}

impl<'a, R: Row> Iterator for Unpaired<'a, R> {
    type Item = &'a R;

    fn next(&mut self) -> Option<&'a R> {
        loop {
            let (row, rest) = self.rows.split_first()?;
            match self.others.first() {
                Some(other) if other < row => self.others = &self.others[1..],
                Some(other) if is_equal(other, row) => {
                    self.rows = rest;
                    self.others = &self.others[1..];
                }
                _ => {
                    self.rows = rest;
                    return Some(row);
                }
            }
        }
    }
}

/// Whether two canonical rows are equal.
fn is_equal<R: Row>(a: &R, b: &R) -> bool {
    pod::bytes_of(core::slice::from_ref(a)) == pod::bytes_of(core::slice::from_ref(b))
}
