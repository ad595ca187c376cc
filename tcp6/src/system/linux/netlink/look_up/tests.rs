use super::*;
use crate::system::linux::netlink::conn::LOOK_UP_TIMEOUT;
use crate::system::linux::netlink::sock_diag::script::{Answer, Mishap, Script, Step};
use crate::system::linux::netlink::sock_diag::tests::{bound, netlink, ports};
use crate::system::linux::netlink::sock_diag::{Failure, SockDiag};
use crate::system::linux::netlink::socket::KernelSocket;

/// The next two dumps pass over all of `before` sockets but the first and the last. Those in `alive` still exist.
fn passed_over(before: u16, alive: impl IntoIterator<Item = u16>) -> SockDiag<Script> {
    let first = [Step::Rows((1..=before).collect()), Step::Done(vec![], 0)];
    let second = [Step::Rows(vec![1]), Step::Done(vec![before], 0)];
    let mut netlink = netlink([first.into(), second.clone().into(), second.into()]);
    netlink.conn.transport.alive = alive.into_iter().collect();
    assert_eq!(ports(&mut netlink).len(), usize::from(before));
    netlink
}

#[test]
fn a_socket_that_is_passed_over_is_looked_up() {
    let mut netlink = passed_over(5, [3]);
    // As often as it is passed over; those that are gone once.
    for asked in [&[3][..], &[3, 1]] {
        assert_eq!(ports(&mut netlink), [1, 5, 3]);
        assert_eq!(netlink.conn.transport.look_ups, asked);
    }
    let script = &netlink.conn.transport;
    assert_eq!((script.sends, script.waited, script.drained()), (3, 0, 0));
}

#[test]
fn many_sockets_are_looked_up_in_batches() {
    let alive: Vec<u16> = (2..100).step_by(3).collect();
    let mut netlink = passed_over(100, alive.clone());
    assert_eq!(ports(&mut netlink), [vec![1, 100], alive].concat());
    assert_eq!(netlink.conn.transport.look_ups, [32, 32, 32, 2]);
}

#[test]
fn after_a_dump_of_other_states_nothing_is_looked_up() {
    let mut netlink = passed_over(5, [3]);
    netlink.dump(1 << 10, |_| Ok(())).unwrap();
    assert!(netlink.conn.transport.look_ups.is_empty());
    assert_eq!(ports(&mut netlink), [1, 5]);
    assert!(netlink.conn.transport.look_ups.is_empty());
}

#[test]
fn a_socket_that_left_the_states_of_the_query_is_no_row() {
    let rows = |rows: Vec<u16>| Answer::from([Step::Rows(rows), Step::Done(vec![], 0)]);
    // The script lists connections whatever the query; a look-up finds an established one.
    let mut netlink = netlink([rows(vec![1, 2]), rows(vec![1])]);
    netlink.conn.transport.alive = [2].into();
    let mut found = 0;
    for dump in 1..=2 {
        netlink
            .dump(1 << 10, |_| {
                found += 1;
                Ok(())
            })
            .unwrap();
        assert_eq!(netlink.conn.transport.look_ups.len(), dump - 1);
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
        netlink.conn.transport.mishaps = [mishap].into();
        assert_eq!(ports(&mut netlink), [1, 5, 3], "{mishap:?}");
        assert_eq!((netlink.conn.transport.sends, netlink.unreconciled()), (2, 0), "{mishap:?}");
    }

    let mut netlink = passed_over(100, 2..100);
    netlink.conn.transport.mishaps = vec![Mishap::Refused(code); 32 + 16 + 8].into();
    assert_eq!(ports(&mut netlink), [vec![1, 100], (2..100).collect()].concat());
    // Three batches are refused. The conn remembers what fits.
    assert_eq!(netlink.conn.transport.look_ups[..3], [32, 16, 8]);
    assert!(netlink.conn.transport.look_ups[3..].iter().all(|count| *count <= 4));
}

#[test]
fn a_batch_that_fails_half_way_adds_nothing_twice() {
    for fault in [Mishap::Refused(Errno::NOBUFS.raw_os_error()), Mishap::Silence] {
        let mut netlink = passed_over(6, [2, 3, 5]);
        let good = [Mishap::Strange; 2];
        netlink.conn.transport.mishaps = good.into_iter().chain([fault]).collect();
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
        netlink.conn.transport.mishaps = forever(mishap).into();
        assert_eq!(ports(&mut netlink), [1, 5], "{mishap:?}");
        assert_eq!(netlink.unreconciled(), 1, "{mishap:?}");
        assert!(netlink.conn.transport.look_ups.len() <= 8, "{mishap:?}");
        // The next table is compared with this one, in which nothing is missing.
        netlink.conn.transport.mishaps.clear();
        assert_eq!(ports(&mut netlink), [1, 5], "{mishap:?}");
        assert_eq!(netlink.unreconciled(), 1, "{mishap:?}");
    }
}

#[test]
fn look_ups_that_are_never_answered_take_one_per_cent_of_the_time() {
    let all = || Answer::from([Step::Rows(vec![1, 2]), Step::Done(vec![3], 0)]);
    let some = || Answer::from([Step::Rows(vec![1]), Step::Done(vec![3], 0)]);
    let mut netlink = netlink((0..400).flat_map(|_| [all(), some()]));
    netlink.conn.transport.mishaps = vec![Mishap::Silence; 1_000].into();
    netlink.conn.transport.alive = [2].into();
    let mut waited = Duration::ZERO;
    for refresh in 0..400 {
        let start = netlink.conn.transport.clock;
        assert_eq!(ports(&mut netlink), [1, 2, 3]);
        assert_eq!(ports(&mut netlink), [1, 3]);
        waited += netlink.conn.transport.clock - start;
        assert_eq!(netlink.unreconciled(), refresh + 1);
        netlink.conn.transport.clock += Duration::from_secs(1);
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
fn look_ups_of_others_are_not_ours() {
    let mut netlink = passed_over(5, [3]);
    netlink.conn.transport.mishaps = [Mishap::Strange; 3].into();
    assert_eq!(ports(&mut netlink), [1, 5, 3]);
}

#[test]
fn replies_to_as_many_look_ups_as_are_sent_at_once_fit_into_the_socket() {
    let _listener = bound();
    let (kernel, port) = KernelSocket::open().unwrap();
    assert!(kernel.receive_buffer() >= 128 * 1024, "{}", kernel.receive_buffer());
    let mut conn = Conn::new(kernel, port);
    let mut ids = Vec::new();
    let sequence = conn.reserve(1).unwrap();
    let mut dump = Dump::new(sequence, port);
    let read = |datagram: &[u8]| {
        dump.read(datagram, |message| {
            ids.push(message.id());
            Ok(())
        })
    };
    conn.exchange(&request(sequence, 1 << 10), RECV_TIMEOUT, read).unwrap();
    // One listener, again and again: the replies are as large as those to any others.
    let mut ids = vec![ids[0]; 32];
    let mut replies = 0;
    let (answered, result) = conn.look_up(&mut ids, |_| {
        replies += 1;
        Ok(())
    });
    result.unwrap();
    assert_eq!((answered, replies), (32, 32));
}
