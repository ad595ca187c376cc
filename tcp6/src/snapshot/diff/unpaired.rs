//! The rows of one pair of ends that have no equal on the other side.

use crate::row::layout::RawRow;
use crate::row::{Row, pod};

/// What is left of the rows of one side when equal rows are paired: those without the other side's, counted. Both sides are
/// in order.
#[derive(Clone, Debug)]
pub(super) struct Unpaired<'a, R> {
    pub(super) rows: &'a [R],
    without: &'a [R],
}

impl<'a, R: Row> Unpaired<'a, R> {
    pub(super) fn new(rows: &'a [R], without: &'a [R]) -> Unpaired<'a, R> {
        Unpaired { rows, without }
    }

    /// From here: those with the same identity.
    pub(super) fn alike(&self, row: &R) -> impl Iterator<Item = &'a R> + use<'a, R> {
        let identity = row.identity();
        self.clone().filter(move |other| other.identity() == identity)
    }

    /// From here: how many with the same identity come before this row, which is one of them.
    pub(super) fn rank(&self, row: &R) -> usize {
        self.alike(row).take_while(|other| !core::ptr::eq(*other, row)).count()
    }
}

impl<'a, R: Row> Iterator for Unpaired<'a, R> {
    type Item = &'a R;

    fn next(&mut self) -> Option<&'a R> {
        loop {
            let (row, rest) = self.rows.split_first()?;
            match self.without.first() {
                Some(other) if other < row => self.without = &self.without[1..],
                Some(other) if is_equal(other, row) => {
                    self.rows = rest;
                    self.without = &self.without[1..];
                }
                _ => {
                    self.rows = rest;
                    return Some(row);
                }
            }
        }
    }
}

/// Whether canonical rows are equal.
fn is_equal<R: Row>(a: &R, b: &R) -> bool {
    pod::bytes_of(core::slice::from_ref(a)) == pod::bytes_of(core::slice::from_ref(b))
}
