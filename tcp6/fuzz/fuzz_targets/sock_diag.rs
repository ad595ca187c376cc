//! Parses datagrams as replies of sock_diag.
//!
//! As a dump they are rejected, or result in exactly their rows, with each socket once. As replies to look-ups, each
//! look-up takes the first reply with its sequence number.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use tcp6::OwnerModuleRow;
use tcp6::os::linux::OwnerModuleRowExt;
use tcp6_fuzz::frames;

const HEADER: usize = 16;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLMSG_OVERRUN: u16 = 4;
const AF_INET6: u8 = 10;
const ENOENT: u32 = 2;
const ESTALE: u32 = 116;

/// The number of look-ups. Their sequence numbers begin with that of the first message.
const AWAITED: u32 = 32;

fuzz_target!(|input: &[u8]| {
    let datagrams = frames::split(input);
    // The first message replies to our request. The following ones may reply to other requests.
    let word = |at: usize| datagrams.first().and_then(|first| u32_at(first, at)).unwrap_or_default();
    let (sequence, port) = (word(8), word(12));
    let read = |datagrams: &[&[u8]]| tcp6::fuzzing::dump::<OwnerModuleRow>(sequence, port, datagrams.iter().copied());

    let dumped = read(&datagrams);
    // The distribution of messages over datagrams does not affect the result.
    let messages: Vec<&[u8]> = datagrams.iter().flat_map(|datagram| split(datagram)).collect();
    assert_eq!(format!("{:?}", read(&messages)), format!("{dumped:?}"));

    let is_ours = |message: &[u8]| u32_at(message, 8) == Some(sequence) && u32_at(message, 12) == Some(port);
    let kind = |message: &[u8]| u16::from_ne_bytes([message[4], message[5]]);
    let ours: Vec<&[u8]> = messages.iter().copied().filter(|message| is_ours(message)).collect();

    // Each look-up takes its first reply. All other messages are skipped.
    let index = |message: &[u8]| u32_at(message, 8).map(|number| number.wrapping_sub(sequence));
    let mut replies = vec![None; AWAITED as usize];
    let mut failed = false;
    for message in messages.iter().filter(|message| message.len() >= HEADER && u32_at(message, 12) == Some(port)) {
        let Some(reply) = index(message).and_then(|index| replies.get_mut(index as usize)) else { continue };
        let errno = u32_at(message, HEADER).map(|errno| errno.cast_signed().unsigned_abs());
        let is_socket = message.len() >= HEADER + 72 && message[HEADER] == AF_INET6;
        if reply.is_some() || failed {
            continue;
        }
        match kind(message) {
            SOCK_DIAG_BY_FAMILY => *reply = Some(is_socket),
            NLMSG_ERROR if matches!(errno, Some(ENOENT | ESTALE)) => *reply = Some(false),
            NLMSG_ERROR if errno == Some(0) => {}
            NLMSG_ERROR | NLMSG_OVERRUN => failed = true,
            _ => {}
        }
    }
    let read = |datagrams: &[&[u8]]| tcp6::fuzzing::look_ups(sequence, port, AWAITED, datagrams.iter().copied());
    if let Ok((found, gone, complete)) = read(&messages) {
        assert!(!failed, "an error was not reported");
        let answered = replies.iter().flatten().count();
        assert_eq!(found + gone, answered);
        assert_eq!(complete, answered == AWAITED as usize);
        // A socket is found only if it has the requested id, which the input contains only by chance.
        assert!(found <= replies.iter().filter(|reply| **reply == Some(true)).count());
    }

    let Ok((rows, dumped)) = dumped else { return };
    let done = ours.iter().position(|message| kind(message) == NLMSG_DONE);
    assert_eq!(dumped.done, done.is_some());
    let before = &ours[..done.unwrap_or(ours.len())];
    // A message that reports a failure would have been returned as an error.
    let errno = |message: &[u8]| u32_at(message, HEADER);
    assert!(before.iter().all(|message| kind(message) != NLMSG_OVERRUN));
    assert!(before.iter().all(|message| kind(message) != NLMSG_ERROR || errno(message) == Some(0)));
    assert!(done.is_none_or(|done| errno(ours[done]).is_none_or(|errno| errno == 0)));
    let sent = before.iter().filter(|message| kind(message) == SOCK_DIAG_BY_FAMILY && message[HEADER] == AF_INET6).map(
        |message| {
            let word = |at: usize| u64::from(u32_at(message, HEADER + at).unwrap());
            (word(48) << 32 | word(44), u16::from_be_bytes([message[HEADER + 4], message[HEADER + 5]]))
        },
    );
    let cookie = |row: &OwnerModuleRow| row.socket_info().unwrap().cookie.map_or(0, |cookie| cookie.get());
    let parsed = rows.iter().map(|row| (cookie(row), row.local().port()));
    assert!(rows.len() <= sent.clone().count());
    assert_eq!(each_once(parsed), each_once(sent));
});

/// The first socket with each cookie, and all sockets without one, which cannot be distinguished.
fn each_once(sockets: impl Iterator<Item = (u64, u16)>) -> Vec<(u64, u16)> {
    let mut seen = HashSet::new();
    sockets.filter(|(cookie, _)| *cookie == 0 || seen.insert(*cookie)).collect()
}

/// Splits a datagram into messages. Bytes that are no message stay in one piece.
fn split(mut datagram: &[u8]) -> Vec<&[u8]> {
    let mut messages = Vec::new();
    while !datagram.is_empty() {
        let length = u32_at(datagram, 0).map_or(0, |length| length as usize);
        let whole = if length < HEADER || length > datagram.len() { datagram.len() } else { length };
        let end = whole.next_multiple_of(4).min(datagram.len());
        messages.push(&datagram[..end]);
        datagram = &datagram[end..];
    }
    messages
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32::from_ne_bytes(*word))
}
