//! Connections that no table has listed.

use core::num::NonZeroU64;
use std::net::SocketAddrV6;

use super::closing::Closing;
use crate::stats::connection::ConnectionStats;
use crate::stats::tcp_info::TcpInfo;

/// A connection that closed without being listed in any table of the watcher.
///
/// Returned by [`Changes::brief`](crate::Changes::brief). It has the ends of the connection and its final statistics.
/// The system reports neither its owner, nor which side opened it, nor when it was opened and closed.
/// [`Changes::inferred_owner`](crate::Changes::inferred_owner) can find the listener that has probably accepted it.
///
/// On Linux, [`os::linux::BriefExt`](crate::os::linux::BriefExt) has more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brief {
    local: SocketAddrV6,
    remote: SocketAddrV6,
    identity: Option<NonZeroU64>,
    closing: Closing,
}

impl Brief {
    /// A connection with these ends and final statistics, for a [`Source`](crate::Source) of its
    /// own.
    #[must_use]
    pub fn new(local: SocketAddrV6, remote: SocketAddrV6, stats: Option<ConnectionStats>) -> Brief {
        Brief { local, remote, identity: None, closing: Closing::of(stats) }
    }

    /// A connection of which Linux has reported this cookie and `tcp_info`.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    pub(crate) fn of_tcp_info(
        local: SocketAddrV6,
        remote: SocketAddrV6,
        cookie: Option<NonZeroU64>,
        info: Option<TcpInfo>,
    ) -> Brief {
        Brief { local, remote, identity: cookie, closing: Closing::of_tcp_info(info) }
    }

    /// The local end, with a scope id as in [`Row::local`](crate::Row::local).
    #[must_use]
    pub fn local(&self) -> SocketAddrV6 {
        self.local
    }

    /// The remote end.
    #[must_use]
    pub fn remote(&self) -> SocketAddrV6 {
        self.remote
    }

    /// The statistics of the connection when its socket was destroyed: bytes, segments and
    /// round-trip times.
    ///
    /// The queues are `None`. All is `None` if the system did not report statistics.
    #[must_use]
    pub fn stats(&self) -> Option<ConnectionStats> {
        self.closing.stats()
    }

    pub(crate) fn identity(&self) -> Option<NonZeroU64> {
        self.identity
    }

    pub(crate) fn tcp_info(&self) -> Option<&TcpInfo> {
        self.closing.tcp_info()
    }
}
