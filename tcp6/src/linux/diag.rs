//! The messages of sock_diag, from bytes to sockets.
//!
//! A dump is a request and then datagrams of messages, each 4-aligned: one a socket, and at the end NLMSG_DONE, which
//! may stand in a datagram of its own. A look-up is a request that names one socket, and one message: the socket, or an
//! errno. Lengths and numbers are in native byte order, ports and addresses in the network's. See
//! `include/uapi/linux/netlink.h` and `inet_diag.h` of the kernel.

use core::iter;
use std::io;

use super::socket::{Socket, scope_id};
use crate::endpoint::RawEnd;
use crate::error::{Error, Malformed, Result};

/// What errors call it.
pub(super) const CALL: &str = "sock_diag";

const HEADER: usize = 16;
const MESSAGE: usize = 72;
pub(super) const REQUEST: usize = HEADER + 56;

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

/// The kernel's number of the state.
const TCP_TIME_WAIT: u8 = 6;

/// No such socket, or no more.
const ENOENT: i32 = 2;

/// What the kernel knows a socket by (`inet_diag_sockid`): its ends, its interface and its cookie. 48 bytes, as words,
/// which are compared at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(u128, u128, u128);

impl Id {
    /// Any socket: `INET_DIAG_NOCOOKIE` in the place of the cookie.
    const ANY: Id = Id(0, 0, u128::from_ne_bytes([0, 0, 0, 0, 0, 0, 0, 0, !0, !0, !0, !0, !0, !0, !0, !0]));

    /// The kernel's number for the socket, never used again; 0 if it is not told.
    pub(super) fn cookie(&self) -> u64 {
        cookie(&self.2.to_ne_bytes()[8..])
    }
}

/// A socket, as a message (`inet_diag_msg`) tells of it. Its attributes, behind, are not asked for and not read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed<'a>(&'a [u8; MESSAGE]);

impl<'a> Listed<'a> {
    /// The socket that this is the message of; `None` if it is of another family.
    pub(super) fn new(payload: &'a [u8]) -> Result<Option<Listed<'a>>> {
        let Some(message) = payload.first_chunk() else {
            return Err(Malformed::Message { length: MESSAGE, bytes: payload.len() }.into());
        };
        Ok((message[0] == AF_INET6).then_some(Listed(message)))
    }

    /// What to look it up by.
    #[inline]
    pub(super) fn id(self) -> Id {
        let word = |at| u128::from_ne_bytes(chunk(self.0, at));
        Id(word(4), word(20), word(36))
    }

    /// See [`Id::cookie`].
    #[inline]
    pub(super) fn cookie(self) -> u64 {
        cookie(&self.0[44..])
    }

    /// Whether it is there until somebody ends it: TIME-WAIT ends by itself.
    #[inline]
    pub(super) fn lasts(self) -> bool {
        self.0[1] != TCP_TIME_WAIT
    }

    /// Whether its state is one of these: bit n for the kernel's state n.
    pub(super) fn is_in(self, states: u32) -> bool {
        states.checked_shr(self.0[1].into()).is_some_and(|states| states & 1 == 1)
    }

    #[inline]
    pub(super) fn socket(self) -> Socket {
        let interface = u32_at(self.0, 40);
        let end = |port: usize, address: usize| {
            let address = chunk::<16>(self.0, address);
            // Loaded as it stands: network byte order in the lower 16 bits, as a row has it.
            RawEnd { address, scope_id: scope_id(&address, interface), port: u32::from(u16_at(self.0, port)) }
        };
        Socket {
            state: self.0[1],
            local: end(4, 8),
            remote: end(6, 24),
            inode: u32_at(self.0, 68),
            uid: u32_at(self.0, 64),
            cookie: self.cookie(),
        }
    }
}

/// The request for a dump of the IPv6 TCP sockets whose states are in `states` (bit n for the kernel's state n).
pub(super) fn request(sequence: u32, states: u32) -> [u8; REQUEST] {
    message(sequence, NLM_F_DUMP, states, &Id::ANY)
}

/// The request for a look-up of one socket.
pub(super) fn look_up(sequence: u32, id: &Id) -> [u8; REQUEST] {
    message(sequence, 0, u32::MAX, id)
}

fn message(sequence: u32, flags: u16, states: u32, id: &Id) -> [u8; REQUEST] {
    let mut bytes = [0; REQUEST];
    let mut put = |at: usize, what: &[u8]| bytes[at..at + what.len()].copy_from_slice(what);
    put(0, &(REQUEST as u32).to_ne_bytes());
    put(4, &SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    put(6, &(NLM_F_REQUEST | flags).to_ne_bytes());
    put(8, &sequence.to_ne_bytes());
    put(HEADER, &[AF_INET6, IPPROTO_TCP]);
    put(HEADER + 4, &states.to_ne_bytes());
    put(HEADER + 8, &id.0.to_ne_bytes());
    put(HEADER + 24, &id.1.to_ne_bytes());
    put(HEADER + 40, &id.2.to_ne_bytes());
    bytes
}

/// How far an answer has come.
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
}

impl Dump {
    /// The answer to the request with this sequence number, for the socket with this netlink port.
    pub(super) fn new(sequence: u32, port: u32) -> Dump {
        Dump { sequence, port, interrupted: false }
    }

    /// Whether the kernel said that the table changed under its hands, so that rows may be missing.
    pub(super) fn was_interrupted(&self) -> bool {
        self.interrupted
    }

    /// Reads a datagram and gives its sockets to `found`. Messages that answer another request are passed over.
    pub(super) fn read(
        &mut self,
        datagram: &[u8],
        mut found: impl FnMut(Listed<'_>) -> Result<()>,
    ) -> Result<Progress> {
        for message in answers(datagram, self.sequence, self.port) {
            let (header, payload) = message?.split_at(HEADER);
            self.interrupted |= u16_at(header, 6) & NLM_F_DUMP_INTR != 0;
            match u16_at(header, 4) {
                SOCK_DIAG_BY_FAMILY => Listed::new(payload)?.map_or(Ok(()), &mut found)?,
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

/// Some look-ups, as their answers arrive: as many as there were requests.
#[derive(Debug)]
pub(super) struct LookUps {
    sequence: u32,
    port: u32,
    awaited: usize,
}

impl LookUps {
    /// The answers to so many requests with this sequence number, for the socket with this netlink port.
    pub(super) fn new(sequence: u32, port: u32, awaited: usize) -> LookUps {
        LookUps { sequence, port, awaited }
    }

    /// Reads a datagram and gives to `found` what there still is. Messages that answer another request are passed over.
    pub(super) fn read(
        &mut self,
        datagram: &[u8],
        mut found: impl FnMut(Listed<'_>) -> Result<()>,
    ) -> Result<Progress> {
        for message in answers(datagram, self.sequence, self.port) {
            let (header, payload) = message?.split_at(HEADER);
            match u16_at(header, 4) {
                SOCK_DIAG_BY_FAMILY => Listed::new(payload)?.map_or(Ok(()), &mut found)?,
                NLMSG_ERROR => match errno(payload) {
                    Err(error) if error.raw_os_error() == Some(ENOENT) => {}
                    Err(error) => return Err(error),
                    // An acknowledgement, which was not asked for, is no answer.
                    Ok(()) => continue,
                },
                NLMSG_OVERRUN => return Err(overrun()),
                _ => continue,
            }
            self.awaited = self.awaited.saturating_sub(1);
        }
        Ok(if self.awaited == 0 { Progress::Done } else { Progress::More })
    }
}

/// The messages of a datagram, headers included, that answer this request to this socket.
fn answers(datagram: &[u8], sequence: u32, port: u32) -> impl Iterator<Item = Result<&[u8]>> {
    let mut rest = datagram;
    let messages = iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let split = split(rest);
        // Behind one that is malformed there is nothing to be found.
        rest = split.as_ref().map_or(&[], |(_, behind)| behind);
        Some(split.map(|(message, _)| message))
    });
    let is_answer = move |message: &[u8]| u32_at(message, 8) == sequence && u32_at(message, 12) == port;
    messages.filter(move |message| !message.as_ref().is_ok_and(|message| !is_answer(message)))
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

/// Two words, the lower one first whatever the byte order.
#[inline]
fn cookie(bytes: &[u8]) -> u64 {
    u64::from(u32_at(bytes, 4)) << 32 | u64::from(u32_at(bytes, 0))
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
