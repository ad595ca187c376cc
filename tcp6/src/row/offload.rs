//! The row of GetTcp6Table2.

use core::cmp::Ordering;
use core::fmt;
use core::num::NonZeroU64;

use tcp6_sys::{IN6_ADDR, IN6_ADDR_0, MIB_TCP6ROW2};

use super::layout::{Layout, Parts};
use super::{Row, debug};
use crate::endpoint::{PORT_BITS, RawEnd, UNSPECIFIED};
use crate::view;
use crate::{Class, Owner};

/// State, ends, owner and offload state: a row of [GetTcp6Table2], 60 bytes.
///
/// [GetTcp6Table2]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcp6table2
#[derive(Clone, Copy)]
#[repr(transparent)]
#[doc(alias = "MIB_TCP6ROW2")]
pub struct OffloadRow(MIB_TCP6ROW2);

/// Where a connection is handled: by the host, or by a network card with TCP chimney offload.
///
/// Current systems handle every connection in the host; Windows says so in each row, Linux does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[doc(alias = "TCP_CONNECTION_OFFLOAD_STATE")]
pub enum OffloadState {
    /// By the host.
    InHost,
    /// On its way to the card.
    Offloading,
    /// By the card.
    Offloaded,
    /// On its way back to the host.
    Uploading,
    /// A number that has no name here.
    Other(i32),
}

impl OffloadState {
    /// The state with this number, or `None` if the number says that it is unknown.
    pub(crate) const fn known(raw: i32) -> Option<OffloadState> {
        match raw {
            UNKNOWN_OFFLOAD => None,
            state => Some(OffloadState::from_raw(state)),
        }
    }

    /// The state with this number.
    #[must_use]
    pub const fn from_raw(raw: i32) -> OffloadState {
        match raw {
            0 => OffloadState::InHost,
            1 => OffloadState::Offloading,
            2 => OffloadState::Offloaded,
            3 => OffloadState::Uploading,
            other => OffloadState::Other(other),
        }
    }

    /// The number of the state.
    #[must_use]
    pub const fn as_raw(self) -> i32 {
        match self {
            OffloadState::InHost => 0,
            OffloadState::Offloading => 1,
            OffloadState::Offloaded => 2,
            OffloadState::Uploading => 3,
            OffloadState::Other(raw) => raw,
        }
    }
}

/// `dwOffloadState` of a row whose offload state is unknown. Windows uses 0 to 3.
pub(crate) const UNKNOWN_OFFLOAD: i32 = -1;

impl OffloadRow {
    /// Who handles the connection, or `None` if it is unknown: Linux does not report it, and neither does a row that
    /// was converted from a class without it.
    #[must_use]
    pub const fn offload_state(&self) -> Option<OffloadState> {
        OffloadState::known(self.0.dwOffloadState)
    }
}

impl Row for OffloadRow {
    type Raw = MIB_TCP6ROW2;
    const CLASS: Class = Class::Offload;

    #[inline]
    fn from_raw(raw: MIB_TCP6ROW2) -> OffloadRow {
        OffloadRow(raw)
    }

    #[inline]
    fn as_raw(&self) -> &MIB_TCP6ROW2 {
        &self.0
    }
}

impl Layout for OffloadRow {
    #[inline]
    fn raw_state(&self) -> u32 {
        self.0.State as u32
    }

    #[inline]
    fn raw_local(&self) -> RawEnd {
        RawEnd { address: view::octets(&self.0.LocalAddr), scope_id: self.0.dwLocalScopeId, port: self.0.dwLocalPort }
    }

    #[inline]
    fn raw_remote(&self) -> RawEnd {
        RawEnd {
            address: view::octets(&self.0.RemoteAddr),
            scope_id: self.0.dwRemoteScopeId,
            port: self.0.dwRemotePort,
        }
    }

    #[inline]
    fn raw_owner(&self) -> Option<u32> {
        Some(self.0.dwOwningPid)
    }

    #[inline]
    fn set_owner(&mut self, owner: Owner) {
        self.0.dwOwningPid = owner.as_raw();
    }

    fn parts(&self) -> Parts {
        Parts {
            owner: self.0.dwOwningPid,
            offload: self.0.dwOffloadState,
            ..Parts::of(self.raw_state(), self.raw_local(), self.raw_remote())
        }
    }

    #[inline]
    fn build(parts: &Parts) -> OffloadRow {
        OffloadRow(MIB_TCP6ROW2 {
            LocalAddr: IN6_ADDR { u: IN6_ADDR_0 { Byte: parts.local.address } },
            dwLocalScopeId: parts.local.scope_id,
            dwLocalPort: parts.local.port,
            RemoteAddr: IN6_ADDR { u: IN6_ADDR_0 { Byte: parts.remote.address } },
            dwRemoteScopeId: parts.remote.scope_id,
            dwRemotePort: parts.remote.port,
            State: parts.state as i32,
            dwOwningPid: parts.owner,
            dwOffloadState: parts.offload,
        })
    }

    #[inline]
    fn make_canonical(&mut self) {
        self.0.dwLocalPort &= PORT_BITS;
        self.0.dwRemotePort &= PORT_BITS;
        if self.is_listener() {
            self.0.RemoteAddr = UNSPECIFIED;
            self.0.dwRemoteScopeId = 0;
            self.0.dwRemotePort = 0;
        }
    }

    #[inline]
    fn tie_break(&self, other: &OffloadRow) -> Ordering {
        let key = |row: &OffloadRow| (row.0.dwOwningPid, row.raw_state(), row.0.dwOffloadState);
        key(self).cmp(&key(other))
    }

    #[inline]
    fn identity(&self) -> Option<NonZeroU64> {
        None
    }
}

impl fmt::Debug for OffloadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("OffloadRow", self, f)
    }
}
