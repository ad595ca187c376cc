use super::message::MESSAGE;
use super::*;
use crate::row::class::OwnerPidRow;
use crate::row::owner::Owner;
use crate::row::state::State;
use crate::stats::kinds::StatsKinds;

pub(super) const SEQUENCE: u32 = 7;
pub(super) const PORT: u32 = 4711;

/// A message in the reply to the request [`SEQUENCE`] of the socket [`PORT`].
fn message(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
    message_to(SEQUENCE, PORT, kind, flags, payload)
}

/// A message in the reply to any request, with nonzero padding.
pub(super) fn message_to(sequence: u32, port: u32, kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(((HEADER + payload.len()) as u32).to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(port.to_ne_bytes());
    bytes.extend(payload);
    bytes.resize(bytes.len().next_multiple_of(4), 0xEE);
    bytes
}

fn diag(family: u8, state: u8, local: &str, remote: &str, interface: u32, inode: u32) -> Vec<u8> {
    let (local, remote): (std::net::SocketAddrV6, std::net::SocketAddrV6) =
        (local.parse().unwrap(), remote.parse().unwrap());
    let mut bytes = vec![family, state, 0, 0];
    bytes.extend(local.port().to_be_bytes());
    bytes.extend(remote.port().to_be_bytes());
    bytes.extend(local.ip().octets());
    bytes.extend(remote.ip().octets());
    bytes.extend(interface.to_ne_bytes());
    bytes.resize(MESSAGE - 4, 0xEE);
    // The kernel sends a cookie as two words, each in native order, the lower one first.
    bytes[44..48].copy_from_slice(&u32::from(local.port()).to_ne_bytes());
    bytes[48..52].copy_from_slice(&0u32.to_ne_bytes());
    bytes.extend(inode.to_ne_bytes());
    // An unknown attribute: length 5, type 99, one byte, padding.
    bytes.extend([5, 0, 99, 0, 1, 0, 0, 0]);
    bytes
}

fn done() -> Vec<u8> {
    message(NLMSG_DONE, 0, &0i32.to_ne_bytes())
}

fn listener(port: u16) -> Vec<u8> {
    message(SOCK_DIAG_BY_FAMILY, 0, &diag(AF_INET6, 10, &format!("[::1]:{port}"), "[::]:0", 0, 99))
}

/// Reads the datagrams as one dump: the rows and the progress.
fn read(datagrams: &[Vec<u8>]) -> Result<(Vec<OwnerPidRow>, Progress)> {
    let mut dump = Dump::new(SEQUENCE, PORT);
    let mut rows = Vec::new();
    let mut progress = Progress::More;
    for datagram in datagrams {
        assert_eq!(progress, Progress::More, "a datagram after the end");
        progress = dump.read(datagram, |message| {
            rows.push(message.socket().to_row());
            Ok(())
        })?;
    }
    Ok((rows, progress))
}

fn ports(datagrams: &[Vec<u8>]) -> Vec<u16> {
    read(datagrams).unwrap().0.iter().map(|row| row.local().port()).collect()
}

#[test]
fn the_request_has_the_layout_of_the_kernel() {
    let bytes = dump_request(0x0102_0304, 0xFFE, &SockId::ANY, Extensions::of(StatsKinds::DATA));
    assert_eq!(bytes.len(), 72);
    assert_eq!(u32_at(&bytes, 0), 72);
    assert_eq!(u16_at(&bytes, 4), 20);
    assert_eq!(u16_at(&bytes, 6), 0x301);
    assert_eq!(u32_at(&bytes, 8), 0x0102_0304);
    assert_eq!(bytes[16..20], [10, 6, 1 << 1, 0]);
    assert_eq!(u32_at(&bytes, 20), 0xFFE);
    assert_eq!(bytes[64..], [0xFF; 8]);
}

#[test]
fn converts_a_message_to_a_row() {
    let established = diag(AF_INET6, 1, "[fe80::1]:443", "[fe80::2]:50000", 7, 99);
    let (rows, _) = read(&[message(SOCK_DIAG_BY_FAMILY, 0, &established)]).unwrap();
    assert_eq!(rows[0].state(), State::Established);
    assert_eq!(rows[0].local(), "[fe80::1%7]:443".parse().unwrap());
    assert_eq!(rows[0].remote(), Some("[fe80::2%7]:50000".parse().unwrap()));
    assert_eq!(rows[0].owner(), Owner::Unresolved);
}

#[test]
fn a_bound_interface_is_no_scope_id_of_a_global_address() {
    let bound = diag(AF_INET6, 10, "[::]:443", "[::]:0", 2, 99);
    let (rows, _) = read(&[message(SOCK_DIAG_BY_FAMILY, 0, &bound)]).unwrap();
    assert_eq!(rows[0].local().scope_id(), 0);
}

#[test]
fn lists_v4_mapped_addresses() {
    let mapped = diag(AF_INET6, 6, "[::ffff:127.0.0.1]:80", "[::ffff:127.0.0.1]:50000", 0, 0);
    let (rows, _) = read(&[message(SOCK_DIAG_BY_FAMILY, 0, &mapped)]).unwrap();
    assert_eq!(rows[0].state(), State::TimeWait);
    assert_eq!(rows[0].local(), "[::ffff:127.0.0.1]:80".parse().unwrap());
    assert_eq!(rows[0].owner(), Owner::Nobody);
}

#[test]
fn accepts_done_after_rows_or_alone() {
    let both = [listener(1), done()].concat();
    assert_eq!(read(&[both]).unwrap().1, Progress::Done);
    let (rows, progress) = read(&[[listener(1), listener(2)].concat(), done()]).unwrap();
    assert_eq!((rows.len(), progress), (2, Progress::Done));
    assert_eq!(read(&[listener(1)]).unwrap().1, Progress::More);
    assert_eq!(read(&[message(NLMSG_DONE, 0, &[])]).unwrap().1, Progress::Done);
}

#[test]
fn reports_the_errno_of_done_and_error_messages() {
    for kind in [NLMSG_DONE, NLMSG_ERROR] {
        let failed = message(kind, 0, &(-2i32).to_ne_bytes());
        let error = read(&[[listener(1), failed].concat()]).unwrap_err();
        assert!(matches!(error, Error::Os { call: CALL, .. }), "{error}");
        assert_eq!(error.raw_os_error(), Some(2));
    }
    let minimum = message(NLMSG_DONE, 0, &i32::MIN.to_ne_bytes());
    assert_eq!(read(&[minimum]).unwrap_err().raw_os_error(), Some(i32::MAX));
    assert!(matches!(read(&[message(NLMSG_DONE, 0, &[1, 2])]), Err(Error::Malformed(_))));
    assert!(matches!(read(&[message(NLMSG_OVERRUN, 0, &[])]), Err(Error::Os { .. })));
    // An acknowledgement, and NLMSG_NOOP.
    assert!(read(&[message(NLMSG_ERROR, 0, &0i32.to_ne_bytes()), message(1, 0, &[])]).is_ok());
}

#[test]
fn skips_replies_to_other_requests_and_sockets() {
    let other_request = message_to(SEQUENCE - 1, PORT, NLMSG_DONE, 0, &0i32.to_ne_bytes());
    let other_socket = message_to(SEQUENCE, PORT + 1, NLMSG_ERROR, 0, &(-1i32).to_ne_bytes());
    assert_eq!(ports(&[[other_request, other_socket, listener(5)].concat(), done()]), [5]);
}

#[test]
fn skips_sockets_of_another_family() {
    let ipv4 = message(SOCK_DIAG_BY_FAMILY, 0, &diag(2, 10, "[::1]:1", "[::]:0", 0, 1));
    assert_eq!(ports(&[ipv4, listener(5)]), [5]);
}

#[test]
fn reports_an_interrupted_dump() {
    let mut dump = Dump::new(SEQUENCE, PORT);
    dump.read(&listener(1), |_| Ok(())).unwrap();
    assert!(!dump.was_interrupted());
    dump.read(&message(NLMSG_DONE, NLM_F_DUMP_INTR, &0i32.to_ne_bytes()), |_| Ok(())).unwrap();
    assert!(dump.was_interrupted());
}

#[test]
fn invalid_lengths_are_malformed() {
    let good = listener(1);
    for length in [0u32, 3, 15, good.len() as u32 + 1, u32::MAX] {
        let mut bad = good.clone();
        bad[..4].copy_from_slice(&length.to_ne_bytes());
        assert!(matches!(read(&[bad]), Err(Error::Malformed(Malformed::Message { .. }))), "{length}");
    }
    // Long enough for a header, too short for a socket.
    assert!(matches!(read(&[message(SOCK_DIAG_BY_FAMILY, 0, &[AF_INET6; 71])]), Err(Error::Malformed(_))));
}

#[test]
fn a_datagram_truncated_within_a_message_is_malformed() {
    let whole = [listener(1), listener(2)].concat();
    for cut in 1..whole.len() {
        let at_message = cut % listener(1).len() == 0;
        assert_eq!(read(&[whole[..cut].to_vec()]).is_ok(), at_message, "{cut}");
    }
}

#[test]
fn an_error_of_the_callback_ends_the_dump() {
    let mut dump = Dump::new(SEQUENCE, PORT);
    let failed = dump.read(&listener(1), |_| Err(Error::OutOfMemory { bytes: 1 }));
    assert!(matches!(failed, Err(Error::OutOfMemory { bytes: 1 })));
}

/// The ids of connections from these ports, as a dump lists them.
fn ids(ports: &[u16]) -> Vec<SockId> {
    ports.iter().map(|port| InetDiagMsg::new(&connection(*port)).unwrap().unwrap().id()).collect()
}

fn connection(port: u16) -> Vec<u8> {
    diag(AF_INET6, 1, &format!("[fe80::1]:{port}"), "[fe80::2]:50000", 7, 99)
}

/// The reply with a socket to the look-up with this index.
fn found(index: u32, payload: &[u8]) -> Vec<u8> {
    message_to(SEQUENCE.wrapping_add(index), PORT, SOCK_DIAG_BY_FAMILY, 0, payload)
}

/// The reply with an errno to the look-up with this index.
fn refused(index: u32, errno: i32) -> Vec<u8> {
    message_to(SEQUENCE.wrapping_add(index), PORT, NLMSG_ERROR, 0, &errno.wrapping_neg().to_ne_bytes())
}

/// Reads datagrams as replies to look-ups of these ports.
///
/// Returns the cookie of each reply and whether the socket was found, the last result of `read`, and the indices of the
/// answered look-ups.
fn looked_up(ports: &[u16], datagrams: &[Vec<u8>]) -> (Vec<(u64, bool)>, Result<Progress>, Vec<usize>) {
    let ids = ids(ports);
    let mut look_ups = LookUps::new(SEQUENCE, PORT, &ids);
    let mut replies = Vec::new();
    let mut progress = Ok(Progress::More);
    for datagram in datagrams {
        progress = look_ups.read(datagram, |reply| {
            replies.push(match reply {
                Reply::Found(message) => (message.id().cookie(), true),
                Reply::Gone(id) => (id.cookie(), false),
            });
            Ok(())
        });
        if progress.is_err() {
            break;
        }
    }
    let answered = (0..ids.len()).filter(|index| look_ups.is_answered(*index)).collect();
    (replies, progress, answered)
}

const ENOENT: i32 = 2;
const ESTALE: i32 = 116;

#[test]
fn a_look_up_requests_the_id_from_the_dump() {
    let ids = ids(&[443, 80]);
    let look_ups = LookUps::new(0xFFFF_FFFF, PORT, &ids);
    let mut buffer = [[0; REQUEST]; MAX_BATCH];
    let bytes = look_ups.requests(Extensions::of(StatsKinds::all()), &mut buffer);
    assert_eq!(bytes.len(), 2 * REQUEST);
    for (request, (sequence, port)) in bytes.chunks(REQUEST).zip([(0xFFFF_FFFF, 443), (0, 80)]) {
        assert_eq!((u32_at(request, 0), u16_at(request, 4), u32_at(request, 8)), (72, 20, sequence));
        assert_eq!(u16_at(request, 6), 1, "NLM_F_REQUEST without NLM_F_DUMP");
        assert_eq!(request[16..20], [10, 6, 0b0100_1010, 0], "INFO, CONG and SKMEMINFO");
        assert_eq!(request[24..], connection(port)[4..52], "ends, interface and cookie");
    }
    assert_eq!(ids[0].cookie(), 443);
    assert!(!ids[0].is_listener() && InetDiagMsg::new(&listener(1)[HEADER..]).unwrap().unwrap().id().is_listener());
}

#[test]
fn each_reply_belongs_to_the_look_up_with_its_sequence_number() {
    // Replies may arrive in any order and in any number of datagrams.
    let replies = [found(2, &connection(3)), refused(0, ENOENT), refused(1, ESTALE)];
    let expected = [(3, true), (1, false), (2, false)];
    for datagrams in [vec![replies.concat()], replies.to_vec()] {
        let (read, progress, answered) = looked_up(&[1, 2, 3], &datagrams);
        assert_eq!((read, progress.unwrap(), answered), (expected.to_vec(), Progress::Done, vec![0, 1, 2]));
    }
    let (read, progress, answered) = looked_up(&[1, 2, 3], &replies[..2]);
    assert_eq!((read, progress.unwrap(), answered), (expected[..2].to_vec(), Progress::More, vec![0, 2]));
}

#[test]
fn a_reply_with_another_socket_means_gone() {
    let wrong_cookie = {
        let mut bytes = connection(1);
        bytes[44] ^= 1;
        bytes
    };
    let ipv4 = diag(2, 1, "[fe80::1]:1", "[fe80::2]:50000", 7, 99);
    let another_end = diag(AF_INET6, 1, "[fe80::1]:1", "[fe80::2]:50001", 7, 99);
    // It has closed after the kernel found it.
    let closed = diag(AF_INET6, 7, "[fe80::1]:1", "[fe80::2]:50000", 7, 99);
    for reply in [wrong_cookie, ipv4, another_end, closed] {
        assert_eq!(looked_up(&[1], &[found(0, &reply)]).0, [(1, false)]);
    }
    // SO_BINDTODEVICE may change the interface between the dump and the look-up.
    let another_interface = diag(AF_INET6, 1, "[fe80::1]:1", "[fe80::2]:50000", 8, 99);
    assert_eq!(looked_up(&[1], &[found(0, &another_interface)]).0, [(1, true)]);
}

#[test]
fn skips_replies_to_no_look_up_and_further_replies() {
    let others = [
        refused(u32::MAX, ENOENT),
        refused(1, ENOENT),
        message_to(SEQUENCE, PORT + 1, NLMSG_ERROR, 0, &[0xFF; 4]),
        refused(0, 0),
        message_to(SEQUENCE, PORT, 1, 0, &[]),
    ];
    let (read, progress, answered) = looked_up(&[1], &others);
    assert_eq!((read, progress.unwrap(), answered), (vec![], Progress::More, vec![]));
    // Further replies to an answered look-up are skipped.
    let (read, ..) = looked_up(&[1, 2], &[found(0, &connection(1)), found(0, &connection(1)), refused(0, 12)]);
    assert_eq!(read, [(1, true)]);
}

#[test]
fn a_failed_look_up_keeps_the_earlier_replies() {
    for errno in [1, 12, 105, i32::MAX] {
        let (read, progress, answered) = looked_up(&[1, 2, 3], &[refused(0, ENOENT), refused(1, errno)]);
        assert_eq!(progress.unwrap_err().raw_os_error(), Some(errno));
        assert_eq!((read, answered), (vec![(1, false)], vec![0]));
    }
    let of = |datagram| looked_up(&[1], &[datagram]).1;
    assert!(matches!(of(message(NLMSG_OVERRUN, 0, &[])), Err(Error::Os { .. })));
    assert!(matches!(of(message(NLMSG_ERROR, 0, &[1, 2])), Err(Error::Malformed(_))));
    assert!(matches!(of(message(SOCK_DIAG_BY_FAMILY, 0, &[AF_INET6; 71])), Err(Error::Malformed(_))));
    assert!(matches!(of(found(0, &connection(1))[..50].to_vec()), Err(Error::Malformed(_))));
}
