//! Compares the tables of `tcp6` with the output of a C program for the same script.

use std::fmt::Write;
use std::net::SocketAddrV6;
use std::process::Command;

use tcp6::{BasicRow, Buffer, Query, Row, System};

use crate::machine::Machine;
use crate::rows::ROWS;

/// Formats a row like the C program. Correct only for rows without garbage.
fn line(row: &BasicRow) -> String {
    let mut text = row.as_raw().State.to_string();
    let unspecified = SocketAddrV6::new(std::net::Ipv6Addr::UNSPECIFIED, 0, 0, 0);
    for end in [row.local(), row.remote().unwrap_or(unspecified)] {
        text.push(' ');
        end.ip().octets().iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
        write!(text, " {} {}", end.scope_id(), end.port().to_be()).unwrap();
    }
    text
}

#[test]
fn table_equals_that_of_a_c_program() {
    let script = format!("slack 8\n{ROWS}");
    let Some(machine) = Machine::new("") else { return };
    let program = std::env::var("TCP6_C_PROGRAM").expect("TCP6_C_PROGRAM is not set; `cargo xtask wine` sets it");
    let file = std::env::temp_dir().join(format!("tcp6-{}.script", std::process::id()));
    std::fs::write(&file, &script).unwrap();
    let output = Command::new(program).env("TCP6_SCRIPT", &file).output().unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(output.status.success(), "{output:?}");
    let theirs: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();

    machine.play(&script);
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let table = system.table::<BasicRow>(&Query::all(), &mut buffer).unwrap();
    let ours: Vec<String> = table.iter().map(line).collect();
    assert_eq!(ours.len(), 7);
    assert_eq!(ours, theirs);
}
