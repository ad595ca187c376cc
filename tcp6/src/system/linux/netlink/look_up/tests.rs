use std::net::{Ipv6Addr, SocketAddrV6};

use super::*;
use crate::system::linux::netlink::conn::LOOK_UP_TIMEOUT;
use crate::system::linux::netlink::selection::Selection;
use crate::system::linux::netlink::sock_diag::script::{Answer, LookUpFault, Script, Step};
use crate::system::linux::netlink::sock_diag::tests::{bound, netlink, ports};
use crate::system::linux::netlink::sock_diag::{Failure, SockDiag};
use crate::system::linux::netlink::socket::KernelSocket;

/// A `SockDiag` after a dump of the sockets 1 to `before`.
///
/// The next two dumps skip all sockets except the first and the last. Those in `alive` still exist.
fn skipping(before: u16, alive: impl IntoIterator<Item = u16>) -> SockDiag<Script> {
    let first = [Step::Rows((1..=before).collect()), Step::Done(vec![], 0)];
    let second = [Step::Rows(vec![1]), Step::Done(vec![before], 0)];
    let mut netlink = netlink([first.into(), second.clone().into(), second.into()]);
    netlink.conn.transport.alive = alive.into_iter().collect();
    assert_eq!(ports(&mut netlink).len(), usize::from(before));
    netlink
}

#[test]
fn looks_up_skipped_sockets() {
    let mut netlink = skipping(5, [3]);
    // 3 is looked up after each dump that skips it; those that are gone are looked up once.
    for look_ups in [&[3][..], &[3, 1]] {
        assert_eq!(ports(&mut netlink), [1, 5, 3]);
        assert_eq!(netlink.conn.transport.look_ups, look_ups);
    }
    let script = &netlink.conn.transport;
    assert_eq!((script.sends, script.waited, script.drained()), (3, 0, 0));
}

#[test]
fn looks_up_sockets_in_batches() {
    let alive: Vec<u16> = (2..100).step_by(3).collect();
    let mut netlink = skipping(100, alive.clone());
    assert_eq!(ports(&mut netlink), [vec![1, 100], alive].concat());
    assert_eq!(netlink.conn.transport.look_ups, [32, 32, 32, 2]);
}

#[test]
fn looks_up_closed_connections_if_the_hash_can_have_long_chains() {
    let row = |port| SockId::of_ends(end(port), Some(end(443)), 0, None);
    // 1 is listed.
    let mut ids = [1, 4, 9, 4].map(row);
    for (chains, expected, look_ups) in [(4, vec![], vec![]), (3, vec![4], vec![2]), (0, vec![4], vec![2])] {
        let mut netlink = netlink([[Step::Rows(vec![1, 2, 3]), Step::Done(vec![], 0)].into()]);
        netlink.conn.transport.alive = [1, 2, 4].into();
        let mut found = Vec::new();
        let closed = Closed { ids: &mut ids, chains };
        netlink
            .dump(&Selection::in_states(u32::MAX), Extensions::NONE, closed, |socket, _| {
                found.push(socket.local.port());
                Ok(())
            })
            .unwrap();
        assert_eq!(found, [vec![1, 2, 3], expected].concat(), "{chains}");
        assert_eq!(netlink.conn.transport.look_ups, look_ups, "{chains}");
    }
}

#[test]
fn a_failed_look_up_of_closed_connections_pauses_look_ups_and_is_not_counted() {
    let rows = || Answer::from([Step::Rows(vec![1]), Step::Done(vec![], 0)]);
    let mut netlink = netlink([rows(), rows()]);
    netlink.conn.transport.faults = [LookUpFault::Refused(Errno::PERM.raw_os_error())].into();
    netlink.conn.transport.tick = Duration::from_millis(1);
    let mut ids = [SockId::of_ends(end(4), Some(end(443)), 0, None)];
    for _ in 0..2 {
        let closed = Closed { ids: &mut ids, chains: 0 };
        netlink.dump(&Selection::in_states(u32::MAX), Extensions::NONE, closed, |_, _| Ok(())).unwrap();
        assert_eq!((netlink.conn.transport.look_ups.len(), netlink.unreconciled()), (1, 0));
    }
}

fn end(port: u16) -> SocketAddrV6 {
    SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0)
}

#[test]
fn looks_up_nothing_after_a_dump_of_other_states() {
    let mut netlink = skipping(5, [3]);
    netlink.dump(&Selection::in_states(1 << 10), Extensions::NONE, Closed::default(), |_, _| Ok(())).unwrap();
    assert!(netlink.conn.transport.look_ups.is_empty());
    assert_eq!(ports(&mut netlink), [1, 5]);
    assert!(netlink.conn.transport.look_ups.is_empty());
}

#[test]
fn omits_a_socket_that_left_the_requested_states() {
    let rows = |rows: Vec<u16>| Answer::from([Step::Rows(rows), Step::Done(vec![], 0)]);
    // The script ignores the requested states, and a look-up finds an established connection.
    let mut netlink = netlink([rows(vec![1, 2]), rows(vec![1])]);
    netlink.conn.transport.alive = [2].into();
    let mut found = 0;
    for dump in 1..=2 {
        netlink
            .dump(&Selection::in_states(1 << 10), Extensions::NONE, Closed::default(), |_, _| {
                found += 1;
                Ok(())
            })
            .unwrap();
        assert_eq!(netlink.conn.transport.look_ups.len(), dump - 1);
    }
    assert_eq!(found, 3);
}

#[test]
fn resends_look_ups_in_smaller_batches_if_the_kernel_lacks_memory() {
    let code = Errno::NOBUFS.raw_os_error();
    let again = Errno::AGAIN.raw_os_error();
    for fault in [
        LookUpFault::NotSent(Errno::NOBUFS),
        LookUpFault::Refused(code),
        LookUpFault::Refused(again),
        LookUpFault::NotReceived(Errno::NOMEM),
    ] {
        let mut netlink = skipping(5, [3]);
        netlink.conn.transport.faults = [fault].into();
        assert_eq!(ports(&mut netlink), [1, 5, 3], "{fault:?}");
        assert_eq!((netlink.conn.transport.sends, netlink.unreconciled()), (2, 0), "{fault:?}");
    }

    let mut netlink = skipping(100, 2..100);
    netlink.conn.transport.faults = vec![LookUpFault::Refused(code); 32 + 16 + 8].into();
    assert_eq!(ports(&mut netlink), [vec![1, 100], (2..100).collect()].concat());
    // Three batches are refused. `Conn` keeps the batch size that fits.
    assert_eq!(netlink.conn.transport.look_ups[..3], [32, 16, 8]);
    assert!(netlink.conn.transport.look_ups[3..].iter().all(|count| *count <= 4));
}

#[test]
fn a_batch_that_fails_midway_adds_no_duplicates() {
    for fault in [LookUpFault::Refused(Errno::NOBUFS.raw_os_error()), LookUpFault::Silence] {
        let mut netlink = skipping(6, [2, 3, 5]);
        let good = [LookUpFault::Mismatched; 2];
        netlink.conn.transport.faults = good.into_iter().chain([fault]).collect();
        let rows = ports(&mut netlink);
        if fault == LookUpFault::Silence {
            // The look-up of 5 is answered. That of 4, which is gone, is not.
            assert_eq!((rows, netlink.unreconciled()), (vec![1, 6, 2, 3, 5], 1));
        } else {
            assert_eq!((rows, netlink.unreconciled()), (vec![1, 6, 2, 3, 5], 0));
        }
    }
}

#[test]
fn returns_and_counts_the_unreconciled_dump_if_look_ups_keep_failing() {
    // A failed receive is one fault for the whole batch, whose replies stay in the socket.
    let permanent = |fault| vec![fault; if matches!(fault, LookUpFault::NotReceived(_)) { 1 } else { 100 }];
    let no_buffer = Errno::NOBUFS.raw_os_error();
    for fault in [
        LookUpFault::NotSent(Errno::INVAL),
        LookUpFault::NotSent(Errno::NOBUFS),
        LookUpFault::Refused(Errno::PERM.raw_os_error()),
        LookUpFault::Refused(no_buffer),
        LookUpFault::NotReceived(Errno::INVAL),
        LookUpFault::Silence,
    ] {
        let mut netlink = skipping(5, [3]);
        netlink.conn.transport.faults = permanent(fault).into();
        assert_eq!(ports(&mut netlink), [1, 5], "{fault:?}");
        assert_eq!(netlink.unreconciled(), 1, "{fault:?}");
        assert!(netlink.conn.transport.look_ups.len() <= 8, "{fault:?}");
        // The next dump is compared with this table, from which it omits nothing.
        netlink.conn.transport.faults.clear();
        assert_eq!(ports(&mut netlink), [1, 5], "{fault:?}");
        assert_eq!(netlink.unreconciled(), 1, "{fault:?}");
    }
}

#[test]
fn unanswered_look_ups_take_at_most_one_per_cent_of_the_time() {
    let all = || Answer::from([Step::Rows(vec![1, 2]), Step::Done(vec![3], 0)]);
    let some = || Answer::from([Step::Rows(vec![1]), Step::Done(vec![3], 0)]);
    let mut netlink = netlink((0..400).flat_map(|_| [all(), some()]));
    netlink.conn.transport.faults = vec![LookUpFault::Silence; 1_000].into();
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
    // In 400 s, look-ups are sent at the start and then every 101 s.
    assert_eq!(waited, 4 * LOOK_UP_TIMEOUT);
}

#[test]
fn an_error_of_the_callback_is_not_a_failed_look_up() {
    let mut netlink = skipping(5, [3]);
    let mut rows = 0;
    let dumped = netlink.dump(&Selection::in_states(u32::MAX), Extensions::NONE, Closed::default(), |_, _| {
        rows += 1;
        if rows == 3 { Err(Error::OutOfMemory { bytes: 1 }) } else { Ok(()) }
    });
    assert!(matches!(dumped, Err(Failure::Permanent(Error::OutOfMemory { bytes: 1 }))));
    assert_eq!(netlink.unreconciled(), 0);
    assert_eq!(ports(&mut netlink), [1, 5, 3], "compared with the last complete table");
}

#[test]
fn skips_replies_to_other_look_ups() {
    let mut netlink = skipping(5, [3]);
    netlink.conn.transport.faults = [LookUpFault::Mismatched; 3].into();
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
    conn.exchange(&dump_request(sequence, 1 << 10, &SockId::ANY, Extensions::NONE), RECV_TIMEOUT, read).unwrap();
    // Look up one listener 32 times: all replies have the same size.
    let mut ids = vec![ids[0]; 32];
    let mut replies = 0;
    let (answered, result) = conn.look_up(&mut ids, Extensions::NONE, |_| {
        replies += 1;
        Ok(())
    });
    result.unwrap();
    assert_eq!((answered, replies), (32, 32));
}
