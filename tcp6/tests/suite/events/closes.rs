//! Each way to close a socket.

use std::os::fd::AsRawFd;

use rustix::io::{FdFlags, fcntl_setfd};

use super::*;

pub fn all() {
    sockets_that_were_never_connected_are_ignored();
    listed_sockets_close_once();
    an_active_close_leaves_one_report_for_each_side();
    an_orphan_in_fin_wait_2_is_reported_once();
    a_row_of_a_closed_socket_expires_without_an_event();
    a_connection_without_time_wait_is_brief_on_both_sides();
    a_request_ends_without_an_event();
    refused_and_reset_connections();
    unread_data_and_unaccepted_connections();
    a_process_is_killed();
    a_client_with_ipv4_has_one_socket();
    destroyed_by_an_administrator();
    classes_without_an_identity_report_each_connection();
}

/// Sets a TCP option whose value is a number of seconds.
fn set_seconds(socket: &impl AsRawFd, option: i32, seconds: i32) {
    let size = size_of_val(&seconds) as libc::socklen_t;
    let value = (&raw const seconds).cast();
    #[allow(unsafe_code)]
    // SAFETY: the value is an integer of this size.
    let set = unsafe { libc::setsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, option, value, size) };
    assert_eq!(set, 0);
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
    // The SYN and the FIN count as one byte each. The FIN of the peer counts unless the peer, as on a busy machine, closes
    // so late that the kernel has acknowledged the FIN of this side without it.
    assert_eq!((stats.bytes_sent, stats.bytes_acknowledged), (Some(0), Some(2)));
    assert!(stats.bytes_received.is_some_and(|bytes| bytes <= 1), "{stats:?}");
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

/// What remains of a closed socket ends by itself: in FIN-WAIT-2 after the time of TCP_LINGER2, in TIME-WAIT after a
/// minute.
fn a_row_of_a_closed_socket_expires_without_an_event() {
    let listener = listener();
    let mut watched = Watched::<OwnerModuleRow>::new();
    let (client, server) = connect(&listener);
    watched.until("opened", 2);
    set_seconds(&server, libc::TCP_LINGER2, 1);
    drop(server);
    assert_eq!((&client).read(&mut [0]).unwrap(), 0);
    let seen = watched.until("half-closed", 2);
    let with_stats: Vec<_> = seen.changed().iter().map(|(_, after, stats)| (*after, stats.is_some())).collect();
    assert_eq!(sorted(with_stats), sorted(vec![(State::CloseWait, false), (State::FinWait2, true)]));
    let seen = watched.until("expired", 1);
    let [(row, None)] = seen.removed()[..] else { panic!("{seen:#?}") };
    assert_eq!((row.state(), seen.events()), (State::FinWait2, 0));
    // The kernel resets a connection that it does not know.
    drop(client);
    let seen = watched.until("the peer", 1);
    assert!(matches!(seen.removed()[..], [(_, Some(_))]), "{seen:#?}");
}

/// A kernel that has no space for a socket in TIME-WAIT closes the connection at once.
fn a_connection_without_time_wait_is_brief_on_both_sides() {
    const MAX: &str = "/proc/sys/net/ipv4/tcp_max_tw_buckets";
    let max = std::fs::read_to_string(MAX).unwrap();
    if std::fs::write(MAX, "0").is_err() {
        return eprintln!("skipped: setting {MAX} needs root");
    }
    let listener = listener();
    let mut watched = Watched::<OwnerModuleRow>::new();
    let (client, server) = connect(&listener);
    let both = sorted(vec![ends(&client), ends(&server)]);
    close(client, server);
    let seen = watched.until("no TIME-WAIT", 2);
    std::fs::write(MAX, max).unwrap();
    assert_eq!((seen.brief_ends(), seen.changes.len()), (both, 0));
}

/// A connection that the listener has not accepted yet is a row, and has no socket.
fn a_request_ends_without_an_event() {
    let listener = listener();
    set_seconds(&listener, libc::TCP_DEFER_ACCEPT, 30);
    let mut watched = Watched::<OwnerModuleRow>::new();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let of_client = ends(&client);
    let seen = watched.until("a request", 2);
    let added: Vec<_> = seen.added().iter().map(|row| (row.state(), row.local())).collect();
    let expected = vec![(State::SynReceived, of_client.1), (State::Established, of_client.0)];
    assert_eq!(sorted(added), sorted(expected));
    reset(client);
    let seen = watched.until("reset", 2);
    // The reset erases the statistics of the client, and the request has none.
    assert!(matches!(seen.removed()[..], [(_, None), (_, None)]), "{seen:#?}");
}

fn refused_and_reset_connections() {
    let listener = listener();
    let closed = crate::support::listener();
    let unused = v6(closed.local_addr().unwrap());
    stop(closed);
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

/// The kernel closes the sockets of a process that is killed.
fn a_process_is_killed() {
    let listener = listener();
    let mut watched = Watched::<OwnerModuleRow>::new();
    let (client, server) = connect(&listener);
    let both = sorted(vec![ends(&client), ends(&server)]);
    fcntl_setfd(&server, FdFlags::empty()).unwrap();
    let mut holder = Command::new("sleep").arg("86400").spawn().unwrap();
    (&client).write_all(b"unread").unwrap();
    eventually("the data arrives", || server.peek(&mut [0; 6]).unwrap() == 6);
    drop(server);
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!((&client).read(&mut [0]).is_err());
    drop(client);
    assert_eq!(watched.until("killed", 2).brief_ends(), both);
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

/// Opens a connection from the ends of an earlier one, whose server is in TIME-WAIT, and closes it
/// in the same way.
fn again(listener: &TcpListener, (client, server): (SocketAddrV6, SocketAddrV6)) {
    wait_until_closed(client);
    let socket = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&client.into()).unwrap();
    socket.connect(&server.into()).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    close(accepted, socket.into());
}
