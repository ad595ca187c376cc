//! Tests of `tcp6 list`.

use serde_json::Value;

use crate::support::{Loopback, is_endpoint, output, stdout};

/// The rows that `tcp6 list --json` prints with these arguments.
pub fn rows(arguments: &[&str]) -> Vec<Value> {
    let output = output(&[&["list", "--json"], arguments].concat());
    let document: Value = serde_json::from_str(stdout(&output)).unwrap();
    assert!(document["taken_at"].as_str().unwrap().starts_with("20"));
    document["rows"].as_array().unwrap().clone()
}

#[test]
fn json_lists_a_listener_and_both_sides_of_its_connection() {
    let own = Loopback::open();
    let (listening, calling) = (own.listening(), own.calling());
    let shown = rows(&[]);
    let count =
        |state: &str, is: &dyn Fn(&Value) -> bool| shown.iter().filter(|row| row["state"] == state && is(row)).count();
    assert_eq!(count("LISTEN", &|row| is_endpoint(&row["local"], listening) && row["remote"].is_null()), 1);
    for (here, there) in [(listening, calling), (calling, listening)] {
        let is_connection = |row: &Value| is_endpoint(&row["local"], here) && is_endpoint(&row["remote"], there);
        assert_eq!(count("ESTABLISHED", &is_connection), 1);
    }
}

#[test]
fn port_selects_rows_by_local_or_remote_port() {
    let own = Loopback::open();
    let calling = rows(&["--port", &own.calling().port().to_string()]);
    assert_eq!(calling.iter().filter(|row| is_endpoint(&row["local"], own.calling())).count(), 1);
    assert_eq!(calling.iter().filter(|row| is_endpoint(&row["remote"], own.calling())).count(), 1);
    let port = own.port();
    let count = |more: &[&str]| rows(&[&["--port", &port], more].concat()).len();
    assert_eq!(count(&[]), 3);
    assert_eq!(count(&["--listening"]), 1);
    assert_eq!(count(&["--state", "ESTAB,TimeWait"]), 2);
    assert_eq!(count(&["--state", "listen", "--state", "TIME_WAIT"]), 1);
}

#[test]
fn text_is_aligned_and_counted() {
    let own = Loopback::open();
    let text = output(&["--port", &own.port()]);
    let lines: Vec<&str> = stdout(&text).lines().collect();
    assert_eq!(lines.len(), 5, "{lines:?}");
    let column = lines[0].find("Local").unwrap();
    assert!(lines[1..4].iter().all(|line| line[column..].starts_with("[::1")), "{lines:?}");
    assert_eq!(lines[4], "3 in all: 1 LISTEN, 2 ESTABLISHED");
    assert_eq!(stdout(&output(&["list", "--port", &own.port()])), stdout(&text), "list is the default");
}

#[test]
fn owners_have_a_pid_and_a_name() {
    let own = Loopback::open();
    let shown = rows(&["-lp", "--port", &own.port()]);
    let [row] = &shown[..] else { panic!("{shown:?}") };
    // Wine 8 reports no owner for any IPv6 socket.
    if cfg!(windows) && row["owner"] == "nobody" {
        eprintln!("skipped: this Wine reports no owners");
        return;
    }
    assert_eq!(row["owner"]["pid"], std::process::id());
    let name = row["owner"]["name"].as_str().unwrap();
    assert!(name.starts_with("suite"), "{name}");

    let text = output(&["-tlnp", "--port", &own.port()]);
    let owned = format!("{} {name}", std::process::id());
    assert!(stdout(&text).lines().any(|line| line.starts_with("LISTEN") && line.ends_with(&owned)), "{text:?}");
}

#[test]
fn unsorted_prints_the_same_rows() {
    let own = Loopback::open();
    let sorted = |mut rows: Vec<Value>| {
        rows.sort_by_key(Value::to_string);
        rows
    };
    assert_eq!(sorted(rows(&["--port", &own.port()])), sorted(rows(&["--port", &own.port(), "--unsorted"])));
}

#[test]
fn empty_table_explains_that_ipv4_is_not_listed() {
    let own = Loopback::open();
    let empty = ["--port", &own.port(), "--state", "CLOSING"];
    let text = output(&empty);
    assert_eq!(text.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&text.stdout).ends_with("\n0 in all\n"), "{text:?}");
    assert!(String::from_utf8_lossy(&text.stderr).contains("IPv4 sockets are not listed"), "{text:?}");
    assert_eq!(rows(&empty), [] as [Value; 0], "JSON output has no hint");
}
