//! Tests of a watcher while the script changes the table between polls.

use tcp6::{Change, Error, OwnerModuleRow, OwnerPidRow, Row, State, System, Watcher};

use crate::machine::Machine;
use crate::rows::{VARIATIONS, end};

const LISTENER: &str = "row 2 [::1]:80 - pid=8 created=133500000000000000\n";
const CONNECTION: &str = "row 5 [::1]:80 [::2]:5000 pid=8 created=133500000000000001\n";

/// Polls the watcher and formats the changes.
fn changes<R: Row>(watcher: &mut Watcher<R, System>) -> Result<Vec<String>, Error> {
    let words = |change: Change<&R>| match change {
        Change::Added(row) => format!("+ {} {}", row.state(), row.local()),
        Change::Removed(row) => format!("- {} {}", row.state(), row.local()),
        Change::Changed { before, after } => format!("{} -> {} {}", before.state(), after.state(), after.local()),
    };
    Ok(watcher.poll()?.map(words).collect())
}

#[test]
fn reports_a_connection_added_changed_and_removed() {
    let Some(machine) = Machine::new(LISTENER) else { return };
    let mut watcher = Watcher::<OwnerModuleRow, _>::new(System::new().unwrap());
    assert!(changes(&mut watcher).unwrap().is_empty(), "the baseline");
    machine.play(&format!("{LISTENER}{CONNECTION}"));
    assert_eq!(changes(&mut watcher).unwrap(), ["+ ESTABLISHED [::1]:80"]);
    machine.play(&format!("{LISTENER}{}", CONNECTION.replace("row 5", "row 8")));
    assert_eq!(changes(&mut watcher).unwrap(), ["ESTABLISHED -> CLOSE-WAIT [::1]:80"]);
    machine.play(LISTENER);
    assert_eq!(changes(&mut watcher).unwrap(), ["- CLOSE-WAIT [::1]:80"]);
}

#[test]
fn slack_and_garbage_are_not_changes() {
    let Some(machine) = Machine::new(LISTENER) else { return };
    let mut watcher = Watcher::<OwnerModuleRow, _>::new(System::new().unwrap());
    watcher.poll().unwrap();
    for variation in VARIATIONS {
        machine.play(&format!("{variation}\n{LISTENER}"));
        assert!(changes(&mut watcher).unwrap().is_empty(), "{variation}");
    }
}

#[test]
fn new_creation_time_is_a_new_socket_if_the_class_has_it() {
    let Some(machine) = Machine::new(LISTENER) else { return };
    let mut with_times = Watcher::<OwnerModuleRow, _>::new(System::new().unwrap());
    let mut without = Watcher::<OwnerPidRow, _>::new(System::new().unwrap());
    with_times.poll().unwrap();
    without.poll().unwrap();
    machine.play(&LISTENER.replace("created=133500000000000000", "created=133500000000000009"));
    assert_eq!(changes(&mut with_times).unwrap(), ["- LISTEN [::1]:80", "+ LISTEN [::1]:80"]);
    assert!(changes(&mut without).unwrap().is_empty());
}

#[test]
fn failed_poll_keeps_the_baseline() {
    let Some(machine) = Machine::new(&format!("{LISTENER}{CONNECTION}")) else { return };
    let mut watcher = Watcher::<OwnerModuleRow, _>::new(System::new().unwrap());
    watcher.poll().unwrap();
    for code in ["5", "0xC0000001 0xC0000001 0xC0000001 0xC0000001 5", "0:0", "50"] {
        machine.play(&format!("code GetExtendedTcpTable {code}"));
        assert!(changes(&mut watcher).is_err(), "{code}");
        assert_eq!(watcher.snapshot().rows().len(), 2);
    }
    // Retryable codes are not failures: the table after them is compared with the baseline.
    machine.play(&format!("code GetExtendedTcpTable 0xC0000001 122\n{LISTENER}"));
    assert_eq!(changes(&mut watcher).unwrap(), ["- ESTABLISHED [::1]:80"]);
}

#[test]
fn error_no_data_is_an_empty_table_and_removes_every_row() {
    let Some(machine) = Machine::new(LISTENER) else { return };
    let mut watcher = Watcher::<OwnerPidRow, _>::new(System::new().unwrap());
    watcher.poll().unwrap();
    machine.play("code GetExtendedTcpTable 232");
    assert_eq!(changes(&mut watcher).unwrap(), ["- LISTEN [::1]:80"]);
}

#[test]
fn unknown_state_is_reported_with_its_number() {
    let Some(machine) = Machine::new(CONNECTION) else { return };
    let mut watcher = Watcher::<OwnerPidRow, _>::new(System::new().unwrap());
    watcher.poll().unwrap();
    machine.play(&CONNECTION.replace("row 5", "row 0xFFFFFFFF"));
    let changes: Vec<_> = watcher.poll().unwrap().collect();
    let [Change::Changed { before, after }] = changes[..] else { panic!("{changes:?}") };
    assert_eq!((before.state(), after.state()), (State::Established, State::Other(u32::MAX)));
    assert_eq!(after.remote(), Some(end("[::2]:5000")));
}
