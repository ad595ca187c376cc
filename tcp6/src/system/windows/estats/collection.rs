//! Enables the collection of statistics of a connection, and disables it again.

use std::io;

use tcp6_sys::{ERROR_NOT_FOUND, NO_ERROR};

use super::types::{Type, Types};
use super::{Calls, is_connection, is_unsupported};
use crate::error::{Error, Result};
use crate::row::Row;
use crate::row::class::BasicRow;
use crate::stats::failures::READ;
use crate::stats::kinds::StatsKinds;

/// The types whose collection was enabled here. Dropping it disables them.
#[derive(Debug)]
pub(crate) struct Collection<C: Calls> {
    calls: C,
    row: BasicRow,
    /// Without the types that were enabled before.
    enabled: Types,
}

impl<C: Calls> Collection<C> {
    /// Enables the types that the kinds need and that are disabled.
    ///
    /// `None` if the row is no connection, or if the connection is gone. On an error, what was enabled is disabled
    /// again.
    pub(in crate::system::windows) fn enable<R: Row>(
        calls: C,
        row: &R,
        kinds: StatsKinds,
    ) -> Result<Option<Collection<C>>> {
        if !is_connection(row.state()) {
            return Ok(None);
        }
        let mut collection = Collection { calls, row: row.to_class(), enabled: Types::default() };
        for estats_type in Types::of(kinds).iter() {
            if !collection.enable_type(estats_type)? {
                return Ok(None);
            }
        }
        Ok(Some(collection))
    }

    /// Keeps everything enabled.
    pub(in crate::system) fn leave(mut self) {
        self.enabled = Types::default();
    }

    /// Enables a type if it is disabled. Returns whether the connection exists.
    fn enable_type(&mut self, estats_type: Type) -> Result<bool> {
        let Collection { calls, row, enabled } = self;
        let mut rw = 0;
        match calls.read_switch(row.as_raw(), estats_type, &mut rw) {
            NO_ERROR if rw != 0 => return Ok(true),
            NO_ERROR => {}
            code => return refused(READ, code),
        }
        match calls.write_switch(row.as_raw(), estats_type, 1) {
            NO_ERROR => enabled.insert(estats_type),
            code => return refused("SetPerTcp6ConnectionEStats", code),
        }
        Ok(true)
    }
}

/// `Ok(false)` if the connection is gone, and the error otherwise.
fn refused(call: &'static str, code: u32) -> Result<bool> {
    match code {
        ERROR_NOT_FOUND => Ok(false),
        code if is_unsupported(code) => Err(Error::NotSupported),
        code => Err(Error::os(call, io::Error::from_raw_os_error(code as i32))),
    }
}

impl<C: Calls> Drop for Collection<C> {
    fn drop(&mut self) {
        let Collection { calls, row, enabled } = self;
        for estats_type in enabled.iter() {
            // If it fails, the connection is gone or the caller has lost the right.
            let _ = calls.write_switch(row.as_raw(), estats_type, 0);
        }
    }
}

#[cfg(test)]
mod tests;
