//! The types of pointers to functions, on every system.

use core::ffi::c_void;

use crate::{
    MIB_TCP6ROW, MIB_TCP6ROW_OWNER_MODULE, MIB_TCPROW, MIB_TCPROW_OWNER_MODULE, MIB_TCPSTATS2, TCP_ESTATS_TYPE,
    TCPIP_OWNER_MODULE_INFO_CLASS,
};

/// Pointer to `GetOwnerModuleFromTcp6Entry`, which returns the owner module of an IPv6 endpoint.
///
/// The call writes a [`TCPIP_OWNER_MODULE_BASIC_INFO`](crate::TCPIP_OWNER_MODULE_BASIC_INFO), followed by the strings
/// that it points to, to `pBuffer`. On input `*pdwSize` is the size of the buffer in bytes. `Class` must be
/// [`TCPIP_OWNER_MODULE_INFO_BASIC`](crate::TCPIP_OWNER_MODULE_INFO_BASIC). The row is one that `GetExtendedTcpTable`
/// returned; only its `dwOwningPid` and `OwningModuleInfo` matter.
///
/// Since Windows Vista. In Wine since 11.3, which is newer than the Wine of Debian 12 and 13.
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getownermodulefromtcp6entry)
///
/// # Returns
///
/// Microsoft's page does not list every code. The others are from Wine's tests, which are meant to pass on Windows.
///
/// * [`NO_ERROR`](crate::NO_ERROR): the size is unchanged. The strings are empty if the caller may not query the owner.
/// * [`ERROR_INSUFFICIENT_BUFFER`](crate::ERROR_INSUFFICIENT_BUFFER): the buffer is too small; `*pdwSize` is now the
///   required size.
/// * [`ERROR_ACCESS_DENIED`](crate::ERROR_ACCESS_DENIED): the caller may not query the owner.
/// * [`ERROR_INVALID_PARAMETER`](crate::ERROR_INVALID_PARAMETER): a required pointer is null, the class is unknown, or
///   no process can have the pid.
/// * [`ERROR_MOD_NOT_FOUND`](crate::ERROR_MOD_NOT_FOUND): newer versions of Windows return it for some rows whose
///   `OwningModuleInfo` is not zero. The same row with a zeroed `OwningModuleInfo` succeeds and returns the names of
///   the process.
/// * [`ERROR_NOT_FOUND`](crate::ERROR_NOT_FOUND): the pid is 0, or the process has exited.
/// * [`ERROR_PARTIAL_COPY`](crate::ERROR_PARTIAL_COPY): only part of the owner's data could be read.
/// * [`ERROR_NOT_ENOUGH_MEMORY`](crate::ERROR_NOT_ENOUGH_MEMORY)
///
/// # Safety
///
/// `pTcpEntry` must be valid for a read. `pBuffer` must be null with a size of 0, or valid for writes of `*pdwSize`
/// bytes and aligned like a pointer. `pdwSize` must be valid for reads and writes.
pub type PFN_GetOwnerModuleFromTcp6Entry = unsafe extern "system" fn(
    pTcpEntry: *const MIB_TCP6ROW_OWNER_MODULE,
    Class: TCPIP_OWNER_MODULE_INFO_CLASS,
    pBuffer: *mut c_void,
    pdwSize: *mut u32,
) -> u32;

/// Pointer to `GetOwnerModuleFromPidAndInfo`, which returns the module of a pid and an info.
///
/// It does the same as [`PFN_GetOwnerModuleFromTcp6Entry`] for any address family and protocol. It takes
/// `dwOwningPid` and a pointer to `OwningModuleInfo` instead of the row. Return codes and the other parameters are the
/// same.
///
/// Undocumented by Microsoft, so the first version that has it is unknown; not in Wine 8.0 and 10.0. The header
/// declares it without a calling convention, but the DLL exports it with the convention of the other functions.
///
/// # Safety
///
/// As for [`PFN_GetOwnerModuleFromTcp6Entry`]. `pInfo` must be valid for reads of
/// [`TCPIP_OWNING_MODULE_SIZE`](crate::TCPIP_OWNING_MODULE_SIZE) 64-bit words.
pub type PFN_GetOwnerModuleFromPidAndInfo = unsafe extern "system" fn(
    ulPid: u32,
    pInfo: *const u64,
    Class: TCPIP_OWNER_MODULE_INFO_CLASS,
    pBuffer: *mut c_void,
    pdwSize: *mut u32,
) -> u32;

/// Pointer to `GetOwnerModuleFromTcpEntry`, which returns the owner module of an IPv4 endpoint.
///
/// Apart from the type of the row, parameters, return codes and safety requirements are those of
/// [`PFN_GetOwnerModuleFromTcp6Entry`].
///
/// Since Windows Vista (and XP SP2); not in Wine 8.0 and 10.0.
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getownermodulefromtcpentry)
pub type PFN_GetOwnerModuleFromTcpEntry = unsafe extern "system" fn(
    pTcpEntry: *const MIB_TCPROW_OWNER_MODULE,
    Class: TCPIP_OWNER_MODULE_INFO_CLASS,
    pBuffer: *mut c_void,
    pdwSize: *mut u32,
) -> u32;

/// Pointer to `InternalGetBoundTcp6EndpointTable`, which lists IPv6 endpoints that are bound only.
///
/// These endpoints are bound, but neither listen nor are connected; `netstat -q` shows them. `*Table` receives a
/// pointer to a [`MIB_TCP6TABLE2`](crate::MIB_TCP6TABLE2). The function allocates it from `Heap`, a heap handle, with
/// `Flags` as for `HeapAlloc`. The caller frees it with `HeapFree`. The state and the offload state of the rows may be
/// meaningless.
///
/// Undocumented: no header of Microsoft declares it, and the signature is that of System Informer. The first version
/// that has it is unknown; not in Wine 8.0 and 10.0. Look it up at run time and handle its absence.
///
/// # Returns
///
/// [`NO_ERROR`](crate::NO_ERROR), or a Win32 error code. The possible codes are unknown.
///
/// # Safety
///
/// `Table` must be valid for a write, `Heap` a heap of this process, and `Flags` valid for `HeapAlloc`.
pub type PFN_InternalGetBoundTcp6EndpointTable =
    unsafe extern "system" fn(Table: *mut *mut c_void, Heap: *mut c_void, Flags: u32) -> u32;

/// Pointer to `GetTcpStatisticsEx2`, which writes TCP counters with 64-bit segment counters.
///
/// This crate does not import it: a program that imports it does not start on Windows before 10, version 1709. Except
/// for the type of the structure, parameters, return codes and safety requirements are those of `GetTcpStatisticsEx`.
///
/// Since Windows 10, version 1709; not in Wine 8.0 and 10.0.
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcpstatisticsex2)
pub type PFN_GetTcpStatisticsEx2 = unsafe extern "system" fn(Statistics: *mut MIB_TCPSTATS2, Family: u32) -> u32;

/// Pointer to `GetPerTcp6ConnectionEStats`, which reads extended statistics of an IPv6 connection.
///
/// `Row` identifies the connection; pass it as `GetTcp6Table` returned it. `EstatsType` selects the structures of the
/// three buffers: `Rw` is what can be set, `Ros` what is fixed when the connection is made, `Rod` what changes. Each
/// size is in bytes. To omit a buffer, pass null with a size of 0. Every version must be 0.
///
/// **Success does not imply data**: unless the collection is [enabled](PFN_SetPerTcp6ConnectionEStats), `Rod` receives
/// garbage. `Rw` reports whether the collection is enabled.
///
/// Since Windows Vista. Wine before 10.15 lacks it; later versions return
/// [`ERROR_CALL_NOT_IMPLEMENTED`](crate::ERROR_CALL_NOT_IMPLEMENTED).
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getpertcp6connectionestats)
///
/// # Returns
///
/// * [`NO_ERROR`](crate::NO_ERROR)
/// * [`ERROR_INSUFFICIENT_BUFFER`](crate::ERROR_INSUFFICIENT_BUFFER) (Vista) or
///   [`ERROR_INVALID_USER_BUFFER`](crate::ERROR_INVALID_USER_BUFFER) (later): a buffer is too small, or is null with a
///   size other than 0.
/// * [`ERROR_INVALID_PARAMETER`](crate::ERROR_INVALID_PARAMETER): `Row` is null, or the type is unknown.
/// * [`ERROR_NOT_FOUND`](crate::ERROR_NOT_FOUND): the connection does not exist.
/// * [`ERROR_NOT_SUPPORTED`](crate::ERROR_NOT_SUPPORTED): a version is not 0.
///
/// # Safety
///
/// `Row` must be null or valid for a read. Each buffer must be null or valid for writes of its size.
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

/// Pointer to `SetPerTcp6ConnectionEStats`, which enables or disables extended statistics (IPv6).
///
/// The collection is disabled by default. `Rw` is the `TCP_ESTATS_*_RW_v0` structure of `EstatsType`, and `RwSize` its
/// size in bytes; a size of 0 does nothing. `RwVersion` and `Offset` must be 0.
///
/// Since Windows Vista. Wine before 10.15 lacks it; later versions return
/// [`ERROR_NOT_SUPPORTED`](crate::ERROR_NOT_SUPPORTED).
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-setpertcp6connectionestats)
///
/// # Returns
///
/// * [`NO_ERROR`](crate::NO_ERROR)
/// * [`ERROR_ACCESS_DENIED`](crate::ERROR_ACCESS_DENIED): the caller is not an elevated administrator.
/// * [`ERROR_INVALID_PARAMETER`](crate::ERROR_INVALID_PARAMETER): `Row` is null.
/// * [`ERROR_INVALID_USER_BUFFER`](crate::ERROR_INVALID_USER_BUFFER): `Rw` does not match `RwSize`.
/// * [`ERROR_NOT_FOUND`](crate::ERROR_NOT_FOUND): the connection does not exist.
/// * [`ERROR_NOT_SUPPORTED`](crate::ERROR_NOT_SUPPORTED): the version or the offset is not 0.
///
/// # Safety
///
/// `Row` must be null or valid for a read. `Rw` must be valid for reads of `RwSize` bytes.
pub type PFN_SetPerTcp6ConnectionEStats = unsafe extern "system" fn(
    Row: *const MIB_TCP6ROW,
    EstatsType: TCP_ESTATS_TYPE,
    Rw: *const u8,
    RwVersion: u32,
    RwSize: u32,
    Offset: u32,
) -> u32;

/// Pointer to `GetPerTcpConnectionEStats`, which reads extended statistics of an IPv4 connection.
///
/// Apart from the type of the row, parameters, return codes and safety requirements are those of
/// [`PFN_GetPerTcp6ConnectionEStats`].
///
/// Since Windows Vista; not in Wine 8.0. Wine 10.0 and later return
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

/// Pointer to `SetPerTcpConnectionEStats`, which enables or disables extended statistics (IPv4).
///
/// Apart from the type of the row, parameters, return codes and safety requirements are those of
/// [`PFN_SetPerTcp6ConnectionEStats`].
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
