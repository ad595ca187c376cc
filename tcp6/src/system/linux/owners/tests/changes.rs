//! Changes of descriptors between two refreshes.

use crate::row::owner::Owner;
use crate::system::linux::owners::fd_source::Link;
use crate::system::linux::owners::script::{busy_machine, machine, pid};

#[test]
fn reports_the_lowest_pid_and_all_holders() {
    let mut machine = machine();
    machine.start(30, &[1, 2]);
    machine.start(20, &[2, 3]);
    assert_eq!(machine.refresh(&[1, 2, 3, 0, 4]), [pid(30), pid(20), pid(20), Owner::Nobody, Owner::Unresolved]);
    assert!(machine.holders(2).eq([20, 30]));
    assert_eq!(machine.holders(4).count(), 0);
}

#[test]
fn finds_accepted_sockets_at_once() {
    for waiting in [1, 20] {
        let mut machine = machine();
        machine.start(10, &[1]);
        machine.start(20, &[9]);
        machine.process(20).refuses = true;
        let reserved: Vec<u32> = (0..waiting).map(|_| machine.wait_in_accept(10)).collect();
        machine.refresh(&[1]);
        // From the last to the first. The number of descriptors includes reserved ones, so it stays the same.
        let mut inodes = vec![1];
        for (inode, descriptor) in (100..).zip(reserved.into_iter().rev()) {
            machine.accept(10, descriptor, inode);
            inodes.push(inode);
            assert!(machine.refresh(&inodes).iter().all(|owner| *owner == pid(10)));
        }
    }
}

#[test]
fn finds_a_socket_that_reuses_a_descriptor_number_at_once() {
    let mut machine = machine();
    machine.start(10, &[1]);
    machine.start(20, &[9]);
    machine.process(20).refuses = true;
    // 7,000 is an IPv4 socket, which no table lists.
    for closed in [Link::Other, Link::Socket(7_000)] {
        let descriptor = machine.open(10, closed);
        assert_eq!(machine.refresh(&[1]), [pid(10)]);
        machine.table(10).descriptors.insert(descriptor, Link::Socket(2));
        assert_eq!(machine.refresh(&[1, 2]), [pid(10), pid(10)]);
        machine.close(10, 2);
        assert_eq!(machine.refresh(&[1]), [pid(10)]);
    }
}

#[test]
fn drops_a_parent_that_closes_a_socket_of_its_child() {
    let mut machine = machine();
    machine.start(10, &[1, 2]);
    machine.refresh(&[1, 2]);
    machine.fork(10, 20);
    assert_eq!(machine.refresh(&[1, 2]), [pid(10), pid(10)]);
    // The number of descriptors stays the same.
    machine.close(10, 1);
    machine.open(10, Link::Other);
    assert_eq!(machine.refresh(&[1, 2]), [pid(20), pid(10)]);
    assert!(machine.holders(1).eq([20]));
}

#[test]
fn reads_idle_processes_if_cpu_times_are_not_exact() {
    let mut machine = machine();
    machine.start(10, &[1]);
    machine.start(20, &[1]);
    machine.refresh(&[1]);
    machine.source.is_quiet = false;
    machine.close(10, 1);
    assert_eq!(machine.source.processes[&10].not_added, 7);
    assert_eq!(machine.refresh(&[1]), [pid(20)]);
}

#[test]
fn follows_a_socket_that_is_passed_to_another_process() {
    let mut machine = machine();
    machine.start(10, &[1, 2]);
    machine.start(20, &[3]);
    machine.refresh(&[1, 2, 3]);
    machine.open(20, Link::Socket(1));
    assert_eq!(machine.refresh(&[1, 2, 3]), [pid(10), pid(10), pid(20)]);
    machine.close(10, 1);
    machine.open(10, Link::Other);
    assert_eq!(machine.refresh(&[1, 2, 3]), [pid(20), pid(10), pid(20)]);
}

#[test]
fn follows_a_listener_from_parent_to_child() {
    let mut machine = machine();
    machine.start(10, &[1]);
    machine.refresh(&[1]);
    machine.fork(10, 11);
    machine.open(11, Link::Socket(2));
    machine.fork(10, 12);
    assert_eq!(machine.refresh(&[1, 2]), [pid(10), pid(11)]);
    machine.exit(10);
    assert_eq!(machine.refresh(&[1, 2]), [pid(11), pid(11)]);
    assert!(machine.holders(1).eq([11, 12]));
}

#[test]
fn resolves_a_filtered_table_without_dropping_known_owners() {
    let (mut machine, inodes) = busy_machine(20_000);
    machine.start(20, &[2_000]);
    machine.start(5, &[2_000]);
    machine.refresh(&inodes);
    assert_eq!(machine.refresh_filtered(&[2_000]), [pid(5)]);
    assert!(machine.holders(2_000).eq([5, 20]));
    machine.run(1);
    machine.close(5, 2_000);
    assert_eq!(machine.refresh_filtered(&[2_000]), [pid(20)]);
    assert!(machine.refresh(&inodes).iter().all(|owner| *owner == pid(1)));
}
