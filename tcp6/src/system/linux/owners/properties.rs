//! Random histories of processes: the owners found are the true ones.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::Demand;
use super::budget::{MAX_IDLE_DESCRIPTORS, MAX_NEW_DESCRIPTORS, MAX_PROBES, MAX_RAN_DESCRIPTORS};
use super::fd_source::Link;
use super::script::{Machine, Running, Script, pid, sockets};
use crate::row::owner::Owner;

/// An event on a machine between two refreshes.
#[derive(Clone, Debug)]
enum Event {
    Start {
        pid: u32,
    },
    Exit {
        pid: u32,
    },
    Open {
        pid: u32,
    },
    OpenFile {
        pid: u32,
    },
    WaitInAccept {
        pid: u32,
    },
    Accept {
        pid: u32,
    },
    Close {
        pid: u32,
        nth: usize,
    },
    Replace {
        pid: u32,
        nth: usize,
        by_socket: bool,
    },
    PassDescriptor {
        from: u32,
        to: u32,
        nth: usize,
    },
    Fork {
        pid: u32,
        child: u32,
    },
    Share {
        pid: u32,
        child: u32,
    },
    Unshare {
        pid: u32,
    },
    ExitFirstThread {
        pid: u32,
    },
    Refuse {
        pid: u32,
        refuses: bool,
    },
    /// The process runs and changes no descriptor.
    Run {
        pid: u32,
    },
    /// The kernel drops the inodes of its directories.
    DropInodes,
}

fn event() -> impl Strategy<Value = Event> {
    let pid = || 1..6u32;
    prop_oneof![
        2 => pid().prop_map(|pid| Event::Start { pid }),
        1 => pid().prop_map(|pid| Event::Exit { pid }),
        4 => pid().prop_map(|pid| Event::Open { pid }),
        1 => pid().prop_map(|pid| Event::OpenFile { pid }),
        2 => pid().prop_map(|pid| Event::WaitInAccept { pid }),
        2 => pid().prop_map(|pid| Event::Accept { pid }),
        3 => (pid(), 0..8usize).prop_map(|(pid, nth)| Event::Close { pid, nth }),
        3 => (pid(), 0..8usize, any::<bool>()).prop_map(|(pid, nth, by_socket)| Event::Replace { pid, nth, by_socket }),
        3 => (pid(), pid(), 0..8usize).prop_map(|(from, to, nth)| Event::PassDescriptor { from, to, nth }),
        2 => (pid(), pid()).prop_map(|(pid, child)| Event::Fork { pid, child }),
        1 => (pid(), pid()).prop_map(|(pid, child)| Event::Share { pid, child }),
        1 => pid().prop_map(|pid| Event::Unshare { pid }),
        1 => pid().prop_map(|pid| Event::ExitFirstThread { pid }),
        1 => (pid(), any::<bool>()).prop_map(|(pid, refuses)| Event::Refuse { pid, refuses }),
        1 => pid().prop_map(|pid| Event::Run { pid }),
        1 => Just(Event::DropInodes),
    ]
}

/// The number of sockets of process 1, so that its table counts as large.
const SHARED: u32 = 40;

impl Machine {
    fn apply(&mut self, event: &Event, next_inode: &mut u32) {
        let mut inode = || {
            *next_inode += 1;
            *next_inode
        };
        let exists = |machine: &Self, pid| machine.source.processes.contains_key(&pid);
        match *event {
            Event::Start { pid } => {
                let inodes: Vec<u32> = if pid == 1 { (0..SHARED).map(|_| inode()).collect() } else { Vec::new() };
                self.start(pid, &inodes);
            }
            Event::Exit { pid } => self.exit(pid),
            Event::DropInodes => self.source.dropped_inodes += 1,
            Event::PassDescriptor { from, to, nth } if exists(self, from) && exists(self, to) => {
                let link = self.table(from).descriptors.values().nth(nth).copied();
                link.map(|link| self.open(to, link));
            }
            Event::Fork { pid, child } if exists(self, pid) => self.fork(pid, child),
            Event::Share { pid, child } if exists(self, pid) && pid != child => {
                let Running { table, uid, refuses, .. } = self.source.processes[&pid];
                self.run(pid);
                self.add(child, table, uid);
                self.process(child).refuses = refuses;
            }
            Event::Open { pid } if exists(self, pid) => drop(self.open(pid, Link::Socket(inode()))),
            Event::OpenFile { pid } if exists(self, pid) => drop(self.open(pid, Link::Other)),
            Event::WaitInAccept { pid } if exists(self, pid) => drop(self.wait_in_accept(pid)),
            Event::Accept { pid } if exists(self, pid) => {
                let reserved = self.table(pid).reserved.first().copied();
                reserved.into_iter().for_each(|descriptor| self.accept(pid, descriptor, inode()));
            }
            Event::Close { pid, nth } if exists(self, pid) => {
                let table = self.table(pid);
                let descriptor = table.descriptors.keys().nth(nth).copied();
                descriptor.map(|descriptor| table.descriptors.remove(&descriptor));
            }
            Event::Replace { pid, nth, by_socket } if exists(self, pid) => {
                let link = if by_socket { Link::Socket(inode()) } else { Link::Other };
                self.table(pid).descriptors.values_mut().nth(nth).into_iter().for_each(|held| *held = link);
            }
            Event::Unshare { pid } if exists(self, pid) => {
                let copy = self.table(pid).clone();
                self.source.tables.push(copy);
                self.process(pid).table = self.source.tables.len() - 1;
            }
            Event::ExitFirstThread { pid } if exists(self, pid) => {
                self.run(pid);
                self.process(pid).live_thread = Some(1_000 + pid + 10 * self.source.clock as u32);
            }
            Event::Refuse { pid, refuses } if exists(self, pid) => {
                let table = self.process(pid).table;
                // All processes that share the table are changed: if only some of them could be read, changes by the
                // others would be found only when idle processes are read in turn.
                let sharing = |(pid, process): (&u32, &Running)| (process.table == table).then_some(*pid);
                for pid in self.source.processes.iter().filter_map(sharing).collect::<Vec<_>>() {
                    self.run(pid);
                    self.process(pid).refuses = refuses;
                }
            }
            Event::Run { pid } if exists(self, pid) => self.run(pid),
            _ => {}
        }
    }

    /// All sockets that are held, and the lowest pid of the readable processes that hold each.
    fn truth(&self) -> BTreeMap<u32, Owner> {
        let mut truth = BTreeMap::new();
        for (process, running) in self.source.processes.iter().rev() {
            for link in self.source.tables[running.table].descriptors.values() {
                if let Link::Socket(inode) = link {
                    let owner = truth.entry(*inode).or_insert(Owner::Unresolved);
                    if !running.refuses {
                        *owner = pid(*process);
                    }
                }
            }
        }
        truth
    }
}

fn script() -> impl Strategy<Value = Script> {
    (any::<bool>(), any::<bool>(), any::<bool>(), prop::bool::weighted(0.8)).prop_map(
        |(has_counts, has_cpu_times, has_activity, is_quiet)| Script {
            has_counts,
            has_cpu_times,
            has_activity: has_activity && has_cpu_times,
            is_quiet,
            ..Script::default()
        },
    )
}

/// A configuration with `cases` histories, or `PROPTEST_CASES` if that is set.
fn config(cases: u32) -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(cases);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(4_000))]

    /// Owners are exact on a machine with few descriptors.
    ///
    /// This holds for any events, also after the read-ahead, for any features of the kernel, and for the tables of two
    /// namespaces, which have the even and the odd inodes, and whose systems are replaced by others.
    #[test]
    fn owners_are_exact_within_the_budget(
        script in script(),
        before in proptest::collection::vec(event(), 0..20),
        events in proptest::collection::vec((event(), 0..6u32), 1..60),
    ) {
        let mut machine = Machine::new(script);
        let mut demands = [Demand::new(), Demand::continued()];
        let mut next_inode = 0;
        before.iter().for_each(|event| machine.apply(event, &mut next_inode));
        machine.read_ahead();
        for (event, namespace) in &events {
            machine.apply(event, &mut next_inode);
            match namespace {
                4 => demands[0] = Demand::new(),
                5 => demands[1] = Demand::continued(),
                _ => {}
            }
            let Some(demand) = demands.get_mut(*namespace as usize) else { continue };
            let mut truth = machine.truth();
            truth.retain(|inode, _| inode % 2 == *namespace);
            let inodes: Vec<u32> = truth.keys().copied().collect();
            machine.owners.resolve(demand, &sockets(&inodes), true).unwrap();
            let owners: Vec<_> = inodes.iter().map(|inode| machine.of(*inode)).collect();
            prop_assert!(owners.iter().eq(truth.values()), "{:?}: {:?} for {:?}", event, owners, truth);
        }
    }
}

proptest! {
    #![proptest_config(config(200))]

    /// Beside a large process that runs in every refresh, no refresh reads more than the bound.
    ///
    /// The true owners are found within the documented number of refreshes.
    #[test]
    fn owners_are_found_in_turn_beyond_the_budget(
        script in script(),
        events in proptest::collection::vec((event(), any::<bool>()), 1..40),
    ) {
        let mut machine = Machine::new(script);
        let mut next_inode = 0;
        let large: Vec<u32> = (1_000_000..1_000_000 + 2 * MAX_RAN_DESCRIPTORS as u32).collect();
        machine.start(9, &large);
        machine.refresh(&large);
        let refresh = |machine: &mut Machine| {
            machine.run(9);
            let truth = machine.truth();
            let inodes: Vec<u32> = truth.keys().copied().collect();
            let (owners, work) = machine.refresh_counted(&inodes);
            let max = MAX_NEW_DESCRIPTORS + MAX_RAN_DESCRIPTORS + MAX_PROBES + MAX_IDLE_DESCRIPTORS;
            prop_assert!(work.links as u64 <= max, "{:?}", work);
            machine.tick();
            Ok(owners.iter().eq(truth.values()))
        };
        for (event, refreshes) in &events {
            machine.apply(event, &mut next_inode);
            if *refreshes {
                refresh(&mut machine)?;
            }
        }
        // Refreshes for the large process, for the small ones, and for the part that was read before the last event.
        let mut found = false;
        for _ in 0..5 {
            found = refresh(&mut machine)?;
        }
        prop_assert!(found);
    }
}
