//! A process: whether it has run, whether it is still the same, and which descriptor table it uses.

mod probe;
mod scan;

use super::fd_source::{Access, CpuTime, FdSource, Link};

/// A process and the descriptors that were read last.
#[derive(Debug)]
pub(super) struct Tracked {
    pub(super) pid: u32,
    /// The thread through which descriptors are read.
    ///
    /// The first one, whose id is the pid, unless it has exited.
    thread: u32,
    /// The CPU time before the descriptors were read.
    cpu_time: Option<u64>,
    /// The start time, if it was read. Another process with the same pid has another one.
    start_time: Option<u64>,
    /// See [`FdSummary::inode`](super::fd_source::FdSummary::inode).
    inode: Option<u64>,
    /// See [`FdSummary::count`](super::fd_source::FdSummary::count).
    count: Option<u64>,
    pub(super) uid: u32,
    access: Access,
    /// Ascending by descriptor.
    held: Vec<Held>,
    /// The process whose descriptor table this one uses (CLONE_FILES), and that keeps the
    /// descriptors.
    pub(super) leader: Option<u32>,
    /// The lowest pid of the processes that use its table.
    pub(super) lowest_pid: u32,
    /// The number of descriptors to read until all are known again.
    pending: u64,
    /// The descriptor to read next.
    pub(super) cursor: u32,
    /// Whether a search has found no live thread except the first one.
    has_no_other_thread: bool,
    pub(super) state: ScanState,
}

/// A descriptor and what it refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    descriptor: u32,
    link: Link,
}

impl Held {
    fn inode(&self) -> Option<u32> {
        if let Link::Socket(inode) = self.link { Some(inode) } else { None }
    }
}

/// The state of a process in this refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScanState {
    /// Its descriptors have never been read to the end.
    New,
    /// It has run, or can have run, since its descriptors were read.
    Ran,
    /// It has not run since its descriptors were read.
    Idle,
    /// It has ended.
    Gone,
}

impl Tracked {
    pub(super) fn new(pid: u32) -> Tracked {
        Tracked {
            pid,
            thread: pid,
            cpu_time: None,
            start_time: None,
            inode: None,
            count: None,
            uid: 0,
            access: Access::Granted,
            held: Vec::new(),
            leader: None,
            lowest_pid: pid,
            pending: 1,
            cursor: 0,
            has_no_other_thread: false,
            state: ScanState::New,
        }
    }

    /// A process that has ended.
    pub(super) fn gone(pid: u32) -> Tracked {
        Tracked { state: ScanState::Gone, ..Tracked::new(pid) }
    }

    /// The inodes of the sockets that it holds, of any family. Empty for a process with a leader.
    pub(super) fn inodes(&self) -> impl Iterator<Item = u32> {
        self.held.iter().filter_map(Held::inode)
    }

    /// The number of descriptors that the kernel reported last. `None` before Linux 6.2.
    pub(super) fn count(&self) -> Option<u64> {
        self.count
    }

    /// The number of known descriptors.
    pub(super) fn known_count(&self) -> u64 {
        self.held.len() as u64
    }

    /// Whether it exists and its descriptors could not be read.
    pub(super) fn is_unreadable(&self) -> bool {
        matches!(self.access, Access::Refused | Access::Failed)
    }

    /// Whether the kernel reports its CPU time.
    pub(super) fn has_cpu_time(&self) -> bool {
        self.cpu_time.is_some()
    }

    /// The number of descriptors to read until all are known again. 0 for a process with a leader.
    pub(super) fn pending(&self) -> u64 {
        if self.leader.is_some() { 0 } else { self.pending }
    }

    /// Marks all of its descriptors as pending.
    pub(super) fn mark_pending(&mut self) {
        self.pending = match self.access {
            // One attempt shows whether reading is still refused.
            Access::Refused => 1,
            _ => self.count.unwrap_or(self.known_count()).max(1),
        };
    }

    /// Determines whether it has run since its descriptors were read, and whether it is the same
    /// process.
    ///
    /// The CPU time is read before the descriptors, so that the next sample shows a change that happens while they are
    /// read. Returns whether known descriptors were dropped.
    pub(super) fn sample(&mut self, source: &impl FdSource) -> bool {
        let now = match source.cpu_time(self.pid) {
            CpuTime::Gone => {
                self.state = ScanState::Gone;
                return !self.held.is_empty();
            }
            CpuTime::Nanoseconds(now) => Some(now),
            CpuTime::Unknown => None,
        };
        if now.is_some() && now == self.cpu_time && self.state != ScanState::New {
            self.state = ScanState::Idle;
            return false;
        }
        self.cpu_time = now;
        if self.state != ScanState::New {
            self.state = ScanState::Ran;
        }
        self.read_summary(source)
    }

    /// Reads the summary of its descriptors and marks them as pending.
    ///
    /// Returns whether the pid belongs to another process now. Drops the descriptors of the former process. A process
    /// whose inode changes for the first time counts as another one, because its start time has not been read before.
    pub(super) fn read_summary(&mut self, source: &impl FdSource) -> bool {
        let mut is_another = false;
        let mut summary = source.summary(self.thread);
        if summary.inode.is_none() && self.thread != self.pid {
            self.thread = self.pid;
            summary = source.summary(self.pid);
        }
        if summary.inode.is_some() {
            // The start time costs a file to read, so it is compared only if the inode differs.
            if self.inode.is_some() && self.inode != summary.inode {
                let start_time = source.start_time(self.pid);
                if start_time != self.start_time || start_time.is_none() {
                    is_another = true;
                    self.held.clear();
                    let held = core::mem::take(&mut self.held);
                    let cpu_time = self.cpu_time;
                    *self = Tracked { start_time, held, cpu_time, ..Tracked::new(self.pid) };
                }
            }
            self.inode = summary.inode;
            self.uid = summary.uid;
        }
        self.has_no_other_thread &= self.count == Some(0) && summary.count == Some(0);
        self.count = summary.count;
        self.mark_pending();
        if self.count.unwrap_or(self.known_count()) == 0 {
            self.follow_live_thread(source);
        }
        is_another
    }

    /// Switches to another thread if the first one has exited, which leaves it without descriptors.
    ///
    /// Returns whether it has switched. Threads of the kernel and zombies have no descriptors either: their threads are
    /// searched only once.
    fn follow_live_thread(&mut self, source: &impl FdSource) -> bool {
        if self.thread != self.pid || self.has_no_other_thread {
            return false;
        }
        let Some(thread) = source.live_thread(self.pid).filter(|thread| *thread != self.pid) else {
            self.has_no_other_thread = true;
            return false;
        };
        self.thread = thread;
        self.inode = None;
        self.read_summary(source);
        true
    }

    /// Compares its descriptor table with that of another process.
    ///
    /// See [`FdSource::compare_tables`].
    pub(super) fn compare_tables(&self, other: &Tracked, source: &impl FdSource) -> Option<core::cmp::Ordering> {
        source.compare_tables(self.thread, other.thread)
    }

    /// Takes over the descriptor table of a leader that has ended, with all known descriptors.
    pub(super) fn inherit(&mut self, ended: Tracked) {
        let Tracked { held, access, cursor, pending, .. } = ended;
        *self = Tracked { pid: self.pid, thread: self.thread, leader: None, held, access, cursor, pending, ..*self };
    }

    /// Makes it a member of the table of `leader`.
    pub(super) fn join(&mut self, leader: u32) {
        self.held = Vec::new();
        self.access = Access::Granted;
        self.leader = Some(leader);
        self.state = ScanState::Ran;
    }

    /// Gives it a descriptor table of its own, which is not read yet.
    pub(super) fn unshare(&mut self, source: &impl FdSource) {
        self.leader = None;
        self.state = ScanState::New;
        self.cursor = 0;
        self.read_summary(source);
    }
}
