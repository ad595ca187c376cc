//! `tcp6 watch --json`.

use std::cell::RefCell;
use std::collections::BTreeSet;
#[cfg(unix)]
use std::io::Read;
use std::io::{BufRead, BufReader};
use std::net::{Shutdown, SocketAddrV6, TcpStream};
use std::process::Output;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tcp6::{Change, OwnerPidRow, Row};

use crate::support::{self, Guarded, Loopback, is_end, program, started, v6};

fn output(arguments: &[&str]) -> Output {
    support::output(&[&["watch", "--json"], arguments].concat())
}

/// The lines of a run that has to succeed.
fn changes(arguments: &[&str]) -> Vec<Value> {
    support::stdout(&output(arguments)).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A run that goes on; its lines are read as they come.
struct Running {
    _child: Guarded,
    lines: Receiver<String>,
    /// The ends of the rows that the lines so far lead to.
    rows: RefCell<BTreeSet<Ends>>,
}

type Ends = (SocketAddrV6, Option<SocketAddrV6>);

impl Running {
    fn start(arguments: &[&str]) -> Running {
        let mut child = started(|| program(&[&["watch", "--json"], arguments].concat()).spawn());
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || output.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Running { _child: Guarded(child), lines, rows: RefCell::default() }
    }

    /// Fails if a row is added twice, or if one is changed or removed that is not there. Wine's own table repeats rows while
    /// others come and go.
    fn apply(&self, change: &Value) {
        if cfg!(windows) {
            return;
        }
        let change = serde_json::from_value::<Change<OwnerPidRow>>(change.clone()).unwrap();
        let ends = |row: OwnerPidRow| (row.local(), row.remote());
        let mut rows = self.rows.borrow_mut();
        let is_possible = match change {
            Change::Added(row) => rows.insert(ends(row)),
            Change::Changed { before, after } => rows.remove(&ends(before)) && rows.insert(ends(after)),
            Change::Removed(row) => rows.remove(&ends(row)),
        };
        assert!(is_possible, "{change:?} after which {rows:?}");
    }

    /// Waits for a line for which this holds. Which lines precede it depends on the moments of the polls; each of them has to
    /// be possible after the ones before it.
    fn expect(&self, what: &str, holds: impl Fn(&Value) -> bool) {
        loop {
            let line =
                self.lines.recv_timeout(Duration::from_secs(20)).unwrap_or_else(|error| panic!("{what}: {error}"));
            let change = serde_json::from_str(&line).unwrap();
            self.apply(&change);
            if holds(&change) {
                return;
            }
        }
    }
}

#[test]
fn the_first_poll_prints_nothing_without_initial() {
    let own = Loopback::open();
    assert_eq!(changes(&["--count", "1"]), [] as [Value; 0]);

    let initial = changes(&["--count", "1", "--initial"]);
    assert!(initial.iter().all(|change| change["change"] == "added"), "{initial:?}");
    let is_ours =
        |row: &Value| is_end(&row["local"], own.listening()) && row["state"] == "LISTEN" && row["remote"].is_null();
    assert_eq!(initial.iter().filter(|change| is_ours(&change["row"])).count(), 1, "{initial:?}");

    let narrowed = ["--count", "1", "--initial", "--port", &own.port()];
    assert_eq!(changes(&narrowed).len(), 3);
    assert_eq!(changes(&[&narrowed[..], &["--state", "LISTENING,CLOSE_WAIT"]].concat()).len(), 1);
}

#[test]
fn a_line_is_a_change_of_a_row_with_its_owner() {
    let own = Loopback::open();
    let initial = changes(&["--count", "1", "--initial", "--port", &own.port()]);
    assert_eq!(initial.len(), 3);
    for change in initial {
        let owner = &change["row"]["owner"];
        // Wine 8 reports nobody as the owner of each IPv6 socket.
        if !cfg!(windows) || owner != "nobody" {
            assert_eq!(owner["pid"], std::process::id(), "{change}");
        }
        let row = serde_json::from_value::<Change<OwnerPidRow>>(change).unwrap().row();
        let ends = [row.local(), row.remote().unwrap_or(row.local())];
        assert!(ends.iter().any(|end| end.port() == own.listening().port()));
    }
}

#[test]
fn a_connection_is_added_changed_and_removed() {
    let own = Loopback::open();
    let listening = own.listening();
    let watch = Running::start(&["--initial", "--interval", "20", "--port", &own.port()]);
    watch.expect("the baseline", |change| is_end(&change["row"]["local"], own.calling()));

    let client = TcpStream::connect(listening).unwrap();
    let calling = v6(client.local_addr().unwrap());
    let (server, _) = own.listener.accept().unwrap();
    watch.expect("added", |change| change["change"] == "added" && is_end(&change["row"]["local"], calling));

    client.shutdown(Shutdown::Write).unwrap();
    watch.expect("changed", |change| {
        let (before, after) = (&change["before"], &change["after"]);
        change["change"] == "changed"
            && (is_end(&before["local"], listening) && before["state"] == "ESTABLISHED")
            && (is_end(&after["local"], listening) && after["state"] == "CLOSE-WAIT")
            && after["remote"] == before["remote"]
    });

    drop(server);
    drop(own);
    watch.expect("removed", |change| {
        change["change"] == "removed"
            && is_end(&change["row"]["local"], listening)
            && change["row"]["state"] == "LISTEN"
    });
}

#[test]
fn it_ends_after_n_polls() {
    let start = Instant::now();
    let own = Loopback::open();
    let seen = changes(&["--initial", "--port", &own.port(), "--interval", "100", "--count", "4"]);
    assert_eq!(seen.len(), 3, "nothing has changed since the first poll: {seen:?}");
    assert!(start.elapsed() >= Duration::from_millis(300));
}

/// As `head -1` does.
#[cfg(unix)]
#[test]
fn it_ends_with_its_reader_although_nothing_changes() {
    let own = Loopback::open();
    let arguments = ["watch", "--json", "--initial", "--interval", "86400000", "--port", &own.port()];
    let mut child = Guarded(program(&arguments).spawn().unwrap());
    let mut reader = BufReader::new(child.0.stdout.take().unwrap());
    let mut line = String::new();
    for _ in 0..3 {
        reader.read_line(&mut line).unwrap();
    }
    // It waits for the next day's poll now, or will.
    thread::sleep(Duration::from_millis(100));
    assert!(child.0.try_wait().unwrap().is_none());
    drop(reader);
    support::eventually("it ends", || child.0.try_wait().unwrap().is_some());
    let mut errors = String::new();
    child.0.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!((child.0.wait().unwrap().code(), &*errors), (Some(0), ""));
}

/// Windows reports a closed reader to a write only.
#[cfg(windows)]
#[test]
fn it_ends_at_the_first_change_after_its_reader() {
    let own = Loopback::open();
    let arguments = ["watch", "--json", "--initial", "--interval", "10", "--port", &own.port()];
    let mut child = Guarded(started(|| program(&arguments).spawn()));
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    support::eventually("it ends at a change", || {
        TcpStream::connect(own.listening()).unwrap();
        own.listener.accept().unwrap();
        // Wine 8 gives up on a table that changes faster than it reads it.
        thread::sleep(Duration::from_millis(200));
        child.0.try_wait().unwrap().is_some()
    });
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
}
