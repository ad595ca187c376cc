//! Whose sockets they are: from inodes to processes.
//!
//! The kernel tells the inode of a socket and not its owner. That is found the other way round, by reading what the
//! descriptors of every process are links to, which takes more than twice as long as the dump of the table. So all of them
//! are read once, in several threads and while the first table is listed. What was found is remembered, and a refresh reads
//! again only what may have changed:
//!
//! * Every process is asked how many descriptors it has (Linux 6.2 and later tell; before, all are read every time). A
//!   new process is read whole. Of one with more or fewer than before, those descriptors are read whose sockets are gone
//!   from the table, and those behind the last one, where new ones come; if that does not account for the difference, it
//!   is read whole.
//! * A process is the same only if it was started at the same time: a pid that is used again is noticed.
//! * Where a process has got a socket that another was known to hold, it may have been handed over: the other's link is
//!   read again, and if it is another one now, all of that process are.
//! * Where the owner of a socket in the table is not known, those descriptors are read whose sockets are gone from the
//!   table: one that is closed leaves its number to the next. If that does not find it, the other processes are read, the
//!   likeliest first, until it is found.
//! * A few descriptors of all are read again at every refresh, in turn.
//!
//! So a table of some states only tells less: of the processes that have changed, those alone are read then that are new or
//! hold something in it. The others are read for the next whole table.
//!
//! What this misses: a process closes one thing and opens another between two refreshes (the first, which reads ahead of
//! its table, counts as two), so that it has as many descriptors as before, and either
//!
//! * the socket that it closed lives on in a process that was known to hold it, or that has as many as before itself; or
//! * the socket that it opened is known to be another's.
//!
//! The last rule finds it, within as many refreshes as there are descriptors and processes divided by [`REREAD`].
//!
//! Descriptors that a thread keeps to itself (`unshare(CLONE_FILES)`), or that are on their way in a message, are in no
//! process' list and are not found.

mod process;
mod tree;

#[cfg(target_os = "linux")]
mod procfs;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod script;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::thread;

use process::{News, Process, Verdict};
#[cfg(target_os = "linux")]
pub(super) use procfs::Proc;
pub(super) use tree::Tree;

use super::spread::Spread;
use crate::Owner;
use crate::error::{Error, Result};

/// The descriptors that are read again at each refresh although nothing seems to have changed.
const REREAD: usize = 64;

/// After so many refreshes owners are looked for again that were not found.
const HOPE: u32 = 16;

/// With more descriptors to be read than these, threads share the work: a first pass over a busy machine.
const SHARED_WORK: u64 = 4_096;
const MOST_THREADS: usize = 4;

/// Finds the owners of sockets, and remembers what it found.
#[derive(Debug)]
pub(super) struct Owners<T> {
    tree: T,
    /// By ascending pid.
    processes: Vec<Process>,
    /// By inode: the lowest pid that holds the socket.
    lowest: HashMap<u32, u32, Spread>,
    /// Whether that is still to be collected: processes have been read, or are gone.
    is_stale: bool,
    /// The inodes of the table, where a set of them was needed.
    present: Present,
    /// The inodes that processes have been found to have got.
    gained: Present,
    /// Inodes for which every process has been read in vain.
    hopeless: Present,
    /// Those whose owner is being looked for.
    missing: Vec<u32>,
    pids: Vec<u32>,
    refreshes: u32,
    /// The process and its descriptor, by its place, that is read again next.
    next: (u32, usize),
    /// How many threads may share the work, if that has been asked.
    threads: Option<usize>,
}

type Present = HashSet<u32, Spread>;

impl<T: Tree> Owners<T> {
    pub(super) fn new(tree: T) -> Owners<T> {
        Owners {
            tree,
            processes: Vec::new(),
            lowest: HashMap::default(),
            is_stale: false,
            present: Present::default(),
            gained: Present::default(),
            hopeless: Present::default(),
            missing: Vec::new(),
            pids: Vec::new(),
            refreshes: 0,
            next: (0, 0),
            threads: None,
        }
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
        let holds = move |process: &&Process| process.inodes().any(|held| held == inode);
        self.processes.iter().filter(holds).map(|process| process.pid)
    }

    /// The processes that there were at the last refresh, and how many of them could not be read.
    pub(super) fn processes(&self) -> (usize, usize) {
        (self.processes.len(), self.processes.iter().filter(|process| process.is_unreadable()).count())
    }

    /// Whether nobody has been looked for yet.
    pub(super) fn is_new(&self) -> bool {
        self.processes.is_empty()
    }

    /// Reads what there is to be read whatever the table will be. What comes meanwhile is found when it is resolved.
    pub(super) fn read_ahead(&mut self) {
        self.look();
        let is_due = |process: &Process| process.is_new() && process.is_counted();
        follow(&self.tree, &mut self.processes, is_due, None, &mut self.threads);
        self.processes.iter_mut().for_each(|process| process.settle(&self.present));
        self.is_stale = true;
    }

    /// Finds the owners of the sockets in a table, of which these are the inodes, 0 for one that nobody holds. `complete`
    /// says that the table was not narrowed to some states, so that a socket which is not in it is gone.
    pub(super) fn resolve(&mut self, table: &[u32], complete: bool) -> Result<()> {
        self.refreshes = self.refreshes.wrapping_add(1);
        if self.refreshes % HOPE == 0 {
            self.hopeless.clear();
        }
        self.look();
        self.is_stale |= self.processes.iter().any(|process| process.news == News::Changed);
        if self.is_stale {
            self.note_present(table)?;
            self.follow(complete);
            self.collect()?;
        }
        if self.reread() {
            self.note_present(table)?;
            self.collect()?;
        }
        self.note_missing(table)?;
        if !self.missing.is_empty() {
            self.note_present(table)?;
            if self.find_missing(complete)? {
                self.collect()?;
            }
        }
        Ok(())
    }

    /// Looks at what processes there are, and whether they have changed.
    fn look(&mut self) {
        self.list();
        self.processes.iter_mut().for_each(|process| process.ask(&self.tree));
    }

    /// Brings the list of processes up to date.
    fn list(&mut self) {
        self.pids.clear();
        if self.tree.pids(&mut self.pids).is_err() {
            // Those that there were may be there still.
            return;
        }
        self.pids.sort_unstable();
        let before = self.processes.len();
        self.processes.retain(|process| self.pids.binary_search(&process.pid).is_ok());
        self.is_stale |= self.processes.len() < before;
        if self.processes.len() < self.pids.len() {
            let known = self.processes.len();
            for pid in &self.pids {
                if self.processes[..known].binary_search_by_key(pid, |process| process.pid).is_err() {
                    self.processes.push(Process::new(*pid));
                }
            }
            self.processes.sort_unstable_by_key(|process| process.pid);
        }
    }

    /// Notes the sockets of the table whose owner is not known, and may yet be found.
    fn note_missing(&mut self, table: &[u32]) -> Result<()> {
        let is_known = |inode: &u32| *inode == 0 || self.lowest.contains_key(inode) || self.hopeless.contains(inode);
        self.missing.clear();
        for inode in table.iter().filter(|inode| !is_known(inode)) {
            self.missing.try_reserve(1).map_err(|_| out_of_memory(self.missing.len()))?;
            self.missing.push(*inode);
        }
        Ok(())
    }

    fn note_present(&mut self, table: &[u32]) -> Result<()> {
        self.present.clear();
        self.present.try_reserve(table.len()).map_err(|_| out_of_memory(table.len()))?;
        self.present.extend(table);
        Ok(())
    }

    /// Follows the processes that have changed.
    fn follow(&mut self, complete: bool) {
        let present = &self.present;
        let is_due = |process: &Process| {
            process.news == News::Changed && (complete || process.is_new() || process.holds_any(present))
        };
        follow(&self.tree, &mut self.processes, is_due, complete.then_some(present), &mut self.threads);
    }

    /// Reads a few descriptors again, in turn. Where one is gone, all of its process are read. Says whether one was not as
    /// it was remembered.
    fn reread(&mut self) -> bool {
        let mut differs = false;
        let mut at = self.processes.partition_point(|process| process.pid < self.next.0);
        let mut nth = if self.pid_at(at) == Some(self.next.0) { self.next.1 } else { 0 };
        for _ in 0..REREAD {
            let Some(process) = self.processes.get_mut(at) else {
                (at, nth) = (0, 0);
                break;
            };
            match process.verify(&self.tree, nth) {
                None => (at, nth) = (at + 1, 0),
                Some(Verdict::Same) => nth += 1,
                Some(Verdict::Replaced) => {
                    nth += 1;
                    differs = true;
                }
                Some(Verdict::Closed) => {
                    process.read_whole(&self.tree);
                    (at, nth) = (at + 1, 0);
                    differs = true;
                }
            }
        }
        self.next = (self.pid_at(at).unwrap_or(0), nth);
        differs
    }

    fn pid_at(&self, at: usize) -> Option<u32> {
        self.processes.get(at).map(|process| process.pid)
    }

    /// Reads those processes again that have handed over what others have got, and so on.
    fn follow_handovers(&mut self) {
        while self.processes.iter().any(|process| !process.was_read() && process.inodes().next().is_some()) {
            self.gained.clear();
            self.gained.extend(self.processes.iter().flat_map(Process::gained));
            let has_lost = |process: &&mut Process| !process.was_read() && process.has_lost(&self.tree, &self.gained);
            let lost = self.processes.iter_mut().filter(has_lost).map(|process| process.read_whole(&self.tree)).count();
            if lost == 0 {
                return;
            }
        }
    }

    /// Collects who holds what, when some processes have been read.
    fn collect(&mut self) -> Result<()> {
        self.follow_handovers();
        self.lowest.clear();
        let most = self.processes.iter().map(Process::descriptors).sum();
        self.lowest.try_reserve(most).map_err(|_| out_of_memory(most))?;
        for process in self.processes.iter_mut().rev() {
            process.settle(&self.present);
            // The lowest pid comes last, and stays.
            self.lowest.extend(process.inodes().map(|inode| (inode, process.pid)));
        }
        self.is_stale = false;
        Ok(())
    }

    /// Looks for the sockets that are missing. Says whether a process was read.
    fn find_missing(&mut self, complete: bool) -> Result<bool> {
        let mut was_read = false;
        for search in Search::ALL {
            // Where some processes refuse to be read it is nearly always they that hold what is missing: then those that
            // have not changed are read now and then, and not at every refresh.
            let is_vain = self.refreshes % HOPE != 0 && self.processes.iter().any(Process::was_refused);
            if search == Search::Others && is_vain {
                break;
            }
            for process in &mut self.processes {
                if self.missing.is_empty() {
                    return Ok(was_read);
                }
                match search {
                    Search::Closers if complete && !process.was_read() && process.has_closed(&self.present) => {
                        process.follow(&self.tree, Some(&self.present));
                    }
                    Search::Changed if matches!(process.news, News::Changed | News::Followed) => {
                        process.read_whole(&self.tree);
                    }
                    Search::Others if process.news == News::None => process.read_whole(&self.tree),
                    _ => continue,
                }
                was_read = true;
                self.gained.clear();
                self.gained.extend(process.gained());
                self.missing.retain(|inode| !self.gained.contains(inode));
            }
        }
        self.hopeless.try_reserve(self.missing.len()).map_err(|_| out_of_memory(self.missing.len()))?;
        self.hopeless.extend(&self.missing);
        Ok(was_read)
    }
}

/// Where sockets are searched for that are missing, the likeliest place first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Search {
    /// The descriptors whose sockets are gone from the table, in processes that have as many as before.
    Closers,
    /// All descriptors of the processes that have changed.
    Changed,
    /// And of the others.
    Others,
}

impl Search {
    const ALL: [Search; 3] = [Search::Closers, Search::Changed, Search::Others];
}

/// No memory for so many inodes.
fn out_of_memory(inodes: usize) -> Error {
    Error::OutOfMemory { bytes: inodes.saturating_mul(size_of::<(u32, u32)>()) }
}

/// Follows the processes that are due, in several threads if it is much.
fn follow<T: Tree>(
    tree: &T,
    processes: &mut [Process],
    is_due: impl Fn(&Process) -> bool + Sync,
    present: Option<&Present>,
    threads: &mut Option<usize>,
) {
    let work: u64 = processes.iter().filter(|process| is_due(process)).map(Process::work).sum();
    let due = processes.iter_mut().filter(|process| is_due(process));
    if work < SHARED_WORK {
        due.for_each(|process| process.follow(tree, present));
        return;
    }
    // The answer takes several files to read.
    let ask = || thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    let threads = *threads.get_or_insert_with(ask);
    // The largest is taken first: were it the last, one thread alone would read it.
    let mut due: Vec<&mut Process> = due.collect();
    due.sort_unstable_by_key(|process| process.work());
    let due = Mutex::new(due);
    let follow_some = || {
        let next = || due.lock().unwrap_or_else(PoisonError::into_inner).pop();
        while let Some(process) = next() {
            process.follow(tree, present);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            // Where there is no thread to be had, those that there are do the work.
            let _ = thread::Builder::new().spawn_scoped(scope, follow_some);
        }
        follow_some();
    });
}
