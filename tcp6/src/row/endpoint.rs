//! One end of a row: conversion between the fields of a row and a socket address.

use std::net::{Ipv6Addr, SocketAddrV6};

/// The bits of a port field that are defined.
pub(crate) const PORT_BITS: u32 = 0xFFFF;

/// The fields of one end, as the system wrote them.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawEnd {
    /// The address, in network byte order.
    pub address: [u8; 16],
    /// The scope id (interface index), in native byte order.
    pub scope_id: u32,
    /// The port in network byte order, in the lower 16 bits. The upper bits are undefined.
    pub port: u32,
}

impl RawEnd {
    /// The end with this socket address. A row has no field for the flow label, which is dropped.
    pub(crate) fn new(address: SocketAddrV6) -> RawEnd {
        RawEnd { address: address.ip().octets(), scope_id: address.scope_id(), port: u32::from(address.port().to_be()) }
    }

    /// The port as a number.
    ///
    /// The reference pages leave the upper 16 bits undefined, so they are ignored.
    #[inline]
    pub(crate) const fn port(self) -> u16 {
        u16::from_be((self.port & PORT_BITS) as u16)
    }

    /// The end as a socket address.
    ///
    /// The scope id is not converted. The reference pages claim network byte order, but Windows copies a
    /// `sin6_scope_id` into the row, which is in native byte order.
    #[inline]
    pub(crate) const fn socket_addr(self) -> SocketAddrV6 {
        SocketAddrV6::new(Ipv6Addr::from_bits(u128::from_be_bytes(self.address)), self.port(), 0, self.scope_id)
    }

    /// Whether there is no end: the unspecified address without scope id and port.
    #[inline]
    pub(crate) const fn is_unspecified(self) -> bool {
        u128::from_ne_bytes(self.address) == 0 && self.scope_id == 0 && self.port() == 0
    }

    /// The key of the documented order: address, scope id, port as a number.
    #[inline]
    pub(crate) const fn key(self) -> (u128, u32, u16) {
        (u128::from_be_bytes(self.address), self.scope_id, self.port())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ports_in_network_order_from_the_lower_bits() {
        let end = RawEnd { port: 0xDEAD_0000 | u32::from(45001u16.to_be()), ..RawEnd::default() };
        assert_eq!(end.port(), 45001);
    }

    #[test]
    fn socket_addresses_round_trip() {
        let address: SocketAddrV6 = "[fe80::1%7]:8080".parse().unwrap();
        assert_eq!(RawEnd::new(address).socket_addr(), address);
    }

    #[test]
    fn keys_order_ports_as_numbers() {
        let end = |port| RawEnd::new(SocketAddrV6::new(Ipv6Addr::LOCALHOST, port, 0, 0)).key();
        // In network byte order on a little-endian machine, 256 is less than 1.
        assert!(end(1) < end(256));
    }
}
