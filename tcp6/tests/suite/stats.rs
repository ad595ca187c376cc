//! Statistics of connections, compared with what the test sends and with `ss`.

mod reader;
mod ss;

use std::io::{Read, Write};
use std::mem;
use std::net::{Shutdown, SocketAddrV6, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::process::Command;
use std::thread;
use std::time::Duration;

use reader::Reader;
use socket2::{Domain, SockRef, Socket, Type};
use tcp6::os::linux::{OwnerModuleRowExt, SocketStatsExt, StatsExt, TcpInfo, Timer};
use tcp6::{
    BasicRow, Buffer, ConnectionStats, OwnerModuleRow, OwnerPidRow, Query, Recorder, RecordingSource, Replay, Source,
    State, StateSet, Stats, StatsKinds, System, Table,
};

use crate::life::namespace::in_namespaces;
use crate::support::{Loopback, close, connect, eventually, v6};

/// Sends bytes to the peer, which reads all of them.
fn send(from: &TcpStream, to: &TcpStream, bytes: usize) {
    (&*from).write_all(&vec![7; bytes]).unwrap();
    let mut to = to;
    to.read_exact(&mut vec![0; bytes]).unwrap();
}

fn ends(stream: &TcpStream) -> (SocketAddrV6, Option<SocketAddrV6>) {
    (v6(stream.local_addr().unwrap()), Some(v6(stream.peer_addr().unwrap())))
}

/// Reads the statistics of a stream until a condition holds, and returns them.
fn wait_for(stream: &TcpStream, what: &str, holds: impl Fn(&ConnectionStats) -> bool) -> ConnectionStats {
    let mut reader = Reader::of(StatsKinds::all());
    let mut last = None;
    eventually(what, || {
        last = reader.read::<BasicRow>(ends(stream)).and_then(|row| reader.stats.of(&row));
        last.as_ref().is_some_and(&holds)
    });
    last.unwrap()
}

#[test]
fn counts_exactly_the_bytes_that_were_sent() {
    let own = Loopback::open();
    send(&own.client, &own.server, 1_000);
    send(&own.server, &own.client, 23_456);
    // The peer acknowledges the last segment up to 40 ms later. The SYN of the client counts as one byte.
    let client = wait_for(&own.client, "acknowledgement", |stats| stats.bytes_acknowledged == Some(1_001));
    assert_eq!((client.bytes_sent, client.bytes_retransmitted), (Some(1_000), Some(0)));
    assert_eq!((client.bytes_received, client.unread_bytes), (Some(23_456), Some(0)));
    assert_eq!(client.segments_retransmitted, Some(0));
    assert_eq!(
        (client.send_queue_bytes, client.unacknowledged_bytes, client.unsent_bytes),
        (Some(0), Some(0), Some(0))
    );
    assert_eq!((client.accept_queue, client.backlog), (None, None));
    let server = wait_for(&own.server, "acknowledgement", |stats| stats.bytes_acknowledged == Some(23_456));
    assert_eq!((server.bytes_sent, server.bytes_received), (Some(23_456), Some(1_000)));
    // A SYN, one to three segments with data, and acknowledgements.
    assert!(client.segments_sent.is_some_and(|count| (3..20).contains(&count)), "{client:?}");
    assert!(client.segments_received.is_some_and(|count| (2..20).contains(&count)), "{client:?}");

    // A FIN counts as one byte of each counter, and as an unread byte.
    own.client.shutdown(Shutdown::Write).unwrap();
    let client = wait_for(&own.client, "FIN", |stats| stats.bytes_acknowledged == Some(1_002));
    assert_eq!(client.bytes_sent, Some(1_000));
    let server = wait_for(&own.server, "FIN", |stats| stats.bytes_received == Some(1_001));
    assert_eq!(server.unread_bytes, Some(1));
}

#[test]
fn queues_need_no_request() {
    let own = Loopback::open();
    (&own.client).write_all(&[7; 300]).unwrap();
    let mut reader = Reader::of(StatsKinds::QUEUES);
    eventually("unread bytes", || {
        let server = reader.read::<OwnerPidRow>(ends(&own.server)).and_then(|row| reader.stats.of(&row));
        let expected = ConnectionStats::default();
        server.is_some_and(|server| {
            let others = {
                let mut others = server;
                (others.unread_bytes, others.send_queue_bytes) = (None, None);
                others
            };
            assert_eq!(others, expected, "nothing else was requested");
            (server.unread_bytes, server.send_queue_bytes) == (Some(300), Some(0))
        })
    });
    let row = reader.read::<OwnerPidRow>(ends(&own.server)).unwrap();
    assert_eq!((reader.stats.tcp_info(&row), reader.stats.algorithm(&row)), (None, None));
    assert_eq!((reader.stats.memory(&row), reader.stats.timer(&row)), (None, None));
    assert_eq!(reader.stats.uid(&row), Some(rustix::process::geteuid().as_raw()));
}

#[test]
fn values_equal_those_of_ss() {
    let own = Loopback::open();
    SockRef::from(&own.server).set_keepalive(true).unwrap();
    send(&own.client, &own.server, 100_000);
    send(&own.server, &own.client, 5_000);
    (&own.client).write_all(&[7; 400]).unwrap();
    let mut compared = 0;
    for stream in [&own.client, &own.server] {
        let mut reader = Reader::of(StatsKinds::all());
        let mut read = || {
            let row = reader.read::<BasicRow>(ends(stream)).unwrap();
            ss::ours(&reader.stats.get(&row).unwrap())
        };
        eventually("a quiet connection", || {
            let before = read();
            let Some(theirs) = ss::theirs(&ends(stream)) else {
                eprintln!("skipped: ss is not installed");
                return true;
            };
            // Delayed acknowledgements change the values for some time.
            let is_quiet = before == read();
            if is_quiet {
                assert_eq!(before, theirs);
                compared += before.len();
            }
            is_quiet
        });
    }
    if compared > 0 {
        assert!(compared >= 50, "{compared} values");
    }
    let mut reader = Reader::of(StatsKinds::QUEUES);
    let row = reader.read::<OwnerModuleRow>(ends(&own.server)).unwrap();
    let timer = reader.stats.timer(&row).unwrap();
    let hours = Duration::from_secs(7_190)..=Duration::from_secs(7_200);
    assert!(matches!(timer, Timer::KeepAlive { probes: 0, .. }) && hours.contains(&timer.expires_in()), "{timer:?}");
    let cookie = row.socket_info().unwrap().cookie;
    assert!(cookie.is_some() && reader.stats.get(&row).unwrap().cookie() == cookie);
}

/// A listener with this backlog.
fn listener_with_backlog(backlog: i32) -> TcpListener {
    let socket = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
    socket.set_reuse_port(true).unwrap();
    socket.bind(&"[::1]:0".parse::<SocketAddrV6>().unwrap().into()).unwrap();
    socket.listen(backlog).unwrap();
    socket.into()
}

#[test]
fn a_listener_has_the_length_and_the_limit_of_its_queue() {
    let listener = listener_with_backlog(5);
    let address = listener.local_addr().unwrap();
    let _waiting = TcpStream::connect(address).unwrap();
    let end = (v6(address), None);
    for kinds in [StatsKinds::QUEUES, StatsKinds::all()] {
        let mut reader = Reader::of(kinds);
        eventually("the queue", || {
            let row = reader.read::<BasicRow>(end).unwrap();
            let stats = reader.stats.of(&row).unwrap();
            let mut rest = stats;
            (rest.accept_queue, rest.backlog) = (None, None);
            assert_eq!(rest, ConnectionStats::default());
            (stats.accept_queue, stats.backlog) == (Some(1), Some(5))
        });
        let row = reader.read::<BasicRow>(end).unwrap();
        let info = reader.stats.tcp_info(&row).map(|info| (info.unacked(), info.sacked()));
        assert_eq!(info, (kinds == StatsKinds::all()).then_some((Some(1), Some(5))));
    }
    if let Some(theirs) = ss::theirs(&end) {
        assert_eq!((theirs["Recv-Q"].as_str(), theirs["Send-Q"].as_str()), ("1", "5"));
    }
}

#[test]
fn listeners_on_one_end_are_distinguished_by_their_cookies() {
    let first = listener_with_backlog(5);
    let end = (v6(first.local_addr().unwrap()), None);
    let second = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
    second.set_reuse_port(true).unwrap();
    second.bind(&end.0.into()).unwrap();
    second.listen(9).unwrap();
    let _waiting = TcpStream::connect(end.0).unwrap();
    let mut reader = Reader::of(StatsKinds::QUEUES);
    let rows = reader.rows::<OwnerModuleRow>(end);
    assert_eq!(rows.len(), 2);
    let mut queues: Vec<_> = rows.iter().map(|row| reader.stats.of(row).unwrap()).collect();
    queues.sort_by_key(|stats| stats.backlog);
    assert_eq!(queues.iter().map(|stats| stats.backlog).collect::<Vec<_>>(), [Some(5), Some(9)]);
    assert_eq!(queues.iter().map(|stats| stats.accept_queue.unwrap()).sum::<u32>(), 1);
    let rows = reader.rows::<BasicRow>(end);
    assert_eq!(rows.iter().map(|row| reader.stats.of(row)).collect::<Vec<_>>(), [None, None]);
}

#[test]
fn a_closed_window_is_probed() {
    let own = Loopback::open();
    own.client.set_nonblocking(true).unwrap();
    // Writes until the buffers of both sides are full. The server does not read.
    let mut written = 0u64;
    let mut idle = 0;
    while idle < 20 {
        match (&own.client).write(&[7; 65_536]) {
            Ok(bytes) => (written, idle) = (written + bytes as u64, 0),
            Err(_) => {
                idle += 1;
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
    let mut reader = Reader::of(StatsKinds::DATA);
    eventually("a probe", || {
        let row = reader.read::<BasicRow>(ends(&own.client)).unwrap();
        let timer = reader.stats.timer(&row);
        matches!(timer, Some(Timer::ZeroWindowProbe { probes: 1.., .. }))
    });
    let client = wait_for(&own.client, "a full window", |stats| stats.unacknowledged_bytes == Some(0));
    let server = wait_for(&own.server, "unread bytes", |stats| stats.unread_bytes.is_some_and(|unread| unread > 0));
    assert_eq!(client.bytes_acknowledged.unwrap() - 1, server.bytes_received.unwrap());
    assert_eq!(server.bytes_received, server.unread_bytes);
    // What was written is in one of the two queues.
    assert_eq!(client.send_queue_bytes.unwrap() + server.unread_bytes.unwrap(), written);
    assert_eq!(client.unsent_bytes, client.send_queue_bytes);
}

#[test]
fn a_delta_is_what_was_sent_between_two_readings() {
    let own = Loopback::open();
    send(&own.client, &own.server, 1_000);
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let [mut earlier, mut later] = [(); 2].map(|()| Stats::new().request(StatsKinds::DATA));
    let query = Query::all().port(own.listening().port());
    let mut read =
        |stats: &mut Stats| -> Vec<BasicRow> { system.table_with_stats(&query, &mut buffer, stats).unwrap().to_vec() };
    let (local, remote) = ends(&own.server);
    let find =
        |rows: Vec<BasicRow>| rows.into_iter().find(|row| (row.local(), row.remote()) == (local, remote)).unwrap();
    let row = find(read(&mut earlier));
    assert_eq!(earlier.delta(&later, &row), None, "a baseline");
    for (sent, answered) in [(12_345, 67), (1, 200_000), (0, 0)] {
        send(&own.client, &own.server, sent);
        send(&own.server, &own.client, answered);
        thread::sleep(Duration::from_millis(10));
        let row = find(read(&mut later));
        let delta = later.delta(&earlier, &row).unwrap();
        assert_eq!((delta.bytes_received, delta.bytes_sent), (Some(sent as u64), Some(answered as u64)));
        assert!(delta.elapsed >= Duration::from_millis(10) && delta.elapsed < Duration::from_secs(20));
        let rate = delta.per_second(delta.bytes_received).unwrap();
        assert!((rate - sent as f64 / delta.elapsed.as_secs_f64()).abs() <= rate / 1e6, "{rate}");
        assert!(later.taken_at() >= earlier.taken_at() && later.instant() > earlier.instant());
        mem::swap(&mut earlier, &mut later);
    }
    // The client closes first, so that its end is in TIME-WAIT, which has no counters.
    let closing = ends(&own.client);
    close(own.client, own.server);
    let mut waiting = None;
    eventually("TIME-WAIT", || {
        let rows = read(&mut later);
        waiting = rows.into_iter().find(|row| (row.local(), row.remote()) == closing);
        waiting.is_some_and(|row| row.state() == State::TimeWait)
    });
    let row = waiting.unwrap();
    assert!(earlier.of(&row).is_some() && later.get(&row).is_some());
    assert_eq!((later.of(&row), later.delta(&earlier, &row), later.tcp_info(&row)), (None, None, None));
    let rest = later.timer(&row).unwrap();
    let minute = Duration::from_secs(50)..=Duration::from_secs(60);
    assert!(matches!(rest, Timer::TimeWait { .. }) && minute.contains(&rest.expires_in()), "{rest:?}");
    assert_eq!(later.uid(&row), None);
}

/// Makes the kernel keep connections to the listener in SYN-RECEIVED until data arrives.
fn defer_accept(listener: &TcpListener) {
    let seconds = 30i32;
    let size = size_of_val(&seconds) as libc::socklen_t;
    let value = (&raw const seconds).cast();
    // SAFETY: the value is an integer of this size.
    let set = unsafe { libc::setsockopt(listener.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, value, size) };
    assert_eq!(set, 0);
}

#[test]
fn requests_have_a_timer_and_no_statistics() {
    let listener = listener_with_backlog(5);
    defer_accept(&listener);
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let mut reader = Reader::of(StatsKinds::all());
    let server = (v6(client.peer_addr().unwrap()), Some(v6(client.local_addr().unwrap())));
    let row = reader.read::<OwnerModuleRow>(server).unwrap();
    assert_eq!(row.state(), State::SynReceived);
    assert_eq!((reader.stats.of(&row), reader.stats.tcp_info(&row)), (None, None));
    assert!(matches!(reader.stats.timer(&row), Some(Timer::Retransmission { .. })));
    // Data completes the handshake. The socket keeps its cookie, and has no earlier counters.
    let before = mem::replace(&mut reader, Reader::of(StatsKinds::all())).stats;
    (&client).write_all(&[7; 10]).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    let open = reader.read::<OwnerModuleRow>(server).unwrap();
    assert_eq!(open.socket_info().unwrap().cookie, row.socket_info().unwrap().cookie);
    assert_eq!((reader.stats.of(&open).unwrap().bytes_received, reader.stats.delta(&before, &open)), (Some(10), None));
    drop(accepted);
}

#[test]
fn every_row_has_statistics_in_every_order_and_filter() {
    let own: Vec<Loopback> = (0..20).map(|_| Loopback::open()).collect();
    let ports: Vec<u16> = own.iter().map(|own| own.listening().port()).collect();
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let mut stats = Stats::new().request(StatsKinds::PATH);
    let queries = [
        Query::all(),
        Query::all().unsorted(),
        Query::listeners(),
        Query::all().states(StateSet::ESTABLISHED).port(ports[3]),
        Query::all().local_port(ports[5]),
    ];
    for query in queries {
        let table = system.table_with_stats::<OwnerModuleRow>(&query, &mut buffer, &mut stats).unwrap();
        assert!(!table.is_empty() && stats.len() == table.len());
        for row in table {
            let found = stats.get(row).unwrap();
            assert_eq!((found.local(), found.remote(), found.state()), (row.local(), row.remote(), row.state()));
            assert_eq!(found.cookie(), row.socket_info().unwrap().cookie);
            let is_own = ports.contains(&row.local().port());
            assert!(!is_own || found.tcp_info().is_some(), "{row:?}");
        }
        let snapshot = table.to_snapshot().unwrap();
        assert!(snapshot.iter().all(|row| stats.of(row) == stats.get(row).and_then(|found| found.connection())));
        let (time, taken_at) = (table.taken_at(), stats.taken_at());
        assert_eq!(Some(time), taken_at);
    }
}

#[test]
fn a_source_passes_statistics_through_references_and_boxes() {
    let own = Loopback::open();
    let (local, remote) = ends(&own.client);
    let mut source: Box<dyn Source> = Box::new(System::new().unwrap());
    let (mut buffer, mut stats) = (Buffer::new(), Stats::new());
    let query = Query::all().port(own.listening().port());
    let table = Table::<BasicRow>::read_with_stats(&mut &mut source, &query, &mut buffer, &mut stats).unwrap();
    let row = table.find(local, remote).next().unwrap();
    assert_eq!(stats.of(row).unwrap().unread_bytes, Some(0));

    stats.clear();
    let mut recording = RecordingSource::new(source, Recorder::new(Vec::new()).unwrap());
    let table = Table::<BasicRow>::read_with_stats(&mut recording, &query, &mut buffer, &mut stats).unwrap();
    assert!(stats.of(table.find(local, remote).next().unwrap()).is_some());
    assert_eq!(Replay::from_reader(&recording.into_parts().1.into_inner()[..]).unwrap().remaining(), 1);
}

#[test]
fn retransmissions_are_counted() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: dropping segments needs root");
    }
    let Some(mut command) = in_namespaces("stats::a_path_that_drops_segments", false) else {
        return eprintln!("skipped: no network namespace can be created");
    };
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

fn ip(arguments: &str) {
    let status = Command::new("ip").arg("-6").args(arguments.split(' ')).status().unwrap();
    assert!(status.success(), "ip -6 {arguments}");
}

#[test]
#[ignore = "not a test: runs in a network namespace of its own"]
fn a_path_that_drops_segments() {
    let [near, far] = ["fd00::1", "fd00::2"];
    for address in [near, far] {
        ip(&format!("addr add {address}/128 dev lo nodad"));
    }
    // A rule before that of local addresses can then drop what one side sends.
    ip("rule add pref 10 lookup local");
    ip("rule del pref 0");
    let listener = TcpListener::bind((far, 0)).unwrap();
    let client = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
    client.bind(&format!("[{near}]:0").parse::<SocketAddrV6>().unwrap().into()).unwrap();
    client.connect(&listener.local_addr().unwrap().into()).unwrap();
    let client = TcpStream::from(client);
    let (server, _) = listener.accept().unwrap();
    send(&client, &server, 100);
    wait_for(&client, "acknowledgement", |stats| stats.bytes_acknowledged == Some(101));

    let mut before = Reader::of(StatsKinds::DATA);
    before.read::<BasicRow>(ends(&client)).unwrap();
    // The server receives the segment, and its acknowledgements are dropped.
    ip(&format!("rule add pref 5 from {far} to {near} blackhole"));
    (&client).write_all(&[7; 500]).unwrap();
    let stats = wait_for(&client, "retransmissions", |stats| stats.segments_retransmitted >= Some(2));
    assert_eq!((stats.unacknowledged_bytes, stats.unsent_bytes), (Some(500), Some(0)));
    let mut during = Reader::of(StatsKinds::all());
    let row = during.read::<BasicRow>(ends(&client)).unwrap();
    let timer = during.stats.timer(&row);
    assert!(matches!(timer, Some(Timer::Retransmission { retransmissions: 1.., .. })), "{timer:?}");
    assert!(during.stats.tcp_info(&row).and_then(TcpInfo::retransmits).is_some_and(|count| count > 0));
    ip("rule del pref 5");

    let stats = wait_for(&client, "recovery", |stats| stats.bytes_acknowledged == Some(601));
    let segments = stats.segments_retransmitted.unwrap();
    assert_eq!(stats.bytes_retransmitted, Some(u64::from(segments) * 500));
    assert_eq!(stats.bytes_sent, Some(600 + u64::from(segments) * 500));
    let mut after = Reader::of(StatsKinds::all());
    let row = after.read::<BasicRow>(ends(&client)).unwrap();
    let delta = after.stats.delta(&before.stats, &row).unwrap();
    assert_eq!(delta.segments_retransmitted, Some(segments.into()));
    assert_eq!((delta.bytes_acknowledged, delta.bytes_sent), (Some(500), stats.bytes_sent.map(|bytes| bytes - 100)));
    let theirs = ss::theirs(&ends(&client)).expect("ss");
    assert_eq!(theirs["retrans"], format!("0/{segments}"));
    assert_eq!(theirs, ss::ours(&after.stats.get(&row).unwrap()));
}

#[test]
fn connections_to_a_listener_are_read_by_their_own_ends() {
    let own = Loopback::open();
    let more: Vec<_> = (0..10).map(|_| connect(&own.listener)).collect();
    for (bytes, (client, server)) in (1..).zip(&more) {
        send(client, server, bytes * 10);
    }
    for (bytes, (_, server)) in (1..).zip(&more) {
        let stats = wait_for(server, "bytes", |stats| stats.bytes_received > Some(0));
        assert_eq!(stats.bytes_received, Some(bytes * 10));
    }
}
