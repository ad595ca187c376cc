//! Rows: one listener or connection each, in the layout of the Windows structs.

pub(crate) mod class;
mod debug;
pub(crate) mod endpoint;
pub(crate) mod layout;
pub(crate) mod offload_state;
pub(crate) mod order;
pub(crate) mod owner;
pub(crate) mod pod;
pub(crate) mod socket_info;
pub(crate) mod state;
pub(crate) mod state_counts;

use core::fmt::Debug;
use core::hash::Hash;
use std::net::SocketAddrV6;

use self::class::Class;
use self::layout::{Parts, RawRow, Sealed};
use self::owner::Owner;
use self::state::State;

/// A row of any class.
///
/// Each class is a `repr(transparent)` wrapper of a Windows struct; methods decode a field when they are called. On
/// Windows a row is the bytes that the system wrote, viewed in place. On Linux it is written in the same layout from a
/// kernel message. The trait is sealed; [`BasicRow`](crate::BasicRow), [`OwnerPidRow`](crate::OwnerPidRow),
/// [`OffloadRow`](crate::OffloadRow) and [`OwnerModuleRow`](crate::OwnerModuleRow) implement it.
///
/// Rows are compared, ordered and hashed by their decoded values: the upper bits of a port and the remote end of a
/// listener, which the system leaves undefined, are ignored. The order is the documented one
/// ([`Query::is_sorted`](crate::Query::is_sorted)).
///
/// # Example: code for every class
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
/// # The layout is private
///
/// ```compile_fail,E0599
/// fn forge<R: tcp6::Row>(row: &mut R) {
///     row.make_canonical();
/// }
/// ```
pub trait Row: Sealed + Debug + Ord + Hash + Send + Sync + Unpin + 'static {
    /// The Windows struct of the class.
    type Raw: Copy;

    /// The class of tables with these rows.
    const CLASS: Class;

    /// Wraps a struct, which may hold any bytes.
    fn from_raw(raw: Self::Raw) -> Self;

    /// The struct as the system wrote it.
    ///
    /// The upper bits of ports and the remote end of a listener are undefined.
    fn as_raw(&self) -> &Self::Raw;

    /// A row with this state and these ends, for sources and tests.
    ///
    /// Its owner and its other fields are unknown.
    ///
    /// `None` as the remote end is stored as `[::]:0`.
    #[must_use]
    fn new(state: State, local: SocketAddrV6, remote: Option<SocketAddrV6>) -> Self {
        Self::build(&Parts::new(state, local, remote))
    }

    /// The state.
    #[inline]
    fn state(&self) -> State {
        State::from_raw(self.raw_state())
    }

    /// The local end. The address is `::` if the socket is bound to all addresses.
    ///
    /// The scope id is the interface index for addresses that are valid on one link only (`fe80::/10`, and
    /// interface-local or link-local multicast) and 0 for others. It is always 0 in a table read from `/proc`. On
    /// Windows it is what the system wrote; Wine 8 writes an address class instead, such as 4096 for `::1`.
    #[inline]
    fn local(&self) -> SocketAddrV6 {
        self.raw_local().socket_addr()
    }

    /// The remote end. `None` for a listener, and for other rows whose remote end is `[::]:0`.
    ///
    /// The system can leave anything in the field of a listener. A socket that is only bound has the end `[::]:0`.
    #[inline]
    fn remote(&self) -> Option<SocketAddrV6> {
        let remote = self.raw_remote();
        if self.is_listener() || remote.is_unspecified() { None } else { Some(remote.socket_addr()) }
    }

    /// The owner of the socket; [`Owner::Unresolved`] if the class has none.
    #[inline]
    fn owner(&self) -> Owner {
        self.raw_owner().map_or(Owner::Unresolved, Owner::from_raw)
    }

    /// Whether the socket listens.
    #[inline]
    fn is_listener(&self) -> bool {
        self.raw_state() == State::Listen.as_raw()
    }

    /// The row converted to another class.
    ///
    /// Fields that the other class lacks are dropped; fields that this class lacks are unknown: `None`, or
    /// [`Owner::Unresolved`] for the owner.
    #[must_use]
    fn to_class<R: Row>(&self) -> R {
        R::build(&self.parts())
    }
}
