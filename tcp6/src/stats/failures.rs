//! Statistics that the system refused or failed to return.

use std::io;

use crate::error::Error;

/// The connections of a table whose statistics the system refused or failed to return.
///
/// From [`Stats::failures`](crate::Stats::failures). The table and the other statistics are complete.
///
/// Only Windows reads the statistics of each connection with calls of their own, so that some of them can fail. A
/// replay does not repeat failures: their codes belong to the system that recorded the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatsFailures {
    /// The number of connections. Some of their statistics may have been read before the failure.
    pub connections: usize,
    /// The code of the first failure: 5 (access denied) if the caller needs more rights.
    pub code: i32,
}

/// The function that reads the statistics of a connection.
pub(crate) const READ: &str = "GetPerTcp6ConnectionEStats";

impl StatsFailures {
    /// The first failure as an error: [`Error::Os`].
    #[must_use]
    pub fn error(&self) -> Error {
        Error::os(READ, io::Error::from_raw_os_error(self.code))
    }

    /// These failures and one of another connection, with this code.
    pub(super) fn and(earlier: Option<StatsFailures>, code: i32) -> StatsFailures {
        let StatsFailures { connections, code } = earlier.unwrap_or(StatsFailures { connections: 0, code });
        StatsFailures { connections: connections + 1, code }
    }
}
