use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use super::channel::{DATAGRAM, LOOK_UP_TIMEOUT, MAX_FOREIGN_DATAGRAMS, RECV, RECV_TIMEOUT, SEND};
use super::script::{Answer, Mishap, PORT, Script, Step};
use super::*;
use crate::error::Malformed;
use crate::linux::listing::is_refusal;
use crate::{BasicRow, Buffer, Row};

fn netlink(answers: impl IntoIterator<Item = Answer>) -> Netlink<Script> {
    Netlink::over(Script::new(answers), PORT)
}

/// The ports of a refresh.
pub(super) fn refresh<T: Transport>(netlink: &mut Netlink<T>) -> (Result<Vec<u16>>, usize) {
    let (rows, waits) = refresh_rows(netlink);
    (rows.map(|rows| rows.iter().map(|row| row.local().port()).collect()), waits)
}

/// A refresh as the system does it: the rows, and how often there was a wait.
pub(super) fn refresh_rows<T: Transport>(netlink: &mut Netlink<T>) -> (Result<Vec<BasicRow>>, usize) {
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

fn ports(netlink: &mut Netlink<Script>) -> Vec<u16> {
    refresh(netlink).0.unwrap()
}

fn error(netlink: &mut Netlink<Script>) -> Error {
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
    let script = &netlink.channel.transport;
    assert_eq!((script.sends, script.receives), (4, 3 + 2 + (1 + 3) + 3), "nothing is drained that is no more");
    assert_eq!(script.look_ups, [3], "those that were gone in the third");
}

#[test]
fn a_call_that_is_interrupted_is_made_again() {
    let sending = vec![Errno::INTR; 3].into();
    let steps = [Step::Fails(Errno::INTR), Step::Rows(vec![1]), Step::Fails(Errno::INTR), Step::Done(vec![], 0)];
    let mut netlink = netlink([Answer { sending, steps: steps.into() }]);
    assert_eq!(ports(&mut netlink), [1]);
    let script = &netlink.channel.transport;
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
    assert_eq!(netlink.channel.transport.drained(), 0, "an interrupted dump is received to its end");
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
    let script = &netlink.channel.transport;
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
    let script = &netlink.channel.transport;
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
    assert_eq!(netlink.channel.transport.receives, 1 + 2 * MAX_FOREIGN_DATAGRAMS as usize);
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
            assert_eq!(netlink.channel.transport.sends, 1);
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
        assert_eq!((netlink.channel.transport.sends, netlink.channel.transport.waited, waits), (1, 1, 0));
    }
}

#[test]
fn what_is_passing_or_the_fault_of_this_process_is_no_refusal() {
    for errno in [Errno::PROTONOSUPPORT, Errno::AFNOSUPPORT, Errno::OPNOTSUPP, Errno::NOENT, Errno::ACCESS, Errno::PERM]
    {
        assert!(is_refusal(errno.raw_os_error()), "{errno}");
    }
    for errno in PASSING.into_iter().chain([Errno::MFILE, Errno::NFILE, Errno::INTR, Errno::AGAIN, Errno::INVAL]) {
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
            assert_eq!(netlink.channel.transport.sends, 1);
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

/// The kernel has listed these before, has passed over all but the first and the last now, and still has these.
fn passed_over(before: u16, alive: impl IntoIterator<Item = u16>) -> Netlink<Script> {
    let first = [Step::Rows((1..=before).collect()), Step::Done(vec![], 0)];
    let second = [Step::Rows(vec![1]), Step::Done(vec![before], 0)];
    let mut netlink = netlink([first.into(), second.clone().into(), second.into()]);
    netlink.channel.transport.alive = alive.into_iter().collect();
    assert_eq!(ports(&mut netlink).len(), usize::from(before));
    netlink
}

#[test]
fn a_socket_that_is_passed_over_is_looked_up() {
    let mut netlink = passed_over(5, [3]);
    // As often as it is passed over; those that are gone once.
    for asked in [&[3][..], &[3, 1]] {
        assert_eq!(ports(&mut netlink), [1, 5, 3]);
        assert_eq!(netlink.channel.transport.look_ups, asked);
    }
    let script = &netlink.channel.transport;
    assert_eq!((script.sends, script.waited, script.drained()), (3, 0, 0));
}

#[test]
fn many_are_looked_up_some_at_a_time() {
    let alive: Vec<u16> = (2..100).step_by(3).collect();
    let mut netlink = passed_over(100, alive.clone());
    assert_eq!(ports(&mut netlink), [vec![1, 100], alive].concat());
    assert_eq!(netlink.channel.transport.look_ups, [32, 32, 32, 2]);
}

#[test]
fn a_dump_of_other_states_tells_nothing_of_what_has_gone() {
    let mut netlink = passed_over(5, [3]);
    netlink.dump(1 << 10, |_| Ok(())).unwrap();
    assert!(netlink.channel.transport.look_ups.is_empty());
    assert_eq!(ports(&mut netlink), [1, 5]);
    assert!(netlink.channel.transport.look_ups.is_empty());
}

#[test]
fn a_socket_that_left_the_states_of_the_query_is_no_row() {
    let rows = |rows: Vec<u16>| Answer::from([Step::Rows(rows), Step::Done(vec![], 0)]);
    // The script lists connections whatever the query; a look-up finds an established one.
    let mut netlink = netlink([rows(vec![1, 2]), rows(vec![1])]);
    netlink.channel.transport.alive = [2].into();
    let mut found = 0;
    for dump in 1..=2 {
        netlink
            .dump(1 << 10, |_| {
                found += 1;
                Ok(())
            })
            .unwrap();
        assert_eq!(netlink.channel.transport.look_ups.len(), dump - 1);
    }
    assert_eq!(found, 3);
}

#[test]
fn look_ups_without_room_for_the_replies_are_sent_again_fewer_at_once() {
    let code = Errno::NOBUFS.raw_os_error();
    let again = Errno::AGAIN.raw_os_error();
    for mishap in [
        Mishap::NotSent(Errno::NOBUFS),
        Mishap::Refused(code),
        Mishap::Refused(again),
        Mishap::NotReceived(Errno::NOMEM),
    ] {
        let mut netlink = passed_over(5, [3]);
        netlink.channel.transport.mishaps = [mishap].into();
        assert_eq!(ports(&mut netlink), [1, 5, 3], "{mishap:?}");
        assert_eq!((netlink.channel.transport.sends, netlink.unreconciled()), (2, 0), "{mishap:?}");
    }

    let mut netlink = passed_over(100, 2..100);
    netlink.channel.transport.mishaps = vec![Mishap::Refused(code); 32 + 16 + 8].into();
    assert_eq!(ports(&mut netlink), [vec![1, 100], (2..100).collect()].concat());
    // Three batches are refused. The channel remembers what fits.
    assert_eq!(netlink.channel.transport.look_ups[..3], [32, 16, 8]);
    assert!(netlink.channel.transport.look_ups[3..].iter().all(|count| *count <= 4));
}

#[test]
fn a_batch_that_fails_half_way_adds_nothing_twice() {
    for fault in [Mishap::Refused(Errno::NOBUFS.raw_os_error()), Mishap::Silence] {
        let mut netlink = passed_over(6, [2, 3, 5]);
        let good = [Mishap::Strange; 2];
        netlink.channel.transport.mishaps = good.into_iter().chain([fault]).collect();
        let rows = ports(&mut netlink);
        if fault == Mishap::Silence {
            // 5 is answered too; 4 is not, and is gone anyway.
            assert_eq!((rows, netlink.unreconciled()), (vec![1, 6, 2, 3, 5], 1));
        } else {
            assert_eq!((rows, netlink.unreconciled()), (vec![1, 6, 2, 3, 5], 0));
        }
    }
}

#[test]
fn if_look_ups_keep_failing_the_dump_is_the_table_and_it_is_counted() {
    // What is not received stays in the socket, and is one for the batch.
    let forever = |mishap| vec![mishap; if matches!(mishap, Mishap::NotReceived(_)) { 1 } else { 100 }];
    let no_room = Errno::NOBUFS.raw_os_error();
    for mishap in [
        Mishap::NotSent(Errno::INVAL),
        Mishap::NotSent(Errno::NOBUFS),
        Mishap::Refused(Errno::PERM.raw_os_error()),
        Mishap::Refused(no_room),
        Mishap::NotReceived(Errno::INVAL),
        Mishap::Silence,
    ] {
        let mut netlink = passed_over(5, [3]);
        netlink.channel.transport.mishaps = forever(mishap).into();
        assert_eq!(ports(&mut netlink), [1, 5], "{mishap:?}");
        assert_eq!(netlink.unreconciled(), 1, "{mishap:?}");
        assert!(netlink.channel.transport.look_ups.len() <= 8, "{mishap:?}");
        // The next table is compared with this one, in which nothing is missing.
        netlink.channel.transport.mishaps.clear();
        assert_eq!(ports(&mut netlink), [1, 5], "{mishap:?}");
        assert_eq!(netlink.unreconciled(), 1, "{mishap:?}");
    }
}

#[test]
fn look_ups_that_are_never_answered_take_one_per_cent_of_the_time() {
    let all = || Answer::from([Step::Rows(vec![1, 2]), Step::Done(vec![3], 0)]);
    let some = || Answer::from([Step::Rows(vec![1]), Step::Done(vec![3], 0)]);
    let mut netlink = netlink((0..400).flat_map(|_| [all(), some()]));
    netlink.channel.transport.mishaps = vec![Mishap::Silence; 1_000].into();
    netlink.channel.transport.alive = [2].into();
    let mut waited = Duration::ZERO;
    for refresh in 0..400 {
        let start = netlink.channel.transport.clock;
        assert_eq!(ports(&mut netlink), [1, 2, 3]);
        assert_eq!(ports(&mut netlink), [1, 3]);
        waited += netlink.channel.transport.clock - start;
        assert_eq!(netlink.unreconciled(), refresh + 1);
        netlink.channel.transport.clock += Duration::from_secs(1);
    }
    // 400 s, in which look-ups were tried at the begin and then every 101 s.
    assert_eq!(waited, 4 * LOOK_UP_TIMEOUT);
}

#[test]
fn a_row_that_cannot_be_written_is_an_error_and_not_a_failed_look_up() {
    let mut netlink = passed_over(5, [3]);
    let mut rows = 0;
    let dumped = netlink.dump(u32::MAX, |_| {
        rows += 1;
        if rows == 3 { Err(Error::OutOfMemory { bytes: 1 }) } else { Ok(()) }
    });
    assert!(matches!(dumped, Err(Failure::Lasting(Error::OutOfMemory { bytes: 1 }))));
    assert_eq!(netlink.unreconciled(), 0);
    assert_eq!(ports(&mut netlink), [1, 5, 3], "and the table before it stays the one to compare with");
}

#[test]
fn signals_do_not_postpone_the_deadline() {
    let mut netlink = netlink([[Step::Rows(vec![1]), Step::Silence].into()]);
    netlink.channel.transport.signals = true;
    let error = error(&mut netlink);
    assert_eq!(error.raw_os_error(), Some(Errno::INTR.raw_os_error()), "{error}");
    let clock = netlink.channel.transport.clock;
    assert!(RECV_TIMEOUT <= clock && clock <= RECV_TIMEOUT + Duration::from_secs(1), "{clock:?}");

    let sending = vec![Errno::INTR; 200_000].into();
    let mut netlink = self::netlink([Answer { sending, ..Answer::default() }]);
    netlink.channel.transport.tick = Duration::from_millis(1);
    let error = self::error(&mut netlink);
    assert!(matches!(error, Error::Os { call: SEND, .. }), "{error}");
    assert!(netlink.channel.transport.clock <= RECV_TIMEOUT + Duration::from_secs(1));
}

#[test]
fn foreign_datagrams_do_not_postpone_the_deadline() {
    // One arrives during each wait.
    let mut netlink = netlink([[Step::Rows(vec![1]), Step::Silence].into()]);
    netlink.channel.transport.foreign_every = Some(Duration::from_secs(3));
    let (done, _) = refresh(&mut netlink);
    let Err(Error::Os { call: RECV, source }) = done else { panic!("{done:?}") };
    assert_eq!(source.kind(), io::ErrorKind::TimedOut);
    assert_eq!(source.to_string(), "timed out after 10 s waiting for a sock_diag reply");
    assert_eq!(netlink.channel.transport.clock, RECV_TIMEOUT);
}

#[test]
fn look_ups_of_others_are_not_ours() {
    let mut netlink = passed_over(5, [3]);
    netlink.channel.transport.mishaps = [Mishap::Strange; 3].into();
    assert_eq!(ports(&mut netlink), [1, 5, 3]);
}

/// So that there is a row at least, a dump takes two datagrams and goes on after the request.
fn bound() -> impl Sized {
    let socket = socket_with(AddressFamily::INET6, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    rustix::net::bind(&socket, &std::net::SocketAddrV6::new(std::net::Ipv6Addr::LOCALHOST, 0, 0, 0)).unwrap();
    rustix::net::listen(&socket, 1).unwrap();
    socket
}

#[test]
fn replies_to_as_many_look_ups_as_are_sent_at_once_fit_into_the_socket() {
    let _listener = bound();
    let (kernel, port) = KernelSocket::open().unwrap();
    assert!(kernel.receive_buffer() >= 128 * 1024, "{}", kernel.receive_buffer());
    let mut channel = Channel::new(kernel, port);
    let mut ids = Vec::new();
    let sequence = channel.reserve(1).unwrap();
    let mut dump = Dump::new(sequence, port);
    let read = |datagram: &[u8]| {
        dump.read(datagram, |message| {
            ids.push(message.id());
            Ok(())
        })
    };
    channel.exchange(&request(sequence, 1 << 10), RECV_TIMEOUT, read).unwrap();
    // One listener, again and again: the replies are as large as those to any others.
    let mut ids = vec![ids[0]; 32];
    let mut replies = 0;
    let (answered, result) = channel.look_up(&mut ids, |_| {
        replies += 1;
        Ok(())
    });
    result.unwrap();
    assert_eq!((answered, replies), (32, 32));
}

#[test]
fn the_kernel_itself_is_drained_and_asked_again() {
    let _listener = bound();
    let mut netlink = Netlink::open().unwrap();
    // A dump that nobody knows of: the next is refused, which sets the old one going.
    netlink.channel.transport.send(&request(77, u32::MAX)).unwrap();
    let refused = netlink.dump(1 << 10, |_| Ok(()));
    let Err(Failure::Passing(error)) = refused else { panic!("{refused:?}") };
    assert_eq!(error.raw_os_error(), Some(Errno::BUSY.raw_os_error()));
    assert!(netlink.dump(1 << 10, |_| Ok(())).is_ok());
    // And one that is given up at its first row.
    assert!(netlink.dump(1 << 10, |_| Err(Error::OutOfMemory { bytes: 1 })).is_err());
    assert!(!refresh(&mut netlink).0.unwrap().is_empty());
}
