//! The fields of a row by the layout of its class.

use core::cmp::Ordering;
use core::num::NonZeroU64;
use core::slice;
use std::net::SocketAddrV6;

use super::Row;
use super::endpoint::{PORT_BITS, RawEnd};
use super::offload_state::UNKNOWN_OFFLOAD;
use super::owner::{Owner, UNRESOLVED};
use super::pod::{self, Plain};
use super::socket_info;
use super::state::State;

/// The offsets of the fields of a row class, in bytes. Integers are in native byte order.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// u32, a `MIB_TCP_STATE`.
    pub(crate) state: usize,
    pub(crate) local: EndLayout,
    pub(crate) remote: EndLayout,
    /// u32, `dwOwningPid`.
    pub(crate) owner: Option<usize>,
    /// i32, `dwOffloadState`.
    pub(crate) offload: Option<usize>,
    /// i64, `liCreateTimestamp`.
    pub(crate) created: Option<usize>,
    /// 16 u64, `OwningModuleInfo`.
    pub(crate) module: Option<usize>,
}

/// The offsets of the fields of one end of a row, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct EndLayout {
    /// 16 bytes.
    pub(crate) address: usize,
    /// u32.
    pub(crate) scope_id: usize,
    /// u32, of which [`PORT_BITS`] are the port in network byte order.
    pub(crate) port: usize,
}

/// Seals [`Row`]: nothing in it can be used outside the crate.
pub trait Sealed: Plain {
    /// The offsets of the fields.
    const LAYOUT: Layout;
}

/// The fields of a row of any class.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    pub(crate) state: u32,
    pub(crate) local: RawEnd,
    pub(crate) remote: RawEnd,
    /// [`UNRESOLVED`] if it is unknown.
    pub(crate) owner: u32,
    /// [`UNKNOWN_OFFLOAD`] if it is unknown.
    pub(crate) offload: i32,
    /// 0 if it is unknown.
    pub(crate) created: i64,
    /// Zero if they are unknown.
    pub(crate) module: [u64; 16],
}

impl Parts {
    /// A row with these fields; the others are unknown.
    pub(crate) const fn of(state: u32, local: RawEnd, remote: RawEnd) -> Parts {
        Parts { state, local, remote, owner: UNRESOLVED, offload: UNKNOWN_OFFLOAD, created: 0, module: [0; 16] }
    }

    pub(crate) fn new(state: State, local: SocketAddrV6, remote: Option<SocketAddrV6>) -> Parts {
        Parts::of(state.as_raw(), RawEnd::new(local), remote.map(RawEnd::new).unwrap_or_default())
    }
}

/// Access to the fields of a row of any class, as the system wrote them.
pub(crate) trait RawRow: Row {
    #[inline]
    fn raw_state(&self) -> u32 {
        u32::from_ne_bytes(bytes_at(self, Self::LAYOUT.state))
    }

    #[inline]
    fn raw_local(&self) -> RawEnd {
        end_at(self, Self::LAYOUT.local)
    }

    /// The remote end. That of a listener can hold anything.
    #[inline]
    fn raw_remote(&self) -> RawEnd {
        end_at(self, Self::LAYOUT.remote)
    }

    /// `dwOwningPid`, or `None` if the class lacks it.
    #[inline]
    fn raw_owner(&self) -> Option<u32> {
        Self::LAYOUT.owner.map(|at| u32::from_ne_bytes(bytes_at(self, at)))
    }

    /// `dwOffloadState`, or `None` if the class lacks it.
    #[inline]
    fn raw_offload(&self) -> Option<i32> {
        Self::LAYOUT.offload.map(|at| i32::from_ne_bytes(bytes_at(self, at)))
    }

    /// `liCreateTimestamp`, or `None` if the class lacks it.
    #[inline]
    fn raw_created(&self) -> Option<i64> {
        Self::LAYOUT.created.map(|at| i64::from_ne_bytes(bytes_at(self, at)))
    }

    /// `OwningModuleInfo`, or `None` if the class lacks it.
    #[inline]
    fn raw_module(&self) -> Option<&[u64; 16]> {
        let words = |at| pod::values(&pod::bytes_of(slice::from_ref(self))[at..], 16)?.first_chunk();
        Self::LAYOUT.module.map(|at| words(at).expect("a field of the row"))
    }

    /// Sets the owner if the class has one.
    #[inline]
    fn set_owner(&mut self, owner: Owner) {
        if let Some(at) = Self::LAYOUT.owner {
            put(self, at, owner.as_raw().to_ne_bytes());
        }
    }

    /// All fields; those that the class lacks are unknown.
    fn parts(&self) -> Parts {
        let unknown = Parts::of(self.raw_state(), self.raw_local(), self.raw_remote());
        Parts {
            owner: self.raw_owner().unwrap_or(unknown.owner),
            offload: self.raw_offload().unwrap_or(unknown.offload),
            created: self.raw_created().unwrap_or(unknown.created),
            module: self.raw_module().copied().unwrap_or(unknown.module),
            ..unknown
        }
    }

    /// A row with those of these fields that the class has.
    #[inline]
    fn build(parts: &Parts) -> Self {
        let mut row = pod::zeroed::<Self>();
        let Layout { state, local, remote, owner, offload, created, module } = Self::LAYOUT;
        put(&mut row, state, parts.state.to_ne_bytes());
        put_end(&mut row, local, parts.local);
        put_end(&mut row, remote, parts.remote);
        if let Some(at) = owner {
            put(&mut row, at, parts.owner.to_ne_bytes());
        }
        if let Some(at) = offload {
            put(&mut row, at, parts.offload.to_ne_bytes());
        }
        if let Some(at) = created {
            put(&mut row, at, parts.created.to_ne_bytes());
        }
        if let Some(at) = module {
            for (i, word) in parts.module.iter().enumerate() {
                put(&mut row, at + 8 * i, word.to_ne_bytes());
            }
        }
        row
    }

    /// Zeroes the bits without a meaning: the upper bits of ports and the remote end of a listener.
    #[inline]
    fn make_canonical(&mut self) {
        let Layout { local, remote, .. } = Self::LAYOUT;
        for EndLayout { port, .. } in [local, remote] {
            let bits = u32::from_ne_bytes(bytes_at(self, port)) & PORT_BITS;
            put(self, port, bits.to_ne_bytes());
        }
        if self.is_listener() {
            put_end(self, remote, RawEnd::default());
        }
    }

    /// The row after [`make_canonical`](RawRow::make_canonical).
    #[inline]
    fn canonical(mut self) -> Self {
        self.make_canonical();
        self
    }

    /// The total order of rows with equal ends: owner, creation time, module, state, offload state.
    #[inline]
    fn tie_break(&self, other: &Self) -> Ordering {
        let key = |row: &Self| (row.raw_owner(), row.raw_created());
        let last = |row: &Self| (row.raw_state(), row.raw_offload());
        key(self)
            .cmp(&key(other))
            .then_with(|| self.raw_module().cmp(&other.raw_module()))
            .then_with(|| last(self).cmp(&last(other)))
    }

    /// The number that identifies the socket: the cookie on Linux, the time of creation on Windows.
    ///
    /// `None` if the class or the system provides none; several rows can have `None`.
    #[inline]
    fn identity(&self) -> Option<NonZeroU64> {
        match self.raw_module().and_then(socket_info::unpack) {
            Some(info) => info.cookie,
            None => self.raw_created().and_then(|ticks| NonZeroU64::new(ticks as u64)),
        }
    }
}

impl<R: Row> RawRow for R {}

#[inline]
fn bytes_at<R: Row, const N: usize>(row: &R, at: usize) -> [u8; N] {
    // The offsets are those of fields of the row (`row_class!`), so that the compiler drops the check.
    *pod::bytes_of(slice::from_ref(row))[at..].first_chunk().expect("a field of the row")
}

#[inline]
fn put<R: Row, const N: usize>(row: &mut R, at: usize, bytes: [u8; N]) {
    pod::bytes_of_mut(slice::from_mut(row))[at..at + N].copy_from_slice(&bytes);
}

#[inline]
fn end_at<R: Row>(row: &R, end: EndLayout) -> RawEnd {
    RawEnd {
        address: bytes_at(row, end.address),
        scope_id: u32::from_ne_bytes(bytes_at(row, end.scope_id)),
        port: u32::from_ne_bytes(bytes_at(row, end.port)),
    }
}

#[inline]
fn put_end<R: Row>(row: &mut R, at: EndLayout, end: RawEnd) {
    put(row, at.address, end.address);
    put(row, at.scope_id, end.scope_id.to_ne_bytes());
    put(row, at.port, end.port.to_ne_bytes());
}
