//! The functions: imported where the system is Windows, and as pointer types everywhere.

use core::ffi::c_void;

use crate::{
    MIB_TCP6ROW, MIB_TCP6ROW_OWNER_MODULE, MIB_TCPROW, MIB_TCPROW_OWNER_MODULE, MIB_TCPSTATS2, TCP_ESTATS_TYPE,
    TCPIP_OWNER_MODULE_INFO_CLASS,
};

/// The imports. `link!` takes neither attributes nor comments, so each function is documented where it is re-exported.
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

/// Writes the IPv6 TCP table, a [`MIB_TCP6TABLE`](crate::MIB_TCP6TABLE), into the caller's buffer.
///
/// `SizePointer` points to the size in bytes; see [the buffer protocol](crate#the-buffer-protocol). Unless `Order` is 0
/// the rows are sorted, ascending: local address, local scope, local port, remote address, remote scope, remote port.
/// The header does not allow a null `TcpTable`, only too small a size.
///
/// Since Windows Vista.
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcp6table)
///
/// # Returns
///
/// * [`NO_ERROR`](crate::NO_ERROR)
/// * [`ERROR_INSUFFICIENT_BUFFER`](crate::ERROR_INSUFFICIENT_BUFFER): the size now says how many bytes it takes.
/// * [`ERROR_INVALID_PARAMETER`](crate::ERROR_INVALID_PARAMETER): `SizePointer` is null or cannot be written.
/// * [`ERROR_NOT_SUPPORTED`](crate::ERROR_NOT_SUPPORTED): this system has no IPv6.
/// * Others, rarely: [`STATUS_UNSUCCESSFUL`](crate::STATUS_UNSUCCESSFUL), [`ERROR_NO_DATA`](crate::ERROR_NO_DATA),
///   [`ERROR_NOT_ENOUGH_MEMORY`](crate::ERROR_NOT_ENOUGH_MEMORY).
///
/// # Safety
///
/// `TcpTable` must be valid for writes of `*SizePointer` bytes and aligned to 4, `SizePointer` null or valid for reads
/// and writes.
#[cfg(windows)]
pub use imports::GetTcp6Table;

/// Writes the IPv6 TCP table with owner pids and offload states, a [`MIB_TCP6TABLE2`](crate::MIB_TCP6TABLE2), into the
/// caller's buffer.
///
/// Parameters, order, return codes and safety are those of [`GetTcp6Table`].
///
/// Since Windows Vista.
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcp6table2)
#[cfg(windows)]
pub use imports::GetTcp6Table2;

/// Writes the IPv4 TCP table, a [`MIB_TCPTABLE`](crate::MIB_TCPTABLE), into the caller's buffer.
///
/// Parameters, return codes and safety are those of [`GetTcp6Table`]; the order is local address, local port, remote
/// address, remote port, and the table may be null to ask for the size. This is the one function of the family for which
/// Microsoft documents [`STATUS_UNSUCCESSFUL`](crate::STATUS_UNSUCCESSFUL).
///
/// Since Windows 2000. Wine's order is wrong: it compares the two middle bytes of an address swapped.
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcptable)
#[cfg(windows)]
pub use imports::GetTcpTable;

/// Writes the IPv4 TCP table with owner pids and offload states, a [`MIB_TCPTABLE2`](crate::MIB_TCPTABLE2), into the
/// caller's buffer.
///
/// Parameters, return codes and safety are those of [`GetTcp6Table`]; the order is local address, local port, remote
/// address, remote port, and the table may be null to ask for the size.
///
/// Since Windows Vista.
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcptable2)
#[cfg(windows)]
pub use imports::GetTcpTable2;

/// Writes a TCP table of the family and class asked for into the caller's buffer.
///
/// `ulAf` is [`AF_INET6`](crate::AF_INET6) or [`AF_INET`](crate::AF_INET), `Reserved` must be 0. With `AF_INET6` and an
/// `OWNER_PID` [class](crate::TCP_TABLE_CLASS) the table is a
/// [`MIB_TCP6TABLE_OWNER_PID`](crate::MIB_TCP6TABLE_OWNER_PID), with an `OWNER_MODULE` class a
/// [`MIB_TCP6TABLE_OWNER_MODULE`](crate::MIB_TCP6TABLE_OWNER_MODULE). With `AF_INET` it is a
/// [`MIB_TCPTABLE`](crate::MIB_TCPTABLE), [`MIB_TCPTABLE_OWNER_PID`](crate::MIB_TCPTABLE_OWNER_PID) or
/// [`MIB_TCPTABLE_OWNER_MODULE`](crate::MIB_TCPTABLE_OWNER_MODULE). `pTcpTable` may be null to ask for the size. The size goes in and out as
/// [the buffer protocol](crate#the-buffer-protocol) says; the order is that of [`GetTcp6Table`].
///
/// Since Windows Vista (and XP SP2).
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getextendedtcptable)
///
/// # Returns
///
/// * [`NO_ERROR`](crate::NO_ERROR)
/// * [`ERROR_INSUFFICIENT_BUFFER`](crate::ERROR_INSUFFICIENT_BUFFER): the size now says how many bytes it takes.
/// * [`ERROR_INVALID_PARAMETER`](crate::ERROR_INVALID_PARAMETER): the size pointer is null, or family or class unknown.
/// * [`ERROR_NOT_SUPPORTED`](crate::ERROR_NOT_SUPPORTED): no such family here, or `AF_INET6` with a `BASIC` class.
/// * Others, rarely: [`STATUS_UNSUCCESSFUL`](crate::STATUS_UNSUCCESSFUL) while the table changes fast,
///   [`ERROR_NO_DATA`](crate::ERROR_NO_DATA), [`ERROR_NOT_ENOUGH_MEMORY`](crate::ERROR_NOT_ENOUGH_MEMORY).
///
/// # Safety
///
/// `pTcpTable` must be null or valid for writes of `*pdwSize` bytes and aligned to 8 for the `OWNER_MODULE` classes, to
/// 4 for the others; `pdwSize` null or valid for reads and writes.
#[cfg(windows)]
pub use imports::GetExtendedTcpTable;

/// Tells which module owns the endpoint of a row: see [`PFN_GetOwnerModuleFromTcp6Entry`].
///
/// A static import: under Wine, which lacks the function, the call ends the process.
#[cfg(windows)]
pub use imports::GetOwnerModuleFromTcp6Entry;

/// Tells which module a pid and an `OwningModuleInfo` stand for: see [`PFN_GetOwnerModuleFromPidAndInfo`].
///
/// A static import: under Wine, which lacks the function, the call ends the process.
#[cfg(windows)]
pub use imports::GetOwnerModuleFromPidAndInfo;

/// Writes the counters of the TCP stack, a [`MIB_TCPSTATS`](crate::MIB_TCPSTATS), for one family:
/// [`AF_INET6`](crate::AF_INET6) or [`AF_INET`](crate::AF_INET).
///
/// Since Windows XP.
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcpstatisticsex)
///
/// # Returns
///
/// * [`NO_ERROR`](crate::NO_ERROR)
/// * [`ERROR_INVALID_PARAMETER`](crate::ERROR_INVALID_PARAMETER): `Statistics` is null or the family unknown.
/// * [`ERROR_NOT_SUPPORTED`](crate::ERROR_NOT_SUPPORTED): this system does not have the family.
///
/// # Safety
///
/// `Statistics` must be null or valid for a write.
#[cfg(windows)]
pub use imports::GetTcpStatisticsEx;

/// Reads extended statistics of one connection: see [`PFN_GetPerTcp6ConnectionEStats`].
///
/// A static import: under Wine, which lacks the function, the call ends the process.
#[cfg(windows)]
pub use imports::GetPerTcp6ConnectionEStats;

/// Switches the collection of extended statistics of one connection: see [`PFN_SetPerTcp6ConnectionEStats`].
///
/// A static import: under Wine, which lacks the function, the call ends the process.
#[cfg(windows)]
pub use imports::SetPerTcp6ConnectionEStats;

/// Returns the module that owns the endpoint of an IPv4 row: see [`PFN_GetOwnerModuleFromTcpEntry`].
///
/// A static import: under Wine, which lacks the function, the call ends the process.
#[cfg(windows)]
pub use imports::GetOwnerModuleFromTcpEntry;

/// Reads extended statistics of one IPv4 connection: see [`PFN_GetPerTcpConnectionEStats`].
///
/// A static import: under Wine 8, which lacks the function, the call ends the process.
#[cfg(windows)]
pub use imports::GetPerTcpConnectionEStats;

/// Switches the collection of extended statistics of one IPv4 connection: see [`PFN_SetPerTcpConnectionEStats`].
#[cfg(windows)]
pub use imports::SetPerTcpConnectionEStats;

/// Deletes an IPv4 connection: `dwState` of the row is [`MIB_TCP_STATE_DELETE_TCB`](crate::MIB_TCP_STATE_DELETE_TCB),
/// and the row is otherwise as `GetTcpTable` gave it. No other state can be set. IPv6 has no such function.
///
/// Since Windows 2000. Wine returns 0 and does nothing.
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-settcpentry)
///
/// # Returns
///
/// * [`NO_ERROR`](crate::NO_ERROR)
/// * [`ERROR_ACCESS_DENIED`](crate::ERROR_ACCESS_DENIED), [`ERROR_NETWORK_ACCESS_DENIED`](crate::ERROR_NETWORK_ACCESS_DENIED)
///   or [`ERROR_MR_MID_NOT_FOUND`](crate::ERROR_MR_MID_NOT_FOUND): the caller is not an elevated administrator, depending
///   on the version of Windows.
/// * [`ERROR_INVALID_PARAMETER`](crate::ERROR_INVALID_PARAMETER): the row is null, or the state another.
/// * [`ERROR_MR_MID_NOT_FOUND`](crate::ERROR_MR_MID_NOT_FOUND): there is no such connection.
///
/// # Safety
///
/// `pTcpRow` must be null or valid for a read.
#[cfg(windows)]
pub use imports::SetTcpEntry;

/// `GetOwnerModuleFromTcp6Entry`, looked up at run time: which module owns the endpoint of a row.
///
/// The answer, a [`TCPIP_OWNER_MODULE_BASIC_INFO`](crate::TCPIP_OWNER_MODULE_BASIC_INFO) and the strings that it points
/// to, goes into `pBuffer`; `*pdwSize` is its size in bytes, in and out. `Class` must be
/// [`TCPIP_OWNER_MODULE_INFO_BASIC`](crate::TCPIP_OWNER_MODULE_INFO_BASIC). The row is taken as it came from
/// `GetExtendedTcpTable`; its pid and `OwningModuleInfo` are what counts.
///
/// Since Windows Vista; in Wine since 11.3, so in none that Debian 12 or 13 has.
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getownermodulefromtcp6entry)
///
/// # Returns
///
/// The tests of Wine, which are meant to pass on Windows, have the values that Microsoft's page lacks.
///
/// * [`NO_ERROR`](crate::NO_ERROR), with empty strings where the caller may not look into the owner. The size is unchanged.
/// * [`ERROR_INSUFFICIENT_BUFFER`](crate::ERROR_INSUFFICIENT_BUFFER): the size now says how many bytes it takes.
/// * [`ERROR_ACCESS_DENIED`](crate::ERROR_ACCESS_DENIED): the caller may not look into the owner.
/// * [`ERROR_INVALID_PARAMETER`](crate::ERROR_INVALID_PARAMETER): a required pointer is null, the class unknown, or the
///   pid is one that no process has.
/// * [`ERROR_MOD_NOT_FOUND`](crate::ERROR_MOD_NOT_FOUND): on newer versions, for some rows whose `OwningModuleInfo` is
///   not zero. The same row with zeros there succeeds, with the names of the process.
/// * [`ERROR_NOT_FOUND`](crate::ERROR_NOT_FOUND): the pid is 0, or the process is gone.
/// * [`ERROR_PARTIAL_COPY`](crate::ERROR_PARTIAL_COPY): only a part of the owner's data could be read.
/// * [`ERROR_NOT_ENOUGH_MEMORY`](crate::ERROR_NOT_ENOUGH_MEMORY)
///
/// # Safety
///
/// `pTcpEntry` must be valid for a read, `pBuffer` null with a size of 0 or valid for writes of `*pdwSize` bytes and
/// aligned as a pointer, `pdwSize` valid for reads and writes.
pub type PFN_GetOwnerModuleFromTcp6Entry = unsafe extern "system" fn(
    pTcpEntry: *const MIB_TCP6ROW_OWNER_MODULE,
    Class: TCPIP_OWNER_MODULE_INFO_CLASS,
    pBuffer: *mut c_void,
    pdwSize: *mut u32,
) -> u32;

/// `GetOwnerModuleFromPidAndInfo`, looked up at run time: [`PFN_GetOwnerModuleFromTcp6Entry`] for any family and
/// protocol.
///
/// Instead of a row it takes the row's `dwOwningPid` and a pointer to its `OwningModuleInfo`. Return codes and the
/// other parameters are the same.
///
/// Not in Wine. Microsoft has no page for it, so its first version is unknown. Its header gives it no calling convention, and yet it is exported with
/// the one of all its siblings.
///
/// # Safety
///
/// As for [`PFN_GetOwnerModuleFromTcp6Entry`]; `pInfo` must be valid for reads of
/// [`TCPIP_OWNING_MODULE_SIZE`](crate::TCPIP_OWNING_MODULE_SIZE) words.
pub type PFN_GetOwnerModuleFromPidAndInfo = unsafe extern "system" fn(
    ulPid: u32,
    pInfo: *const u64,
    Class: TCPIP_OWNER_MODULE_INFO_CLASS,
    pBuffer: *mut c_void,
    pdwSize: *mut u32,
) -> u32;

/// `GetOwnerModuleFromTcpEntry`, looked up at run time: [`PFN_GetOwnerModuleFromTcp6Entry`] for a row of IPv4. Return codes
/// and safety are the same.
///
/// Since Windows Vista (and XP SP2); not in Wine 8 and 10.
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getownermodulefromtcpentry)
pub type PFN_GetOwnerModuleFromTcpEntry = unsafe extern "system" fn(
    pTcpEntry: *const MIB_TCPROW_OWNER_MODULE,
    Class: TCPIP_OWNER_MODULE_INFO_CLASS,
    pBuffer: *mut c_void,
    pdwSize: *mut u32,
) -> u32;

/// `InternalGetBoundTcp6EndpointTable`, looked up at run time: the endpoints that are bound and neither listen nor are
/// connected, as `netstat -q` shows them.
///
/// `Table` receives a pointer to a [`MIB_TCP6TABLE2`](crate::MIB_TCP6TABLE2), allocated from the heap that `Heap` is a
/// handle of, with `Flags` as HeapAlloc takes them. The caller frees it with HeapFree. State and offload state of the rows
/// need not mean anything.
///
/// Undocumented: Microsoft declares it in no header, and its signature is as System Informer has it. Its first version is
/// unknown, and no Wine has it. Resolve it at run time, and be prepared for its absence.
///
/// # Returns
///
/// [`NO_ERROR`](crate::NO_ERROR), or a Win32 code. Which ones is not established.
///
/// # Safety
///
/// `Table` must be valid for a write, `Heap` a heap of this process, `Flags` ones that HeapAlloc takes.
pub type PFN_InternalGetBoundTcp6EndpointTable =
    unsafe extern "system" fn(Table: *mut *mut c_void, Heap: *mut c_void, Flags: u32) -> u32;

/// `GetTcpStatisticsEx2`, looked up at run time: the counters of the TCP stack with 64-bit segment counters.
///
/// Never imported here: below Windows 10, version 1709, a program that imports it does not start. Parameters, return
/// codes and safety are those of `GetTcpStatisticsEx`.
///
/// Since Windows 10, version 1709; not in Wine.
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcpstatisticsex2)
pub type PFN_GetTcpStatisticsEx2 = unsafe extern "system" fn(Statistics: *mut MIB_TCPSTATS2, Family: u32) -> u32;

/// `GetPerTcp6ConnectionEStats`, looked up at run time: reads extended statistics of one connection.
///
/// `Row` names the connection and is passed as `GetTcp6Table` gave it. `EstatsType` says which structures the three
/// buffers hold, each with its size in bytes: `Rw` what can be set, `Ros` what was fixed when the connection was made,
/// `Rod` what changes. A buffer that is not wanted is null with a size of 0. Every version is 0.
///
/// **Success does not mean that there are data**: unless the collection was
/// [switched on](PFN_SetPerTcp6ConnectionEStats), `Rod` holds garbage. `Rw` tells whether it is on.
///
/// Since Windows Vista; not in Wine.
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getpertcp6connectionestats)
///
/// # Returns
///
/// * [`NO_ERROR`](crate::NO_ERROR)
/// * [`ERROR_INSUFFICIENT_BUFFER`](crate::ERROR_INSUFFICIENT_BUFFER) (Vista) or
///   [`ERROR_INVALID_USER_BUFFER`](crate::ERROR_INVALID_USER_BUFFER) (later): a buffer is too small, or null although
///   its size is not 0.
/// * [`ERROR_INVALID_PARAMETER`](crate::ERROR_INVALID_PARAMETER): `Row` is null or the type unknown.
/// * [`ERROR_NOT_FOUND`](crate::ERROR_NOT_FOUND): there is no such connection.
/// * [`ERROR_NOT_SUPPORTED`](crate::ERROR_NOT_SUPPORTED): a version is not 0.
///
/// # Safety
///
/// `Row` must be null or valid for a read, each buffer null or valid for writes of its size.
pub type PFN_GetPerTcp6ConnectionEStats = unsafe extern "system" fn(
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
) -> u32;

/// `SetPerTcp6ConnectionEStats`, looked up at run time: switches the collection of extended statistics of one
/// connection on or off. It is off to begin with.
///
/// `Rw` is the `TCP_ESTATS_*_RW_v0` structure that `EstatsType` calls for, `RwSize` its size in bytes; with a size of 0
/// nothing is done. `RwVersion` and `Offset` must be 0.
///
/// Since Windows Vista; not in Wine.
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-setpertcp6connectionestats)
///
/// # Returns
///
/// * [`NO_ERROR`](crate::NO_ERROR)
/// * [`ERROR_ACCESS_DENIED`](crate::ERROR_ACCESS_DENIED): the caller is not an elevated administrator.
/// * [`ERROR_INVALID_PARAMETER`](crate::ERROR_INVALID_PARAMETER): `Row` is null.
/// * [`ERROR_INVALID_USER_BUFFER`](crate::ERROR_INVALID_USER_BUFFER): `Rw` does not fit its size.
/// * [`ERROR_NOT_FOUND`](crate::ERROR_NOT_FOUND): there is no such connection.
/// * [`ERROR_NOT_SUPPORTED`](crate::ERROR_NOT_SUPPORTED): the version or the offset is not 0.
///
/// # Safety
///
/// `Row` must be null or valid for a read, `Rw` valid for reads of `RwSize` bytes.
pub type PFN_SetPerTcp6ConnectionEStats = unsafe extern "system" fn(
    Row: *const MIB_TCP6ROW,
    EstatsType: TCP_ESTATS_TYPE,
    Rw: *const u8,
    RwVersion: u32,
    RwSize: u32,
    Offset: u32,
) -> u32;

/// `GetPerTcpConnectionEStats`, looked up at run time: [`PFN_GetPerTcp6ConnectionEStats`] for a connection of IPv4.
///
/// Since Windows Vista; not in Wine 8. Wine 10.0 and later return
/// [`ERROR_CALL_NOT_IMPLEMENTED`](crate::ERROR_CALL_NOT_IMPLEMENTED).
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getpertcpconnectionestats)
pub type PFN_GetPerTcpConnectionEStats = unsafe extern "system" fn(
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
) -> u32;

/// `SetPerTcpConnectionEStats`, looked up at run time: [`PFN_SetPerTcp6ConnectionEStats`] for a connection of IPv4.
///
/// Since Windows Vista. Wine returns [`ERROR_NOT_SUPPORTED`](crate::ERROR_NOT_SUPPORTED).
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-setpertcpconnectionestats)
pub type PFN_SetPerTcpConnectionEStats = unsafe extern "system" fn(
    Row: *const MIB_TCPROW,
    EstatsType: TCP_ESTATS_TYPE,
    Rw: *const u8,
    RwVersion: u32,
    RwSize: u32,
    Offset: u32,
) -> u32;

// An import and the pointer type for the same function must be one signature.
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
