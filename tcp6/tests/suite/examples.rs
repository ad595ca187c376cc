//! Runs the examples as programs.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::inheritance;
use crate::support::{example, listener, started};

fn stdout(name: &str, arguments: &[&str]) -> String {
    let output = started(|| inheritance::output(Command::new(example(name)).args(arguments)));
    assert!(output.status.success() && output.stderr.is_empty(), "{name}: {output:?}");
    String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n")
}

fn port(listener: &TcpListener) -> String {
    listener.local_addr().unwrap().port().to_string()
}

#[test]
fn netstat6_prints_the_format_of_the_c_example() {
    let listener = listener();
    let text = stdout("netstat6", &[]);
    let (count, rows) = text.split_once("\n\n").unwrap();
    let count: usize = count.strip_prefix("\tNumber of entries: ").unwrap().parse().unwrap();
    let rows: Vec<&str> = rows.split("\n\n").collect();
    assert_eq!(rows.len(), count);
    let ours = format!("Local Port: {}\n", port(&listener));
    let at = rows.iter().position(|row| row.contains(&ours) && row.contains("LISTEN")).unwrap();
    let lines: Vec<&str> = rows[at].lines().collect();
    // Wine 8 reports a scope id even for `::1`.
    assert_eq!(lines.len(), 7);
    assert_eq!(lines[0], format!("\tTCP[{at}] State: 2 - LISTEN"));
    assert_eq!(lines[1], format!("\tTCP[{at}] Local Addr: ::1"));
    assert!(lines[2].starts_with(&format!("\tTCP[{at}] Local Scope ID: ")));
    assert_eq!(lines[4], format!("\tTCP[{at}] Remote Addr: ::"));
    assert_eq!(lines[6], format!("\tTCP[{at}] Remote Port: 0"));
}

#[test]
fn listening_names_the_process_on_a_port() {
    let listener = listener();
    let text = stdout("listening", &[&port(&listener)]);
    assert!(text.contains(&format!(":{} ", port(&listener))), "{text}");
    // Wine 8 reports no owner for IPv6 sockets.
    assert!(text.contains(&std::process::id().to_string()) || cfg!(windows) && text.contains("nobody"), "{text}");
    drop(listener);
    let output = inheritance::output(&mut Command::new(example("listening"))).unwrap();
    assert_eq!(output.status.code(), Some(2), "exit code without a port");
}

#[test]
fn changes_reports_a_new_listener() {
    let mut child = started(|| inheritance::spawn(Command::new(example("changes")).arg("40").stdout(Stdio::piped())));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert_eq!(lines.next().as_deref(), Some("watching"));
    let listener = listener();
    let added = format!("]:{} ", port(&listener));
    assert!(lines.any(|line| line.starts_with("+ [::1") && line.contains(&added)), "the listener is not reported");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn replay_prints_the_tables_that_record_wrote() {
    let listener = listener();
    let path = std::env::temp_dir().join(format!("tcp6-record-{}", std::process::id()));
    let file = path.to_str().unwrap();
    assert_eq!(stdout("record", &[file, "2"]).lines().count(), 2);
    let text = stdout("replay", &[file]);
    std::fs::remove_file(&path).unwrap();
    assert!(text.starts_with("table 1:\n") && text.contains("table 2:\n") && !text.contains("table 3:"), "{text}");
    let ours = format!("]:{} None", port(&listener));
    assert_eq!(text.lines().filter(|line| line.starts_with("+ LISTEN [::1") && line.ends_with(&ours)).count(), 1);
}

#[test]
fn async_poll_awaits_three_batches() {
    let listener = listener();
    let text = stdout("async_poll", &[]);
    let batches: Vec<&str> = text.lines().filter(|line| line.starts_with("batch ")).collect();
    assert_eq!(batches.len(), 3, "{text}");
    assert_eq!(text.lines().filter(|line| line.ends_with(&format!("]:{}", port(&listener)))).count(), 1, "{text}");
}
