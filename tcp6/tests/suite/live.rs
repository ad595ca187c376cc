//! The live table of this machine, which must list the sockets that the tests open.

use std::net::Shutdown;

use tcp6::{
    BasicRow, Buffer, Class, OffloadRow, OwnerModuleRow, OwnerPidRow, Query, Row, Source, State, StateSet, System,
    Table,
};

use crate::support::{Loopback, alone_with_the_table, eventually, states};

/// Asserts that a table of class `R` lists a listener and both sides of a connection, each once.
fn check_own_sockets<R: Row>() {
    let own = Loopback::open();
    let (listening, calling) = (own.listening(), own.calling());
    let mut system = System::new().unwrap();
    let mut buffer = Buffer::new();
    for query in [Query::all(), Query::all().unsorted()] {
        let table = system.table::<R>(&query, &mut buffer).unwrap();
        assert_eq!(states(&table, listening, None), [State::Listen]);
        assert_eq!(states(&table, listening, Some(calling)), [State::Established]);
        assert_eq!(states(&table, calling, Some(listening)), [State::Established]);
    }

    let listeners = system.table::<R>(&Query::listeners(), &mut buffer).unwrap();
    assert_eq!(states(&listeners, listening, None), [State::Listen]);
    assert!(listeners.iter().all(|row| row.state() == State::Listen && row.remote().is_none()));

    let established = Query::all().states(StateSet::ESTABLISHED);
    let table = system.table::<R>(&established, &mut buffer).unwrap();
    assert_eq!(states(&table, listening, None), []);
    assert_eq!(states(&table, listening, Some(calling)), [State::Established]);
    assert!(table.iter().all(|row| row.state() == State::Established));
    assert_eq!(buffer.class(), Some(R::CLASS));
}

#[test]
fn basic_rows_list_new_sockets() {
    check_own_sockets::<BasicRow>();
}

#[test]
fn owner_pid_rows_list_new_sockets() {
    check_own_sockets::<OwnerPidRow>();
}

#[test]
fn offload_rows_list_new_sockets() {
    check_own_sockets::<OffloadRow>();
}

#[test]
fn owner_module_rows_list_new_sockets() {
    check_own_sockets::<OwnerModuleRow>();
}

#[test]
fn closed_sockets_disappear_and_half_closed_ones_change_state() {
    let own = Loopback::open();
    let (listening, calling) = (own.listening(), own.calling());
    let mut system = System::new().unwrap();
    let mut buffer = Buffer::new();
    let mut wait_for = |local, remote, expected: &[State]| {
        eventually(&format!("{local} {remote:?} in state {expected:?}"), || {
            let table = system.table::<BasicRow>(&Query::all(), &mut buffer).unwrap();
            states(&table, local, remote) == expected
        });
    };

    own.client.shutdown(Shutdown::Write).unwrap();
    wait_for(calling, Some(listening), &[State::FinWait2]);
    wait_for(listening, Some(calling), &[State::CloseWait]);
    drop(own.listener);
    wait_for(listening, None, &[]);
    drop(own.server);
    wait_for(listening, Some(calling), &[]);
}

#[test]
fn tables_are_sorted_by_their_ends() {
    let _own: Vec<Loopback> = (0..20).map(|_| Loopback::open()).collect();
    let mut buffer = Buffer::new();
    let table = System::new().unwrap().table::<OwnerPidRow>(&Query::all(), &mut buffer).map(|t| t.to_vec()).unwrap();
    let key = |row: &OwnerPidRow| {
        let end = |end: std::net::SocketAddrV6| (end.ip().octets(), end.scope_id(), end.port());
        (end(row.local()), row.remote().map(end).unwrap_or_default())
    };
    assert!(table.len() >= 60);
    assert!(table.is_sorted_by_key(key));
}

#[test]
fn refresh_into_a_used_buffer_makes_one_call() {
    let _alone = alone_with_the_table();
    let mut system = System::new().unwrap();
    let mut buffer = Buffer::new();
    for class in Class::ALL {
        // On Windows, sockets of other tests can make the buffer too small, which takes a second call. On Linux each
        // refresh, including the first, is one call.
        let max_refreshes = if cfg!(windows) { 50 } else { 4 };
        let mut consecutive = 0;
        for _ in 0..max_refreshes {
            let before = system.calls();
            system.fill(class, &Query::all(), &mut buffer).unwrap();
            consecutive = if system.calls() - before == 1 { consecutive + 1 } else { 0 };
            if consecutive == 4 {
                break;
            }
        }
        assert_eq!(consecutive, 4, "{class}");
    }
}

#[test]
fn system_works_as_a_dyn_source() {
    let own = Loopback::open();
    let mut system = System::new().unwrap();
    let source: &mut dyn Source = &mut system;
    let mut buffer = Buffer::new();
    let table = Table::<BasicRow>::read(source, &Query::listeners(), &mut buffer).unwrap();
    assert_eq!(states(&table, own.listening(), None), [State::Listen]);
}

#[test]
fn public_types_are_send_and_sync() {
    fn check<T: Send + Sync>() {}
    check::<System>();
    check::<Buffer>();
    check::<tcp6::Table<'_, BasicRow>>();
    check::<tcp6::Snapshot<BasicRow>>();
    check::<tcp6::Diff<'_, BasicRow>>();
    check::<tcp6::Watcher<BasicRow, System>>();
    check::<tcp6::Processes>();
    check::<tcp6::Replay>();
    check::<tcp6::Error>();
}

#[cfg(target_os = "linux")]
#[test]
fn linux_rows_have_inode_uid_and_cookie() {
    use std::os::fd::AsFd;
    use tcp6::os::linux::OwnerModuleRowExt;

    let own = Loopback::open();
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let table = system.table::<OwnerModuleRow>(&Query::listeners(), &mut buffer).unwrap();
    let row = table.iter().find(|row| row.local() == own.listening()).unwrap();
    let info = row.socket_info().expect("the row is from Linux");
    let file = rustix::fs::fstat(own.listener.as_fd()).unwrap();
    assert_eq!(u64::from(info.inode.unwrap()), file.st_ino);
    assert_eq!(info.uid, Some(rustix::process::geteuid().as_raw()));
    assert_eq!(info.cookie.unwrap().get(), rustix::net::sockopt::socket_cookie(&own.listener).unwrap());
}

/// If the system does not list sockets that are only bound, as Wine, that is an error and not an empty table.
#[cfg(windows)]
#[test]
fn bound_sockets_are_listed_or_not_supported() {
    use socket2::{Domain, Socket, Type};

    let socket = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
    socket.bind(&"[::1]:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    let local = socket.local_addr().unwrap().as_socket_ipv6().unwrap();
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    for states in [StateSet::BOUND, StateSet::all() | StateSet::BOUND] {
        let query = Query::all().states(states).local_port(local.port());
        match system.table::<BasicRow>(&query, &mut buffer) {
            Ok(table) => assert_eq!(table.iter().map(|row| row.state()).collect::<Vec<_>>(), [State::Bound]),
            Err(error) => assert!(error.is_not_supported(), "{error}"),
        }
    }
}
