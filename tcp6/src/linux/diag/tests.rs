use super::*;
use crate::{Owner, OwnerPidRow, Row, State};

pub(super) const SEQUENCE: u32 = 7;
pub(super) const PORT: u32 = 4711;

/// A message from the kernel, in the answer to our request.
fn message(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
    message_to(SEQUENCE, PORT, kind, flags, payload)
}

/// A message in the answer to any request, with rubbish behind its end.
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
    // An attribute that nobody knows: length 5, type 99, one byte.
    bytes.extend([5, 0, 99, 0, 1, 0, 0, 0]);
    bytes
}

fn done() -> Vec<u8> {
    message(NLMSG_DONE, 0, &0i32.to_ne_bytes())
}

fn listener(port: u16) -> Vec<u8> {
    message(SOCK_DIAG_BY_FAMILY, 0, &diag(AF_INET6, 10, &format!("[::1]:{port}"), "[::]:0", 0, 99))
}

/// Reads the datagrams as one dump: the rows, and whether it ended.
fn read(datagrams: &[Vec<u8>]) -> Result<(Vec<OwnerPidRow>, Progress)> {
    let mut dump = Dump::new(SEQUENCE, PORT);
    let mut rows = Vec::new();
    let mut progress = Progress::More;
    for datagram in datagrams {
        assert_eq!(progress, Progress::More, "a datagram behind the end");
        progress = dump.read(datagram, |listed| {
            rows.push(listed.socket().to_row());
            Ok(())
        })?;
    }
    Ok((rows, progress))
}

fn ports(datagrams: &[Vec<u8>]) -> Vec<u16> {
    read(datagrams).unwrap().0.iter().map(|row| row.local().port()).collect()
}

#[test]
fn the_request_is_laid_out_as_the_kernel_reads_it() {
    let bytes = request(0x0102_0304, 0xFFE);
    assert_eq!(bytes.len(), 72);
    assert_eq!(u32_at(&bytes, 0), 72);
    assert_eq!(u16_at(&bytes, 4), 20);
    assert_eq!(u16_at(&bytes, 6), 0x301);
    assert_eq!(u32_at(&bytes, 8), 0x0102_0304);
    assert_eq!(bytes[16..20], [10, 6, 0, 0]);
    assert_eq!(u32_at(&bytes, 20), 0xFFE);
    assert_eq!(bytes[64..], [0xFF; 8]);
}

#[test]
fn a_message_is_a_row() {
    let established = diag(AF_INET6, 1, "[fe80::1]:443", "[fe80::2]:50000", 7, 99);
    let (rows, _) = read(&[message(SOCK_DIAG_BY_FAMILY, 0, &established)]).unwrap();
    assert_eq!(rows[0].state(), State::Established);
    assert_eq!(rows[0].local(), "[fe80::1%7]:443".parse().unwrap());
    assert_eq!(rows[0].remote(), Some("[fe80::2%7]:50000".parse().unwrap()));
    assert_eq!(rows[0].owner(), Owner::Unresolved);
}

#[test]
fn a_socket_bound_to_an_interface_has_a_scope_only_on_a_link() {
    let bound = diag(AF_INET6, 10, "[::]:443", "[::]:0", 2, 99);
    let (rows, _) = read(&[message(SOCK_DIAG_BY_FAMILY, 0, &bound)]).unwrap();
    assert_eq!(rows[0].local().scope_id(), 0);
}

#[test]
fn a_mapped_address_is_a_row_like_any_other() {
    let mapped = diag(AF_INET6, 6, "[::ffff:127.0.0.1]:80", "[::ffff:127.0.0.1]:50000", 0, 0);
    let (rows, _) = read(&[message(SOCK_DIAG_BY_FAMILY, 0, &mapped)]).unwrap();
    assert_eq!(rows[0].state(), State::TimeWait);
    assert_eq!(rows[0].local(), "[::ffff:127.0.0.1]:80".parse().unwrap());
    assert_eq!(rows[0].owner(), Owner::Nobody);
}

#[test]
fn the_end_may_stand_behind_rows_or_alone() {
    let both = [listener(1), done()].concat();
    assert_eq!(read(&[both]).unwrap().1, Progress::Done);
    let (rows, progress) = read(&[[listener(1), listener(2)].concat(), done()]).unwrap();
    assert_eq!((rows.len(), progress), (2, Progress::Done));
    assert_eq!(read(&[listener(1)]).unwrap().1, Progress::More);
    assert_eq!(read(&[message(NLMSG_DONE, 0, &[])]).unwrap().1, Progress::Done);
}

#[test]
fn an_errno_is_an_error_wherever_it_stands() {
    for kind in [NLMSG_DONE, NLMSG_ERROR] {
        let refused = message(kind, 0, &(-2i32).to_ne_bytes());
        let error = read(&[[listener(1), refused].concat()]).unwrap_err();
        assert!(matches!(error, Error::Os { call: CALL, .. }), "{error}");
        assert_eq!(error.raw_os_error(), Some(2));
    }
    let worst = message(NLMSG_DONE, 0, &i32::MIN.to_ne_bytes());
    assert_eq!(read(&[worst]).unwrap_err().raw_os_error(), Some(i32::MAX));
    assert!(matches!(read(&[message(NLMSG_DONE, 0, &[1, 2])]), Err(Error::Malformed(_))));
    assert!(matches!(read(&[message(NLMSG_OVERRUN, 0, &[])]), Err(Error::Os { .. })));
    // An acknowledgement, and a message that does nothing.
    assert!(read(&[message(NLMSG_ERROR, 0, &0i32.to_ne_bytes()), message(1, 0, &[])]).is_ok());
}

#[test]
fn answers_to_others_are_passed_over() {
    let other_request = message_to(SEQUENCE - 1, PORT, NLMSG_DONE, 0, &0i32.to_ne_bytes());
    let other_socket = message_to(SEQUENCE, PORT + 1, NLMSG_ERROR, 0, &(-1i32).to_ne_bytes());
    assert_eq!(ports(&[[other_request, other_socket, listener(5)].concat(), done()]), [5]);
}

#[test]
fn rows_of_another_family_are_passed_over() {
    let ipv4 = message(SOCK_DIAG_BY_FAMILY, 0, &diag(2, 10, "[::1]:1", "[::]:0", 0, 1));
    assert_eq!(ports(&[ipv4, listener(5)]), [5]);
}

#[test]
fn an_interruption_is_remembered() {
    let mut dump = Dump::new(SEQUENCE, PORT);
    dump.read(&listener(1), |_| Ok(())).unwrap();
    assert!(!dump.was_interrupted());
    dump.read(&message(NLMSG_DONE, NLM_F_DUMP_INTR, &0i32.to_ne_bytes()), |_| Ok(())).unwrap();
    assert!(dump.was_interrupted());
}

#[test]
fn lengths_that_lie_are_errors() {
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
fn a_datagram_that_is_cut_short_is_an_error_and_loses_nothing_silently() {
    let whole = [listener(1), listener(2)].concat();
    for cut in 1..whole.len() {
        let at_message = cut % listener(1).len() == 0;
        assert_eq!(read(&[whole[..cut].to_vec()]).is_ok(), at_message, "{cut}");
    }
}

#[test]
fn an_error_of_the_reader_ends_the_dump() {
    let mut dump = Dump::new(SEQUENCE, PORT);
    let full = dump.read(&listener(1), |_| Err(Error::OutOfMemory { bytes: 1 }));
    assert!(matches!(full, Err(Error::OutOfMemory { bytes: 1 })));
}

/// What is read as the answers to so many look-ups: the cookies and ports of what is found, and whether it is all.
fn looked_up(awaited: usize, datagrams: &[Vec<u8>]) -> Result<(Vec<(u64, u16)>, Progress)> {
    let mut look_ups = LookUps::new(SEQUENCE, PORT, awaited);
    let mut found = Vec::new();
    let mut progress = Progress::More;
    for datagram in datagrams {
        progress = look_ups.read(datagram, |listed| {
            found.push((listed.cookie(), listed.socket().to_row::<OwnerPidRow>().local().port()));
            Ok(())
        })?;
    }
    Ok((found, progress))
}

fn refused(errno: i32) -> Vec<u8> {
    message(NLMSG_ERROR, 0, &errno.wrapping_neg().to_ne_bytes())
}

#[test]
fn a_look_up_names_its_socket_as_the_dump_did() {
    let mut ids = Vec::new();
    let mut dump = Dump::new(SEQUENCE, PORT);
    let connection = diag(AF_INET6, 1, "[fe80::1]:443", "[fe80::2]:50000", 7, 99);
    dump.read(&message(SOCK_DIAG_BY_FAMILY, 0, &connection), |listed| {
        ids.push(listed.id());
        Ok(())
    })
    .unwrap();
    let bytes = look_up(0x0102_0304, &ids[0]);
    assert_eq!((u32_at(&bytes, 0), u16_at(&bytes, 4), u32_at(&bytes, 8)), (72, 20, 0x0102_0304));
    assert_eq!(u16_at(&bytes, 6), 1, "a request, and not for a dump");
    assert_eq!(bytes[16..20], [10, 6, 0, 0]);
    assert_eq!(bytes[24..], connection[4..52], "ends, interface and cookie");
    assert_eq!(ids[0].cookie(), 443);
}

#[test]
fn look_ups_are_over_when_each_has_an_answer() {
    let gone = || refused(ENOENT);
    for (datagrams, found, progress) in [
        (vec![gone(), listener(5), gone()], vec![(5, 5)], Progress::Done),
        (vec![[gone(), listener(5)].concat(), listener(6)], vec![(5, 5), (6, 6)], Progress::Done),
        (vec![gone(), listener(5)], vec![(5, 5)], Progress::More),
        (vec![], vec![], Progress::More),
    ] {
        assert_eq!(looked_up(3, &datagrams).unwrap(), (found, progress), "{datagrams:?}");
    }
    // What answers another request, or no request, is no answer.
    let strange = message_to(SEQUENCE - 1, PORT, NLMSG_ERROR, 0, &(-ENOENT).to_ne_bytes());
    let others = [strange, message_to(SEQUENCE, PORT + 1, NLMSG_ERROR, 0, &[0; 4]), refused(0), message(1, 0, &[])];
    assert_eq!(looked_up(1, &others).unwrap().1, Progress::More);
}

#[test]
fn a_look_up_that_fails_is_an_error() {
    for errno in [1, 12, 105, i32::MAX] {
        assert_eq!(looked_up(2, &[refused(ENOENT), refused(errno)]).unwrap_err().raw_os_error(), Some(errno));
    }
    assert!(matches!(looked_up(1, &[message(NLMSG_OVERRUN, 0, &[])]), Err(Error::Os { .. })));
    assert!(matches!(looked_up(1, &[message(NLMSG_ERROR, 0, &[1, 2])]), Err(Error::Malformed(_))));
    assert!(matches!(looked_up(1, &[message(SOCK_DIAG_BY_FAMILY, 0, &[AF_INET6; 71])]), Err(Error::Malformed(_))));
    assert!(matches!(looked_up(1, &[listener(1)[..50].to_vec()]), Err(Error::Malformed(_))));
}
