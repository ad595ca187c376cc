//! The row of GetExtendedTcpTable's OWNER_MODULE classes.

use core::cmp::Ordering;
use core::fmt;
use core::num::NonZeroU64;
use core::time::Duration;
use std::time::SystemTime;

use tcp6_sys::MIB_TCP6ROW_OWNER_MODULE;

use super::layout::{Layout, Parts};
use super::{Row, debug, linux_info};
#[cfg(feature = "serde")]
use crate::clock;
use crate::endpoint::{PORT_BITS, RawEnd};
use crate::{Class, Owner};

/// State, ends, owner, when the socket was bound, and what names the module that bound it: a row of
/// [GetExtendedTcpTable] with TCP_TABLE_OWNER_MODULE_ALL, 192 bytes.
///
/// [GetExtendedTcpTable]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getextendedtcptable
#[derive(Clone, Copy)]
#[repr(transparent)]
#[doc(alias = "MIB_TCP6ROW_OWNER_MODULE")]
pub struct OwnerModuleRow(MIB_TCP6ROW_OWNER_MODULE);

/// 1970-01-01 in the 100 ns ticks since 1601-01-01 that Windows counts.
const UNIX_EPOCH_TICKS: i64 = 116_444_736_000_000_000;
const TICKS_PER_SECOND: u64 = 10_000_000;

/// The time of these ticks; `None` for those that Windows does not write: 0, which says nothing, and negative ones.
pub(crate) fn time_at(ticks: i64) -> Option<SystemTime> {
    if ticks <= 0 {
        return None;
    }
    let since = ticks - UNIX_EPOCH_TICKS;
    let distance =
        Duration::new(since.unsigned_abs() / TICKS_PER_SECOND, (since.unsigned_abs() % TICKS_PER_SECOND) as u32 * 100);
    if since >= 0 { SystemTime::UNIX_EPOCH.checked_add(distance) } else { SystemTime::UNIX_EPOCH.checked_sub(distance) }
}

/// The ticks of this time, rounded down; `None` if no ticks stand for it.
#[cfg(feature = "serde")]
pub(crate) fn ticks_at(time: SystemTime) -> Option<i64> {
    let (seconds, nanoseconds) = clock::since_epoch(time);
    let ticks = seconds.checked_mul(TICKS_PER_SECOND as i64)?.checked_add(i64::from(nanoseconds / 100))?;
    ticks.checked_add(UNIX_EPOCH_TICKS).filter(|ticks| *ticks > 0)
}

impl OwnerModuleRow {
    /// When the socket was bound, or `None` if the system does not report it, as on Linux and under Wine.
    #[must_use]
    pub fn created(&self) -> Option<SystemTime> {
        time_at(self.0.liCreateTimestamp)
    }

    /// When the socket was bound, in 100 ns ticks since 1601-01-01 UTC (a FILETIME, although the reference page says
    /// otherwise); `None` if the system does not report it, as on Linux and under Wine.
    #[must_use]
    #[doc(alias = "liCreateTimestamp")]
    pub const fn created_ticks(&self) -> Option<i64> {
        match self.0.liCreateTimestamp {
            0 => None,
            ticks => Some(ticks),
        }
    }

    /// The words by which Windows finds the owning module. Opaque; `None` if all are zero, and for rows from Linux,
    /// whose data [`socket_info`](crate::os::linux::OwnerModuleRowExt::socket_info) returns.
    #[must_use]
    #[doc(alias = "OwningModuleInfo")]
    pub fn module_info(&self) -> Option<&[u64; 16]> {
        let words = &self.0.OwningModuleInfo;
        (*words != [0; 16] && linux_info::unpack(words).is_none()).then_some(words)
    }
}

impl Row for OwnerModuleRow {
    type Raw = MIB_TCP6ROW_OWNER_MODULE;
    const CLASS: Class = Class::OwnerModule;

    #[inline]
    fn from_raw(raw: MIB_TCP6ROW_OWNER_MODULE) -> OwnerModuleRow {
        OwnerModuleRow(raw)
    }

    #[inline]
    fn as_raw(&self) -> &MIB_TCP6ROW_OWNER_MODULE {
        &self.0
    }
}

impl Layout for OwnerModuleRow {
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
        Parts {
            owner: self.0.dwOwningPid,
            created: self.0.liCreateTimestamp,
            module: self.0.OwningModuleInfo,
            ..Parts::of(self.raw_state(), self.raw_local(), self.raw_remote())
        }
    }

    #[inline]
    fn build(parts: &Parts) -> OwnerModuleRow {
        OwnerModuleRow(MIB_TCP6ROW_OWNER_MODULE {
            ucLocalAddr: parts.local.address,
            dwLocalScopeId: parts.local.scope_id,
            dwLocalPort: parts.local.port,
            ucRemoteAddr: parts.remote.address,
            dwRemoteScopeId: parts.remote.scope_id,
            dwRemotePort: parts.remote.port,
            dwState: parts.state,
            dwOwningPid: parts.owner,
            liCreateTimestamp: parts.created,
            OwningModuleInfo: parts.module,
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
    fn tie_break(&self, other: &OwnerModuleRow) -> Ordering {
        let key = |row: &OwnerModuleRow| (row.0.dwOwningPid, row.0.liCreateTimestamp);
        key(self)
            .cmp(&key(other))
            .then_with(|| self.0.OwningModuleInfo.cmp(&other.0.OwningModuleInfo))
            .then_with(|| self.0.dwState.cmp(&other.0.dwState))
    }

    #[inline]
    fn identity(&self) -> Option<NonZeroU64> {
        match linux_info::unpack(&self.0.OwningModuleInfo) {
            Some(info) => info.cookie,
            None => NonZeroU64::new(self.0.liCreateTimestamp as u64),
        }
    }
}

impl fmt::Debug for OwnerModuleRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("OwnerModuleRow", self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::State;

    fn row_created_at(ticks: i64) -> OwnerModuleRow {
        let parts = Parts::new(State::Listen, "[::1]:80".parse().unwrap(), None);
        OwnerModuleRow::build(&Parts { created: ticks, ..parts })
    }

    #[test]
    fn ticks_become_times_on_both_sides_of_1970() {
        let second = Duration::from_secs(1);
        let epoch = SystemTime::UNIX_EPOCH;
        assert_eq!(row_created_at(UNIX_EPOCH_TICKS).created(), Some(epoch));
        assert_eq!(row_created_at(UNIX_EPOCH_TICKS + 1).created(), Some(epoch + Duration::from_nanos(100)));
        assert_eq!(row_created_at(UNIX_EPOCH_TICKS - 10_000_000).created(), Some(epoch - second));
        assert_eq!(row_created_at(0).created(), None);
        assert_eq!(row_created_at(-1).created(), None);
        #[cfg(feature = "serde")]
        for ticks in [1, 7, UNIX_EPOCH_TICKS - 1, UNIX_EPOCH_TICKS, UNIX_EPOCH_TICKS + 1, 134_000_000_012_345_678] {
            assert_eq!(time_at(ticks).and_then(ticks_at), Some(ticks));
        }
        // Whatever a system may write: an answer, no panic.
        let _ = row_created_at(i64::MAX).created();
        let _ = row_created_at(i64::MIN).created();
    }
}
