//! Tests of `tcp6 watch --json`.

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
use tcp6::{Change, OwnerPidRow};

use crate::inheritance;
use crate::support::{self, Guarded, Loopback, close, is_endpoint, program, started, v6};

fn output(arguments: &[&str]) -> Output {
    support::output(&[&["watch", "--json"], arguments].concat())
}

/// The changes that a successful run prints.
fn changes(arguments: &[&str]) -> Vec<Value> {
    support::stdout(&output(arguments)).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A running `tcp6 watch --json`. A thread reads its lines.
struct Running {
    _child: Guarded,
    lines: Receiver<String>,
    /// The ends of the rows that the lines so far lead to.
    rows: RefCell<BTreeSet<Ends>>,
}

type Ends = (SocketAddrV6, Option<SocketAddrV6>);

impl Running {
    fn start(arguments: &[&str]) -> Running {
        let mut child = started(|| inheritance::spawn(&mut program(&[&["watch", "--json"], arguments].concat())));
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || output.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Running { _child: Guarded(child), lines, rows: RefCell::default() }
    }

    /// Applies a change to the rows.
    ///
    /// # Panics
    ///
    /// Panics if a row is added that exists, or if one is changed or removed that does not. On Windows it does nothing,
    /// because the table of Wine repeats rows while others change.
    fn apply(&self, change: &Value) {
        if cfg!(windows) || change["change"] == "brief" {
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
        assert!(is_possible, "{change:?} after {rows:?}");
    }

    /// Waits for a line for which a condition holds. The lines before it depend on the time of the polls; each must be
    /// possible after its predecessors.
    ///
    /// # Panics
    ///
    /// Panics after 20 s without a line; `what` names the condition in the message.
    fn expect(&self, what: &str, mut holds: impl FnMut(&Value) -> bool) {
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
fn first_poll_prints_rows_only_with_initial() {
    let own = Loopback::open();
    assert_eq!(changes(&["--count", "1"]), [] as [Value; 0]);

    let initial = changes(&["--count", "1", "--initial"]);
    assert!(initial.iter().all(|change| change["change"] == "added"), "{initial:?}");
    let is_ours = |row: &Value| {
        is_endpoint(&row["local"], own.listening()) && row["state"] == "LISTEN" && row["remote"].is_null()
    };
    assert_eq!(initial.iter().filter(|change| is_ours(&change["row"])).count(), 1, "{initial:?}");

    let narrowed = ["--count", "1", "--initial", "--port", &own.port()];
    assert_eq!(changes(&narrowed).len(), 3);
    assert_eq!(changes(&[&narrowed[..], &["--state", "LISTENING,CLOSE_WAIT"]].concat()).len(), 1);
}

#[test]
fn lines_are_changes_of_rows_with_owners() {
    let own = Loopback::open();
    let initial = changes(&["--count", "1", "--initial", "--port", &own.port()]);
    assert_eq!(initial.len(), 3);
    for change in initial {
        let owner = &change["row"]["owner"];
        // Wine 8 reports `nobody` as the owner of each IPv6 socket.
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
    watch.expect("the baseline", |change| is_endpoint(&change["row"]["local"], own.calling()));

    let client = TcpStream::connect(listening).unwrap();
    let calling = v6(client.local_addr().unwrap());
    let server = inheritance::accept(&own.listener).unwrap();
    watch.expect("added", |change| change["change"] == "added" && is_endpoint(&change["row"]["local"], calling));

    client.shutdown(Shutdown::Write).unwrap();
    watch.expect("changed", |change| {
        let (before, after) = (&change["before"], &change["after"]);
        change["change"] == "changed"
            && (is_endpoint(&before["local"], listening) && before["state"] == "ESTABLISHED")
            && (is_endpoint(&after["local"], listening) && after["state"] == "CLOSE-WAIT")
            && after["remote"] == before["remote"]
    });

    drop(server);
    drop(own);
    watch.expect("removed", |change| {
        change["change"] == "removed"
            && is_endpoint(&change["row"]["local"], listening)
            && change["row"]["state"] == "LISTEN"
    });
}

#[cfg(target_os = "linux")]
#[test]
fn prints_short_connections_unless_switched_off() {
    let own = Loopback::open();
    let listening = own.listening();
    let port = own.port();
    let options = ["--initial", "--interval", "200", "--port", &port];
    let with = Running::start(&options);
    let without = Running::start(&[&options[..], &["--no-events"]].concat());
    for watch in [&with, &without] {
        watch.expect("the baseline", |change| is_endpoint(&change["row"]["local"], own.calling()));
    }
    // Short enough to fall between two polls at times: each one that does must be printed.
    let mut connections = Vec::new();
    let start = Instant::now();
    while connections.len() < 20 || start.elapsed() < Duration::from_secs(1) {
        let client = TcpStream::connect(listening).unwrap();
        let (server, _) = own.listener.accept().unwrap();
        connections.push(v6(client.local_addr().unwrap()));
        // The server closes first and stays in TIME-WAIT. The client leaves no row.
        close(server, client);
        thread::sleep(Duration::from_millis(7));
    }
    let mut missing = connections;
    with.expect("each client", |change| {
        let end = match change["change"].as_str().unwrap() {
            "brief" => &change["local"],
            "added" => &change["row"]["local"],
            _ => return false,
        };
        if !is_endpoint(end, listening) {
            let at = missing.iter().position(|calling| is_endpoint(end, *calling));
            missing.swap_remove(at.unwrap_or_else(|| panic!("no such client, or reported twice: {change}")));
        }
        missing.is_empty()
    });
    // The last row of the marker is printed after all short connections before it.
    let marker = TcpStream::connect(listening).unwrap();
    let marked = v6(marker.local_addr().unwrap());
    loop {
        let line = without.lines.recv_timeout(Duration::from_secs(20)).unwrap();
        let change: Value = serde_json::from_str(&line).unwrap();
        assert_ne!(change["change"], "brief", "{line}");
        if is_endpoint(&change["row"]["local"], marked) {
            break;
        }
    }
}

#[test]
fn exits_after_n_polls() {
    let start = Instant::now();
    let own = Loopback::open();
    let seen = changes(&["--initial", "--port", &own.port(), "--interval", "100", "--count", "4"]);
    assert_eq!(seen.len(), 3, "only the first poll reports rows: {seen:?}");
    assert!(start.elapsed() >= Duration::from_millis(300));
}

/// The reader closes the pipe early, like `head`.
#[cfg(unix)]
#[test]
fn exits_when_the_reader_closes_the_pipe_without_a_change() {
    let own = Loopback::open();
    let arguments = ["watch", "--json", "--initial", "--interval", "86400000", "--port", &own.port()];
    let mut child = Guarded(program(&arguments).spawn().unwrap());
    let mut reader = BufReader::new(child.0.stdout.take().unwrap());
    let mut line = String::new();
    for _ in 0..3 {
        reader.read_line(&mut line).unwrap();
    }
    // Gives the program time to begin its wait of one day for the next poll.
    thread::sleep(Duration::from_millis(100));
    assert!(child.0.try_wait().unwrap().is_none());
    drop(reader);
    support::eventually("exit after the pipe is closed", || child.0.try_wait().unwrap().is_some());
    let mut errors = String::new();
    child.0.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!((child.0.wait().unwrap().code(), &*errors), (Some(0), ""));
}

/// Windows reports a closed pipe only when a program writes to it.
#[cfg(windows)]
#[test]
fn exits_at_the_first_change_after_the_reader_closes_the_pipe() {
    let own = Loopback::open();
    let arguments = ["watch", "--json", "--initial", "--interval", "10", "--port", &own.port()];
    let mut child = Guarded(started(|| inheritance::spawn(&mut program(&arguments))));
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    support::eventually("exit at a change", || {
        TcpStream::connect(own.listening()).unwrap();
        inheritance::accept(&own.listener).unwrap();
        // Wine 8 fails to read a table that changes faster than it reads.
        thread::sleep(Duration::from_millis(200));
        child.0.try_wait().unwrap().is_some()
    });
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
}
