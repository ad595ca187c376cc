//! Sockets that are only bound, from the function that Microsoft does not document.

use std::ffi::CStr;

use tcp6::{
    BasicRow, Buffer, Error, Malformed, OffloadRow, Owner, OwnerModuleRow, OwnerPidRow, Query, Row, State, StateSet,
    Stats, System,
};

use crate::machine::Machine;
use crate::rows::{ROWS, VARIATIONS, end};

const FUNCTION: &CStr = c"InternalGetBoundTcp6EndpointTable";

const MORE: &str = "row 100 [fe80::1%7]:1236 - pid=4";

fn query(states: StateSet) -> Query {
    Query::all().states(states)
}

fn check<R: Row>(machine: &Machine) {
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let before = machine.calls(FUNCTION);
    let table = system.table::<R>(&query(StateSet::BOUND), &mut buffer).unwrap();
    let seen: Vec<_> = table.iter().map(|row| (row.state(), row.local(), row.remote())).collect();
    let bound = [(State::Bound, end("[::]:1234"), None), (State::Bound, end("[fe80::1%7]:1236"), None)];
    assert_eq!(seen, bound, "{:?}", R::CLASS);
    let owners: Vec<Owner> = table.iter().map(Row::owner).collect();
    let expected = if R::CLASS.has_owners() {
        [Owner::Process(std::process::id()), Owner::Kernel]
    } else {
        [Owner::Unresolved; 2]
    };
    assert_eq!(owners, expected, "{:?}", R::CLASS);
    assert_eq!((system.calls(), machine.calls(FUNCTION)), (1, before + 1), "no other function is called");

    // Together with the other states, each bound socket is listed once, in the order of the table.
    let table = system.table::<R>(&query(StateSet::all() | StateSet::BOUND), &mut buffer).unwrap();
    let ports: Vec<u16> = table.iter().map(|row| row.local().port()).collect();
    assert_eq!(ports, [445, 1234, 1235, 8080, 80, 80, 1236, 49152], "{:?}", R::CLASS);
    assert_eq!((system.calls(), machine.calls(FUNCTION)), (3, before + 2));

    // Conditions on the ends hold for bound sockets too.
    let one = query(StateSet::all() | StateSet::BOUND).local_port(1236);
    assert_eq!(system.table::<R>(&one, &mut buffer).unwrap().len(), 1);
}

#[test]
fn bound_sockets_are_listed_on_request_in_any_class() {
    let Some(machine) = Machine::new("") else { return };
    for variation in VARIATIONS {
        machine.play(&format!("{variation}\n{ROWS}{MORE}"));
        check::<BasicRow>(&machine);
        check::<OffloadRow>(&machine);
        check::<OwnerPidRow>(&machine);
        check::<OwnerModuleRow>(&machine);
    }
}

#[test]
fn the_function_is_called_on_request_only() {
    let Some(machine) = Machine::new(ROWS) else { return };
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    for query in [Query::all(), Query::listeners(), Query::all().local_port(1234)] {
        system.table::<OwnerPidRow>(&query, &mut buffer).unwrap();
    }
    assert_eq!(machine.calls(FUNCTION), 0);
}

#[test]
fn unknown_fields_of_bound_sockets_are_none() {
    let Some(machine) = Machine::new("") else { return };
    for variation in VARIATIONS {
        machine.play(&format!("{variation}\nrow 100 [::]:1234 - pid=self created=now info=7 offload=2"));
        let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
        let row = system.table::<OwnerModuleRow>(&query(StateSet::BOUND), &mut buffer).unwrap()[0];
        assert_eq!((row.created(), row.module_info()), (None, None));
        let row = system.table::<OffloadRow>(&query(StateSet::BOUND), &mut buffer).unwrap()[0];
        assert_eq!(row.offload_state(), None);
    }
}

#[test]
fn bound_sockets_have_no_statistics() {
    let Some(machine) = Machine::new(&format!("{ROWS}{MORE}")) else { return };
    let (mut system, mut buffer, mut stats) = (System::new().unwrap(), Buffer::new(), Stats::new());
    let table = system.table_with_stats::<BasicRow>(&query(StateSet::BOUND), &mut buffer, &mut stats).unwrap();
    assert_eq!((table.len(), stats.len()), (2, 0));
    assert_eq!(machine.calls(c"GetPerTcp6ConnectionEStats"), 0);
}

#[test]
fn codes_of_the_function_are_errors_and_leave_no_table() {
    let Some(machine) = Machine::new("") else { return };
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    for states in [StateSet::BOUND, StateSet::all() | StateSet::BOUND] {
        let mut read = |answer: &str| {
            machine.play(&format!("code InternalGetBoundTcp6EndpointTable {answer}\n{ROWS}"));
            let rows = system.table::<BasicRow>(&query(states), &mut buffer).map(|table| table.len());
            assert_eq!(buffer.class().is_none(), rows.is_err(), "an error is not an empty table");
            rows
        };
        assert!(matches!(read("50"), Err(Error::NotSupported)));
        assert!(matches!(read("120"), Err(Error::NotSupported)));
        for code in [5, 8, 87] {
            let error = read(&code.to_string()).unwrap_err();
            assert!(matches!(error, Error::Os { call: "InternalGetBoundTcp6EndpointTable", .. }), "{error}");
            assert_eq!(error.raw_os_error(), Some(code));
        }
        let error = read("0:0").unwrap_err();
        assert!(matches!(error, Error::Malformed(Malformed::NotWritten { .. })), "{error}");
        let others = if states == StateSet::BOUND { 0 } else { 6 };
        assert_eq!(read("232").unwrap(), others, "ERROR_NO_DATA is an empty table");
    }
}
