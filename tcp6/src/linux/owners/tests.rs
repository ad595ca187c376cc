use std::sync::atomic::Ordering;

use super::script::{busy_machine, machine, pid};
use super::tree::Link;
use super::{HOPE, REREAD};
use crate::Owner;

#[test]
fn the_lowest_pid_is_named_and_all_can_be_asked_for() {
    let mut machine = machine();
    machine.start(30, &[1, 2]);
    machine.start(20, &[2, 3]);
    assert_eq!(machine.refresh(&[1, 2, 3, 0, 4]), [pid(30), pid(20), pid(20), Owner::Nobody, Owner::Unresolved]);
    assert!(machine.holders(2).eq([20, 30]));
    assert_eq!(machine.holders(4).count(), 0);
}

#[test]
fn where_nothing_has_changed_nothing_is_read_but_a_few_links() {
    let mut machine = machine();
    let inodes: Vec<u32> = (1..=5_000).collect();
    machine.start(10, &inodes);
    machine.start(20, &[]);
    machine.refresh(&inodes);
    let (owners, whole, links) = machine.refresh_counted(&inodes);
    assert!(owners.iter().all(|owner| *owner == pid(10)));
    assert_eq!((whole, links), (0, REREAD));
    assert!(!machine.is_stale);
    assert_eq!(machine.tree.asked_starts.load(Ordering::Relaxed), 0);
}

#[test]
fn what_was_read_ahead_of_the_table_is_not_read_again() {
    let mut machine = machine();
    let inodes: Vec<u32> = (1..=5_000).collect();
    machine.start(10, &inodes);
    machine.start(20, &[6_000]);
    assert!(machine.is_new());
    machine.read_ahead();
    assert!(!machine.is_new());
    // Before the table is known: one process opens, one has ended, one is there.
    machine.process(10).open(Link::Socket(7_000));
    machine.tree.processes.remove(&20);
    machine.start(30, &[8_000]);
    let (owners, whole, links) = machine.refresh_counted(&[1, 5_000, 7_000, 8_000]);
    assert_eq!(owners, [pid(10), pid(10), pid(10), pid(30)]);
    assert_eq!(machine.processes(), (2, 0));
    assert_eq!(whole, 1, "the one that was not there");
    assert!(links <= 2 + REREAD, "{links} links");
}

#[test]
fn what_was_read_ahead_of_the_table_is_known_to_be_in_it() {
    let mut machine = busy_machine();
    machine.start(10, &[1]);
    machine.read_ahead();
    let mut inodes: Vec<u32> = (100_000..110_000).chain([1]).collect();
    let (owners, whole, links) = machine.refresh_counted(&inodes);
    assert_eq!((owners[10_000], whole, links), (pid(10), 0, REREAD));
    // One in place of another: found by what is gone from the table.
    machine.close(10, 1);
    machine.process(10).open(Link::Socket(2));
    inodes[10_000] = 2;
    let (owners, whole, _) = machine.refresh_counted(&inodes);
    assert_eq!((owners[10_000], whole), (pid(10), 0));
}

#[test]
fn where_the_kernel_tells_no_counts_nothing_is_read_ahead() {
    let mut machine = machine();
    machine.tree.is_old = true;
    machine.start(10, &[1]);
    machine.read_ahead();
    assert_eq!(machine.tree.read_whole.load(Ordering::Relaxed), 0, "it would have to be read again");
    assert_eq!(machine.refresh(&[1]), [pid(10)]);
}

#[test]
fn what_could_not_be_read_ahead_is_read_then() {
    let mut machine = machine();
    machine.start(10, &[1]);
    machine.tree.is_short = true;
    machine.read_ahead();
    assert!(machine.is_new());
    machine.tree.is_short = false;
    assert_eq!(machine.refresh(&[1]), [pid(10)]);
}

#[test]
fn new_sockets_are_found_without_reading_the_old_ones() {
    let mut machine = machine();
    let mut inodes: Vec<u32> = (1..=5_000).collect();
    machine.start(10, &inodes);
    machine.start(20, &[6_000]);
    inodes.push(6_000);
    machine.refresh(&inodes);
    // A hundred are closed, two hundred are opened: in the gaps first, then behind the last.
    inodes.retain(|inode| *inode > 100);
    (1..=100).for_each(|inode| machine.close(10, inode));
    for inode in 7_001..=7_200 {
        machine.process(10).open(Link::Socket(inode));
        inodes.push(inode);
    }
    let (owners, whole, links) = machine.refresh_counted(&inodes);
    let expected = |inode: &u32| if *inode == 6_000 { pid(20) } else { pid(10) };
    assert!(owners.iter().copied().eq(inodes.iter().map(expected)));
    assert_eq!(whole, 0);
    assert!(links <= 200 + 1 + REREAD, "{links} links");
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
    machine.tree.processes.remove(&20);
    assert_eq!(machine.refresh(&[1, 2]), [Owner::Unresolved, pid(10)]);
}

#[test]
fn a_socket_that_was_handed_over_is_the_receivers() {
    let mut machine = machine();
    machine.start(10, &[1, 2]);
    machine.start(20, &[3]);
    machine.refresh(&[1, 2, 3]);
    machine.process(20).open(Link::Socket(1));
    assert_eq!(machine.refresh(&[1, 2, 3]), [pid(10), pid(10), pid(20)]);
    machine.close(10, 1);
    assert_eq!(machine.refresh(&[1, 2, 3]), [pid(20), pid(10), pid(20)]);
}

#[test]
fn a_handover_that_the_givers_count_does_not_show_is_the_receivers() {
    let mut machine = busy_machine();
    machine.start(10, &[1, 2, 3]);
    machine.start(20, &[4]);
    machine.refresh(&[1, 2, 3, 4]);
    // The giver opens a file instead. One receiver was known, the other comes with it.
    machine.process(20).open(Link::Socket(1));
    machine.start(30, &[2]);
    for given in [1, 2] {
        machine.close(10, given);
        machine.process(10).open(Link::Other);
    }
    assert_eq!(machine.refresh(&[1, 2, 3, 4]), [pid(20), pid(30), pid(10), pid(20)]);
    let (_, whole, links) = machine.refresh_counted(&[1, 2, 3, 4]);
    assert_eq!((whole, links), (0, REREAD), "and what is in order is left alone");
}

#[test]
fn who_hands_over_what_it_was_given_is_followed() {
    let mut machine = busy_machine();
    machine.start(10, &[1]);
    machine.start(20, &[2]);
    machine.start(30, &[3]);
    machine.refresh(&[1, 2, 3]);
    // From 10 to 20, from 20 to 30: the first two have as many descriptors as before.
    machine.close(10, 1);
    machine.process(10).open(Link::Other);
    machine.close(20, 2);
    machine.process(20).open(Link::Socket(1));
    machine.process(30).open(Link::Socket(2));
    assert_eq!(machine.refresh(&[1, 2, 3]), [pid(20), pid(30), pid(30)]);
}

#[test]
fn a_process_that_is_read_for_a_new_socket_has_lost_what_it_lost() {
    let mut machine = busy_machine();
    machine.start(10, &[1]);
    machine.start(20, &[1]);
    machine.refresh(&[1]);
    machine.close(10, 1);
    machine.process(10).open(Link::Socket(5));
    assert_eq!(machine.refresh(&[1, 5]), [pid(20), pid(10)]);
}

#[test]
fn a_forked_server_is_the_parents_and_then_the_childs() {
    let mut machine = machine();
    machine.start(10, &[1]);
    machine.refresh(&[1]);
    machine.start(11, &[1, 2]);
    machine.start(12, &[1]);
    assert_eq!(machine.refresh(&[1, 2]), [pid(10), pid(11)]);
    machine.tree.processes.remove(&10);
    assert_eq!(machine.refresh(&[1, 2]), [pid(11), pid(11)]);
    assert!(machine.holders(1).eq([11, 12]));
}

#[test]
fn what_the_count_does_not_show_is_found_in_turn() {
    let mut machine = machine();
    let inodes: Vec<u32> = (1..=1_000).collect();
    machine.start(10, &inodes);
    machine.start(20, &[1_000]);
    machine.refresh(&inodes);
    // It closes the socket, which lives on in the other, and opens a file instead: as many descriptors as before.
    machine.close(10, 1_000);
    machine.process(10).open(Link::Other);
    let descriptors = 3 + 1_000 + 3 + 1;
    let bound = descriptors / REREAD + 2;
    let needed = (1..=bound).find(|_| machine.refresh(&inodes)[999] == pid(20));
    assert!(needed.is_some(), "not within {bound} refreshes");
}

#[test]
fn those_who_refuse_are_counted_and_not_asked_again_and_again() {
    let mut machine = machine();
    machine.start(10, &[1]);
    machine.start(20, &[2]).refuses = true;
    assert_eq!(machine.refresh(&[1, 2]), [pid(10), Owner::Unresolved]);
    assert_eq!(machine.processes(), (2, 1));
    let reads: usize = (0..HOPE - 2).map(|_| machine.refresh_counted(&[1, 2]).1).sum();
    assert_eq!(reads, 0);
    // It lets itself be read: found when hope is taken up again.
    machine.process(20).refuses = false;
    let found = (0..2 * HOPE).any(|_| machine.refresh(&[1, 2]) == [pid(10), pid(20)]);
    assert!(found);
    assert_eq!(machine.processes(), (2, 0));
}

#[test]
fn who_has_no_descriptors_has_nothing_to_refuse() {
    let mut machine = machine();
    machine.start(10, &[1]);
    let thread = machine.start(2, &[]);
    thread.descriptors.clear();
    thread.refuses = true;
    assert_eq!(machine.refresh_counted(&[1]).1, 1);
    assert_eq!(machine.processes(), (2, 0));
    machine.process(2).open(Link::Other);
    machine.refresh(&[1]);
    assert_eq!(machine.processes(), (2, 1));
}

#[test]
fn a_process_whose_folder_the_kernel_forgets_is_the_same_and_is_read_once_more_at_most() {
    let mut machine = busy_machine();
    machine.refresh(&[100_000]);
    let reads: Vec<usize> = (1..=3)
        .map(|forgotten| {
            machine.tree.forgotten = forgotten;
            machine.refresh_counted(&[100_000]).1
        })
        .collect();
    assert_eq!(reads, [1, 0, 0]);
    machine.refresh(&[100_000]);
    assert_eq!(machine.tree.asked_starts.load(Ordering::Relaxed), 3);
    machine.start(1, &[100_000]);
    assert_eq!(machine.refresh_counted(&[100_000]).1, 1);
}

#[test]
fn a_narrowed_table_is_resolved_and_does_not_disturb_what_is_known() {
    let mut machine = machine();
    let inodes: Vec<u32> = (1..=1_000).collect();
    machine.start(10, &inodes);
    machine.start(20, &[2_000]);
    machine.refresh(&inodes);
    assert_eq!(machine.refresh_narrowed(&[2_000]), [pid(20)]);
    let (owners, whole, _) = machine.refresh_counted(&inodes);
    assert!(owners.iter().all(|owner| *owner == pid(10)));
    assert_eq!(whole, 0);
}

#[test]
fn a_narrowed_table_names_the_lowest_too_and_knows_all_holders() {
    let mut machine = machine();
    machine.start(10, &[1]);
    machine.start(20, &[1]);
    assert_eq!(machine.refresh_narrowed(&[1]), [pid(10)]);
    assert!(machine.holders(1).eq([10, 20]));
    machine.start(5, &[1]);
    assert_eq!(machine.refresh_narrowed(&[1]), [pid(5)]);
    assert!(machine.holders(1).eq([5, 10, 20]));
}

#[test]
fn who_closes_what_another_holds_is_no_more_named_in_a_narrowed_table() {
    let mut machine = busy_machine();
    machine.start(10, &[1]);
    machine.start(20, &[1]);
    let inodes: Vec<u32> = (100_000..110_000).chain([1]).collect();
    assert_eq!(machine.refresh(&inodes).last(), Some(&pid(10)));
    machine.close(10, 1);
    assert_eq!(machine.refresh_narrowed(&[1]), [pid(20)]);
    assert!(machine.holders(1).eq([20]));
}

#[test]
fn who_closes_one_and_opens_another_is_found_at_once_even_if_others_refuse() {
    let mut machine = busy_machine();
    machine.start(10, &[1, 2]);
    machine.start(20, &[9]).refuses = true;
    let mut inodes: Vec<u32> = (100_000..110_000).chain([1, 2]).collect();
    machine.refresh(&inodes);
    for new in 3..40 {
        let closed = inodes.pop().unwrap();
        machine.close(10, closed);
        machine.process(10).open(Link::Socket(new));
        inodes.push(new);
        let (owners, whole, links) = machine.refresh_counted(&inodes);
        assert_eq!(owners.last(), Some(&pid(10)));
        assert_eq!(whole, 0);
        assert!(links <= 2 + REREAD, "{links} links");
    }
}

#[test]
fn who_replaces_one_and_opens_another_is_read_whole_for_what_is_missing() {
    let mut machine = busy_machine();
    machine.start(10, &[1]);
    let mut inodes: Vec<u32> = (100_000..110_000).chain([1]).collect();
    machine.refresh(&inodes);
    machine.process(10).descriptors.insert(1, Link::Socket(2));
    machine.process(10).open(Link::Socket(3));
    inodes.extend([2, 3]);
    assert_eq!(machine.refresh(&inodes)[10_001..], [pid(10), pid(10)]);
}

#[test]
fn who_closes_one_and_gets_another_that_was_anothers_is_found_even_if_others_refuse() {
    let mut machine = busy_machine();
    machine.start(10, &[1]);
    machine.start(20, &[2]);
    machine.start(30, &[9]).refuses = true;
    machine.refresh(&[1, 2]);
    machine.close(10, 1);
    machine.close(20, 2);
    machine.process(20).open(Link::Socket(1));
    assert_eq!(machine.refresh(&[1]), [pid(20)]);
}

#[test]
fn what_could_not_be_read_for_a_moment_is_not_forgotten_and_read_then() {
    let mut machine = machine();
    machine.start(10, &[1]);
    machine.refresh(&[1]);
    machine.start(20, &[2]);
    machine.tree.is_short = true;
    assert_eq!(machine.refresh(&[1, 2]), [pid(10), Owner::Unresolved]);
    machine.start(10, &[1]);
    assert_eq!(machine.refresh(&[1, 2]), [Owner::Unresolved; 2]);
    assert_eq!(machine.processes(), (1, 1));
    machine.tree.is_short = false;
    assert_eq!(machine.refresh(&[1, 2]), [pid(10), pid(20)]);
    assert_eq!(machine.processes(), (2, 0));
}

#[test]
fn others_that_come_and_go_do_not_keep_anyone_from_its_turn() {
    let mut machine = machine();
    let inodes: Vec<u32> = (1..=1_000).collect();
    machine.start(100, &inodes);
    machine.start(200, &[1_000]);
    machine.refresh(&inodes);
    machine.close(100, 1_000);
    machine.process(100).open(Link::Other);
    let bound = 2 * 1_010 / REREAD;
    let needed = (1..=bound as u32).find(|round| {
        machine.tree.processes.remove(&(round - 1));
        machine.start(*round, &[]);
        machine.refresh(&inodes)[999] == pid(200)
    });
    assert!(needed.is_some(), "not within {bound} refreshes");
}
