//! The row of GetExtendedTcpTable's OWNER_PID classes.

use core::cmp::Ordering;
use core::fmt;
use core::num::NonZeroU64;

use tcp6_sys::MIB_TCP6ROW_OWNER_PID;

use super::layout::{Layout, Parts};
use super::{Row, debug};
use crate::endpoint::{PORT_BITS, RawEnd};
use crate::{Class, Owner};

/// State, ends and owner: a row of [GetExtendedTcpTable] with TCP_TABLE_OWNER_PID_ALL, 56 bytes.
///
/// [GetExtendedTcpTable]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getextendedtcptable
#[derive(Clone, Copy)]
#[repr(transparent)]
#[doc(alias = "MIB_TCP6ROW_OWNER_PID")]
pub struct OwnerPidRow(MIB_TCP6ROW_OWNER_PID);

impl Row for OwnerPidRow {
    type Raw = MIB_TCP6ROW_OWNER_PID;
    const CLASS: Class = Class::OwnerPid;

    #[inline]
    fn from_raw(raw: MIB_TCP6ROW_OWNER_PID) -> OwnerPidRow {
        OwnerPidRow(raw)
    }

    #[inline]
    fn as_raw(&self) -> &MIB_TCP6ROW_OWNER_PID {
        &self.0
    }
}

impl Layout for OwnerPidRow {
    #[inline]
    fn raw_state(&self) -> u32 {
        self.0.dwState
    }

    #[inline]
    fn raw_local(&self) -> RawEnd {
        RawEnd { address: self.0.ucLocalAddr, scope_id: self.0.dwLocalScopeId, port: self.0.dwLocalPort }
    }

    #[inline]
    fn raw_remote(&self) -> RawEnd {
        RawEnd { address: self.0.ucRemoteAddr, scope_id: self.0.dwRemoteScopeId, port: self.0.dwRemotePort }
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
        Parts { owner: self.0.dwOwningPid, ..Parts::of(self.raw_state(), self.raw_local(), self.raw_remote()) }
    }

    #[inline]
    fn build(parts: &Parts) -> OwnerPidRow {
        OwnerPidRow(MIB_TCP6ROW_OWNER_PID {
            ucLocalAddr: parts.local.address,
            dwLocalScopeId: parts.local.scope_id,
            dwLocalPort: parts.local.port,
            ucRemoteAddr: parts.remote.address,
            dwRemoteScopeId: parts.remote.scope_id,
            dwRemotePort: parts.remote.port,
            dwState: parts.state,
            dwOwningPid: parts.owner,
        })
    }

    #[inline]
    fn make_canonical(&mut self) {
        self.0.dwLocalPort &= PORT_BITS;
        self.0.dwRemotePort &= PORT_BITS;
        if self.is_listener() {
            self.0.ucRemoteAddr = [0; 16];
            self.0.dwRemoteScopeId = 0;
            self.0.dwRemotePort = 0;
        }
    }

    #[inline]
    fn tie_break(&self, other: &OwnerPidRow) -> Ordering {
        let key = |row: &OwnerPidRow| (row.0.dwOwningPid, row.0.dwState);
        key(self).cmp(&key(other))
    }

    #[inline]
    fn identity(&self) -> Option<NonZeroU64> {
        None
    }
}

impl fmt::Debug for OwnerPidRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("OwnerPidRow", self, f)
    }
}
