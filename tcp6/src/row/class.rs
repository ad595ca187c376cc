//! The row classes: which Windows struct each row is, and how code is chosen by class at run time.
//!
//! A new class is a file in `row/class` and its entries here.

mod basic;
mod define;
mod offload;
mod owner_module;
mod owner_pid;

use core::fmt;

pub use basic::BasicRow;
pub use offload::OffloadRow;
pub use owner_module::OwnerModuleRow;
#[cfg(feature = "serde")]
pub(crate) use owner_module::{ticks_at, time_at};
pub use owner_pid::OwnerPidRow;

use super::layout::Sealed;

/// The class of a table: the type of its rows.
///
/// Classes are ordered by the size of their rows. A larger row has all fields of a smaller one, except that only
/// [`OffloadRow`] has an offload state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[doc(alias = "TCP_TABLE_CLASS")]
pub enum Class {
    /// [`BasicRow`]: state and ends. From GetTcp6Table.
    Basic,
    /// [`OwnerPidRow`]: state, ends and owner. From GetExtendedTcpTable.
    OwnerPid,
    /// [`OffloadRow`]: state, ends, owner and offload state. From GetTcp6Table2.
    Offload,
    /// [`OwnerModuleRow`]: state, ends, owner, time of creation and module words.
    ///
    /// From GetExtendedTcpTable.
    OwnerModule,
}

impl Class {
    /// Every class, by the size of its rows.
    pub const ALL: [Class; 4] = [Class::Basic, Class::OwnerPid, Class::Offload, Class::OwnerModule];

    /// The size of a row in bytes, which is also the distance between two rows.
    #[must_use]
    pub const fn row_size(self) -> usize {
        by_class!(self, R => size_of::<R>())
    }

    /// The offset of the first row in a table, in bytes.
    ///
    /// A count of 4 bytes precedes it, and 4 bytes of padding if rows are aligned to 8.
    #[must_use]
    pub const fn rows_offset(self) -> usize {
        by_class!(self, R => if align_of::<R>() > size_of::<u32>() { align_of::<R>() } else { size_of::<u32>() })
    }

    /// The size of a table of `rows` rows in bytes, or `None` if it exceeds `usize`.
    #[must_use]
    pub const fn table_size(self, rows: usize) -> Option<usize> {
        match rows.checked_mul(self.row_size()) {
            Some(bytes) => bytes.checked_add(self.rows_offset()),
            None => None,
        }
    }

    /// Whether rows of this class name an owner.
    #[must_use]
    pub const fn has_owners(self) -> bool {
        by_class!(self, R => <R as Sealed>::LAYOUT.owner.is_some())
    }

    /// The number of the class in captures and in binary formats. It never changes.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Class::Basic => 0,
            Class::OwnerPid => 1,
            Class::Offload => 2,
            Class::OwnerModule => 3,
        }
    }

    /// The class with this number.
    pub(crate) fn from_number(number: u8) -> Option<Class> {
        Class::ALL.into_iter().find(|class| class.number() == number)
    }

    /// The name: `basic`, `owner-pid`, `offload` or `owner-module`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Class::Basic => "basic",
            Class::OwnerPid => "owner-pid",
            Class::Offload => "offload",
            Class::OwnerModule => "owner-module",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Evaluates an expression with the row type of a class: `by_class!(class, R => f::<R>())`.
macro_rules! by_class {
    ($class:expr, $row:ident => $body:expr) => {
        match $class {
            $crate::row::class::Class::Basic => {
                type $row = $crate::row::class::BasicRow;
                $body
            }
            $crate::row::class::Class::OwnerPid => {
                type $row = $crate::row::class::OwnerPidRow;
                $body
            }
            $crate::row::class::Class::Offload => {
                type $row = $crate::row::class::OffloadRow;
                $body
            }
            $crate::row::class::Class::OwnerModule => {
                type $row = $crate::row::class::OwnerModuleRow;
                $body
            }
        }
    };
}
pub(crate) use by_class;

/// Passes the row types to a macro: for traits that are implemented elsewhere.
#[cfg(feature = "serde")]
macro_rules! for_each_row {
    ($macro:ident) => {
        $macro!(BasicRow OwnerPidRow OffloadRow OwnerModuleRow);
    };
}
#[cfg(feature = "serde")]
pub(crate) use for_each_row;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_match_the_windows_structs() {
        let sizes = Class::ALL.map(|class| (class.row_size(), class.rows_offset()));
        assert_eq!(sizes, [(52, 4), (56, 4), (60, 4), (192, 8)]);
        assert_eq!(Class::OwnerModule.table_size(2), Some(8 + 2 * 192));
        assert_eq!(Class::Basic.table_size(usize::MAX / 51), None);
    }

    #[test]
    fn numbers_and_names_are_unique() {
        for class in Class::ALL {
            assert_eq!(Class::from_number(class.number()), Some(class));
            assert_eq!(Class::ALL.iter().filter(|other| other.name() == class.name()).count(), 1);
            assert_eq!(class.has_owners(), class != Class::Basic);
        }
        assert_eq!(Class::from_number(4), None);
    }
}
