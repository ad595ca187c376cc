//! The number of descriptors that a refresh reads, and how soon changes are found.

use std::sync::atomic::Ordering::Relaxed;

use crate::row::owner::Owner;
use crate::system::linux::owners::budget::{
    DIRECTORY_COST, MAX_IDLE_DESCRIPTORS, MAX_NEW_DESCRIPTORS, MAX_PROBES, MAX_RAN_DESCRIPTORS, MIN_IN_TURN,
};
use crate::system::linux::owners::fd_source::Link;
use crate::system::linux::owners::script::{busy_machine, machine, pid};

#[test]
fn reads_few_descriptors_of_idle_processes() {
    let mut machine = machine();
    let inodes: Vec<u32> = (1..=5_000).collect();
    machine.start(10, &inodes);
    machine.start(20, &[]);
    machine.refresh(&inodes);
    for _ in 0..3 {
        let (owners, work) = machine.refresh_counted(&inodes);
        assert!(owners.iter().all(|owner| *owner == pid(10)));
        assert_eq!((work.listed, work.scans, work.summaries), (0, 1, 0));
        assert!(work.links as u64 <= MAX_IDLE_DESCRIPTORS, "{work:?}");
        assert!(!machine.roster.has_changed);
    }
    assert_eq!(machine.source.start_time_reads.load(Relaxed), 0);
}

#[test]
fn does_not_list_directories_of_idle_processes_without_counts() {
    let mut machine = machine();
    machine.source.has_counts = false;
    let inodes: Vec<u32> = (1..=5_000).collect();
    machine.start(10, &inodes);
    machine.start(20, &[]);
    machine.refresh(&inodes);
    assert_eq!(machine.source.names.swap(0, Relaxed), 5_003 + 3);
    for _ in 0..10 {
        let (_, work) = machine.refresh_counted(&inodes);
        assert!(work.links as u64 <= MAX_IDLE_DESCRIPTORS, "{work:?}");
    }
    machine.run(10);
    machine.refresh(&inodes);
    assert_eq!(machine.source.names.load(Relaxed), 0);
}

#[test]
fn finds_new_sockets_of_a_large_process_in_its_lowest_free_numbers() {
    let (mut machine, mut inodes) = busy_machine(20_000);
    machine.table(1).descriptors.insert(1_000_000, Link::Other);
    machine.refresh(&inodes);
    // 100 sockets are closed and 200 opened: first in the gaps, then after the highest number.
    let closed = inodes.split_off(19_900);
    closed.iter().for_each(|inode| machine.close(1, *inode));
    for inode in 7_001..=7_200 {
        machine.open(1, Link::Socket(inode));
        inodes.push(inode);
    }
    let (owners, work) = machine.refresh_counted(&inodes);
    assert!(owners.iter().all(|owner| *owner == pid(1)));
    assert!(work.links as u64 <= MAX_RAN_DESCRIPTORS, "{work:?}");
}

#[test]
fn finds_changes_in_large_processes_within_the_documented_refreshes() {
    let (mut machine, mut inodes) = busy_machine(20_000);
    machine.start(2, &(200_000..215_000).collect::<Vec<_>>());
    inodes.extend(200_000..215_000);
    machine.refresh(&inodes);
    // In each, another socket replaces one in the middle that a third process also holds.
    machine.start(30, &[110_000, 210_000]);
    machine.refresh(&inodes);
    for (process, closed, opened) in [(1, 110_000, 5), (2, 210_000, 6)] {
        let table = machine.table(process);
        let descriptor = *table.descriptors.iter().find(|(_, link)| **link == Link::Socket(closed)).unwrap().0;
        table.descriptors.insert(descriptor, Link::Socket(opened));
        inodes.push(opened);
    }
    let bound = 35_000 / (MAX_RAN_DESCRIPTORS - 4 * DIRECTORY_COST) + 2;
    let needed = (1..=bound).find(|_| {
        // Both run in every refresh. Their numbers of descriptors stay the same.
        machine.run(1);
        machine.run(2);
        let (owners, work) = machine.refresh_counted(&inodes);
        assert!(work.links as u64 <= MAX_RAN_DESCRIPTORS + MAX_IDLE_DESCRIPTORS, "{work:?}");
        let of = |inode| owners[inodes.iter().position(|listed| *listed == inode).unwrap()];
        of(110_000) == pid(30) && of(210_000) == pid(30) && of(5) == pid(1) && of(6) == pid(2)
    });
    assert!(needed.is_some(), "not found within {bound} refreshes");
}

#[test]
fn probes_of_closed_sockets_leave_budget_for_reading_in_turn() {
    let (mut machine, mut inodes) = busy_machine(20_000);
    machine.start(2, &(200_000..215_000).collect::<Vec<_>>());
    inodes.extend(200_000..215_000);
    machine.refresh(&inodes);
    let table = machine.table(2);
    let descriptor = *table.descriptors.iter().find(|(_, link)| **link == Link::Socket(210_000)).unwrap().0;
    table.descriptors.insert(descriptor, Link::Socket(5));
    inodes.push(5);
    let bound = 35_000 / (MIN_IN_TURN - 4 * DIRECTORY_COST) + 2;
    let needed = (1..=bound as u32).find(|refresh| {
        // Process 1 replaces 5,000 sockets between two refreshes.
        let replaced = inodes[..5_000].iter().copied().zip(1_000_000 + refresh * 5_000..).collect();
        machine.replace(1, &replaced);
        inodes[..5_000].iter_mut().for_each(|inode| *inode = replaced[inode]);
        machine.run(1);
        machine.run(2);
        let (owners, work) = machine.refresh_counted(&inodes);
        assert!(work.links as u64 <= MAX_RAN_DESCRIPTORS + MAX_IDLE_DESCRIPTORS, "{work:?}");
        owners.last() == Some(&pid(2))
    });
    assert!(needed.is_some(), "not found within {bound} refreshes");
}

#[test]
fn an_exact_refresh_finds_all_changes_at_once() {
    let (mut machine, mut inodes) = busy_machine(20_000);
    machine.demand.set_exact(true);
    machine.refresh(&inodes);
    machine.start(30, &[110_000]);
    let table = machine.table(1);
    let descriptor = *table.descriptors.iter().find(|(_, link)| **link == Link::Socket(110_000)).unwrap().0;
    table.descriptors.insert(descriptor, Link::Socket(5));
    inodes.push(5);
    let (owners, work) = machine.refresh_counted(&inodes);
    assert_eq!((owners[10_000], owners[20_000]), (pid(30), pid(1)));
    assert_eq!(work.links, 20_000 + 3 + 4);
    machine.demand.set_exact(false);
    assert!(machine.refresh_counted(&inodes).1.links as u64 <= MAX_IDLE_DESCRIPTORS);
}

#[test]
fn reads_a_large_new_process_within_the_documented_refreshes() {
    let (mut machine, mut inodes) = busy_machine(10);
    machine.refresh(&inodes);
    inodes.extend(200_000..250_000);
    machine.start(40, &inodes[10..]);
    machine.start(50, &[3]);
    inodes.push(3);
    let bound = 50_000 / MAX_NEW_DESCRIPTORS + 1;
    for refresh in 1..=bound {
        machine.run(1);
        let (owners, work) = machine.refresh_counted(&inodes);
        assert!(work.links as u64 <= MAX_NEW_DESCRIPTORS + MAX_RAN_DESCRIPTORS + MAX_PROBES, "{work:?}");
        assert_eq!(owners.last(), Some(&pid(50)), "the small process is read at once");
        assert_eq!(owners.iter().all(|owner| *owner != Owner::Unresolved), refresh == bound);
    }
}

#[test]
fn searches_once_for_a_socket_without_an_owner() {
    let (mut machine, mut inodes) = busy_machine(60_000);
    machine.start(10, &[1]);
    inodes.push(1);
    machine.refresh(&inodes);
    for in_flight in 2..50 {
        // A process opens the socket and sends it over a unix socket, where it stays in flight.
        machine.open(10, Link::Socket(in_flight));
        machine.close(10, in_flight);
        inodes.push(in_flight);
        for is_quiet in [true, false] {
            machine.source.is_quiet = is_quiet;
            let (owners, work) = machine.refresh_counted(&inodes);
            assert_eq!(owners.last(), Some(&Owner::Unresolved));
            assert!(work.links as u64 <= MAX_PROBES + 64, "{work:?}");
        }
        machine.source.is_quiet = true;
    }
}

#[test]
fn short_lived_processes_do_not_delay_the_turn_of_others() {
    let (mut machine, inodes) = busy_machine(20_000);
    machine.start(200, &[inodes[19_999]]);
    machine.refresh(&inodes);
    machine.close(1, inodes[19_999]);
    machine.table(1).descriptors.insert(20_002, Link::Other);
    let bound = 20_003 / (MAX_RAN_DESCRIPTORS - 64) as u32 + 2;
    let needed = (1..=bound).find(|refresh| {
        machine.exit(10 + refresh - 1);
        machine.start(10 + refresh, &[]);
        machine.run(1);
        machine.refresh(&inodes)[19_999] == pid(200)
    });
    assert!(needed.is_some(), "not found within {bound} refreshes");
}
