//! Dumps of any content, whole and damaged: exactly the rows that were sent, or an error; never fewer in silence.

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
    /// A socket of the family, known by its local port; attributes behind it that nobody knows.
    Socket { port: u16, state: u8, attributes: Vec<u8> },
    /// A socket of another family.
    Ipv4,
    /// An answer to another request of this socket, or to another socket.
    Foreign { kind: u16, sequence: u32, port: u32 },
    /// A message that does nothing, or one that there is not yet.
    Other { kind: u16, payload: Vec<u8> },
}

fn message() -> impl Strategy<Value = Message> {
    let attributes = vec(any::<u8>(), 0..24);
    let foreign = prop_oneof![Just((SEQUENCE - 1, PORT)), Just((SEQUENCE, PORT + 1)), any::<(u32, u32)>()];
    let foreign = foreign.prop_filter("somebody else's", |both| *both != (SEQUENCE, PORT));
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
    /// As old kernels say it.
    DoneWithoutErrno,
    /// It could not go on, or not begin.
    Errno(u16, i32),
    Overrun,
}

fn end() -> impl Strategy<Value = End> {
    let errno = prop_oneof![1..133i32, any::<i32>().prop_filter("an errno", |errno| *errno != 0)];
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
            // The errno is followed by the request that it is about.
            End::Errno(kind, errno) => ours(kind, &[&errno.wrapping_neg().to_ne_bytes()[..], &[0xEE; 16]].concat()),
            End::Overrun => ours(NLMSG_OVERRUN, &[]),
        }
    }
}

/// A dump as it is sent: its datagrams, each of several messages.
#[derive(Clone, Debug)]
struct Sent {
    datagrams: Vec<Vec<u8>>,
    ports: Vec<u16>,
    interrupted: bool,
    end: End,
}

prop_compose! {
    fn sent()(
        // Each may begin a datagram.
        messages in vec((message(), any::<bool>()), 0..40),
        end in end(),
        // Where the table changed under the kernel's hands, if it did.
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

/// What was read: the ports of the rows, whether it ended, and whether it was interrupted.
fn read(datagrams: &[Vec<u8>]) -> Result<(Vec<u16>, Progress, bool)> {
    let mut dump = Dump::new(SEQUENCE, PORT);
    let mut ports = Vec::new();
    let mut progress = Progress::More;
    for datagram in datagrams {
        progress = dump.read(datagram, |listed| {
            ports.push(listed.socket().to_row::<BasicRow>().local().port());
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
fn a_dump_is_exactly_what_was_sent_or_the_error_that_ended_it() {
    proptest!(config(), |(sent in sent())| {
        match (read(&sent.datagrams), sent.end) {
            (Ok((ports, progress, interrupted)), End::Done | End::DoneWithoutErrno) => {
                prop_assert_eq!(ports, sent.ports);
                prop_assert_eq!(progress, Progress::Done);
                prop_assert_eq!(interrupted, sent.interrupted);
            }
            (Err(error), End::Errno(_, errno)) => {
                // The kernel's are negated; the most negative number has no positive.
                prop_assert_eq!(error.raw_os_error(), Some(errno.wrapping_neg().saturating_abs()));
            }
            (Err(Error::Os { .. }), End::Overrun) => {}
            (read, end) => prop_assert!(false, "{read:?}, but it ended in {end:?}"),
        }
    });
}

#[test]
fn a_dump_that_is_cut_never_ends() {
    proptest!(config(), |(sent in sent(), at in any::<Index>())| {
        // Somewhere before the first byte of what ends it.
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
                prop_assert_eq!(progress, Progress::More, "it waits for the rest");
                prop_assert!(sent.ports.starts_with(&ports));
            }
            Err(error) => prop_assert!(matches!(error, Error::Malformed(_)), "{}", error),
        }
    });
}

/// Where messages begin in a datagram, and where they end before their padding.
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
fn a_message_that_is_cut_hides_no_row() {
    proptest!(config(), |(sent in sent(), at in any::<Index>())| {
        // The rest of the dump arrives, its end included.
        let mut datagrams = sent.datagrams;
        let count = datagrams.len();
        let datagram = &mut datagrams[at.index(count)];
        prop_assume!(!datagram.is_empty());
        let cut = at.index(datagram.len());
        // Between two messages, or in the padding behind one, nothing shows that there was more; nor does the kernel cut
        // there.
        prop_assume!(messages(datagram).any(|(begin, end)| begin < cut && cut < end));
        datagram.truncate(cut);
        let refused = matches!(read(&datagrams), Err(Error::Malformed(Malformed::Message { .. })));
        prop_assert!(refused);
    });
}

#[test]
fn a_length_that_lies_hides_no_row() {
    let lie = prop_oneof![0..HEADER as u32, any::<u32>().prop_filter("far beyond", |length| *length > 1 << 16)];
    proptest!(config(), |(sent in sent(), at in any::<Index>(), lie in lie)| {
        let mut datagrams = sent.datagrams;
        // The first message of one of the datagrams. (Between these bounds a lie is as good as another message.)
        let count = datagrams.len();
        let datagram = &mut datagrams[at.index(count)];
        prop_assume!(!datagram.is_empty());
        datagram[..4].copy_from_slice(&lie.to_ne_bytes());
        let refused = matches!(read(&datagrams), Err(Error::Malformed(Malformed::Message { .. })));
        prop_assert!(refused);
    });
}

#[test]
fn any_bytes_are_read_without_a_panic_and_in_one_pass() {
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
            prop_assert!(ports.len() * (HEADER + MESSAGE) <= bytes, "more rows than there are bytes for");
        }
    });
}
