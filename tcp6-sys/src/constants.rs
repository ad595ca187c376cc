//! The values that the functions take, write and return.
//!
//! A C enumeration is an alias of `i32` here, not a Rust `enum`: a newer Windows may write a value that no header
//! lists, and a Rust `enum` that holds one is undefined behaviour.

/// A C truth value: 0 is false, anything else true.
pub type BOOL = i32;
/// Do not sort the table.
pub const FALSE: BOOL = 0;
/// Sort the table.
pub const TRUE: BOOL = 1;

/// The IPv4 address family, as [`GetExtendedTcpTable`] and [`GetTcpStatisticsEx`] take it.
///
/// [`GetExtendedTcpTable`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getextendedtcptable
/// [`GetTcpStatisticsEx`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcpstatisticsex
pub const AF_INET: u32 = 2;
/// The IPv6 address family on Windows. Other systems number it otherwise (Linux has 10).
pub const AF_INET6: u32 = 23;

/// The declared length of the `table` member of every table. The real length is in `dwNumEntries`.
pub const ANY_SIZE: usize = 1;
/// The number of 64-bit words in `OwningModuleInfo`.
pub const TCPIP_OWNING_MODULE_SIZE: usize = 16;
/// `dwMaxConn` when the number of connections has no fixed limit.
pub const MIB_TCP_MAXCONN_DYNAMIC: u32 = u32::MAX;

/// The state of a TCP endpoint. The rows of the `OWNER` classes hold the same values in a `u32`.
pub type MIB_TCP_STATE = i32;
/// CLOSED: no connection.
pub const MIB_TCP_STATE_CLOSED: MIB_TCP_STATE = 1;
/// LISTEN: waits for connections. The remote half of such a row has no meaning.
pub const MIB_TCP_STATE_LISTEN: MIB_TCP_STATE = 2;
/// SYN-SENT: asked for a connection, no answer yet.
pub const MIB_TCP_STATE_SYN_SENT: MIB_TCP_STATE = 3;
/// SYN-RECEIVED: was asked for a connection and answered.
pub const MIB_TCP_STATE_SYN_RCVD: MIB_TCP_STATE = 4;
/// ESTABLISHED: open both ways.
pub const MIB_TCP_STATE_ESTAB: MIB_TCP_STATE = 5;
/// FIN-WAIT-1: closed here, the other end has not acknowledged it.
pub const MIB_TCP_STATE_FIN_WAIT1: MIB_TCP_STATE = 6;
/// FIN-WAIT-2: closed here and acknowledged, the other end is still open.
pub const MIB_TCP_STATE_FIN_WAIT2: MIB_TCP_STATE = 7;
/// CLOSE-WAIT: closed by the other end, not here.
pub const MIB_TCP_STATE_CLOSE_WAIT: MIB_TCP_STATE = 8;
/// CLOSING: closed by both ends at once, not acknowledged.
pub const MIB_TCP_STATE_CLOSING: MIB_TCP_STATE = 9;
/// LAST-ACK: closed by both ends, the other end first; the last acknowledgement is missing.
pub const MIB_TCP_STATE_LAST_ACK: MIB_TCP_STATE = 10;
/// TIME-WAIT: closed; the ports are kept until stray segments have died out.
pub const MIB_TCP_STATE_TIME_WAIT: MIB_TCP_STATE = 11;
/// The connection's control block is being deleted.
pub const MIB_TCP_STATE_DELETE_TCB: MIB_TCP_STATE = 12;
/// Bound but neither listening nor connected (`netstat -q` shows it as BOUND). The first value beyond the MIB's own;
/// the functions of this crate have not been seen to report it.
pub const MIB_TCP_STATE_RESERVED: MIB_TCP_STATE = 100;

/// Which table [`GetExtendedTcpTable`] fills: the row class and the endpoints in it.
///
/// What counts as a connection is not the same on every system: Wine gives `CONNECTIONS` the ESTABLISHED rows alone,
/// Windows more. Asking for `ALL` and looking at the state means the same everywhere.
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iprtrmib/ne-iprtrmib-tcp_table_class)
///
/// [`GetExtendedTcpTable`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getextendedtcptable
pub type TCP_TABLE_CLASS = i32;
/// Listeners, basic rows. IPv4 only: with [`AF_INET6`] Windows answers [`ERROR_NOT_SUPPORTED`].
pub const TCP_TABLE_BASIC_LISTENER: TCP_TABLE_CLASS = 0;
/// Connections, basic rows. IPv4 only: with [`AF_INET6`] Windows answers [`ERROR_NOT_SUPPORTED`].
pub const TCP_TABLE_BASIC_CONNECTIONS: TCP_TABLE_CLASS = 1;
/// All endpoints, basic rows. IPv4 only: with [`AF_INET6`] Windows answers [`ERROR_NOT_SUPPORTED`].
pub const TCP_TABLE_BASIC_ALL: TCP_TABLE_CLASS = 2;
/// Listeners, with owner pids: [`MIB_TCP6TABLE_OWNER_PID`](crate::MIB_TCP6TABLE_OWNER_PID) for IPv6.
pub const TCP_TABLE_OWNER_PID_LISTENER: TCP_TABLE_CLASS = 3;
/// Connections, with owner pids: [`MIB_TCP6TABLE_OWNER_PID`](crate::MIB_TCP6TABLE_OWNER_PID) for IPv6.
pub const TCP_TABLE_OWNER_PID_CONNECTIONS: TCP_TABLE_CLASS = 4;
/// All endpoints, with owner pids: [`MIB_TCP6TABLE_OWNER_PID`](crate::MIB_TCP6TABLE_OWNER_PID) for IPv6.
pub const TCP_TABLE_OWNER_PID_ALL: TCP_TABLE_CLASS = 5;
/// Listeners, with owner modules: [`MIB_TCP6TABLE_OWNER_MODULE`](crate::MIB_TCP6TABLE_OWNER_MODULE) for IPv6.
pub const TCP_TABLE_OWNER_MODULE_LISTENER: TCP_TABLE_CLASS = 6;
/// Connections, with owner modules: [`MIB_TCP6TABLE_OWNER_MODULE`](crate::MIB_TCP6TABLE_OWNER_MODULE) for IPv6.
pub const TCP_TABLE_OWNER_MODULE_CONNECTIONS: TCP_TABLE_CLASS = 7;
/// All endpoints, with owner modules: [`MIB_TCP6TABLE_OWNER_MODULE`](crate::MIB_TCP6TABLE_OWNER_MODULE) for IPv6.
pub const TCP_TABLE_OWNER_MODULE_ALL: TCP_TABLE_CLASS = 8;

/// What the owner-module functions are to tell. There is one class.
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iprtrmib/ne-iprtrmib-tcpip_owner_module_info_class)
pub type TCPIP_OWNER_MODULE_INFO_CLASS = i32;
/// A [`TCPIP_OWNER_MODULE_BASIC_INFO`](crate::TCPIP_OWNER_MODULE_BASIC_INFO).
pub const TCPIP_OWNER_MODULE_INFO_BASIC: TCPIP_OWNER_MODULE_INFO_CLASS = 0;

/// Who runs a connection's protocol: the host or, in the days of TCP chimney, the network card.
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ne-tcpmib-tcp_connection_offload_state)
pub type TCP_CONNECTION_OFFLOAD_STATE = i32;
/// The host. What every current system reports.
pub const TcpConnectionOffloadStateInHost: TCP_CONNECTION_OFFLOAD_STATE = 0;
/// Moving from the host to the network card.
pub const TcpConnectionOffloadStateOffloading: TCP_CONNECTION_OFFLOAD_STATE = 1;
/// The network card.
pub const TcpConnectionOffloadStateOffloaded: TCP_CONNECTION_OFFLOAD_STATE = 2;
/// Moving from the network card back to the host.
pub const TcpConnectionOffloadStateUploading: TCP_CONNECTION_OFFLOAD_STATE = 3;
/// One more than the last state; no state itself.
pub const TcpConnectionOffloadStateMax: TCP_CONNECTION_OFFLOAD_STATE = 4;

/// How the retransmission timeout is computed.
pub type TCP_RTO_ALGORITHM = i32;
/// None of the algorithms below.
pub const TcpRtoAlgorithmOther: TCP_RTO_ALGORITHM = 1;
/// A constant timeout.
pub const TcpRtoAlgorithmConstant: TCP_RTO_ALGORITHM = 2;
/// The algorithm of MIL-STD-1778, appendix B.
pub const TcpRtoAlgorithmRsre: TCP_RTO_ALGORITHM = 3;
/// Van Jacobson's algorithm.
pub const TcpRtoAlgorithmVanj: TCP_RTO_ALGORITHM = 4;
/// The older name of [`TcpRtoAlgorithmOther`].
pub const MIB_TCP_RTO_OTHER: TCP_RTO_ALGORITHM = TcpRtoAlgorithmOther;
/// The older name of [`TcpRtoAlgorithmConstant`].
pub const MIB_TCP_RTO_CONSTANT: TCP_RTO_ALGORITHM = TcpRtoAlgorithmConstant;
/// The older name of [`TcpRtoAlgorithmRsre`].
pub const MIB_TCP_RTO_RSRE: TCP_RTO_ALGORITHM = TcpRtoAlgorithmRsre;
/// The older name of [`TcpRtoAlgorithmVanj`].
pub const MIB_TCP_RTO_VANJ: TCP_RTO_ALGORITHM = TcpRtoAlgorithmVanj;

/// Which extended statistics of a connection are meant, and so which `TCP_ESTATS_*` structures the buffers hold.
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ne-tcpestats-tcp_estats_type)
pub type TCP_ESTATS_TYPE = i32;
/// Options of the SYN exchange. Only `Ros`; always collected.
pub const TcpConnectionEstatsSynOpts: TCP_ESTATS_TYPE = 0;
/// Data transfer: `Rw` and `Rod`.
pub const TcpConnectionEstatsData: TCP_ESTATS_TYPE = 1;
/// Congestion at the sender: `Rw`, `Ros` and `Rod`.
pub const TcpConnectionEstatsSndCong: TCP_ESTATS_TYPE = 2;
/// Measurements of the path: `Rw` and `Rod`.
pub const TcpConnectionEstatsPath: TCP_ESTATS_TYPE = 3;
/// Queues for sending: `Rw` and `Rod`.
pub const TcpConnectionEstatsSendBuff: TCP_ESTATS_TYPE = 4;
/// The local receiver: `Rw` and `Rod`.
pub const TcpConnectionEstatsRec: TCP_ESTATS_TYPE = 5;
/// The remote receiver as seen from here: `Rw` and `Rod`.
pub const TcpConnectionEstatsObsRec: TCP_ESTATS_TYPE = 6;
/// Estimates of the bandwidth: `Rw` and `Rod`.
pub const TcpConnectionEstatsBandwidth: TCP_ESTATS_TYPE = 7;
/// Batch-trip times in microseconds: `Rw` and `Rod`.
pub const TcpConnectionEstatsFineRtt: TCP_ESTATS_TYPE = 8;
/// One more than the last type; no type itself.
pub const TcpConnectionEstatsMaximum: TCP_ESTATS_TYPE = 9;

/// A switch that can also be left as it is.
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ne-tcpestats-tcp_boolean_optional)
pub type TCP_BOOLEAN_OPTIONAL = i32;
/// Switch off.
pub const TcpBoolOptDisabled: TCP_BOOLEAN_OPTIONAL = 0;
/// Switch on.
pub const TcpBoolOptEnabled: TCP_BOOLEAN_OPTIONAL = 1;
/// Leave as it is.
pub const TcpBoolOptUnchanged: TCP_BOOLEAN_OPTIONAL = -1;

/// Which check a received segment failed last
/// ([`SoftErrorReason`](crate::TCP_ESTATS_DATA_ROD_v0::SoftErrorReason) holds it in a `u32`).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ne-tcpestats-tcp_soft_error)
pub type TCP_SOFT_ERROR = i32;
/// None failed.
pub const TcpErrorNone: TCP_SOFT_ERROR = 0;
/// All its data had been acknowledged before: usual for keep-alives and window probes.
pub const TcpErrorBelowDataWindow: TCP_SOFT_ERROR = 1;
/// Some of its data lies beyond the window: a faulty peer or an attack.
pub const TcpErrorAboveDataWindow: TCP_SOFT_ERROR = 2;
/// It acknowledged less than had been acknowledged: the way back reorders segments.
pub const TcpErrorBelowAckWindow: TCP_SOFT_ERROR = 3;
/// It acknowledged data that was never sent: a faulty peer or an attack.
pub const TcpErrorAboveAckWindow: TCP_SOFT_ERROR = 4;
/// Its timestamp echo was too old: reordered data, caught by the protection against wrapped sequence numbers.
pub const TcpErrorBelowTsWindow: TCP_SOFT_ERROR = 5;
/// Its timestamp echo was too new: a faulty peer or an attack.
pub const TcpErrorAboveTsWindow: TCP_SOFT_ERROR = 6;
/// Its checksum was wrong. The connection that it was counted for is a guess, for the same reason.
pub const TcpErrorDataChecksumError: TCP_SOFT_ERROR = 7;
/// Its length was wrong.
pub const TcpErrorDataLengthError: TCP_SOFT_ERROR = 8;
/// The bound of the values; no reason itself.
pub const TcpErrorMaxSoftError: TCP_SOFT_ERROR = 9;

/// Success.
pub const NO_ERROR: u32 = 0;
/// Not allowed, for [`SetPerTcp6ConnectionEStats`](crate::PFN_SetPerTcp6ConnectionEStats): needs an elevated
/// administrator.
pub const ERROR_ACCESS_DENIED: u32 = 5;
/// Out of memory.
pub const ERROR_NOT_ENOUGH_MEMORY: u32 = 8;
/// Out of memory. Wine also answers so when a table grew faster than it could be read.
pub const ERROR_OUTOFMEMORY: u32 = 14;
/// Failed without a reason given.
pub const ERROR_GEN_FAILURE: u32 = 31;
/// Not on this system (no IPv6, say), or not for this address family and table class.
pub const ERROR_NOT_SUPPORTED: u32 = 50;
/// Not allowed over the network. `SetTcpEntry` returns it to a caller that may not delete the connection.
pub const ERROR_NETWORK_ACCESS_DENIED: u32 = 65;
/// A parameter is wrong: a required pointer is null, or a family or class is unknown.
pub const ERROR_INVALID_PARAMETER: u32 = 87;
/// The system exports the function and has no code behind it (Wine, for some).
pub const ERROR_CALL_NOT_IMPLEMENTED: u32 = 120;
/// The buffer is too small. The size that was passed in now holds what is needed.
pub const ERROR_INSUFFICIENT_BUFFER: u32 = 122;
/// The owner's module is not found. Newer versions of Windows return it for some rows whose `OwningModuleInfo` is not zero;
/// the same row with zeros there gives the process.
pub const ERROR_MOD_NOT_FOUND: u32 = 126;
/// The library has no such function: the error that a failed run-time lookup leaves behind.
pub const ERROR_PROC_NOT_FOUND: u32 = 127;
/// There is nothing to list. Others have met it where no interface speaks IPv6.
pub const ERROR_NO_DATA: u32 = 232;
/// More data than fits. No function of this crate is documented to return it.
pub const ERROR_MORE_DATA: u32 = 234;
/// Only a part of the owner's data could be read.
pub const ERROR_PARTIAL_COPY: u32 = 299;
/// `SetTcpEntry` returns it if the connection is not found, or if the caller may not delete it.
pub const ERROR_MR_MID_NOT_FOUND: u32 = 317;
/// No such connection, or its owner is gone.
pub const ERROR_NOT_FOUND: u32 = 1168;
/// A buffer is null although its size is not zero, or has the wrong size.
pub const ERROR_INVALID_USER_BUFFER: u32 = 1784;
/// The table changed faster than the system could read it: ask again, with a larger buffer.
///
/// An NTSTATUS that comes through unchanged, not one of the Win32 codes.
pub const STATUS_UNSUCCESSFUL: u32 = 0xC000_0001;
