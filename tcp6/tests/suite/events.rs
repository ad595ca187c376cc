//! Short connections and final statistics, from destroy events, in a network namespace without other sockets.

mod closes;
mod loss;
mod reports;

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
use crate::support::{close, connect, eventually, listener, reset, stop, v6, wait_until_closed};

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
    let is_report = |line: &&str| line.contains("skipped:") || line.contains(" bytes hold ");
    text.lines().filter(is_report).for_each(|line| eprintln!("{line}"));
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
    closes::all();
    reports::all();
    loss::all();
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

/// Waits until dropped sockets are closed, and the kernel has sent their events.
fn settle() {
    thread::sleep(Duration::from_millis(50));
}

fn ends(stream: &TcpStream) -> (SocketAddrV6, SocketAddrV6) {
    (v6(stream.local_addr().unwrap()), v6(stream.peer_addr().unwrap()))
}

fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort_unstable();
    items
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
