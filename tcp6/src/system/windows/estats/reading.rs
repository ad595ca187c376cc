//! Reads the statistics of the connections of a table: one call for each connection and type.

use tcp6_sys::{ERROR_NOT_FOUND, NO_ERROR};

use super::rod::{Rod, Values};
use super::types::Types;
use super::{Calls, is_connection, is_unsupported};
use crate::error::Result;
use crate::row::Row;
use crate::row::class::BasicRow;
use crate::row::layout::RawRow;
use crate::stats::sender::SenderStats;
use crate::stats::table::Stats;
use crate::table::query::Query;

/// Adds the statistics of the connections that the query selects.
///
/// A type that the system does not support is not asked for again. A connection that is gone, or of which the system
/// returns no type, is left out.
pub(in crate::system::windows) fn read<R: Row>(
    calls: &mut impl Calls,
    rows: &[R],
    query: &Query,
    stats: &mut Stats,
) -> Result<()> {
    let mut types = Types::of(stats.kinds());
    for row in rows.iter().filter(|row| is_connection(row.state()) && query.matches(*row)) {
        if types.is_empty() {
            break;
        }
        if let Some(Values { connection, sender }) = read_connection(calls, row, &mut types, stats) {
            let sender = (sender != SenderStats::default()).then_some(sender);
            stats.push_connection(row, row.identity(), connection, sender)?;
        }
    }
    stats.index_entries()
}

/// The values of one connection, or `None` if it is gone or the system returns none of the types.
fn read_connection<R: Row>(calls: &mut impl Calls, row: &R, types: &mut Types, stats: &mut Stats) -> Option<Values> {
    let row = row.to_class::<BasicRow>();
    let mut values = None;
    for estats_type in types.iter() {
        // A call that succeeds without writing leaves the switch off.
        let (mut rw, mut rod) = (0, Rod::zeroed(estats_type));
        match calls.read(row.as_raw(), &mut rw, &mut rod) {
            NO_ERROR => {
                let values = values.get_or_insert_with(Values::default);
                if rw != 0 {
                    values.add(&rod);
                }
            }
            ERROR_NOT_FOUND => return None,
            code if is_unsupported(code) => types.remove(estats_type),
            code => {
                stats.add_failure(code as i32);
                break;
            }
        }
    }
    values
}

#[cfg(test)]
mod tests;
