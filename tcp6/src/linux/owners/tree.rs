//! What the resolver asks of `/proc`, so that its tests can script it.

use std::io;

/// The processes of a machine and their descriptors.
pub(in crate::linux) trait Tree: Sync {
    /// The processes that there are, in no order.
    fn pids(&self, into: &mut Vec<u32>) -> io::Result<()>;

    /// What can be said of the process at a glance.
    fn glance(&self, pid: u32) -> Glance;

    /// When the process was started, in a unit of the kernel's own, or `None` if there is no such process.
    fn started(&self, pid: u32) -> Option<u64>;

    /// What one descriptor of the process is.
    fn link(&self, pid: u32, descriptor: u32) -> Link;

    /// Every descriptor of the process, of which there should be as many as expected; if there are more, those are not
    /// found now.
    fn links(&self, pid: u32, expected: Option<u64>, found: &mut dyn FnMut(u32, Link)) -> Access;
}

/// What can be said of a process at a glance, if there is one.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::linux) struct Glance {
    /// How many descriptors it has, if the kernel tells.
    pub(in crate::linux) count: Option<u64>,
    /// The inode of its folder of descriptors. The kernel makes it when it is first asked for, for this process and no
    /// other, and may forget it and make another: as long as it is the same, so is the process.
    pub(in crate::linux) file: Option<u64>,
}

/// What a descriptor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::linux) enum Link {
    /// A socket with this inode.
    Socket(u32),
    /// Something else.
    Other,
    /// There is none, or none that may be seen.
    None,
}

/// Whether a process let itself be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::linux) enum Access {
    /// It did.
    Granted,
    /// It is another user's.
    Refused,
    /// It is gone.
    Gone,
    /// There was something else that it takes: no descriptor, no memory.
    Failed,
}
