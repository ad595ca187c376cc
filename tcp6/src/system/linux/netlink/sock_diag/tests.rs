use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use super::script::{Answer, PORT, Script, Step};
use super::*;
use crate::error::Malformed;
use crate::row::class::BasicRow;
use crate::system::linux::listing::is_refusal;
use crate::system::linux::netlink::conn::{DATAGRAM, MAX_FOREIGN_DATAGRAMS, RECV, RECV_TIMEOUT, SEND};
use crate::system::linux::netlink::inet_diag::{REQUEST, SockId, dump_request};
use crate::table::buffer::Buffer;
use crate::table::query::Query;

/// The size of a request with the program for one port at either end: two alternatives of 16 bytes
/// and a jump.
const PROGRAM: usize = REQUEST + 4 + 2 * 16 + 4;

pub(in crate::system::linux) fn netlink(answers: impl IntoIterator<Item = Answer>) -> SockDiag<Script> {
    SockDiag::over(Script::new(answers), PORT)
}

/// Makes look-ups find these sockets.
pub(in crate::system::linux) fn keep_alive(netlink: &mut SockDiag<Script>, ports: impl IntoIterator<Item = u16>) {
    netlink.conn.transport.alive.extend(ports);
}

/// Refreshes and returns the local ports of the rows, and the number of waits between attempts.
pub(in crate::system::linux) fn refresh<T: Transport>(netlink: &mut SockDiag<T>) -> (Result<Vec<u16>>, usize) {
    let (rows, waits) = refresh_rows(netlink);
    (rows.map(|rows| rows.iter().map(|row| row.local().port()).collect()), waits)
}

/// Refreshes as `Listing` does, and returns the rows and the number of waits between attempts.
pub(in crate::system::linux) fn refresh_rows<T: Transport>(
    netlink: &mut SockDiag<T>,
) -> (Result<Vec<BasicRow>>, usize) {
    let mut buffer = Buffer::new();
    let mut waits = 0;
    let dump = || {
        let mut writer = buffer.writer::<BasicRow>();
        netlink.dump(&Selection::in_states(u32::MAX), Extensions::NONE, Closed::default(), |socket, _| {
            writer.push(&socket.to_row())
        })?;
        Ok(writer.finish()?)
    };
    let done = retry(dump, |time| {
        assert_eq!(time, WAIT);
        waits += 1;
    });
    assert_eq!(buffer.class().is_some(), done.is_ok(), "a table if and only if there is no error");
    (done.and_then(|()| Ok(buffer.table::<BasicRow>()?.to_vec())), waits)
}

pub(in crate::system::linux) fn ports(netlink: &mut SockDiag<Script>) -> Vec<u16> {
    refresh(netlink).0.unwrap()
}

fn error(netlink: &mut SockDiag<Script>) -> Error {
    refresh(netlink).0.unwrap_err()
}

/// A dump of two datagrams, and NLMSG_DONE in a third.
fn good() -> Answer {
    [Step::Rows(vec![1, 2]), Step::Rows(vec![3]), Step::Done(vec![], 0)].into()
}

#[test]
fn accepts_done_alone_or_after_rows() {
    let after_rows = [Step::Rows(vec![1]), Step::Done(vec![2, 3], 0)].into();
    let alone = [Step::Done(vec![], 0)].into();
    let mut netlink = netlink([good(), after_rows, alone, good()]);
    for rows in [&[1, 2, 3][..], &[1, 2, 3], &[], &[1, 2, 3]] {
        assert_eq!(ports(&mut netlink), rows);
    }
    let script = &netlink.conn.transport;
    assert_eq!((script.sends, script.receives), (4, 3 + 2 + (1 + 3) + 3), "a complete reply is not drained");
    assert_eq!(script.look_ups, [3], "the rows that the third dump lacks");
}

fn refresh_selected(netlink: &mut SockDiag<Script>, query: &Query) -> Result<Vec<u8>> {
    let selection = Selection::of(query);
    let mut states = Vec::new();
    retry(
        || {
            states.clear();
            netlink.dump(&selection, Extensions::NONE, Closed::default(), |socket, _| {
                states.push(socket.state);
                Ok(())
            })
        },
        |_| {},
    )?;
    Ok(states)
}

#[test]
fn a_refused_program_is_not_sent_again() {
    for errno in [Errno::INVAL, Errno::OPNOTSUPP, Errno::PERM] {
        let refused = || Answer::from([Step::Refused(errno.raw_os_error())]);
        let mut netlink = netlink([refused(), good(), good(), refused()]);
        let either = Query::all().port(80);
        assert_eq!(refresh_selected(&mut netlink, &either).unwrap().len(), 3);
        assert_eq!(refresh_selected(&mut netlink, &either).unwrap().len(), 3);
        assert_eq!(netlink.conn.transport.requested, [PROGRAM, REQUEST, REQUEST], "{errno}");
        // Without a program, the same errno is an error.
        assert_eq!(refresh_selected(&mut netlink, &either).unwrap_err().raw_os_error(), Some(errno.raw_os_error()));
    }
}

#[test]
fn a_refused_dump_without_a_program_is_an_error() {
    let mut netlink = netlink([[Step::Refused(Errno::INVAL.raw_os_error())].into(), good()]);
    let local = Query::all().local_port(80);
    assert!(refresh_selected(&mut netlink, &local).is_err(), "a single port is a field of the request");
    assert_eq!(netlink.conn.transport.requested, [REQUEST]);
    assert_eq!(refresh_selected(&mut netlink, &local).unwrap().len(), 3);
}

#[test]
fn retries_send_and_recv_on_eintr() {
    let sending = vec![Errno::INTR; 3].into();
    let steps = [Step::Fails(Errno::INTR), Step::Rows(vec![1]), Step::Fails(Errno::INTR), Step::Done(vec![], 0)];
    let mut netlink = netlink([Answer { sending, steps: steps.into() }]);
    assert_eq!(ports(&mut netlink), [1]);
    let script = &netlink.conn.transport;
    assert_eq!((script.sends, script.receives), (4, 4));
}

/// Dumps that fail for lack of memory, reported by each call and message.
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
fn retries_after_a_lack_of_memory_up_to_16_times() {
    for shortage in shortages() {
        let mut once = netlink([shortage.clone(), good()]);
        assert_eq!(ports(&mut once), [1, 2, 3], "{shortage:?}");

        let mut always = netlink(vec![shortage.clone(); 17]);
        let (done, waits) = refresh(&mut always);
        assert!(matches!(done, Err(Error::Unstable { attempts: 16, .. })), "{shortage:?}: {done:?}");
        assert_eq!(waits, 12, "{shortage:?}");
    }
    let first = shortages()[0].clone();
    let error = error(&mut netlink(vec![first; 16]));
    assert_eq!(error.raw_os_error(), Some(Errno::NOBUFS.raw_os_error()));
}

#[test]
fn retries_an_interrupted_dump() {
    let interrupted: Answer = [Step::Rows(vec![8]), Step::Interrupted(vec![9]), Step::Done(vec![], 0)].into();
    let mut netlink =
        netlink(std::iter::repeat_n(interrupted.clone(), 15).chain([good()]).chain(vec![interrupted; 16]));
    let (done, waits) = refresh(&mut netlink);
    assert_eq!((done.unwrap(), waits), (vec![1, 2, 3], 12));
    assert_eq!(netlink.conn.transport.drained(), 0, "an interrupted dump is received completely");
    let error = error(&mut netlink);
    assert!(matches!(error, Error::Unstable { attempts: 16, .. }), "{error}");
    assert_eq!(error.raw_os_error(), Some(Errno::INTR.raw_os_error()));
}

#[test]
fn drains_a_stopped_dump_after_ebusy() {
    let stopped = [Step::Rows(vec![8]), Step::Fails(Errno::NOBUFS), Step::Rows(vec![9]), Step::Done(vec![9], 0)];
    let mut netlink = netlink([stopped.into(), good()]);
    assert_eq!(ports(&mut netlink), [1, 2, 3]);
    // The second request fails with EBUSY and continues the old dump, which is drained before the third.
    let script = &netlink.conn.transport;
    assert_eq!((script.sends, script.errnos.as_slice()), (3, &[105, 16][..]));
}

#[test]
fn drains_an_abandoned_dump_before_the_next() {
    let mut netlink = netlink([good(), [Step::Rows(vec![7]), Step::Large, Step::Done(vec![9], 0)].into(), good()]);
    // The callback fails at the second row.
    let mut rows = 0;
    let abandoned = netlink.dump(&Selection::in_states(u32::MAX), Extensions::NONE, Closed::default(), |_, _| {
        rows += 1;
        if rows == 2 { Err(Error::OutOfMemory { bytes: 1 }) } else { Ok(()) }
    });
    assert!(matches!(abandoned, Err(Failure::Permanent(Error::OutOfMemory { .. }))));
    // The second dump is abandoned too. The rest of it has rows and NLMSG_DONE.
    assert!(matches!(error(&mut netlink), Error::Malformed(_)));
    assert_eq!(ports(&mut netlink), [1, 2, 3]);
    let script = &netlink.conn.transport;
    assert_eq!((script.sends, script.drained(), script.waited), (3, 2, 0));
    assert!(script.errnos.is_empty(), "no request fails with EBUSY");
}

#[test]
fn a_datagram_that_exceeds_the_buffer_is_malformed() {
    let error = error(&mut netlink([[Step::Rows(vec![1]), Step::Large, Step::Done(vec![], 0)].into(), good()]));
    let Error::Malformed(Malformed::Message { length, bytes }) = error else { panic!("{error}") };
    assert_eq!((length, bytes), (DATAGRAM + 1, DATAGRAM));
}

#[test]
fn skips_a_limited_number_of_foreign_datagrams() {
    let limit = MAX_FOREIGN_DATAGRAMS as usize - 1;
    let few = [Step::Foreign(1), Step::Rows(vec![1]), Step::Foreign(limit), Step::Rows(vec![2]), Step::Done(vec![], 0)];
    assert_eq!(ports(&mut netlink([few.into()])), [1, 2]);

    let flood = [Step::Rows(vec![1]), Step::Foreign(5 * limit), Step::Done(vec![], 0)];
    let mut netlink = netlink([flood.into(), good()]);
    // The first refresh fails while it reads the dump, the second while it drains the first.
    for phase in ["dump", "drain"] {
        let error = error(&mut netlink);
        assert!(matches!(error, Error::Os { call: RECV, .. }), "{phase}: {error}");
        assert!(error.to_string().contains("received 1000 datagrams, none from the kernel"), "{phase}: {error}");
    }
    assert_eq!(netlink.conn.transport.receives, 1 + 2 * MAX_FOREIGN_DATAGRAMS as usize);
}

#[test]
fn skips_rows_with_another_sequence_number_or_port() {
    let steps = [Step::Mismatched(1, 0), Step::Rows(vec![1]), Step::Mismatched(0, 1), Step::Done(vec![2], 0)];
    let mut netlink = netlink([good(), steps.into()]);
    for rows in [&[1, 2, 3][..], &[1, 2]] {
        assert_eq!(ports(&mut netlink), rows);
    }
}

#[test]
fn reports_the_errno_of_a_closed_socket() {
    for errno in [Errno::BADF, Errno::NOTCONN] {
        let sending = Answer { sending: [errno].into(), ..Answer::default() };
        let receiving = [Step::Rows(vec![1]), Step::Fails(errno), Step::Done(vec![], 0)].into();
        for (answer, call) in [(sending, SEND), (receiving, RECV)] {
            let mut netlink = netlink([answer, good()]);
            let error = error(&mut netlink);
            assert!(matches!(error, Error::Os { call: failed, .. } if failed == call), "{error}");
            assert_eq!(error.raw_os_error(), Some(errno.raw_os_error()));
            assert_eq!(netlink.conn.transport.sends, 1);
        }
    }
}

#[test]
fn a_dump_without_a_reply_times_out_without_retries() {
    for steps in [vec![Step::Silence], vec![Step::Rows(vec![1]), Step::Silence], vec![Step::Rows(vec![1])]] {
        let mut netlink = netlink([Answer { steps: steps.into(), ..Answer::default() }, good()]);
        let (done, waits) = refresh(&mut netlink);
        let Err(Error::Os { call: RECV, source }) = done else { panic!("{done:?}") };
        assert_eq!(source.kind(), io::ErrorKind::TimedOut);
        assert_eq!((netlink.conn.transport.sends, netlink.conn.transport.waited, waits), (1, 1, 0));
    }
}

#[test]
fn transient_and_local_errnos_are_no_refusals() {
    for errno in [Errno::PROTONOSUPPORT, Errno::AFNOSUPPORT, Errno::OPNOTSUPP, Errno::NOENT, Errno::ACCESS, Errno::PERM]
    {
        assert!(is_refusal(errno.raw_os_error()), "{errno}");
    }
    for errno in TRANSIENT.into_iter().chain([Errno::MFILE, Errno::NFILE, Errno::INTR, Errno::AGAIN, Errno::INVAL]) {
        assert!(!is_refusal(errno.raw_os_error()), "{errno}");
    }
}

#[test]
fn reports_the_errno_of_a_refused_dump() {
    // Refusals lead to `/proc/net/tcp6`, the other errnos are errors.
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
            // The socket remains usable.
            assert_eq!(ports(&mut netlink), [1, 2, 3]);
        }
    }
}

#[test]
fn drops_duplicates() {
    let duplicates = [Step::Rows(vec![1, 2, 3]), Step::Rows(vec![2, 3, 4]), Step::Done(vec![4, 5], 0)];
    assert_eq!(ports(&mut netlink([duplicates.into()])), [1, 2, 3, 4, 5]);
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
    // A foreign datagram arrives during each wait.
    let mut netlink = netlink([[Step::Rows(vec![1]), Step::Silence].into()]);
    netlink.conn.transport.foreign_every = Some(Duration::from_secs(3));
    let (done, _) = refresh(&mut netlink);
    let Err(Error::Os { call: RECV, source }) = done else { panic!("{done:?}") };
    assert_eq!(source.kind(), io::ErrorKind::TimedOut);
    assert_eq!(source.to_string(), "timed out after 10 s waiting for a sock_diag reply");
    assert_eq!(netlink.conn.transport.clock, RECV_TIMEOUT);
}

/// A listener. With a row, a dump takes two datagrams and continues after the request.
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
    // Start a dump without reading it: the next one fails with EBUSY and continues the old one.
    netlink.conn.transport.send(&dump_request(77, u32::MAX, &SockId::ANY, Extensions::NONE)).unwrap();
    let refused = netlink.dump(&Selection::in_states(1 << 10), Extensions::NONE, Closed::default(), |_, _| Ok(()));
    let Err(Failure::Transient(error)) = refused else { panic!("{refused:?}") };
    assert_eq!(error.raw_os_error(), Some(Errno::BUSY.raw_os_error()));
    assert!(netlink.dump(&Selection::in_states(1 << 10), Extensions::NONE, Closed::default(), |_, _| Ok(())).is_ok());
    // Abandon a dump at its first row.
    assert!(
        netlink
            .dump(&Selection::in_states(1 << 10), Extensions::NONE, Closed::default(), |_, _| Err(Error::OutOfMemory {
                bytes: 1
            }))
            .is_err()
    );
    assert!(!refresh(&mut netlink).0.unwrap().is_empty());
}
