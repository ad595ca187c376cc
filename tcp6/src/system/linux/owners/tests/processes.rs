//! Processes that start, end, or are replaced.

use std::sync::atomic::Ordering::Relaxed;

use crate::row::owner::Owner;
use crate::system::linux::owners::fd_source::Link;
use crate::system::linux::owners::script::{machine, pid};

#[test]
fn detects_a_reused_pid() {
    let mut machine = machine();
    machine.start(10, &[1]);
    machine.start(20, &[1]);
    assert_eq!(machine.refresh(&[1]), [pid(10)]);
    // The same pid and number of descriptors, but another start time.
    machine.start(10, &[2]);
    assert_eq!(machine.refresh(&[1, 2]), [pid(20), pid(10)]);
    machine.exit(20);
    assert_eq!(machine.refresh(&[1, 2]), [Owner::Unresolved, pid(10)]);
}

#[test]
fn lists_processes_only_if_one_has_started() {
    let mut machine = machine();
    machine.start(10, &[1]);
    machine.start(20, &[2]);
    assert_eq!(machine.refresh_counted(&[1, 2]).1.listed, 1);
    assert_eq!(machine.refresh_counted(&[1, 2]).1.listed, 0);
    machine.exit(10);
    let (owners, work) = machine.refresh_counted(&[1, 2]);
    assert_eq!((owners, work.listed), (vec![Owner::Unresolved, pid(20)], 0));
    assert_eq!(machine.processes(), (1, 0));
    machine.start(30, &[1]);
    let (owners, work) = machine.refresh_counted(&[1, 2]);
    assert_eq!((owners, work.listed), (vec![pid(30), pid(20)], 1));
    machine.source.has_activity = false;
    assert_eq!(machine.refresh_counted(&[1, 2]).1.listed, 1, "a process may have started");
}

#[test]
fn lists_processes_again_after_a_failure() {
    let mut machine = machine();
    machine.start(10, &[1]);
    machine.refresh(&[1]);
    machine.start(20, &[2]);
    machine.source.has_no_descriptors = true;
    assert_eq!(machine.refresh(&[1, 2]), [pid(10), Owner::Unresolved]);
    machine.source.has_no_descriptors = false;
    assert_eq!(machine.refresh(&[1, 2]), [pid(10), pid(20)]);
}

#[test]
fn a_new_directory_inode_does_not_make_another_process() {
    let mut machine = machine();
    machine.start(10, &[1]);
    machine.refresh(&[1]);
    for dropped_inodes in 1..=3 {
        machine.source.dropped_inodes = dropped_inodes;
        machine.run(10);
        assert_eq!(machine.refresh(&[1]), [pid(10)]);
    }
    assert_eq!(machine.source.start_time_reads.load(Relaxed), 3);
}

#[test]
fn reads_through_another_thread_if_the_first_has_exited() {
    let mut machine = machine();
    machine.start(10, &[1]);
    machine.start(20, &[2]);
    machine.refresh(&[1, 2]);
    machine.run(10);
    machine.process(10).live_thread = Some(15);
    assert_eq!(machine.refresh(&[1, 2]), [pid(10), pid(20)]);
    machine.open(10, Link::Socket(3));
    assert_eq!(machine.refresh(&[1, 2, 3]), [pid(10), pid(20), pid(10)]);
    // The second thread exits, too.
    machine.run(10);
    machine.process(10).live_thread = Some(16);
    assert_eq!(machine.refresh(&[1, 2, 3]), [pid(10), pid(20), pid(10)]);
    machine.exit(10);
    assert_eq!(machine.refresh(&[1, 2, 3]), [Owner::Unresolved, pid(20), Owner::Unresolved]);
}
