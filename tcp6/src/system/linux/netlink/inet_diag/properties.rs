//! Property tests of [`Dump`]: a complete read returns all rows or an error, never only some rows.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::message::MESSAGE;
use super::tests::{PORT, SEQUENCE, message_to};
use super::*;
use crate::row::class::BasicRow;

/// A message of a dump.
#[derive(Clone, Debug)]
enum Message {
    /// An IPv6 socket, identified by its local port, with unknown attributes.
    Socket { port: u16, state: u8, attributes: Vec<u8> },
    /// A socket of another family.
    Ipv4,
    /// A reply to another request, or to another netlink socket.
    Foreign { kind: u16, sequence: u32, port: u32 },
    /// NLMSG_NOOP, or a message of an unknown type.
    Other { kind: u16, payload: Vec<u8> },
}

fn message() -> impl Strategy<Value = Message> {
    let attributes = vec(any::<u8>(), 0..24);
    let foreign = prop_oneof![Just((SEQUENCE - 1, PORT)), Just((SEQUENCE, PORT + 1)), any::<(u32, u32)>()];
    let foreign = foreign.prop_filter("another request", |both| *both != (SEQUENCE, PORT));
    let kinds = prop::sample::select(vec![SOCK_DIAG_BY_FAMILY, NLMSG_DONE, NLMSG_ERROR, NLMSG_OVERRUN]);
    let others = prop_oneof![Just(1u16), 5..20u16, 21..=u16::MAX];
    prop_oneof![
        6 => (any::<u16>(), any::<u8>(), attributes)
            .prop_map(|(port, state, attributes)| Message::Socket { port, state, attributes }),
        1 => Just(Message::Ipv4),
        1 => (kinds, foreign).prop_map(|(kind, (sequence, port))| Message::Foreign { kind, sequence, port }),
        1 => (others, vec(any::<u8>(), 0..100)).prop_map(|(kind, payload)| Message::Other { kind, payload }),
    ]
}

/// How a dump ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Done,
    /// NLMSG_DONE without a payload, as old kernels send it.
    DoneWithoutErrno,
    /// The dump stopped (NLMSG_DONE), or did not start (NLMSG_ERROR).
    Errno(u16, i32),
    Overrun,
}

fn end() -> impl Strategy<Value = End> {
    let errno = prop_oneof![1..133i32, any::<i32>().prop_filter("nonzero", |errno| *errno != 0)];
    prop_oneof![
        6 => Just(End::Done),
        1 => Just(End::DoneWithoutErrno),
        2 => (prop::sample::select(vec![NLMSG_DONE, NLMSG_ERROR]), errno).prop_map(|(kind, errno)| End::Errno(kind, errno)),
        1 => Just(End::Overrun),
    ]
}

impl Message {
    fn bytes(&self, flags: u16) -> Vec<u8> {
        let of_socket = |family: u8, state: u8, port: u16, attributes: &[u8]| {
            let mut payload = vec![family, state, 0, 0];
            payload.extend(port.to_be_bytes());
            payload.resize(MESSAGE, 0xEE);
            payload.extend(attributes);
            payload
        };
        let ours = |kind, payload: &[u8]| message_to(SEQUENCE, PORT, kind, flags, payload);
        match self {
            Message::Socket { port, state, attributes } => {
                ours(SOCK_DIAG_BY_FAMILY, &of_socket(AF_INET6, *state, *port, attributes))
            }
            Message::Ipv4 => ours(SOCK_DIAG_BY_FAMILY, &of_socket(2, 10, 1, &[])),
            Message::Foreign { kind, sequence, port } => {
                message_to(*sequence, *port, *kind, NLM_F_DUMP_INTR, &of_socket(AF_INET6, 10, 2, &[]))
            }
            Message::Other { kind, payload } => ours(*kind, payload),
        }
    }
}

impl End {
    fn bytes(self, flags: u16) -> Vec<u8> {
        let ours = |kind, payload: &[u8]| message_to(SEQUENCE, PORT, kind, flags, payload);
        match self {
            End::Done => ours(NLMSG_DONE, &0i32.to_ne_bytes()),
            End::DoneWithoutErrno => ours(NLMSG_DONE, &[]),
            // The errno is followed by the failed request.
            End::Errno(kind, errno) => ours(kind, &[&errno.wrapping_neg().to_ne_bytes()[..], &[0xEE; 16]].concat()),
            End::Overrun => ours(NLMSG_OVERRUN, &[]),
        }
    }
}

/// A dump as the kernel sends it: its datagrams, and what a reader must return.
#[derive(Clone, Debug)]
struct Sent {
    datagrams: Vec<Vec<u8>>,
    ports: Vec<u16>,
    interrupted: bool,
    end: End,
}

prop_compose! {
    fn sent()(
        // Messages, with whether each begins a new datagram.
        messages in vec((message(), any::<bool>()), 0..40),
        end in end(),
        // The message with the flag NLM_F_DUMP_INTR, if any.
        interruption in prop::option::of(any::<Index>()),
    ) -> Sent {
        let interrupted_at = interruption.map(|index| index.index(messages.len() + 1));
        let flags = |at| if interrupted_at == Some(at) { NLM_F_DUMP_INTR } else { 0 };
        let mut datagrams = vec![Vec::new()];
        for (at, (message, begins_datagram)) in messages.iter().enumerate() {
            if *begins_datagram {
                datagrams.push(Vec::new());
            }
            datagrams.last_mut().unwrap().extend(message.bytes(flags(at)));
        }
        datagrams.last_mut().unwrap().extend(end.bytes(flags(messages.len())));
        let ports = messages.iter().filter_map(|(message, ..)| match message {
            Message::Socket { port, .. } => Some(*port),
            _ => None,
        });
        let foreign = |at: usize| matches!(messages.get(at), Some((Message::Foreign { .. }, ..)));
        Sent { ports: ports.collect(), interrupted: interrupted_at.is_some_and(|at| !foreign(at)), end, datagrams }
    }
}

/// Reads datagrams as one dump.
///
/// Returns the local ports of the rows, the progress, and whether the dump was interrupted.
fn read(datagrams: &[Vec<u8>]) -> Result<(Vec<u16>, Progress, bool)> {
    let mut dump = Dump::new(SEQUENCE, PORT);
    let mut ports = Vec::new();
    let mut progress = Progress::More;
    for datagram in datagrams {
        progress = dump.read(datagram, |message| {
            ports.push(message.socket().to_row::<BasicRow>().local().port());
            Ok(())
        })?;
        if progress == Progress::Done {
            break;
        }
    }
    Ok((ports, progress, dump.was_interrupted()))
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() }
}

#[test]
fn a_dump_returns_exactly_the_sent_rows_or_the_error_that_ended_it() {
    proptest!(config(), |(sent in sent())| {
        match (read(&sent.datagrams), sent.end) {
            (Ok((ports, progress, interrupted)), End::Done | End::DoneWithoutErrno) => {
                prop_assert_eq!(ports, sent.ports);
                prop_assert_eq!(progress, Progress::Done);
                prop_assert_eq!(interrupted, sent.interrupted);
            }
            (Err(error), End::Errno(_, errno)) => {
                // The kernel negates the errno; i32::MIN has no positive counterpart.
                prop_assert_eq!(error.raw_os_error(), Some(errno.wrapping_neg().saturating_abs()));
            }
            (Err(Error::Os { .. }), End::Overrun) => {}
            (read, end) => prop_assert!(false, "{read:?} for a dump that ends with {end:?}"),
        }
    });
}

#[test]
fn a_truncated_dump_is_never_done() {
    proptest!(config(), |(sent in sent(), at in any::<Index>())| {
        // Truncate before the first byte of the last message.
        let mut datagrams = sent.datagrams;
        let last = datagrams.pop().unwrap();
        let end = sent.end.bytes(0).len();
        let datagram = at.index(datagrams.len() + 1);
        let cut = match datagrams.get(datagram) {
            Some(whole) => whole[..at.index(whole.len() + 1)].to_vec(),
            None => last[..at.index(last.len() - end + 1)].to_vec(),
        };
        datagrams.truncate(datagram);
        datagrams.push(cut);
        match read(&datagrams) {
            Ok((ports, progress, _)) => {
                prop_assert_eq!(progress, Progress::More, "waits for the rest");
                prop_assert!(sent.ports.starts_with(&ports));
            }
            Err(error) => prop_assert!(matches!(error, Error::Malformed(_)), "{}", error),
        }
    });
}

/// The start and end offset of each message in a datagram, without padding.
fn messages(datagram: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let mut begin = 0;
    core::iter::from_fn(move || {
        let length = u32_at(datagram.get(begin..begin + HEADER)?, 0) as usize;
        let message = (begin, begin + length);
        begin += length.next_multiple_of(4);
        Some(message)
    })
}

#[test]
fn a_truncated_message_is_malformed() {
    proptest!(config(), |(sent in sent(), at in any::<Index>())| {
        // Truncate one datagram; the others arrive intact.
        let mut datagrams = sent.datagrams;
        let count = datagrams.len();
        let datagram = &mut datagrams[at.index(count)];
        prop_assume!(!datagram.is_empty());
        let cut = at.index(datagram.len());
        // A cut between two messages, or in padding, cannot be detected. The kernel does not cut there.
        prop_assume!(messages(datagram).any(|(begin, end)| begin < cut && cut < end));
        datagram.truncate(cut);
        let is_malformed = matches!(read(&datagrams), Err(Error::Malformed(Malformed::Message { .. })));
        prop_assert!(is_malformed);
    });
}

#[test]
fn an_invalid_length_is_malformed() {
    let length =
        prop_oneof![0..HEADER as u32, any::<u32>().prop_filter("beyond the datagram", |length| *length > 1 << 16)];
    proptest!(config(), |(sent in sent(), at in any::<Index>(), length in length)| {
        let mut datagrams = sent.datagrams;
        // Replace the length of the first message of one datagram. A value between these bounds may be valid.
        let count = datagrams.len();
        let datagram = &mut datagrams[at.index(count)];
        prop_assume!(!datagram.is_empty());
        datagram[..4].copy_from_slice(&length.to_ne_bytes());
        let is_malformed = matches!(read(&datagrams), Err(Error::Malformed(Malformed::Message { .. })));
        prop_assert!(is_malformed);
    });
}

#[test]
fn arbitrary_bytes_cause_no_panic_and_no_invented_rows() {
    proptest!(config(), |(sent in sent(), damage in vec((any::<Index>(), any::<Index>(), any::<u8>()), 1..8))| {
        let mut datagrams = sent.datagrams;
        for (datagram, at, byte) in damage {
            let count = datagrams.len();
            let datagram = &mut datagrams[datagram.index(count)];
            if !datagram.is_empty() {
                let at = at.index(datagram.len());
                datagram[at] = byte;
            }
        }
        let bytes: usize = datagrams.iter().map(Vec::len).sum();
        if let Ok((ports, _, _)) = read(&datagrams) {
            prop_assert!(ports.len() * (HEADER + MESSAGE) <= bytes, "more rows than the bytes can hold");
        }
    });
}
