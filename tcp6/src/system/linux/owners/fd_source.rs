//! The interface to processes and their descriptors. Tests implement it with a script.

use core::cmp::Ordering;
use std::io;

/// The processes of a machine and their descriptors.
///
/// Methods that read descriptors take the id of a thread that uses them: the pid, or, after the first thread has
/// exited, the id of another thread of the process.
pub(in crate::system::linux) trait FdSource: Sync {
    /// The activity of the machine at this moment.
    fn activity(&self) -> Activity;

    /// Appends the pids of all processes, in any order.
    fn pids(&self, into: &mut Vec<u32>) -> io::Result<()>;

    /// The CPU time that all threads of the process have used.
    fn cpu_time(&self, pid: u32) -> CpuTime;

    /// The result of one `stat` of the directory of the thread's descriptors.
    fn summary(&self, thread: u32) -> FdSummary;

    /// The time at which the process started, in a unit of the kernel.
    ///
    /// `None` if there is no such process.
    fn start_time(&self, pid: u32) -> Option<u64>;

    /// Compares the descriptor tables of two threads in an order of the kernel.
    ///
    /// Equal if both use one table. `None` if the kernel refuses the comparison.
    fn compare_tables(&self, a: u32, b: u32) -> Option<Ordering>;

    /// A thread of the process, other than the first one, that has not exited.
    fn live_thread(&self, pid: u32) -> Option<u32>;

    /// Reads what one descriptor of the thread refers to.
    fn link(&self, thread: u32, descriptor: u32) -> Link;

    /// Reads a range of the thread's descriptors in ascending order and passes each to `found`.
    fn scan(&self, thread: u32, range: FdRange, found: &mut dyn FnMut(u32, Link)) -> Scan;
}

/// The activity of a machine at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::system::linux) struct Activity {
    /// The id that the kernel assigned last to a process or thread.
    ///
    /// While it stays the same, no process has started.
    pub(in crate::system::linux) last_pid: Option<u32>,
    /// Whether no other thread was running or waiting for a CPU, so that CPU times were exact.
    ///
    /// The kernel adds to the time of a running thread at every timer tick and when the thread stops running.
    pub(in crate::system::linux) is_quiet: bool,
}

/// The CPU time of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::system::linux) enum CpuTime {
    Nanoseconds(u64),
    /// There is no such process.
    Gone,
    /// The kernel refuses the time, or its answer can be about another process.
    Unknown,
}

/// The result of one `stat` of a directory of descriptors.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::system::linux) struct FdSummary {
    /// The number of descriptors. `None` before Linux 6.2.
    ///
    /// Includes those reserved for a call that has not returned: a thread that waits in accept() has reserved one.
    pub(in crate::system::linux) count: Option<u64>,
    /// The inode of the directory. `None` if there is no such process.
    ///
    /// The same inode implies the same process. The kernel can drop the inode of a process and create another.
    pub(in crate::system::linux) inode: Option<u64>,
    /// The user that the process runs as.
    pub(in crate::system::linux) uid: u32,
}

/// A range of descriptors to read.
#[derive(Clone, Copy, Debug)]
pub(in crate::system::linux) struct FdRange {
    /// The lowest descriptor.
    pub(in crate::system::linux) from: u32,
    /// The maximum number of descriptors to read.
    pub(in crate::system::linux) max: u64,
    /// The number of descriptors at or above `from` when they were last counted or read, if known.
    ///
    /// This is a hint: a scan reads all descriptors that exist.
    pub(in crate::system::linux) expected: Option<u64>,
}

/// The result of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::system::linux) struct Scan {
    pub(in crate::system::linux) access: Access,
    /// The descriptor to continue with, if there can be more.
    pub(in crate::system::linux) next: Option<u32>,
}

/// What a descriptor refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::system::linux) enum Link {
    /// A socket with this inode, of any family.
    Socket(u32),
    /// Anything else.
    Other,
    /// There is no such descriptor, it is reserved, or reading it is refused.
    None,
}

/// Whether the descriptors of a process could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::system::linux) enum Access {
    Granted,
    /// The caller lacks the right to trace the process.
    Refused,
    /// There is no such process.
    Gone,
    /// Another failure: no descriptor or no memory is left.
    Failed,
}
