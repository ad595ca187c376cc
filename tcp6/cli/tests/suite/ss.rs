//! Compares the output of `tcp6 list` with that of `ss`.

use std::net::SocketAddrV6;
use std::process::Command;

use serde_json::Value;

use crate::list::rows;
use crate::support::Loopback;

/// State, local and remote endpoint of each row as `ss` prints them, sorted.
type Lines = Vec<[String; 3]>;

/// The rows that `ss` prints for a local or remote port. `None` if `ss` is not installed.
fn ss(port: &str) -> Option<Lines> {
    let filter = format!("sport = :{port} or dport = :{port}");
    let output = Command::new("ss").args(["-6tanH", &filter]).output().ok()?;
    assert!(output.status.success(), "{output:?}");
    let line = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        [fields[0], fields[3], fields[4]].map(str::to_owned)
    };
    let mut lines: Lines = String::from_utf8(output.stdout).unwrap().lines().map(line).collect();
    lines.sort_unstable();
    Some(lines)
}

/// A row in the format of `ss`.
fn line(row: &Value) -> [String; 3] {
    let end = |end: &Value| match end.as_str() {
        Some(end) => {
            let end: SocketAddrV6 = end.parse().unwrap();
            format!("[{}]:{}", end.ip(), end.port())
        }
        None => "[::]:*".to_owned(),
    };
    let state = match row["state"].as_str().unwrap() {
        "ESTABLISHED" => "ESTAB",
        other => other,
    };
    [state.to_owned(), end(&row["local"]), end(&row["remote"])]
}

#[test]
fn lists_the_same_rows_as_ss() {
    let own: Vec<Loopback> = (0..20).map(|_| Loopback::open()).collect();
    for own in own {
        let Some(expected) = ss(&own.port()) else {
            eprintln!("skipped: ss is not installed");
            return;
        };
        let mut shown: Lines = rows(&["--port", &own.port()]).iter().map(line).collect();
        shown.sort_unstable();
        assert_eq!(shown, expected);
        assert_eq!(shown.len(), 3);
    }
}
