//! The row classes: which Windows struct each row is, and how code is chosen by class at run time.
//!
//! A new class is a file in `row/class` and its entries here.

mod basic;
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

/// Defines the row type of a class: a transparent wrapper of a Windows struct whose fields are named here.
macro_rules! row_class {
    (
        $(#[$attribute:meta])*
        pub struct $row:ident($raw:ident): $class:ident {
            state: $state:ident,
            local: $local:ident, $local_scope:ident, $local_port:ident,
            remote: $remote:ident, $remote_scope:ident, $remote_port:ident,
            $(owner: $owner:ident,)?
            $(offload: $offload:ident,)?
            $(created: $created:ident,)?
            $(module: $module:ident,)?
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy)]
        #[repr(transparent)]
        pub struct $row($raw);

        const _: () = {
            use core::cmp::Ordering;
            use core::fmt;
            use core::hash::{Hash, Hasher};
            use core::mem::offset_of;

            use $crate::row::layout::{EndLayout, Layout, RawRow, Sealed};
            use $crate::row::pod::{self, Plain, field_size};
            use $crate::row::{Row, class::Class, debug, order};

            // All fields are plain and fill the struct, so that it has no padding; rows in a table follow each other
            // without gaps, and all of them are aligned if the table is aligned to 8.
            const FILLED: usize = field_size(|raw: &$raw| &raw.$state)
                + field_size(|raw: &$raw| &raw.$local)
                + field_size(|raw: &$raw| &raw.$local_scope)
                + field_size(|raw: &$raw| &raw.$local_port)
                + field_size(|raw: &$raw| &raw.$remote)
                + field_size(|raw: &$raw| &raw.$remote_scope)
                + field_size(|raw: &$raw| &raw.$remote_port)
                $(+ field_size(|raw: &$raw| &raw.$owner))?
                $(+ field_size(|raw: &$raw| &raw.$offload))?
                $(+ field_size(|raw: &$raw| &raw.$created))?
                $(+ field_size(|raw: &$raw| &raw.$module))?;
            assert!(FILLED == size_of::<$row>());
            assert!(size_of::<$row>() % align_of::<$row>() == 0 && align_of::<$row>() <= 8);

            // SAFETY: the type is transparent over a repr(C) struct; its fields are plain and leave no padding
            // (asserted above).
            #[allow(unsafe_code)]
            unsafe impl Plain for $row {}

            #[allow(unused_mut, unused_assignments)]
            const LAYOUT: Layout = {
                let mut layout = Layout {
                    state: offset_of!($raw, $state),
                    local: EndLayout {
                        address: offset_of!($raw, $local),
                        scope_id: offset_of!($raw, $local_scope),
                        port: offset_of!($raw, $local_port),
                    },
                    remote: EndLayout {
                        address: offset_of!($raw, $remote),
                        scope_id: offset_of!($raw, $remote_scope),
                        port: offset_of!($raw, $remote_port),
                    },
                    owner: None,
                    offload: None,
                    created: None,
                    module: None,
                };
                $(layout.owner = Some(offset_of!($raw, $owner));)?
                $(layout.offload = Some(offset_of!($raw, $offload));)?
                $(layout.created = Some(offset_of!($raw, $created));)?
                $(layout.module = Some(offset_of!($raw, $module));)?
                layout
            };

            impl Sealed for $row {
                const LAYOUT: Layout = LAYOUT;
            }

            impl Row for $row {
                type Raw = $raw;
                const CLASS: Class = Class::$class;

                #[inline]
                fn from_raw(raw: $raw) -> $row {
                    $row(raw)
                }

                #[inline]
                fn as_raw(&self) -> &$raw {
                    &self.0
                }
            }

            impl fmt::Debug for $row {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    debug::fields(stringify!($row), self, f)
                }
            }

            impl PartialEq for $row {
                #[inline]
                fn eq(&self, other: &$row) -> bool {
                    order::compare(self, other).is_eq()
                }
            }

            impl Eq for $row {}

            impl PartialOrd for $row {
                #[inline]
                fn partial_cmp(&self, other: &$row) -> Option<Ordering> {
                    Some(self.cmp(other))
                }
            }

            impl Ord for $row {
                #[inline]
                fn cmp(&self, other: &$row) -> Ordering {
                    order::compare(self, other)
                }
            }

            impl Hash for $row {
                fn hash<H: Hasher>(&self, state: &mut H) {
                    state.write(pod::bytes_of(&[self.canonical()]));
                }
            }
        };

        /// Methods of [`Row`](crate::Row), for programs that do not import the trait.
        impl $row {
            /// A row with this state and these ends: [`Row::new`](crate::Row::new).
            #[must_use]
            pub fn new(
                state: $crate::row::state::State,
                local: std::net::SocketAddrV6,
                remote: Option<std::net::SocketAddrV6>,
            ) -> $row {
                $crate::row::Row::new(state, local, remote)
            }

            /// The state: [`Row::state`](crate::Row::state).
            #[must_use]
            #[inline]
            pub fn state(&self) -> $crate::row::state::State {
                $crate::row::Row::state(self)
            }

            /// The local end: [`Row::local`](crate::Row::local).
            #[must_use]
            #[inline]
            pub fn local(&self) -> std::net::SocketAddrV6 {
                $crate::row::Row::local(self)
            }

            /// The remote end, or `None` for a listener: [`Row::remote`](crate::Row::remote).
            #[must_use]
            #[inline]
            pub fn remote(&self) -> Option<std::net::SocketAddrV6> {
                $crate::row::Row::remote(self)
            }

            /// The owner: [`Row::owner`](crate::Row::owner).
            #[must_use]
            #[inline]
            pub fn owner(&self) -> $crate::row::owner::Owner {
                $crate::row::Row::owner(self)
            }

            /// Whether the socket listens: [`Row::is_listener`](crate::Row::is_listener).
            #[must_use]
            #[inline]
            pub fn is_listener(&self) -> bool {
                $crate::row::Row::is_listener(self)
            }

            $(
                /// Returns the row with another owner, for sources and tests that build rows.
                ///
                #[doc = concat!("Sets `", stringify!($owner), "`.")]
                #[must_use]
                pub fn with_owner(mut self, owner: $crate::row::owner::Owner) -> $row {
                    $crate::row::layout::RawRow::set_owner(&mut self, owner);
                    self
                }
            )?
        }
    };
}
use super::layout::Sealed;
use row_class;

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
