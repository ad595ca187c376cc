//! Sockets that are only bound.

use std::net::{Ipv6Addr, SocketAddrV6};
use std::process::Command;

use socket2::{Domain, Socket, Type};
use tcp6::os::linux::{OwnerModuleRowExt, SystemExt};
use tcp6::{BasicRow, Buffer, Class, OwnerModuleRow, OwnerPidRow, Query, Row, State, StateSet, System};

use super::{Space, is_root, this_process};
use crate::support::{by_itself, connect, eventually};

fn bound(end: &str, prepare: impl FnOnce(&Socket)) -> Socket {
    let socket = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
    prepare(&socket);
    socket.bind(&end.parse::<SocketAddrV6>().unwrap().into()).unwrap();
    socket
}

/// The local ends of the rows in this state.
fn locals<R: Row>(system: &mut System, states: StateSet) -> Vec<(String, State)> {
    let mut buffer = Buffer::new();
    let table = system.table::<R>(&Query::all().states(states), &mut buffer).unwrap();
    table.iter().map(|row| (row.local().to_string(), row.state())).collect()
}

/// Whether the kernel lists bound sockets (Linux 6.8), by its version.
fn is_supported() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse::<u32>().unwrap_or(0));
    let is_supported = (numbers.next(), numbers.next()) >= (Some(6), Some(8));
    if !is_supported {
        eprintln!("skipped: Linux {release} does not list bound sockets");
    }
    is_supported
}

/// The bound sockets that `ss` lists in this namespace, or `None` if it cannot.
fn by_ss() -> Option<Vec<String>> {
    // `ss` names the state in which they are listed `bound-inactive` since iproute2 6.8.
    let output = Command::new("ss").args(["-6Htan", "state", "bound-inactive"]).output().ok()?;
    let text = String::from_utf8(output.stdout).unwrap();
    let mut ends: Vec<String> =
        text.lines().map(|line| line.split_whitespace().nth(2).unwrap().replace('*', "[::]")).collect();
    ends.sort();
    output.status.success().then_some(ends)
}

#[test]
fn bound_sockets_are_listed_on_request_only() {
    by_itself("namespaces::bound::bound_sockets_are_listed_on_request_only", || {
        if !is_root() || !is_supported() {
            return;
        }
        let space = Space::new();
        let mut system = System::new().unwrap().in_namespace(&space).unwrap();
        let (sockets, listener, pair) = space.within(|| {
            let sockets = [
                bound("[::]:1001", |_| ()),
                bound("[::1]:1002", |_| ()),
                bound("[::1]:1003", |socket| socket.set_reuse_address(true).unwrap()),
                bound("[::]:1004", |socket| socket.bind_device(Some(b"lo")).unwrap()),
            ];
            let listener = std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 1005)).unwrap();
            let pair = connect(&listener);
            (sockets, listener, pair)
        });
        let expected: Vec<(String, State)> =
            ["[::]:1001", "[::]:1004", "[::1]:1002", "[::1]:1003"].map(|end| (end.to_owned(), State::Bound)).to_vec();
        for _ in 0..3 {
            assert_eq!(locals::<BasicRow>(&mut system, StateSet::BOUND), expected);
            assert_eq!(locals::<OwnerPidRow>(&mut system, StateSet::BOUND), expected);
        }
        if let Some(by_ss) = space.within(by_ss) {
            let mut ends: Vec<String> = expected.iter().map(|(end, _)| end.clone()).collect();
            ends.sort();
            // `ss` adds the device: `[::]%lo:1004`.
            let without_device: Vec<String> = by_ss.iter().map(|end| end.replace("%lo", "")).collect();
            assert_eq!(ends, without_device);
        } else {
            eprintln!("skipped: this ss does not list bound sockets");
        }

        // No other query lists them.
        let states = |rows: Vec<(String, State)>| rows.into_iter().map(|(_, state)| state).collect::<Vec<_>>();
        let count = |states: &[State], state| states.iter().filter(|one| **one == state).count();
        let all = states(locals::<OwnerPidRow>(&mut system, StateSet::all()));
        assert_eq!((all.len(), count(&all, State::Listen), count(&all, State::Established)), (3, 1, 2), "{all:?}");
        assert_eq!(locals::<BasicRow>(&mut system, StateSet::CLOSED), []);
        let more = states(locals::<OwnerPidRow>(&mut system, StateSet::all() | StateSet::BOUND));
        assert_eq!((more.len(), count(&more, State::Bound)), (7, 4), "{more:?}");

        // They have owners and data, and filters apply.
        let mut buffer = Buffer::new();
        let query = Query::all().states(StateSet::BOUND | StateSet::LISTEN);
        let table = system.table::<OwnerModuleRow>(&query.local_port(1004), &mut buffer).unwrap();
        let [row] = table.rows() else { panic!("{table:?}") };
        let info = row.socket_info().unwrap();
        assert_eq!((row.owner(), row.remote(), row.state()), (this_process(), None, State::Bound));
        assert_eq!(info.interface.map(Into::into), Some(1));
        assert!(info.inode.is_some() && info.cookie.is_some() && info.uid == Some(0));
        let row = *row;
        assert_eq!(system.table::<BasicRow>(&query.remote_port(1004), &mut buffer).unwrap().len(), 0);
        assert_eq!(
            system.table::<BasicRow>(&query.local_net("::1/128".parse().unwrap()), &mut buffer).unwrap().len(),
            3
        );
        // A look-up finds it until it is closed.
        assert_eq!(system.look_up(&row).unwrap(), Some(row));
        assert_eq!(Class::OwnerModule, <OwnerModuleRow as Row>::CLASS);
        drop(sockets);
        // Another process that reads the link of a descriptor keeps its file open for a moment.
        eventually("the sockets are closed", || locals::<BasicRow>(&mut system, StateSet::BOUND).is_empty());
        assert_eq!(system.look_up(&row).unwrap(), None);
        drop((listener, pair));
    });
}

#[test]
fn a_bound_socket_that_connects_or_listens_is_in_the_table_once() {
    by_itself("namespaces::bound::a_bound_socket_that_connects_or_listens_is_in_the_table_once", || {
        if !is_root() || !is_supported() {
            return;
        }
        let space = Space::new();
        let mut system = System::new().unwrap().in_namespace(&space).unwrap();
        let listener = space.listener(80);
        let mut buffer = Buffer::new();
        let query = Query::all().states(StateSet::all() | StateSet::BOUND);
        let mut state = |system: &mut System, port: u16| {
            let table = system.table::<OwnerModuleRow>(&query, &mut buffer).unwrap();
            let rows: Vec<_> = table.iter().filter(|row| row.local().port() == port).collect();
            let [row] = rows[..] else { panic!("{rows:?}") };
            (row.state(), row.socket_info().unwrap().cookie)
        };
        for round in 0..50 {
            let port = 2000 + 2 * round;
            let [client, server] =
                [port, port + 1].map(|port| space.within(move || bound(&format!("[::1]:{port}"), |_| ())));
            let (first, cookie) = state(&mut system, port);
            assert_eq!(first, State::Bound);
            assert_eq!(state(&mut system, port + 1).0, State::Bound);
            client.connect(&listener.local_addr().unwrap().into()).unwrap();
            server.listen(1).unwrap();
            assert_eq!(state(&mut system, port), (State::Established, cookie));
            assert_eq!(state(&mut system, port + 1).0, State::Listen);
        }
        assert_eq!(system.unreconciled_refreshes(), 0);
    });
}
