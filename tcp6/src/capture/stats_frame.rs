//! Encodes and decodes the statistics of the sockets of a table.

use core::num::NonZeroU64;
use std::borrow::Cow;
use std::net::{Ipv6Addr, SocketAddrV6};
use std::time::{Duration, Instant, SystemTime};

use super::frame::{self, ExtensionHeader};
use crate::error::{Error, Malformed, Result};
use crate::row::Row;
use crate::row::class::BasicRow;
use crate::row::state::State;
use crate::stats::connection::ConnectionStats;
use crate::stats::linux::{BaseValues, MAX_NAME, Reported};
use crate::stats::sender::SenderStats;
use crate::stats::table::{SocketStats, Stats};
use crate::stats::tcp_info::TcpInfo;

// What a socket has, in its first byte.
const LINUX: u8 = 1;
const SEND_QUEUE: u8 = 1 << 1;
const UID: u8 = 1 << 2;
const TCP_INFO: u8 = 1 << 3;
const ALGORITHM: u8 = 1 << 4;
const MEMORY: u8 = 1 << 5;
const SENDER: u8 = 1 << 6;

/// Appends the statistics to `bytes`, `clock` after the recorder was created.
///
/// On an error, `bytes` is unchanged.
pub(super) fn append(bytes: &mut Vec<u8>, stats: &Stats, clock: Duration) -> Result<()> {
    let sockets = stats.len();
    let count = u32::try_from(sockets).map_err(|_| Malformed::TooManyRows { rows: sockets })?;
    frame::append_extension(bytes, frame::STATISTICS, count, clock, |bytes| {
        let mut memory = Vec::new();
        stats.iter().try_for_each(|socket| append_socket(bytes, &socket, &mut memory))
    })
}

fn append_socket(bytes: &mut Vec<u8>, socket: &SocketStats<'_>, memory: &mut Vec<u8>) -> Result<()> {
    // The largest socket has 280 bytes of tcp_info and less than 300 others.
    const LARGEST: usize = 600;
    bytes.try_reserve(LARGEST).map_err(|_| Error::OutOfMemory { bytes: bytes.len() + LARGEST })?;
    let reported = socket.reported(memory);
    let flag = |has: bool, flag: u8| if has { flag } else { 0 };
    let flags = reported.as_ref().map_or(flag(socket.sender().is_some(), SENDER), |reported| {
        LINUX
            | flag(reported.values.send_queue.is_some(), SEND_QUEUE)
            | flag(reported.uid.is_some(), UID)
            | flag(reported.info.is_some(), TCP_INFO)
            | flag(reported.algorithm.is_some(), ALGORITHM)
            | flag(reported.memory.is_some(), MEMORY)
    });
    bytes.push(flags);
    bytes.extend(socket.state().as_raw().to_le_bytes());
    let unspecified = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0);
    for end in [socket.local(), socket.remote().unwrap_or(unspecified)] {
        bytes.extend(end.ip().octets());
        bytes.extend(end.scope_id().to_le_bytes());
        bytes.extend(end.port().to_le_bytes());
    }
    bytes.extend(socket.identity().map_or(0, NonZeroU64::get).to_le_bytes());
    match reported {
        Some(reported) => append_reported(bytes, &reported),
        None => {
            append_values(bytes, socket.connection().unwrap_or_default().values(), u64::to_le_bytes);
            if let Some(sender) = socket.sender() {
                append_values(bytes, sender.values(), u32::to_le_bytes);
            }
        }
    }
    Ok(())
}

fn append_reported(bytes: &mut Vec<u8>, reported: &Reported<'_>) {
    let BaseValues { timer, count, expires_in, receive_queue, send_queue } = reported.values;
    bytes.push(timer);
    for word in [Some(count), Some(expires_in), Some(receive_queue), send_queue, reported.uid].into_iter().flatten() {
        bytes.extend(word.to_le_bytes());
    }
    if let Some(info) = reported.info {
        // At most 280.
        bytes.extend((info.len() as u16).to_le_bytes());
        bytes.extend(little_endian(info).iter());
    }
    if let Some(algorithm) = reported.algorithm {
        let mut name = [0; MAX_NAME];
        name[..algorithm.len()].copy_from_slice(algorithm);
        bytes.extend(name);
    }
    if let Some(memory) = reported.memory {
        // At most 9 words.
        bytes.push((memory.len() / 4) as u8);
        for word in memory.chunks_exact(4).filter_map(|word| word.first_chunk()) {
            bytes.extend(u32::from_ne_bytes(*word).to_le_bytes());
        }
    }
}

/// Appends the bits of the known fields and these fields, each as `to_bytes` encodes it.
fn append_values<T, const N: usize, const M: usize>(
    bytes: &mut Vec<u8>,
    values: [Option<T>; N],
    to_bytes: fn(T) -> [u8; M],
) {
    let known = values.iter().enumerate().fold(0u32, |known, (at, value)| known | u32::from(value.is_some()) << at);
    bytes.extend(known.to_le_bytes());
    values.into_iter().flatten().for_each(|value| bytes.extend(to_bytes(value)));
}

/// A `tcp_info` in little-endian order. The conversion is its own inverse.
fn little_endian(info: &[u8]) -> Cow<'_, [u8]> {
    if cfg!(target_endian = "little") {
        return info.into();
    }
    TcpInfo::from_bytes(info).swap_bytes().raw().to_vec().into()
}

/// Fills `stats` with the statistics in an extension.
///
/// `started` is the moment from which the clock in its header is counted.
pub(super) fn decode(
    header: &ExtensionHeader,
    payload: &[u8],
    taken_at: SystemTime,
    started: Instant,
    stats: &mut Stats,
) -> Result<()> {
    stats.clear();
    let damaged = Malformed::Capture { offset: 0, what: "statistics that end early" };
    let mut input = Input(payload);
    for _ in 0..header.count {
        read_socket(&mut input, stats).ok_or(damaged)??;
    }
    if !input.0.is_empty() {
        return Err(damaged.into());
    }
    stats.index_entries()?;
    stats.set_taken(taken_at, started.checked_add(header.clock).unwrap_or(started));
    Ok(())
}

/// Adds the next socket to `stats`. `None` if the bytes end before it does.
fn read_socket(input: &mut Input<'_>, stats: &mut Stats) -> Option<Result<()>> {
    let flags = input.byte()?;
    let state = State::from_raw(input.word()?);
    let mut end = || {
        let address = Ipv6Addr::from_bits(u128::from_be_bytes(input.bytes()?));
        let scope_id = input.word()?;
        Some(SocketAddrV6::new(address, u16::from_le_bytes(input.bytes()?), 0, scope_id))
    };
    let (local, remote) = (end()?, end()?);
    let is_listener = state == State::Listen;
    let row = <BasicRow as Row>::new(state, local, if is_listener { None } else { Some(remote) });
    let identity = u64::from_le_bytes(input.bytes()?);
    let has = |flag: u8| flags & flag != 0;
    if !has(LINUX) {
        let connection = ConnectionStats::from_values(&read_values(input, Input::quad)?);
        let sender = if has(SENDER) { Some(SenderStats::from_values(&read_values(input, Input::word)?)) } else { None };
        return Some(stats.push_connection(&row, NonZeroU64::new(identity), connection, sender));
    }
    let timer = input.byte()?;
    let (count, expires_in, receive_queue) = (input.word()?, input.word()?, input.word()?);
    let send_queue = if has(SEND_QUEUE) { Some(input.word()?) } else { None };
    let uid = if has(UID) { Some(input.word()?) } else { None };
    let info = if has(TCP_INFO) {
        let length = u16::from_le_bytes(input.bytes()?);
        Some(little_endian(input.take(length.into())?))
    } else {
        None
    };
    let algorithm = if has(ALGORITHM) { Some(input.take(MAX_NAME)?) } else { None };
    let mut memory = [0; u8::MAX as usize * 4];
    let memory = if has(MEMORY) {
        let words = usize::from(input.byte()?);
        for place in memory.chunks_exact_mut(4).take(words) {
            place.copy_from_slice(&input.word()?.to_ne_bytes());
        }
        Some(&memory[..4 * words])
    } else {
        None
    };
    let values = BaseValues { timer, count, expires_in, receive_queue, send_queue };
    let reported = Reported { values, uid, cookie: identity, info: info.as_deref(), algorithm, memory };
    Some(stats.push_reported(&row, &reported))
}

/// Reads the bits of the known fields and these fields, each with `read`.
fn read_values<'a, T: Copy, const N: usize>(
    input: &mut Input<'a>,
    read: fn(&mut Input<'a>) -> Option<T>,
) -> Option<[Option<T>; N]> {
    let known = input.word()?;
    let mut values = [None; N];
    // Fields of a later version follow those that this one knows.
    for at in 0..u32::BITS {
        if known & 1 << at != 0 {
            let value = read(input)?;
            if let Some(place) = values.get_mut(at as usize) {
                *place = Some(value);
            }
        }
    }
    Some(values)
}

/// The bytes that are not read yet.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.first_chunk().copied()
    }

    fn byte(&mut self) -> Option<u8> {
        self.bytes().map(|[byte]| byte)
    }

    fn word(&mut self) -> Option<u32> {
        self.bytes().map(u32::from_le_bytes)
    }

    fn quad(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests;
