//! The example watch: its parts, and with `--json` the program.

use std::io::{BufRead, BufReader, Read};
use std::net::{Shutdown, SocketAddrV6, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tcp6::{Change, OwnerPidRow, Row};

use crate::support::{Loopback, eventually, example, same_end, started, v6};

/// The parts of the program, for their unit tests. An example that says `test = true` would have them run by itself,
/// but `cargo test` then builds no program any more.
#[path = "../../examples/watch/main.rs"]
#[expect(dead_code, reason = "tests do not call `main`")]
mod watch;

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(example("watch"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn output(arguments: &[&str]) -> Output {
    started(|| program(arguments).output())
}

/// What a run that is to succeed prints, line by line.
fn changes(arguments: &[&str]) -> Vec<Value> {
    let output = output(arguments);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    std::str::from_utf8(&output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A run that goes on; its lines are read as they come.
struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    fn start(arguments: &[&str]) -> Running {
        let mut child = started(|| program(arguments).spawn());
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || output.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Running { child, lines }
    }

    /// Waits for a line for which this holds. Connections pass through states that a poll may see or miss, so that what
    /// comes before it is not known.
    fn expect(&self, what: &str, holds: impl Fn(&Value) -> bool) {
        loop {
            let line =
                self.lines.recv_timeout(Duration::from_secs(20)).unwrap_or_else(|error| panic!("{what}: {error}"));
            if holds(&serde_json::from_str(&line).unwrap()) {
                return;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }
}

/// Whether a row has this local end, whatever its scope.
fn is_at(row: &Value, local: SocketAddrV6) -> bool {
    row["local"].as_str().is_some_and(|end| same_end(end.parse().unwrap(), local))
}

#[test]
fn the_first_poll_prints_nothing_unless_it_is_asked_to() {
    let own = Loopback::open();
    assert_eq!(changes(&["--json", "--count", "1"]), [] as [Value; 0]);

    let initial = changes(&["--json", "--count", "1", "--initial"]);
    assert!(initial.iter().all(|change| change["change"] == "added"), "{initial:?}");
    let is_ours = |row: &Value| is_at(row, own.listening()) && row["state"] == "LISTEN" && row["remote"].is_null();
    assert_eq!(initial.iter().filter(|change| is_ours(&change["row"])).count(), 1, "{initial:?}");

    let port = own.listening().port().to_string();
    // What others have left on that port in TIME-WAIT is none of this.
    let narrowed = ["--json", "--count", "1", "--initial", "--port", &port, "--state"];
    assert_eq!(changes(&[&narrowed[..], &["listen,established"]].concat()).len(), 3);
    assert_eq!(changes(&[&narrowed[..], &["listen,close-wait"]].concat()).len(), 1);
}

#[test]
fn a_line_is_a_change_of_a_row_with_its_owner() {
    let own = Loopback::open();
    let port = own.listening().port().to_string();
    let states = ["--state", "listen,established"];
    let initial = changes(&[&["--json", "--count", "1", "--initial", "--port", &port], &states[..]].concat());
    assert_eq!(initial.len(), 3);
    for change in initial {
        let owner = &change["row"]["owner"];
        // Wine 8 knows the owner of no IPv6 socket, and says that nobody is.
        if !cfg!(windows) || owner != "nobody" {
            assert_eq!(owner["pid"], std::process::id(), "{change}");
        }
        let row = serde_json::from_value::<Change<OwnerPidRow>>(change).unwrap().row();
        assert!([row.local(), row.remote().unwrap_or(row.local())].iter().any(|end| same_end(*end, own.listening())));
    }
}

#[test]
fn a_connection_is_seen_to_come_to_change_and_to_go() {
    let own = Loopback::open();
    let listening = own.listening();
    let port = listening.port().to_string();
    let watch = Running::start(&["--json", "--initial", "--interval", "20", "--port", &port]);
    watch.expect("the baseline", |change| is_at(&change["row"], own.calling()));

    let client = TcpStream::connect(listening).unwrap();
    let calling = v6(client.local_addr().unwrap());
    let (server, _) = own.listener.accept().unwrap();
    watch.expect("added", |change| change["change"] == "added" && is_at(&change["row"], calling));

    client.shutdown(Shutdown::Write).unwrap();
    watch.expect("changed", |change| {
        let (before, after) = (&change["before"], &change["after"]);
        change["change"] == "changed"
            && (is_at(before, listening) && before["state"] == "ESTABLISHED")
            && (is_at(after, listening) && after["state"] == "CLOSE-WAIT" && after["remote"] == before["remote"])
    });

    drop(server);
    drop(own);
    watch.expect("removed", |change| {
        change["change"] == "removed" && is_at(&change["row"], listening) && change["row"]["state"] == "LISTEN"
    });
}

#[test]
fn it_ends_after_so_many_polls() {
    let start = Instant::now();
    let own = Loopback::open();
    let port = own.listening().port().to_string();
    let mut seen = changes(&["--json", "--initial", "--port", &port, "--interval", "100", "--count", "4"]);
    // Ports are used again: what is left of another listener's connections may stand on this one.
    seen.retain(|change| change["row"]["state"] != "TIME-WAIT");
    assert_eq!(seen.len(), 3, "nothing has changed since the first: {seen:?}");
    assert!(start.elapsed() >= Duration::from_millis(300));
}

#[test]
fn a_reader_that_closes_early_is_no_error() {
    let own = Loopback::open();
    let port = own.listening().port().to_string();
    let mut child = program(&["--json", "--initial", "--interval", "10", "--port", &port]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.ends_with("}\n"), "{line}");
    eventually("it ends when it has something to say", || {
        TcpStream::connect(own.listening()).unwrap();
        own.listener.accept().unwrap();
        // Wine 8 gives up on a table that changes faster than it reads it.
        std::thread::sleep(Duration::from_millis(200));
        child.try_wait().unwrap().is_some()
    });
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!((child.wait().unwrap().code(), errors.as_str()), (Some(0), ""));
}

#[test]
fn bad_usage_has_status_2_and_says_what_is_wrong() {
    for bad in [
        &["--count", "3"][..],
        &["--initial"],
        &["--json", "--count", "0"],
        &["--json", "--interval", "0"],
        &["--json", "--interval", "18446744073709551615"],
        &["--json", "--state", "LISTENING"],
        &["--port", "65536"],
        &["--nonsense"],
        &["extra"],
    ] {
        let output = output(bad);
        assert_eq!(output.status.code(), Some(2), "{bad:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{output:?}");
    }
    let help = output(&["--help"]);
    assert!(help.status.success() && std::str::from_utf8(&help.stdout).unwrap().contains("--initial"), "{help:?}");
}

#[test]
fn without_a_terminal_it_points_to_json() {
    let output = output(&[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty() && String::from_utf8_lossy(&output.stderr).contains("--json"), "{output:?}");
}
