//! The row of GetTcp6Table.

use core::cmp::Ordering;
use core::fmt;
use core::num::NonZeroU64;

use tcp6_sys::{IN6_ADDR, IN6_ADDR_0, MIB_TCP6ROW};

use super::layout::{Layout, Parts};
use super::{Row, debug};
use crate::endpoint::{PORT_BITS, RawEnd, UNSPECIFIED};
use crate::view;
use crate::{Class, Owner};

/// State and ends: a row of [GetTcp6Table], 52 bytes.
///
/// [GetTcp6Table]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcp6table
#[derive(Clone, Copy)]
#[repr(transparent)]
#[doc(alias = "MIB_TCP6ROW")]
pub struct BasicRow(MIB_TCP6ROW);

impl Row for BasicRow {
    type Raw = MIB_TCP6ROW;
    const CLASS: Class = Class::Basic;

    #[inline]
    fn from_raw(raw: MIB_TCP6ROW) -> BasicRow {
        BasicRow(raw)
    }

    #[inline]
    fn as_raw(&self) -> &MIB_TCP6ROW {
        &self.0
    }
}

impl Layout for BasicRow {
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
        None
    }

    #[inline]
    fn set_owner(&mut self, _: Owner) {}

    fn parts(&self) -> Parts {
        Parts::of(self.raw_state(), self.raw_local(), self.raw_remote())
    }

    #[inline]
    fn build(parts: &Parts) -> BasicRow {
        BasicRow(MIB_TCP6ROW {
            State: parts.state as i32,
            LocalAddr: IN6_ADDR { u: IN6_ADDR_0 { Byte: parts.local.address } },
            dwLocalScopeId: parts.local.scope_id,
            dwLocalPort: parts.local.port,
            RemoteAddr: IN6_ADDR { u: IN6_ADDR_0 { Byte: parts.remote.address } },
            dwRemoteScopeId: parts.remote.scope_id,
            dwRemotePort: parts.remote.port,
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
    fn tie_break(&self, other: &BasicRow) -> Ordering {
        self.raw_state().cmp(&other.raw_state())
    }

    #[inline]
    fn identity(&self) -> Option<NonZeroU64> {
        None
    }
}

impl fmt::Debug for BasicRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("BasicRow", self, f)
    }
}
