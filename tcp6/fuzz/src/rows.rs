//! Rows that collide.
//!
//! Few addresses, few ports, few owners, few identities: so duplicates, ends that are used again and changes of every
//! kind come up all the time, with garbage wherever garbage may stand.

use std::net::{Ipv6Addr, SocketAddrV6};

use arbitrary::Arbitrary;
use tcp6::{Class, OffloadRow, OwnerModuleRow, Row, State};

/// What a row is made of.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Few {
    /// Two bits for the local end, two for the remote one, four for the state.
    ends: u8,
    /// Two bits each for owner, offload state, identity and what else may be in a row.
    rest: u8,
}

/// What stands where nothing has a meaning.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Garbage(u16);

impl Few {
    /// The row. It means the same whatever the garbage.
    pub fn row<R: Row>(self, Garbage(garbage): Garbage) -> R {
        let bits = |byte: u8, place: u32| u32::from(byte >> place & 3);
        let state = match self.ends >> 4 {
            0 => State::Other(0),
            13 => State::Bound,
            14 => State::Other(u32::MAX),
            15 => State::Listen,
            number => State::from_raw(number.into()),
        };
        let remote = (state != State::Listen).then(|| end(bits(self.ends, 2)));
        let (owner, offload) = (bits(self.rest, 0), bits(self.rest, 2));
        let (identity, module) = (bits(self.rest, 4), bits(self.rest, 6));

        let upper = u32::from(garbage) << 16;
        if R::CLASS == Class::Offload {
            let mut raw = *OffloadRow::new(state, end(bits(self.ends, 0)), remote).as_raw();
            (raw.dwOwningPid, raw.dwOffloadState) = (owner, offload as i32 - 1);
            (raw.dwLocalPort, raw.dwRemotePort) = (raw.dwLocalPort | upper, raw.dwRemotePort | upper);
            if state == State::Listen {
                raw.dwRemoteScopeId = garbage.into();
            }
            return OffloadRow::from_raw(raw).to_class();
        }
        let mut raw = *OwnerModuleRow::new(state, end(bits(self.ends, 0)), remote).as_raw();
        (raw.dwOwningPid, raw.liCreateTimestamp) = (owner, identity.into());
        // The last word says whether what stands before it is Linux', the second is then the cookie.
        raw.OwningModuleInfo[1] = u64::from(module >> 1);
        raw.OwningModuleInfo[15] = if module & 1 == 1 { u64::from_be_bytes(*b"tcp6:lnx") } else { 0 };
        (raw.dwLocalPort, raw.dwRemotePort) = (raw.dwLocalPort | upper, raw.dwRemotePort | upper);
        if state == State::Listen {
            raw.ucRemoteAddr = [garbage as u8; 16];
        }
        OwnerModuleRow::from_raw(raw).to_class()
    }
}

/// One of four ends; the first is where a listener has none.
fn end(number: u32) -> SocketAddrV6 {
    let [address, scope_id] = match number {
        0 => return SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0),
        1 => [Ipv6Addr::LOCALHOST.to_bits(), 0],
        2 => [0xFE80 << 112 | 1, 0],
        _ => [0xFE80 << 112 | 1, 7],
    };
    // In network order the second of these ports would come before the first.
    let port = if scope_id == 0 { 1 } else { 256 };
    SocketAddrV6::new(Ipv6Addr::from_bits(address), port, 0, scope_id as u32)
}

/// Where the two bytes of the local port stand in a row, by the headers of Windows and not by the crate.
pub fn local_port<R: Row>() -> usize {
    // The smallest class has the state in front.
    if R::CLASS == Class::Basic { 24 } else { 20 }
}
