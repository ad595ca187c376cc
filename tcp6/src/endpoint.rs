//! One end of a connection: from the fields of a row to a socket address and back.

use std::net::{Ipv6Addr, SocketAddrV6};

use tcp6_sys::{IN6_ADDR, IN6_ADDR_0};

/// The bits of a port's field that mean anything.
pub(crate) const PORT_BITS: u32 = 0xFFFF;

/// The address of no machine.
pub(crate) const UNSPECIFIED: IN6_ADDR = IN6_ADDR { u: IN6_ADDR_0 { Byte: [0; 16] } };

/// One end, as the system wrote it.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawEnd {
    /// The address, in network byte order.
    pub address: [u8; 16],
    /// The scope id (interface index), in host byte order.
    pub scope_id: u32,
    /// The port: network byte order in the lower 16 bits, anything in the upper ones.
    pub port: u32,
}

impl RawEnd {
    /// The end of this socket address. The flow label has no place in a row.
    pub(crate) fn new(address: SocketAddrV6) -> RawEnd {
        RawEnd { address: address.ip().octets(), scope_id: address.scope_id(), port: u32::from(address.port().to_be()) }
    }

    /// The port as a number. The pages say of the upper 16 bits that they may hold anything, so they are dropped.
    #[inline]
    pub(crate) const fn port(self) -> u16 {
        u16::from_be((self.port & PORT_BITS) as u16)
    }

    /// The end as a socket address.
    ///
    /// The scope id is taken as it is: the pages call it network byte order, but what Windows copies into the row is
    /// a `sin6_scope_id`, which is in host order.
    #[inline]
    pub(crate) const fn socket_addr(self) -> SocketAddrV6 {
        SocketAddrV6::new(Ipv6Addr::from_bits(u128::from_be_bytes(self.address)), self.port(), 0, self.scope_id)
    }

    /// Whether it is no end: the unspecified address without scope and port.
    #[inline]
    pub(crate) const fn is_unspecified(self) -> bool {
        u128::from_ne_bytes(self.address) == 0 && self.scope_id == 0 && self.port() == 0
    }

    /// What the documented order compares: address, scope id, port as a number.
    #[inline]
    pub(crate) const fn key(self) -> (u128, u32, u16) {
        (u128::from_be_bytes(self.address), self.scope_id, self.port())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_come_from_the_lower_bits_in_network_order() {
        let end = RawEnd { port: 0xDEAD_0000 | u32::from(45001u16.to_be()), ..RawEnd::default() };
        assert_eq!(end.port(), 45001);
    }

    #[test]
    fn a_socket_address_survives_the_round_trip() {
        let address: SocketAddrV6 = "[fe80::1%7]:8080".parse().unwrap();
        assert_eq!(RawEnd::new(address).socket_addr(), address);
    }

    #[test]
    fn the_key_orders_ports_as_numbers() {
        let end = |port| RawEnd::new(SocketAddrV6::new(Ipv6Addr::LOCALHOST, port, 0, 0)).key();
        // In network order on a little-endian machine 256 would come before 1.
        assert!(end(1) < end(256));
    }
}
