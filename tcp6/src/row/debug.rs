//! Debug output of rows.

use core::fmt;

use super::Row;
use super::layout::RawRow;

/// Writes the decoded fields of a row.
pub(crate) fn fields<R: Row>(name: &str, row: &R, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut out = f.debug_struct(name);
    out.field("state", &row.state()).field("local", &row.local()).field("remote", &row.remote());
    if row.raw_owner().is_some() {
        out.field("owner", &row.owner());
    }
    out.finish_non_exhaustive()
}
