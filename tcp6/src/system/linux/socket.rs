//! A socket as Linux tells of it, and how it becomes a row in the Windows layout.

use crate::row::Row;
use crate::row::endpoint::RawEnd;
use crate::row::layout::{Parts, RawRow};
use crate::row::owner::Owner;
use crate::row::socket_info;
use crate::row::state::{State, StateSet};

/// What the kernel says of one socket, by sock_diag or by text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Socket {
    /// The state by the kernel's number.
    pub(super) state: u8,
    pub(super) local: RawEnd,
    pub(super) remote: RawEnd,
    /// 0 if there is no file behind it: nobody owns it.
    pub(super) inode: u32,
    pub(super) uid: u32,
    /// The cookie, which stays the same into TIME-WAIT; 0 if the kernel reports none.
    pub(super) cookie: u64,
}

/// The kernel's numbers of states, in its order: `TCP_ESTABLISHED` is 1, `TCP_NEW_SYN_RECV` is 12.
const STATES: [State; 12] = [
    State::Established,
    State::SynSent,
    State::SynReceived,
    State::FinWait1,
    State::FinWait2,
    State::TimeWait,
    State::Closed,
    State::CloseWait,
    State::LastAck,
    State::Listen,
    State::Closing,
    State::SynReceived,
];

/// The bits of `idiag_states` beyond which the kernel lists sockets that the Windows functions do not: those that are
/// only bound (bit 13, since Linux 6.8).
const LISTED: u32 = 0xFFF;

/// The state with this number of the kernel's. One that the kernel may have some day keeps its number, which the MIB
/// does not use: its own end at 12.
fn state(number: u8) -> State {
    let known = usize::from(number).checked_sub(1).and_then(|i| STATES.get(i)).copied();
    known.unwrap_or(State::Other(number.into()))
}

/// The kernel's mask for these states: bit n for its state n.
pub(super) fn mask(states: StateSet) -> u32 {
    let bits = STATES.iter().zip(1..).filter(|(state, _)| states.has(**state)).map(|(_, number)| 1 << number);
    bits.fold(0, |mask, bit: u32| mask | bit) & LISTED
}

impl Socket {
    /// The socket as a row.
    #[inline]
    pub(super) fn to_row<R: Row>(self) -> R {
        let state = state(self.state);
        let remote = if state == State::Listen { RawEnd::default() } else { self.remote };
        let owner = if self.inode == 0 { Owner::Nobody } else { Owner::Unresolved }.as_raw();
        let module = socket_info::pack(self.inode, self.uid, self.cookie);
        R::build(&Parts { owner, module, ..Parts::of(state.as_raw(), self.local, remote) })
    }
}

/// The scope id of an address on the interface that its socket is bound to.
///
/// A socket can be bound to an interface whatever its address (SO_BINDTODEVICE), but a scope id belongs to addresses
/// that mean something on one link only: link-local ones, and multicast of interface-local or link-local scope.
#[inline]
pub(super) fn scope_id(address: &[u8; 16], interface: u32) -> u32 {
    match address {
        [0xFE, 0x80..=0xBF, ..] => interface,
        [0xFF, flags, ..] if matches!(flags & 0xF, 1 | 2) => interface,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_asks_for_what_was_wanted() {
        assert_eq!(mask(StateSet::LISTEN), 1 << 10);
        assert_eq!(mask(StateSet::ESTABLISHED | StateSet::TIME_WAIT), 1 << 1 | 1 << 6);
        // The kernel takes SYN_RECV for both kinds of half-open connections.
        assert_eq!(mask(StateSet::SYN_RECEIVED), 1 << 3);
        assert_eq!(mask(StateSet::all()), 0xFFE);
        assert_eq!(mask(StateSet::DELETE_TCB | StateSet::BOUND | StateSet::OTHER), 0);
    }

    #[test]
    fn a_state_that_is_not_known_is_kept() {
        assert_eq!(state(1), State::Established);
        assert_eq!(state(12), State::SynReceived);
        assert_eq!(state(0), State::Other(0));
        assert_eq!(state(13), State::Other(13));
    }

    #[test]
    fn only_addresses_of_a_link_have_a_scope() {
        let scope = |text: &str| scope_id(&text.parse::<std::net::Ipv6Addr>().unwrap().octets(), 7);
        for address in ["fe80::1", "febf::1", "ff02::1", "ff11::1"] {
            assert_eq!(scope(address), 7, "{address}");
        }
        for address in ["::", "::1", "fec0::1", "2001:db8::1", "ff0e::1", "::ffff:127.0.0.1"] {
            assert_eq!(scope(address), 0, "{address}");
        }
    }
}
