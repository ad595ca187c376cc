//! The row of GetExtendedTcpTable's OWNER_MODULE classes.

use std::time::{Duration, SystemTime};

use tcp6_sys::MIB_TCP6ROW_OWNER_MODULE;

use super::define::row_class;
use crate::row::socket_info;
#[cfg(feature = "serde")]
use crate::unix_time;

row_class! {
    /// A row of [GetExtendedTcpTable] with TCP_TABLE_OWNER_MODULE_ALL. 192 bytes.
    ///
    /// It has the state, the ends, the owner, the time of creation and 16 module words.
    ///
    /// On Linux the module words hold the inode, uid and cookie of the socket, which
    /// [`socket_info`](crate::os::linux::OwnerModuleRowExt::socket_info) returns. This class alone identifies sockets,
    /// so that a diff distinguishes a new socket from an old one with the same ends.
    ///
    /// [GetExtendedTcpTable]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getextendedtcptable
    #[doc(alias = "MIB_TCP6ROW_OWNER_MODULE")]
    pub struct OwnerModuleRow(MIB_TCP6ROW_OWNER_MODULE): OwnerModule {
        state: dwState,
        local: ucLocalAddr, dwLocalScopeId, dwLocalPort,
        remote: ucRemoteAddr, dwRemoteScopeId, dwRemotePort,
        owner: dwOwningPid,
        created: liCreateTimestamp,
        module: OwningModuleInfo,
    }
}

/// 1970-01-01 in ticks of Windows: 100 ns since 1601-01-01 UTC.
const UNIX_EPOCH_TICKS: i64 = 116_444_736_000_000_000;
const TICKS_PER_SECOND: u64 = 10_000_000;

/// The time at this tick.
///
/// `None` for 0, which means unknown, and for negative ticks, which Windows does not write.
pub(crate) fn time_at(ticks: i64) -> Option<SystemTime> {
    if ticks <= 0 {
        return None;
    }
    let since = ticks - UNIX_EPOCH_TICKS;
    let distance =
        Duration::new(since.unsigned_abs() / TICKS_PER_SECOND, (since.unsigned_abs() % TICKS_PER_SECOND) as u32 * 100);
    if since >= 0 { SystemTime::UNIX_EPOCH.checked_add(distance) } else { SystemTime::UNIX_EPOCH.checked_sub(distance) }
}

/// The ticks of this time, rounded down; `None` if they are out of range.
#[cfg(feature = "serde")]
pub(crate) fn ticks_at(time: SystemTime) -> Option<i64> {
    let (seconds, nanoseconds) = unix_time::since_epoch(time);
    let ticks = seconds.checked_mul(TICKS_PER_SECOND as i64)?.checked_add(i64::from(nanoseconds / 100))?;
    ticks.checked_add(UNIX_EPOCH_TICKS).filter(|ticks| *ticks > 0)
}

impl OwnerModuleRow {
    /// The time at which the socket was bound.
    ///
    /// `None` if the system does not report it, as on Linux and with Wine.
    #[must_use]
    pub fn created(&self) -> Option<SystemTime> {
        time_at(self.0.liCreateTimestamp)
    }

    /// The time at which the socket was bound, in 100 ns ticks since 1601-01-01 UTC.
    ///
    /// It is a FILETIME, although the reference page differs. `None` if the system does not report it, as on Linux and
    /// with Wine.
    #[must_use]
    #[doc(alias = "liCreateTimestamp")]
    pub const fn created_ticks(&self) -> Option<i64> {
        match self.0.liCreateTimestamp {
            0 => None,
            ticks => Some(ticks),
        }
    }

    /// The opaque words by which Windows finds the owning module.
    ///
    /// `None` if all are zero, and for rows from Linux, whose data
    /// [`socket_info`](crate::os::linux::OwnerModuleRowExt::socket_info) returns.
    #[must_use]
    #[doc(alias = "OwningModuleInfo")]
    pub fn module_info(&self) -> Option<&[u64; 16]> {
        let words = &self.0.OwningModuleInfo;
        (*words != [0; 16] && socket_info::unpack(words).is_none()).then_some(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::layout::{Parts, RawRow};
    use crate::row::state::State;

    fn row_created_at(ticks: i64) -> OwnerModuleRow {
        let parts = Parts::new(State::Listen, "[::1]:80".parse().unwrap(), None);
        OwnerModuleRow::build(&Parts { created: ticks, ..parts })
    }

    #[test]
    fn converts_ticks_before_and_after_1970() {
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
        // Ticks from the system are untrusted: no value panics.
        let _ = row_created_at(i64::MAX).created();
        let _ = row_created_at(i64::MIN).created();
    }
}
