//! The macro that defines a row class.

/// Defines the row type of a class: a transparent wrapper of a Windows struct whose fields are
/// named here.
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
pub(super) use row_class;
