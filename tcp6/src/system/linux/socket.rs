//! A socket as the kernel reports it, and its conversion to a row in the Windows layout.

use crate::row::Row;
use crate::row::endpoint::RawEnd;
use crate::row::layout::{Parts, RawRow};
use crate::row::owner::Owner;
use crate::row::socket_info;
use crate::row::state::{State, StateSet};
use crate::stats::linux::BaseValues;

/// A socket as sock_diag or `/proc/net/tcp6` reports it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Socket {
    /// The kernel's number of the state.
    pub(super) state: u8,
    pub(super) local: RawEnd,
    pub(super) remote: RawEnd,
    /// 0 if the socket has no file, and therefore no owner.
    pub(super) inode: u32,
    pub(super) uid: u32,
    /// The cookie, which a socket keeps in TIME-WAIT; 0 if the kernel reports none.
    pub(super) cookie: u64,
    /// The index of the interface to which it is bound; 0 if there is none.
    pub(super) interface: u32,
    /// What is not part of a row.
    pub(super) values: BaseValues,
}

/// The number of sockets that are only bound in a request (`TCP_BOUND_INACTIVE`, since Linux 6.8).
///
/// The kernel reports such a socket in the state 7 (`TCP_CLOSE`).
pub(super) const BOUND_INACTIVE: u8 = 13;

/// The states by the kernel's numbers, from 1 (`TCP_ESTABLISHED`) to 13 (`TCP_BOUND_INACTIVE`).
const STATES: [State; 13] = [
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
    State::Bound,
];

/// The bits of `idiag_states` that a request may set.
///
/// Not bit 12: bit 3 (`TCP_SYN_RECV`) includes the sockets in state 12 (`TCP_NEW_SYN_RECV`).
const REQUEST_STATES: u32 = 0x2FFF;

/// The state with the kernel's `number`. An unknown number is kept as [`State::Other`].
///
/// The MIB's states end at 12, so a later state of the kernel does not collide with one of them.
fn state(number: u8) -> State {
    let known = usize::from(number).checked_sub(1).and_then(|i| STATES.get(i)).copied();
    known.unwrap_or(State::Other(number.into()))
}

/// The value of `idiag_states` that requests `states`: bit n for the kernel's state n.
pub(super) fn mask(states: StateSet) -> u32 {
    let bits = STATES.iter().zip(1..).filter(|(state, _)| states.has(**state)).map(|(_, number)| 1 << number);
    bits.fold(0, |mask, bit: u32| mask | bit) & REQUEST_STATES
}

impl Socket {
    #[inline]
    pub(super) fn state(&self) -> State {
        state(self.state)
    }

    /// Converts the socket to a row.
    ///
    /// Its owner is [`Owner::Unresolved`], or [`Owner::Nobody`] if the socket has no file.
    #[inline]
    pub(super) fn to_row<R: Row>(self) -> R {
        let state = self.state();
        let remote = if state == State::Listen { RawEnd::default() } else { self.remote };
        let owner = if self.inode == 0 { Owner::Nobody } else { Owner::Unresolved }.as_raw();
        let module = socket_info::pack(self.inode, self.uid, self.cookie, self.interface);
        R::build(&Parts { owner, module, ..Parts::of(state.as_raw(), self.local, remote) })
    }
}

/// The scope id of an address of a socket that is bound to `interface`.
///
/// SO_BINDTODEVICE can bind a socket with any address to an interface. Only addresses that are local to a link have a
/// scope id: link-local ones, and multicast ones of interface-local or link-local scope.
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
    fn mask_has_the_bits_of_the_requested_states() {
        assert_eq!(mask(StateSet::LISTEN), 1 << 10);
        assert_eq!(mask(StateSet::ESTABLISHED | StateSet::TIME_WAIT), 1 << 1 | 1 << 6);
        // In a request, TCP_SYN_RECV includes TCP_NEW_SYN_RECV.
        assert_eq!(mask(StateSet::SYN_RECEIVED), 1 << 3);
        assert_eq!(mask(StateSet::all()), 0xFFE);
        assert_eq!(mask(StateSet::BOUND), 1 << 13);
        assert_eq!(mask(StateSet::DELETE_TCB | StateSet::OTHER), 0);
    }

    #[test]
    fn keeps_unknown_state_numbers() {
        assert_eq!(state(1), State::Established);
        assert_eq!(state(12), State::SynReceived);
        assert_eq!(state(0), State::Other(0));
        assert_eq!(state(13), State::Bound);
        assert_eq!(state(14), State::Other(14));
    }

    #[test]
    fn only_link_local_addresses_have_a_scope_id() {
        let scope = |text: &str| scope_id(&text.parse::<std::net::Ipv6Addr>().unwrap().octets(), 7);
        for address in ["fe80::1", "febf::1", "ff02::1", "ff11::1"] {
            assert_eq!(scope(address), 7, "{address}");
        }
        for address in ["::", "::1", "fec0::1", "2001:db8::1", "ff0e::1", "::ffff:127.0.0.1"] {
            assert_eq!(scope(address), 0, "{address}");
        }
    }
}
