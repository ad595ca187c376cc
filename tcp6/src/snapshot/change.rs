//! One change of a row, and what of the row has changed.

use bitflags::bitflags;

use crate::row::Row;
use crate::row::layout::RawRow;

/// One change of a row, owned (`Change<R>`) or borrowed (`Change<&R>`), as `Option` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change<T> {
    /// A row that was not there before.
    Added(T),
    /// A row that is not there any more.
    Removed(T),
    /// A row that is there as before, with the same ends and the same identity, but not the same.
    Changed {
        /// As it was.
        before: T,
        /// As it is.
        after: T,
    },
}

impl<T> Change<T> {
    /// The row as it was; `None` if it was added.
    pub fn before(self) -> Option<T> {
        match self {
            Change::Added(_) => None,
            Change::Removed(row) | Change::Changed { before: row, .. } => Some(row),
        }
    }

    /// The row as it is; `None` if it was removed.
    pub fn after(self) -> Option<T> {
        match self {
            Change::Removed(_) => None,
            Change::Added(row) | Change::Changed { after: row, .. } => Some(row),
        }
    }

    /// The row as it is, or, if it was removed, as it was.
    pub fn row(self) -> T {
        match self {
            Change::Added(row) | Change::Removed(row) | Change::Changed { after: row, .. } => row,
        }
    }

    /// The change with something else in place of its rows.
    pub fn map<U>(self, mut f: impl FnMut(T) -> U) -> Change<U> {
        match self {
            Change::Added(row) => Change::Added(f(row)),
            Change::Removed(row) => Change::Removed(f(row)),
            Change::Changed { before, after } => Change::Changed { before: f(before), after: f(after) },
        }
    }

    /// The change, borrowed.
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
    /// The change with rows of its own.
    #[must_use]
    pub fn cloned(self) -> Change<T> {
        self.map(T::clone)
    }
}

bitflags! {
    /// The fields in which a row has changed. The ends, the identity and the time of creation are not among them: with
    /// others, it is another row.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct ChangedFields: u8 {
        /// [`Row::state`]
        const STATE = 1;
        /// [`Row::owner`]
        const OWNER = 1 << 1;
        /// [`OffloadRow::offload_state`](crate::OffloadRow::offload_state)
        const OFFLOAD = 1 << 2;
        /// [`OwnerModuleRow::module_info`](crate::OwnerModuleRow::module_info)
        const MODULE = 1 << 4;
    }
}

impl<R: Row> Change<&R> {
    /// The fields in which the row has changed; none if it was added or removed. Of a change with rows of its own:
    /// `change.as_ref().fields()`.
    #[must_use]
    pub fn fields(self) -> ChangedFields {
        let Change::Changed { before, after } = self else { return ChangedFields::empty() };
        let (before, after) = (before.parts(), after.parts());
        let mut fields = ChangedFields::empty();
        fields.set(ChangedFields::STATE, before.state != after.state);
        fields.set(ChangedFields::OWNER, before.owner != after.owner);
        fields.set(ChangedFields::OFFLOAD, before.offload != after.offload);
        fields.set(ChangedFields::MODULE, before.module != after.module);
        fields
    }
}
