//! The message format of sock_diag: builds requests and parses replies.
//!
//! A dump is one request. The reply is a sequence of datagrams with one 4-aligned message per socket, and NLMSG_DONE at
//! the end, possibly in a separate datagram. A look-up is a request with the id of one socket. The reply is one
//! message: the socket or an errno. See `include/uapi/linux/netlink.h` and `inet_diag.h` of the kernel.

use core::iter;
use std::io;

use crate::error::{Error, Malformed, Result};

mod attributes;
mod look_ups;
mod message;

#[cfg_attr(not(target_os = "linux"), allow(unused_imports))]
pub(in crate::system::linux) use attributes::{Attributes, Extensions};
#[cfg_attr(not(target_os = "linux"), allow(unused_imports))]
pub(in crate::system::linux) use look_ups::{LookUps, MAX_BATCH, Reply};
use message::SOCKID;
pub(in crate::system::linux) use message::{InetDiagMsg, SockId};

/// The name of the call in errors.
pub(in crate::system::linux) const CALL: &str = "sock_diag";

/// Offsets in `nlmsghdr`.
const LEN: usize = 0;
const TYPE: usize = 4;
const FLAGS: usize = 6;
const SEQ: usize = 8;
const PID: usize = 12;
/// The size of `nlmsghdr`.
const HEADER: usize = 16;

/// Offsets in `inet_diag_req_v2`.
const REQ_FAMILY: usize = 0;
const REQ_PROTOCOL: usize = 1;
const REQ_EXT: usize = 2;
const REQ_STATES: usize = 4;
const REQ_ID: usize = 8;
/// The size of a request with its header.
pub(in crate::system::linux) const REQUEST: usize = HEADER + REQ_ID + SOCKID;

/// The size of `nlattr`: length and type, each u16.
const ATTRIBUTE: usize = 4;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLMSG_OVERRUN: u16 = 4;
const SOCK_DIAG_BY_FAMILY: u16 = 20;

const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_DUMP_INTR: u16 = 0x10;
const NLM_F_DUMP: u16 = 0x300;

/// The address family on Linux; on Windows it is 23.
pub(in crate::system::linux) const AF_INET6: u8 = 10;
const IPPROTO_TCP: u8 = 6;

/// The request for a dump of the IPv6 TCP sockets in `states` (bit n for the kernel's state n).
///
/// The kernel selects by the ports of `id` that are not zero, and by no other field.
pub(in crate::system::linux) fn dump_request(
    sequence: u32,
    states: u32,
    id: &SockId,
    extensions: Extensions,
) -> [u8; REQUEST] {
    message(sequence, NLM_F_DUMP, states, *id, extensions)
}

/// Appends an attribute (`nlattr`) to a request of one message. `write` appends its payload.
pub(in crate::system::linux) fn append_attribute(request: &mut Vec<u8>, kind: u16, write: impl FnOnce(&mut Vec<u8>)) {
    let start = request.len();
    request.extend([0; ATTRIBUTE]);
    write(request);
    // A request is far shorter than 64 KiB.
    let length = (request.len() - start) as u16;
    request[start..start + 2].copy_from_slice(&length.to_ne_bytes());
    request[start + 2..start + ATTRIBUTE].copy_from_slice(&kind.to_ne_bytes());
    let total = request.len() as u32;
    request[LEN..TYPE].copy_from_slice(&total.to_ne_bytes());
}

/// The request for a look-up of one socket, in any state.
pub(in crate::system::linux) fn look_up(sequence: u32, id: &SockId, extensions: Extensions) -> [u8; REQUEST] {
    message(sequence, 0, u32::MAX, *id, extensions)
}

fn message(sequence: u32, flags: u16, states: u32, id: SockId, extensions: Extensions) -> [u8; REQUEST] {
    let mut bytes = [0; REQUEST];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(LEN, &(REQUEST as u32).to_ne_bytes());
    put(TYPE, &SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    put(FLAGS, &(NLM_F_REQUEST | flags).to_ne_bytes());
    put(SEQ, &sequence.to_ne_bytes());
    put(HEADER + REQ_FAMILY, &[AF_INET6]);
    put(HEADER + REQ_PROTOCOL, &[IPPROTO_TCP]);
    put(HEADER + REQ_EXT, &[extensions.bits()]);
    put(HEADER + REQ_STATES, &states.to_ne_bytes());
    put(HEADER + REQ_ID, &id.to_bytes());
    bytes
}

/// Whether a reply is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::system::linux) enum Progress {
    /// More datagrams follow.
    More,
    /// The reply is complete.
    Done,
}

/// Reads the datagrams of one dump.
#[derive(Debug)]
pub(in crate::system::linux) struct Dump {
    sequence: u32,
    port: u32,
    interrupted: bool,
}

impl Dump {
    /// Creates a reader of the reply to a request.
    ///
    /// `sequence` is the sequence number of the request, `port` the netlink port of the socket.
    pub(in crate::system::linux) fn new(sequence: u32, port: u32) -> Dump {
        Dump { sequence, port, interrupted: false }
    }

    /// Whether the kernel reported that the table changed during the dump: rows may be missing.
    pub(in crate::system::linux) fn was_interrupted(&self) -> bool {
        self.interrupted
    }

    /// Reads a datagram and passes its sockets to `found`.
    ///
    /// Skips messages that reply to other requests.
    ///
    /// # Errors
    ///
    /// The errno of a failed dump, [`Malformed`] for a datagram that is not a sequence of messages, and any error of
    /// `found`.
    pub(in crate::system::linux) fn read(
        &mut self,
        datagram: &[u8],
        mut found: impl FnMut(InetDiagMsg<'_>) -> Result<()>,
    ) -> Result<Progress> {
        for message in messages(datagram) {
            let (header, payload) = split_header(message?);
            if (header.sequence, header.port) != (self.sequence, self.port) {
                continue;
            }
            self.interrupted |= header.flags & NLM_F_DUMP_INTR != 0;
            match header.kind {
                SOCK_DIAG_BY_FAMILY => InetDiagMsg::new(payload)?.map_or(Ok(()), &mut found)?,
                // DONE has the errno of a dump that stopped, ERROR that of a dump that did not start. Old kernels send
                // DONE without a payload.
                NLMSG_DONE if payload.is_empty() => return Ok(Progress::Done),
                NLMSG_DONE => return errno(payload).map(|()| Progress::Done),
                NLMSG_ERROR => errno(payload)?,
                NLMSG_OVERRUN => return Err(overrun()),
                // NLMSG_NOOP and unknown types.
                _ => {}
            }
        }
        Ok(Progress::More)
    }
}

/// Passes the sockets of a multicast datagram to `found`.
///
/// # Errors
///
/// [`Malformed`] for a datagram that is not a sequence of messages, and any error of `found`.
pub(in crate::system::linux) fn read_events(
    datagram: &[u8],
    mut found: impl FnMut(InetDiagMsg<'_>) -> Result<()>,
) -> Result<()> {
    for message in messages(datagram) {
        let (header, payload) = split_header(message?);
        if header.kind == SOCK_DIAG_BY_FAMILY {
            InetDiagMsg::new(payload)?.map_or(Ok(()), &mut found)?;
        }
    }
    Ok(())
}

/// The header of a netlink message (`nlmsghdr`), without its length.
#[derive(Clone, Copy, Debug)]
struct Header {
    kind: u16,
    flags: u16,
    sequence: u32,
    port: u32,
}

/// Splits a message of at least [`HEADER`] bytes into its header and its payload.
#[inline]
fn split_header(message: &[u8]) -> (Header, &[u8]) {
    let (header, payload) = message.split_at(HEADER);
    let header = Header {
        kind: u16_at(header, TYPE),
        flags: u16_at(header, FLAGS),
        sequence: u32_at(header, SEQ),
        port: u32_at(header, PID),
    };
    (header, payload)
}

/// Iterates over the messages of a datagram, headers included.
///
/// Ends with an error at a malformed message.
fn messages(datagram: &[u8]) -> impl Iterator<Item = Result<&[u8]>> {
    let mut rest = datagram;
    iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let split = split(rest);
        // The start of a message after a malformed one is unknown.
        rest = split.as_ref().map_or(&[], |(_, after)| after);
        Some(split.map(|(message, _)| message))
    })
}

/// Splits a datagram into its first message, header included, and the bytes after it.
fn split(datagram: &[u8]) -> Result<(&[u8], &[u8])> {
    let malformed = |length| Malformed::Message { length, bytes: datagram.len() };
    if datagram.len() < HEADER {
        return Err(malformed(datagram.len()).into());
    }
    let length = u32_at(datagram, LEN) as usize;
    if length < HEADER || length > datagram.len() {
        return Err(malformed(length).into());
    }
    // The padding after the last message may be absent.
    let next = length.next_multiple_of(4).min(datagram.len());
    Ok((&datagram[..length], &datagram[next..]))
}

/// Reads the negated errno at the start of a payload; zero is success.
fn errno(payload: &[u8]) -> Result<()> {
    let Some(code) = payload.first_chunk() else {
        return Err(Malformed::Message { length: 4, bytes: payload.len() }.into());
    };
    match i32::from_ne_bytes(*code) {
        0 => Ok(()),
        // Saturating, because -i32::MIN does not exist.
        code => Err(Error::os(CALL, io::Error::from_raw_os_error(code.saturating_abs()))),
    }
}

fn overrun() -> Error {
    Error::os(CALL, io::Error::other("the kernel dropped messages (NLMSG_OVERRUN)"))
}

#[inline]
fn chunk<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    // The callers check that the bytes hold HEADER, SOCKID or MESSAGE.
    *bytes[at..].first_chunk().expect("the offset is within the checked length")
}

#[inline]
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes(chunk(bytes, at))
}

#[inline]
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(chunk(bytes, at))
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
