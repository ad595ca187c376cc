//! Parses datagrams as replies of sock_diag.
//!
//! As a dump they are rejected, or result in exactly their rows, with each socket once. As replies to look-ups, each
//! look-up takes the first reply with its sequence number. The attributes of each socket are rejected, or are those that
//! a second parser finds, and the statistics of each row are found.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use tcp6::OwnerModuleRow;
use tcp6::os::linux::{OwnerModuleRowExt, SocketStatsExt, TcpInfo};
use tcp6_fuzz::frames;

const HEADER: usize = 16;
/// The size of `inet_diag_msg`.
const MESSAGE: usize = 72;
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

    for message in &messages {
        let Some(bytes) = message.get(HEADER + MESSAGE..) else { continue };
        assert_eq!(tcp6::fuzzing::attributes(bytes).ok(), attributes(bytes));
    }

    let Ok((rows, dumped)) = dumped else { return };
    check_stats(sequence, port, &datagrams, &rows);
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

/// Parses attributes, one byte at a time: the last INFO, CONG and SKMEMINFO.
fn attributes(bytes: &[u8]) -> Option<[Option<&[u8]>; 3]> {
    let mut found = [None; 3];
    let mut at = 0;
    while at < bytes.len() {
        let header = bytes.get(at..at + 4)?;
        let [length, kind] = [0, 2].map(|at| u16::from_ne_bytes([header[at], header[at + 1]]));
        let end = at + usize::from(length);
        if length < 4 || end > bytes.len() {
            return None;
        }
        match kind & 0x3FFF {
            2 => found[0] = Some(&bytes[at + 4..end]),
            4 if length > 4 + 16 => return None,
            4 => found[1] = Some(&bytes[at + 4..end]),
            7 => found[2] = Some(&bytes[at + 4..end]),
            _ => {}
        }
        at = end.next_multiple_of(4);
    }
    Some(found)
}

/// Reads the dump again, with statistics, unless an attribute is malformed.
fn check_stats(sequence: u32, port: u32, datagrams: &[&[u8]], rows: &[OwnerModuleRow]) {
    let Ok((with_stats, stats)) = tcp6::fuzzing::stats(sequence, port, datagrams.iter().copied()) else { return };
    assert_eq!(with_stats, rows);
    assert_eq!(stats.len(), rows.len());
    for (row, listed) in rows.iter().zip(stats.iter()) {
        assert_eq!((listed.local(), listed.remote(), listed.state()), (row.local(), row.remote(), row.state()));
        let cookie = row.socket_info().unwrap().cookie;
        assert_eq!(listed.cookie(), cookie);
        // A cookie identifies one socket. The first one of several without a cookie cannot be told from the others.
        let found = stats.get(row);
        assert!(cookie.is_none() || found.is_some());
        let raw = |info: Option<&TcpInfo>| info.map(|info| info.raw().to_vec());
        if cookie.is_some() {
            assert_eq!(raw(found.unwrap().tcp_info()), raw(listed.tcp_info()));
        }
        let _ = format!("{:?} {:?}", listed.connection(), listed.tcp_info());
        let _ = (listed.algorithm(), listed.memory(), listed.timer());
    }
}

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
