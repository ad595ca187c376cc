//! The table against `ss`, which asks the same kernel in its own way.

use std::collections::BTreeSet;
use std::net::SocketAddrV6;
use std::process::Command;
use std::time::Duration;

use tcp6::{BasicRow, Buffer, Query, Row, System};

use crate::load::Load;
use crate::support::alone_with_the_table;

/// State, local end, remote end, in `ss`'s own words; sorted.
type Lines = Vec<[String; 3]>;

/// What `ss` prints, or `None` where it is not installed.
fn ss(options: &str) -> Option<Vec<String>> {
    let output = Command::new("ss").arg(options).output().ok()?;
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

/// State and ends of a line of its output, and what stands behind.
fn split(line: &str) -> ([String; 3], &str) {
    let mut fields = line.split_ascii_whitespace();
    let mut next = |skip| fields.nth(skip).unwrap_or_default();
    let (state, local, remote, rest) = (next(0), next(2), next(0), next(0));
    ([state, local, remote].map(str::to_owned), rest)
}

fn lines(options: &str) -> Option<Lines> {
    let mut lines: Lines = ss(options)?.iter().map(|line| split(line).0).collect();
    lines.sort_unstable();
    Some(lines)
}

/// The lines and, for each, the processes that hold the socket.
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

fn name(row: &impl Row) -> &'static str {
    match row.state().name().unwrap() {
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

/// The row as `ss` would print it.
pub fn line(row: &impl Row) -> [String; 3] {
    [name(row).to_owned(), end(row.local()), row.remote().map_or_else(|| "[::]:*".to_owned(), end)]
}

fn ours(system: &mut System, buffer: &mut Buffer, query: Query) -> Lines {
    let table = system.table::<BasicRow>(&query, buffer).unwrap();
    let mut lines: Lines = table.iter().map(line).collect();
    lines.sort_unstable();
    lines
}

/// Compares until two moments of `ss` agree with each other: other tests come and go meanwhile.
fn same_as_ss(options: &str, query: Query, least: usize) {
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    for _ in 0..200 {
        let Some(before) = lines(options) else {
            eprintln!("skipped: no ss on this machine");
            return;
        };
        let ours = ours(&mut system, &mut buffer, query);
        let after = lines(options).unwrap();
        if before == after {
            assert!(ours.len() >= least, "{} rows", ours.len());
            assert!(ours == after, "{} rows here, {} in ss", ours.len(), after.len());
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("this machine did not stand still for a moment");
}

#[test]
fn eighteen_thousand_rows_are_those_of_ss() {
    let _alone = alone_with_the_table();
    let _load = Load::in_tests(9_000);
    same_as_ss("-6tanHn", Query::all(), 18_000);
    same_as_ss("-6tlnHn", Query::listeners(), 6);
}
