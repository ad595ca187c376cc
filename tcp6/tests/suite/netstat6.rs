//! The example netstat6, run as a program.

use std::io::Read;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::{Loopback, example, started};

fn netstat6(arguments: &[&str]) -> Output {
    started(|| Command::new(example("netstat6")).args(arguments).output())
}

fn stdout(output: &Output) -> &str {
    assert!(output.status.success(), "{output:?}");
    std::str::from_utf8(&output.stdout).unwrap()
}

/// The rows that it shows as JSON.
pub fn rows(arguments: &[&str]) -> Vec<Value> {
    let output = netstat6(&[&["--json"], arguments].concat());
    let document: Value = serde_json::from_str(stdout(&output)).unwrap();
    assert!(document["taken_at"].as_str().unwrap().starts_with("20"));
    document["rows"].as_array().unwrap().clone()
}

/// Whether an end is on this port, whatever its scope: Wine 8 gives even `::1` one.
fn is_on(end: &Value, port: u16) -> bool {
    end.as_str().is_some_and(|end| end.starts_with("[::1") && end.ends_with(&format!("]:{port}")))
}

#[test]
fn json_shows_a_listener_and_both_sides_of_its_connection() {
    let own = Loopback::open();
    let (listening, calling) = (own.listening().port(), own.calling().port());
    let shown = rows(&[]);
    let count =
        |state: &str, is: &dyn Fn(&Value) -> bool| shown.iter().filter(|row| row["state"] == state && is(row)).count();
    assert_eq!(count("LISTEN", &|row| is_on(&row["local"], listening) && row["remote"].is_null()), 1);
    for (here, there) in [(listening, calling), (calling, listening)] {
        assert_eq!(count("ESTABLISHED", &|row| is_on(&row["local"], here) && is_on(&row["remote"], there)), 1);
    }
}

/// Of rows of some port, those of this listener and its connections: ports are used again for others.
fn of_listener(rows: Vec<Value>, port: u16) -> usize {
    rows.iter().filter(|row| is_on(&row["local"], port) || is_on(&row["remote"], port)).count()
}

#[test]
fn a_port_selects_rows_at_either_end() {
    let own = Loopback::open();
    let (listening, calling) = (own.listening().port(), own.calling().port());
    let shown = rows(&["--port", &calling.to_string()]);
    assert!(shown.iter().all(|row| is_on(&row["local"], calling) || is_on(&row["remote"], calling)));
    assert_eq!(of_listener(shown, listening), 2);
    let shown = |more: &[&str]| of_listener(rows(&[&["--port", &listening.to_string()], more].concat()), listening);
    assert_eq!(shown(&[]), 3);
    assert_eq!(shown(&["--listening"]), 1);
    assert_eq!(shown(&["--state", "established,time-wait"]), 2);
}

#[test]
fn text_is_aligned_and_counted() {
    let own = Loopback::open();
    // What others have left there in TIME-WAIT is none of this.
    let states = ["--state", "listen,established"];
    let output = netstat6(&[&["--port", &own.listening().port().to_string()], &states[..]].concat());
    let lines: Vec<&str> = stdout(&output).lines().collect();
    assert_eq!(lines.len(), 5, "{lines:?}");
    let column = lines[0].find("Local").unwrap();
    assert!(lines[1..4].iter().all(|line| line[column..].starts_with("[::1")), "{lines:?}");
    assert_eq!(lines[4], "3 in all: 1 LISTEN, 2 ESTABLISHED");
}

#[test]
fn owners_are_told_by_id_and_name() {
    let own = Loopback::open();
    let port = own.listening().port();
    let shown = rows(&["--owner", "--listening", "--port", &port.to_string()]);
    let row = shown.iter().find(|row| is_on(&row["local"], port)).unwrap();
    // Wine 8 knows the owner of no IPv6 socket.
    if cfg!(windows) && row["owner"] == "nobody" {
        eprintln!("skipped: this Wine does not know owners");
        return;
    }
    assert_eq!(row["owner"]["pid"], std::process::id());
    let name = row["owner"]["name"].as_str().unwrap();
    assert!(name.starts_with("suite"), "{name}");

    let text = netstat6(&["--owner", "--port", &port.to_string()]);
    let owned = format!("{} {name}", std::process::id());
    assert!(stdout(&text).lines().any(|line| line.starts_with("LISTEN") && line.ends_with(&owned)), "{text:?}");
}

#[test]
fn unsorted_rows_are_the_same_rows() {
    let own = Loopback::open();
    let port = own.listening().port().to_string();
    let sorted = |mut rows: Vec<Value>| {
        rows.sort_by_key(Value::to_string);
        rows
    };
    assert_eq!(sorted(rows(&["--port", &port])), sorted(rows(&["--port", &port, "--unsorted"])));
}

#[test]
fn bad_usage_has_status_2_and_says_what_is_wrong() {
    for bad in [&["--state", "LISTENING"][..], &["--port", "65536"], &["--nonsense"], &["extra"]] {
        let output = netstat6(bad);
        assert_eq!(output.status.code(), Some(2), "{bad:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{output:?}");
    }
    assert!(stdout(&netstat6(&["--help"])).contains("--listening"));
}

#[test]
fn a_reader_that_closes_early_is_no_error() {
    let mut program = Command::new(example("netstat6"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cargo test builds the examples");
    drop(program.stdout.take());
    let mut errors = String::new();
    program.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert!(program.wait().unwrap().success());
    assert_eq!(errors, "");
}
