//! Comparison with a C program that calls GetTcp6Table with the C headers.

use std::fmt::Write;
use std::process::Command;

use tcp6::{BasicRow, Buffer, Query, Row, State, System};

use crate::agreement::{Observation, assert_agrees};
use crate::inheritance;
use crate::support::Loopback;

/// The environment variable with the path of the compiled `c_program.c`. Set by `cargo xtask wine test`.
const PROGRAM: &str = "TCP6_C_PROGRAM";

/// Returns the lines of the C program, or `None` if there is no such program.
fn c_lines() -> Option<Vec<String>> {
    let program = std::env::var(PROGRAM).ok()?;
    let output = inheritance::output(&mut Command::new(program)).unwrap();
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

/// Returns the number of rows with this state and remote port that the C program lists.
pub fn count(state: State, remote_port: u16) -> Option<usize> {
    let (state, port) = (state.as_raw().to_string(), remote_port.to_be().to_string());
    let is_counted = |line: &&String| {
        let mut fields = line.split(' ');
        fields.next() == Some(&state) && fields.next_back() == Some(&port)
    };
    Some(c_lines()?.iter().filter(is_counted).count())
}

/// Formats the row as the C program does.
fn line(row: &BasicRow) -> String {
    let raw = row.as_raw();
    let hexadecimal = |end: std::net::Ipv6Addr| {
        end.octets().iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
    };
    let (local, remote) = (row.local(), row.remote());
    format!(
        "{} {} {} {} {} {} {}",
        raw.State,
        hexadecimal(*local.ip()),
        raw.dwLocalScopeId,
        raw.dwLocalPort,
        hexadecimal(remote.map_or(std::net::Ipv6Addr::UNSPECIFIED, |remote| *remote.ip())),
        raw.dwRemoteScopeId,
        raw.dwRemotePort
    )
}

#[test]
fn equals_the_table_of_a_c_program() {
    if c_lines().is_none() {
        eprintln!("skipped: {PROGRAM} is not set");
        return;
    }
    let _own: Vec<Loopback> = (0..10).map(|_| Loopback::open()).collect();
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let observe = || {
        let before = c_lines()?;
        let table = system.table::<BasicRow>(&Query::all(), &mut buffer).unwrap();
        let ours = table.iter().map(line).collect();
        Some(Observation { before, ours, after: c_lines()? })
    };
    assert!(assert_agrees(observe).expect("the C program exists").len() >= 30);
}
