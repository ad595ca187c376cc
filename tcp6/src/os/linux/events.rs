//! What Linux alone reports of a short connection.

use core::num::NonZeroU64;

use crate::events::brief::Brief;
use crate::stats::tcp_info::TcpInfo;

/// Linux extensions of [`Brief`].
pub trait BriefExt {
    /// The final `tcp_info` of the connection. `None` if the kernel did not report one.
    fn tcp_info(&self) -> Option<&TcpInfo>;

    /// The cookie of the socket: [`SocketInfo::cookie`](crate::os::linux::SocketInfo::cookie).
    ///
    /// Its row in TIME-WAIT, if there is one, has another cookie.
    fn cookie(&self) -> Option<NonZeroU64>;
}

impl BriefExt for Brief {
    fn tcp_info(&self) -> Option<&TcpInfo> {
        Brief::tcp_info(self)
    }

    fn cookie(&self) -> Option<NonZeroU64> {
        self.identity()
    }
}
