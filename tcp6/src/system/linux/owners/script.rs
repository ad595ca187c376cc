//! A scripted machine: processes and their descriptors.

use core::cmp::Ordering;
use core::ops::{Deref, DerefMut};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::fd_source::{Access, Activity, CpuTime, FdRange, FdSource, FdSummary, Link, Scan};
use super::{Demand, Owners, SocketInode};
use crate::row::owner::Owner;

/// The processes of a machine, and counters of the reads.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) processes: BTreeMap<u32, Running>,
    pub(super) tables: Vec<Table>,
    /// The number of processes started. Serves as the start time and the pid assigned last.
    pub(super) clock: u64,
    pub(super) last_pid: u32,
    /// Features of the kernel: the number of descriptors (Linux 6.2), CPU times, `/proc/loadavg`,
    /// kcmp.
    pub(super) has_counts: bool,
    pub(super) has_cpu_times: bool,
    pub(super) has_activity: bool,
    pub(super) compares_tables: bool,
    /// Whether no other thread runs when CPU times are read.
    pub(super) is_quiet: bool,
    /// The number of samples of the activity until no other thread runs.
    pub(super) busy_samples: AtomicUsize,
    /// Whether the reading process has no free descriptor, so that reads fail.
    pub(super) has_no_descriptors: bool,
    /// The number of times that the kernel has dropped the inodes of its directories.
    pub(super) dropped_inodes: u64,
    /// The number of times that processes were listed.
    pub(super) listed: AtomicUsize,
    pub(super) scans: AtomicUsize,
    /// Descriptors read by scans, and numbers probed, including free ones.
    pub(super) links: AtomicUsize,
    pub(super) start_time_reads: AtomicUsize,
    pub(super) summaries: AtomicUsize,
    /// Names listed because more descriptors exist than a scan expects.
    pub(super) names: AtomicUsize,
}

impl Default for Script {
    fn default() -> Script {
        Script {
            processes: BTreeMap::new(),
            tables: Vec::new(),
            clock: 0,
            last_pid: 0,
            has_counts: true,
            has_cpu_times: true,
            has_activity: true,
            compares_tables: true,
            is_quiet: true,
            busy_samples: AtomicUsize::new(0),
            has_no_descriptors: false,
            dropped_inodes: 0,
            listed: AtomicUsize::new(0),
            scans: AtomicUsize::new(0),
            links: AtomicUsize::new(0),
            start_time_reads: AtomicUsize::new(0),
            summaries: AtomicUsize::new(0),
            names: AtomicUsize::new(0),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) descriptors: BTreeMap<u32, Link>,
    /// Descriptors reserved for calls that have not returned.
    pub(super) reserved: BTreeSet<u32>,
}

impl Table {
    pub(super) fn lowest_free(&self) -> u32 {
        let is_free = |number: &u32| !self.descriptors.contains_key(number) && !self.reserved.contains(number);
        (0..).find(is_free).unwrap()
    }
}

#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) start_time: u64,
    /// The CPU time that the kernel reports.
    pub(super) cpu_time: u64,
    /// The CPU time that the kernel has not added yet, because the process still runs.
    pub(super) not_added: u64,
    pub(super) table: usize,
    pub(super) uid: u32,
    pub(super) refuses: bool,
    /// The thread that still runs, if the first one has exited.
    pub(super) live_thread: Option<u32>,
}

impl Script {
    /// The process of a thread, if the thread has not exited.
    fn of_thread(&self, thread: u32) -> Option<&Running> {
        let by_pid = self.processes.get(&thread).filter(|process| process.live_thread.is_none());
        by_pid.or_else(|| self.processes.values().find(|process| process.live_thread == Some(thread)))
    }

    fn table(&self, thread: u32) -> Option<&Table> {
        self.of_thread(thread).map(|process| &self.tables[process.table])
    }
}

impl FdSource for Script {
    fn activity(&self) -> Activity {
        if !self.has_activity {
            return Activity::default();
        }
        let is_busy = self.busy_samples.fetch_update(Relaxed, Relaxed, |samples| samples.checked_sub(1)).is_ok();
        Activity { last_pid: Some(self.last_pid), is_quiet: self.is_quiet && !is_busy }
    }

    fn pids(&self, into: &mut Vec<u32>) -> io::Result<()> {
        self.listed.fetch_add(1, Relaxed);
        into.extend(self.processes.keys().rev());
        // Code under test must not use a list that is followed by an error.
        if self.has_no_descriptors { Err(io::ErrorKind::Other.into()) } else { Ok(()) }
    }

    fn cpu_time(&self, pid: u32) -> CpuTime {
        if !self.has_cpu_times {
            return CpuTime::Unknown;
        }
        self.processes.get(&pid).map_or(CpuTime::Gone, |process| CpuTime::Nanoseconds(process.cpu_time))
    }

    fn summary(&self, thread: u32) -> FdSummary {
        self.summaries.fetch_add(1, Relaxed);
        let process = self.processes.get(&thread).or_else(|| self.of_thread(thread));
        let Some(process) = process else { return FdSummary::default() };
        let count = self.table(thread).map_or(0, |table| table.descriptors.len() + table.reserved.len());
        FdSummary {
            count: self.has_counts.then_some(count as u64),
            // Unique for a process until the kernel drops it.
            inode: Some(process.start_time * 1_000 + self.dropped_inodes),
            uid: process.uid,
        }
    }

    fn start_time(&self, pid: u32) -> Option<u64> {
        self.start_time_reads.fetch_add(1, Relaxed);
        self.processes.get(&pid).map(|process| process.start_time)
    }

    fn compare_tables(&self, a: u32, b: u32) -> Option<Ordering> {
        let (a, b) = (self.of_thread(a)?, self.of_thread(b)?);
        // Both processes must be traceable. The order is independent of the pids.
        (self.compares_tables && !a.refuses && !b.refuses).then(|| (a.table ^ 0x15).cmp(&(b.table ^ 0x15)))
    }

    fn live_thread(&self, pid: u32) -> Option<u32> {
        self.processes.get(&pid)?.live_thread
    }

    fn link(&self, thread: u32, descriptor: u32) -> Link {
        self.links.fetch_add(1, Relaxed);
        let is_readable = self.of_thread(thread).is_some_and(|process| !process.refuses) && !self.has_no_descriptors;
        let link = self.table(thread).filter(|_| is_readable).and_then(|table| table.descriptors.get(&descriptor));
        link.copied().unwrap_or(Link::None)
    }

    fn scan(&self, thread: u32, range: FdRange, found: &mut dyn FnMut(u32, Link)) -> Scan {
        self.scans.fetch_add(1, Relaxed);
        let failure = |access| Scan { access, next: None };
        if !self.processes.contains_key(&thread) && self.of_thread(thread).is_none() {
            return failure(Access::Gone);
        }
        if self.has_no_descriptors {
            return failure(Access::Failed);
        }
        if self.of_thread(thread).is_some_and(|process| process.refuses) {
            return failure(Access::Refused);
        }
        let Some(table) = self.table(thread) else { return Scan { access: Access::Granted, next: None } };
        let remaining = table.descriptors.range(range.from..).count() as u64;
        let expected = range.expected.unwrap_or(0);
        if expected < remaining.min(range.max) {
            self.names.fetch_add((remaining - expected) as usize, Relaxed);
        }
        for (read, (descriptor, link)) in (0..).zip(table.descriptors.range(range.from..)) {
            if read == range.max {
                return Scan { access: Access::Granted, next: Some(*descriptor) };
            }
            self.links.fetch_add(1, Relaxed);
            found(*descriptor, *link);
        }
        Scan { access: Access::Granted, next: None }
    }
}

/// The reads of one refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Work {
    pub(super) listed: usize,
    pub(super) scans: usize,
    pub(super) links: usize,
    pub(super) summaries: usize,
}

/// A scripted machine and the tables of one network namespace.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) owners: Owners<Script>,
    pub(super) demand: Demand,
}

impl Deref for Machine {
    type Target = Owners<Script>;

    fn deref(&self) -> &Owners<Script> {
        &self.owners
    }
}

impl DerefMut for Machine {
    fn deref_mut(&mut self) -> &mut Owners<Script> {
        &mut self.owners
    }
}

impl Machine {
    pub(super) fn new(script: Script) -> Machine {
        Machine { owners: Owners::new(script), demand: Demand::new() }
    }

    /// Starts a process with three files and with these sockets, from descriptor 3 on.
    pub(super) fn start(&mut self, pid: u32, inodes: &[u32]) {
        let mut table = Table::default();
        table.descriptors.extend((0..3).map(|descriptor| (descriptor, Link::Other)));
        table.descriptors.extend((3..).zip(inodes).map(|(descriptor, inode)| (descriptor, Link::Socket(*inode))));
        self.source.tables.push(table);
        let table = self.source.tables.len() - 1;
        self.add(pid, table, 1_000);
    }

    /// Starts a process that uses an existing table (CLONE_FILES).
    pub(super) fn add(&mut self, pid: u32, table: usize, uid: u32) {
        self.source.clock += 1;
        let start_time = self.source.clock;
        // A kernel assigns a pid again only after thousands of others.
        self.source.last_pid = start_time as u32;
        let cpu_time = 1_000 * start_time + 1;
        let process = Running { start_time, cpu_time, not_added: 0, table, uid, refuses: false, live_thread: None };
        self.source.processes.insert(pid, process);
    }

    /// Starts a process with a copy of the descriptors of `pid`.
    pub(super) fn fork(&mut self, pid: u32, child: u32) {
        let Running { table, uid, refuses, .. } = self.source.processes[&pid].clone();
        let mut copy = self.source.tables[table].clone();
        copy.reserved.clear();
        self.source.tables.push(copy);
        self.run(pid);
        self.add(child, self.source.tables.len() - 1, uid);
        self.process(child).refuses = refuses;
    }

    pub(super) fn exit(&mut self, pid: u32) {
        self.source.processes.remove(&pid);
    }

    pub(super) fn process(&mut self, pid: u32) -> &mut Running {
        self.source.processes.get_mut(&pid).unwrap()
    }

    /// The descriptors of a process, to be changed. Marks the process as having run.
    pub(super) fn table(&mut self, pid: u32) -> &mut Table {
        self.run(pid);
        let table = self.process(pid).table;
        &mut self.source.tables[table]
    }

    /// Lets a process run.
    ///
    /// The kernel adds to its CPU time now, or, unless the machine is quiet, at the next tick.
    pub(super) fn run(&mut self, pid: u32) {
        let is_quiet = self.source.is_quiet;
        let process = self.process(pid);
        process.not_added += 7;
        if is_quiet {
            process.cpu_time += core::mem::take(&mut process.not_added);
        }
    }

    /// A timer tick: the kernel adds to the CPU times of running processes.
    pub(super) fn tick(&mut self) {
        let processes = self.source.processes.values_mut();
        processes.for_each(|process| process.cpu_time += core::mem::take(&mut process.not_added));
    }

    /// Opens a socket or file at the lowest free descriptor, which it returns.
    pub(super) fn open(&mut self, pid: u32, link: Link) -> u32 {
        let table = self.table(pid);
        let descriptor = table.lowest_free();
        table.descriptors.insert(descriptor, link);
        descriptor
    }

    pub(super) fn close(&mut self, pid: u32, inode: u32) {
        self.table(pid).descriptors.retain(|_, link| *link != Link::Socket(inode));
    }

    /// Closes sockets and opens new ones, each at the descriptor of a closed one.
    ///
    /// The map is from old to new inodes.
    pub(super) fn replace(&mut self, pid: u32, new: &BTreeMap<u32, u32>) {
        for link in self.table(pid).descriptors.values_mut() {
            if let Link::Socket(inode) = link {
                *inode = *new.get(inode).unwrap_or(inode);
            }
        }
    }

    /// Waits in accept(), which reserves the lowest free descriptor. Returns the descriptor.
    pub(super) fn wait_in_accept(&mut self, pid: u32) -> u32 {
        let table = self.table(pid);
        let descriptor = table.lowest_free();
        table.reserved.insert(descriptor);
        descriptor
    }

    /// A waiting accept() returns a socket at the descriptor that it has reserved.
    pub(super) fn accept(&mut self, pid: u32, descriptor: u32, inode: u32) {
        let table = self.table(pid);
        assert!(table.reserved.remove(&descriptor));
        table.descriptors.insert(descriptor, Link::Socket(inode));
    }

    /// Resolves a filtered table of these sockets and returns their owners.
    pub(super) fn refresh_filtered(&mut self, inodes: &[u32]) -> Vec<Owner> {
        self.refresh_table(inodes, false)
    }

    /// Resolves a complete table of these sockets and returns their owners.
    pub(super) fn refresh(&mut self, inodes: &[u32]) -> Vec<Owner> {
        self.refresh_table(inodes, true)
    }

    /// Reads ahead for the first table.
    pub(super) fn read_ahead(&mut self) {
        self.owners.read_ahead(&mut self.demand);
    }

    fn refresh_table(&mut self, inodes: &[u32], is_complete: bool) -> Vec<Owner> {
        self.owners.resolve(&mut self.demand, &sockets(inodes), is_complete).unwrap();
        inodes.iter().map(|inode| self.of(*inode)).collect()
    }

    /// Like [`refresh`](Self::refresh), and also returns the reads.
    pub(super) fn refresh_counted(&mut self, inodes: &[u32]) -> (Vec<Owner>, Work) {
        let counters = |source: &Script, each: fn(&AtomicUsize) -> usize| {
            [&source.listed, &source.scans, &source.links, &source.summaries].map(each)
        };
        counters(&self.source, |counter| counter.swap(0, Relaxed));
        let owners = self.refresh(inodes);
        let [listed, scans, links, summaries] = counters(&self.source, |counter| counter.load(Relaxed));
        (owners, Work { listed, scans, links, summaries })
    }
}

/// The sockets of a table with these inodes.
pub(super) fn sockets(inodes: &[u32]) -> Vec<SocketInode> {
    inodes.iter().map(|inode| SocketInode { inode: *inode, uid: 1_000 }).collect()
}

pub(super) fn machine() -> Machine {
    Machine::new(Script::default())
}

/// A machine on which pid 1 holds `count` sockets, and their inodes, from 100,000 on.
pub(super) fn busy_machine(count: u32) -> (Machine, Vec<u32>) {
    let mut machine = machine();
    let inodes: Vec<u32> = (100_000..100_000 + count).collect();
    machine.start(1, &inodes);
    (machine, inodes)
}

pub(super) const fn pid(pid: u32) -> Owner {
    Owner::Process(pid)
}
