//! Processes whose descriptors cannot be read.

use crate::row::owner::Owner;
use crate::system::linux::owners::RETRY_INTERVAL;
use crate::system::linux::owners::fd_source::Link;
use crate::system::linux::owners::script::{busy_machine, machine, pid};

#[test]
fn retries_an_unreadable_process_when_it_runs_and_periodically() {
    let mut machine = machine();
    machine.start(10, &[1]);
    machine.start(20, &[2]);
    machine.process(20).refuses = true;
    assert_eq!(machine.refresh(&[1, 2]), [pid(10), Owner::Unresolved]);
    assert_eq!(machine.processes(), (2, 1));
    // An action of the process makes it readable.
    machine.process(20).refuses = false;
    machine.run(20);
    assert_eq!(machine.refresh(&[1, 2]), [pid(10), pid(20)]);
    machine.process(20).refuses = true;
    machine.run(20);
    assert_eq!(machine.refresh(&[1, 2]), [pid(10), Owner::Unresolved]);
    // An action of the reading process makes it readable.
    machine.process(20).refuses = false;
    let needed = (1..=RETRY_INTERVAL).find(|_| machine.refresh(&[1, 2]) == [pid(10), pid(20)]);
    assert!(needed.is_some_and(|needed| needed > 1), "{needed:?}");
    assert_eq!(machine.processes(), (2, 0));
}

#[test]
fn a_large_unreadable_process_uses_no_budget() {
    let (mut machine, _) = busy_machine(20_000);
    machine.process(1).refuses = true;
    machine.start(10, &[1]);
    machine.start(20, &[1]);
    machine.refresh(&[1]);
    for _ in 0..3 {
        machine.run(1);
        machine.close(10, 1);
        machine.open(10, Link::Other);
        assert_eq!(machine.refresh(&[1]), [pid(20)]);
        machine.open(10, Link::Socket(1));
        assert_eq!(machine.refresh(&[1]), [pid(10)]);
    }
}

#[test]
fn a_process_without_descriptors_is_not_unreadable() {
    let mut machine = machine();
    machine.start(10, &[1]);
    machine.start(2, &[]);
    machine.table(2).descriptors.clear();
    machine.process(2).refuses = true;
    assert_eq!(machine.refresh_counted(&[1]).1.scans, 1);
    assert_eq!(machine.processes(), (2, 0));
    machine.open(2, Link::Other);
    machine.refresh(&[1]);
    assert_eq!(machine.processes(), (2, 1));
}

#[test]
fn keeps_known_owners_while_reading_fails() {
    let mut machine = machine();
    machine.start(10, &[1]);
    machine.refresh(&[1]);
    machine.source.has_no_descriptors = true;
    machine.run(10);
    assert_eq!(machine.refresh(&[1]), [pid(10)]);
    assert_eq!(machine.processes(), (1, 1));
    machine.source.has_no_descriptors = false;
    machine.table(10).descriptors.insert(3, Link::Socket(2));
    assert_eq!(machine.refresh(&[1, 2]), [Owner::Unresolved, pid(10)]);
    assert_eq!(machine.processes(), (1, 0));
}
