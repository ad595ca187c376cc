//! The table against `ss`, which asks the same kernel in its own way.

use std::collections::BTreeSet;
use std::net::SocketAddrV6;
use std::process::Command;

use tcp6::{BasicRow, Buffer, Query, Row, System};

use crate::agreement::{Moments, agree};
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
    // A listener that takes IPv4 as well stands on any address of both.
    let end = |end: &str| end.strip_prefix("*:").map_or_else(|| end.to_owned(), |port| format!("[::]:{port}"));
    ([state.to_owned(), end(local), end(remote)], rest)
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

/// The row as `ss` would print it.
pub fn line(row: &impl Row) -> [String; 3] {
    let state = name(row.state().name().unwrap());
    [state.to_owned(), end(row.local()), row.remote().map_or_else(|| NO_END.to_owned(), end)]
}

fn rows(system: &mut System, buffer: &mut Buffer, query: Query) -> Lines {
    let table = system.table::<BasicRow>(&query, buffer).unwrap();
    table.iter().map(line).collect()
}

fn same_as_ss(options: &str, least: usize, mut ours: impl FnMut() -> Lines) {
    let look = || Some(Moments { before: lines(options)?, ours: ours(), after: lines(options)? });
    if let Some(ours) = agree(look) {
        assert!(ours.len() >= least, "{} rows", ours.len());
    }
}

#[test]
fn eighteen_thousand_rows_are_those_of_ss() {
    let _alone = alone_with_the_table();
    let _load = Load::in_tests(9_000);
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    same_as_ss("-6tanHn", 18_000, || rows(&mut system, &mut buffer, Query::all()));
    same_as_ss("-6tlnHn", 6, || rows(&mut system, &mut buffer, Query::listeners()));
}
