//! Applies changes to rows.

use core::cmp::Ordering;

use crate::error::{Error, Result};
use crate::row::Row;
use crate::row::layout::RawRow;
use crate::row::order;
use crate::snapshot::change::Change;

/// The rows after these changes. `rows` must be canonical and sorted; the result is too.
pub(crate) fn apply<R: Row>(rows: &[R], changes: impl IntoIterator<Item = Change<R>>) -> Result<Vec<R>> {
    let mut removed = Vec::new();
    let mut added = Vec::new();
    for change in changes {
        if let Change::Removed(row) | Change::Changed { before: row, .. } = change {
            push(&mut removed, row.canonical())?;
        }
        if let Change::Added(row) | Change::Changed { after: row, .. } = change {
            push(&mut added, row.canonical())?;
        }
    }
    order::sort(&mut removed);
    order::sort(&mut added);

    // Every row to remove must be present, as often as it is removed.
    let mut remaining = rows.iter().peekable();
    for row in &removed {
        while remaining.next_if(|other| *other < row).is_some() {}
        if remaining.next_if_eq(&row).is_none() {
            return Err(Error::RowNotFound);
        }
    }

    let count = rows.len() - removed.len() + added.len();
    let mut result = Vec::new();
    result.try_reserve_exact(count).map_err(|_| out_of_memory::<R>(count))?;
    let (mut removed, mut added) = (removed.iter().peekable(), added.iter().peekable());
    for row in rows {
        if removed.next_if_eq(&row).is_some() {
            continue;
        }
        while let Some(new) = added.next_if(|new| new.cmp(&row) == Ordering::Less) {
            result.push(*new);
        }
        result.push(*row);
    }
    result.extend(added);
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
