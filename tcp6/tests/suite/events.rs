//! Short connections and final statistics, from destroy events, in a network namespace without other sockets.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV6, TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use rustix::thread::{UnshareFlags, unshare_unsafe};
use socket2::{Domain, Socket, Type};
use tcp6::os::linux::{BriefExt, OwnerModuleRowExt};
use tcp6::{
    BasicRow, Brief, Buffer, Change, Class, ConnectionStats, Error, EventOptions, Events, Owner, OwnerModuleRow,
    OwnerPidRow, Query, Replay, Row, Snapshot, Source, State, StateSet, System, Watcher,
};

use crate::life::namespace::in_namespaces;
use crate::support::{connect, eventually, listener, reset, v6};

/// Runs all tests of [`in_a_namespace`] in a namespace, as this user.
fn run(user: Option<u32>) {
    let Some(mut command) = in_namespaces("events::in_a_namespace", false) else {
        return eprintln!("skipped: creating a network namespace needs root");
    };
    if let Some(user) = user {
        // The namespace is created as root.
        let set_user = format!("exec setpriv --reuid={user} --regid={user} --clear-groups");
        let program = std::env::current_exe().unwrap();
        command = Command::new("unshare");
        let script = format!("ip link set lo up; {set_user} \"$0\" \"$@\"");
        command.args(["--net", "sh", "-ec", &script]).arg(readable_copy(&program));
        command.args(["--ignored", "--exact", "events::in_a_namespace", "--nocapture", "--test-threads=1"]);
    }
    let output = command.env(INSIDE, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    text.lines().filter(|line| line.contains("skipped:")).for_each(|line| eprintln!("{line}"));
}

/// A copy of the program in a folder that every user may read.
fn readable_copy(program: &std::path::Path) -> std::path::PathBuf {
    let copy = std::env::temp_dir().join(format!("tcp6-events-{}", std::process::id()));
    std::fs::copy(program, &copy).unwrap();
    copy
}

const INSIDE: &str = "TCP6_EVENTS_INSIDE";

#[test]
fn every_kind_of_close_as_root() {
    run(None);
}

#[test]
fn every_kind_of_close_as_nobody() {
    run(Some(65_534));
    let _ = std::fs::remove_file(std::env::temp_dir().join(format!("tcp6-events-{}", std::process::id())));
}

#[test]
#[ignore = "not a test: the main function of a child in a network namespace"]
fn in_a_namespace() {
    if std::env::var_os(INSIDE).is_none() {
        return;
    }
    sockets_that_were_never_connected_are_ignored();
    listed_sockets_close_once();
    an_active_close_leaves_one_report_for_each_side();
    an_orphan_in_fin_wait_2_is_reported_once();
    refused_and_reset_connections();
    unread_data_and_unaccepted_connections();
    a_client_with_ipv4_has_one_socket();
    destroyed_by_an_administrator();
    classes_without_an_identity_report_each_connection();
    statistics_are_final();
    queries_select_short_connections();
    the_owner_of_the_listener_is_inferred();
    a_failed_poll_keeps_its_events();
    owned_changes_have_their_events();
    lost_events_are_counted();
    a_thread_receives_events();
    another_namespace_is_refused();
}

/// All reports of several polls.
#[derive(Debug)]
struct Seen<R> {
    changes: Vec<(Change<R>, Option<ConnectionStats>)>,
    brief: Vec<Brief>,
    ignored: u64,
    missed: u64,
}

impl<R: Row> Seen<R> {
    fn new() -> Seen<R> {
        Seen { changes: Vec::new(), brief: Vec::new(), ignored: 0, missed: 0 }
    }

    fn events(&self) -> u64 {
        self.brief.len() as u64 + self.ignored + self.missed
    }

    fn added(&self) -> Vec<R> {
        self.changes
            .iter()
            .filter_map(|(change, _)| match change {
                Change::Added(row) => Some(*row),
                _ => None,
            })
            .collect()
    }

    fn removed(&self) -> Vec<(R, Option<ConnectionStats>)> {
        self.changes
            .iter()
            .filter_map(|(change, stats)| match change {
                Change::Removed(row) => Some((*row, *stats)),
                _ => None,
            })
            .collect()
    }

    fn changed(&self) -> Vec<(State, State, Option<ConnectionStats>)> {
        self.changes
            .iter()
            .filter_map(|(change, stats)| match change {
                Change::Changed { before, after } => Some((before.state(), after.state(), *stats)),
                _ => None,
            })
            .collect()
    }

    fn brief_ends(&self) -> Vec<(SocketAddrV6, SocketAddrV6)> {
        let mut ends: Vec<_> = self.brief.iter().map(|brief| (brief.local(), brief.remote())).collect();
        ends.sort_unstable();
        ends
    }
}

/// A watcher with events after its first poll.
struct Watched<R>(Watcher<R, System>);

impl<R: Row> Watched<R> {
    fn new() -> Watched<R> {
        Watched::of(Watcher::new(System::new().unwrap()), &EventOptions::new())
    }

    fn of(mut watcher: Watcher<R, System>, options: &EventOptions) -> Watched<R> {
        settle();
        watcher.subscribe(options).unwrap();
        assert_eq!(watcher.poll().unwrap().count(), 0);
        let mut watched = Watched(watcher);
        // The first table of an empty namespace tests whether there are IPv6 sockets.
        settle();
        watched.poll(&mut Seen::new());
        watched
    }

    fn poll(&mut self, seen: &mut Seen<R>) {
        let changes = self.0.poll().unwrap();
        seen.brief.extend(changes.brief().cloned());
        seen.ignored += changes.ignored();
        seen.missed += changes.missed();
        seen.changes.extend(changes.clone().map(|change| (change.cloned(), changes.final_stats(change))));
    }

    /// Polls until this many reports have arrived, and asserts that no more do.
    fn until(&mut self, what: &str, reports: usize) -> Seen<R> {
        let mut seen = Seen::new();
        let count = |seen: &Seen<R>| seen.changes.len() + seen.events() as usize;
        settle();
        eventually(what, || {
            self.poll(&mut seen);
            count(&seen) >= reports
        });
        settle();
        self.poll(&mut seen);
        self.poll(&mut seen);
        assert_eq!(count(&seen), reports, "{what}: {seen:#?}");
        assert_eq!(seen.missed, 0, "{what}");
        seen
    }
}

/// Waits until the kernel has sent the events of destroyed sockets.
fn settle() {
    thread::sleep(Duration::from_millis(50));
}

/// Closes `first`, and closes `second` after it has read the end of the stream.
fn close(first: TcpStream, mut second: TcpStream) {
    drop(first);
    assert_eq!(second.read(&mut [0]).unwrap(), 0);
}

fn ends(stream: &TcpStream) -> (SocketAddrV6, SocketAddrV6) {
    (v6(stream.local_addr().unwrap()), v6(stream.peer_addr().unwrap()))
}

fn sockets_that_were_never_connected_are_ignored() {
    let mut watched = Watched::<OwnerModuleRow>::new();
    let socket = || Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
    drop(socket());
    let bound = socket();
    bound.bind(&SocketAddr::from((Ipv6Addr::LOCALHOST, 0)).into()).unwrap();
    drop(bound);
    drop(TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap());
    let seen = watched.until("socket, bind and listen", 3);
    assert_eq!((seen.ignored, seen.brief.len(), seen.changes.len()), (3, 0, 0));
}

fn listed_sockets_close_once() {
    let mut watched = Watched::<OwnerModuleRow>::new();
    let listener = listener();
    let connections: Vec<_> = (0..3).map(|_| connect(&listener)).collect();
    watched.until("opened", 7);
    let mut orderly = connections.into_iter();
    let (client, server) = orderly.next().unwrap();
    close(client, server);
    let seen = watched.until("TIME-WAIT and removed", 2);
    let [(State::Established, State::TimeWait, Some(_))] = seen.changed()[..] else { panic!("{seen:#?}") };
    let [(_, Some(_))] = seen.removed()[..] else { panic!("{seen:#?}") };

    // A reset by this side erases the statistics of its socket, but not those of the other side.
    let (client, server) = orderly.next().unwrap();
    let of_server = ends(&server).0;
    reset(client);
    assert!((&server).read(&mut [0]).is_err());
    // The peer was reset, and its process keeps the socket open.
    let seen = watched.until("reset", 2);
    assert!(seen.removed().iter().all(|(_, stats)| stats.is_none()), "{seen:#?}");
    drop(server);
    // The close of a socket that has left the table was reported.
    let seen = watched.until("closed after a reset", 0);
    assert_eq!(seen.brief_ends(), [], "{of_server}");

    let (client, server) = orderly.next().unwrap();
    drop(listener);
    let seen = watched.until("the listener", 1);
    assert_eq!(seen.removed()[0].0.state(), State::Listen);
    // Both sides in TIME-WAIT, FIN-WAIT-2 and CLOSE-WAIT first.
    client.shutdown(Shutdown::Write).unwrap();
    let seen = watched.until("half closed", 2);
    assert!(seen.changed().iter().all(|(_, after, stats)| *after != State::TimeWait && stats.is_none()), "{seen:#?}");
    drop(server);
    drop(client);
    let seen = watched.until("closed", 2);
    assert_eq!(seen.changed().len(), 1);
    assert!(seen.changed()[0].2.is_some() && seen.removed()[0].1.is_some(), "{seen:#?}");
}

fn an_active_close_leaves_one_report_for_each_side() {
    let listener = listener();
    let mut watched = Watched::<OwnerModuleRow>::new();
    let (client, server) = connect(&listener);
    let (of_client, of_server) = (ends(&client), ends(&server));
    close(client, server);
    let seen = watched.until("a short connection", 2);
    // The side that closes first is in TIME-WAIT, with another cookie than its event. The other side is brief.
    assert_eq!(seen.brief_ends(), [of_server]);
    let [(Change::Added(row), Some(stats))] = seen.changes[..] else { panic!("{seen:#?}") };
    assert_eq!((row.local(), row.remote(), row.state()), (of_client.0, Some(of_client.1), State::TimeWait));
    // The SYN and the FIN count as one byte each.
    assert_eq!((stats.bytes_sent, stats.bytes_acknowledged, stats.bytes_received), (Some(0), Some(2), Some(1)));
    let cookie = seen.brief[0].cookie();
    assert!(cookie.is_some() && row.socket_info().unwrap().cookie != cookie);

    // The same ends several times, with the server in TIME-WAIT in between.
    let (client, server) = connect(&listener);
    let (of_client, of_server) = (ends(&client), ends(&server));
    close(server, client);
    watched.until("in TIME-WAIT", 2);
    (0..3).for_each(|_| again(&listener, of_client));
    let seen = watched.until("three connections with the same ends", 3 + 2 + 2);
    // Two of the three servers are brief. The row in TIME-WAIT was replaced.
    assert_eq!(seen.brief_ends(), sorted(vec![of_client, of_client, of_client, of_server, of_server]));
    assert_eq!((seen.added().len(), seen.removed().len()), (1, 1));
}

/// A process closes a connection between two tables, and the peer does not. The kernel has replaced the socket, and sent
/// its event.
fn an_orphan_in_fin_wait_2_is_reported_once() {
    let listener = listener();
    let mut watched = Watched::<OwnerModuleRow>::new();
    let (client, server) = connect(&listener);
    let (of_client, of_server) = (ends(&client), ends(&server));
    drop(server);
    assert_eq!((&client).read(&mut [0]).unwrap(), 0);
    let seen = watched.until("a half-closed connection", 2);
    let mut added: Vec<_> = seen.added().iter().map(|row| (row.state(), row.local(), row.remote().unwrap())).collect();
    added.sort_unstable();
    let expected = [(State::CloseWait, of_client.0, of_client.1), (State::FinWait2, of_server.0, of_server.1)];
    assert_eq!(added, sorted(expected.to_vec()));
    drop(client);
    let seen = watched.until("the end", 2);
    assert_eq!((seen.removed().len(), seen.brief.len()), (1, 0), "{seen:#?}");
    assert!(matches!(seen.changes[..], [_, _]), "the orphan is in TIME-WAIT");
}

/// Opens a connection from the ends of an earlier one, whose server is in TIME-WAIT, and closes it
/// in the same way.
fn again(listener: &TcpListener, (client, server): (SocketAddrV6, SocketAddrV6)) {
    let socket = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&client.into()).unwrap();
    socket.connect(&server.into()).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    close(accepted, socket.into());
}

fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort_unstable();
    items
}

fn refused_and_reset_connections() {
    let listener = listener();
    let unused = {
        let closed = crate::support::listener();
        v6(closed.local_addr().unwrap())
    };
    let mut watched = Watched::<OwnerModuleRow>::new();
    assert!(TcpStream::connect(unused).is_err());
    let seen = watched.until("refused", 1);
    assert_eq!(seen.ignored, 1, "its ends were erased");

    let (client, server) = connect(&listener);
    let of_server = ends(&server);
    reset(client);
    assert!((&server).read(&mut [0]).is_err());
    drop(server);
    let seen = watched.until("reset", 2);
    assert_eq!((seen.brief_ends(), seen.ignored), (vec![of_server], 1));
}

fn unread_data_and_unaccepted_connections() {
    let waiting = listener();
    let mut watched = Watched::<OwnerModuleRow>::new();
    let (client, mut server) = connect(&waiting);
    let both = sorted(vec![ends(&client), ends(&server)]);
    server.write_all(b"unread").unwrap();
    eventually("the data arrives", || client.peek(&mut [0; 6]).unwrap() == 6);
    // Closing with unread data sends a reset.
    drop(client);
    assert!(server.read(&mut [0]).is_err());
    drop(server);
    let seen = watched.until("unread data", 2);
    assert_eq!(seen.brief_ends(), both);

    let client = TcpStream::connect(waiting.local_addr().unwrap()).unwrap();
    let of_client = ends(&client);
    drop(waiting);
    assert!((&client).read(&mut [0]).is_err());
    drop(client);
    let seen = watched.until("never accepted", 3);
    // The listener was listed. The ends of the connection in its queue were erased.
    assert_eq!((seen.brief_ends(), seen.ignored, seen.removed().len()), (vec![of_client], 1, 1));
}

fn a_client_with_ipv4_has_one_socket() {
    let dual = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
    dual.set_only_v6(false).unwrap();
    dual.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into()).unwrap();
    dual.listen(1).unwrap();
    let port = dual.local_addr().unwrap().as_socket().unwrap().port();
    let mut watched = Watched::<OwnerModuleRow>::new();
    let client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let (server, _) = dual.accept().unwrap();
    close(client, server.into());
    let seen = watched.until("v4-mapped", 1);
    assert_eq!(seen.brief[0].local().ip().to_ipv4_mapped(), Some(Ipv4Addr::LOCALHOST));
}

fn destroyed_by_an_administrator() {
    let listener = listener();
    let mut watched = Watched::<OwnerModuleRow>::new();
    let (client, server) = connect(&listener);
    let both = sorted(vec![ends(&client), ends(&server)]);
    let port = format!(":{}", ends(&client).0.port());
    let killed = Command::new("ss").args(["-6tKH", "sport", "=", &port]).output();
    let is_killed = (&client).write_all(b"x").is_err();
    if !is_killed {
        return eprintln!("skipped: ss cannot destroy a socket here: {killed:?}");
    }
    assert!((&server).read(&mut [0]).is_err());
    let mut seen = Seen::new();
    settle();
    watched.poll(&mut seen);
    assert_eq!(seen.events(), 0, "the owners have not closed the sockets");
    drop((client, server));
    assert_eq!(watched.until("destroyed", 2).brief_ends(), both);
}

/// A connection whose row in TIME-WAIT replaces an equal row, or that of another connection.
fn classes_without_an_identity_report_each_connection() {
    let listener = listener();
    let mut watched = Watched::<BasicRow>::new();
    let (client, server) = connect(&listener);
    let (of_client, of_server) = (ends(&client), ends(&server));
    watched.until("opened", 2);
    close(server, client);
    again(&listener, of_client);
    let seen = watched.until("closed and opened again", 4);
    // The first connection is reported by the changes, the second one as brief.
    assert_eq!(seen.brief_ends(), sorted(vec![of_client, of_server]));
    assert!(matches!(seen.changed()[..], [(State::Established, State::TimeWait, _)]), "{seen:#?}");
    again(&listener, of_client);
    let seen = watched.until("again, with equal rows in TIME-WAIT", 2);
    assert_eq!(seen.brief_ends(), sorted(vec![of_client, of_server]));
}

fn statistics_are_final() {
    let listener = listener();
    let mut watched = Watched::<OwnerModuleRow>::new();
    let (mut client, mut server) = connect(&listener);
    let of_server = ends(&server);
    client.write_all(&[1; 1000]).unwrap();
    server.read_exact(&mut [0; 1000]).unwrap();
    server.write_all(&[2; 3000]).unwrap();
    client.read_exact(&mut [0; 3000]).unwrap();
    close(client, server);
    let seen = watched.until("transfers", 2);
    let [brief] = &seen.brief[..] else { panic!("{seen:#?}") };
    assert_eq!((brief.local(), brief.remote()), of_server);
    let stats = brief.stats().unwrap();
    assert_eq!((stats.bytes_sent, stats.bytes_received), (Some(3000), Some(1001)), "a FIN counts as one byte");
    assert!(stats.rtt.is_some_and(|rtt| rtt < Duration::from_secs(1)), "{stats:?}");
    assert!(stats.segments_sent.is_some_and(|segments| segments >= 3), "{stats:?}");
    assert_eq!((stats.unread_bytes, stats.send_queue_bytes, stats.unsent_bytes), (None, None, None));
    assert_eq!(brief.tcp_info().unwrap().bytes_sent(), Some(3000));
    let added = seen.changes[0].1.unwrap();
    assert_eq!((added.bytes_sent, added.bytes_received), (Some(1000), Some(3001)));
}

fn queries_select_short_connections() {
    let listeners = [listener(), listener()];
    let port = |index: usize| listeners[index].local_addr().unwrap().port();
    let watcher = |query: Query| Watcher::<OwnerModuleRow, _>::new(System::new().unwrap()).with_query(query);
    let options = EventOptions::new();
    let connections = |seen: &Seen<OwnerModuleRow>| seen.brief.len() + seen.changes.len();
    for (query, expected) in [
        (Query::all(), 4),
        (Query::all().port(port(0)), 2),
        (Query::all().local_port(port(0)), 1),
        // TIME-WAIT is not read, so that both sides are brief.
        (Query::all().states(StateSet::all() - StateSet::TIME_WAIT), 4),
        // A connection that is not listed need not be short.
        (Query::listeners(), 0),
        (Query::all().states(StateSet::ESTABLISHED | StateSet::TIME_WAIT), 2),
    ] {
        let mut watched = Watched::of(watcher(query), &options);
        for listener in &listeners {
            let (client, server) = connect(listener);
            close(client, server);
        }
        let mut seen = Seen::new();
        settle();
        (0..3).for_each(|_| watched.poll(&mut seen));
        assert_eq!(connections(&seen), expected, "{query:?}: {seen:#?}");
    }
    // The whole table is read, and a part is reported.
    let all = Watcher::<OwnerModuleRow, _>::new(System::new().unwrap()).report(Query::all().local_port(port(1)));
    let mut watched = Watched::of(all, &options);
    for listener in &listeners {
        let (client, server) = connect(listener);
        close(client, server);
    }
    let seen = watched.until("one port", 2);
    // The rows of the clients in TIME-WAIT have other local ports.
    assert_eq!((seen.brief.len(), seen.ignored), (1, 1), "{seen:#?}");
}

fn the_owner_of_the_listener_is_inferred() {
    let listener = listener();
    let mut watcher = Watcher::<OwnerPidRow, _>::new(System::new().unwrap()).with_events().unwrap();
    watcher.poll().unwrap();
    let (client, server) = connect(&listener);
    let (of_client, of_server) = (ends(&client), ends(&server));
    // Neither side stays in TIME-WAIT.
    (&client).write_all(b"unread").unwrap();
    eventually("the data arrives", || server.peek(&mut [0; 6]).unwrap() == 6);
    drop(server);
    assert!((&client).read(&mut [0]).is_err());
    drop(client);
    settle();
    let changes = watcher.poll().unwrap();
    assert_eq!(changes.brief().len(), 2);
    for brief in changes.brief() {
        let expected = (brief.local() == of_server.0).then_some(Owner::Process(std::process::id()));
        assert_eq!(changes.inferred_owner(brief), expected, "{brief:?} {of_client:?}");
    }
}

/// Fails before or after the table is read.
struct Failing {
    system: System,
    fails_before: bool,
    fails_after: bool,
}

impl Source for Failing {
    fn fill(&mut self, class: Class, query: &Query, buffer: &mut Buffer) -> Result<(), Error> {
        self.system.fill(class, query, buffer)
    }

    fn subscribe(&mut self, options: &EventOptions) -> Result<(), Error> {
        self.system.subscribe(options)
    }

    fn fill_with_events(
        &mut self,
        class: Class,
        query: &Query,
        buffer: &mut Buffer,
        events: &mut Events,
    ) -> Result<(), Error> {
        if self.fails_before {
            return Err(Error::NotSupported);
        }
        self.system.fill_with_events(class, query, buffer, events)?;
        if self.fails_after { Err(Error::NotSupported) } else { Ok(()) }
    }
}

fn a_failed_poll_keeps_its_events() {
    let listener = listener();
    let source = Failing { system: System::new().unwrap(), fails_before: false, fails_after: false };
    let mut watcher = Watcher::<OwnerModuleRow, _>::new(source).with_events().unwrap();
    watcher.poll().unwrap();
    let short = || {
        let (client, server) = connect(&listener);
        let of_server = ends(&server);
        close(client, server);
        settle();
        of_server
    };
    let mut expected = vec![short()];
    watcher.source_mut().fails_after = true;
    for _ in 0..3 {
        assert!(watcher.poll().is_err());
        assert_eq!(watcher.events().unwrap().brief().len(), 0);
    }
    expected.push(short());
    (watcher.source_mut().fails_after, watcher.source_mut().fails_before) = (false, true);
    assert!(watcher.poll().is_err());
    expected.push(short());
    watcher.source_mut().fails_before = false;
    let changes = watcher.poll().unwrap();
    let brief: Vec<_> = changes.brief().map(|brief| (brief.local(), brief.remote())).collect();
    assert_eq!(brief, expected);
    assert_eq!(changes.filter(|change| matches!(change, Change::Added(_))).count(), 3, "in TIME-WAIT");
    assert_eq!(watcher.poll().unwrap().brief().len(), 0);
    // A table that somebody else reads from the source changes nothing.
    short();
    let mut buffer = Buffer::new();
    watcher.source_mut().system.table::<BasicRow>(&Query::listeners(), &mut buffer).unwrap();
    assert_eq!(watcher.poll().unwrap().brief().len(), 1);
}

fn owned_changes_have_their_events() {
    let listener = listener();
    let mut watcher = Watcher::<OwnerModuleRow, _>::new(System::new().unwrap()).report_initial().with_events().unwrap();
    assert!(!watcher.poll_owned().unwrap().is_empty());
    let (client, server) = connect(&listener);
    close(client, server);
    settle();
    let changes = watcher.poll_owned().unwrap();
    let [Change::Added(row)] = changes[..] else { panic!("{changes:?}") };
    let events = watcher.events().unwrap();
    assert!(events.final_stats(&row).is_some());
    assert_eq!(events.brief().len(), 1);
    assert!(watcher.poll_owned().unwrap().is_empty());
    assert_eq!(watcher.events().unwrap().brief().len(), 0);
}

/// Creates and destroys sockets. Each makes one event.
fn destroy(sockets: usize) {
    for _ in 0..sockets {
        drop(Socket::new(Domain::IPV6, Type::STREAM, None).unwrap());
    }
}

fn lost_events_are_counted() {
    for (sockets, options) in [(2_000, EventOptions::new().receive_buffer(1)), (5_000, EventOptions::new())] {
        let is_small = options.wanted_receive_buffer() == 1;
        let mut watched = Watched::of(Watcher::<BasicRow, _>::new(System::new().unwrap()), &options);
        let mut seen = Seen::new();
        for _ in 0..3 {
            destroy(sockets);
            eventually("all events", || {
                watched.poll(&mut seen);
                seen.events() as usize % sockets == 0 && seen.events() > 0
            });
        }
        settle();
        watched.poll(&mut seen);
        assert_eq!(seen.events() as usize, 3 * sockets, "{options:?}");
        if is_small {
            assert!(seen.missed > 0 && seen.ignored > 0, "{seen:?}");
        } else if rustix::process::geteuid().is_root() {
            assert_eq!(seen.missed, 0);
        }
        assert_eq!(seen.changes.len(), 0);
    }
}

fn a_thread_receives_events() {
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let before = threads();
    let options = EventOptions::new().thread(true);
    let mut watched = Watched::of(Watcher::<BasicRow, _>::new(System::new().unwrap()), &options);
    assert_eq!(threads(), before + 1);
    let mut seen = Seen::new();
    // More than fit into a receive buffer without privileges, with pauses in which the thread can receive them.
    for _ in 0..30 {
        destroy(100);
        thread::sleep(Duration::from_millis(2));
    }
    settle();
    watched.poll(&mut seen);
    assert_eq!(seen.events(), 3_000);
    drop(watched);
    assert_eq!(threads(), before, "the thread has ended");
}

fn another_namespace_is_refused() {
    let mut watcher = Watcher::<BasicRow, _>::new(System::new().unwrap());
    thread::scope(|scope| {
        scope.spawn(|| {
            #[allow(unsafe_code)]
            // SAFETY: no file descriptor table is unshared, which is what makes this call unsafe.
            if unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.is_err() {
                return eprintln!("skipped: creating a network namespace needs root");
            }
            let error = watcher.subscribe(&EventOptions::new()).unwrap_err();
            assert!(error.to_string().contains("another network namespace"), "{error}");
        });
    });
}

#[test]
fn sources_without_events_are_not_supported() {
    let table = Snapshot::from_iter([BasicRow::new(State::Listen, "[::1]:80".parse().unwrap(), None)]);
    let mut watcher = Watcher::<BasicRow, _>::new(Replay::new().then(&table).unwrap().then(&table).unwrap());
    assert!(matches!(watcher.subscribe(&EventOptions::new()), Err(Error::NotSupported)));
    // The watcher works without them.
    assert_eq!(watcher.poll().unwrap().count(), 0);
    let changes = watcher.poll().unwrap();
    assert_eq!((changes.brief().len(), changes.ignored(), changes.missed()), (0, 0, 0));
    assert!(changes.events().is_none());
    assert!(matches!(watcher.with_events(), Err(Error::NotSupported)));
}
