//! Windows extensions: statistics of connections that only Windows has.
//!
//! A program on another system can read them from a capture that was recorded on Windows.
//!
//! # Example: what limits the senders?
//!
//! ```
//! use tcp6::os::windows::StatsExt;
//! use tcp6::{BasicRow, Buffer, Query, StateSet, Stats, StatsKinds, System};
//!
//! let (mut system, mut buffer) = (System::new()?, Buffer::new());
//! let mut stats = Stats::new().request(StatsKinds::PATH | StatsKinds::CONGESTION);
//! let query = Query::all().states(StateSet::ESTABLISHED);
//! let table = system.table_with_stats::<BasicRow>(&query, &mut buffer, &mut stats)?;
//! for row in table {
//!     let Some(sender) = stats.sender(row) else { continue };
//!     println!("{:?}: {:?} fast retransmits, limited by the peer for {:?}",
//!         row.remote(), sender.fast_retransmits, sender.limited_by_receiver);
//! }
//! # Ok::<(), tcp6::Error>(())
//! ```

use crate::row::Row;
pub use crate::stats::sender::SenderStats;
use crate::stats::table::{SocketStats, Stats};

/// Windows extensions of [`Stats`], for the socket of a row.
pub trait StatsExt {
    /// What limits the sender of the connection, and what it learned of losses.
    ///
    /// Requested by [`StatsKinds`](crate::StatsKinds) DATA, PATH or CONGESTION. `None` as described in [`Stats::get`],
    /// if neither Path nor SndCong is collected for the connection, and on other systems.
    fn sender<R: Row>(&self, row: &R) -> Option<SenderStats>;
}

/// Windows extensions of [`SocketStats`].
pub trait SocketStatsExt {
    /// See [`StatsExt::sender`].
    fn sender(&self) -> Option<SenderStats>;
}

impl StatsExt for Stats {
    fn sender<R: Row>(&self, row: &R) -> Option<SenderStats> {
        self.get(row)?.sender()
    }
}

impl SocketStatsExt for SocketStats<'_> {
    fn sender(&self) -> Option<SenderStats> {
        SocketStats::sender(self)
    }
}
