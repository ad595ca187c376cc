//! Parses datagrams as destroy events of sockets, and merges them with tables that list no socket.
//!
//! Each event is a short connection if it has a remote port, and is ignored otherwise.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tcp6_fuzz::frames;

const HEADER: usize = 16;
const MESSAGE: usize = 72;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const AF_INET6: u8 = 10;
const CONG: u16 = 4;
/// The longest name of an algorithm.
const MAX_NAME: usize = 16;

fuzz_target!(|input: &[u8]| {
    let datagrams = frames::split(input);
    let (mut expected, mut ignored, mut malformed) = (Vec::new(), 0, 0);
    for datagram in &datagrams {
        let is_well_formed = ports(datagram, |local, remote| match remote {
            0 => ignored += 1,
            remote => expected.push((local, remote)),
        });
        malformed += u64::from(is_well_formed.is_none());
    }
    let (brief, found_ignored, found_malformed) = tcp6::fuzzing::events(datagrams.iter().copied());
    let found: Vec<_> = brief.iter().map(|brief| (brief.local().port(), brief.remote().port())).collect();
    assert_eq!((found, found_ignored, found_malformed), (expected, ignored, malformed));
    for brief in &brief {
        // Accessors of any tcp_info do not panic.
        let _ = format!("{brief:?} {:?}", brief.stats());
    }
});

/// Passes the ports of each event to `found`. Returns `None` at a malformed message.
fn ports(mut datagram: &[u8], mut found: impl FnMut(u16, u16)) -> Option<()> {
    while !datagram.is_empty() {
        let length = u32::from_ne_bytes(*datagram.first_chunk()?) as usize;
        let message = datagram.get(..length).filter(|message| message.len() >= HEADER)?;
        datagram = &datagram[length.next_multiple_of(4).min(datagram.len())..];
        if message[4..6] != SOCK_DIAG_BY_FAMILY.to_ne_bytes() {
            continue;
        }
        let (socket, attributes) = message[HEADER..].split_at_checked(MESSAGE)?;
        if socket[0] == AF_INET6 {
            check(attributes)?;
            let port = |at: usize| u16::from_be_bytes([socket[at], socket[at + 1]]);
            found(port(4), port(6));
        }
    }
    Some(())
}

/// Returns `None` if the bytes are not attributes.
fn check(mut attributes: &[u8]) -> Option<()> {
    while !attributes.is_empty() {
        let header: [u8; 4] = *attributes.first_chunk()?;
        let length = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let kind = u16::from_ne_bytes([header[2], header[3]]) & 0x3FFF;
        let attribute = attributes.get(..length).filter(|attribute| attribute.len() >= header.len())?;
        if kind == CONG && attribute.len() - header.len() > MAX_NAME {
            return None;
        }
        attributes = &attributes[length.next_multiple_of(4).min(attributes.len())..];
    }
    Some(())
}
