//! One process and the descriptors that it was last seen with.

use super::fd_source::{Access, CpuTime, FdRange, FdSource, Link};

/// The gaps in a process' descriptors that are probed although nothing says that it has more: new descriptors take the
/// lowest free numbers.
const GAPS: u64 = 2;

/// The gaps probed in excess of the descriptors that are missing.
const SPARE_GAPS: u64 = 16;

/// A process and the descriptors that it was last seen with.
#[derive(Debug)]
pub(super) struct Tracked {
    pub(super) pid: u32,
    /// The thread that descriptors are read through: the first one, which has the process' id, unless it has exited.
    thread: u32,
    /// The CPU time that the process had used before its descriptors were read.
    cpu_time: Option<u64>,
    /// When the process was started, if that was asked: another process with this id has another start.
    started: Option<u64>,
    /// See [`FdSummary`](super::fd_source::FdSummary), for these three.
    inode: Option<u64>,
    count: Option<u64>,
    pub(super) uid: u32,
    access: Access,
    /// Ascending by descriptor.
    held: Vec<Held>,
    /// The process whose descriptor table this one uses (CLONE_FILES). Its descriptors are kept there only.
    pub(super) shares: Option<u32>,
    /// The lowest pid of those that share its table.
    pub(super) lowest_pid: u32,
    /// The number of descriptors to read before the process is known again.
    pending: u64,
    /// The descriptor to read next.
    pub(super) cursor: u32,
    /// Whether it was found to have no thread but the first.
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
    pub(super) fn inode(&self) -> Option<u32> {
        if let Link::Socket(inode) = self.link { Some(inode) } else { None }
    }
}

/// What is known about a process in this refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScanState {
    /// Its descriptors have never been read to the end.
    New,
    /// It has run, or may have run, since its descriptors were read.
    Ran,
    /// It has not run since.
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
            started: None,
            inode: None,
            count: None,
            uid: 0,
            access: Access::Granted,
            held: Vec::new(),
            shares: None,
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

    /// The inodes of the sockets that it holds, of any family.
    pub(super) fn inodes(&self) -> impl Iterator<Item = u32> {
        self.held.iter().filter_map(Held::inode)
    }

    /// The number of descriptors that the kernel told last, if it tells.
    pub(super) fn count(&self) -> Option<u64> {
        self.count
    }

    /// The number of descriptors that are remembered.
    pub(super) fn descriptors(&self) -> u64 {
        self.held.len() as u64
    }

    /// Whether it exists and could not be read.
    pub(super) fn is_unreadable(&self) -> bool {
        matches!(self.access, Access::Refused | Access::Failed)
    }

    /// Whether the kernel tells its CPU time.
    pub(super) fn has_cpu_time(&self) -> bool {
        self.cpu_time.is_some()
    }

    /// The number of descriptors to read before it is known again. 0 for a process that shares another's.
    pub(super) fn pending(&self) -> u64 {
        if self.shares.is_some() { 0 } else { self.pending }
    }

    /// Asks for all of its descriptors to be read again.
    pub(super) fn suspect(&mut self) {
        self.pending = match self.access {
            // One attempt shows whether that has changed.
            Access::Refused => 1,
            _ => self.count.unwrap_or(self.descriptors()).max(1),
        };
    }

    /// Finds out whether it has run since its descriptors were read, and whether it is still the same process.
    ///
    /// The CPU time is read before the descriptors are, so that what changes while they are read shows the next time. Says
    /// whether descriptors that were known are not any more.
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
        self.summarize(source)
    }

    /// Reads the summary of a process that has run, and forgets what was known about another one with its id. Says whether
    /// it has.
    pub(super) fn summarize(&mut self, source: &impl FdSource) -> bool {
        let mut is_another = false;
        let mut summary = source.summary(self.thread);
        if summary.inode.is_none() && self.thread != self.pid {
            self.thread = self.pid;
            summary = source.summary(self.pid);
        }
        if summary.inode.is_some() {
            // Reading a start takes a file. It is read only if the kernel has forgotten the inode.
            if self.inode.is_some() && self.inode != summary.inode {
                let started = source.started(self.pid);
                if started != self.started || started.is_none() {
                    is_another = true;
                    self.held.clear();
                    let held = core::mem::take(&mut self.held);
                    let cpu_time = self.cpu_time;
                    *self = Tracked { started, held, cpu_time, ..Tracked::new(self.pid) };
                }
            }
            self.inode = summary.inode;
            self.uid = summary.uid;
        }
        self.has_no_other_thread &= self.count == Some(0) && summary.count == Some(0);
        self.count = summary.count;
        self.suspect();
        if self.count.unwrap_or(self.descriptors()) == 0 {
            self.follow_live_thread(source);
        }
        is_another
    }

    /// Goes on through another thread if the first one has exited, which leaves it without descriptors. Says whether it
    /// has.
    ///
    /// A thread of the kernel has none either, and a zombie: they are asked once.
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
        self.summarize(source);
        true
    }

    /// How its descriptor table compares with that of another process.
    pub(super) fn compare_tables(&self, other: &Tracked, source: &impl FdSource) -> Option<core::cmp::Ordering> {
        source.compare_tables(self.thread, other.thread)
    }

    /// Takes over the descriptor table of a process that has ended, and what is known about it.
    pub(super) fn inherit(&mut self, ended: Tracked) {
        let Tracked { held, access, cursor, pending, .. } = ended;
        *self = Tracked { pid: self.pid, thread: self.thread, shares: None, held, access, cursor, pending, ..*self };
    }

    /// Uses the descriptor table of another process from now on.
    pub(super) fn share(&mut self, leader: u32) {
        self.held = Vec::new();
        self.access = Access::Granted;
        self.shares = Some(leader);
        self.state = ScanState::Ran;
    }

    /// Has a descriptor table of its own from now on, which is yet to be read.
    pub(super) fn separate(&mut self, source: &impl FdSource) {
        self.shares = None;
        self.state = ScanState::New;
        self.cursor = 0;
        self.summarize(source);
    }

    /// Reads all of its descriptors, or the first `most` of them. Says whether any differs from what was known.
    pub(super) fn scan_whole(&mut self, source: &impl FdSource, most: u64, scratch: &mut Vec<Held>) -> bool {
        self.cursor = 0;
        self.scan(source, most, scratch)
    }

    /// Reads up to `most` descriptors, from where the last scan stopped. Says whether any differs from what was known.
    ///
    /// What could not be read stays as it was known.
    pub(super) fn scan(&mut self, source: &impl FdSource, most: u64, scratch: &mut Vec<Held>) -> bool {
        if self.count == Some(0) {
            // There is nothing that could be refused.
            let had_some = !self.held.is_empty();
            self.held.clear();
            self.access = Access::Granted;
            self.finish();
            return had_some;
        }
        let from = self.cursor;
        let begin = self.held.partition_point(|held| held.descriptor < from);
        // Without a count, what is remembered: listing a folder makes the kernel look up hundreds of names at once.
        let expected = Some(self.count.unwrap_or(self.descriptors()).saturating_sub(begin as u64));
        scratch.clear();
        let mut has_room = true;
        let mut remember = |descriptor, link| {
            has_room &= scratch.try_reserve(1).is_ok();
            if link != Link::None && has_room {
                scratch.push(Held { descriptor, link });
            }
        };
        let scan = source.scan(self.thread, FdRange { from, most, expected }, &mut remember);
        let was_refused = self.access == Access::Refused;
        self.access = if has_room { scan.access } else { Access::Failed };
        match self.access {
            Access::Granted => {}
            Access::Refused | Access::Gone => {
                let had_some = !self.held.is_empty();
                self.held.clear();
                self.finish();
                return had_some;
            }
            Access::Failed => {
                self.suspect();
                return false;
            }
        }
        if from == 0 && scratch.is_empty() && scan.next.is_none() && self.follow_live_thread(source) {
            let differs = self.scan(source, most, scratch);
            // Its table has yet to be compared with others.
            self.state = ScanState::New;
            return differs;
        }
        let end = scan.next.map_or(self.held.len(), |next| self.held.partition_point(|held| held.descriptor < next));
        let differs = self.held[begin..end] != scratch[..];
        if differs {
            let more = scratch.len().saturating_sub(end - begin);
            if self.held.try_reserve(more).is_err() {
                self.access = Access::Failed;
                self.suspect();
                return false;
            }
            self.held.splice(begin..end, scratch.iter().copied());
        }
        let read = scratch.len() as u64;
        match scan.next {
            Some(next) => {
                // Without a count nothing else says how many there are. An idle process is known to its end.
                let is_counted = self.state != ScanState::New && self.count.is_some();
                let least = u64::from(!is_counted && self.pending > 0);
                self.cursor = next;
                self.pending = self.pending.saturating_sub(read).max(least);
            }
            None if from == 0 || self.pending <= read => self.finish(),
            // It has run while a part of it was read: that part is read again.
            None => {
                let left = self.pending - read;
                self.finish();
                self.pending = left;
            }
        }
        if was_refused {
            // Its table has yet to be compared with others, which takes the right to read it as well.
            self.state = ScanState::New;
        }
        differs
    }

    /// Its descriptors have been read to the end.
    fn finish(&mut self) {
        self.cursor = 0;
        self.pending = 0;
        if self.state == ScanState::New {
            self.state = ScanState::Ran;
        }
    }

    /// Reads the descriptors that have most probably changed: those of sockets that have left the table, the lowest free
    /// numbers, and those above the highest. Gives the number that it has read and whether any was not as it was known.
    ///
    /// `left` says whether a socket was in the table before and is not any more.
    pub(super) fn probe(
        &mut self,
        source: &impl FdSource,
        left: impl Fn(u32) -> bool,
        most: u64,
        scratch: &mut Vec<Held>,
    ) -> (u64, bool) {
        let (thread, mut read) = (self.thread, 0);
        let mut differs = false;
        for held in &mut self.held {
            if read < most && held.inode().is_some_and(&left) {
                let link = source.link(thread, held.descriptor);
                read += 1;
                differs |= link != held.link;
                held.link = link;
            }
        }
        if differs {
            self.held.retain(|held| held.link != Link::None);
        }
        scratch.clear();
        let missing = self.count.map_or(0, |count| count.saturating_sub(self.descriptors()));
        let (mut gaps, mut wanted) = (if missing > 0 { missing + SPARE_GAPS } else { GAPS }, missing);
        let mut next = 0;
        for held in &self.held {
            while next < held.descriptor && gaps > 0 && read < most && (wanted > 0 || missing == 0) {
                let link = source.link(thread, next);
                read += 1;
                gaps -= 1;
                if link != Link::None {
                    wanted = wanted.saturating_sub(1);
                    push(scratch, next, link);
                }
                next += 1;
            }
            next = held.descriptor.saturating_add(1);
        }
        while read < most {
            let link = source.link(thread, next);
            read += 1;
            if link == Link::None || next == u32::MAX {
                break;
            }
            push(scratch, next, link);
            next += 1;
        }
        if !scratch.is_empty() && self.held.try_reserve(scratch.len()).is_ok() {
            self.held.extend_from_slice(scratch);
            self.held.sort_unstable_by_key(|held| held.descriptor);
            differs = true;
        }
        (read, differs)
    }
}

/// Without memory it is found by a scan, if there is some by then.
fn push(scratch: &mut Vec<Held>, descriptor: u32, link: Link) {
    if scratch.try_reserve(1).is_ok() {
        scratch.push(Held { descriptor, link });
    }
}
