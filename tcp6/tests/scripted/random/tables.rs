//! Compares the tables of each row class with the model.

use std::ffi::CStr;
use std::net::SocketAddrV6;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use tcp6::{
    BasicRow, Buffer, Class, Error, OffloadRow, OffloadState, Owner, OwnerModuleRow, OwnerPidRow, Query, Row, Snapshot,
    State, System,
};

use super::protocol::{self, Outcome};
use super::script::{Line, NO_END, Script};
use crate::machine::Machine;

/// A decoded row: state, local end, remote end, owner, offload state, creation time and info.
type Decoded = (State, SocketAddrV6, Option<SocketAddrV6>, Option<Owner>, Option<i32>, Option<(i64, u64)>);

/// The fields that a row class has besides ends and state: owner, offload state, creation time and info.
pub trait Extras: Row {
    fn expected(line: &Line) -> (Option<Owner>, Option<i32>, Option<(i64, u64)>);
    fn actual(&self) -> (Option<Owner>, Option<i32>, Option<(i64, u64)>);
}

fn owner(pid: u32) -> Owner {
    match pid {
        0 => Owner::Nobody,
        4 => Owner::Kernel,
        u32::MAX => Owner::Unresolved,
        pid => Owner::Process(pid),
    }
}

fn number(state: OffloadState) -> i32 {
    match state {
        OffloadState::InHost => 0,
        OffloadState::Offloading => 1,
        OffloadState::Offloaded => 2,
        OffloadState::Uploading => 3,
        OffloadState::Other(other) => other,
    }
}

impl Extras for BasicRow {
    fn expected(_: &Line) -> (Option<Owner>, Option<i32>, Option<(i64, u64)>) {
        (None, None, None)
    }
    fn actual(&self) -> (Option<Owner>, Option<i32>, Option<(i64, u64)>) {
        (None, None, None)
    }
}

impl Extras for OwnerPidRow {
    fn expected(line: &Line) -> (Option<Owner>, Option<i32>, Option<(i64, u64)>) {
        (Some(owner(line.pid)), None, None)
    }
    fn actual(&self) -> (Option<Owner>, Option<i32>, Option<(i64, u64)>) {
        (Some(self.owner()), None, None)
    }
}

impl Extras for OffloadRow {
    fn expected(line: &Line) -> (Option<Owner>, Option<i32>, Option<(i64, u64)>) {
        (Some(owner(line.pid)), Some(line.offload), None)
    }
    fn actual(&self) -> (Option<Owner>, Option<i32>, Option<(i64, u64)>) {
        (Some(self.owner()), self.offload_state().map(number), None)
    }
}

impl Extras for OwnerModuleRow {
    fn expected(line: &Line) -> (Option<Owner>, Option<i32>, Option<(i64, u64)>) {
        (Some(owner(line.pid)), None, Some((line.created, line.info)))
    }
    fn actual(&self) -> (Option<Owner>, Option<i32>, Option<(i64, u64)>) {
        let info = self.module_info().map_or(0, |info| info[0]);
        (Some(self.owner()), None, Some((self.created_ticks().unwrap_or(0), info)))
    }
}

fn decode<R: Extras>(row: &R) -> Decoded {
    let (owner, offload, module) = row.actual();
    (row.state(), row.local(), row.remote(), owner, offload, module)
}

/// Returns the rows that the table must have, in the order of the script.
fn expected<R: Extras>(lines: &[Line], listeners: bool) -> Vec<Decoded> {
    let decode = |line: &Line| {
        let remote = (line.state != 2 && line.remote != NO_END).then_some(line.remote);
        let (owner, offload, module) = R::expected(line);
        (State::from_raw(line.state), line.local, remote, owner, offload, module)
    };
    lines.iter().filter(|line| !listeners || line.state == 2).map(decode).collect()
}

/// The documented sort order: local end, then remote end.
fn key(row: &Decoded) -> impl Ord + use<> {
    let end = |end: SocketAddrV6| (end.ip().octets(), end.scope_id(), end.port());
    (end(row.1), row.2.map_or(([0; 16], 0, 0), end))
}

const FUNCTIONS: [&CStr; 3] = [c"GetTcp6Table", c"GetTcp6Table2", c"GetExtendedTcpTable"];

fn function_of(class: Class) -> &'static CStr {
    match class {
        Class::Basic => FUNCTIONS[0],
        Class::Offload => FUNCTIONS[1],
        _ => FUNCTIONS[2],
    }
}

pub fn check<R: Extras>(
    script: &Script,
    text: &str,
    machine: &Machine,
    buffer: &mut Buffer,
) -> Result<(), TestCaseError> {
    machine.play(text);
    if script.fresh {
        buffer.reset();
    }
    let query = if script.listeners { Query::listeners() } else { Query::all() };
    let query = if script.sorted { query } else { query.unsorted() };
    let model = protocol::read(script, R::CLASS, buffer.capacity());
    let mut system = System::new().unwrap();
    let read = system.table::<R>(&query, buffer);
    let function = function_of(R::CLASS);
    let name = function.to_str().unwrap();
    match (&model.outcome, read) {
        (Outcome::Rows(lines), Ok(table)) => {
            let mut seen: Vec<Decoded> = table.iter().map(decode).collect();
            let mut expected = expected::<R>(lines, script.listeners);
            if script.sorted {
                prop_assert!(seen.is_sorted_by_key(key));
                // Rows with equal ends have no order.
                seen.sort_unstable();
                expected.sort_unstable();
            }
            prop_assert_eq!(seen, expected);
            let snapshot = Snapshot::from_rows(table.iter().copied(), table.taken_at());
            prop_assert!(snapshot.rows().is_sorted());
        }
        (Outcome::Code(232), Ok(table)) => prop_assert!(table.is_empty()),
        (Outcome::Code(50), Err(Error::NotSupported)) | (Outcome::Malformed, Err(Error::Malformed(_))) => {}
        (Outcome::Code(code), Err(error @ Error::Os { call, .. })) => {
            prop_assert_eq!((error.raw_os_error(), call), (Some(*code as i32), name));
        }
        (outcome, read) => prop_assert!(false, "{outcome:?} gives {:?}", read.map(|table| table.len())),
    }
    prop_assert_eq!(machine.sizes(function), model.calls);
    prop_assert_eq!(buffer.capacity(), model.capacity);
    for other in FUNCTIONS {
        prop_assert!(other == function || machine.calls(other) == 0, "{other:?} is called for {}", R::CLASS);
    }
    Ok(())
}
