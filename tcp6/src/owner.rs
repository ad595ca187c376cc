//! Whose socket a row is.

/// Whose socket a row is.
///
/// [`Owner::Nobody`] and [`Owner::Unresolved`] are different answers: the first says that no process holds the
/// socket, the second that there may be one and that it is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[doc(alias = "dwOwningPid")]
pub enum Owner {
    /// The process with this id. On Windows the one that bound the socket, which need not run any more.
    Process(u32),
    /// No process: a connection in TIME-WAIT, one that nobody has accepted yet, or one that outlives its program.
    Nobody,
    /// Not known: the class of the row carries no owner, or the owner could not be found.
    Unresolved,
}

/// `dwOwningPid` of a socket whose owner could not be found. No process has this id on either system.
pub(crate) const UNRESOLVED: u32 = u32::MAX;

impl Owner {
    /// The owner that a `dwOwningPid` stands for.
    pub(crate) const fn from_raw(raw: u32) -> Owner {
        match raw {
            0 => Owner::Nobody,
            UNRESOLVED => Owner::Unresolved,
            pid => Owner::Process(pid),
        }
    }

    /// The `dwOwningPid` that stands for the owner.
    pub(crate) const fn as_raw(self) -> u32 {
        match self {
            Owner::Process(pid) => pid,
            Owner::Nobody => 0,
            Owner::Unresolved => UNRESOLVED,
        }
    }

    /// The process id, if the owner is a process.
    #[must_use]
    pub const fn pid(self) -> Option<u32> {
        match self {
            Owner::Process(pid) => Some(pid),
            _ => None,
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
