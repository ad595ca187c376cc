//! Any history of processes: what is remembered is what is true.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::script::{Running, Script, machine, pid};
use super::tree::Link;
use super::{HOPE, Owners};
use crate::Owner;

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
    /// the kernel tells no counts, any number of things may happen. What is read ahead of the first table makes no
    /// difference.
    #[test]
    fn what_is_remembered_is_what_is_true(
        before in proptest::collection::vec(event(), 0..20),
        events in proptest::collection::vec((event(), any::<bool>()), 1..60),
        is_old in any::<bool>(),
    ) {
        let mut machine = Owners::new(Script { is_old, ..Script::default() });
        let mut next_inode = 0;
        before.iter().for_each(|event| machine.happens(event, &mut next_inode));
        machine.read_ahead();
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
