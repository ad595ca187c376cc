//! Whose sockets they are: from inodes to processes.
//!
//! The kernel tells the inode of a socket and not its owner, so owners are found the other way round, by reading what the
//! descriptors of every process refer to. That takes the kernel more than twice as long as the dump of the table. So all
//! of them are read once, in several threads and while the first table is dumped, and a refresh reads again only those of
//! processes that may have changed.
//!
//! # A process that has not run has not changed
//!
//! Only a thread of its own opens and closes a process' descriptors. So what was read of it holds for as long as its CPU
//! time, one system call of about 1 us, is the same. Neither the number of descriptors nor their inodes could prove that:
//! a server that waits in accept() has reserved its next descriptor, and a socket may take the number of a closed file.
//!
//! The kernel adds to the CPU time of a running thread at every timer tick and when the thread stops running. So an
//! unchanged time is a proof if no other thread was running when it was read, which `/proc/loadavg` tells, along with the
//! last pid that was given out.
//!
//! # What a refresh reads
//!
//! * Every process that is new or has run, as long as they have up to [`MAX_LINKS`] descriptors together. On a machine
//!   with fewer, idle ones are read as well if other threads were running. The owners of such a table are exact.
//! * Beyond that [`MAX_LINKS`] of them: first where new descriptors are expected, in processes of the users whose sockets
//!   have no owner yet; then all in turn. So whatever has changed is known after as many refreshes as the processes that
//!   run have descriptors, divided by [`MAX_LINKS`]; until then a socket may be unresolved, or named after a process that
//!   has closed it meanwhile.
//! * Of new processes [`MAX_NEW_LINKS`] besides, the smallest first.
//! * [`IDLE_LINKS`] descriptors of idle processes, in turn. This finds what an unreadable process does to a table of
//!   descriptors that it shares with an idle one; kcmp does not compare the two, so nothing else shows it.
//!
//! In [exact](Owners::set_exact) mode every refresh reads all descriptors of all processes.
//!
//! Where the kernel's CPU times cannot be used, because `/proc` shows another pid namespace or a sandbox refuses them,
//! every process counts as one that has run.
//!
//! # What is not found
//!
//! Descriptors of a single thread (`unshare(CLONE_FILES)`), those in flight in a unix socket, and those that are
//! registered with io_uring and closed are in no process' list.

mod fd_source;
mod sharing;
mod tracked;

#[cfg(target_os = "linux")]
mod procfs;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod script;
#[cfg(target_os = "linux")]
mod syscalls;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::thread;

use fd_source::Activity;
pub(super) use fd_source::FdSource;
#[cfg(target_os = "linux")]
pub(super) use procfs::Proc;
use tracked::{Held, ScanState, Tracked};

use crate::error::{Error, Result};
use crate::row::owner::Owner;
use crate::system::linux::int_hash::IntHash;

/// The descriptors that a refresh reads of processes that have run.
const MAX_LINKS: u64 = 4_096;

/// The descriptors that a refresh reads of new processes.
const MAX_NEW_LINKS: u64 = 16_384;

/// The descriptors that a refresh reads of processes that have not run.
const IDLE_LINKS: u64 = 32;

/// The descriptors that are probed in processes that have not run, as far as is known, for a socket without an owner.
const MAX_PROBES: u64 = 256;

/// What opening and closing a folder of descriptors costs, in descriptors read.
const FOLDER_COST: u64 = 4;

/// The number of refreshes after which owners that were not found are searched for again, and processes that could not be
/// read are tried again.
const RETRY_UNRESOLVED_EVERY: u32 = 16;

/// The most samples of the machine's activity that wait for exiting threads, about 1 us each.
const EXIT_SAMPLES: u32 = 100;

/// With more descriptors to read, threads share the work of a pass without a bound.
const SHARED_WORK: u64 = 4_096;
const MAX_THREADS: usize = 4;

type Inodes = HashSet<u32, IntHash>;

/// A socket of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SocketInode {
    /// 0 if no process holds it.
    pub(super) inode: u32,
    pub(super) uid: u32,
}

/// Finds the owners of sockets, and remembers what it found.
#[derive(Debug)]
pub(super) struct Owners<S> {
    source: S,
    /// By ascending pid.
    tracked: Vec<Tracked>,
    /// By inode: the lowest pid that holds the socket.
    lowest: HashMap<u32, u32, IntHash>,
    /// Whether `lowest` is out of date.
    is_stale: bool,
    has_resolved: bool,
    is_exact: bool,
    /// The pid that was given out last when processes were listed.
    last_pid: Option<u32>,
    /// Whether the CPU times of this refresh are exact.
    is_still: bool,
    /// The last table that was not narrowed.
    previous: Vec<SocketInode>,
    /// If a refresh does not read everything: the inodes of this table, and those of the previous one that are not in it.
    present: Inodes,
    closed: Inodes,
    /// The sockets without an owner, and those among them that were searched for in vain.
    missing: Vec<SocketInode>,
    searched: Inodes,
    /// The users of those that are missing, each once.
    uids: Vec<u32>,
    pids: Vec<u32>,
    scratch: Vec<Held>,
    /// The processes that are to be read, by their places in `tracked`, after what they are sorted by.
    due: Vec<(u64, usize)>,
    refreshes: u32,
    /// The pids whose turn it is among those that have run, and among those that have not.
    next: u32,
    next_idle: u32,
    /// How many threads may share the work, once that was asked.
    threads: Option<usize>,
}

impl<S: FdSource> Owners<S> {
    pub(super) fn new(source: S) -> Owners<S> {
        Owners {
            source,
            tracked: Vec::new(),
            lowest: HashMap::default(),
            is_stale: false,
            has_resolved: false,
            is_exact: false,
            last_pid: None,
            is_still: false,
            previous: Vec::new(),
            present: Inodes::default(),
            closed: Inodes::default(),
            missing: Vec::new(),
            searched: Inodes::default(),
            uids: Vec::new(),
            pids: Vec::new(),
            scratch: Vec::new(),
            due: Vec::new(),
            refreshes: 0,
            next: 0,
            next_idle: 0,
            threads: None,
        }
    }

    /// Has every refresh read all descriptors of all processes, or only those that the module's docs list.
    pub(super) fn set_exact(&mut self, exact: bool) {
        self.is_exact = exact;
    }

    /// The owner of the socket with this inode.
    pub(super) fn of(&self, inode: u32) -> Owner {
        match (inode, self.lowest.get(&inode)) {
            (0, _) => Owner::Nobody,
            (_, Some(pid)) => Owner::Process(*pid),
            (_, None) => Owner::Unresolved,
        }
    }

    /// Every process that was seen to hold this socket, by ascending pid.
    pub(super) fn holders(&self, inode: u32) -> impl Iterator<Item = u32> {
        let holds = move |process: &&Tracked| {
            let leader = process.shares.and_then(|leader| sharing::position(&self.tracked, leader));
            let table = leader.map_or(*process, |leader| &self.tracked[leader]);
            table.inodes().any(|held| held == inode)
        };
        self.tracked.iter().filter(holds).map(|process| process.pid)
    }

    /// The number of processes at the last refresh, and how many of them could not be read.
    pub(super) fn processes(&self) -> (usize, usize) {
        (self.tracked.len(), self.tracked.iter().filter(|process| process.is_unreadable()).count())
    }

    /// Whether no table was resolved yet.
    pub(super) fn is_new(&self) -> bool {
        !self.has_resolved
    }

    /// Reads what is to be read whatever the table will be. What changes meanwhile is found when it is resolved.
    pub(super) fn read_ahead(&mut self) {
        self.look(1);
        // Without CPU times all would be read again.
        if self.tracked.iter().any(Tracked::has_cpu_time) {
            self.scan_all(|process| process.state == ScanState::New);
        }
    }

    /// Finds the owners of the sockets in a table. `complete` says that the table was not narrowed, so that a socket which
    /// is not in it has been closed.
    pub(super) fn resolve(&mut self, table: &[SocketInode], complete: bool) -> Result<()> {
        self.refreshes = self.refreshes.wrapping_add(1);
        if self.refreshes % RETRY_UNRESOLVED_EVERY == 0 {
            self.searched.clear();
            self.tracked.iter_mut().filter(|process| process.is_unreadable()).for_each(Tracked::suspect);
        }
        // The threads of the first pass may still be exiting: they would make every idle process count as uncertain.
        self.look(if self.has_resolved { 1 } else { EXIT_SAMPLES });
        if self.is_exact {
            self.tracked.iter_mut().for_each(Tracked::suspect);
            self.scan_all(|_| true);
        } else {
            if !self.has_resolved {
                self.scan_all(|process| process.state == ScanState::New);
            }
            self.scan_due(table, complete)?;
        }
        self.has_resolved = true;
        self.collect()?;
        self.note_missing(table)?;
        if !self.missing.is_empty() {
            self.search()?;
        }
        if complete { self.note_previous(table) } else { Ok(()) }
    }

    /// Brings the list of processes up to date, and finds out which of them have run.
    fn look(&mut self, samples: u32) {
        let activity = self.activity(samples);
        self.is_still = activity.is_still;
        // A process that starts from here on has a later pid, and is listed next time.
        if activity.last_pid.is_none() || activity.last_pid != self.last_pid {
            self.last_pid = if self.list() { activity.last_pid } else { None };
        }
        for at in 0..self.tracked.len() {
            let shared = self.tracked[at].shares;
            if self.tracked[at].sample(&self.source) {
                self.is_stale = true;
                sharing::used_by_another(&mut self.tracked, shared, &self.source);
            }
        }
        self.forget_ended();
        self.is_stale |= sharing::update(&mut self.tracked, self.is_still, &self.source);
        self.is_still &= self.tracked.iter().all(Tracked::has_cpu_time);
    }

    /// The activity of the machine, sampled until it is still, at most `samples` times.
    fn activity(&self, samples: u32) -> Activity {
        let mut activity = self.source.activity();
        for _ in 1..samples {
            if activity.is_still {
                break;
            }
            activity = self.source.activity();
        }
        activity
    }

    /// Lists the processes. Says whether that was possible.
    fn list(&mut self) -> bool {
        self.pids.clear();
        if self.source.pids(&mut self.pids).is_err() {
            // Those that were known may still exist.
            return false;
        }
        self.pids.sort_unstable();
        for process in &mut self.tracked {
            if self.pids.binary_search(&process.pid).is_err() {
                process.state = ScanState::Gone;
            }
        }
        self.forget_ended();
        if self.tracked.len() < self.pids.len() {
            let known = self.tracked.len();
            for pid in &self.pids {
                if self.tracked[..known].binary_search_by_key(pid, |process| process.pid).is_err() {
                    self.tracked.push(Tracked::new(*pid));
                }
            }
            self.tracked.sort_unstable_by_key(|process| process.pid);
        }
        true
    }

    fn forget_ended(&mut self) {
        let mut have_ended = false;
        for at in 0..self.tracked.len() {
            if self.tracked[at].state == ScanState::Gone {
                let shared = self.tracked[at].shares;
                sharing::used_by_another(&mut self.tracked, shared, &self.source);
                sharing::inherit(&mut self.tracked, at, &self.source);
                have_ended = true;
            }
        }
        if have_ended {
            self.tracked.retain(|process| process.state != ScanState::Gone);
            self.is_stale = true;
        }
    }

    /// Reads the processes that have run, as far as the bound allows.
    fn scan_due(&mut self, table: &[SocketInode], complete: bool) -> Result<()> {
        let mut work: u64 = self.tracked.iter().map(cost).sum();
        if !self.is_still {
            let is_uncertain = |process: &Tracked| process.state == ScanState::Idle && process.shares.is_none();
            let uncertain = self.tracked.iter().filter(|process| is_uncertain(process));
            let more: u64 = uncertain.map(|process| process.descriptors() + FOLDER_COST).sum();
            if work + more <= MAX_LINKS {
                let Owners { source, tracked, is_stale, .. } = self;
                for process in tracked.iter_mut().filter(|process| is_uncertain(process)) {
                    *is_stale |= process.summarize(source);
                }
                work += more;
            }
        }
        if work <= MAX_LINKS {
            let Owners { source, tracked, scratch, is_stale, .. } = self;
            for process in tracked.iter_mut().filter(|process| process.pending() > 0) {
                // Before Linux 6.2 it may have many more than is known.
                let most = if process.state == ScanState::New { MAX_NEW_LINKS } else { MAX_LINKS };
                *is_stale |= process.scan_whole(source, most, scratch);
            }
        } else {
            self.scan_some(table, complete)?;
        }
        self.scan_idle();
        Ok(())
    }

    /// Reads some of what is due: where new descriptors are expected, and then in turn.
    fn scan_some(&mut self, table: &[SocketInode], complete: bool) -> Result<()> {
        self.note_present(table, complete)?;
        self.note_missing(table)?;
        let Owners { source, tracked, scratch, is_stale, due, present, closed, uids, .. } = self;
        list_due(due, tracked, true, Tracked::pending);
        let mut left = MAX_NEW_LINKS;
        for (_, at) in due.iter() {
            let process = &mut tracked[*at];
            if left == 0 {
                break;
            }
            let most = cost(process).min(left);
            *is_stale |= process.scan(source, most, scratch);
            left -= most;
        }

        let is_wanted = |process: &Tracked| uids.contains(&process.uid);
        // Those of a narrowed table are wanted now, the others when it is not. Small ones are read whole.
        list_due(due, tracked, false, |process| {
            let rank = 2 * u64::from(!is_wanted(process)) + u64::from(!complete && !process.holds_any(present));
            rank << 62 | process.pending().min(1 << 61)
        });
        let mut left = MAX_LINKS;
        for (_, at) in due.iter() {
            let process = &mut tracked[*at];
            let cost = cost(process);
            if left.saturating_sub(cost) >= MAX_LINKS / 2 {
                *is_stale |= process.scan_whole(source, MAX_LINKS, scratch);
                left -= cost;
            } else {
                let (read, differs) = process.probe(source, |inode| closed.contains(&inode), left, scratch);
                *is_stale |= differs;
                left = left.saturating_sub(read);
            }
        }

        list_due(due, tracked, false, |process| process.pid.into());
        let begin = due.partition_point(|(pid, _)| *pid < self.next.into());
        for turn in 0..due.len() {
            let process = &mut tracked[due[(begin + turn) % due.len()].1];
            self.next = process.pid;
            if left <= FOLDER_COST {
                break;
            }
            left -= FOLDER_COST;
            let before = process.descriptors();
            *is_stale |= process.scan(source, left, scratch);
            left = left.saturating_sub(scratch.len() as u64);
            if process.cursor > 0 || before == 0 && process.pending() > 0 {
                break;
            }
        }
        Ok(())
    }

    /// Reads a few descriptors of processes that have not run, in turn.
    fn scan_idle(&mut self) {
        let Owners { source, tracked, scratch, is_stale, next_idle, .. } = self;
        let is_idle = |process: &Tracked| process.state == ScanState::Idle && process.descriptors() > 0;
        let at = tracked.partition_point(|process| process.pid < *next_idle);
        let mut left = IDLE_LINKS;
        *next_idle = 0;
        for process in tracked[at..].iter_mut().filter(|process| is_idle(process)) {
            *next_idle = process.pid;
            if left <= FOLDER_COST {
                break;
            }
            *is_stale |= process.scan(source, left - FOLDER_COST, scratch);
            left = left.saturating_sub(scratch.len() as u64 + FOLDER_COST);
            if process.cursor > 0 {
                break;
            }
            *next_idle = process.pid.saturating_add(1);
        }
    }

    /// Reads all descriptors of the processes that are due, in several threads if they are many.
    fn scan_all(&mut self, is_due: impl Fn(&Tracked) -> bool) {
        let Owners { source, tracked, scratch, is_stale, threads, .. } = self;
        let is_due = |process: &Tracked| process.pending() > 0 && is_due(process);
        let work: u64 = tracked.iter().filter(|process| is_due(process)).map(cost).sum();
        if work < SHARED_WORK {
            for process in tracked.iter_mut().filter(|process| is_due(process)) {
                *is_stale |= process.scan_whole(source, u64::MAX, scratch);
            }
            return;
        }
        *is_stale = true;
        // The answer takes several files to read.
        let ask = || thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
        let threads = *threads.get_or_insert_with(ask);
        let mut due: Vec<&mut Tracked> = tracked.iter_mut().filter(|process| is_due(process)).collect();
        // The largest is taken first: were it the last, one thread alone would read it.
        due.sort_unstable_by_key(|process| process.pending());
        let due = Mutex::new(due);
        let scan_some = || {
            let mut scratch = Vec::new();
            let next = || due.lock().unwrap_or_else(PoisonError::into_inner).pop();
            while let Some(process) = next() {
                process.scan_whole(source, u64::MAX, &mut scratch);
            }
        };
        thread::scope(|scope| {
            for _ in 1..threads {
                // If a thread cannot be started, the others do the work.
                let _ = thread::Builder::new().spawn_scoped(scope, scan_some);
            }
            scan_some();
        });
    }

    /// Notes the sockets of the table that have no owner, but for those that were searched for in vain.
    fn note_missing(&mut self, table: &[SocketInode]) -> Result<()> {
        let is_missing = |wanted: &&SocketInode| {
            let inode = wanted.inode;
            inode != 0 && !self.lowest.contains_key(&inode) && !self.searched.contains(&inode)
        };
        self.missing.clear();
        for wanted in table.iter().filter(is_missing) {
            self.missing.try_reserve(1).map_err(|_| out_of_memory(self.missing.len()))?;
            self.missing.push(*wanted);
        }
        self.uids.clear();
        for wanted in &self.missing {
            if self.uids.last() != Some(&wanted.uid) && !self.uids.contains(&wanted.uid) {
                self.uids.push(wanted.uid);
            }
        }
        Ok(())
    }

    fn note_present(&mut self, table: &[SocketInode], complete: bool) -> Result<()> {
        self.present.clear();
        self.present.try_reserve(table.len()).map_err(|_| out_of_memory(table.len()))?;
        self.present.extend(table.iter().map(|wanted| wanted.inode));
        self.closed.clear();
        if complete {
            for wanted in self.previous.iter().filter(|wanted| !self.present.contains(&wanted.inode)) {
                self.closed.try_reserve(1).map_err(|_| out_of_memory(self.closed.len()))?;
                self.closed.insert(wanted.inode);
            }
        }
        Ok(())
    }

    fn note_previous(&mut self, table: &[SocketInode]) -> Result<()> {
        self.previous.clear();
        self.previous.try_reserve(table.len()).map_err(|_| out_of_memory(table.len()))?;
        self.previous.extend_from_slice(table);
        Ok(())
    }

    /// Collects who holds what, if that has changed.
    fn collect(&mut self) -> Result<()> {
        if !self.is_stale {
            return Ok(());
        }
        self.lowest.clear();
        let most = self.tracked.iter().map(|process| process.inodes().count()).sum();
        self.lowest.try_reserve(most).map_err(|_| out_of_memory(most))?;
        for at in 0..self.tracked.len() {
            self.tracked[at].lowest_pid = self.tracked[at].pid;
        }
        for at in 0..self.tracked.len() {
            let Some(leader) = self.tracked[at].shares.and_then(|leader| sharing::position(&self.tracked, leader))
            else {
                continue;
            };
            self.tracked[leader].lowest_pid = self.tracked[leader].lowest_pid.min(self.tracked[at].pid);
        }
        for process in &self.tracked {
            for inode in process.inodes() {
                let lowest = self.lowest.entry(inode).or_insert(process.lowest_pid);
                *lowest = process.lowest_pid.min(*lowest);
            }
        }
        self.is_stale = false;
        Ok(())
    }

    /// Searches for the sockets that have no owner, where they are not expected.
    fn search(&mut self) -> Result<()> {
        let Owners { source, tracked, scratch, is_stale, is_still, uids, .. } = self;
        let mut left = MAX_PROBES;
        if !*is_still {
            let is_wanted = |process: &Tracked| uids.contains(&process.uid);
            let is_idle = |process: &Tracked| process.state == ScanState::Idle && process.descriptors() > 0;
            for process in tracked.iter_mut().filter(|process| is_idle(process) && is_wanted(process)) {
                let (read, differs) = process.probe(source, |_| false, left, scratch);
                *is_stale |= differs;
                left = left.saturating_sub(read);
            }
        }
        self.searched.try_reserve(self.missing.len()).map_err(|_| out_of_memory(self.missing.len()))?;
        self.searched.extend(self.missing.iter().map(|wanted| wanted.inode));
        self.collect()
    }
}

/// Lists the processes that are due, either the new ones or the others, in the order of a key.
fn list_due(due: &mut Vec<(u64, usize)>, tracked: &[Tracked], are_new: bool, key: impl Fn(&Tracked) -> u64) {
    let is_due = |process: &Tracked| process.pending() > 0 && (process.state == ScanState::New) == are_new;
    due.clear();
    let places = tracked.iter().enumerate().filter(|(_, process)| is_due(process));
    due.extend(places.map(|(at, process)| (key(process), at)));
    due.sort_unstable();
}

/// What reading the descriptors costs that are due, in descriptors.
fn cost(process: &Tracked) -> u64 {
    match process.pending() {
        0 => 0,
        pending => pending.saturating_add(FOLDER_COST),
    }
}

fn out_of_memory(inodes: usize) -> Error {
    Error::OutOfMemory { bytes: inodes.saturating_mul(size_of::<(u32, u32)>()) }
}
