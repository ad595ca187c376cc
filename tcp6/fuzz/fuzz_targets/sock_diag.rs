//! Datagrams as the answer of sock_diag: to a dump, which is refused or gives exactly the rows in it, each socket once; and
//! to look-ups, of which each takes the first reply with its own sequence number.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use tcp6::os::linux::OwnerModuleRowExt;
use tcp6::{OwnerModuleRow, Row};
use tcp6_fuzz::frames;

const HEADER: usize = 16;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLMSG_OVERRUN: u16 = 4;
const AF_INET6: u8 = 10;
const ENOENT: u32 = 2;
const ESTALE: u32 = 116;

/// The look-ups that the datagrams are read as replies to, numbered from the first sequence number.
const AWAITED: u32 = 32;

fuzz_target!(|input: &[u8]| {
    let datagrams = frames::split(input);
    // The first message is an answer to our request; whatever follows may be one to somebody else.
    let word = |at: usize| datagrams.first().and_then(|first| u32_at(first, at)).unwrap_or_default();
    let (sequence, port) = (word(8), word(12));
    let read = |datagrams: &[&[u8]]| tcp6::fuzzing::dump::<OwnerModuleRow>(sequence, port, datagrams.iter().copied());

    let dumped = read(&datagrams);
    // How messages are spread over datagrams plays no part.
    let messages: Vec<&[u8]> = datagrams.iter().flat_map(|datagram| split(datagram)).collect();
    assert_eq!(format!("{:?}", read(&messages)), format!("{dumped:?}"));

    let is_ours = |message: &[u8]| u32_at(message, 8) == Some(sequence) && u32_at(message, 12) == Some(port);
    let kind = |message: &[u8]| u16::from_ne_bytes([message[4], message[5]]);
    let ours: Vec<&[u8]> = messages.iter().copied().filter(|message| is_ours(message)).collect();

    // Each look-up takes its first reply; all other messages are skipped.
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
        // The ids that are asked for are not those of the input, but for chance.
        assert!(found <= replies.iter().filter(|reply| **reply == Some(true)).count());
    }

    let Ok((rows, dumped)) = dumped else { return };
    let end = ours.iter().position(|message| kind(message) == NLMSG_DONE);
    assert_eq!(dumped.done, end.is_some());
    let before = &ours[..end.unwrap_or(ours.len())];
    // What says that something went wrong would have been an error.
    let errno = |message: &[u8]| u32_at(message, HEADER);
    assert!(before.iter().all(|message| kind(message) != NLMSG_OVERRUN));
    assert!(before.iter().all(|message| kind(message) != NLMSG_ERROR || errno(message) == Some(0)));
    assert!(end.is_none_or(|end| errno(ours[end]).is_none_or(|errno| errno == 0)));
    let told = before.iter().filter(|message| kind(message) == SOCK_DIAG_BY_FAMILY && message[HEADER] == AF_INET6).map(
        |message| {
            let word = |at: usize| u64::from(u32_at(message, HEADER + at).unwrap());
            (word(48) << 32 | word(44), u16::from_be_bytes([message[HEADER + 4], message[HEADER + 5]]))
        },
    );
    let cookie = |row: &OwnerModuleRow| row.socket_info().unwrap().cookie.map_or(0, |cookie| cookie.get());
    let found = rows.iter().map(|row| (cookie(row), row.local().port()));
    assert!(rows.len() <= told.clone().count());
    assert_eq!(each_once(found), each_once(told));
});

/// Sockets by their cookies, the first of each; those without a cookie are told apart by nothing.
fn each_once(sockets: impl Iterator<Item = (u64, u16)>) -> Vec<(u64, u16)> {
    let mut known = HashSet::new();
    sockets.filter(|(cookie, _)| *cookie == 0 || known.insert(*cookie)).collect()
}

/// The messages of a datagram; what is none stays in one piece.
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
