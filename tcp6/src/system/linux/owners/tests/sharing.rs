//! Processes that share a descriptor table.

use crate::row::owner::Owner;
use crate::system::linux::owners::budget::{DIRECTORY_COST, MAX_IDLE_DESCRIPTORS};
use crate::system::linux::owners::fd_source::Link;
use crate::system::linux::owners::script::{Machine, machine, pid};

/// Three processes that share a table of `count` sockets, whose inodes start at 1.
fn sharing(count: u32) -> (Machine, Vec<u32>) {
    let mut machine = machine();
    let inodes: Vec<u32> = (1..=count).collect();
    machine.start(10, &inodes);
    let table = machine.process(10).table;
    machine.add(11, table, 1_000);
    machine.add(12, table, 1_000);
    (machine, inodes)
}

#[test]
fn finds_changes_by_an_unreadable_member_within_the_documented_refreshes() {
    for (count, earlier) in [(0, 1), (0, 5), (20, 0), (20, 3), (1_000, 1), (1_000, 20)] {
        let mut machine = machine();
        let inodes: Vec<u32> = (1..=count).collect();
        machine.start(10, &inodes);
        let table = machine.process(10).table;
        machine.add(11, table, 1_000);
        machine.process(11).refuses = true;
        (20..60).for_each(|pid| machine.start(pid, &[]));
        (0..=earlier).for_each(|_| drop(machine.refresh(&inodes)));
        machine.open(11, Link::Socket(100_000));
        let readable = machine.source.processes.len() as u64 - 1;
        let bound = (u64::from(count) + (3 + DIRECTORY_COST) * readable).div_ceil(24);
        let needed = (1..=bound).find(|_| machine.refresh(&[100_000]) == [pid(10)]);
        assert!(needed.is_some(), "not found within {bound} refreshes with {count} sockets after {earlier}");
    }
}

#[test]
fn reads_and_keeps_a_shared_table_once() {
    let (mut machine, inodes) = sharing(5_000);
    let (owners, work) = machine.refresh_counted(&inodes);
    assert!(owners.iter().all(|owner| *owner == pid(10)));
    assert!(work.links as u64 <= 5_003 + MAX_IDLE_DESCRIPTORS, "{work:?}");
    assert_eq!(machine.roster.processes.iter().map(|process| process.known_count()).sum::<u64>(), 5_003);
    assert!(machine.holders(5_000).eq([10, 11, 12]));
}

#[test]
fn all_members_hold_what_one_opens() {
    for opener in 10..=12 {
        let (mut machine, mut inodes) = sharing(100);
        machine.refresh(&inodes);
        machine.open(opener, Link::Socket(1_000));
        inodes.push(1_000);
        assert_eq!(machine.refresh(&inodes).last(), Some(&pid(10)));
        assert!(machine.holders(1_000).eq([10, 11, 12]));
        machine.close(opener, 1);
        assert_eq!(machine.refresh(&inodes).first(), Some(&Owner::Unresolved));
    }
}

#[test]
fn another_member_keeps_the_table_when_the_leader_ends() {
    let (mut machine, inodes) = sharing(100);
    machine.refresh(&inodes);
    for (ended, next) in [(10, 11), (11, 12)] {
        machine.exit(ended);
        let (owners, work) = machine.refresh_counted(&inodes);
        assert!(owners.iter().all(|owner| *owner == pid(next)));
        assert!(work.links as u64 <= 103 + MAX_IDLE_DESCRIPTORS, "{work:?}");
    }
    machine.exit(12);
    assert!(machine.refresh(&inodes).iter().all(|owner| *owner == Owner::Unresolved));
}

#[test]
fn reads_a_process_separately_after_it_unshares_its_table() {
    for unsharing in [10, 11] {
        let (mut machine, mut inodes) = sharing(100);
        machine.refresh(&inodes);
        // exec copies the table and closes the descriptors marked close-on-exec.
        let mut copy = machine.table(unsharing).clone();
        copy.descriptors.retain(|descriptor, _| *descriptor < 3);
        copy.descriptors.insert(3, Link::Socket(2_000));
        machine.source.tables.push(copy);
        machine.process(unsharing).table = machine.source.tables.len() - 1;
        machine.run(unsharing);
        inodes.push(2_000);
        let owners = machine.refresh(&inodes);
        let other = if unsharing == 10 { 11 } else { 10 };
        assert_eq!((owners[0], owners[100]), (pid(other), pid(unsharing)));
        assert!(machine.holders(50).eq((10..=12).filter(|pid| *pid != unsharing)));
    }
}

#[test]
fn reads_each_process_without_kcmp() {
    let (mut machine, inodes) = sharing(100);
    machine.source.compares_tables = false;
    assert!(machine.refresh(&inodes).iter().all(|owner| *owner == pid(10)));
    assert!(machine.holders(50).eq([10, 11, 12]));
}
