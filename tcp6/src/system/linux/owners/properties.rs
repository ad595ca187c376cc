//! Random histories of processes: what is remembered is what is true.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::Owners;
use super::budget::{MAX_IDLE_DESCRIPTORS, MAX_NEW_DESCRIPTORS, MAX_PROBES, MAX_RAN_DESCRIPTORS};
use super::fd_source::Link;
use super::script::{Running, Script, pid};
use crate::row::owner::Owner;

/// One thing that happens on a machine between two refreshes.
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
    HandOver {
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
    /// It works, and changes nothing.
    Run {
        pid: u32,
    },
    /// The kernel forgets the inodes of its folders.
    Forget,
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
        3 => (pid(), pid(), 0..8usize).prop_map(|(from, to, nth)| Event::HandOver { from, to, nth }),
        2 => (pid(), pid()).prop_map(|(pid, child)| Event::Fork { pid, child }),
        1 => (pid(), pid()).prop_map(|(pid, child)| Event::Share { pid, child }),
        1 => pid().prop_map(|pid| Event::Unshare { pid }),
        1 => pid().prop_map(|pid| Event::ExitFirstThread { pid }),
        1 => (pid(), any::<bool>()).prop_map(|(pid, refuses)| Event::Refuse { pid, refuses }),
        1 => pid().prop_map(|pid| Event::Run { pid }),
        1 => Just(Event::Forget),
    ]
}

/// Enough that their tables are compared.
const SHARED: u32 = 40;

impl Owners<Script> {
    fn happens(&mut self, event: &Event, next_inode: &mut u32) {
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
            Event::Forget => self.source.dropped_inodes += 1,
            Event::HandOver { from, to, nth } if exists(self, from) && exists(self, to) => {
                let link = self.table(from).descriptors.values().nth(nth).copied();
                link.map(|link| self.open(to, link));
            }
            Event::Fork { pid, child } if exists(self, pid) => self.fork(pid, child),
            Event::Share { pid, child } if exists(self, pid) && pid != child => {
                let Running { table, uid, refuses, .. } = self.source.processes[&pid];
                self.ran(pid);
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
                self.ran(pid);
                self.process(pid).live_thread = Some(1_000 + pid + 10 * self.source.clock as u32);
            }
            Event::Refuse { pid, refuses } if exists(self, pid) => {
                let table = self.process(pid).table;
                // That one process may be read and another one that shares its table may not is known to idle processes in
                // turn only.
                let sharing = |(pid, process): (&u32, &Running)| (process.table == table).then_some(*pid);
                for pid in self.source.processes.iter().filter_map(sharing).collect::<Vec<_>>() {
                    self.ran(pid);
                    self.process(pid).refuses = refuses;
                }
            }
            Event::Run { pid } if exists(self, pid) => self.ran(pid),
            _ => {}
        }
    }

    /// The sockets that anybody holds, and the lowest pid of those that hold each and can be read.
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

/// `PROPTEST_CASES` runs as many histories instead.
fn config(cases: u32) -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(cases);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(4_000))]

    /// On a machine with few descriptors, whatever happens between two refreshes and whatever the kernel offers, the owners
    /// of every table are the true ones. What is read ahead of the first table makes no difference.
    #[test]
    fn every_owner_is_the_true_one(
        script in script(),
        before in proptest::collection::vec(event(), 0..20),
        events in proptest::collection::vec((event(), any::<bool>()), 1..60),
    ) {
        let mut machine = Owners::new(script);
        let mut next_inode = 0;
        before.iter().for_each(|event| machine.happens(event, &mut next_inode));
        machine.read_ahead();
        for (event, refreshes) in &events {
            machine.happens(event, &mut next_inode);
            if *refreshes {
                let truth = machine.truth();
                let inodes: Vec<u32> = truth.keys().copied().collect();
                let owners = machine.refresh(&inodes);
                prop_assert!(owners.iter().eq(truth.values()), "{:?}: {:?} for {:?}", event, owners, truth);
            }
        }
    }

}

proptest! {
    #![proptest_config(config(200))]

    /// Beside a large process that runs all the time no refresh reads more than the bound, and the true owners are known
    /// after as many refreshes as documented.
    #[test]
    fn beside_a_large_process_what_is_true_is_found_in_turn(
        script in script(),
        events in proptest::collection::vec((event(), any::<bool>()), 1..40),
    ) {
        let mut machine = Owners::new(script);
        let mut next_inode = 0;
        let large: Vec<u32> = (1_000_000..1_000_000 + 2 * MAX_RAN_DESCRIPTORS as u32).collect();
        machine.start(9, &large);
        machine.refresh(&large);
        let refresh = |machine: &mut Owners<Script>| {
            machine.ran(9);
            let truth = machine.truth();
            let inodes: Vec<u32> = truth.keys().copied().collect();
            let (owners, work) = machine.refresh_counted(&inodes);
            prop_assert!(work.links as u64 <= MAX_NEW_DESCRIPTORS + MAX_RAN_DESCRIPTORS + MAX_PROBES + MAX_IDLE_DESCRIPTORS, "{:?}", work);
            machine.tick();
            Ok(owners.iter().eq(truth.values()))
        };
        for (event, refreshes) in &events {
            machine.happens(event, &mut next_inode);
            if *refreshes {
                refresh(&mut machine)?;
            }
        }
        // The large one, the small ones, and one for what a cycle has begun with.
        let mut found = false;
        for _ in 0..5 {
            found = refresh(&mut machine)?;
        }
        prop_assert!(found);
    }
}
