#![doc = include_str!("../README.md")]
//!
//! # Functions
//!
//! On other systems than Windows this crate has the types and the constants alone.
//!
//! | function | fills | since |
//! |---|---|---|
//! | [`GetTcp6Table`] | [`MIB_TCP6TABLE`] | Vista |
//! | [`GetTcp6Table2`] | [`MIB_TCP6TABLE2`]: owner pid, offload state | Vista |
//! | [`GetExtendedTcpTable`] | [`MIB_TCP6TABLE_OWNER_PID`], [`MIB_TCP6TABLE_OWNER_MODULE`] | XP SP2 |
//! | [`GetTcpTable`] | [`MIB_TCPTABLE`]: IPv4 | 2000 |
//! | [`GetTcpTable2`] | [`MIB_TCPTABLE2`]: IPv4 | Vista |
//! | [`GetOwnerModuleFromTcp6Entry`], [`GetOwnerModuleFromTcpEntry`] * | [`TCPIP_OWNER_MODULE_BASIC_INFO`] | Vista |
//! | `GetOwnerModuleFromPidAndInfo` * | [`TCPIP_OWNER_MODULE_BASIC_INFO`] | not documented |
//! | `InternalGetBoundTcp6EndpointTable` ** | [`MIB_TCP6TABLE2`]: endpoints that are only bound | not documented |
//! | [`GetTcpStatisticsEx`] | [`MIB_TCPSTATS`] | XP |
//! | [`GetTcpStatisticsEx2`] ** | [`MIB_TCPSTATS2`]: 64-bit counters | 10, version 1709 |
//! | [`GetPerTcp6ConnectionEStats`], [`GetPerTcpConnectionEStats`] * | the `TCP_ESTATS_*` structures of one connection | Vista |
//! | [`SetPerTcp6ConnectionEStats`] *, [`SetPerTcpConnectionEStats`] | nothing; switches the statistics on and off | Vista |
//! | [`SetTcpEntry`] | nothing; deletes a connection of IPv4 | 2000 |
//!
//! What Wine has of them:
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
//! | `SetTcpEntry` | 0, and nothing is done | the same | the same |
//!
//! \* Not in Wine. A program that calls the import there dies. One that is to run there looks the function up with
//! `GetProcAddress` and casts what it gets to the `PFN_` type: [`PFN_GetOwnerModuleFromTcp6Entry`],
//! [`PFN_GetOwnerModuleFromPidAndInfo`], [`PFN_GetPerTcp6ConnectionEStats`], [`PFN_SetPerTcp6ConnectionEStats`].
//!
//! \*\* Not in Wine nor in older Windows, where a program that imports it does not even start. So it is not imported,
//! and there are [`PFN_GetTcpStatisticsEx2`] and [`PFN_InternalGetBoundTcp6EndpointTable`] alone.
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
//! All of them return their error, 0 for success. `GetLastError` has nothing to add.
//!
//! # The buffer protocol
//!
//! The functions that fill a table take a buffer and a pointer to its size in bytes.
//!
//! * **Going in**, the size is what the buffer holds. A size that is too small (0 always is) asks for the size needed.
//! * **[`ERROR_INSUFFICIENT_BUFFER`] coming out**: nothing useful was written, and the size is what the table would
//!   have taken at that moment (on Windows with room for a few more rows). The table may have outgrown it by the next
//!   call, so offer more: a quarter more and a few KiB are a good start. While connections come and go, offering exactly
//!   the size reported can fail more often than not. Bound the number of tries.
//! * **[`NO_ERROR`] coming out**: the size is what was written, `dwNumEntries` how many rows there are. The one does not
//!   follow from the other, since Windows adds some bytes for alignment and Wine none. Check that the rows lie within
//!   the size before reading them.
//! * **[`STATUS_UNSUCCESSFUL`]**: while the table changes fast, Windows may give up and return this NTSTATUS, which is
//!   no Win32 code. Try again with a larger buffer.
//!
//! One call with a buffer that was large enough last time is half the work of asking for the size first: the system
//! gathers the whole table both times.
//!
//! # Reading the rows
//!
//! * The buffer must be aligned: 8 bytes for the `OWNER_MODULE` classes, 4 for the others. A `Vec<u8>` promises 1; a
//!   `Vec<u64>` will do.
//! * The rows follow one another from the `table` member on, which is declared with one row. Take a raw pointer to it,
//!   `&raw const (*t).table`, never a reference: **a reference reaches the one row it is declared with**, and to read
//!   the next through it is undefined behaviour.
//! * Ports are in network byte order, in the low 16 bits: `u16::from_be(row.dwLocalPort as u16)`. The upper bits may be
//!   garbage.
//! * Scope ids are interface indices in host byte order. Microsoft's pages say network byte order and convert them, but
//!   .NET, and the tests of Wine that are run on Windows too, take them as they are. (Wine 8 writes a class of address
//!   instead: 4096 for `::1`, 8192 for link-local addresses, `u32::MAX` for those of other machines.)
//! * The remote half of a listener may be anything.
//! * States, like everything that C calls an enumeration, may have values that no header lists.
//!
//! # Layout
//!
//! Size, alignment and every offset of every structure are asserted when this crate is compiled, compared with
//! `windows-sys` by the repository's tests, and compared with the C headers of MinGW-w64 by the repository's `cargo xtask layout`.
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
