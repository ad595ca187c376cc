//! Entry points for the fuzz targets in `tcp6/fuzz`.
//!
//! Compiled with `cfg(fuzzing)` only; not part of the public API.
#![allow(missing_docs)]

use core::time::Duration;

use crate::error::Result;
use crate::events::brief::Brief;
use crate::row::Row;
use crate::row::class::{Class, OwnerModuleRow};
use crate::row::pod;
use crate::stats::counter::Width;
use crate::stats::kinds::StatsKinds;
use crate::stats::proc_text;
use crate::stats::statistics::{Moment, Statistics};
use crate::stats::table::Stats;
use crate::system::linux;
use crate::system::windows;
use crate::table::buffer::Buffer;

pub use crate::system::linux::fuzzing::Dumped;

/// The bytes of a netlink request for a dump of all IPv6 TCP sockets with these kinds of
/// statistics.
pub fn request(sequence: u32, kinds: StatsKinds) -> Vec<u8> {
    linux::fuzzing::request(sequence, kinds)
}

/// Parses the bytes after the message of a socket: the payloads of INFO, CONG and SKMEMINFO.
pub fn attributes(bytes: &[u8]) -> Result<[Option<&[u8]>; 3]> {
    linux::fuzzing::attributes(bytes)
}

/// Reads datagrams as [`dump`] does, with statistics.
pub fn stats<'a>(
    sequence: u32,
    port: u32,
    datagrams: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(Vec<OwnerModuleRow>, Stats)> {
    linux::fuzzing::stats(sequence, port, datagrams)
}

/// Reads datagrams as the dump that answers the request with this sequence number on the socket
/// with this port id.
pub fn dump<'a, R: Row>(
    sequence: u32,
    port: u32,
    datagrams: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(Vec<R>, Dumped)> {
    linux::fuzzing::dump(sequence, port, datagrams)
}

/// Reads datagrams as the replies to `awaited` look-ups.
///
/// Returns the numbers of sockets that were found and that are gone, and whether every look-up was answered.
pub fn look_ups<'a>(
    first_sequence: u32,
    port: u32,
    awaited: u32,
    datagrams: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(usize, usize, bool)> {
    linux::fuzzing::look_ups(first_sequence, port, awaited, datagrams)
}

/// Reads datagrams as destroy events between two empty tables.
///
/// Returns the short connections, the number of ignored events, and that of malformed datagrams.
pub fn events<'a>(datagrams: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Brief>, u64, u64) {
    linux::fuzzing::events(datagrams)
}

/// Simulates the history of a kernel table that the bytes describe, and checks the table of each
/// refresh.
///
/// Returns the number of refreshes, or a description of the fault.
#[cfg(target_os = "linux")]
pub fn refreshes(history: &[u8]) -> core::result::Result<usize, String> {
    linux::fuzzing::refreshes(history)
}

/// Reads the text of `/proc/net/tcp6`.
pub fn text<R: Row>(text: &[u8]) -> Result<Vec<R>> {
    linux::fuzzing::text(text)
}

/// Reads the texts of `/proc/net/snmp` and `/proc/net/netstat`.
pub fn statistics(snmp: &[u8], netstat: Option<&[u8]>) -> Result<Statistics> {
    Ok(proc_text::statistics(snmp, netstat, Width::Bits64, Moment::now())?)
}

/// The names and values of the lines `TcpExt:`.
pub fn tcp_ext_counters(netstat: &[u8]) -> impl Iterator<Item = (&str, u64)> {
    proc_text::tcp_ext_counters(netstat)
}

/// Fills the buffer through `call`, which replaces a function of iphlpapi and may return anything.
pub fn retry(
    buffer: &mut Buffer,
    class: Class,
    mut call: impl FnMut(&mut [u8], &mut u32) -> u32,
    wait: impl FnMut(Duration),
) -> Result<()> {
    windows::retry(buffer, class, "iphlpapi", |table, size| call(pod::bytes_of_mut(table), size), wait)
}
