//! Comparison with `ss`, an independent client of sock_diag.

use std::collections::BTreeSet;
use std::net::{Ipv6Addr, SocketAddrV6};
use std::process::Command;

use tcp6::{BasicRow, Buffer, Query, Row, System};

use crate::agreement::{Observation, assert_agrees};
use crate::load::Load;
use crate::support::{alone_with_the_table, close, connect, listener_on};

/// Sorted lines of state, local end and remote end, in the notation of `ss`.
type Lines = Vec<[String; 3]>;

/// Runs `ss` and returns the lines of its output, or `None` if it is not installed.
fn ss(options: &str) -> Option<Vec<String>> {
    let output = Command::new("ss").arg(options).output().ok()?;
    assert!(output.status.success(), "ss failed: {output:?}");
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

/// Splits a line of `ss` into state and ends, and the field after them.
fn split(line: &str) -> ([String; 3], &str) {
    let mut fields = line.split_ascii_whitespace();
    let mut next = |skip| fields.nth(skip).unwrap_or_default();
    let (state, local, remote, rest) = (next(0), next(2), next(0), next(0));
    ([state.to_owned(), without_device(local), without_device(remote)], rest)
}

/// An end with an index for the name of the interface, which is part of it only if its address is link-local.
///
/// `ss` prints the name if the socket is bound to an interface, whatever its address, and `*` as the address of a
/// dual-stack listener.
fn without_device(end: &str) -> String {
    let (address, port) = end.rsplit_once(':').unwrap_or((end, ""));
    let (address, device) = address.split_once('%').unwrap_or((address, ""));
    let address = if address == "*" { "[::]" } else { address };
    let index = || std::fs::read_to_string(format!("/sys/class/net/{device}/ifindex")).expect("an interface");
    let scope = if address.starts_with("[fe80:") { format!("%{}", index().trim()) } else { String::new() };
    format!("{address}{scope}:{port}")
}

fn lines(options: &str) -> Option<Lines> {
    let mut lines: Lines = ss(options)?.iter().map(|line| split(line).0).collect();
    lines.sort_unstable();
    Some(lines)
}

/// Returns the lines of `ss` with the pids of the processes that hold each socket.
pub fn with_pids() -> Option<Vec<([String; 3], BTreeSet<u32>)>> {
    let pids = |users: &str| {
        let numbers = users.split("pid=").skip(1);
        numbers.map(|rest| rest[..rest.find(',').unwrap()].parse().unwrap()).collect()
    };
    let mut lines: Vec<_> = ss("-6tanpHn")?
        .iter()
        .map(|text| {
            let (line, users) = split(text);
            (line, pids(users))
        })
        .collect();
    lines.sort_unstable();
    Some(lines)
}

fn name(state: &str) -> &str {
    match state {
        "ESTABLISHED" => "ESTAB",
        "SYN-RECEIVED" => "SYN-RECV",
        "CLOSED" => "UNCONN",
        other => other,
    }
}

fn end(end: SocketAddrV6) -> String {
    let scope = if end.scope_id() == 0 { String::new() } else { format!("%{}", end.scope_id()) };
    if end.ip().is_unspecified() && end.port() == 0 {
        "[::]:*".to_owned()
    } else {
        format!("[{}]{scope}:{}", end.ip(), end.port())
    }
}

const NO_END: &str = "[::]:*";

/// Formats the row as `ss` does.
pub fn line(row: &impl Row) -> [String; 3] {
    let state = name(row.state().name().unwrap());
    [state.to_owned(), end(row.local()), row.remote().map_or_else(|| NO_END.to_owned(), end)]
}

fn rows(system: &mut System, buffer: &mut Buffer, query: Query) -> Lines {
    let table = system.table::<BasicRow>(&query, buffer).unwrap();
    table.iter().map(line).collect()
}

fn assert_equals_ss(options: &str, min_rows: usize, mut ours: impl FnMut() -> Lines) {
    let observe = || Some(Observation { before: lines(options)?, ours: ours(), after: lines(options)? });
    if let Some(ours) = assert_agrees(observe) {
        assert!(ours.len() >= min_rows, "{} rows", ours.len());
    }
}

#[test]
fn an_end_of_ss_has_an_index_only_if_it_is_link_local() {
    let index = std::fs::read_to_string("/sys/class/net/lo/ifindex").unwrap();
    let link_local = format!("[fe80::1]%{}:80", index.trim());
    for (end, expected) in [
        ("*:80", "[::]:80"),
        ("*%lo:80", "[::]:80"),
        ("[::1]%lo:80", "[::1]:80"),
        ("[::]:*", "[::]:*"),
        ("[fe80::1]%lo:80", &link_local),
    ] {
        assert_eq!(without_device(end), expected);
    }
}

#[test]
fn eighteen_thousand_rows_equal_those_of_ss() {
    let _alone = alone_with_the_table();
    let _load = Load::in_tests(9_000);
    // `ss` prints the interface of the listener, and of the connection, whose server is in TIME-WAIT.
    let bound = listener_on(SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0), Some("lo")).into();
    let (client, server) = connect(&bound);
    close(server, client);
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    assert_equals_ss("-6tanHn", 18_000, || rows(&mut system, &mut buffer, Query::all()));
    assert_equals_ss("-6tlnHn", 7, || rows(&mut system, &mut buffer, Query::listeners()));
}
