//! Connections that close normally, seen by a `System` and by a `Watcher` that were there before.

use std::io::Read;
use std::net::TcpStream;

use tcp6::os::linux::{OwnerModuleRowExt, SystemExt};
use tcp6::{
    BasicRow, Buffer, Change, OffloadRow, Owner, OwnerModuleRow, OwnerPidRow, Query, Row, State, System, Watcher,
};

use crate::support::{by_itself, connect, eventually, listener};

const CONNECTIONS: usize = 40;

/// Closes one side, and the other one once that has seen it.
fn close(first: TcpStream, mut second: TcpStream) {
    drop(first);
    assert_eq!(second.read(&mut [0]).unwrap(), 0);
}

/// Waits until a fresh `System` shows exactly these states, with their counts, on this port.
fn settle(port: u16, expected: &[(State, usize)]) {
    eventually("all connections are closed", || {
        let mut buffer = Buffer::new();
        let query = Query::all().port(port);
        let table = System::new().unwrap().table::<BasicRow>(&query, &mut buffer).unwrap().to_snapshot().unwrap();
        let counts = table.counts();
        let total: usize = expected.iter().map(|(_, count)| count).sum();
        counts.total() == total && expected.iter().all(|(state, count)| counts.get(*state) == *count)
    });
}

/// A watcher and a `System`, both of one class, and the witness: a `System` made for each table.
struct Kept<R> {
    port: u16,
    watcher: Watcher<R, System>,
    system: System,
}

impl<R: Row> Kept<R> {
    fn new(port: u16) -> Kept<R> {
        let mut watcher = Watcher::new(System::new().unwrap()).report(Query::all().port(port));
        watcher.poll().unwrap();
        let mut kept = Kept { port, watcher, system: System::new().unwrap() };
        assert_eq!(kept.poll(), []);
        kept
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

    /// Polls, and expects this many changes from one state to another, this many rows removed, and nothing else.
    fn expect(&mut self, changed: &[(State, State, usize)], removed: usize) {
        let changes = self.poll();
        for (from, to, count) in changed {
            let matches = |change: &&Change<R>| match change {
                Change::Changed { before, after } => (before.state(), after.state()) == (*from, *to),
                _ => false,
            };
            assert_eq!(changes.iter().filter(matches).count(), *count, "{}: {from} to {to}: {changes:#?}", R::CLASS);
        }
        let gone = changes.iter().filter(|change| matches!(change, Change::Removed(_))).count();
        assert_eq!(gone, removed, "{}: {changes:#?}", R::CLASS);
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
        assert_eq!(self.poll(), [], "{}: nothing happens twice", R::CLASS);
    }
}

fn a_normal_close_is_one_change<R: Row>() {
    let listener = listener();
    let port = listener.local_addr().unwrap().port();
    let connections: Vec<_> = (0..CONNECTIONS).map(|_| connect(&listener)).collect();
    let mut kept = Kept::<R>::new(port);
    for (index, (client, server)) in connections.into_iter().enumerate() {
        if index % 2 == 0 { close(client, server) } else { close(server, client) }
    }
    settle(port, &[(State::Listen, 1), (State::TimeWait, CONNECTIONS)]);
    // The side that closes first is in TIME-WAIT, the other one is gone.
    kept.expect(&[(State::Established, State::TimeWait, CONNECTIONS)], CONNECTIONS);
}

fn a_close_in_two_steps_is_two_changes<R: Row>() {
    let listener = listener();
    let port = listener.local_addr().unwrap().port();
    let connections: Vec<_> = (0..CONNECTIONS).map(|_| connect(&listener)).collect();
    let mut kept = Kept::<R>::new(port);
    // Orphans: no process holds the side in FIN-WAIT-2.
    let (clients, servers): (Vec<_>, Vec<_>) = connections.into_iter().unzip();
    drop(servers);
    settle(port, &[(State::Listen, 1), (State::FinWait2, CONNECTIONS), (State::CloseWait, CONNECTIONS)]);
    kept.expect(
        &[(State::Established, State::FinWait2, CONNECTIONS), (State::Established, State::CloseWait, CONNECTIONS)],
        0,
    );
    drop(clients);
    settle(port, &[(State::Listen, 1), (State::TimeWait, CONNECTIONS)]);
    kept.expect(&[(State::FinWait2, State::TimeWait, CONNECTIONS)], CONNECTIONS);
}

#[test]
fn a_normal_close_is_one_change_in_every_class() {
    by_itself("closing::a_normal_close_is_one_change_in_every_class", || {
        a_normal_close_is_one_change::<BasicRow>();
        a_normal_close_is_one_change::<OwnerPidRow>();
        a_normal_close_is_one_change::<OffloadRow>();
        a_normal_close_is_one_change::<OwnerModuleRow>();
    });
}

#[test]
fn a_close_in_two_steps_is_two_changes_in_every_class() {
    by_itself("closing::a_close_in_two_steps_is_two_changes_in_every_class", || {
        a_close_in_two_steps_is_two_changes::<BasicRow>();
        a_close_in_two_steps_is_two_changes::<OwnerPidRow>();
        a_close_in_two_steps_is_two_changes::<OffloadRow>();
        a_close_in_two_steps_is_two_changes::<OwnerModuleRow>();
    });
}
