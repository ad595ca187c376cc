//! The functions of `iphlpapi.dll`: imports on Windows, and pointer types on every system.

mod pointers;

pub use pointers::*;

/// The imports. `link!` accepts no doc comments, so the re-exports below have the documentation.
#[cfg(windows)]
#[allow(missing_docs)]
mod imports {
    use core::ffi::c_void;

    use crate::{
        BOOL, MIB_TCP6ROW, MIB_TCP6ROW_OWNER_MODULE, MIB_TCP6TABLE, MIB_TCP6TABLE2, MIB_TCPROW,
        MIB_TCPROW_OWNER_MODULE, MIB_TCPSTATS, MIB_TCPTABLE, MIB_TCPTABLE2, TCP_ESTATS_TYPE, TCP_TABLE_CLASS,
        TCPIP_OWNER_MODULE_INFO_CLASS,
    };

    windows_targets::link!("iphlpapi.dll" "system" fn GetTcp6Table(
        TcpTable: *mut MIB_TCP6TABLE,
        SizePointer: *mut u32,
        Order: BOOL,
    ) -> u32);
    windows_targets::link!("iphlpapi.dll" "system" fn GetTcp6Table2(
        TcpTable: *mut MIB_TCP6TABLE2,
        SizePointer: *mut u32,
        Order: BOOL,
    ) -> u32);
    windows_targets::link!("iphlpapi.dll" "system" fn GetTcpTable(
        TcpTable: *mut MIB_TCPTABLE,
        SizePointer: *mut u32,
        Order: BOOL,
    ) -> u32);
    windows_targets::link!("iphlpapi.dll" "system" fn GetTcpTable2(
        TcpTable: *mut MIB_TCPTABLE2,
        SizePointer: *mut u32,
        Order: BOOL,
    ) -> u32);
    windows_targets::link!("iphlpapi.dll" "system" fn GetExtendedTcpTable(
        pTcpTable: *mut c_void,
        pdwSize: *mut u32,
        bOrder: BOOL,
        ulAf: u32,
        TableClass: TCP_TABLE_CLASS,
        Reserved: u32,
    ) -> u32);
    windows_targets::link!("iphlpapi.dll" "system" fn GetOwnerModuleFromTcpEntry(
        pTcpEntry: *const MIB_TCPROW_OWNER_MODULE,
        Class: TCPIP_OWNER_MODULE_INFO_CLASS,
        pBuffer: *mut c_void,
        pdwSize: *mut u32,
    ) -> u32);
    windows_targets::link!("iphlpapi.dll" "system" fn GetOwnerModuleFromTcp6Entry(
        pTcpEntry: *const MIB_TCP6ROW_OWNER_MODULE,
        Class: TCPIP_OWNER_MODULE_INFO_CLASS,
        pBuffer: *mut c_void,
        pdwSize: *mut u32,
    ) -> u32);
    windows_targets::link!("iphlpapi.dll" "system" fn GetOwnerModuleFromPidAndInfo(
        ulPid: u32,
        pInfo: *const u64,
        Class: TCPIP_OWNER_MODULE_INFO_CLASS,
        pBuffer: *mut c_void,
        pdwSize: *mut u32,
    ) -> u32);
    windows_targets::link!("iphlpapi.dll" "system" fn GetTcpStatisticsEx(
        Statistics: *mut MIB_TCPSTATS,
        Family: u32,
    ) -> u32);
    windows_targets::link!("iphlpapi.dll" "system" fn GetPerTcp6ConnectionEStats(
        Row: *const MIB_TCP6ROW,
        EstatsType: TCP_ESTATS_TYPE,
        Rw: *mut u8,
        RwVersion: u32,
        RwSize: u32,
        Ros: *mut u8,
        RosVersion: u32,
        RosSize: u32,
        Rod: *mut u8,
        RodVersion: u32,
        RodSize: u32,
    ) -> u32);
    windows_targets::link!("iphlpapi.dll" "system" fn SetPerTcp6ConnectionEStats(
        Row: *const MIB_TCP6ROW,
        EstatsType: TCP_ESTATS_TYPE,
        Rw: *const u8,
        RwVersion: u32,
        RwSize: u32,
        Offset: u32,
    ) -> u32);
    windows_targets::link!("iphlpapi.dll" "system" fn GetPerTcpConnectionEStats(
        Row: *const MIB_TCPROW,
        EstatsType: TCP_ESTATS_TYPE,
        Rw: *mut u8,
        RwVersion: u32,
        RwSize: u32,
        Ros: *mut u8,
        RosVersion: u32,
        RosSize: u32,
        Rod: *mut u8,
        RodVersion: u32,
        RodSize: u32,
    ) -> u32);
    windows_targets::link!("iphlpapi.dll" "system" fn SetPerTcpConnectionEStats(
        Row: *const MIB_TCPROW,
        EstatsType: TCP_ESTATS_TYPE,
        Rw: *const u8,
        RwVersion: u32,
        RwSize: u32,
        Offset: u32,
    ) -> u32);
    windows_targets::link!("iphlpapi.dll" "system" fn SetTcpEntry(pTcpRow: *const MIB_TCPROW) -> u32);
}

/// Writes the IPv6 TCP table, a [`MIB_TCP6TABLE`](crate::MIB_TCP6TABLE), to the caller's buffer.
///
/// `SizePointer` points to the size in bytes; see [the buffer protocol](crate#the-buffer-protocol). If `Order` is not
/// 0, the rows are sorted in ascending order of local address, local scope, local port, remote address, remote scope
/// and remote port. The header does not declare `TcpTable` as optional: query the size with a valid pointer and a size
/// that is too small.
///
/// Since Windows Vista.
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcp6table)
///
/// # Returns
///
/// * [`NO_ERROR`](crate::NO_ERROR)
/// * [`ERROR_INSUFFICIENT_BUFFER`](crate::ERROR_INSUFFICIENT_BUFFER): the buffer is too small; `*SizePointer` is now
///   the required size.
/// * [`ERROR_INVALID_PARAMETER`](crate::ERROR_INVALID_PARAMETER): `SizePointer` is null or not writable.
/// * [`ERROR_NOT_SUPPORTED`](crate::ERROR_NOT_SUPPORTED): the system has no IPv6.
/// * Rarely: [`STATUS_UNSUCCESSFUL`](crate::STATUS_UNSUCCESSFUL), [`ERROR_NO_DATA`](crate::ERROR_NO_DATA),
///   [`ERROR_NOT_ENOUGH_MEMORY`](crate::ERROR_NOT_ENOUGH_MEMORY).
///
/// # Safety
///
/// `TcpTable` must be valid for writes of `*SizePointer` bytes and aligned to 4. `SizePointer` must be null or valid
/// for reads and writes.
#[cfg(windows)]
pub use imports::GetTcp6Table;

/// Writes the IPv6 TCP table with owner pids and offload states to the caller's buffer.
///
/// The table is a [`MIB_TCP6TABLE2`](crate::MIB_TCP6TABLE2). Parameters, sort order, return codes and safety
/// requirements are those of [`GetTcp6Table`].
///
/// Since Windows Vista.
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcp6table2)
#[cfg(windows)]
pub use imports::GetTcp6Table2;

/// Writes the IPv4 TCP table, a [`MIB_TCPTABLE`](crate::MIB_TCPTABLE), to the caller's buffer.
///
/// Parameters, return codes and safety requirements are those of [`GetTcp6Table`], with two differences: the sort order
/// is local address, local port, remote address, remote port, and the table may be null to query the size. This is the
/// only function of the family for which Microsoft documents [`STATUS_UNSUCCESSFUL`](crate::STATUS_UNSUCCESSFUL).
///
/// Since Windows 2000. Wine sorts incorrectly: it compares the two middle bytes of an address in swapped order.
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcptable)
#[cfg(windows)]
pub use imports::GetTcpTable;

/// Writes the IPv4 TCP table with owner pids and offload states to the caller's buffer.
///
/// The table is a [`MIB_TCPTABLE2`](crate::MIB_TCPTABLE2). Parameters, return codes and safety requirements are those
/// of [`GetTcp6Table`], with two differences: the sort order is local address, local port, remote address, remote port,
/// and the table may be null to query the size.
///
/// Since Windows Vista.
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcptable2)
#[cfg(windows)]
pub use imports::GetTcpTable2;

/// Writes the TCP table of an address family and a table class to the caller's buffer.
///
/// `ulAf` is [`AF_INET6`](crate::AF_INET6) or [`AF_INET`](crate::AF_INET). `TableClass` is a
/// [`TCP_TABLE_CLASS`](crate::TCP_TABLE_CLASS). `Reserved` must be 0. `pTcpTable` may be null to query the size. The
/// size is in bytes and follows [the buffer protocol](crate#the-buffer-protocol). The sort order is that of
/// [`GetTcp6Table`].
///
/// | class | `AF_INET6` | `AF_INET` |
/// |---|---|---|
/// | `BASIC` | not supported | [`MIB_TCPTABLE`] |
/// | `OWNER_PID` | [`MIB_TCP6TABLE_OWNER_PID`] | [`MIB_TCPTABLE_OWNER_PID`] |
/// | `OWNER_MODULE` | [`MIB_TCP6TABLE_OWNER_MODULE`] | [`MIB_TCPTABLE_OWNER_MODULE`] |
///
/// Since Windows Vista (and XP SP2).
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getextendedtcptable)
///
/// [`MIB_TCPTABLE`]: crate::MIB_TCPTABLE
/// [`MIB_TCPTABLE_OWNER_PID`]: crate::MIB_TCPTABLE_OWNER_PID
/// [`MIB_TCPTABLE_OWNER_MODULE`]: crate::MIB_TCPTABLE_OWNER_MODULE
/// [`MIB_TCP6TABLE_OWNER_PID`]: crate::MIB_TCP6TABLE_OWNER_PID
/// [`MIB_TCP6TABLE_OWNER_MODULE`]: crate::MIB_TCP6TABLE_OWNER_MODULE
///
/// # Returns
///
/// * [`NO_ERROR`](crate::NO_ERROR)
/// * [`ERROR_INSUFFICIENT_BUFFER`](crate::ERROR_INSUFFICIENT_BUFFER): the buffer is too small; `*pdwSize` is now the
///   required size.
/// * [`ERROR_INVALID_PARAMETER`](crate::ERROR_INVALID_PARAMETER): `pdwSize` is null, or the family or the class is
///   unknown.
/// * [`ERROR_NOT_SUPPORTED`](crate::ERROR_NOT_SUPPORTED): the system lacks the family, or `AF_INET6` with a `BASIC`
///   class.
/// * Rarely: [`STATUS_UNSUCCESSFUL`](crate::STATUS_UNSUCCESSFUL) while the table changes fast,
///   [`ERROR_NO_DATA`](crate::ERROR_NO_DATA), [`ERROR_NOT_ENOUGH_MEMORY`](crate::ERROR_NOT_ENOUGH_MEMORY).
///
/// # Safety
///
/// `pTcpTable` must be null, or valid for writes of `*pdwSize` bytes and aligned to 8 for the `OWNER_MODULE` classes
/// and to 4 for the others. `pdwSize` must be null or valid for reads and writes.
#[cfg(windows)]
pub use imports::GetExtendedTcpTable;

/// Returns the module that owns the endpoint of an IPv6 row: see
/// [`PFN_GetOwnerModuleFromTcp6Entry`].
///
/// Static import: a call ends the process under a Wine that lacks the function; see [Functions](crate#functions).
#[cfg(windows)]
pub use imports::GetOwnerModuleFromTcp6Entry;

/// Returns the module of a pid and an `OwningModuleInfo`: see [`PFN_GetOwnerModuleFromPidAndInfo`].
///
/// Static import: a call ends the process under a Wine that lacks the function; see [Functions](crate#functions).
#[cfg(windows)]
pub use imports::GetOwnerModuleFromPidAndInfo;

/// Writes the counters of the TCP stack for one address family.
///
/// `Statistics` points to a [`MIB_TCPSTATS`](crate::MIB_TCPSTATS). `Family` is [`AF_INET6`](crate::AF_INET6) or
/// [`AF_INET`](crate::AF_INET).
///
/// Since Windows XP.
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcpstatisticsex)
///
/// # Returns
///
/// * [`NO_ERROR`](crate::NO_ERROR)
/// * [`ERROR_INVALID_PARAMETER`](crate::ERROR_INVALID_PARAMETER): `Statistics` is null, or the family is unknown.
/// * [`ERROR_NOT_SUPPORTED`](crate::ERROR_NOT_SUPPORTED): the system lacks the family.
///
/// # Safety
///
/// `Statistics` must be null or valid for a write.
#[cfg(windows)]
pub use imports::GetTcpStatisticsEx;

/// Reads extended statistics of an IPv6 connection: see [`PFN_GetPerTcp6ConnectionEStats`].
///
/// Static import: a call ends the process under a Wine that lacks the function; see [Functions](crate#functions).
#[cfg(windows)]
pub use imports::GetPerTcp6ConnectionEStats;

/// Switches extended statistics of an IPv6 connection: see [`PFN_SetPerTcp6ConnectionEStats`].
///
/// Static import: a call ends the process under a Wine that lacks the function; see [Functions](crate#functions).
#[cfg(windows)]
pub use imports::SetPerTcp6ConnectionEStats;

/// Returns the module that owns the endpoint of an IPv4 row: see
/// [`PFN_GetOwnerModuleFromTcpEntry`].
///
/// Static import: a call ends the process under a Wine that lacks the function; see [Functions](crate#functions).
#[cfg(windows)]
pub use imports::GetOwnerModuleFromTcpEntry;

/// Reads extended statistics of an IPv4 connection: see [`PFN_GetPerTcpConnectionEStats`].
///
/// Static import: a call ends the process under a Wine that lacks the function; see [Functions](crate#functions).
#[cfg(windows)]
pub use imports::GetPerTcpConnectionEStats;

/// Switches extended statistics of an IPv4 connection: see [`PFN_SetPerTcpConnectionEStats`].
#[cfg(windows)]
pub use imports::SetPerTcpConnectionEStats;

/// Deletes an IPv4 connection. There is no such function for IPv6.
///
/// `pTcpRow` is the row as `GetTcpTable` returned it, with `dwState` set to
/// [`MIB_TCP_STATE_DELETE_TCB`](crate::MIB_TCP_STATE_DELETE_TCB). No other state can be set.
///
/// Since Windows 2000. Wine returns 0 and does nothing.
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-settcpentry)
///
/// # Returns
///
/// * [`NO_ERROR`](crate::NO_ERROR)
/// * [`ERROR_ACCESS_DENIED`](crate::ERROR_ACCESS_DENIED),
///   [`ERROR_NETWORK_ACCESS_DENIED`](crate::ERROR_NETWORK_ACCESS_DENIED) or
///   [`ERROR_MR_MID_NOT_FOUND`](crate::ERROR_MR_MID_NOT_FOUND), depending on the version of Windows: the caller is not
///   an elevated administrator.
/// * [`ERROR_INVALID_PARAMETER`](crate::ERROR_INVALID_PARAMETER): `pTcpRow` is null, or `dwState` is another state.
/// * [`ERROR_MR_MID_NOT_FOUND`](crate::ERROR_MR_MID_NOT_FOUND): the connection does not exist.
///
/// # Safety
///
/// `pTcpRow` must be null or valid for a read.
#[cfg(windows)]
pub use imports::SetTcpEntry;

// Each import must have the signature of its pointer type.
#[cfg(windows)]
const _: (
    PFN_GetOwnerModuleFromTcpEntry,
    PFN_GetOwnerModuleFromTcp6Entry,
    PFN_GetOwnerModuleFromPidAndInfo,
    PFN_GetPerTcp6ConnectionEStats,
    PFN_SetPerTcp6ConnectionEStats,
    PFN_GetPerTcpConnectionEStats,
    PFN_SetPerTcpConnectionEStats,
) = (
    GetOwnerModuleFromTcpEntry,
    GetOwnerModuleFromTcp6Entry,
    GetOwnerModuleFromPidAndInfo,
    GetPerTcp6ConnectionEStats,
    SetPerTcp6ConnectionEStats,
    GetPerTcpConnectionEStats,
    SetPerTcpConnectionEStats,
);
