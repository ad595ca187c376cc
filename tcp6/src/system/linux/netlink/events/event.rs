//! A destroy event, and what becomes of it.

use core::num::NonZeroU64;
use std::net::SocketAddrV6;

use super::listed::SocketEnds;
use crate::error::Result;
use crate::events::brief::Brief;
use crate::stats::tcp_info::TcpInfo;
use crate::system::linux::netlink::inet_diag::{Attributes, InetDiagMsg, SockId, read_events};

/// A socket that the kernel has destroyed.
#[derive(Clone, Copy, Debug)]
pub(in crate::system::linux) struct Event {
    pub(super) cookie: u64,
    pub(super) ends: SocketEnds,
    /// The interface to which the socket was bound; 0 for none.
    pub(super) interface: u32,
    /// The final `tcp_info`. `None` if the kernel sent none, or had already erased the connection.
    pub(super) info: Option<TcpInfo>,
}

impl Event {
    fn new(message: InetDiagMsg<'_>) -> Result<Event> {
        let socket = message.socket();
        let ends = SocketEnds::of(&socket);
        let attributes = Attributes::parse(message.attributes())?;
        let info = attributes.info.filter(|_| ends.has_remote()).map(TcpInfo::from_bytes);
        Ok(Event { cookie: socket.cookie, ends, interface: socket.interface, info })
    }

    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    pub(in crate::system::linux) fn cookie(&self) -> u64 {
        self.cookie
    }

    /// The id of any socket with the ends of the connection, if there is one and `selects` selects its ends.
    pub(super) fn any_socket(&self, selects: impl Fn(SocketAddrV6, SocketAddrV6) -> bool) -> Option<SockId> {
        let (local, remote) = self.ends.socket_addrs();
        let is_selected = self.ends.has_remote() && selects(local, remote);
        is_selected.then(|| SockId::of_ends(local, Some(remote), self.interface, None))
    }

    /// The ends of a short connection as addresses.
    pub(super) fn to_brief(self) -> Brief {
        let (local, remote) = self.ends.socket_addrs();
        Brief::of_tcp_info(local, remote, NonZeroU64::new(self.cookie), self.info)
    }
}

/// Passes the events of a datagram to `found`.
///
/// # Errors
///
/// [`Error::Malformed`](crate::Error::Malformed) for a datagram that is not a sequence of messages, and any error of
/// `found`.
pub(in crate::system::linux) fn read(datagram: &[u8], mut found: impl FnMut(Event) -> Result<()>) -> Result<()> {
    read_events(datagram, |message| found(Event::new(message)?))
}

/// What becomes of an event, if the watcher accepts the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Undecided until the other events are classified.
    Unknown,
    Keep,
    /// The event reports nothing that was not reported.
    Consumed,
    /// It reports no connection.
    Ignored,
    /// The final statistics of the listed socket with this cookie.
    Final(u64),
    /// The same, of a socket that left an earlier table.
    Departed,
    Brief,
}
