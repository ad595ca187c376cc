use std::sync::atomic::Ordering::Relaxed;

use super::budget::{DIRECTORY_COST, MAX_IDLE_DESCRIPTORS, MAX_NEW_DESCRIPTORS, MAX_PROBES, MAX_RAN_DESCRIPTORS};
use super::fd_source::Link;
use super::script::{Script, busy_machine, machine, pid};
use super::{Owners, RETRY_INTERVAL};
use crate::row::owner::Owner;

#[test]
fn the_lowest_pid_is_named_and_all_holders_are_known() {
    let mut machine = machine();
    machine.start(30, &[1, 2]);
    machine.start(20, &[2, 3]);
    assert_eq!(machine.refresh(&[1, 2, 3, 0, 4]), [pid(30), pid(20), pid(20), Owner::Nobody, Owner::Unresolved]);
    assert!(machine.holders(2).eq([20, 30]));
    assert_eq!(machine.holders(4).count(), 0);
}

#[test]
fn idle_processes_are_not_read_but_for_a_few_descriptors() {
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
fn idle_processes_are_not_listed_where_the_kernel_does_not_count_their_descriptors() {
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
    machine.ran(10);
    machine.refresh(&inodes);
    assert_eq!(machine.source.names.load(Relaxed), 0);
}

#[test]
fn without_processes_nothing_is_new_after_the_first_table() {
    let mut machine = machine();
    assert!(machine.is_new());
    assert_eq!(machine.refresh(&[1, 0]), [Owner::Unresolved, Owner::Nobody]);
    assert!(!machine.is_new());
}

#[test]
fn what_was_read_ahead_of_the_table_is_not_read_again() {
    let mut machine = machine();
    let inodes: Vec<u32> = (1..=5_000).collect();
    machine.start(10, &inodes);
    machine.start(20, &[6_000]);
    machine.read_ahead();
    assert!(machine.is_new());
    // Before the table is known: one has ended, one has started.
    machine.exit(20);
    machine.start(30, &[8_000]);
    let (owners, work) = machine.refresh_counted(&[1, 5_000, 8_000]);
    assert_eq!(owners, [pid(10), pid(10), pid(30)]);
    assert_eq!(machine.processes(), (2, 0));
    assert!(work.links as u64 <= 4 + MAX_IDLE_DESCRIPTORS, "{work:?}");
}

#[test]
fn what_was_opened_while_others_were_read_ahead_is_found() {
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
fn without_cpu_times_nothing_is_read_ahead() {
    let mut machine = machine();
    machine.source.has_cpu_times = false;
    machine.start(10, &[1]);
    machine.read_ahead();
    assert_eq!(machine.source.scans.load(Relaxed), 0, "it would be read again");
    assert_eq!(machine.refresh(&[1]), [pid(10)]);
}

#[test]
fn what_could_not_be_read_ahead_is_read_then() {
    let mut machine = machine();
    machine.start(10, &[1]);
    machine.source.has_no_descriptors = true;
    machine.read_ahead();
    machine.source.has_no_descriptors = false;
    assert_eq!(machine.refresh(&[1]), [pid(10)]);
}

#[test]
fn a_server_that_waits_in_accept_is_named_at_once() {
    for waiting in [1, 20] {
        let mut machine = machine();
        machine.start(10, &[1]);
        machine.start(20, &[9]);
        machine.process(20).refuses = true;
        let reserved: Vec<u32> = (0..waiting).map(|_| machine.wait_in_accept(10)).collect();
        machine.refresh(&[1]);
        // From the last to the first: the number of descriptors is the same all the time.
        let mut inodes = vec![1];
        for (inode, descriptor) in (100..).zip(reserved.into_iter().rev()) {
            machine.accept(10, descriptor, inode);
            inodes.push(inode);
            assert!(machine.refresh(&inodes).iter().all(|owner| *owner == pid(10)));
        }
    }
}

#[test]
fn a_socket_with_the_number_of_a_closed_file_or_other_socket_is_named_at_once() {
    let mut machine = machine();
    machine.start(10, &[1]);
    machine.start(20, &[9]);
    machine.process(20).refuses = true;
    // 7,000 is of IPv4: it is in no table.
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
fn a_parent_that_closes_what_its_child_keeps_is_not_named_any_more() {
    let mut machine = machine();
    machine.start(10, &[1, 2]);
    machine.refresh(&[1, 2]);
    machine.fork(10, 20);
    assert_eq!(machine.refresh(&[1, 2]), [pid(10), pid(10)]);
    // As many descriptors as before.
    machine.close(10, 1);
    machine.open(10, Link::Other);
    assert_eq!(machine.refresh(&[1, 2]), [pid(20), pid(10)]);
    assert!(machine.holders(1).eq([20]));
}

#[test]
fn a_process_that_is_quiet_running_is_read_although_its_cpu_time_is_the_same() {
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
fn new_sockets_of_a_large_process_are_found_among_its_lowest_free_numbers() {
    let (mut machine, mut inodes) = busy_machine(20_000);
    machine.table(1).descriptors.insert(1_000_000, Link::Other);
    machine.refresh(&inodes);
    // A hundred are closed and two hundred opened: in the gaps first, then after the last.
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
fn whatever_changes_in_large_processes_is_known_after_as_many_refreshes_as_documented() {
    let (mut machine, mut inodes) = busy_machine(20_000);
    machine.start(2, &(200_000..215_000).collect::<Vec<_>>());
    inodes.extend(200_000..215_000);
    machine.refresh(&inodes);
    // In each a socket in the middle is closed, which another process holds, and another one takes its place.
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
        // Both go on running, and the large ones have as many descriptors as before.
        machine.ran(1);
        machine.ran(2);
        let (owners, work) = machine.refresh_counted(&inodes);
        assert!(work.links as u64 <= MAX_RAN_DESCRIPTORS + MAX_IDLE_DESCRIPTORS, "{work:?}");
        let of = |inode| owners[inodes.iter().position(|listed| *listed == inode).unwrap()];
        of(110_000) == pid(30) && of(210_000) == pid(30) && of(5) == pid(1) && of(6) == pid(2)
    });
    assert!(needed.is_some(), "not within {bound} refreshes");
}

#[test]
fn an_exact_refresh_knows_all_at_once() {
    let (mut machine, mut inodes) = busy_machine(20_000);
    machine.set_exact(true);
    machine.refresh(&inodes);
    machine.start(30, &[110_000]);
    let table = machine.table(1);
    let descriptor = *table.descriptors.iter().find(|(_, link)| **link == Link::Socket(110_000)).unwrap().0;
    table.descriptors.insert(descriptor, Link::Socket(5));
    inodes.push(5);
    let (owners, work) = machine.refresh_counted(&inodes);
    assert_eq!((owners[10_000], owners[20_000]), (pid(30), pid(1)));
    assert_eq!(work.links, 20_000 + 3 + 4);
    machine.set_exact(false);
    assert!(machine.refresh_counted(&inodes).1.links as u64 <= MAX_IDLE_DESCRIPTORS);
}

#[test]
fn a_large_new_process_is_read_within_as_many_refreshes_as_documented() {
    let (mut machine, mut inodes) = busy_machine(10);
    machine.refresh(&inodes);
    inodes.extend(200_000..250_000);
    machine.start(40, &inodes[10..]);
    machine.start(50, &[3]);
    inodes.push(3);
    let bound = 50_000 / MAX_NEW_DESCRIPTORS + 1;
    for refresh in 1..=bound {
        machine.ran(1);
        let (owners, work) = machine.refresh_counted(&inodes);
        assert!(work.links as u64 <= MAX_NEW_DESCRIPTORS + MAX_RAN_DESCRIPTORS + MAX_PROBES, "{work:?}");
        assert_eq!(owners.last(), Some(&pid(50)), "the small one is known at once");
        assert_eq!(owners.iter().all(|owner| *owner != Owner::Unresolved), refresh == bound);
    }
}

#[test]
fn a_socket_without_an_owner_has_nobody_read_again_and_again() {
    let (mut machine, mut inodes) = busy_machine(60_000);
    machine.start(10, &[1]);
    inodes.push(1);
    machine.refresh(&inodes);
    for in_flight in 2..50 {
        // It is made by a process, and then in flight.
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
fn a_pid_that_is_used_again_is_another_process() {
    let mut machine = machine();
    machine.start(10, &[1]);
    machine.start(20, &[1]);
    assert_eq!(machine.refresh(&[1]), [pid(10)]);
    // As many descriptors, the same pid, but another start.
    machine.start(10, &[2]);
    assert_eq!(machine.refresh(&[1, 2]), [pid(20), pid(10)]);
    machine.exit(20);
    assert_eq!(machine.refresh(&[1, 2]), [Owner::Unresolved, pid(10)]);
}

#[test]
fn processes_are_listed_only_if_one_has_started() {
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
    assert_eq!(machine.refresh_counted(&[1, 2]).1.listed, 1, "it is not known whether one has started");
}

#[test]
fn processes_that_could_not_be_listed_are_listed_next_time() {
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
fn a_socket_that_was_handed_over_is_the_receivers() {
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
fn a_forked_server_is_the_parents_and_then_the_childs() {
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
fn a_process_that_refuses_is_counted_and_tried_again_when_it_has_run_or_now_and_then() {
    let mut machine = machine();
    machine.start(10, &[1]);
    machine.start(20, &[2]);
    machine.process(20).refuses = true;
    assert_eq!(machine.refresh(&[1, 2]), [pid(10), Owner::Unresolved]);
    assert_eq!(machine.processes(), (2, 1));
    // It becomes readable by what it does.
    machine.process(20).refuses = false;
    machine.ran(20);
    assert_eq!(machine.refresh(&[1, 2]), [pid(10), pid(20)]);
    machine.process(20).refuses = true;
    machine.ran(20);
    assert_eq!(machine.refresh(&[1, 2]), [pid(10), Owner::Unresolved]);
    // By what the reading process does.
    machine.process(20).refuses = false;
    let needed = (1..=RETRY_INTERVAL).find(|_| machine.refresh(&[1, 2]) == [pid(10), pid(20)]);
    assert!(needed.is_some_and(|needed| needed > 1), "{needed:?}");
    assert_eq!(machine.processes(), (2, 0));
}

#[test]
fn a_large_process_that_refuses_takes_nothing_from_the_others() {
    let (mut machine, _) = busy_machine(20_000);
    machine.process(1).refuses = true;
    machine.start(10, &[1]);
    machine.start(20, &[1]);
    machine.refresh(&[1]);
    for _ in 0..3 {
        machine.ran(1);
        machine.close(10, 1);
        machine.open(10, Link::Other);
        assert_eq!(machine.refresh(&[1]), [pid(20)]);
        machine.open(10, Link::Socket(1));
        assert_eq!(machine.refresh(&[1]), [pid(10)]);
    }
}

#[test]
fn a_process_without_descriptors_has_nothing_to_refuse() {
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
fn a_process_whose_folder_the_kernel_forgets_is_the_same() {
    let mut machine = machine();
    machine.start(10, &[1]);
    machine.refresh(&[1]);
    for dropped_inodes in 1..=3 {
        machine.source.dropped_inodes = dropped_inodes;
        machine.ran(10);
        assert_eq!(machine.refresh(&[1]), [pid(10)]);
    }
    assert_eq!(machine.source.start_time_reads.load(Relaxed), 3);
}

#[test]
fn a_narrowed_table_is_resolved_and_does_not_disturb_what_is_known() {
    let (mut machine, inodes) = busy_machine(20_000);
    machine.start(20, &[2_000]);
    machine.start(5, &[2_000]);
    machine.refresh(&inodes);
    assert_eq!(machine.refresh_narrowed(&[2_000]), [pid(5)]);
    assert!(machine.holders(2_000).eq([5, 20]));
    machine.ran(1);
    machine.close(5, 2_000);
    assert_eq!(machine.refresh_narrowed(&[2_000]), [pid(20)]);
    assert!(machine.refresh(&inodes).iter().all(|owner| *owner == pid(1)));
}

#[test]
fn what_could_not_be_read_for_a_moment_is_remembered_and_read_then() {
    let mut machine = machine();
    machine.start(10, &[1]);
    machine.refresh(&[1]);
    machine.source.has_no_descriptors = true;
    machine.ran(10);
    assert_eq!(machine.refresh(&[1]), [pid(10)]);
    assert_eq!(machine.processes(), (1, 1));
    machine.source.has_no_descriptors = false;
    machine.table(10).descriptors.insert(3, Link::Socket(2));
    assert_eq!(machine.refresh(&[1, 2]), [Owner::Unresolved, pid(10)]);
    assert_eq!(machine.processes(), (1, 0));
}

#[test]
fn others_that_come_and_go_do_not_keep_anyone_from_its_turn() {
    let (mut machine, inodes) = busy_machine(20_000);
    machine.start(200, &[inodes[19_999]]);
    machine.refresh(&inodes);
    machine.close(1, inodes[19_999]);
    machine.table(1).descriptors.insert(20_002, Link::Other);
    let bound = 20_003 / (MAX_RAN_DESCRIPTORS - 64) as u32 + 2;
    let needed = (1..=bound).find(|round| {
        machine.exit(10 + round - 1);
        machine.start(10 + round, &[]);
        machine.ran(1);
        machine.refresh(&inodes)[19_999] == pid(200)
    });
    assert!(needed.is_some(), "not within {bound} refreshes");
}

#[test]
fn what_an_unreadable_process_does_to_a_shared_table_is_known_within_as_many_refreshes_as_documented() {
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
        assert!(needed.is_some(), "not within {bound} refreshes with {count} sockets after {earlier}");
    }
}

/// Three processes that share a table of this many sockets, from 1 on.
fn sharing(count: u32) -> (Owners<Script>, Vec<u32>) {
    let mut machine = machine();
    let inodes: Vec<u32> = (1..=count).collect();
    machine.start(10, &inodes);
    let table = machine.process(10).table;
    machine.add(11, table, 1_000);
    machine.add(12, table, 1_000);
    (machine, inodes)
}

#[test]
fn a_shared_table_is_read_and_kept_once() {
    let (mut machine, inodes) = sharing(5_000);
    let (owners, work) = machine.refresh_counted(&inodes);
    assert!(owners.iter().all(|owner| *owner == pid(10)));
    assert!(work.links as u64 <= 5_003 + MAX_IDLE_DESCRIPTORS, "{work:?}");
    assert_eq!(machine.roster.processes.iter().map(|process| process.known()).sum::<u64>(), 5_003);
    assert!(machine.holders(5_000).eq([10, 11, 12]));
}

#[test]
fn what_one_of_them_opens_all_hold() {
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
fn a_table_lives_on_in_those_who_share_it() {
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
fn a_process_that_gets_a_table_of_its_own_is_read_by_itself() {
    for who in [10, 11] {
        let (mut machine, mut inodes) = sharing(100);
        machine.refresh(&inodes);
        // exec: a copy, of which most is closed.
        let mut copy = machine.table(who).clone();
        copy.descriptors.retain(|descriptor, _| *descriptor < 3);
        copy.descriptors.insert(3, Link::Socket(2_000));
        machine.source.tables.push(copy);
        machine.process(who).table = machine.source.tables.len() - 1;
        machine.ran(who);
        inodes.push(2_000);
        let owners = machine.refresh(&inodes);
        let other = if who == 10 { 11 } else { 10 };
        assert_eq!((owners[0], owners[100]), (pid(other), pid(who)));
        assert!(machine.holders(50).eq((10..=12).filter(|pid| *pid != who)));
    }
}

#[test]
fn without_kcmp_each_is_read_by_itself() {
    let (mut machine, inodes) = sharing(100);
    machine.source.compares_tables = false;
    assert!(machine.refresh(&inodes).iter().all(|owner| *owner == pid(10)));
    assert!(machine.holders(50).eq([10, 11, 12]));
}

#[test]
fn a_process_whose_first_thread_has_exited_is_read_through_another() {
    let mut machine = machine();
    machine.start(10, &[1]);
    machine.start(20, &[2]);
    machine.refresh(&[1, 2]);
    machine.ran(10);
    machine.process(10).live_thread = Some(15);
    assert_eq!(machine.refresh(&[1, 2]), [pid(10), pid(20)]);
    machine.open(10, Link::Socket(3));
    assert_eq!(machine.refresh(&[1, 2, 3]), [pid(10), pid(20), pid(10)]);
    // That one exits, too.
    machine.ran(10);
    machine.process(10).live_thread = Some(16);
    assert_eq!(machine.refresh(&[1, 2, 3]), [pid(10), pid(20), pid(10)]);
    machine.exit(10);
    assert_eq!(machine.refresh(&[1, 2, 3]), [Owner::Unresolved, pid(20), Owner::Unresolved]);
}
