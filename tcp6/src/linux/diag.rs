//! The messages of sock_diag, from bytes to sockets.
//!
//! A dump is a request and then datagrams of messages, each 4-aligned: one a socket, and at the end NLMSG_DONE, which
//! may stand in a datagram of its own. Lengths and numbers are in native byte order, ports and addresses in the
//! network's. See `include/uapi/linux/netlink.h` and `inet_diag.h` of the kernel.

use core::mem;
use std::io;

use super::socket::{Socket, scope_id};
use crate::endpoint::RawEnd;
use crate::error::{Error, Malformed, Result};

/// What errors call the dump.
pub(super) const CALL: &str = "sock_diag";

const HEADER: usize = 16;
const MESSAGE: usize = 72;
const REQUEST: usize = HEADER + 56;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLMSG_OVERRUN: u16 = 4;
const SOCK_DIAG_BY_FAMILY: u16 = 20;

const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_DUMP_INTR: u16 = 0x10;
const NLM_F_DUMP: u16 = 0x300;

/// The kernel's number of the family; Windows' is 23.
const AF_INET6: u8 = 10;
const IPPROTO_TCP: u8 = 6;

/// The request for a dump of the IPv6 TCP sockets whose states are in `states` (bit n for the kernel's state n).
pub(super) fn request(sequence: u32, states: u32) -> [u8; REQUEST] {
    let mut bytes = [0; REQUEST];
    let mut put = |at: usize, what: &[u8]| bytes[at..at + what.len()].copy_from_slice(what);
    put(0, &(REQUEST as u32).to_ne_bytes());
    put(4, &SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    put(6, &(NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
    put(8, &sequence.to_ne_bytes());
    put(HEADER, &[AF_INET6, IPPROTO_TCP]);
    put(HEADER + 4, &states.to_ne_bytes());
    // INET_DIAG_NOCOOKIE: any socket.
    put(HEADER + 48, &[0xFF; 8]);
    bytes
}

/// How far a dump has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// More datagrams follow.
    More,
    /// That was all.
    Done,
}

/// One dump, as its datagrams arrive.
#[derive(Debug)]
pub(super) struct Dump {
    sequence: u32,
    port: u32,
    interrupted: bool,
    recent: Recent,
}

/// The cookies of sockets that were found, each until another takes its place.
///
/// The kernel walks the chains of its hash piece by piece, and remembers where it was by counting. When sockets have come
/// into a chain meanwhile, at its head, it gives the last ones once more. (When some have gone it passes over as many, of
/// which nothing tells.)
#[derive(Debug)]
struct Recent([u64; RECENT]);

/// Far more than come into one chain meanwhile.
const RECENT: usize = 1024;

impl Recent {
    /// Takes note of a socket. Says whether it was there already; no other ever has its cookie.
    fn knows(&mut self, cookie: u64) -> bool {
        let place = &mut self.0[cookie as usize % RECENT];
        cookie != 0 && mem::replace(place, cookie) == cookie
    }
}

impl Dump {
    /// The answer to the request with this sequence number, for the socket with this netlink port.
    pub(super) fn new(sequence: u32, port: u32) -> Dump {
        Dump { sequence, port, interrupted: false, recent: Recent([0; RECENT]) }
    }

    /// Whether the kernel said that the table changed under its hands, so that rows may be missing.
    pub(super) fn was_interrupted(&self) -> bool {
        self.interrupted
    }

    /// Reads a datagram and gives its sockets to `found`, each once. Messages that answer another request are passed over.
    pub(super) fn read(&mut self, datagram: &[u8], mut found: impl FnMut(Socket) -> Result<()>) -> Result<Progress> {
        let mut rest = datagram;
        while !rest.is_empty() {
            let (message, behind) = split(rest)?;
            rest = behind;
            let (header, payload) = message.split_at(HEADER);
            if u32_at(header, 8) != self.sequence || u32_at(header, 12) != self.port {
                continue;
            }
            self.interrupted |= u16_at(header, 6) & NLM_F_DUMP_INTR != 0;
            match u16_at(header, 4) {
                SOCK_DIAG_BY_FAMILY => {
                    if let Some(socket) = socket(payload)?.filter(|socket| !self.recent.knows(socket.cookie)) {
                        found(socket)?;
                    }
                }
                // The errno of a dump that could not go on arrives in DONE; one that could not begin, in ERROR. In a
                // DONE without a payload there is none.
                NLMSG_DONE if payload.is_empty() => return Ok(Progress::Done),
                NLMSG_DONE => return errno(payload).map(|()| Progress::Done),
                NLMSG_ERROR => errno(payload)?,
                NLMSG_OVERRUN => return Err(overrun()),
                // NLMSG_NOOP, and whatever else a kernel may say some day.
                _ => {}
            }
        }
        Ok(Progress::More)
    }
}

/// The first message of a datagram, header included, and what stands behind it.
fn split(datagram: &[u8]) -> Result<(&[u8], &[u8])> {
    let malformed = |length| Malformed::Message { length, bytes: datagram.len() };
    if datagram.len() < HEADER {
        return Err(malformed(datagram.len()).into());
    }
    let length = u32_at(datagram, 0) as usize;
    if length < HEADER || length > datagram.len() {
        return Err(malformed(length).into());
    }
    // The padding behind the last message may be missing.
    let next = length.next_multiple_of(4).min(datagram.len());
    Ok((&datagram[..length], &datagram[next..]))
}

/// The socket that an `inet_diag_msg` tells of. Its attributes, behind, are not asked for and not read.
#[inline]
fn socket(payload: &[u8]) -> Result<Option<Socket>> {
    let Some(message) = payload.first_chunk::<MESSAGE>() else {
        return Err(Malformed::Message { length: MESSAGE, bytes: payload.len() }.into());
    };
    if message[0] != AF_INET6 {
        return Ok(None);
    }
    let interface = u32_at(message, 40);
    let end = |port: usize, address: usize| {
        let address = chunk::<16>(message, address);
        // Loaded as it stands: network byte order in the lower 16 bits, as a row has it.
        RawEnd { address, scope_id: scope_id(&address, interface), port: u32::from(u16_at(message, port)) }
    };
    Ok(Some(Socket {
        state: message[1],
        local: end(4, 8),
        remote: end(6, 24),
        inode: u32_at(message, 68),
        uid: u32_at(message, 64),
        // Two words, the lower one first whatever the byte order.
        cookie: u64::from(u32_at(message, 48)) << 32 | u64::from(u32_at(message, 44)),
    }))
}

/// The errno that stands, negated, at the begin of this payload; zero is none.
fn errno(payload: &[u8]) -> Result<()> {
    let Some(code) = payload.first_chunk() else {
        return Err(Malformed::Message { length: 4, bytes: payload.len() }.into());
    };
    match i32::from_ne_bytes(*code) {
        0 => Ok(()),
        // Saturating: the most negative number has no positive.
        code => Err(Error::os(CALL, io::Error::from_raw_os_error(code.saturating_abs()))),
    }
}

fn overrun() -> Error {
    Error::os(CALL, io::Error::other("the kernel dropped messages (NLMSG_OVERRUN)"))
}

#[inline]
fn chunk<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    // The callers have checked the length: a header has 16 bytes, a message 72.
    *bytes[at..].first_chunk().expect("within the message")
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
