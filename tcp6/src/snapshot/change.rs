//! Changes of rows.

use bitflags::bitflags;

use crate::row::Row;
use crate::row::layout::RawRow;
use crate::row::owner::Owner;
use crate::row::state::StateSet;

/// A change of a row: owned (`Change<R>`) or borrowed (`Change<&R>`), as with `Option`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change<T> {
    /// The row is new.
    Added(T),
    /// The row no longer exists.
    Removed(T),
    /// The row has the same ends and the same identity, but other fields differ.
    ///
    /// The identities differ too if [one connection has two](crate::Diff#connections-with-two-identities-on-linux).
    Changed {
        /// The row before the change.
        before: T,
        /// The row after the change.
        after: T,
    },
}

impl<T> Change<T> {
    /// The row before the change; `None` if it was added.
    pub fn before(self) -> Option<T> {
        match self {
            Change::Added(_) => None,
            Change::Removed(row) | Change::Changed { before: row, .. } => Some(row),
        }
    }

    /// The row after the change; `None` if it was removed.
    pub fn after(self) -> Option<T> {
        match self {
            Change::Removed(_) => None,
            Change::Added(row) | Change::Changed { after: row, .. } => Some(row),
        }
    }

    /// The row after the change, or the removed row.
    pub fn row(self) -> T {
        match self {
            Change::Added(row) | Change::Removed(row) | Change::Changed { after: row, .. } => row,
        }
    }

    /// Applies `f` to each row of the change.
    pub fn map<U>(self, mut f: impl FnMut(T) -> U) -> Change<U> {
        match self {
            Change::Added(row) => Change::Added(f(row)),
            Change::Removed(row) => Change::Removed(f(row)),
            Change::Changed { before, after } => Change::Changed { before: f(before), after: f(after) },
        }
    }

    /// Borrows the rows of the change.
    pub const fn as_ref(&self) -> Change<&T> {
        match self {
            Change::Added(row) => Change::Added(row),
            Change::Removed(row) => Change::Removed(row),
            Change::Changed { before, after } => Change::Changed { before, after },
        }
    }

    /// The change that undoes this one.
    #[must_use]
    pub fn reversed(self) -> Change<T> {
        match self {
            Change::Added(row) => Change::Removed(row),
            Change::Removed(row) => Change::Added(row),
            Change::Changed { before, after } => Change::Changed { before: after, after: before },
        }
    }
}

impl<T: Clone> Change<&T> {
    /// Clones the rows of the change.
    #[must_use]
    pub fn cloned(self) -> Change<T> {
        self.map(T::clone)
    }
}

bitflags! {
    /// The fields of a row that changed.
    ///
    /// Ends, identity and time of creation are absent: a row in which they differ is another row, except that [one
    /// connection can have two identities](crate::Diff#connections-with-two-identities-on-linux).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct ChangedFields: u8 {
        /// [`Row::state`]
        const STATE = 1;
        /// [`Row::owner`]
        const OWNER = 1 << 1;
        /// [`OffloadRow::offload_state`](crate::OffloadRow::offload_state)
        const OFFLOAD = 1 << 2;
        /// [`OwnerModuleRow::module_info`](crate::OwnerModuleRow::module_info)
        const MODULE = 1 << 3;
    }
}

/// The states of a connection that is established and that this side has not closed.
const OPEN: StateSet = StateSet::ESTABLISHED.union(StateSet::CLOSE_WAIT);

impl<R: Row> Change<&R> {
    /// The fields that changed; none if the row was added or removed.
    ///
    /// For an owned change: `change.as_ref().fields()`.
    #[must_use]
    pub fn fields(self) -> ChangedFields {
        let Change::Changed { before, after } = self else { return ChangedFields::empty() };
        let mut fields = ChangedFields::empty();
        fields.set(ChangedFields::STATE, before.raw_state() != after.raw_state());
        fields.set(ChangedFields::OWNER, before.raw_owner() != after.raw_owner());
        fields.set(ChangedFields::OFFLOAD, before.raw_offload() != after.raw_offload());
        fields.set(ChangedFields::MODULE, before.raw_module() != after.raw_module());
        fields
    }

    /// Whether a connection was opened.
    ///
    /// It is now ESTABLISHED or CLOSE-WAIT, and was in neither state before.
    ///
    /// A connection that was opened and closed between two tables is neither opened nor closed: its first row is in
    /// TIME-WAIT. On Linux, a connection in the queue of a listener is opened by [`Owner::Nobody`]; accepting it is a
    /// [`Change::Changed`] whose [`fields`](Change::fields) contain [`ChangedFields::OWNER`].
    ///
    /// # Example: which process opened or closed which connection
    ///
    /// ```
    /// use tcp6::{OwnerPidRow, System, Watcher};
    ///
    /// let mut watcher = Watcher::<OwnerPidRow, _>::new(System::new()?);
    /// watcher.poll()?;
    /// for change in watcher.poll()? {
    ///     let (owner, row) = (change.owner(), change.row());
    ///     if change.is_open() {
    ///         println!("{owner} opened {} {:?}", row.local(), row.remote());
    ///     } else if change.is_close() {
    ///         println!("{owner} closed {} {:?}", row.local(), row.remote());
    ///     }
    /// }
    /// # Ok::<(), tcp6::Error>(())
    /// ```
    #[must_use]
    pub fn is_open(self) -> bool {
        !is_open(self.before()) && is_open(self.after())
    }

    /// Whether a connection was closed by this side (the CLOSE call of RFC 9293) or ended.
    ///
    /// It was ESTABLISHED or CLOSE-WAIT before, and now is in neither state or removed.
    ///
    /// This side closes when it sends its FIN, so that `shutdown(SHUT_WR)` counts as a close. Its owner is that of the
    /// row before: no process owns a connection in TIME-WAIT.
    #[must_use]
    pub fn is_close(self) -> bool {
        is_open(self.before()) && !is_open(self.after())
    }

    /// The owner after the change if that is a process or the kernel, otherwise the owner before.
    #[must_use]
    pub fn owner(self) -> Owner {
        let owners = [self.after(), self.before()].into_iter().flatten().map(Row::owner);
        let is_known = |owner: &Owner| matches!(owner, Owner::Process(_) | Owner::Kernel);
        owners.clone().find(is_known).or(owners.last()).unwrap_or(Owner::Unresolved)
    }
}

fn is_open<R: Row>(row: Option<&R>) -> bool {
    row.is_some_and(|row| OPEN.has(row.state()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::class::OwnerPidRow;
    use crate::row::state::State;

    fn row(state: State, owner: Owner) -> OwnerPidRow {
        OwnerPidRow::new(state, "[::1]:80".parse().unwrap(), Some("[::1]:50000".parse().unwrap())).with_owner(owner)
    }

    #[test]
    fn open_and_close_are_the_ends_of_the_open_states() {
        let process = Owner::Process(7);
        let syn = row(State::SynSent, process);
        let open = row(State::Established, process);
        let half = row(State::CloseWait, process);
        let closed = row(State::TimeWait, Owner::Nobody);
        let kinds = |change: Change<&OwnerPidRow>| (change.is_open(), change.is_close(), change.owner());
        assert_eq!(kinds(Change::Added(&open)), (true, false, process));
        assert_eq!(kinds(Change::Changed { before: &syn, after: &open }), (true, false, process));
        assert_eq!(kinds(Change::Changed { before: &open, after: &half }), (false, false, process));
        assert_eq!(kinds(Change::Changed { before: &half, after: &closed }), (false, true, process));
        assert_eq!(kinds(Change::Removed(&open)), (false, true, process));
        assert_eq!(kinds(Change::Added(&closed)), (false, false, Owner::Nobody));
        assert_eq!(kinds(Change::Removed(&closed)), (false, false, Owner::Nobody));
        let listener = row(State::Listen, process);
        assert_eq!(kinds(Change::Added(&listener)), (false, false, process));
    }
}
