//! The socket for which a look-up asks.

use core::num::NonZeroU64;
use std::net::SocketAddrV6;

use crate::row::Row;
use crate::row::layout::RawRow;
use crate::row::socket_info;
use crate::row::state::{State, StateSet};
use crate::table::query::Query;

/// The ends of a socket, and what else is known of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub(super) local: SocketAddrV6,
    /// `None` for a listener.
    pub(super) remote: Option<SocketAddrV6>,
    /// The identity, which distinguishes successive sockets with equal ends.
    ///
    /// `None` accepts any socket.
    pub(super) identity: Option<NonZeroU64>,
    /// The index of the interface to which the socket is bound; 0 if it is bound to none or
    /// unknown.
    ///
    /// Only Linux takes it in a request.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    pub(super) interface: u32,
    /// Whether the socket was only bound, which no request for one socket finds.
    pub(super) is_bound: bool,
}

impl Target {
    /// Any socket with these ends.
    pub(super) fn of_ends(local: SocketAddrV6, remote: Option<SocketAddrV6>) -> Target {
        let scope_ids = [local.scope_id(), remote.map_or(0, |remote| remote.scope_id())];
        let interface = scope_ids.into_iter().find(|scope_id| *scope_id != 0).unwrap_or(0);
        Target { local, remote, identity: None, interface, is_bound: false }
    }

    /// The socket of a row.
    pub(super) fn of_row<R: Row>(row: &R) -> Target {
        let info = row.raw_module().and_then(socket_info::unpack);
        let is_bound = row.state() == State::Bound;
        let target = Target { identity: row.identity(), is_bound, ..Target::of_ends(row.local(), row.remote()) };
        match info.and_then(|info| info.interface) {
            Some(interface) => Target { interface: interface.get(), ..target },
            None => target,
        }
    }

    /// Whether a row is one of this socket.
    pub(super) fn matches<R: Row>(&self, row: &R) -> bool {
        let has_identity = self.identity.is_none() || row.identity() == self.identity;
        let ends = |local, remote: Option<SocketAddrV6>| (scoped(local), remote.map(scoped));
        ends(row.local(), row.remote()) == ends(self.local, self.remote) && has_identity
    }

    /// The query that selects the rows with these ports.
    pub(super) fn query(&self) -> Query {
        let bound = if self.is_bound { StateSet::BOUND } else { StateSet::empty() };
        let query = Query::all().states(StateSet::all() | bound).unsorted().local_port(self.local.port());
        match self.remote {
            Some(remote) => query.remote_port(remote.port()),
            None => query,
        }
    }
}

/// The end without a scope id that has no meaning: one of an address that is not local to a link.
///
/// Wine 8 writes such scope ids.
fn scoped(end: SocketAddrV6) -> SocketAddrV6 {
    let is_of_a_link = match end.ip().octets() {
        [0xFE, 0x80..=0xBF, ..] => true,
        [0xFF, flags, ..] => matches!(flags & 0xF, 1 | 2),
        _ => false,
    };
    SocketAddrV6::new(*end.ip(), end.port(), 0, if is_of_a_link { end.scope_id() } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::class::BasicRow;
    use crate::row::state::State;

    #[test]
    fn only_addresses_of_a_link_have_a_scope() {
        let matches = |target: &str, row: &str| {
            let row = BasicRow::new(State::Listen, row.parse().unwrap(), None);
            Target::of_ends(target.parse().unwrap(), None).matches(&row)
        };
        assert!(matches("[::1]:80", "[::1%4096]:80") && matches("[2001:db8::1%3]:80", "[2001:db8::1]:80"));
        assert!(matches("[fe80::1%2]:80", "[fe80::1%2]:80") && !matches("[fe80::1%2]:80", "[fe80::1%3]:80"));
        assert!(!matches("[fe80::1]:80", "[fe80::1%3]:80") && !matches("[::1]:80", "[::1]:81"));
    }
}
