//! The table of the machine that the tests run on, looked up for sockets of their own.

use std::net::Shutdown;

use tcp6::{
    BasicRow, Buffer, Class, OffloadRow, OwnerModuleRow, OwnerPidRow, Query, Row, Source, State, StateSet, System,
    Table,
};

use crate::support::{Loopback, alone_with_the_table, eventually, states};

/// A listener and both sides of its connection are in the table of class `R`, each once.
fn finds_its_own_sockets<R: Row>() {
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
fn basic_rows_show_sockets_opened_a_moment_before() {
    finds_its_own_sockets::<BasicRow>();
}

#[test]
fn owner_pid_rows_show_sockets_opened_a_moment_before() {
    finds_its_own_sockets::<OwnerPidRow>();
}

#[test]
fn offload_rows_show_sockets_opened_a_moment_before() {
    finds_its_own_sockets::<OffloadRow>();
}

#[test]
fn owner_module_rows_show_sockets_opened_a_moment_before() {
    finds_its_own_sockets::<OwnerModuleRow>();
}

#[test]
fn a_closed_socket_is_gone_and_a_half_closed_one_says_so() {
    let own = Loopback::open();
    let (listening, calling) = (own.listening(), own.calling());
    let mut system = System::new().unwrap();
    let mut buffer = Buffer::new();
    let mut shows = |local, remote, wanted: &[State]| {
        eventually(&format!("{local} {remote:?} {wanted:?}"), || {
            let table = system.table::<BasicRow>(&Query::all(), &mut buffer).unwrap();
            states(&table, local, remote) == wanted
        });
    };

    own.client.shutdown(Shutdown::Write).unwrap();
    shows(calling, Some(listening), &[State::FinWait2]);
    shows(listening, Some(calling), &[State::CloseWait]);
    drop(own.listener);
    shows(listening, None, &[]);
    drop(own.server);
    shows(listening, Some(calling), &[]);
}

#[test]
fn a_sorted_table_is_in_the_documented_order() {
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
fn a_refresh_into_a_used_buffer_asks_the_system_once() {
    let _alone = alone_with_the_table();
    let mut system = System::new().unwrap();
    let mut buffer = Buffer::new();
    for class in Class::ALL {
        // On Windows the call fills the buffer, and the sockets of other tests may outgrow it now and then. On Linux each
        // refresh is one call, also the first.
        let most = if cfg!(windows) { 50 } else { 4 };
        let mut in_a_row = 0;
        for _ in 0..most {
            let before = system.calls();
            system.fill(class, &Query::all(), &mut buffer).unwrap();
            in_a_row = if system.calls() - before == 1 { in_a_row + 1 } else { 0 };
            if in_a_row == 4 {
                break;
            }
        }
        assert_eq!(in_a_row, 4, "{class}");
    }
}

#[test]
fn a_system_is_used_through_a_reference_to_any_source() {
    let own = Loopback::open();
    let mut system = System::new().unwrap();
    let source: &mut dyn Source = &mut system;
    let mut buffer = Buffer::new();
    let table = Table::<BasicRow>::read(source, &Query::listeners(), &mut buffer).unwrap();
    assert_eq!(states(&table, own.listening(), None), [State::Listen]);
}

#[test]
fn what_moves_between_threads_may() {
    fn may<T: Send + Sync>() {}
    may::<System>();
    may::<Buffer>();
    may::<tcp6::Table<'_, BasicRow>>();
    may::<tcp6::Snapshot<BasicRow>>();
    may::<tcp6::Diff<'_, BasicRow>>();
    may::<tcp6::Watcher<BasicRow, System>>();
    may::<tcp6::Processes>();
    may::<tcp6::Replay>();
    may::<tcp6::Error>();
}

#[cfg(target_os = "linux")]
#[test]
fn linux_tells_inode_user_and_cookie_of_a_socket() {
    use std::os::fd::AsFd;
    use tcp6::os::linux::OwnerModuleRowExt;

    let own = Loopback::open();
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let table = system.table::<OwnerModuleRow>(&Query::listeners(), &mut buffer).unwrap();
    let row = table.iter().find(|row| row.local() == own.listening()).unwrap();
    let info = row.socket_info().expect("a row from Linux");
    let file = rustix::fs::fstat(own.listener.as_fd()).unwrap();
    assert_eq!(u64::from(info.inode.unwrap()), file.st_ino);
    assert_eq!(info.uid, Some(rustix::process::geteuid().as_raw()));
    assert_eq!(info.cookie.unwrap().get(), rustix::net::sockopt::socket_cookie(&own.listener).unwrap());
}
