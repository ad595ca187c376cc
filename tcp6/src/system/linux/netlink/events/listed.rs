//! The sockets of a table, and the ends by which a socket in TIME-WAIT is found.

use std::net::SocketAddrV6;

use crate::row::endpoint::RawEnd;
use crate::row::order::Ends;
use crate::row::state::State;
use crate::stats::timer;
use crate::system::linux::socket::Socket;

/// Both ends of a socket, with ports and addresses in network byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::system::linux) struct SocketEnds {
    pub(super) addresses: [[u8; 16]; 2],
    pub(super) scope_ids: [u32; 2],
    pub(super) ports: [u16; 2],
}

impl SocketEnds {
    #[inline]
    pub(super) fn of(socket: &Socket) -> SocketEnds {
        let Socket { local, remote, .. } = socket;
        SocketEnds {
            addresses: [local.address, remote.address],
            scope_ids: [local.scope_id, remote.scope_id],
            // The kernel writes ports of 16 bits.
            ports: [local.port as u16, remote.port as u16],
        }
    }

    /// Whether the remote port is known.
    ///
    /// The kernel erases it when a socket is reset, and listeners have none.
    pub(super) fn has_remote(&self) -> bool {
        self.ports[1] != 0
    }

    fn raw(&self) -> [RawEnd; 2] {
        [0, 1].map(|at| RawEnd {
            address: self.addresses[at],
            scope_id: self.scope_ids[at],
            port: self.ports[at].into(),
        })
    }

    pub(super) fn local(&self) -> RawEnd {
        self.raw()[0]
    }

    pub(super) fn remote(&self) -> RawEnd {
        self.raw()[1]
    }

    /// The local and the remote address.
    pub(super) fn socket_addrs(self) -> (SocketAddrV6, SocketAddrV6) {
        (self.local().socket_addr(), self.remote().socket_addr())
    }

    /// The ends as rows are compared by.
    pub(super) fn to_ends(self) -> Ends {
        Ends::new(self.local(), self.remote())
    }
}

/// A socket of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::system::linux) struct Listed {
    pub(super) cookie: u64,
    pub(super) ends: SocketEnds,
    pub(super) kind: Kind,
}

/// What the kernel may make of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A request for a connection, in SYN-RECEIVED, which a socket replaces.
    Request,
    /// Any other socket.
    Socket,
    /// A socket that a minisock may replace at any moment: in FIN-WAIT-1, FIN-WAIT-2 or CLOSING.
    Closing,
    /// The rest of a closed socket: in TIME-WAIT, or an orphan in FIN-WAIT-2.
    Minisock,
}

impl Kind {
    #[inline]
    fn of(socket: &Socket) -> Kind {
        if socket.values.timer == timer::TIME_WAIT {
            return Kind::Minisock;
        }
        match socket.state() {
            // A socket that a process holds may be in this state too.
            State::SynReceived if socket.inode == 0 => Kind::Request,
            State::FinWait1 | State::FinWait2 | State::Closing => Kind::Closing,
            _ => Kind::Socket,
        }
    }
}

impl Listed {
    #[inline]
    pub(in crate::system::linux) fn of(socket: &Socket) -> Listed {
        Listed { cookie: socket.cookie, ends: SocketEnds::of(socket), kind: Kind::of(socket) }
    }

    pub(super) fn is_minisock(&self) -> bool {
        self.kind == Kind::Minisock
    }
}
