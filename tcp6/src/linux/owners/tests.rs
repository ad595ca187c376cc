use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::tree::{Access, Glance, Link, Tree};
use super::{HOPE, Owners, REREAD};
use crate::Owner;

/// A machine's processes, and how often they were read.
#[derive(Debug, Default)]
struct Script {
    processes: BTreeMap<u32, Running>,
    clock: u64,
    /// Whether the kernel tells how many descriptors a process has.
    is_old: bool,
    /// Whether there are no descriptors left to read anything with.
    is_short: bool,
    /// How often the kernel has forgotten its inodes.
    forgotten: u64,
    read_whole: AtomicUsize,
    read_links: AtomicUsize,
}

#[derive(Clone, Debug, Default)]
struct Running {
    started: u64,
    descriptors: BTreeMap<u32, Link>,
    refuses: bool,
}

impl Running {
    fn open(&mut self, link: Link) -> u32 {
        let lowest = (0..).find(|descriptor| !self.descriptors.contains_key(descriptor)).unwrap();
        self.descriptors.insert(lowest, link);
        lowest
    }

    fn holds(&self, inode: u32) -> bool {
        self.descriptors.values().any(|link| *link == Link::Socket(inode))
    }
}

impl Tree for Script {
    fn pids(&self, into: &mut Vec<u32>) -> io::Result<()> {
        into.extend(self.processes.keys().rev());
        // Half of the list, and then no more.
        if self.is_short { Err(io::ErrorKind::Other.into()) } else { Ok(()) }
    }

    fn glance(&self, pid: u32) -> Glance {
        let process = self.processes.get(&pid);
        Glance {
            count: process.filter(|_| !self.is_old).map(|process| process.descriptors.len() as u64),
            // Another one for each process, and now and then another for the same.
            file: process.map(|process| process.started * 1_000 + self.forgotten),
        }
    }

    fn started(&self, pid: u32) -> Option<u64> {
        self.processes.get(&pid).map(|process| process.started)
    }

    fn link(&self, pid: u32, descriptor: u32) -> Link {
        self.read_links.fetch_add(1, Ordering::Relaxed);
        let process = self.processes.get(&pid).filter(|process| !process.refuses);
        process.and_then(|process| process.descriptors.get(&descriptor)).copied().unwrap_or(Link::None)
    }

    fn links(&self, pid: u32, _: Option<u64>, found: &mut dyn FnMut(u32, Link)) -> Access {
        self.read_whole.fetch_add(1, Ordering::Relaxed);
        match self.processes.get(&pid) {
            None => Access::Gone,
            Some(_) if self.is_short => Access::Failed,
            Some(process) if process.refuses => Access::Refused,
            Some(process) => {
                process.descriptors.iter().for_each(|(descriptor, link)| found(*descriptor, *link));
                Access::Granted
            }
        }
    }
}

impl Owners<Script> {
    fn start(&mut self, pid: u32, inodes: &[u32]) -> &mut Running {
        self.tree.clock += 1;
        let started = self.tree.clock;
        let mut process = Running { started, ..Running::default() };
        // As every process has them: input, output, errors.
        for _ in 0..3 {
            process.open(Link::Other);
        }
        for inode in inodes {
            process.open(Link::Socket(*inode));
        }
        self.tree.processes.insert(pid, process);
        self.process(pid)
    }

    fn process(&mut self, pid: u32) -> &mut Running {
        self.tree.processes.get_mut(&pid).unwrap()
    }

    fn close(&mut self, pid: u32, inode: u32) {
        self.process(pid).descriptors.retain(|_, link| *link != Link::Socket(inode));
    }

    /// The owners of a table that was narrowed to these sockets.
    fn refresh_narrowed(&mut self, inodes: &[u32]) -> Vec<Owner> {
        self.begin();
        inodes.iter().for_each(|inode| self.note(*inode).unwrap());
        self.resolve(false).unwrap();
        self.of_rows().collect()
    }

    /// The owners of a table of these sockets.
    fn refresh(&mut self, inodes: &[u32]) -> Vec<Owner> {
        self.begin();
        inodes.iter().for_each(|inode| self.note(*inode).unwrap());
        self.resolve(true).unwrap();
        self.of_rows().collect()
    }

    /// The same, and how many processes were read whole, and how many single links.
    fn refresh_counted(&mut self, inodes: &[u32]) -> (Vec<Owner>, usize, usize) {
        self.tree.read_whole.store(0, Ordering::Relaxed);
        self.tree.read_links.store(0, Ordering::Relaxed);
        let owners = self.refresh(inodes);
        (owners, self.tree.read_whole.load(Ordering::Relaxed), self.tree.read_links.load(Ordering::Relaxed))
    }
}

fn machine() -> Owners<Script> {
    Owners::new(Script::default())
}

/// With enough descriptors of another process that reading some again, in turn, is far from all others.
fn busy_machine() -> Owners<Script> {
    let mut machine = machine();
    let inodes: Vec<u32> = (100_000..110_000).collect();
    machine.start(1, &inodes);
    machine
}

const fn pid(pid: u32) -> Owner {
    Owner::Process(pid)
}

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

/// One thing that happens on a machine between two refreshes.
#[derive(Clone, Debug)]
enum Event {
    Start { pid: u32 },
    Exit { pid: u32 },
    Open { pid: u32 },
    OpenFile { pid: u32 },
    Close { pid: u32, nth: usize },
    HandOver { from: u32, to: u32, nth: usize },
    Fork { pid: u32, child: u32 },
}

fn event() -> impl Strategy<Value = Event> {
    let pid = || 1..6u32;
    prop_oneof![
        2 => pid().prop_map(|pid| Event::Start { pid }),
        1 => pid().prop_map(|pid| Event::Exit { pid }),
        4 => pid().prop_map(|pid| Event::Open { pid }),
        1 => pid().prop_map(|pid| Event::OpenFile { pid }),
        3 => (pid(), 0..8usize).prop_map(|(pid, nth)| Event::Close { pid, nth }),
        3 => (pid(), pid(), 0..8usize).prop_map(|(from, to, nth)| Event::HandOver { from, to, nth }),
        1 => (pid(), pid()).prop_map(|(pid, child)| Event::Fork { pid, child }),
    ]
}

impl Owners<Script> {
    fn happens(&mut self, event: &Event, next_inode: &mut u32) {
        let nth_link = |process: &Running, nth: usize| process.descriptors.iter().nth(nth).map(|(d, l)| (*d, *l));
        match *event {
            Event::Start { pid } => drop(self.start(pid, &[])),
            Event::Exit { pid } => drop(self.tree.processes.remove(&pid)),
            Event::Open { pid } => {
                *next_inode += 1;
                let link = Link::Socket(*next_inode);
                self.tree.processes.get_mut(&pid).map(|process| process.open(link));
            }
            Event::OpenFile { pid } => {
                self.tree.processes.get_mut(&pid).map(|process| process.open(Link::Other));
            }
            Event::Close { pid, nth } => {
                if let Some(process) = self.tree.processes.get_mut(&pid) {
                    nth_link(process, nth).map(|(descriptor, _)| process.descriptors.remove(&descriptor));
                }
            }
            Event::HandOver { from, to, nth } => {
                let link = self.tree.processes.get(&from).and_then(|process| nth_link(process, nth));
                if let (Some((_, link)), Some(process)) = (link, self.tree.processes.get_mut(&to)) {
                    process.open(link);
                }
            }
            Event::Fork { pid, child } => {
                if let Some(parent) = self.tree.processes.get(&pid).cloned() {
                    self.tree.clock += 1;
                    self.tree.processes.insert(child, Running { started: self.tree.clock, ..parent });
                }
            }
        }
    }

    /// The sockets that anybody holds, and whose they are.
    fn truth(&self) -> BTreeMap<u32, Owner> {
        let sockets = self.tree.processes.values().flat_map(|process| process.descriptors.values());
        let inodes: BTreeSet<u32> =
            sockets.filter_map(|link| if let Link::Socket(inode) = link { Some(*inode) } else { None }).collect();
        let lowest = |inode| self.tree.processes.iter().find(|(_, process)| process.holds(inode)).map(|(pid, _)| *pid);
        inodes.into_iter().map(|inode| (inode, pid(lowest(inode).unwrap()))).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens, as long as it is one thing between two refreshes, the remembered answer is the true one. Where
    /// the kernel tells no counts, any number of things may happen.
    #[test]
    fn what_is_remembered_is_what_is_true(
        events in proptest::collection::vec((event(), any::<bool>()), 1..60),
        is_old in any::<bool>(),
    ) {
        let mut machine = Owners::new(Script { is_old, ..Script::default() });
        let mut next_inode = 0;
        for (event, refreshes) in &events {
            machine.happens(event, &mut next_inode);
            machine.tree.forgotten += u64::from(next_inode % 7 == 0);
            if *refreshes || !is_old {
                let truth = machine.truth();
                let inodes: Vec<u32> = truth.keys().copied().collect();
                let owners = machine.refresh(&inodes);
                prop_assert!(owners.iter().eq(truth.values()), "{:?}: {:?} for {:?}", event, owners, truth);
            }
        }
    }

    /// Whatever happens, and however much of it at once, the true answer comes within a few refreshes.
    #[test]
    fn what_was_missed_is_found_in_turn(events in proptest::collection::vec((event(), any::<bool>()), 1..60)) {
        let mut machine = machine();
        let mut next_inode = 0;
        for (event, refreshes) in &events {
            machine.happens(event, &mut next_inode);
            if *refreshes {
                let inodes: Vec<u32> = machine.truth().into_keys().collect();
                machine.refresh(&inodes);
            }
        }
        let truth = machine.truth();
        let inodes: Vec<u32> = truth.keys().copied().collect();
        let found = (0..HOPE).any(|_| machine.refresh(&inodes).iter().eq(truth.values()));
        prop_assert!(found, "{:?} for {:?}", machine.refresh(&inodes), truth);
    }
}
