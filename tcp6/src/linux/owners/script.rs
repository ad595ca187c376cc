//! A machine's processes by a script.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Owners;
use super::tree::{Access, Glance, Link, Tree};
use crate::Owner;

/// A machine's processes, and how often they were read.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) processes: BTreeMap<u32, Running>,
    pub(super) clock: u64,
    /// Whether the kernel tells how many descriptors a process has.
    pub(super) is_old: bool,
    /// Whether there are no descriptors left to read anything with.
    pub(super) is_short: bool,
    /// How often the kernel has forgotten its inodes.
    pub(super) forgotten: u64,
    pub(super) read_whole: AtomicUsize,
    pub(super) read_links: AtomicUsize,
    pub(super) asked_starts: AtomicUsize,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Running {
    pub(super) started: u64,
    pub(super) descriptors: BTreeMap<u32, Link>,
    pub(super) refuses: bool,
}

impl Running {
    pub(super) fn open(&mut self, link: Link) -> u32 {
        let lowest = (0..).find(|descriptor| !self.descriptors.contains_key(descriptor)).unwrap();
        self.descriptors.insert(lowest, link);
        lowest
    }

    pub(super) fn holds(&self, inode: u32) -> bool {
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
        self.asked_starts.fetch_add(1, Ordering::Relaxed);
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
    pub(super) fn start(&mut self, pid: u32, inodes: &[u32]) -> &mut Running {
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

    pub(super) fn process(&mut self, pid: u32) -> &mut Running {
        self.tree.processes.get_mut(&pid).unwrap()
    }

    pub(super) fn close(&mut self, pid: u32, inode: u32) {
        self.process(pid).descriptors.retain(|_, link| *link != Link::Socket(inode));
    }

    /// The owners of a table that was narrowed to these sockets.
    pub(super) fn refresh_narrowed(&mut self, inodes: &[u32]) -> Vec<Owner> {
        self.resolve(inodes, false).unwrap();
        inodes.iter().map(|inode| self.of(*inode)).collect()
    }

    /// The owners of a table of these sockets.
    pub(super) fn refresh(&mut self, inodes: &[u32]) -> Vec<Owner> {
        self.resolve(inodes, true).unwrap();
        inodes.iter().map(|inode| self.of(*inode)).collect()
    }

    /// The same, and how many processes were read whole, and how many single links.
    pub(super) fn refresh_counted(&mut self, inodes: &[u32]) -> (Vec<Owner>, usize, usize) {
        self.tree.read_whole.store(0, Ordering::Relaxed);
        self.tree.read_links.store(0, Ordering::Relaxed);
        let owners = self.refresh(inodes);
        (owners, self.tree.read_whole.load(Ordering::Relaxed), self.tree.read_links.load(Ordering::Relaxed))
    }
}

pub(super) fn machine() -> Owners<Script> {
    Owners::new(Script::default())
}

/// With enough descriptors of another process that reading some again, in turn, is far from all others.
pub(super) fn busy_machine() -> Owners<Script> {
    let mut machine = machine();
    let inodes: Vec<u32> = (100_000..110_000).collect();
    machine.start(1, &inodes);
    machine
}

pub(super) const fn pid(pid: u32) -> Owner {
    Owner::Process(pid)
}
