//! The number of known and unknown owners of a table.

use crate::row::owner::Owner;

/// The number of sockets of a table by kind of owner.
///
/// Returned by [`System::owner_counts`](crate::System::owner_counts).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OwnerCounts {
    /// The number of sockets owned by a process or by the kernel.
    pub owned: usize,
    /// The number of sockets that no process owns.
    pub nobody: usize,
    /// The number of sockets whose owner is unknown.
    pub unresolved: usize,
    /// On Linux, the number of processes. 0 on Windows, which reports owners with the rows.
    pub processes: usize,
    /// The number of processes whose descriptors could not be read.
    ///
    /// These are processes of other users if the caller may not trace them, or all processes if the caller has no
    /// descriptor left. Processes without descriptors, which Linux 6.2 and later reports, are not counted.
    pub refused: usize,
}

impl OwnerCounts {
    /// Counts these owners.
    pub(crate) fn of(owners: impl Iterator<Item = Owner>) -> OwnerCounts {
        let mut counts = OwnerCounts::default();
        for owner in owners {
            match owner {
                Owner::Process(_) | Owner::Kernel => counts.owned += 1,
                Owner::Nobody => counts.nobody += 1,
                Owner::Unresolved => counts.unresolved += 1,
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_owners_by_kind() {
        let owners =
            [Owner::Process(1), Owner::Kernel, Owner::Process(1), Owner::Nobody, Owner::Nobody, Owner::Unresolved];
        let OwnerCounts { owned, nobody, unresolved, processes, refused } = OwnerCounts::of(owners.into_iter());
        assert_eq!((owned, nobody, unresolved, processes, refused), (3, 2, 1, 0, 0));
    }
}
