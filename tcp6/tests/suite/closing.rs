//! Connections that close normally, read by a `System` and a `Watcher` that also read them while they were open.

use tcp6::os::linux::{OwnerModuleRowExt, SystemExt};
use tcp6::{
    BasicRow, Buffer, Change, OffloadRow, Owner, OwnerModuleRow, OwnerPidRow, Query, Row, State, System, Watcher,
};

use crate::support::{by_itself, close, connect, eventually, listener};

const CONNECTIONS: usize = 40;

/// Waits until a new `System` lists exactly these states on this port, with these counts.
fn wait_for_states(port: u16, expected: &[(State, usize)]) {
    eventually("all sockets of the port are in the expected states", || {
        let mut buffer = Buffer::new();
        let query = Query::all().port(port);
        let table = System::new().unwrap().table::<BasicRow>(&query, &mut buffer).unwrap().to_snapshot().unwrap();
        let counts = table.counts();
        let total: usize = expected.iter().map(|(_, count)| count).sum();
        counts.total() == total && expected.iter().all(|(state, count)| counts.get(*state) == *count)
    });
}

/// A watcher and a `System` that are kept between tables. Each table is compared with that of a new `System`.
struct Observers<R> {
    port: u16,
    watcher: Watcher<R, System>,
    system: System,
}

impl<R: Row> Observers<R> {
    fn new(port: u16) -> Observers<R> {
        let mut watcher = Watcher::new(System::new().unwrap()).report(Query::all().port(port));
        watcher.poll().unwrap();
        let mut observers = Observers { port, watcher, system: System::new().unwrap() };
        assert_eq!(observers.poll(), []);
        observers
    }

    fn poll(&mut self) -> Vec<Change<R>> {
        let query = Query::all().port(self.port);
        let mut buffer = Buffer::new();
        let mut rows = |system: &mut System| system.table::<R>(&query, &mut buffer).unwrap().to_vec();
        let (kept, fresh) = (rows(&mut self.system), rows(&mut System::new().unwrap()));
        let differences: Vec<_> = kept.iter().zip(&fresh).filter(|(kept, fresh)| kept != fresh).collect();
        assert!(kept.len() == fresh.len() && differences.is_empty(), "{}: {differences:#?}", R::CLASS);
        assert_eq!(self.system.unreconciled_refreshes(), 0);
        self.watcher.poll().unwrap().map(Change::cloned).collect()
    }

    /// Polls. Asserts that the changes are these state changes and this number of removed rows, and no others.
    fn expect(&mut self, changed: &[(State, State, usize)], removed: usize) {
        let changes = self.poll();
        for (from, to, count) in changed {
            let matches = |change: &&Change<R>| match change {
                Change::Changed { before, after } => (before.state(), after.state()) == (*from, *to),
                _ => false,
            };
            assert_eq!(changes.iter().filter(matches).count(), *count, "{}: {from} to {to}: {changes:#?}", R::CLASS);
        }
        let removals = changes.iter().filter(|change| matches!(change, Change::Removed(_))).count();
        assert_eq!(removals, removed, "{}: {changes:#?}", R::CLASS);
        let total = removed + changed.iter().map(|(.., count)| count).sum::<usize>();
        assert_eq!(changes.len(), total, "{}: {changes:#?}", R::CLASS);
        for change in changes {
            let Change::Changed { before, after } = change else { continue };
            if after.state() == State::TimeWait && R::CLASS.has_owners() {
                assert_eq!(after.owner(), Owner::Nobody);
            }
            if R::CLASS == OwnerModuleRow::CLASS {
                let cookie = |row: R| row.to_class::<OwnerModuleRow>().socket_info().unwrap().cookie;
                assert_eq!(cookie(before), cookie(after));
            }
        }
        assert_eq!(self.poll(), [], "{}: changes are reported once", R::CLASS);
    }
}

fn check_normal_close<R: Row>() {
    let listener = listener();
    let port = listener.local_addr().unwrap().port();
    let connections: Vec<_> = (0..CONNECTIONS).map(|_| connect(&listener)).collect();
    let mut observers = Observers::<R>::new(port);
    for (index, (client, server)) in connections.into_iter().enumerate() {
        if index % 2 == 0 { close(client, server) } else { close(server, client) }
    }
    wait_for_states(port, &[(State::Listen, 1), (State::TimeWait, CONNECTIONS)]);
    // The side that closes first is in TIME-WAIT. The other side is removed.
    observers.expect(&[(State::Established, State::TimeWait, CONNECTIONS)], CONNECTIONS);
}

fn check_close_in_two_steps<R: Row>() {
    let listener = listener();
    let port = listener.local_addr().unwrap().port();
    let connections: Vec<_> = (0..CONNECTIONS).map(|_| connect(&listener)).collect();
    let mut observers = Observers::<R>::new(port);
    // The sides in FIN-WAIT-2 are orphans: no process holds them.
    let (clients, servers): (Vec<_>, Vec<_>) = connections.into_iter().unzip();
    drop(servers);
    wait_for_states(port, &[(State::Listen, 1), (State::FinWait2, CONNECTIONS), (State::CloseWait, CONNECTIONS)]);
    observers.expect(
        &[(State::Established, State::FinWait2, CONNECTIONS), (State::Established, State::CloseWait, CONNECTIONS)],
        0,
    );
    drop(clients);
    wait_for_states(port, &[(State::Listen, 1), (State::TimeWait, CONNECTIONS)]);
    observers.expect(&[(State::FinWait2, State::TimeWait, CONNECTIONS)], CONNECTIONS);
}

#[test]
fn normal_close_is_one_change_in_every_class() {
    by_itself("closing::normal_close_is_one_change_in_every_class", || {
        check_normal_close::<BasicRow>();
        check_normal_close::<OwnerPidRow>();
        check_normal_close::<OffloadRow>();
        check_normal_close::<OwnerModuleRow>();
    });
}

#[test]
fn close_in_two_steps_is_two_changes_in_every_class() {
    by_itself("closing::close_in_two_steps_is_two_changes_in_every_class", || {
        check_close_in_two_steps::<BasicRow>();
        check_close_in_two_steps::<OwnerPidRow>();
        check_close_in_two_steps::<OffloadRow>();
        check_close_in_two_steps::<OwnerModuleRow>();
    });
}
