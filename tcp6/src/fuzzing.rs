//! What the fuzz targets (`tcp6/fuzz`) need of the insides. Compiled for them alone, and no part of the crate.
#![allow(missing_docs)]

use core::time::Duration;

use crate::error::Result;
use crate::{Buffer, Class, Row, linux, view, windows};

pub use crate::linux::fuzzing::Dumped;

/// The request for a dump of all IPv6 TCP sockets, as bytes for a netlink socket.
pub fn request(sequence: u32) -> Vec<u8> {
    linux::fuzzing::request(sequence)
}

/// Reads datagrams as one dump: the answer to the request with this sequence number, for the socket with this port.
pub fn dump<'a, R: Row>(
    sequence: u32,
    port: u32,
    datagrams: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(Vec<R>, Dumped)> {
    linux::fuzzing::dump(sequence, port, datagrams)
}

/// Reads datagrams as the answers to so many look-ups: what was found, and whether they were all answered.
pub fn look_ups<'a, R: Row>(
    sequence: u32,
    port: u32,
    awaited: usize,
    datagrams: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(Vec<R>, bool)> {
    linux::fuzzing::look_ups(sequence, port, awaited, datagrams)
}

/// Reads the kernel's text.
pub fn text<R: Row>(text: &[u8]) -> Result<Vec<R>> {
    linux::fuzzing::text(text)
}

/// Fills the buffer by a call that behaves as iphlpapi's functions do, or does not.
pub fn retry(
    buffer: &mut Buffer,
    class: Class,
    mut call: impl FnMut(&mut [u8], &mut u32) -> u32,
    wait: impl FnMut(Duration),
) -> Result<()> {
    windows::retry(buffer, class, "iphlpapi", |table, size| call(view::bytes_mut(table), size), wait)
}
