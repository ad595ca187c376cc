//! The owner of a socket.

use core::fmt;

/// The owner of a socket.
///
/// [`Owner::Nobody`] means that no process holds the socket. [`Owner::Unresolved`] means that the owner is unknown.
///
/// | | Windows | Linux |
/// |---|---|---|
/// | [`Process`](Owner::Process) | the process that bound the socket; it may have exited | the lowest pid of the processes that hold the socket |
/// | [`Kernel`](Owner::Kernel) | process 4, System | never: sockets of the kernel are unresolved |
/// | [`Nobody`](Owner::Nobody) | process 0: TIME-WAIT; with Wine 8, every socket | no inode: TIME-WAIT, not accepted yet, or orphaned |
/// | [`Unresolved`](Owner::Unresolved) | the class has no owner | the class has no owner, the caller may not inspect the process, the socket was closed meanwhile, or it is in no descriptor list |
///
/// On Linux, a socket in flight in a unix socket is in no descriptor list, and neither is one that only an io_uring
/// holds (registered, then closed). The descriptor table of a single thread (`unshare(CLONE_FILES)`) is not read. The
/// docs of [`System`](crate::System#owners-on-linux) state how soon a table shows that an owner changed.
///
/// A row contains the owner as a number, which the system that decodes the row interprets: in a table that was recorded
/// on Windows and is read on Linux, the kernel is process 4.
///
/// # Example: match
///
/// ```
/// use tcp6::{BasicRow, Owner, OwnerPidRow, State};
///
/// fn describe(owner: Owner) -> String {
///     match owner {
///         Owner::Process(pid) => format!("process {pid}"),
///         Owner::Nobody => "no process".to_string(),
///         other => other.to_string(),
///     }
/// }
///
/// let end = "[::1]:80".parse().unwrap();
/// let row = OwnerPidRow::new(State::Listen, end, None).with_owner(Owner::Process(812));
/// assert_eq!(describe(row.owner()), "process 812");
/// assert_eq!(describe(BasicRow::new(State::Listen, end, None).owner()), "unresolved");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[doc(alias = "dwOwningPid")]
pub enum Owner {
    /// The process with this id.
    Process(u32),
    /// The kernel. Only Windows reports it, as process 4, System.
    Kernel,
    /// No process holds the socket.
    ///
    /// It is in TIME-WAIT, is not accepted yet, or outlives its program.
    Nobody,
    /// Unknown: the row class has no owner, or the owner was not found.
    Unresolved,
}

/// The `dwOwningPid` of a socket whose owner is unknown. No process has this id on either system.
pub(crate) const UNRESOLVED: u32 = u32::MAX;

/// The `dwOwningPid` of the process System on Windows.
const WINDOWS_KERNEL: u32 = 4;

impl Owner {
    /// The owner with this `dwOwningPid`.
    pub(crate) const fn from_raw(raw: u32) -> Owner {
        match raw {
            0 => Owner::Nobody,
            UNRESOLVED => Owner::Unresolved,
            // On Linux, pid 4 can be an ordinary process, in a container for example.
            WINDOWS_KERNEL if cfg!(windows) => Owner::Kernel,
            pid => Owner::Process(pid),
        }
    }

    /// The `dwOwningPid` of the owner.
    pub(crate) const fn as_raw(self) -> u32 {
        match self {
            Owner::Process(pid) => pid,
            Owner::Kernel => WINDOWS_KERNEL,
            Owner::Nobody => 0,
            Owner::Unresolved => UNRESOLVED,
        }
    }

    /// The process id of a process or of the kernel, which is 4; otherwise `None`.
    #[must_use]
    pub const fn pid(self) -> Option<u32> {
        match self {
            Owner::Process(pid) => Some(pid),
            Owner::Kernel => Some(WINDOWS_KERNEL),
            Owner::Nobody | Owner::Unresolved => None,
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Process(pid) => fmt::Display::fmt(pid, f),
            Owner::Kernel => f.pad("kernel"),
            Owner::Nobody => f.pad("nobody"),
            Owner::Unresolved => f.pad("unresolved"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinguishes_nobody_from_unresolved() {
        assert_eq!(Owner::from_raw(0), Owner::Nobody);
        assert_eq!(Owner::from_raw(u32::MAX), Owner::Unresolved);
        assert_eq!(Owner::from_raw(4711), Owner::Process(4711));
        for raw in [0, 1, 4, u32::MAX - 1, u32::MAX] {
            assert_eq!(Owner::from_raw(raw).as_raw(), raw);
        }
    }
}
