//! The serialized formats, written to files for `cargo xtask qemu`.
//!
//! It compares these files with those of machines that have a different byte order or word size.

use std::path::Path;
use std::time::{Duration, SystemTime};
use std::{env, fs};

use serde::Serialize;
use tcp6::{
    BasicRow, Buffer, Change, Class, OffloadRow, OffloadState, OwnerModuleRow, OwnerPidRow, Recorder, Row, Snapshot,
    State, StateSet, Table,
};

/// The environment variable with the folder for the files.
const FOLDER: &str = "TCP6_FORMATS";

/// Rows of a class in three states, with multi-byte values whose bytes differ.
///
/// A wrong byte order or field width therefore changes the files.
fn rows<R: Row>() -> Snapshot<R> {
    let row = |state, port: u16| {
        let mut raw = *OwnerModuleRow::new(state, "[fe80::1%7]:443".parse().unwrap(), None).as_raw();
        raw.ucRemoteAddr = std::array::from_fn(|i| i as u8 + 1);
        (raw.dwRemoteScopeId, raw.dwRemotePort) = (0x0102_0304, u32::from(port.to_be()));
        (raw.dwOwningPid, raw.liCreateTimestamp) = (0x0506_0708, 0x0123_4567_89AB_CDEF);
        raw.OwningModuleInfo = std::array::from_fn(|i| 0x0102_0304_0506_0708 * i as u64);
        OwnerModuleRow::from_raw(raw)
    };
    let rows = [row(State::Listen, 1), row(State::Established, 50_000), row(State::Other(0x1122_3344), 2)];
    let mut linux = *rows[1].as_raw();
    linux.OwningModuleInfo = [0; 16];
    // Cookie, inode and uid of a row from Linux.
    linux.OwningModuleInfo[1..4].copy_from_slice(&[0x1122_3344_5566_7788, 0x99AA_BBCC, 1_000]);
    linux.OwningModuleInfo[15] = u64::from_be_bytes(*b"tcp6:lnx");
    let rows = rows.into_iter().chain([OwnerModuleRow::from_raw(linux)]);
    let taken_at = SystemTime::UNIX_EPOCH + Duration::new(1_795_430_559, 99_338_100);
    // `to_class` leaves the offload state unset, because only `OffloadRow` has one.
    let with_offload = |row: OwnerModuleRow| {
        let mut raw = *row.to_class::<OffloadRow>().as_raw();
        raw.dwOffloadState = 0x0A0B_0C0D;
        OffloadRow::from_raw(raw).to_class::<R>()
    };
    let is_offload = R::CLASS == Class::Offload;
    Snapshot::from_rows(rows.map(|row| if is_offload { with_offload(row) } else { row.to_class::<R>() }), taken_at)
}

fn capture<R: Row>() -> Vec<u8> {
    let rows = rows::<R>();
    let mut buffer = Buffer::new();
    buffer.write_rows(R::CLASS, &rows).unwrap();
    buffer.set_taken_at(rows.taken_at().unwrap());
    let mut recorder = Recorder::new(Vec::new()).unwrap();
    recorder.record::<R>(buffer.table().unwrap()).unwrap();
    recorder.into_inner()
}

fn write(folder: &Path, name: &str, value: &impl Serialize) {
    fs::write(folder.join(format!("{name}.json")), serde_json::to_vec(value).unwrap()).unwrap();
    fs::write(folder.join(format!("{name}.postcard")), postcard::to_allocvec(value).unwrap()).unwrap();
}

fn write_class<R: Row + Serialize>(folder: &Path) {
    let name = R::CLASS.name();
    let snapshot = rows::<R>();
    fs::write(folder.join(format!("{name}.capture")), capture::<R>()).unwrap();
    write(folder, name, &snapshot);
    let after = R::new(State::TimeWait, snapshot[0].local(), snapshot[1].remote());
    let changes = [Change::Added(after), Change::Changed { before: snapshot[0], after }, Change::Removed(snapshot[1])];
    write(folder, &format!("{name}-changes"), &changes);
}

#[test]
#[ignore = "not a test: writes the files that cargo xtask qemu compares"]
fn write_every_format() {
    let folder = env::var_os(FOLDER).expect("TCP6_FORMATS names the output folder");
    let folder = Path::new(&folder);
    write_class::<BasicRow>(folder);
    write_class::<OwnerPidRow>(folder);
    write_class::<OffloadRow>(folder);
    write_class::<OwnerModuleRow>(folder);
    write(folder, "states", &(StateSet::LISTEN | StateSet::OTHER));
}

/// Checks the test data: the captures of the classes differ, the rows differ, and a capture keeps all fields.
#[test]
fn test_data_differs_between_classes_and_rows() {
    let captures =
        [capture::<BasicRow>(), capture::<OwnerPidRow>(), capture::<OffloadRow>(), capture::<OwnerModuleRow>()];
    for (i, capture) in captures.iter().enumerate() {
        assert!(!captures[..i].contains(capture));
    }
    let offloads = self::rows::<OffloadRow>();
    assert!(offloads.iter().all(|row| row.offload_state() == Some(OffloadState::Other(0x0A0B_0C0D))));
    let rows = rows::<OwnerModuleRow>();
    assert!(rows.windows(2).all(|pair| pair[0] < pair[1]), "{rows:?}");
    let mut replay = tcp6::Replay::from_reader(&capture::<OwnerModuleRow>()[..]).unwrap();
    let mut buffer = Buffer::new();
    let table = Table::<OwnerModuleRow>::read(&mut replay, &tcp6::Query::all(), &mut buffer).unwrap();
    assert_eq!(table.to_snapshot().unwrap(), rows);
}
