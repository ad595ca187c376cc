//! Changes made to rows.

use core::cmp::Ordering;

use crate::error::{Error, Result};
use crate::row::Row;
use crate::row::layout::RawRow;
use crate::row::order;
use crate::snapshot::change::Change;

/// The rows after these changes. `rows` are canonical and in order, and so is what is given.
pub(crate) fn apply<R: Row>(rows: &[R], changes: impl IntoIterator<Item = Change<R>>) -> Result<Vec<R>> {
    let mut lost = Vec::new();
    let mut gained = Vec::new();
    for change in changes {
        if let Change::Removed(row) | Change::Changed { before: row, .. } = change {
            push(&mut lost, row.canonical())?;
        }
        if let Change::Added(row) | Change::Changed { after: row, .. } = change {
            push(&mut gained, row.canonical())?;
        }
    }
    order::sort(&mut lost);
    order::sort(&mut gained);

    // Checked before a row is moved: each row that is to go is there, as often as it is to go.
    let mut left = rows.iter().peekable();
    for row in &lost {
        while left.next_if(|other| *other < row).is_some() {}
        if left.next_if_eq(&row).is_none() {
            return Err(Error::RowNotFound);
        }
    }

    let count = rows.len() - lost.len() + gained.len();
    let mut result = Vec::new();
    result.try_reserve_exact(count).map_err(|_| out_of_memory::<R>(count))?;
    let (mut lost, mut gained) = (lost.iter().peekable(), gained.iter().peekable());
    for row in rows {
        if lost.next_if_eq(&row).is_some() {
            continue;
        }
        while let Some(new) = gained.next_if(|new| new.cmp(&row) == Ordering::Less) {
            result.push(*new);
        }
        result.push(*row);
    }
    result.extend(gained);
    Ok(result)
}

fn push<R: Row>(rows: &mut Vec<R>, row: R) -> Result<()> {
    rows.try_reserve(1).map_err(|_| out_of_memory::<R>(rows.len() + 1))?;
    rows.push(row);
    Ok(())
}

fn out_of_memory<R>(rows: usize) -> Error {
    Error::OutOfMemory { bytes: rows.saturating_mul(size_of::<R>()) }
}
