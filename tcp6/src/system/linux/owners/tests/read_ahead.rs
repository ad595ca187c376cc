//! Reading descriptors before the first table is known.

use std::sync::atomic::Ordering::Relaxed;

use crate::row::owner::Owner;
use crate::system::linux::owners::budget::MAX_IDLE_DESCRIPTORS;
use crate::system::linux::owners::fd_source::Link;
use crate::system::linux::owners::script::{busy_machine, machine, pid};

#[test]
fn is_new_until_the_first_table_even_without_processes() {
    let mut machine = machine();
    assert!(machine.is_new());
    assert_eq!(machine.refresh(&[1, 0]), [Owner::Unresolved, Owner::Nobody]);
    assert!(!machine.is_new());
}

#[test]
fn does_not_read_again_what_was_read_ahead() {
    let mut machine = machine();
    let inodes: Vec<u32> = (1..=5_000).collect();
    machine.start(10, &inodes);
    machine.start(20, &[6_000]);
    machine.read_ahead();
    assert!(machine.is_new());
    // Before the table is known, one process ends and one starts.
    machine.exit(20);
    machine.start(30, &[8_000]);
    let (owners, work) = machine.refresh_counted(&[1, 5_000, 8_000]);
    assert_eq!(owners, [pid(10), pid(10), pid(30)]);
    assert_eq!(machine.processes(), (2, 0));
    assert!(work.links as u64 <= 4 + MAX_IDLE_DESCRIPTORS, "{work:?}");
}

#[test]
fn finds_sockets_opened_during_the_read_ahead() {
    let (mut machine, mut inodes) = busy_machine(10_000);
    machine.start(10, &[1]);
    machine.read_ahead();
    machine.open(1, Link::Socket(7));
    machine.close(10, 1);
    machine.open(10, Link::Socket(2));
    inodes.extend([7, 2]);
    let owners = machine.refresh(&inodes);
    assert_eq!(owners[10_000..], [pid(1), pid(10)]);
}

#[test]
fn reads_nothing_ahead_without_cpu_times() {
    let mut machine = machine();
    machine.source.has_cpu_times = false;
    machine.start(10, &[1]);
    machine.read_ahead();
    assert_eq!(machine.source.scans.load(Relaxed), 0, "all processes would be read again");
    assert_eq!(machine.refresh(&[1]), [pid(10)]);
}

#[test]
fn reads_again_after_a_failed_read_ahead() {
    let mut machine = machine();
    machine.start(10, &[1]);
    machine.source.has_no_descriptors = true;
    machine.read_ahead();
    machine.source.has_no_descriptors = false;
    assert_eq!(machine.refresh(&[1]), [pid(10)]);
}
