//! Whose socket a row is.

use core::fmt;

/// Whose socket a row is.
///
/// [`Owner::Nobody`] and [`Owner::Unresolved`] are different answers: the first says that no process holds the
/// socket, the second that there may be one and that it is not known.
///
/// | | Windows | Linux |
/// |---|---|---|
/// | a process | the one that bound the socket, which need not run any more | the lowest pid of those that hold it |
/// | the kernel | process 4, System | not told: its own sockets are unresolved |
/// | nobody | process 0: TIME-WAIT; under Wine 8 every socket | no inode: TIME-WAIT, not accepted yet, an orphan |
/// | not resolved | the class carries no owner | that; no right to look into the process; gone meanwhile; in no list |
///
/// On Linux a socket is in no process' list of descriptors while it is in flight in a unix socket, or if only an io_uring
/// holds it (registered and then closed). A single thread's own list (`unshare(CLONE_FILES)`) is not read. How soon a table
/// names an owner that has changed: [`System`](crate::System#owners-on-linux).
///
/// A row carries the owner as a number, and it is read by the rules of the system that reads it: in a table that was taken
/// on Windows and is read on Linux, the kernel shows as process 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[doc(alias = "dwOwningPid")]
pub enum Owner {
    /// The process with this id.
    Process(u32),
    /// The kernel itself. Told on Windows, where it is the process 4, System.
    Kernel,
    /// No process: a connection in TIME-WAIT, one that nobody has accepted yet, or one that outlives its program.
    Nobody,
    /// Not known: the class of the row carries no owner, or the owner could not be found.
    Unresolved,
}

/// `dwOwningPid` of a socket whose owner could not be found. No process has this id on either system.
pub(crate) const UNRESOLVED: u32 = u32::MAX;

/// `dwOwningPid` of the process System.
const WINDOWS_KERNEL: u32 = 4;

impl Owner {
    /// The owner that a `dwOwningPid` stands for.
    pub(crate) const fn from_raw(raw: u32) -> Owner {
        match raw {
            0 => Owner::Nobody,
            UNRESOLVED => Owner::Unresolved,
            // Elsewhere, in a container, 4 is a process like any other.
            WINDOWS_KERNEL if cfg!(windows) => Owner::Kernel,
            pid => Owner::Process(pid),
        }
    }

    /// The `dwOwningPid` that stands for the owner.
    pub(crate) const fn as_raw(self) -> u32 {
        match self {
            Owner::Process(pid) => pid,
            Owner::Kernel => WINDOWS_KERNEL,
            Owner::Nobody => 0,
            Owner::Unresolved => UNRESOLVED,
        }
    }

    /// The process id, if the owner is a process or, on Windows, the kernel, which has one there.
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
    fn nobody_and_unresolved_are_told_apart() {
        assert_eq!(Owner::from_raw(0), Owner::Nobody);
        assert_eq!(Owner::from_raw(u32::MAX), Owner::Unresolved);
        assert_eq!(Owner::from_raw(4711), Owner::Process(4711));
        for raw in [0, 1, 4, u32::MAX - 1, u32::MAX] {
            assert_eq!(Owner::from_raw(raw).as_raw(), raw);
        }
    }
}
