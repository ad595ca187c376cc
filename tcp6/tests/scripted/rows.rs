//! The four row classes, with everything that Windows may leave in and around the rows.

use std::net::SocketAddrV6;
use std::time::{Duration, SystemTime};

use tcp6::{BasicRow, Buffer, OffloadRow, OffloadState, Owner, OwnerModuleRow, OwnerPidRow, Query, Row, State, System};

use crate::machine::Machine;

/// A small table, unsorted.
pub const ROWS: &str = "
row 5 [fe80::1%7]:49152 [fe80::2%7]:443 pid=self created=133500000000000000 info=5 offload=2
row 2 [::]:445 - pid=4 created=133400000000000000
row 2 [::1]:8080 - pid=self created=now info=1
row 11 [2001:db8::1]:80 [2001:db8::2]:50000
row 12 [2001:db8::1]:80 [2001:db8::2]:50001
row 100 [::]:1234 - pid=self
row 77 [::]:1235 - pid=self
";

/// Script lines that must not change the rows.
pub const VARIATIONS: [&str; 6] = ["", "slack 8", "garbage 1", "slack 8\ngarbage 2", "slack 4096", "grow 1\ngarbage 3"];

pub fn end(text: &str) -> SocketAddrV6 {
    text.parse().unwrap()
}

fn with_port<R: Row>(rows: &[R], port: u16) -> &R {
    rows.iter().find(|row| row.local().port() == port).unwrap()
}

fn check_ends_and_states<R: Row>() {
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let table = system.table::<R>(&Query::all(), &mut buffer).unwrap();
    let seen: Vec<_> = table.iter().map(|row| (row.state(), row.local(), row.remote())).collect();
    assert_eq!(
        seen,
        [
            (State::Listen, end("[::]:445"), None),
            (State::Bound, end("[::]:1234"), None),
            (State::Other(77), end("[::]:1235"), None),
            (State::Listen, end("[::1]:8080"), None),
            (State::TimeWait, end("[2001:db8::1]:80"), Some(end("[2001:db8::2]:50000"))),
            (State::DeleteTcb, end("[2001:db8::1]:80"), Some(end("[2001:db8::2]:50001"))),
            (State::Established, end("[fe80::1%7]:49152"), Some(end("[fe80::2%7]:443"))),
        ],
        "{:?}",
        R::CLASS
    );
    assert_eq!(system.calls(), 1, "a table that fits takes one call");
}

#[test]
fn slack_and_garbage_do_not_change_ends_and_states_in_any_class() {
    let Some(machine) = Machine::new("") else { return };
    for variation in VARIATIONS {
        machine.play(&format!("{variation}\n{ROWS}"));
        check_ends_and_states::<BasicRow>();
        check_ends_and_states::<OffloadRow>();
        check_ends_and_states::<OwnerPidRow>();
        check_ends_and_states::<OwnerModuleRow>();
    }
}

#[test]
fn each_class_calls_its_function() {
    let Some(machine) = Machine::new(ROWS) else { return };
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    system.table::<BasicRow>(&Query::all(), &mut buffer).unwrap();
    assert_eq!(machine.calls(c"GetTcp6Table"), 1);
    system.table::<OffloadRow>(&Query::all(), &mut buffer).unwrap();
    assert_eq!(machine.calls(c"GetTcp6Table2"), 1);
    system.table::<OwnerPidRow>(&Query::all(), &mut buffer).unwrap();
    system.table::<OwnerModuleRow>(&Query::all(), &mut buffer).unwrap();
    assert_eq!(machine.calls(c"GetExtendedTcpTable"), 2);
}

#[test]
fn unsorted_query_keeps_the_order_of_the_system() {
    let Some(_machine) = Machine::new(ROWS) else { return };
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let table = system.table::<BasicRow>(&Query::all().unsorted(), &mut buffer).unwrap();
    let ports: Vec<u16> = table.iter().map(|row| row.local().port()).collect();
    assert_eq!(ports, [49152, 445, 8080, 80, 80, 1234, 1235], "the order of the script");
}

#[test]
fn pids_map_to_process_kernel_and_nobody() {
    let Some(_machine) = Machine::new(&format!("garbage 1\n{ROWS}")) else { return };
    fn check<R: Row>() {
        let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
        let table = system.table::<R>(&Query::all(), &mut buffer).unwrap();
        assert_eq!(with_port(&table, 8080).owner(), Owner::Process(std::process::id()));
        assert_eq!(with_port(&table, 445).owner(), Owner::Kernel);
        assert_eq!(with_port(&table, 80).owner(), Owner::Nobody);
    }
    check::<OwnerPidRow>();
    check::<OffloadRow>();
    check::<OwnerModuleRow>();
}

#[test]
fn creation_times_and_module_info_are_those_of_the_script() {
    let Some(_machine) = Machine::new(&format!("garbage 1\nslack 8\n{ROWS}")) else { return };
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let table = system.table::<OwnerModuleRow>(&Query::all(), &mut buffer).unwrap();
    let row = with_port(&table, 49152);
    assert_eq!(row.created_ticks(), Some(133_500_000_000_000_000));
    // 2024-01-17T01:20:00Z
    assert_eq!(row.created(), Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_705_526_400)));
    let mut info = [0; 16];
    info[0] = 5;
    assert_eq!(row.module_info(), Some(&info));
    let age = SystemTime::now().duration_since(with_port(&table, 8080).created().unwrap()).unwrap();
    assert!(age < Duration::from_secs(60), "{age:?}");
    assert_eq!((with_port(&table, 80).created(), with_port(&table, 80).module_info()), (None, None));
}

#[test]
fn offload_states_are_those_of_the_script() {
    let script = (0..6).map(|state| format!("row 5 [::1]:{state} [::2]:1 offload={state}\n")).collect::<String>();
    let Some(_machine) = Machine::new(&script) else { return };
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let table = system.table::<OffloadRow>(&Query::all(), &mut buffer).unwrap();
    let states: Vec<_> = table.iter().map(|row| row.offload_state()).collect();
    use OffloadState::{InHost, Offloaded, Offloading, Other, Uploading};
    assert_eq!(states, [InHost, Offloading, Offloaded, Uploading, Other(4), Other(5)].map(Some));
}

#[test]
fn listeners_query_returns_only_listeners() {
    let Some(machine) = Machine::new("") else { return };
    fn check<R: Row>() {
        let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
        let table = system.table::<R>(&Query::listeners(), &mut buffer).unwrap();
        let ports: Vec<u16> = table.iter().map(|row| row.local().port()).collect();
        assert_eq!(ports, [445, 8080]);
        assert!(table.iter().all(|row| row.is_listener() && row.remote().is_none()));
    }
    for variation in VARIATIONS {
        machine.play(&format!("{variation}\n{ROWS}"));
        check::<BasicRow>();
        check::<OffloadRow>();
        check::<OwnerPidRow>();
        check::<OwnerModuleRow>();
    }
}

#[test]
fn script_without_rows_is_an_empty_table() {
    let Some(machine) = Machine::new("") else { return };
    for variation in VARIATIONS {
        machine.play(variation);
        let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
        assert!(system.table::<BasicRow>(&Query::all(), &mut buffer).unwrap().is_empty());
        assert!(system.table::<OwnerModuleRow>(&Query::all(), &mut buffer).unwrap().is_empty());
    }
}

#[test]
fn first_read_of_100_000_rows_takes_two_calls_and_the_second_one() {
    let Some(_machine) = Machine::new("slack 8\ngarbage 1\nrow 5 [::1]:1 [::1]:0 times=100000") else { return };
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    for calls in [2, 3] {
        let table = system.table::<OwnerModuleRow>(&Query::all(), &mut buffer).unwrap();
        assert_eq!(table.len(), 100_000);
        assert!(table.iter().is_sorted_by_key(|row| row.remote().unwrap().port()));
        assert_eq!(system.calls(), calls);
    }
}
