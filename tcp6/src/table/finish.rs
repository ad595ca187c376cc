//! Filters and sorts a freshly read table.

use core::mem;

use crate::error::Result;
use crate::row::{Row, order, pod};
use crate::table::buffer::{Buffer, Held, try_grow};
use crate::table::layout;
use crate::table::query::Query;
use crate::table::writer::Writer;

impl Buffer {
    /// Removes the rows that the query does not select, and sorts the table if the query asks for
    /// it.
    pub(crate) fn finish_table<R: Row>(&mut self, query: &Query) -> Result<()> {
        let Held { bytes: end, taken_at, .. } = self.held_as::<R>()?;
        let table = &mut pod::bytes_of_mut(&mut self.words)[..end];
        let rows = layout::rows_mut::<R>(table)?;
        let mut kept = rows.len();
        if !query.is_unfiltered() {
            kept = retain(rows, |row| query.matches(row));
        }
        self.set_count::<R>(kept, taken_at)?;
        if query.is_sorted() { self.sort::<R>() } else { Ok(()) }
    }

    /// Begins to write after the rows of the held table that `keep` accepts. Removes the others.
    #[cfg_attr(not(any(windows, test)), allow(dead_code))]
    pub(crate) fn rewriter<R: Row>(&mut self, keep: impl Fn(&R) -> bool) -> Result<Writer<'_, R>> {
        let Held { bytes: end, .. } = self.held_as::<R>()?;
        let rows = layout::rows_mut::<R>(&mut pod::bytes_of_mut(&mut self.words)[..end])?;
        let kept = retain(rows, keep);
        self.clear();
        Ok(Writer::after(self, kept))
    }

    /// Sorts the rows into the spare storage, which then becomes the storage of the table.
    ///
    /// The order of the system is checked, not trusted: systems differ in detail (Wine compares scope ids as signed
    /// numbers). A table that the system sorted is usually in order, and then costs one pass.
    fn sort<R: Row>(&mut self) -> Result<()> {
        let end = self.as_bytes().len();
        let table = &pod::bytes_of(&self.words)[..end];
        let rows = layout::rows::<R>(table)?;
        if order::is_sorted(rows) {
            return Ok(());
        }
        let is_copied = match self.sorter.sorted(rows) {
            Some(in_order) if try_grow(&mut self.spare, self.words.len()) => {
                let sorted = &mut pod::bytes_of_mut(&mut self.spare)[..end];
                let first = R::CLASS.rows_offset();
                sorted[..first].copy_from_slice(&table[..first]);
                for (place, row) in layout::rows_mut::<R>(sorted)?.iter_mut().zip(in_order) {
                    *place = *row;
                }
                true
            }
            _ => false,
        };
        if is_copied {
            mem::swap(&mut self.words, &mut self.spare);
        } else {
            // Without memory for keys or a copy, the rows are sorted in place, which takes longer.
            layout::rows_mut::<R>(&mut pod::bytes_of_mut(&mut self.words)[..end])?.sort_unstable();
        }
        Ok(())
    }
}

/// Moves the rows to keep to the front, in their order, and returns their number.
fn retain<R: Row>(rows: &mut [R], keep: impl Fn(&R) -> bool) -> usize {
    let mut kept = 0;
    for i in 0..rows.len() {
        if keep(&rows[i]) {
            rows[kept] = rows[i];
            kept += 1;
        }
    }
    kept
}
