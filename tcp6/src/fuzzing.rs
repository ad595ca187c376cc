//! What the fuzz targets (`tcp6/fuzz`) need of the insides. Compiled for them alone, and no part of the crate.
#![allow(missing_docs)]

use core::time::Duration;

use crate::error::Result;
use crate::row::Row;
use crate::row::class::Class;
use crate::row::pod;
use crate::system::linux;
use crate::system::windows;
use crate::table::buffer::Buffer;

pub use crate::system::linux::fuzzing::Dumped;

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

/// Reads datagrams as replies to this many look-ups: how many sockets were found, how many are gone, and whether all
/// look-ups were answered.
pub fn look_ups<'a>(
    first_sequence: u32,
    port: u32,
    awaited: u32,
    datagrams: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(usize, usize, bool)> {
    linux::fuzzing::look_ups(first_sequence, port, awaited, datagrams)
}

/// Plays the history of a kernel's table that the bytes describe, and checks the table of each refresh. Returns the number
/// of refreshes, or what is wrong.
#[cfg(target_os = "linux")]
pub fn refreshes(history: &[u8]) -> core::result::Result<usize, String> {
    linux::fuzzing::refreshes(history)
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
    windows::retry(buffer, class, "iphlpapi", |table, size| call(pod::bytes_of_mut(table), size), wait)
}
