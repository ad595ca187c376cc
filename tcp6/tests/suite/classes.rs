//! Conversions between classes of rows: a field that either class lacks is unknown, never zero.

use std::time::SystemTime;

use tcp6::os::linux::OwnerModuleRowExt;
use tcp6::{
    BasicRow, Buffer, Class, Error, OffloadRow, OffloadState, Owner, OwnerModuleRow, OwnerPidRow, Query, Replay, Row,
    Snapshot, Source, State,
};

use crate::capture::record;

const TICKS: i64 = 134_000_000_012_345_678;
const MODULE: [u64; 16] = [7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/// The words that the crate writes on Linux for an inode, a user and a cookie.
const SOCKET: [u64; 16] = [0, 99, 4711, 1000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, u64::from_be_bytes(*b"tcp6:lnx")];

/// What a row says beyond its ends and its state. `None` is "unknown".
#[derive(Clone, Debug, Default, PartialEq)]
struct Facts {
    owner: Option<Owner>,
    offload: Option<OffloadState>,
    ticks: Option<i64>,
    created: bool,
    module: Option<[u64; 16]>,
    socket: Option<(Option<u32>, Option<u32>, Option<u64>)>,
}

impl Facts {
    /// By the accessors of each class, on the row itself.
    fn of<R: Row>(row: &R) -> Facts {
        let any: &dyn std::any::Any = row;
        let owner = Some(row.owner()).filter(|owner| *owner != Owner::Unresolved);
        let offload = any.downcast_ref().and_then(OffloadRow::offload_state);
        let facts = Facts { owner, offload, ..Facts::default() };
        let Some(row) = any.downcast_ref::<OwnerModuleRow>() else { return facts };
        let socket = row.socket_info().map(|info| (info.inode, info.uid, info.cookie.map(u64::from)));
        let (ticks, created) = (row.created_ticks(), row.created().is_some());
        Facts { ticks, created, module: row.module_info().copied(), socket, ..facts }
    }

    /// Those that a class has fields for.
    fn carried_by(&self, class: Class) -> Facts {
        let mut carried = self.clone();
        if class == Class::Basic {
            carried.owner = None;
        }
        if class != Class::Offload {
            carried.offload = None;
        }
        if class != Class::OwnerModule {
            carried = Facts { owner: carried.owner, offload: carried.offload, ..Facts::default() };
        }
        carried
    }
}

/// Rows of each class that say all they can, and the same for rows that say nothing, or that belong to nobody.
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

/// The same row by each way that converts: by itself, through a buffer, replayed from a snapshot and from a capture.
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
    let facts = Facts::of(row);
    let expected = facts.carried_by(R::CLASS).carried_by(W::CLASS);
    for converted in converted::<R, W>(row) {
        assert_eq!(Facts::of(&converted), expected, "{} to {}: {row:?}", R::CLASS, W::CLASS);
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
fn a_field_that_either_class_lacks_is_unknown() {
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

/// The facts of the sources, by hand: the test above compares with these.
#[test]
fn a_row_says_what_is_in_it_and_nothing_else() {
    let [windows, linux] = sources();
    let owner = Some(Owner::Process(4711));
    let full = Facts { owner, ticks: Some(TICKS), created: true, module: Some(MODULE), ..Facts::default() };
    let nobody = Facts { owner: Some(Owner::Nobody), ..Facts::default() };
    assert_eq!(Facts::of(&windows[0]), full);
    assert_eq!(Facts::of(&windows[1]), nobody);
    assert_eq!(Facts::of(&windows[2]), Facts { ticks: Some(TICKS), created: true, ..Facts::default() });
    let socket = Some((Some(4711), Some(1000), Some(99)));
    assert_eq!(Facts::of(&linux[0]), Facts { owner, socket, ..Facts::default() });
    assert_eq!(Facts::of(&linux[1]), Facts { socket: Some((None, None, None)), ..nobody });

    assert_eq!(offload_row(0).offload_state(), Some(OffloadState::InHost));
    assert_eq!(offload_row(3).offload_state(), Some(OffloadState::Uploading));
    assert_eq!(offload_row(77).offload_state(), Some(OffloadState::Other(77)));
    let offload = windows[0].to_class::<OffloadRow>();
    assert_eq!((offload.offload_state(), offload.owner()), (None, Owner::Process(4711)));
    assert_eq!(windows[0].to_class::<BasicRow>().to_class::<OwnerPidRow>().owner(), Owner::Unresolved);
}

fn new_is_unknown<R: Row>() {
    let row = R::new(State::Listen, "[::1]:80".parse().unwrap(), None);
    assert_eq!(Facts::of(&row), Facts::default(), "{}", R::CLASS);
}

#[test]
fn a_new_row_knows_nothing_but_its_ends_and_its_state() {
    new_is_unknown::<BasicRow>();
    new_is_unknown::<OwnerPidRow>();
    new_is_unknown::<OffloadRow>();
    new_is_unknown::<OwnerModuleRow>();
}

#[cfg(target_os = "linux")]
#[test]
fn linux_reports_neither_offload_state_nor_creation_nor_module() {
    let _own = crate::support::Loopback::open();
    let (mut system, mut buffer) = (tcp6::System::new().unwrap(), Buffer::new());
    let table = system.table::<OffloadRow>(&Query::all(), &mut buffer).unwrap();
    assert!(table.len() >= 3 && table.iter().all(|row| row.offload_state().is_none()));
    let table = system.table::<OwnerModuleRow>(&Query::all(), &mut buffer).unwrap();
    for row in table {
        let facts = Facts::of(row);
        assert_eq!((facts.ticks, facts.created, facts.module), (None, false, None), "{row:?}");
        let (inode, uid, _) = facts.socket.unwrap();
        assert!(inode != Some(0) && (inode.is_some() || uid != Some(0)), "{row:?}");
    }
}
