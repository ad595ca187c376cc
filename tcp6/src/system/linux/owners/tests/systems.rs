//! The first table of a system, after tables of another one.

use core::sync::atomic::Ordering::Relaxed;

use crate::row::owner::Owner;
use crate::system::linux::owners::Demand;
use crate::system::linux::owners::budget::{MAX_IDLE_DESCRIPTORS, MAX_NEW_DESCRIPTORS};
use crate::system::linux::owners::script::{Machine, Script, busy_machine, machine, pid, sockets};

/// Resolves a complete table of another system. Returns the owners.
fn refresh(machine: &mut Machine, demand: &mut Demand, inodes: &[u32]) -> Vec<Owner> {
    machine.owners.resolve(demand, &sockets(inodes), true).unwrap();
    inodes.iter().map(|inode| machine.of(*inode)).collect()
}

#[test]
fn what_has_not_changed_is_not_read_again() {
    let (mut machine, inodes) = busy_machine(50_000);
    machine.refresh(&inodes);
    machine.source.links.store(0, Relaxed);
    let owners = refresh(&mut machine, &mut Demand::new(), &inodes);
    assert!(owners.iter().all(|owner| *owner == pid(1)));
    let links = machine.source.links.load(Relaxed);
    assert!(links as u64 <= MAX_IDLE_DESCRIPTORS, "{links}");
}

/// The last table of the other system can be long ago.
#[test]
fn the_first_table_of_a_system_is_exact_however_much_has_changed() {
    let (mut machine, mut inodes) = busy_machine(50_000);
    machine.refresh(&inodes);
    let replaced = inodes.iter().map(|inode| (*inode, inode + 1_000_000)).collect();
    machine.replace(1, &replaced);
    inodes = replaced.into_values().collect();
    let mut expected = vec![pid(1); inodes.len()];
    for process in 2..10 {
        let opened: Vec<u32> = (0..MAX_NEW_DESCRIPTORS as u32).map(|i| process * 100_000 + 2_000_000 + i).collect();
        machine.start(process, &opened);
        expected.extend(opened.iter().map(|_| pid(process)));
        inodes.extend(opened);
    }
    let bounded = refresh(&mut machine, &mut Demand::continued(), &inodes);
    assert_ne!(bounded, expected);
    let mut demand = Demand::new();
    assert!(refresh(&mut machine, &mut demand, &inodes) == expected);
    // Only the first one is without bounds.
    machine.replace(1, &inodes.iter().map(|inode| (*inode, inode + 10_000_000)).collect());
    for inode in &mut inodes[..50_000] {
        *inode += 10_000_000;
    }
    assert_ne!(refresh(&mut machine, &mut demand, &inodes), expected);
}

#[test]
fn the_first_table_of_a_system_retries_unreadable_processes() {
    let mut machine = machine();
    machine.start(10, &[1]);
    machine.process(10).refuses = true;
    assert_eq!(machine.refresh(&[1]), [Owner::Unresolved]);
    // The rights of this process change, while the other one does not run.
    machine.process(10).refuses = false;
    assert_eq!(machine.refresh(&[1]), [Owner::Unresolved]);
    assert_eq!(refresh(&mut machine, &mut Demand::new(), &[1]), [pid(10)]);
}

#[test]
fn without_cpu_times_the_first_table_of_a_system_is_exact() {
    let mut machine = Machine::new(Script { has_cpu_times: false, has_activity: false, ..Script::default() });
    let mut inodes: Vec<u32> = (100_000..150_000).collect();
    machine.start(1, &inodes);
    machine.refresh(&inodes);
    machine.replace(1, &inodes.iter().map(|inode| (*inode, inode + 1_000_000)).collect());
    inodes.iter_mut().for_each(|inode| *inode += 1_000_000);
    let owners = refresh(&mut machine, &mut Demand::new(), &inodes);
    assert!(owners.iter().all(|owner| *owner == pid(1)));
}

/// The dump of another system has failed after its read-ahead, long ago.
#[test]
fn the_first_table_of_a_system_does_not_depend_on_a_failed_one() {
    for reads_ahead in [true, false] {
        let (mut machine, mut inodes) = busy_machine(50_000);
        machine.read_ahead();
        machine.replace(1, &inodes.iter().map(|inode| (*inode, inode + 1_000_000)).collect());
        inodes.iter_mut().for_each(|inode| *inode += 1_000_000);
        let mut demand = Demand::new();
        if reads_ahead {
            machine.owners.read_ahead(&mut demand);
        }
        let owners = refresh(&mut machine, &mut demand, &inodes);
        assert!(owners.iter().all(|owner| *owner == pid(1)), "{reads_ahead}");
    }
}

/// As many processes have started since the last table of another system as there are pids.
#[test]
fn the_first_table_of_a_system_lists_processes() {
    for reads_ahead in [true, false] {
        let mut machine = machine();
        machine.start(10, &[1]);
        machine.refresh(&[1]);
        let last_pid = machine.source.last_pid;
        machine.start(20, &[2]);
        machine.source.last_pid = last_pid;
        assert_eq!(machine.refresh(&[2]), [Owner::Unresolved]);
        let mut demand = Demand::new();
        if reads_ahead {
            machine.owners.read_ahead(&mut demand);
        }
        assert_eq!(refresh(&mut machine, &mut demand, &[2]), [pid(20)]);
    }
}

/// Each system may be used with other rights: what one of them cannot read is retried by both.
#[test]
fn each_system_retries_unreadable_processes() {
    let mut machine = machine();
    machine.start(10, &[1]);
    let (mut ours, mut theirs) = (Demand::new(), Demand::continued());
    assert_eq!(refresh(&mut machine, &mut ours, &[1]), [pid(10)]);
    let mut retried = 0;
    for _ in 0..64 {
        machine.process(10).refuses = true;
        machine.run(10);
        refresh(&mut machine, &mut theirs, &[1]);
        machine.process(10).refuses = false;
        retried += usize::from(refresh(&mut machine, &mut ours, &[1]) == [pid(10)]);
    }
    assert_eq!(retried, 4);
}

/// Threads that have read descriptors for the table of another system are still exiting.
#[test]
fn the_first_table_of_each_system_waits_for_a_quiet_moment() {
    for is_new in [true, false] {
        let (mut machine, inodes) = busy_machine(1_000);
        machine.source.busy_samples.store(50, Relaxed);
        machine.refresh(&inodes);
        let mut demand = if is_new { Demand::new() } else { Demand::continued() };
        let mut reads = || {
            machine.source.busy_samples.store(50, Relaxed);
            machine.source.links.store(0, Relaxed);
            refresh(&mut machine, &mut demand, &inodes);
            machine.source.links.load(Relaxed) as u64
        };
        assert!(reads() <= MAX_IDLE_DESCRIPTORS, "{is_new}");
        // Later tables do not wait: idle processes are read again.
        assert!(reads() >= 1_000, "{is_new}");
    }
}
