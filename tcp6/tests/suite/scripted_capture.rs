//! Tables of a scripted Windows machine, captured there and read on every system.
//!
//! `tests/scripted/capture.rs` takes them and compares the bytes.

use tcp6::{
    BasicRow, Buffer, OffloadRow, OffloadState, OwnerModuleRow, OwnerPidRow, Query, Replay, Row, Snapshot, State, Table,
};

const CAPTURE: &[u8] = include_bytes!("../scripted/tables.tcp6");

fn next<R: Row>(replay: &mut Replay) -> Snapshot<R> {
    let mut buffer = Buffer::new();
    Table::<R>::read(replay, &Query::all(), &mut buffer).unwrap().to_snapshot().unwrap()
}

/// The ends and states of the script, in order.
fn check<R: Row>(snapshot: &Snapshot<R>) {
    let rows = snapshot.rows();
    let seen: Vec<String> = rows
        .iter()
        .map(|row| {
            let remote = row.remote().map_or("-".to_owned(), |remote| remote.to_string());
            format!("{} {} {remote}", row.state().as_raw(), row.local())
        })
        .collect();
    let expected = [
        "2 [::]:445 -",
        "100 [::]:1234 -",
        "77 [::]:1235 -",
        "2 [::1]:8080 -",
        "11 [2001:db8::1]:80 [2001:db8::2]:50000",
        "12 [2001:db8::1]:80 [2001:db8::2]:50001",
        "5 [fe80::1%7]:49152 [fe80::2%7]:443",
    ];
    assert_eq!(seen, expected, "{:?}", R::CLASS);
}

#[test]
fn tables_of_a_scripted_windows_are_read_back() {
    let mut replay = Replay::from_reader(CAPTURE).unwrap();
    assert_eq!((replay.remaining(), replay.damage()), (4, None));
    check(&next::<BasicRow>(&mut replay));
    let pids = next::<OwnerPidRow>(&mut replay);
    check(&pids);
    assert_eq!(pids.rows()[3].owner().pid(), Some(1000));
    let offload = next::<OffloadRow>(&mut replay);
    check(&offload);
    assert_eq!(offload.rows()[6].offload_state(), Some(OffloadState::Offloaded));
    let modules = next::<OwnerModuleRow>(&mut replay);
    check(&modules);
    let connection = &modules.rows()[6];
    assert_eq!(connection.created_ticks(), Some(133_500_000_000_000_000));
    assert_eq!(connection.module_info().unwrap()[0], 5);
    assert_eq!((modules.rows()[0].state(), modules.rows()[2].created()), (State::Listen, None));
}
