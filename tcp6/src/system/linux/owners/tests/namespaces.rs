//! Tables of two network namespaces on one machine.

use crate::row::owner::Owner;
use crate::system::linux::owners::Demand;
use crate::system::linux::owners::budget::{MAX_IDLE_DESCRIPTORS, MAX_RAN_DESCRIPTORS};
use crate::system::linux::owners::fd_source::Link;
use crate::system::linux::owners::index::Index;
use crate::system::linux::owners::script::{Machine, Work, busy_machine, machine, pid, sockets};

/// Resolves a complete table of one namespace. Returns the owners and the reads.
fn refresh(machine: &mut Machine, demand: &mut Demand, inodes: &[u32]) -> (Vec<Owner>, Work) {
    core::mem::swap(&mut machine.demand, demand);
    let result = machine.refresh_counted(inodes);
    core::mem::swap(&mut machine.demand, demand);
    result
}

#[test]
fn descriptors_read_for_one_table_are_not_read_for_the_other() {
    let (mut machine, inodes) = busy_machine(20_000);
    let (a, b) = inodes.split_at(10_000);
    let (mut demand_a, mut demand_b) = (Demand::new(), Demand::continued());
    let (owners, work) = refresh(&mut machine, &mut demand_a, a);
    assert!(owners.iter().all(|owner| *owner == pid(1)) && work.links >= 20_000, "{work:?}");
    let (owners, work) = refresh(&mut machine, &mut demand_b, b);
    assert!(owners.iter().all(|owner| *owner == pid(1)));
    assert!(work.listed == 0 && work.links as u64 <= MAX_IDLE_DESCRIPTORS, "{work:?}");
}

#[test]
fn a_socket_opened_after_the_table_of_one_namespace_is_found_by_that_of_the_other() {
    let mut machine = machine();
    machine.start(10, &[1, 2]);
    let (mut demand_a, mut demand_b) = (Demand::new(), Demand::continued());
    for inode in (3..100).step_by(2) {
        assert_eq!(refresh(&mut machine, &mut demand_a, &[1]).0, [pid(10)]);
        machine.open(10, Link::Socket(inode));
        assert_eq!(refresh(&mut machine, &mut demand_b, &[2, inode]).0, [pid(10), pid(10)]);
        machine.close(10, inode);
        let process = inode + 1_000;
        machine.start(process, &[inode]);
        assert_eq!(refresh(&mut machine, &mut demand_a, &[1]).0, [pid(10)]);
        assert_eq!(refresh(&mut machine, &mut demand_b, &[2, inode]).0, [pid(10), pid(process)]);
    }
}

/// A table that lacks the sockets of the other namespace does not make them closed ones, which would be probed in place
/// of those that have been closed.
#[test]
fn sockets_of_the_other_namespace_do_not_count_as_closed() {
    let (mut machine, mut inodes) = busy_machine(40_000);
    let (mut demand_a, mut demand_b) = (Demand::new(), Demand::continued());
    let b = inodes.split_off(20_000);
    for round in 0..10 {
        assert!(refresh(&mut machine, &mut demand_a, &inodes).0.iter().all(|owner| *owner == pid(1)), "{round}");
        assert!(refresh(&mut machine, &mut demand_b, &b).0.iter().all(|owner| *owner == pid(1)), "{round}");
        // A socket in the middle of the first namespace is replaced at its descriptor.
        let at = 7_000 + round as usize;
        let opened = 1_000_000 + round;
        let table = machine.table(1);
        let place = table.descriptors.values_mut().find(|link| **link == Link::Socket(inodes[at])).unwrap();
        *place = Link::Socket(opened);
        inodes[at] = opened;
        machine.run(1);
        let (owners, work) = refresh(&mut machine, &mut demand_a, &inodes);
        assert!(work.links as u64 <= MAX_RAN_DESCRIPTORS + MAX_IDLE_DESCRIPTORS, "{work:?}");
        assert_eq!(owners[at], pid(1), "{round}");
    }
}

#[test]
fn sockets_without_an_owner_are_searched_for_again_after_16_tables_of_their_namespace() {
    let mut demands = [Demand::new(), Demand::continued()];
    let searches = |demand: &mut Demand| {
        demand.begin();
        demand.note_unresolved(&sockets(&[7]), &Index::default()).unwrap();
        let searches = demand.has_unresolved();
        demand.note_searched().unwrap();
        searches
    };
    // The two take turns, which would make every 16th table one of the second namespace.
    let taken: Vec<[bool; 2]> = (0..64).map(|_| demands.each_mut().map(searches)).collect();
    let searched: Vec<usize> = (0..64).filter(|round| taken[*round][0]).collect();
    assert_eq!(searched, [0, 15, 31, 47, 63]);
    assert!(taken.iter().all(|[first, second]| first == second));
}
