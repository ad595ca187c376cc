use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use super::script::{Answer, PORT, Script, Step};
use super::*;
use crate::error::Malformed;
use crate::row::class::BasicRow;
use crate::system::linux::listing::is_refusal;
use crate::system::linux::netlink::conn::{DATAGRAM, MAX_FOREIGN_DATAGRAMS, RECV, RECV_TIMEOUT, SEND};
use crate::table::buffer::Buffer;

pub(in crate::system::linux) fn netlink(answers: impl IntoIterator<Item = Answer>) -> SockDiag<Script> {
    SockDiag::over(Script::new(answers), PORT)
}

/// The ports of a refresh.
pub(in crate::system::linux) fn refresh<T: Transport>(netlink: &mut SockDiag<T>) -> (Result<Vec<u16>>, usize) {
    let (rows, waits) = refresh_rows(netlink);
    (rows.map(|rows| rows.iter().map(|row| row.local().port()).collect()), waits)
}

/// A refresh as the system does it: the rows, and how often there was a wait.
pub(in crate::system::linux) fn refresh_rows<T: Transport>(
    netlink: &mut SockDiag<T>,
) -> (Result<Vec<BasicRow>>, usize) {
    let mut buffer = Buffer::new();
    let mut waits = 0;
    let dump = || {
        let mut writer = buffer.writer::<BasicRow>();
        netlink.dump(u32::MAX, |socket| writer.push(&socket.to_row()))?;
        Ok(writer.finish()?)
    };
    let done = retry(dump, |time| {
        assert_eq!(time, WAIT);
        waits += 1;
    });
    assert_eq!(buffer.class().is_some(), done.is_ok(), "an error leaves no table behind");
    (done.and_then(|()| Ok(buffer.table::<BasicRow>()?.to_vec())), waits)
}

pub(in crate::system::linux) fn ports(netlink: &mut SockDiag<Script>) -> Vec<u16> {
    refresh(netlink).0.unwrap()
}

fn error(netlink: &mut SockDiag<Script>) -> Error {
    refresh(netlink).0.unwrap_err()
}

/// A dump of two datagrams and an end.
fn good() -> Answer {
    [Step::Rows(vec![1, 2]), Step::Rows(vec![3]), Step::Done(vec![], 0)].into()
}

#[test]
fn done_may_come_alone_or_behind_rows() {
    let behind = [Step::Rows(vec![1]), Step::Done(vec![2, 3], 0)].into();
    let nothing = [Step::Done(vec![], 0)].into();
    let mut netlink = netlink([good(), behind, nothing, good()]);
    for rows in [&[1, 2, 3][..], &[1, 2, 3], &[], &[1, 2, 3]] {
        assert_eq!(ports(&mut netlink), rows);
    }
    let script = &netlink.conn.transport;
    assert_eq!((script.sends, script.receives), (4, 3 + 2 + (1 + 3) + 3), "nothing is drained that is no more");
    assert_eq!(script.look_ups, [3], "those that were gone in the third");
}

#[test]
fn a_call_that_is_interrupted_is_made_again() {
    let sending = vec![Errno::INTR; 3].into();
    let steps = [Step::Fails(Errno::INTR), Step::Rows(vec![1]), Step::Fails(Errno::INTR), Step::Done(vec![], 0)];
    let mut netlink = netlink([Answer { sending, steps: steps.into() }]);
    assert_eq!(ports(&mut netlink), [1]);
    let script = &netlink.conn.transport;
    assert_eq!((script.sends, script.receives), (4, 4));
}

/// A moment's shortage, wherever it is told of.
fn shortages() -> [Answer; 8] {
    let sending = |errno| Answer { sending: [errno].into(), ..Answer::default() };
    let row = || Step::Rows(vec![9]);
    [
        sending(Errno::NOBUFS),
        sending(Errno::NOMEM),
        [row(), Step::Fails(Errno::NOBUFS), row(), Step::Done(vec![], 0)].into(),
        [row(), Step::Fails(Errno::NOMEM), row(), Step::Done(vec![], 0)].into(),
        [Step::Refused(Errno::NOBUFS.raw_os_error()), row(), Step::Done(vec![9], 0)].into(),
        [Step::Refused(Errno::NOMEM.raw_os_error())].into(),
        [row(), Step::Done(vec![9], Errno::NOBUFS.raw_os_error())].into(),
        [row(), Step::Done(vec![9], Errno::NOMEM.raw_os_error())].into(),
    ]
}

#[test]
fn no_buffer_space_is_tried_again_and_then_unstable() {
    for shortage in shortages() {
        let mut once = netlink([shortage.clone(), good()]);
        assert_eq!(ports(&mut once), [1, 2, 3], "{shortage:?}");

        let mut ever = netlink(vec![shortage.clone(); 17]);
        let (done, waits) = refresh(&mut ever);
        assert!(matches!(done, Err(Error::Unstable { attempts: 16, .. })), "{shortage:?}: {done:?}");
        assert_eq!(waits, 12, "{shortage:?}");
    }
    let first = shortages()[0].clone();
    let error = error(&mut netlink(vec![first; 16]));
    assert_eq!(error.raw_os_error(), Some(Errno::NOBUFS.raw_os_error()));
}

#[test]
fn an_interrupted_dump_is_read_again_whole() {
    let interrupted: Answer = [Step::Rows(vec![8]), Step::Interrupted(vec![9]), Step::Done(vec![], 0)].into();
    let mut netlink =
        netlink(std::iter::repeat_n(interrupted.clone(), 15).chain([good()]).chain(vec![interrupted; 16]));
    let (done, waits) = refresh(&mut netlink);
    assert_eq!((done.unwrap(), waits), (vec![1, 2, 3], 12));
    assert_eq!(netlink.conn.transport.drained(), 0, "an interrupted dump is received to its end");
    let error = error(&mut netlink);
    assert!(matches!(error, Error::Unstable { attempts: 16, .. }), "{error}");
    assert_eq!(error.raw_os_error(), Some(Errno::INTR.raw_os_error()));
}

#[test]
fn a_dump_that_stopped_between_two_datagrams_is_received_before_there_is_another() {
    let stopped = [Step::Rows(vec![8]), Step::Fails(Errno::NOBUFS), Step::Rows(vec![9]), Step::Done(vec![9], 0)];
    let mut netlink = netlink([stopped.into(), good()]);
    assert_eq!(ports(&mut netlink), [1, 2, 3]);
    // The second request is refused, and sets the old dump going, which is received before the third.
    let script = &netlink.conn.transport;
    assert_eq!((script.sends, script.said.as_slice()), (3, &[105, 16][..]));
}

#[test]
fn what_is_left_of_a_dump_is_drained_before_the_next() {
    let mut netlink = netlink([good(), [Step::Rows(vec![7]), Step::Large, Step::Done(vec![9], 0)].into(), good()]);
    // The reader gives up at the second row.
    let mut read = 0;
    let gave_up = netlink.dump(u32::MAX, |_| {
        read += 1;
        if read == 2 { Err(Error::OutOfMemory { bytes: 1 }) } else { Ok(()) }
    });
    assert!(matches!(gave_up, Err(Failure::Lasting(Error::OutOfMemory { .. }))));
    // Another dump that is not read to its end; and what is left of it has an end and rows of its own.
    assert!(matches!(error(&mut netlink), Error::Malformed(_)));
    assert_eq!(ports(&mut netlink), [1, 2, 3]);
    let script = &netlink.conn.transport;
    assert_eq!((script.sends, script.drained(), script.waited), (3, 2, 0));
    assert!(script.said.is_empty(), "none was refused for another");
}

#[test]
fn a_datagram_larger_than_the_room_is_an_error() {
    let error = error(&mut netlink([[Step::Rows(vec![1]), Step::Large, Step::Done(vec![], 0)].into(), good()]));
    let Error::Malformed(Malformed::Message { length, bytes }) = error else { panic!("{error}") };
    assert_eq!((length, bytes), (DATAGRAM + 1, DATAGRAM));
}

#[test]
fn datagrams_of_others_are_passed_over_and_not_for_ever() {
    let many = MAX_FOREIGN_DATAGRAMS as usize - 1;
    let patient =
        [Step::Others(1), Step::Rows(vec![1]), Step::Others(many), Step::Rows(vec![2]), Step::Done(vec![], 0)];
    assert_eq!(ports(&mut netlink([patient.into()])), [1, 2]);

    let flooded = [Step::Rows(vec![1]), Step::Others(5 * many), Step::Done(vec![], 0)];
    let mut netlink = netlink([flooded.into(), good()]);
    // At first while rows are expected, then while what is left is drained.
    for flood in ["dumped", "drained"] {
        let error = error(&mut netlink);
        assert!(matches!(error, Error::Os { call: RECV, .. }), "{flood}: {error}");
        assert!(error.to_string().contains("received 1000 datagrams, none from the kernel"), "{flood}: {error}");
    }
    assert_eq!(netlink.conn.transport.receives, 1 + 2 * MAX_FOREIGN_DATAGRAMS as usize);
}

#[test]
fn a_foreign_sequence_or_port_is_no_row() {
    let steps = [Step::Strange(1, 0), Step::Rows(vec![1]), Step::Strange(0, 1), Step::Done(vec![2], 0)];
    let mut netlink = netlink([good(), steps.into()]);
    for rows in [&[1, 2, 3][..], &[1, 2]] {
        assert_eq!(ports(&mut netlink), rows);
    }
}

#[test]
fn a_socket_that_is_closed_under_it_is_an_error() {
    for errno in [Errno::BADF, Errno::NOTCONN] {
        let sending = Answer { sending: [errno].into(), ..Answer::default() };
        let receiving = [Step::Rows(vec![1]), Step::Fails(errno), Step::Done(vec![], 0)].into();
        for (answer, call) in [(sending, SEND), (receiving, RECV)] {
            let mut netlink = netlink([answer, good()]);
            let error = error(&mut netlink);
            assert!(matches!(error, Error::Os { call: named, .. } if named == call), "{error}");
            assert_eq!(error.raw_os_error(), Some(errno.raw_os_error()));
            assert_eq!(netlink.conn.transport.sends, 1);
        }
    }
}

#[test]
fn a_dump_without_an_answer_times_out_once() {
    for steps in [vec![Step::Silence], vec![Step::Rows(vec![1]), Step::Silence], vec![Step::Rows(vec![1])]] {
        let mut netlink = netlink([Answer { steps: steps.into(), ..Answer::default() }, good()]);
        let (done, waits) = refresh(&mut netlink);
        let Err(Error::Os { call: RECV, source }) = done else { panic!("{done:?}") };
        assert_eq!(source.kind(), io::ErrorKind::TimedOut);
        assert_eq!((netlink.conn.transport.sends, netlink.conn.transport.waited, waits), (1, 1, 0));
    }
}

#[test]
fn what_is_passing_or_the_fault_of_this_process_is_no_refusal() {
    for errno in [Errno::PROTONOSUPPORT, Errno::AFNOSUPPORT, Errno::OPNOTSUPP, Errno::NOENT, Errno::ACCESS, Errno::PERM]
    {
        assert!(is_refusal(errno.raw_os_error()), "{errno}");
    }
    for errno in TRANSIENT.into_iter().chain([Errno::MFILE, Errno::NFILE, Errno::INTR, Errno::AGAIN, Errno::INVAL]) {
        assert!(!is_refusal(errno.raw_os_error()), "{errno}");
    }
}

#[test]
fn a_refusal_inside_the_dump_is_told_as_such() {
    // Those for which the text is read instead, and others, which are errors.
    let refusals = [Errno::NOENT, Errno::PERM, Errno::ACCESS, Errno::OPNOTSUPP, Errno::NOSYS, Errno::CONNREFUSED];
    let others = [Errno::INVAL, Errno::IO, Errno::AGAIN, Errno::INTR];
    for errno in refusals.into_iter().chain(others) {
        let code = errno.raw_os_error();
        let by_call = Answer { sending: [errno].into(), ..Answer::default() };
        let answers = [
            [Step::Refused(code)].into(),
            [Step::Done(vec![], code)].into(),
            [Step::Rows(vec![1]), Step::Done(vec![2], code)].into(),
        ];
        let by_call = (errno != Errno::INTR).then_some(by_call);
        for answer in answers.into_iter().chain(by_call) {
            let mut netlink = netlink([answer, good()]);
            let error = error(&mut netlink);
            assert!(matches!(error, Error::Os { .. }), "{error}");
            assert_eq!(error.raw_os_error(), Some(code));
            assert_eq!(is_refusal(code), refusals.contains(&errno), "{error}");
            assert_eq!(netlink.conn.transport.sends, 1);
            // The socket goes on all the same.
            assert_eq!(ports(&mut netlink), [1, 2, 3]);
        }
    }
}

#[test]
fn a_socket_that_is_listed_twice_is_one_row() {
    let twice = [Step::Rows(vec![1, 2, 3]), Step::Rows(vec![2, 3, 4]), Step::Done(vec![4, 5], 0)];
    assert_eq!(ports(&mut netlink([twice.into()])), [1, 2, 3, 4, 5]);
}

#[test]
fn signals_do_not_postpone_the_deadline() {
    let mut netlink = netlink([[Step::Rows(vec![1]), Step::Silence].into()]);
    netlink.conn.transport.signals = true;
    let error = error(&mut netlink);
    assert_eq!(error.raw_os_error(), Some(Errno::INTR.raw_os_error()), "{error}");
    let clock = netlink.conn.transport.clock;
    assert!(RECV_TIMEOUT <= clock && clock <= RECV_TIMEOUT + Duration::from_secs(1), "{clock:?}");

    let mut netlink = self::netlink([[Step::Rows(vec![1]), Step::Silence].into()]);
    netlink.conn.transport.wait_signals = true;
    let error = self::error(&mut netlink);
    assert!(matches!(&error, Error::Os { source, .. } if source.kind() == io::ErrorKind::TimedOut), "{error}");
    assert_eq!(netlink.conn.transport.clock, RECV_TIMEOUT);

    let sending = vec![Errno::INTR; 200_000].into();
    let mut netlink = self::netlink([Answer { sending, ..Answer::default() }]);
    netlink.conn.transport.tick = Duration::from_millis(1);
    let error = self::error(&mut netlink);
    assert!(matches!(error, Error::Os { call: SEND, .. }), "{error}");
    assert!(netlink.conn.transport.clock <= RECV_TIMEOUT + Duration::from_secs(1));
}

#[test]
fn foreign_datagrams_do_not_postpone_the_deadline() {
    // One arrives during each wait.
    let mut netlink = netlink([[Step::Rows(vec![1]), Step::Silence].into()]);
    netlink.conn.transport.foreign_every = Some(Duration::from_secs(3));
    let (done, _) = refresh(&mut netlink);
    let Err(Error::Os { call: RECV, source }) = done else { panic!("{done:?}") };
    assert_eq!(source.kind(), io::ErrorKind::TimedOut);
    assert_eq!(source.to_string(), "timed out after 10 s waiting for a sock_diag reply");
    assert_eq!(netlink.conn.transport.clock, RECV_TIMEOUT);
}

/// So that there is a row at least, a dump takes two datagrams and goes on after the request.
pub(in crate::system::linux) fn bound() -> impl Sized {
    let socket = socket_with(AddressFamily::INET6, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    rustix::net::bind(&socket, &std::net::SocketAddrV6::new(std::net::Ipv6Addr::LOCALHOST, 0, 0, 0)).unwrap();
    rustix::net::listen(&socket, 1).unwrap();
    socket
}

#[test]
fn the_kernel_itself_is_drained_and_asked_again() {
    let _listener = bound();
    let mut netlink = SockDiag::open().unwrap();
    // A dump that nobody knows of: the next is refused, which sets the old one going.
    netlink.conn.transport.send(&request(77, u32::MAX)).unwrap();
    let refused = netlink.dump(1 << 10, |_| Ok(()));
    let Err(Failure::Passing(error)) = refused else { panic!("{refused:?}") };
    assert_eq!(error.raw_os_error(), Some(Errno::BUSY.raw_os_error()));
    assert!(netlink.dump(1 << 10, |_| Ok(())).is_ok());
    // And one that is given up at its first row.
    assert!(netlink.dump(1 << 10, |_| Err(Error::OutOfMemory { bytes: 1 })).is_err());
    assert!(!refresh(&mut netlink).0.unwrap().is_empty());
}
