//! Arbitrary rows that often collide.
//!
//! They have few addresses, ports, owners and identities, so that duplicates, reused ends and changes of every kind are
//! frequent. Undefined fields contain garbage.

use std::net::{Ipv6Addr, SocketAddrV6};

use arbitrary::Arbitrary;
use tcp6::{Class, OffloadRow, OwnerModuleRow, Row, State};

/// The values of a row, each chosen from a few.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Few {
    /// Two bits for the local end, two for the remote one, four for the state.
    ends: u8,
    /// Two bits each for the owner, the offload state, the identity and the module information.
    rest: u8,
}

/// The value of undefined fields.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Garbage(u16);

impl Few {
    /// The row. The garbage does not change its meaning.
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
        // If the last word marks the module information as that of Linux, the second word is the cookie.
        raw.OwningModuleInfo[1] = u64::from(module >> 1);
        raw.OwningModuleInfo[15] = if module & 1 == 1 { u64::from_be_bytes(*b"tcp6:lnx") } else { 0 };
        (raw.dwLocalPort, raw.dwRemotePort) = (raw.dwLocalPort | upper, raw.dwRemotePort | upper);
        if state == State::Listen {
            raw.ucRemoteAddr = [garbage as u8; 16];
        }
        OwnerModuleRow::from_raw(raw).to_class()
    }
}

/// One of four ends. The first is unspecified, like the remote end of a listener.
fn end(number: u32) -> SocketAddrV6 {
    let [address, scope_id] = match number {
        0 => return SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0),
        1 => [Ipv6Addr::LOCALHOST.to_bits(), 0],
        2 => [0xFE80 << 112 | 1, 0],
        _ => [0xFE80 << 112 | 1, 7],
    };
    // In network byte order, port 256 would sort before port 1.
    let port = if scope_id == 0 { 1 } else { 256 };
    SocketAddrV6::new(Ipv6Addr::from_bits(address), port, 0, scope_id as u32)
}

/// The offset of the local port in a row.
///
/// It is taken from the Windows headers, independent of the crate. The port has two bytes.
pub fn local_port<R: Row>() -> usize {
    // Only rows of the smallest class begin with the state.
    if R::CLASS == Class::Basic { 24 } else { 20 }
}
