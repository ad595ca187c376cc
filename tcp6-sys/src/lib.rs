#![doc = include_str!("../README.md")]
//!
//! # Functions
//!
//! The types and the constants exist on every system, the functions on Windows only. Every function returns its error
//! code, or 0 on success; `GetLastError` has no further information.
//!
//! | function | writes | since |
//! |---|---|---|
//! | [`GetTcp6Table`] | [`MIB_TCP6TABLE`] | Vista |
//! | [`GetTcp6Table2`] | [`MIB_TCP6TABLE2`]: owner pid, offload state | Vista |
//! | [`GetExtendedTcpTable`] | [`MIB_TCP6TABLE_OWNER_PID`], [`MIB_TCP6TABLE_OWNER_MODULE`] and the IPv4 tables | XP SP2 |
//! | [`GetTcpTable`] | [`MIB_TCPTABLE`]: IPv4 | 2000 |
//! | [`GetTcpTable2`] | [`MIB_TCPTABLE2`]: IPv4 | Vista |
//! | [`GetOwnerModuleFromTcp6Entry`], [`GetOwnerModuleFromTcpEntry`] \* | [`TCPIP_OWNER_MODULE_BASIC_INFO`] | Vista |
//! | `GetOwnerModuleFromPidAndInfo` \* | [`TCPIP_OWNER_MODULE_BASIC_INFO`] | undocumented |
//! | `InternalGetBoundTcp6EndpointTable` \*\* | [`MIB_TCP6TABLE2`]: endpoints that are only bound | undocumented |
//! | [`GetTcpStatisticsEx`] | [`MIB_TCPSTATS`] | XP |
//! | [`GetTcpStatisticsEx2`] \*\* | [`MIB_TCPSTATS2`]: 64-bit segment counters | 10, version 1709 |
//! | [`GetPerTcp6ConnectionEStats`], [`GetPerTcpConnectionEStats`] \* | the `TCP_ESTATS_*` structures of a connection | Vista |
//! | [`SetPerTcp6ConnectionEStats`] \*, [`SetPerTcpConnectionEStats`] | nothing: enables or disables the statistics | Vista |
//! | [`SetTcpEntry`] | nothing: deletes an IPv4 connection | 2000 |
//!
//! Support in Wine; a number is the error code that every call returns:
//!
//! | | Wine 8.0 | Wine 10.0 | later |
//! |---|---|---|---|
//! | tables, `GetTcpStatisticsEx` | yes | yes | yes |
//! | `GetOwnerModuleFromTcp6Entry` | absent | absent | since 11.3 |
//! | `GetOwnerModuleFromTcpEntry`, `GetOwnerModuleFromPidAndInfo` | absent | absent | not checked |
//! | `GetTcpStatisticsEx2`, `InternalGetBoundTcp6EndpointTable` | absent | absent | not checked |
//! | `GetPerTcp6ConnectionEStats`, `SetPerTcp6ConnectionEStats` | absent | absent | 10.15: 120 and 50 |
//! | `GetPerTcpConnectionEStats` | absent | 120 | 120 |
//! | `SetPerTcpConnectionEStats` | 50 | 50 | 50 |
//! | `SetTcpEntry` | returns 0 and does nothing | same | same |
//!
//! \* Missing from some versions of Wine, where calling the import ends the process. A program that must run there looks
//! the function up with `GetProcAddress` and casts the address to its `PFN_` type: [`PFN_GetOwnerModuleFromTcp6Entry`],
//! [`PFN_GetOwnerModuleFromTcpEntry`], [`PFN_GetOwnerModuleFromPidAndInfo`], [`PFN_GetPerTcp6ConnectionEStats`],
//! [`PFN_GetPerTcpConnectionEStats`], [`PFN_SetPerTcp6ConnectionEStats`].
//!
//! \*\* Missing from Wine 8.0 and 10.0 and from older versions of Windows, where a program that imports it does not start.
//! So it is not imported; use [`PFN_GetTcpStatisticsEx2`] and [`PFN_InternalGetBoundTcp6EndpointTable`].
//!
//! [`GetTcp6Table`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcp6table
//! [`GetTcp6Table2`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcp6table2
//! [`GetExtendedTcpTable`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getextendedtcptable
//! [`GetOwnerModuleFromTcpEntry`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getownermodulefromtcpentry
//! [`GetPerTcpConnectionEStats`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getpertcpconnectionestats
//! [`GetTcpTable`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcptable
//! [`SetPerTcpConnectionEStats`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-setpertcpconnectionestats
//! [`SetTcpEntry`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-settcpentry
//! [`GetTcpTable2`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcptable2
//! [`GetOwnerModuleFromTcp6Entry`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getownermodulefromtcp6entry
//! [`GetTcpStatisticsEx`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcpstatisticsex
//! [`GetTcpStatisticsEx2`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcpstatisticsex2
//! [`GetPerTcp6ConnectionEStats`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getpertcp6connectionestats
//! [`SetPerTcp6ConnectionEStats`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-setpertcp6connectionestats
//!
//! # The buffer protocol
//!
//! The functions that write a table take a buffer and a pointer to its size in bytes.
//!
//! * **Input**: the size is the length of the buffer. A size that is too small, such as 0, queries the required size.
//! * **[`ERROR_INSUFFICIENT_BUFFER`]**: the buffer holds no useful data. The size is the required size at that moment;
//!   Windows adds room for a few rows. The table may have grown by the next call, so pass more: a quarter more plus a
//!   few KiB is a good start. While connections come and go, passing exactly the reported size can fail more often than
//!   not. Limit the number of attempts.
//! * **[`NO_ERROR`]**: the size is the number of bytes written, and `dwNumEntries` is the number of rows. Neither
//!   follows from the other: Windows adds some bytes for alignment, Wine none. Check that the rows lie within the size
//!   before reading them.
//! * **[`STATUS_UNSUCCESSFUL`]**: Windows may give up while the table changes fast. This is an NTSTATUS, not a Win32
//!   error code. Retry with a larger buffer.
//!
//! Do not query the size first if a buffer from an earlier call is available: the system gathers the whole table in
//! both calls, so one call costs half as much.
//!
//! # Reading the rows
//!
//! * Align the buffer to 8 bytes for the `OWNER_MODULE` classes and to 4 for the others. A `Vec<u8>` guarantees an
//!   alignment of 1; a `Vec<u64>` is sufficient.
//! * The rows start at the `table` member, which is declared as an array of one row. Take a raw pointer to it
//!   (`&raw const (*t).table`), not a reference: **a reference covers only the one declared row**, and reading the next
//!   row through it is undefined behaviour.
//! * Ports are in network byte order, in the low 16 bits: `u16::from_be(row.dwLocalPort as u16)`. The upper 16 bits may
//!   be garbage.
//! * Scope ids are interface indices in host byte order. Microsoft's pages say network byte order and convert them, but
//!   .NET and Wine's tests, which also run on Windows, use them unconverted. (Wine 8 writes an address class
//!   instead: 4096 for `::1`, 8192 for link-local addresses, `u32::MAX` for addresses of other machines.)
//! * The remote half of a listener may be garbage.
//! * States, and all other values of C enumerations, may have values that no header lists.
//!
//! # Layout
//!
//! This crate asserts the size, the alignment and every offset of every structure when it is compiled. The repository's
//! tests compare them with `windows-sys`, and its `cargo xtask layout` with the C headers of MinGW-w64.
#![no_std]
// The names are those of the C headers.
#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals, clippy::upper_case_acronyms)]

mod constants;
mod estats;
mod functions;
mod layout;
mod stats;
mod types;
mod types_ipv4;

pub use constants::{
    AF_INET, AF_INET6, ANY_SIZE, BOOL, ERROR_ACCESS_DENIED, ERROR_CALL_NOT_IMPLEMENTED, ERROR_GEN_FAILURE,
    ERROR_INSUFFICIENT_BUFFER, ERROR_INVALID_PARAMETER, ERROR_INVALID_USER_BUFFER, ERROR_MOD_NOT_FOUND,
    ERROR_MORE_DATA, ERROR_MR_MID_NOT_FOUND, ERROR_NETWORK_ACCESS_DENIED, ERROR_NO_DATA, ERROR_NOT_ENOUGH_MEMORY,
    ERROR_NOT_FOUND, ERROR_NOT_SUPPORTED, ERROR_OUTOFMEMORY, ERROR_PARTIAL_COPY, ERROR_PROC_NOT_FOUND, FALSE,
    MIB_TCP_MAXCONN_DYNAMIC, MIB_TCP_RTO_CONSTANT, MIB_TCP_RTO_OTHER, MIB_TCP_RTO_RSRE, MIB_TCP_RTO_VANJ,
    MIB_TCP_STATE, MIB_TCP_STATE_CLOSE_WAIT, MIB_TCP_STATE_CLOSED, MIB_TCP_STATE_CLOSING, MIB_TCP_STATE_DELETE_TCB,
    MIB_TCP_STATE_ESTAB, MIB_TCP_STATE_FIN_WAIT1, MIB_TCP_STATE_FIN_WAIT2, MIB_TCP_STATE_LAST_ACK,
    MIB_TCP_STATE_LISTEN, MIB_TCP_STATE_RESERVED, MIB_TCP_STATE_SYN_RCVD, MIB_TCP_STATE_SYN_SENT,
    MIB_TCP_STATE_TIME_WAIT, NO_ERROR, STATUS_UNSUCCESSFUL, TCP_BOOLEAN_OPTIONAL, TCP_CONNECTION_OFFLOAD_STATE,
    TCP_ESTATS_TYPE, TCP_RTO_ALGORITHM, TCP_SOFT_ERROR, TCP_TABLE_BASIC_ALL, TCP_TABLE_BASIC_CONNECTIONS,
    TCP_TABLE_BASIC_LISTENER, TCP_TABLE_CLASS, TCP_TABLE_OWNER_MODULE_ALL, TCP_TABLE_OWNER_MODULE_CONNECTIONS,
    TCP_TABLE_OWNER_MODULE_LISTENER, TCP_TABLE_OWNER_PID_ALL, TCP_TABLE_OWNER_PID_CONNECTIONS,
    TCP_TABLE_OWNER_PID_LISTENER, TCPIP_OWNER_MODULE_INFO_BASIC, TCPIP_OWNER_MODULE_INFO_CLASS,
    TCPIP_OWNING_MODULE_SIZE, TRUE, TcpBoolOptDisabled, TcpBoolOptEnabled, TcpBoolOptUnchanged,
    TcpConnectionEstatsBandwidth, TcpConnectionEstatsData, TcpConnectionEstatsFineRtt, TcpConnectionEstatsMaximum,
    TcpConnectionEstatsObsRec, TcpConnectionEstatsPath, TcpConnectionEstatsRec, TcpConnectionEstatsSendBuff,
    TcpConnectionEstatsSndCong, TcpConnectionEstatsSynOpts, TcpConnectionOffloadStateInHost,
    TcpConnectionOffloadStateMax, TcpConnectionOffloadStateOffloaded, TcpConnectionOffloadStateOffloading,
    TcpConnectionOffloadStateUploading, TcpErrorAboveAckWindow, TcpErrorAboveDataWindow, TcpErrorAboveTsWindow,
    TcpErrorBelowAckWindow, TcpErrorBelowDataWindow, TcpErrorBelowTsWindow, TcpErrorDataChecksumError,
    TcpErrorDataLengthError, TcpErrorMaxSoftError, TcpErrorNone, TcpRtoAlgorithmConstant, TcpRtoAlgorithmOther,
    TcpRtoAlgorithmRsre, TcpRtoAlgorithmVanj,
};
pub use estats::{
    TCP_ESTATS_BANDWIDTH_ROD_v0, TCP_ESTATS_BANDWIDTH_RW_v0, TCP_ESTATS_DATA_ROD_v0, TCP_ESTATS_DATA_RW_v0,
    TCP_ESTATS_FINE_RTT_ROD_v0, TCP_ESTATS_FINE_RTT_RW_v0, TCP_ESTATS_OBS_REC_ROD_v0, TCP_ESTATS_OBS_REC_RW_v0,
    TCP_ESTATS_PATH_ROD_v0, TCP_ESTATS_PATH_RW_v0, TCP_ESTATS_REC_ROD_v0, TCP_ESTATS_REC_RW_v0,
    TCP_ESTATS_SEND_BUFF_ROD_v0, TCP_ESTATS_SEND_BUFF_RW_v0, TCP_ESTATS_SND_CONG_ROD_v0, TCP_ESTATS_SND_CONG_ROS_v0,
    TCP_ESTATS_SND_CONG_RW_v0, TCP_ESTATS_SYN_OPTS_ROS_v0,
};
#[cfg(windows)]
pub use functions::{
    GetExtendedTcpTable, GetOwnerModuleFromPidAndInfo, GetOwnerModuleFromTcp6Entry, GetOwnerModuleFromTcpEntry,
    GetPerTcp6ConnectionEStats, GetPerTcpConnectionEStats, GetTcp6Table, GetTcp6Table2, GetTcpStatisticsEx,
    GetTcpTable, GetTcpTable2, SetPerTcp6ConnectionEStats, SetPerTcpConnectionEStats, SetTcpEntry,
};
pub use functions::{
    PFN_GetOwnerModuleFromPidAndInfo, PFN_GetOwnerModuleFromTcp6Entry, PFN_GetOwnerModuleFromTcpEntry,
    PFN_GetPerTcp6ConnectionEStats, PFN_GetPerTcpConnectionEStats, PFN_GetTcpStatisticsEx2,
    PFN_InternalGetBoundTcp6EndpointTable, PFN_SetPerTcp6ConnectionEStats, PFN_SetPerTcpConnectionEStats,
};
pub use stats::{MIB_TCPSTATS, MIB_TCPSTATS2};
pub use types::{
    IN6_ADDR, IN6_ADDR_0, MIB_TCP6ROW, MIB_TCP6ROW_OWNER_MODULE, MIB_TCP6ROW_OWNER_PID, MIB_TCP6ROW2, MIB_TCP6TABLE,
    MIB_TCP6TABLE_OWNER_MODULE, MIB_TCP6TABLE_OWNER_PID, MIB_TCP6TABLE2, TCPIP_OWNER_MODULE_BASIC_INFO,
};
pub use types_ipv4::{
    MIB_TCPROW, MIB_TCPROW_OWNER_MODULE, MIB_TCPROW_OWNER_PID, MIB_TCPROW2, MIB_TCPTABLE, MIB_TCPTABLE_OWNER_MODULE,
    MIB_TCPTABLE_OWNER_PID, MIB_TCPTABLE2,
};
