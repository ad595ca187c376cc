//! What Linux alone reports of a socket.

use core::num::NonZeroU64;
use core::str;

use crate::row::Row;
use crate::stats::memory::SocketMemory;
use crate::stats::table::{SocketStats, Stats};
use crate::stats::tcp_info::TcpInfo;
use crate::stats::timer::Timer;

/// Linux extensions of [`Stats`], for the socket of a row.
///
/// Each method is `None` as described in [`Stats::get`]. For several values of one socket, call `get` once and use
/// [`SocketStatsExt`].
///
/// # Example: the state of congestion control, as in `ss -tio`
///
/// ```
/// use tcp6::os::linux::StatsExt;
/// use tcp6::{BasicRow, Buffer, Query, StateSet, Stats, StatsKinds, System};
///
/// let (mut system, mut buffer) = (System::new()?, Buffer::new());
/// let mut stats = Stats::new().request(StatsKinds::CONGESTION | StatsKinds::ALGORITHM);
/// let query = Query::all().states(StateSet::ESTABLISHED);
/// let table = system.table_with_stats::<BasicRow>(&query, &mut buffer, &mut stats)?;
/// for row in table {
///     let Some(info) = stats.tcp_info(row) else { continue };
///     println!("{:?} {:?}: cwnd {:?}, {:?} in flight, delivers {:?} bytes/s, {:?}",
///         row.remote(), stats.algorithm(row), info.snd_cwnd(), info.unacked(), info.delivery_rate(), stats.timer(row));
/// }
/// # Ok::<(), tcp6::Error>(())
/// ```
pub trait StatsExt {
    /// The `tcp_info` of the socket.
    ///
    /// Requested by [`StatsKinds`](crate::StatsKinds) DATA, PATH, CONGESTION or WINDOW. `None` for sockets without one:
    /// in TIME-WAIT, and in SYN-RECEIVED before the handshake is complete.
    fn tcp_info<R: Row>(&self, row: &R) -> Option<&TcpInfo>;

    /// The name of the congestion control algorithm, such as `cubic`.
    ///
    /// Requested by [`StatsKinds::ALGORITHM`](crate::StatsKinds::ALGORITHM). `None` also for a name that is not UTF-8,
    /// which a module of the kernel could register; [`SocketStatsExt::algorithm_bytes`] returns it.
    fn algorithm<R: Row>(&self, row: &R) -> Option<&str>;

    /// The memory of the socket.
    ///
    /// Requested by [`StatsKinds::MEMORY`](crate::StatsKinds::MEMORY).
    fn memory<R: Row>(&self, row: &R) -> Option<SocketMemory>;

    /// The timer of the socket. `None` also if no timer runs.
    fn timer<R: Row>(&self, row: &R) -> Option<Timer>;

    /// The id of the user who created the socket.
    ///
    /// `None` also if the kernel does not report one, as for sockets without a file.
    fn uid<R: Row>(&self, row: &R) -> Option<u32>;
}

/// Linux extensions of [`SocketStats`].
pub trait SocketStatsExt<'a> {
    /// See [`StatsExt::tcp_info`].
    fn tcp_info(&self) -> Option<&'a TcpInfo>;

    /// See [`StatsExt::algorithm`].
    fn algorithm(&self) -> Option<&'a str>;

    /// The bytes of the name of the congestion control algorithm.
    fn algorithm_bytes(&self) -> Option<&'a [u8]>;

    /// See [`StatsExt::memory`].
    fn memory(&self) -> Option<SocketMemory>;

    /// See [`StatsExt::timer`].
    fn timer(&self) -> Option<Timer>;

    /// See [`StatsExt::uid`].
    fn uid(&self) -> Option<u32>;

    /// The cookie of the socket: [`SocketInfo::cookie`](crate::os::linux::SocketInfo::cookie).
    fn cookie(&self) -> Option<NonZeroU64>;
}

impl StatsExt for Stats {
    fn tcp_info<R: Row>(&self, row: &R) -> Option<&TcpInfo> {
        self.get(row)?.tcp_info()
    }

    fn algorithm<R: Row>(&self, row: &R) -> Option<&str> {
        SocketStatsExt::algorithm(&self.get(row)?)
    }

    fn memory<R: Row>(&self, row: &R) -> Option<SocketMemory> {
        self.get(row)?.memory()
    }

    fn timer<R: Row>(&self, row: &R) -> Option<Timer> {
        self.get(row)?.timer()
    }

    fn uid<R: Row>(&self, row: &R) -> Option<u32> {
        self.get(row)?.uid()
    }
}

impl<'a> SocketStatsExt<'a> for SocketStats<'a> {
    fn tcp_info(&self) -> Option<&'a TcpInfo> {
        SocketStats::tcp_info(self)
    }

    fn algorithm(&self) -> Option<&'a str> {
        str::from_utf8(SocketStats::algorithm_bytes(self)?).ok()
    }

    fn algorithm_bytes(&self) -> Option<&'a [u8]> {
        SocketStats::algorithm_bytes(self)
    }

    fn memory(&self) -> Option<SocketMemory> {
        SocketStats::memory(self)
    }

    fn timer(&self) -> Option<Timer> {
        SocketStats::timer(self)
    }

    fn uid(&self) -> Option<u32> {
        SocketStats::uid(self)
    }

    fn cookie(&self) -> Option<NonZeroU64> {
        SocketStats::cookie(self)
    }
}
