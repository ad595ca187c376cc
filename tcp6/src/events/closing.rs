//! The statistics of a connection when it closed.

use crate::stats::connection::ConnectionStats;
use crate::stats::linux;
use crate::stats::tcp_info::TcpInfo;

/// The final statistics of a connection, in the form in which the source reports them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    Unknown,
    TcpInfo(TcpInfo),
    Stats(ConnectionStats),
}

impl Closing {
    pub(super) fn of(stats: Option<ConnectionStats>) -> Closing {
        stats.map_or(Closing::Unknown, Closing::Stats)
    }

    pub(super) fn of_tcp_info(info: Option<TcpInfo>) -> Closing {
        info.map_or(Closing::Unknown, Closing::TcpInfo)
    }

    pub(super) fn stats(&self) -> Option<ConnectionStats> {
        match self {
            Closing::Unknown => None,
            Closing::TcpInfo(info) => Some(linux::closed(info)),
            Closing::Stats(stats) => Some(*stats),
        }
    }

    pub(super) fn tcp_info(&self) -> Option<&TcpInfo> {
        match self {
            Closing::TcpInfo(info) => Some(info),
            _ => None,
        }
    }
}
