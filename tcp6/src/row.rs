//! Rows: what one connection or listener looks like, in each class of table.

mod basic;
pub(crate) mod linux_info;
mod offload;
mod owner_module;
mod owner_pid;

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use std::net::SocketAddrV6;

pub use basic::BasicRow;
pub use offload::{OffloadRow, OffloadState};
pub use owner_module::OwnerModuleRow;
#[cfg(feature = "serde")]
pub(crate) use owner_module::{ticks_at, time_at};
pub use owner_pid::OwnerPidRow;

use crate::{Class, Owner, State, order, view};
use layout::{Layout, Parts};

/// A row of the table, of any class.
///
/// Each class is a `repr(transparent)` wrapper of the Windows struct, and the methods decode a field when they are called. On
/// Windows a row is the system's own bytes, seen in place; on Linux it is written in that layout from a kernel message. The trait is sealed: its implementors are [`BasicRow`],
/// [`OwnerPidRow`], [`OffloadRow`] and [`OwnerModuleRow`].
///
/// Code that works with every class is written against it:
///
/// ```
/// use tcp6::{Row, State};
///
/// fn ports_in_use<R: Row>(rows: &[R]) -> Vec<u16> {
///     rows.iter().filter(|row| row.state() == State::Listen).map(|row| row.local().port()).collect()
/// }
/// # let row = tcp6::BasicRow::new(State::Listen, "[::1]:80".parse().unwrap(), None);
/// # assert_eq!(ports_in_use(&[row]), [80]);
/// ```
///
/// Rows are compared, ordered and hashed by what they mean: what the system left in the upper bits of a port or in the
/// remote end of a listener plays no part. The order is the documented one ([`Query::is_sorted`](crate::Query::is_sorted)).
pub trait Row: Layout + fmt::Debug + Ord + Hash + Send + Sync + Unpin + 'static {
    /// The Windows struct that the row is.
    type Raw: Copy;

    /// The class of table that is made of such rows.
    const CLASS: Class;

    /// The row that this struct is. Any bytes will do.
    fn from_raw(raw: Self::Raw) -> Self;

    /// The struct, with whatever the system left in it: upper port bits, a listener's remote end.
    fn as_raw(&self) -> &Self::Raw;

    /// A row with these ends and this state. Its owner, and all else that its class carries, is unknown.
    ///
    /// For sources of one's own and for tests. `None` for the remote end is written as the unspecified address.
    #[must_use]
    fn new(state: State, local: SocketAddrV6, remote: Option<SocketAddrV6>) -> Self {
        Self::build(&Parts::new(state, local, remote))
    }

    /// The state.
    #[inline]
    fn state(&self) -> State {
        State::from_raw(self.raw_state())
    }

    /// The local end; the unspecified address `::` if the socket is bound to all of the machine's.
    ///
    /// The scope id is the index of the interface for an address that is valid on one link only (`fe80::/10`, and multicast
    /// of interface-local or link-local scope) and 0 for others; in a table read from Linux' `/proc` it is always 0. On
    /// Windows it is what the system wrote. Wine 8 writes a class of addresses instead, 4096 for `::1`.
    #[inline]
    fn local(&self) -> SocketAddrV6 {
        self.raw_local().socket_addr()
    }

    /// The remote end, or `None` if there is none: for a listener, whatever the system left in the field, and in any other
    /// state if the field is the unspecified address with port 0, as for a socket that is only bound.
    #[inline]
    fn remote(&self) -> Option<SocketAddrV6> {
        let remote = self.raw_remote();
        if self.is_listener() || remote.is_unspecified() { None } else { Some(remote.socket_addr()) }
    }

    /// Whose socket it is. [`Owner::Unresolved`] where the class does not carry it.
    #[inline]
    fn owner(&self) -> Owner {
        self.raw_owner().map_or(Owner::Unresolved, Owner::from_raw)
    }

    /// Whether it waits for connections.
    #[inline]
    fn is_listener(&self) -> bool {
        self.raw_state() == State::Listen.as_raw()
    }

    /// The same connection as a row of another class. Fields that the other class lacks are dropped; fields that this
    /// class lacks are unknown: `None`, and [`Owner::Unresolved`] for the owner.
    #[must_use]
    fn to_class<R: Row>(&self) -> R {
        R::build(&self.parts())
    }
}

/// What the crate needs of a row's layout. It seals [`Row`].
pub(crate) mod layout {
    use core::cmp::Ordering;
    use core::num::NonZeroU64;
    use std::net::SocketAddrV6;

    use crate::endpoint::RawEnd;
    use crate::owner::UNRESOLVED;
    use crate::row::offload::UNKNOWN_OFFLOAD;
    use crate::view::Plain;
    use crate::{Owner, State};

    /// The fields of a row, wherever its class puts them. All are as the system wrote them.
    pub trait Layout: Plain {
        /// The state's number.
        fn raw_state(&self) -> u32;
        /// The local end.
        fn raw_local(&self) -> RawEnd;
        /// The remote end, garbage for a listener.
        fn raw_remote(&self) -> RawEnd;
        /// `dwOwningPid`, if the class has it.
        fn raw_owner(&self) -> Option<u32>;
        /// Says whose it is, if the class has a place for that.
        fn set_owner(&mut self, owner: Owner);
        /// The row in pieces.
        fn parts(&self) -> Parts;
        /// A row of these pieces, as far as the class has a place for them.
        fn build(parts: &Parts) -> Self;
        /// Writes zero into all that has no meaning: the upper bits of ports, a listener's remote end.
        fn make_canonical(&mut self);
        /// The row with zero in all that has no meaning.
        #[must_use]
        #[inline]
        fn canonical(mut self) -> Self {
            self.make_canonical();
            self
        }
        /// The order of rows whose ends are the same: owner, identity, then all else, so that the order is total.
        fn tie_break(&self, other: &Self) -> Ordering;
        /// What stays the same for as long as the socket lives and is never used again, if the class carries it and
        /// the system told it. `None` is an identity that all such rows share.
        fn identity(&self) -> Option<NonZeroU64>;
    }

    /// A row of any class in pieces.
    #[derive(Clone, Copy, Debug)]
    pub struct Parts {
        pub state: u32,
        pub local: RawEnd,
        pub remote: RawEnd,
        pub owner: u32,
        /// [`UNKNOWN_OFFLOAD`] if it is unknown.
        pub offload: i32,
        /// 0 if it is unknown.
        pub created: i64,
        /// Zero if they are unknown.
        pub module: [u64; 16],
    }

    impl Parts {
        /// A row of which no more is known than this.
        pub const fn of(state: u32, local: RawEnd, remote: RawEnd) -> Parts {
            Parts { state, local, remote, owner: UNRESOLVED, offload: UNKNOWN_OFFLOAD, created: 0, module: [0; 16] }
        }

        pub fn new(state: State, local: SocketAddrV6, remote: Option<SocketAddrV6>) -> Parts {
            Parts::of(state.as_raw(), RawEnd::new(local), remote.map(RawEnd::new).unwrap_or_default())
        }
    }
}

/// A row for people: what the fields mean, not how they are stored.
fn debug<R: Row>(name: &str, row: &R, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut out = f.debug_struct(name);
    out.field("state", &row.state()).field("local", &row.local()).field("remote", &row.remote());
    if row.raw_owner().is_some() {
        out.field("owner", &row.owner());
    }
    out.finish_non_exhaustive()
}

/// Comparison by meaning, for each class alike.
macro_rules! compared_by_meaning {
    ($($row:ident)*) => {$(
        impl PartialEq for $row {
            fn eq(&self, other: &$row) -> bool {
                order::compare(self, other).is_eq()
            }
        }

        impl Eq for $row {}

        impl PartialOrd for $row {
            fn partial_cmp(&self, other: &$row) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $row {
            fn cmp(&self, other: &$row) -> Ordering {
                order::compare(self, other)
            }
        }

        impl Hash for $row {
            fn hash<H: Hasher>(&self, state: &mut H) {
                state.write(view::row_bytes(&[self.canonical()]));
            }
        }
    )*};
}

compared_by_meaning!(BasicRow OwnerPidRow OffloadRow OwnerModuleRow);
