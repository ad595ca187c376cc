//! The classes of tables: which row a table is made of, and where its rows stand.

use core::fmt;

/// The class of a table: the kind of row that it is made of.
///
/// In the order of the size of their rows, which is nearly that of what they carry: the largest has no offload state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[doc(alias = "TCP_TABLE_CLASS")]
pub enum Class {
    /// [`BasicRow`](crate::BasicRow): state and ends. From GetTcp6Table.
    Basic,
    /// [`OwnerPidRow`](crate::OwnerPidRow): and the owner. From GetExtendedTcpTable.
    OwnerPid,
    /// [`OffloadRow`](crate::OffloadRow): and the offload state. From GetTcp6Table2.
    Offload,
    /// [`OwnerModuleRow`](crate::OwnerModuleRow): and when the socket was bound, and what names its module. From
    /// GetExtendedTcpTable.
    OwnerModule,
}

impl Class {
    /// Every class, by the size of its rows.
    pub const ALL: [Class; 4] = [Class::Basic, Class::OwnerPid, Class::Offload, Class::OwnerModule];

    /// The size of a row in bytes, which is also the distance from a row to the next.
    #[must_use]
    pub const fn row_size(self) -> usize {
        match self {
            Class::Basic => 52,
            Class::OwnerPid => 56,
            Class::Offload => 60,
            Class::OwnerModule => 192,
        }
    }

    /// Where the first row begins, in bytes from the table's begin: behind the count and, where rows are 8-aligned,
    /// four bytes of padding.
    #[must_use]
    pub const fn first_row(self) -> usize {
        match self {
            Class::OwnerModule => 8,
            _ => 4,
        }
    }

    /// The bytes of a table of `rows` rows, or `None` if there is no such size.
    #[must_use]
    pub const fn table_size(self, rows: usize) -> Option<usize> {
        match rows.checked_mul(self.row_size()) {
            Some(bytes) => bytes.checked_add(self.first_row()),
            None => None,
        }
    }

    /// Whether its rows say whose they are.
    #[must_use]
    pub const fn has_owners(self) -> bool {
        !matches!(self, Class::Basic)
    }

    /// The number of the class in captures and in binary formats, which never changes.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Class::Basic => 0,
            Class::OwnerPid => 1,
            Class::Offload => 2,
            Class::OwnerModule => 3,
        }
    }

    /// The class with this number, if there is one.
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

/// Runs an expression with the row of a class: `by_class!(class, R => f::<R>())`.
macro_rules! by_class {
    ($class:expr, $row:ident => $body:expr) => {
        match $class {
            $crate::Class::Basic => {
                type $row = $crate::BasicRow;
                $body
            }
            $crate::Class::OwnerPid => {
                type $row = $crate::OwnerPidRow;
                $body
            }
            $crate::Class::Offload => {
                type $row = $crate::OffloadRow;
                $body
            }
            $crate::Class::OwnerModule => {
                type $row = $crate::OwnerModuleRow;
                $body
            }
        }
    };
}

pub(crate) use by_class;

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
