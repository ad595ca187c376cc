//! What the resolver asks about processes and their descriptors, so that its tests can script the answers.

use core::cmp::Ordering;
use std::io;

/// The processes of a machine and their descriptors.
///
/// Descriptors are addressed by the id of a thread that uses them: that of the process, or of another thread of it once
/// the first one has exited.
pub(in crate::system::linux) trait FdSource: Sync {
    /// What runs on the machine now.
    fn activity(&self) -> Activity;

    /// The ids of all processes, in any order.
    fn pids(&self, into: &mut Vec<u32>) -> io::Result<()>;

    /// The CPU time that all threads of the process have used.
    fn cpu_time(&self, pid: u32) -> CpuTime;

    /// What one `stat` says about the descriptors of the thread.
    fn summary(&self, thread: u32) -> FdSummary;

    /// When the process was started, in a unit of the kernel's own; `None` if there is no such process.
    fn started(&self, pid: u32) -> Option<u64>;

    /// How the descriptor tables of two threads compare in an order of the kernel's own: equal if they share one table.
    /// `None` if the kernel does not say.
    fn compare_tables(&self, a: u32, b: u32) -> Option<Ordering>;

    /// A thread of the process that runs on although the first one has exited.
    fn live_thread(&self, pid: u32) -> Option<u32>;

    /// What one descriptor of the thread refers to.
    fn link(&self, thread: u32, descriptor: u32) -> Link;

    /// Reads a range of the thread's descriptors in ascending order.
    fn scan(&self, thread: u32, range: FdRange, found: &mut dyn FnMut(u32, Link)) -> Scan;
}

/// What runs on a machine at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::system::linux) struct Activity {
    /// The id that was given out last to a new process or thread. As long as it is the same, no process was started.
    pub(in crate::system::linux) last_pid: Option<u32>,
    /// No thread but the calling one was running or waiting for a CPU, so the CPU times of all others were exact. The
    /// kernel adds to the time of a running thread at every timer tick and when the thread stops running.
    pub(in crate::system::linux) is_still: bool,
}

/// The CPU time of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::system::linux) enum CpuTime {
    Nanoseconds(u64),
    /// There is no such process.
    Gone,
    /// The kernel does not say, or its answer may be about another process.
    Unknown,
}

/// What one `stat` of a folder of descriptors says.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::system::linux) struct FdSummary {
    /// The number of descriptors, those included that are reserved for a call which has not returned: a thread that
    /// waits in accept() has reserved one. `None` before Linux 6.2.
    pub(in crate::system::linux) count: Option<u64>,
    /// The inode of the folder, `None` if there is no such process. The kernel makes it for this process and may forget
    /// it and make another: while it is the same, so is the process.
    pub(in crate::system::linux) inode: Option<u64>,
    /// The user that the process runs as.
    pub(in crate::system::linux) uid: u32,
}

/// Which descriptors to read.
#[derive(Clone, Copy, Debug)]
pub(in crate::system::linux) struct FdRange {
    /// The lowest number.
    pub(in crate::system::linux) from: u32,
    /// The most to read.
    pub(in crate::system::linux) most: u64,
    /// The number of descriptors at or above `from` when they were last counted or read, if known. All that exist now are
    /// read.
    pub(in crate::system::linux) expected: Option<u64>,
}

/// How far a scan came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::system::linux) struct Scan {
    pub(in crate::system::linux) access: Access,
    /// The number to go on with, if there may be more descriptors.
    pub(in crate::system::linux) next: Option<u32>,
}

/// What a descriptor refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::system::linux) enum Link {
    /// A socket with this inode, of any family.
    Socket(u32),
    /// Something else.
    Other,
    /// No such descriptor, a reserved one, or one that may not be read.
    None,
}

/// Whether a process could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::system::linux) enum Access {
    Granted,
    /// Reading it takes the right to trace it.
    Refused,
    /// There is no such process.
    Gone,
    /// Something else failed: no descriptor or no memory was left.
    Failed,
}
