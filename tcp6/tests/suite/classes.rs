//! Conversions between row classes: a field that either class lacks is unknown, not zero.

use std::time::SystemTime;

use tcp6::os::linux::OwnerModuleRowExt;
use tcp6::{
    BasicRow, Buffer, Class, Error, OffloadRow, OffloadState, Owner, OwnerModuleRow, OwnerPidRow, Query, Replay, Row,
    Snapshot, Source, State,
};

use crate::capture::record;

const TICKS: i64 = 134_000_000_012_345_678;
const MODULE: [u64; 16] = [7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/// Module words as the crate writes them on Linux: cookie 99, inode 4711, uid 1000, and the Linux marker.
const SOCKET: [u64; 16] = [0, 99, 4711, 1000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, u64::from_be_bytes(*b"tcp6:lnx")];

/// All fields of a row except its state and its ends. `None` means unknown.
#[derive(Clone, Debug, Default, PartialEq)]
struct Fields {
    owner: Option<Owner>,
    offload: Option<OffloadState>,
    ticks: Option<i64>,
    created: bool,
    module: Option<[u64; 16]>,
    socket: Option<(Option<u32>, Option<u32>, Option<u64>)>,
}

impl Fields {
    /// Reads the fields with the accessors of the class.
    fn of<R: Row>(row: &R) -> Fields {
        let any: &dyn std::any::Any = row;
        let owner = Some(row.owner()).filter(|owner| *owner != Owner::Unresolved);
        let offload = any.downcast_ref().and_then(OffloadRow::offload_state);
        let known = Fields { owner, offload, ..Fields::default() };
        let Some(row) = any.downcast_ref::<OwnerModuleRow>() else { return known };
        let socket = row.socket_info().map(|info| (info.inode, info.uid, info.cookie.map(u64::from)));
        let (ticks, created) = (row.created_ticks(), row.created().is_some());
        Fields { ticks, created, module: row.module_info().copied(), socket, ..known }
    }

    /// Keeps only the fields that the class has.
    fn in_class(&self, class: Class) -> Fields {
        let mut kept = self.clone();
        if class == Class::Basic {
            kept.owner = None;
        }
        if class != Class::Offload {
            kept.offload = None;
        }
        if class != Class::OwnerModule {
            kept = Fields { owner: kept.owner, offload: kept.offload, ..Fields::default() };
        }
        kept
    }
}

/// Windows rows and Linux rows, with all fields known, with no owner, and (Windows) with an unresolved owner.
fn sources() -> [Vec<OwnerModuleRow>; 2] {
    let row = |owner, ticks, module| {
        let local = "[fe80::1%7]:443".parse().unwrap();
        let mut raw = *OwnerModuleRow::new(State::Established, local, Some("[fe80::2%7]:9".parse().unwrap())).as_raw();
        (raw.dwOwningPid, raw.liCreateTimestamp, raw.OwningModuleInfo) = (owner, ticks, module);
        OwnerModuleRow::from_raw(raw)
    };
    let windows = vec![row(4711, TICKS, MODULE), row(0, 0, [0; 16]), row(u32::MAX, TICKS, [0; 16])];
    let linux = vec![
        row(4711, 0, SOCKET),
        row(0, 0, {
            let mut words = SOCKET;
            words[1..4].fill(0);
            words
        }),
    ];
    [windows, linux]
}

fn offload_row(state: i32) -> OffloadRow {
    let mut raw = *OffloadRow::new(State::Listen, "[::1]:80".parse().unwrap(), None).as_raw();
    (raw.dwOwningPid, raw.dwOffloadState) = (17, state);
    OffloadRow::from_raw(raw)
}

/// Converts a row directly, through a buffer, through a replayed snapshot, and through a replayed capture.
///
/// A richer class is only available from the direct conversion: the buffer refuses it.
fn converted<R: Row, W: Row>(row: &R) -> Vec<W> {
    let mut rows = vec![row.to_class::<W>()];
    let snapshot = Snapshot::from_rows([*row], SystemTime::UNIX_EPOCH);
    let mut buffer = Buffer::new();
    let written = buffer.write_rows(W::CLASS, [row]);
    if W::CLASS > R::CLASS {
        assert!(matches!(written, Err(Error::WrongClass { .. })));
        return rows;
    }
    written.unwrap();
    rows.extend(buffer.table::<W>().unwrap());
    let capture = record(std::slice::from_ref(&snapshot));
    for mut replay in [Replay::new().then(&snapshot).unwrap(), Replay::from_reader(&capture[..]).unwrap()] {
        replay.fill(W::CLASS, &Query::all(), &mut buffer).unwrap();
        rows.extend(buffer.table::<W>().unwrap());
    }
    assert_eq!(rows.len(), 4);
    rows
}

fn check<R: Row, W: Row>(row: &R) {
    let fields = Fields::of(row);
    let expected = fields.in_class(R::CLASS).in_class(W::CLASS);
    for converted in converted::<R, W>(row) {
        assert_eq!(Fields::of(&converted), expected, "{} to {}: {row:?}", R::CLASS, W::CLASS);
        assert_eq!(
            (converted.state(), converted.local(), converted.remote()),
            (row.state(), row.local(), row.remote())
        );
    }
}

fn check_from<R: Row>(row: &R) {
    check::<R, BasicRow>(row);
    check::<R, OwnerPidRow>(row);
    check::<R, OffloadRow>(row);
    check::<R, OwnerModuleRow>(row);
}

#[test]
fn converted_rows_keep_only_the_fields_of_both_classes() {
    for row in sources().concat() {
        check_from(&row);
        check_from(&row.to_class::<BasicRow>());
        check_from(&row.to_class::<OwnerPidRow>());
        check_from(&row.to_class::<OffloadRow>());
    }
    for state in [0, 1, 3, 77, -1] {
        check_from(&offload_row(state));
    }
}

/// Checks `Fields::of`, on which the test above depends, against values written by hand.
#[test]
fn reads_the_optional_fields_of_each_row() {
    let [windows, linux] = sources();
    let owner = Some(Owner::Process(4711));
    let full = Fields { owner, ticks: Some(TICKS), created: true, module: Some(MODULE), ..Fields::default() };
    let no_owner = Fields { owner: Some(Owner::Nobody), ..Fields::default() };
    assert_eq!(Fields::of(&windows[0]), full);
    assert_eq!(Fields::of(&windows[1]), no_owner);
    assert_eq!(Fields::of(&windows[2]), Fields { ticks: Some(TICKS), created: true, ..Fields::default() });
    let socket = Some((Some(4711), Some(1000), Some(99)));
    assert_eq!(Fields::of(&linux[0]), Fields { owner, socket, ..Fields::default() });
    assert_eq!(Fields::of(&linux[1]), Fields { socket: Some((None, None, None)), ..no_owner });

    assert_eq!(offload_row(0).offload_state(), Some(OffloadState::InHost));
    assert_eq!(offload_row(3).offload_state(), Some(OffloadState::Uploading));
    assert_eq!(offload_row(77).offload_state(), Some(OffloadState::Other(77)));
    let offload = windows[0].to_class::<OffloadRow>();
    assert_eq!((offload.offload_state(), offload.owner()), (None, Owner::Process(4711)));
    assert_eq!(windows[0].to_class::<BasicRow>().to_class::<OwnerPidRow>().owner(), Owner::Unresolved);
}

fn check_new<R: Row>() {
    let row = R::new(State::Listen, "[::1]:80".parse().unwrap(), None);
    assert_eq!(Fields::of(&row), Fields::default(), "{}", R::CLASS);
}

#[test]
fn optional_fields_of_a_new_row_are_unknown() {
    check_new::<BasicRow>();
    check_new::<OwnerPidRow>();
    check_new::<OffloadRow>();
    check_new::<OwnerModuleRow>();
}

#[cfg(target_os = "linux")]
#[test]
fn linux_rows_have_no_offload_state_creation_time_or_module() {
    let _own = crate::support::Loopback::open();
    let (mut system, mut buffer) = (tcp6::System::new().unwrap(), Buffer::new());
    let table = system.table::<OffloadRow>(&Query::all(), &mut buffer).unwrap();
    assert!(table.len() >= 3 && table.iter().all(|row| row.offload_state().is_none()));
    let table = system.table::<OwnerModuleRow>(&Query::all(), &mut buffer).unwrap();
    for row in table {
        let fields = Fields::of(row);
        assert_eq!((fields.ticks, fields.created, fields.module), (None, false, None), "{row:?}");
        let (inode, uid, _) = fields.socket.unwrap();
        assert!(inode != Some(0) && (inode.is_some() || uid != Some(0)), "{row:?}");
    }
}
