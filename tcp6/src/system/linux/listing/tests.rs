use rustix::io::Errno;

use super::*;
use crate::error::Malformed;
use crate::row::class::{BasicRow, OwnerPidRow};
use crate::stats::kinds::StatsKinds;
use crate::stats::tcp_info::TcpInfo;
use crate::system::linux::netlink::sock_diag::script::{Answer, Script, Step};
use crate::system::linux::netlink::sock_diag::tests::{keep_alive, netlink};
use crate::system::linux::proc_net::TextReader;

/// Reads a table with statistics as [`Listing`] does.
///
/// Returns the local port of each row and, in the order of the statistics, the local port and the number of
/// retransmissions, which is the port if the statistics are those of the row.
fn read(netlink: &mut SockDiag<Script>, query: &Query, stats: &mut Stats) -> (Vec<u16>, Vec<(u16, Option<u32>)>) {
    let (mut buffer, mut inodes) = (Buffer::new(), Vec::new());
    let extensions = Extensions::of(stats.kinds());
    let dump = || {
        let stats = Some(&mut *stats);
        write::<OwnerPidRow, Failure>(query, &mut buffer, &mut inodes, Beside { stats, ..Beside::default() }, |found| {
            netlink.dump(&Selection::of(query), extensions, Closed::default(), found)
        })
    };
    sock_diag::retry(dump, |_| ()).unwrap();
    let table = buffer.table::<OwnerPidRow>().unwrap();
    for row in table {
        let found = stats.get(row).unwrap();
        assert_eq!((found.local(), found.remote()), (row.local(), row.remote()));
    }
    let retransmissions = stats.iter().map(|socket| {
        let info = socket.tcp_info();
        (socket.local().port(), info.and_then(TcpInfo::total_retrans))
    });
    (table.iter().map(|row| row.local().port()).collect(), retransmissions.collect())
}

fn rows(ports: &[u16]) -> Answer {
    [Step::Rows(ports.to_vec()), Step::Done(vec![], 0)].into()
}

fn with_data() -> Stats {
    Stats::new().request(StatsKinds::DATA)
}

#[test]
fn each_row_has_its_statistics() {
    let mut netlink = netlink([rows(&[3, 1, 2]), rows(&[2, 1])]);
    let mut stats = with_data();
    let found = read(&mut netlink, &Query::all(), &mut stats);
    assert_eq!(found, (vec![3, 1, 2], vec![(3, Some(3)), (1, Some(1)), (2, Some(2))]));
    // The second table has no statistics of the first one.
    assert_eq!(read(&mut netlink, &Query::all(), &mut stats).1, [(2, Some(2)), (1, Some(1))]);
}

#[test]
fn tcp_info_is_requested_only_for_kinds_that_need_it() {
    let found = read(&mut netlink([rows(&[1])]), &Query::all(), &mut Stats::new());
    assert_eq!(found, (vec![1], vec![(1, None)]));
}

#[test]
fn a_repeated_dump_starts_with_empty_statistics() {
    let interrupted = Answer::from([Step::Rows(vec![1, 2]), Step::Interrupted(vec![3]), Step::Done(vec![], 0)]);
    let failing = Answer::from([Step::Rows(vec![4]), Step::Done(vec![], Errno::NOMEM.raw_os_error())]);
    let mut netlink = netlink([interrupted, failing, rows(&[2, 5])]);
    assert_eq!(read(&mut netlink, &Query::all(), &mut with_data()).1, [(2, Some(2)), (5, Some(5))]);
}

#[test]
fn duplicates_have_one_entry() {
    let twice = Answer::from([Step::Rows(vec![1, 2]), Step::Rows(vec![2, 3, 1]), Step::Done(vec![], 0)]);
    let found = read(&mut netlink([twice]), &Query::all(), &mut with_data());
    assert_eq!(found, (vec![1, 2, 3], vec![(1, Some(1)), (2, Some(2)), (3, Some(3))]));
}

#[test]
fn a_socket_that_a_look_up_finds_has_its_statistics() {
    let mut netlink = netlink([rows(&[1, 2, 3]), rows(&[1, 3])]);
    keep_alive(&mut netlink, [2]);
    let mut stats = with_data();
    read(&mut netlink, &Query::all(), &mut stats);
    let found = read(&mut netlink, &Query::all(), &mut stats);
    assert_eq!(found, (vec![1, 3, 2], vec![(1, Some(1)), (3, Some(3)), (2, Some(2))]));
}

#[test]
fn a_filtered_table_has_the_statistics_of_its_rows_alone() {
    // The script ignores the filter of the request.
    let mut netlink = netlink([rows(&[1, 2, 3])]);
    let found = read(&mut netlink, &Query::all().local_port(2), &mut with_data());
    assert_eq!(found, (vec![2], vec![(2, Some(2))]));
}

#[test]
fn malformed_attributes_are_an_error_of_the_table() {
    let mut netlink = netlink([rows(&[1])]);
    let (mut buffer, mut inodes, mut stats) = (Buffer::new(), Vec::new(), with_data());
    // A length of 5, and the type.
    let attribute = [5u16, 2].map(u16::to_ne_bytes).concat();
    let failed = write::<BasicRow, Failure>(
        &Query::all(),
        &mut buffer,
        &mut inodes,
        Beside { stats: Some(&mut stats), ..Beside::default() },
        |found| {
            netlink.dump(&Selection::of(&Query::all()), Extensions::NONE, Closed::default(), |socket, _| {
                found(socket, &attribute)
            })
        },
    );
    let malformed = |error: &Error| matches!(error, Error::Malformed(Malformed::Attribute { length: 5, bytes: 4, .. }));
    assert!(matches!(&failed, Err(Failure::Permanent(error)) if malformed(error)), "{failed:?}");
    assert_eq!(buffer.class(), None);
}

#[test]
fn the_text_has_queues_and_timers_and_no_cookies() {
    let line = |state: &str, remote: &str, fields: &str| {
        let any = "0".repeat(32);
        format!("   0: {any}:0050 {any}:{remote} {state} {fields} 7 1 0\n")
    };
    let text = "heading\n".to_owned()
        + &line("0A", "0000", "00000000:00000001 00:00000000 00000000 1000 0")
        + &line("01", "0001", "00000009:00000004 01:00000014 00000003 1000 0")
        + &line("06", "0002", "00000000:00000000 03:00000014 00000000 0 0").replace(" 7 1 0", " 0 1 0");
    let (mut buffer, mut inodes, mut stats) = (Buffer::new(), Vec::new(), Stats::new().request(StatsKinds::all()));
    let mut reader = TextReader::default();
    write::<BasicRow, Error>(
        &Query::all(),
        &mut buffer,
        &mut inodes,
        Beside { stats: Some(&mut stats), ..Beside::default() },
        |found| reader.read(text.as_bytes(), |socket| found(socket, &[])),
    )
    .unwrap();
    let table = buffer.table::<BasicRow>().unwrap();
    let of = |row: usize| stats.of(&table[row]);
    assert_eq!(of(0).map(|listener| (listener.accept_queue, listener.backlog)), Some((Some(1), None)));
    let open = of(1).unwrap();
    assert_eq!((open.unread_bytes, open.send_queue_bytes, open.bytes_received), (Some(4), Some(9), None));
    assert_eq!(of(2), None);
    let timers: Vec<_> =
        stats.iter().map(|socket| socket.timer().map(|timer| timer.expires_in().as_millis())).collect();
    assert_eq!(timers, [None, Some(200), Some(200)]);
    let uids: Vec<_> = stats.iter().map(|socket| (socket.uid(), socket.cookie())).collect();
    assert_eq!(uids, [(Some(1000), None), (Some(1000), None), (None, None)]);
}
