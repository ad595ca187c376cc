//! Look-ups of single sockets: of all kinds, and of sockets that do not exist.

use std::net::{Ipv6Addr, SocketAddrV6};

use socket2::Socket;
use tcp6::os::linux::OwnerModuleRowExt;
use tcp6::{BasicRow, Buffer, Owner, OwnerModuleRow, OwnerPidRow, Query, Row, Snapshot, State, System};

use super::in_a_namespace;
use super::kinds::{Kinds, connect, end, listen, local, socket};
use crate::support::{eventually, stop};

#[test]
fn finds_every_socket_of_the_table() {
    in_a_namespace("queries::find::all_sockets");
}

#[test]
#[ignore = "not a test: runs in the namespace of finds_every_socket_of_the_table"]
fn all_sockets() {
    let kinds = Kinds::open();
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let rows: Snapshot<OwnerModuleRow> = {
        let table = system.table::<OwnerModuleRow>(&Query::all(), &mut buffer).unwrap();
        table.iter().filter(|row| kinds.ports.contains(&row.local().port())).copied().collect()
    };
    assert!(rows.len() > 20, "{rows:?}");
    let calls = system.calls();
    for row in &rows {
        let info = row.socket_info().unwrap();
        let again = system.look_up(row).unwrap().unwrap_or_else(|| panic!("{row:?} exists"));
        assert_eq!((again.state(), again.owner()), (row.state(), row.owner()), "{row:?}");
        assert_eq!(again.socket_info(), Some(info), "{row:?}");

        let found: Option<OwnerPidRow> = system.find(row.local(), row.remote()).unwrap();
        let is_bound = info.interface.is_some() && row.local().scope_id() == 0;
        match found {
            Some(found) => {
                assert_eq!((found.local(), found.remote(), found.state()), (row.local(), row.remote(), row.state()));
                assert_eq!(found.owner(), row.owner());
            }
            None => assert!(is_bound && row.remote().is_some(), "{row:?} exists"),
        }
    }
    assert_eq!(system.calls(), calls, "a look-up reads no table");
    assert!(rows.iter().any(|row| row.owner() == Owner::Process(std::process::id())));
}

#[test]
fn finds_no_socket_that_does_not_exist() {
    in_a_namespace("queries::find::impostors");
}

#[test]
#[ignore = "not a test: runs in the namespace of finds_no_socket_that_does_not_exist"]
fn impostors() {
    let mut kinds = Kinds::open();
    let mut system = System::new().unwrap();
    let mut find = |local, remote| system.find::<BasicRow>(local, remote).unwrap();
    let at = |address: Ipv6Addr, port| SocketAddrV6::new(address, port, 0, 0);
    let listener = local(&kinds.plain.0);

    // The kernel replies with the listener.
    assert_eq!(find(listener, Some(at(Ipv6Addr::LOCALHOST, 9))), None);
    // It finds a wildcard listener by any address.
    let wildcard = kinds.wildcard_end();
    assert!(find(wildcard, None).is_some_and(|row| row.state() == State::Listen));
    assert_eq!(find(at(Ipv6Addr::LOCALHOST, wildcard.port()), None), None);
    assert_eq!(find(at("2001:db8::1".parse().unwrap(), wildcard.port()), None), None);
    // It looks up v4-mapped addresses as IPv4.
    let (client, server) = kinds.ipv4_client();
    assert_eq!(find(client, Some(server)), None, "a socket of AF_INET");
    assert!(find(server, Some(client)).is_some_and(|row| row.local() == server));
    // A port without any socket.
    let closed = listen(socket(), Ipv6Addr::LOCALHOST, 0);
    let free = local(&closed);
    stop(closed);
    assert_eq!((find(free, None), find(free, Some(listener))), (None, None));

    // The listener does not replace a connection that ended.
    let (client, server) = kinds.plain.1.take().unwrap();
    let ends = (local(&server), local(&client));
    assert!(find(ends.0, Some(ends.1)).is_some());
    close_with_reset(client);
    drop(server);
    eventually("the end of the connection", || find(ends.0, Some(ends.1)).is_none());
}

fn close_with_reset(socket: Socket) {
    socket.set_linger(Some(std::time::Duration::ZERO)).unwrap();
}

#[test]
fn a_new_socket_with_the_same_ends_is_another_one() {
    in_a_namespace("queries::find::successors");
}

#[test]
#[ignore = "not a test: runs in the namespace of a_new_socket_with_the_same_ends_is_another_one"]
fn successors() {
    let listener = listen(socket(), Ipv6Addr::LOCALHOST, 0);
    let client = |port| {
        let client = socket();
        client.bind(&end(Ipv6Addr::LOCALHOST, port)).unwrap();
        connect(client, &listener, Ipv6Addr::LOCALHOST)
    };
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let (old, old_server) = client(0);
    let ends = (local(&old), local(&listener));
    let mut row = || -> OwnerModuleRow {
        let table = system.table::<OwnerModuleRow>(&Query::all(), &mut buffer).unwrap();
        *table.find(ends.0, Some(ends.1)).next().unwrap()
    };
    let before = row();
    drop(old_server);
    close_with_reset(old);
    let mut look_up = System::new().unwrap();
    eventually("the end of the connection", || look_up.look_up(&before).unwrap().is_none());

    let (new, _new_server) = client(ends.0.port());
    assert_eq!(local(&new), ends.0);
    assert_eq!(look_up.look_up(&before).unwrap(), None, "the cookie differs");
    assert!(look_up.look_up(&before.to_class::<OwnerPidRow>()).unwrap().is_some(), "the class has no identity");
    let after = row();
    assert_ne!(before.socket_info().unwrap().cookie, after.socket_info().unwrap().cookie);
    assert!(look_up.look_up(&after).unwrap().is_some());

    // A connection that closes keeps its cookie.
    drop(new);
    eventually("FIN-WAIT-2", || look_up.look_up(&after).unwrap().unwrap().state() == State::FinWait2);
}
