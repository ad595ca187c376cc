//! Constants and type aliases: parameters, field values and return codes.
//!
//! A C enumeration is an alias of `i32` here, not a Rust `enum`: a newer Windows may write a value that no header
//! lists, and a Rust `enum` with such a value is undefined behaviour.

/// A C boolean: 0 is false, any other value is true.
pub type BOOL = i32;
/// False; as the `Order` parameter, do not sort the table.
pub const FALSE: BOOL = 0;
/// True; as the `Order` parameter, sort the table.
pub const TRUE: BOOL = 1;

/// The IPv4 address family, a parameter of [`GetExtendedTcpTable`] and [`GetTcpStatisticsEx`].
///
/// [`GetExtendedTcpTable`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getextendedtcptable
/// [`GetTcpStatisticsEx`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcpstatisticsex
pub const AF_INET: u32 = 2;
/// The IPv6 address family on Windows. Other systems use other numbers (Linux: 10).
pub const AF_INET6: u32 = 23;

/// The declared length of the `table` member of every table. The actual length is `dwNumEntries`.
pub const ANY_SIZE: usize = 1;
/// The number of 64-bit words in `OwningModuleInfo`.
pub const TCPIP_OWNING_MODULE_SIZE: usize = 16;
/// The value of `dwMaxConn` if the number of connections is not limited.
pub const MIB_TCP_MAXCONN_DYNAMIC: u32 = u32::MAX;

/// The state of a TCP endpoint.
///
/// The rows of the `OWNER` classes and the IPv4 rows store the same values in a `u32`. The states 1 to 11 are those of
/// [RFC 9293](https://www.rfc-editor.org/rfc/rfc9293).
pub type MIB_TCP_STATE = i32;
/// CLOSED: no connection.
pub const MIB_TCP_STATE_CLOSED: MIB_TCP_STATE = 1;
/// LISTEN: waiting for connection requests. The remote half of the row is meaningless.
pub const MIB_TCP_STATE_LISTEN: MIB_TCP_STATE = 2;
/// SYN-SENT: sent a connection request, waiting for the reply.
pub const MIB_TCP_STATE_SYN_SENT: MIB_TCP_STATE = 3;
/// SYN-RECEIVED: received and answered a connection request, waiting for the acknowledgment.
pub const MIB_TCP_STATE_SYN_RCVD: MIB_TCP_STATE = 4;
/// ESTABLISHED: open in both directions.
pub const MIB_TCP_STATE_ESTAB: MIB_TCP_STATE = 5;
/// FIN-WAIT-1: closed locally, not yet acknowledged.
pub const MIB_TCP_STATE_FIN_WAIT1: MIB_TCP_STATE = 6;
/// FIN-WAIT-2: closed locally and acknowledged; the remote end is still open.
pub const MIB_TCP_STATE_FIN_WAIT2: MIB_TCP_STATE = 7;
/// CLOSE-WAIT: closed by the remote end, still open locally.
pub const MIB_TCP_STATE_CLOSE_WAIT: MIB_TCP_STATE = 8;
/// CLOSING: closed by both ends at the same time, not yet acknowledged.
pub const MIB_TCP_STATE_CLOSING: MIB_TCP_STATE = 9;
/// LAST-ACK: closed by the remote end and then locally, waiting for the last acknowledgment.
pub const MIB_TCP_STATE_LAST_ACK: MIB_TCP_STATE = 10;
/// TIME-WAIT: closed; the ports stay reserved until old segments have expired.
pub const MIB_TCP_STATE_TIME_WAIT: MIB_TCP_STATE = 11;
/// The control block of the connection is being deleted.
pub const MIB_TCP_STATE_DELETE_TCB: MIB_TCP_STATE = 12;
/// Bound, but neither listening nor connected; `netstat -q` shows it as BOUND.
///
/// This is the first value after those of the MIB. The tables of this crate's functions have not been observed to
/// contain it.
pub const MIB_TCP_STATE_RESERVED: MIB_TCP_STATE = 100;

/// The table that [`GetExtendedTcpTable`] writes: the row type and the endpoints to include.
///
/// Systems differ in what `CONNECTIONS` includes: ESTABLISHED rows only in Wine, more states in Windows. Portable
/// programs request `ALL` and filter by state.
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iprtrmib/ne-iprtrmib-tcp_table_class)
///
/// [`GetExtendedTcpTable`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getextendedtcptable
pub type TCP_TABLE_CLASS = i32;
/// Listeners, basic rows. IPv4 only: with [`AF_INET6`] Windows returns [`ERROR_NOT_SUPPORTED`].
pub const TCP_TABLE_BASIC_LISTENER: TCP_TABLE_CLASS = 0;
/// Connections, basic rows. IPv4 only: with [`AF_INET6`] Windows returns [`ERROR_NOT_SUPPORTED`].
pub const TCP_TABLE_BASIC_CONNECTIONS: TCP_TABLE_CLASS = 1;
/// All endpoints, basic rows. IPv4 only: with [`AF_INET6`] Windows returns [`ERROR_NOT_SUPPORTED`].
pub const TCP_TABLE_BASIC_ALL: TCP_TABLE_CLASS = 2;
/// Listeners, with owner pids: [`MIB_TCP6TABLE_OWNER_PID`](crate::MIB_TCP6TABLE_OWNER_PID) for
/// IPv6.
pub const TCP_TABLE_OWNER_PID_LISTENER: TCP_TABLE_CLASS = 3;
/// Connections, with owner pids: [`MIB_TCP6TABLE_OWNER_PID`](crate::MIB_TCP6TABLE_OWNER_PID) for
/// IPv6.
pub const TCP_TABLE_OWNER_PID_CONNECTIONS: TCP_TABLE_CLASS = 4;
/// All endpoints, with owner pids: [`MIB_TCP6TABLE_OWNER_PID`](crate::MIB_TCP6TABLE_OWNER_PID) for
/// IPv6.
pub const TCP_TABLE_OWNER_PID_ALL: TCP_TABLE_CLASS = 5;
/// Listeners, with owner modules: [`MIB_TCP6TABLE_OWNER_MODULE`](crate::MIB_TCP6TABLE_OWNER_MODULE)
/// for IPv6.
pub const TCP_TABLE_OWNER_MODULE_LISTENER: TCP_TABLE_CLASS = 6;
/// Connections, with owner modules:
/// [`MIB_TCP6TABLE_OWNER_MODULE`](crate::MIB_TCP6TABLE_OWNER_MODULE) for IPv6.
pub const TCP_TABLE_OWNER_MODULE_CONNECTIONS: TCP_TABLE_CLASS = 7;
/// All endpoints, with owner modules:
/// [`MIB_TCP6TABLE_OWNER_MODULE`](crate::MIB_TCP6TABLE_OWNER_MODULE) for IPv6.
pub const TCP_TABLE_OWNER_MODULE_ALL: TCP_TABLE_CLASS = 8;

/// The structure that the owner-module functions write. There is one class.
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iprtrmib/ne-iprtrmib-tcpip_owner_module_info_class)
pub type TCPIP_OWNER_MODULE_INFO_CLASS = i32;
/// Writes a [`TCPIP_OWNER_MODULE_BASIC_INFO`](crate::TCPIP_OWNER_MODULE_BASIC_INFO).
pub const TCPIP_OWNER_MODULE_INFO_BASIC: TCPIP_OWNER_MODULE_INFO_CLASS = 0;

/// Where the protocol of a connection runs: on the host, or on the network card (TCP chimney
/// offload).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ne-tcpmib-tcp_connection_offload_state)
pub type TCP_CONNECTION_OFFLOAD_STATE = i32;
/// On the host. Every current system reports this value.
pub const TcpConnectionOffloadStateInHost: TCP_CONNECTION_OFFLOAD_STATE = 0;
/// Moving from the host to the network card.
pub const TcpConnectionOffloadStateOffloading: TCP_CONNECTION_OFFLOAD_STATE = 1;
/// On the network card.
pub const TcpConnectionOffloadStateOffloaded: TCP_CONNECTION_OFFLOAD_STATE = 2;
/// Moving from the network card back to the host.
pub const TcpConnectionOffloadStateUploading: TCP_CONNECTION_OFFLOAD_STATE = 3;
/// One more than the last state; not a state.
pub const TcpConnectionOffloadStateMax: TCP_CONNECTION_OFFLOAD_STATE = 4;

/// The algorithm that computes the retransmission timeout.
pub type TCP_RTO_ALGORITHM = i32;
/// None of the algorithms below.
pub const TcpRtoAlgorithmOther: TCP_RTO_ALGORITHM = 1;
/// A constant timeout.
pub const TcpRtoAlgorithmConstant: TCP_RTO_ALGORITHM = 2;
/// The algorithm of MIL-STD-1778, appendix B.
pub const TcpRtoAlgorithmRsre: TCP_RTO_ALGORITHM = 3;
/// Van Jacobson's algorithm.
pub const TcpRtoAlgorithmVanj: TCP_RTO_ALGORITHM = 4;
/// Older name of [`TcpRtoAlgorithmOther`].
pub const MIB_TCP_RTO_OTHER: TCP_RTO_ALGORITHM = TcpRtoAlgorithmOther;
/// Older name of [`TcpRtoAlgorithmConstant`].
pub const MIB_TCP_RTO_CONSTANT: TCP_RTO_ALGORITHM = TcpRtoAlgorithmConstant;
/// Older name of [`TcpRtoAlgorithmRsre`].
pub const MIB_TCP_RTO_RSRE: TCP_RTO_ALGORITHM = TcpRtoAlgorithmRsre;
/// Older name of [`TcpRtoAlgorithmVanj`].
pub const MIB_TCP_RTO_VANJ: TCP_RTO_ALGORITHM = TcpRtoAlgorithmVanj;

/// A group of extended statistics. It selects the `TCP_ESTATS_*` structures of the buffers.
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ne-tcpestats-tcp_estats_type)
pub type TCP_ESTATS_TYPE = i32;
/// Options of the SYN exchange: `Ros` only. Always collected.
pub const TcpConnectionEstatsSynOpts: TCP_ESTATS_TYPE = 0;
/// Data transfer: `Rw` and `Rod`.
pub const TcpConnectionEstatsData: TCP_ESTATS_TYPE = 1;
/// Congestion at the sender: `Rw`, `Ros` and `Rod`.
pub const TcpConnectionEstatsSndCong: TCP_ESTATS_TYPE = 2;
/// Path measurements: `Rw` and `Rod`.
pub const TcpConnectionEstatsPath: TCP_ESTATS_TYPE = 3;
/// Send queues: `Rw` and `Rod`.
pub const TcpConnectionEstatsSendBuff: TCP_ESTATS_TYPE = 4;
/// Local receiver: `Rw` and `Rod`.
pub const TcpConnectionEstatsRec: TCP_ESTATS_TYPE = 5;
/// Remote receiver, as observed locally: `Rw` and `Rod`.
pub const TcpConnectionEstatsObsRec: TCP_ESTATS_TYPE = 6;
/// Bandwidth estimates: `Rw` and `Rod`.
pub const TcpConnectionEstatsBandwidth: TCP_ESTATS_TYPE = 7;
/// Round-trip times in microseconds: `Rw` and `Rod`.
pub const TcpConnectionEstatsFineRtt: TCP_ESTATS_TYPE = 8;
/// One more than the last type; not a type.
pub const TcpConnectionEstatsMaximum: TCP_ESTATS_TYPE = 9;

/// A boolean setting with a third value that leaves it unchanged.
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ne-tcpestats-tcp_boolean_optional)
pub type TCP_BOOLEAN_OPTIONAL = i32;
/// Disable.
pub const TcpBoolOptDisabled: TCP_BOOLEAN_OPTIONAL = 0;
/// Enable.
pub const TcpBoolOptEnabled: TCP_BOOLEAN_OPTIONAL = 1;
/// Leave unchanged.
pub const TcpBoolOptUnchanged: TCP_BOOLEAN_OPTIONAL = -1;

/// The check that the last faulty segment failed.
///
/// [`SoftErrorReason`](crate::TCP_ESTATS_DATA_ROD_v0::SoftErrorReason) stores it in a `u32`.
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ne-tcpestats-tcp_soft_error)
pub type TCP_SOFT_ERROR = i32;
/// No check failed.
pub const TcpErrorNone: TCP_SOFT_ERROR = 0;
/// All data was already acknowledged. This is normal for keep-alives and zero-window probes.
pub const TcpErrorBelowDataWindow: TCP_SOFT_ERROR = 1;
/// Some data lies beyond the window: a faulty peer or an attack.
pub const TcpErrorAboveDataWindow: TCP_SOFT_ERROR = 2;
/// The acknowledgment number is below the acknowledged data: the return path reorders segments.
pub const TcpErrorBelowAckWindow: TCP_SOFT_ERROR = 3;
/// The acknowledgment number is beyond the sent data: a faulty peer or an attack.
pub const TcpErrorAboveAckWindow: TCP_SOFT_ERROR = 4;
/// The timestamp echo is too old: reordered data, rejected by PAWS.
///
/// PAWS is the protection against wrapped sequence numbers.
pub const TcpErrorBelowTsWindow: TCP_SOFT_ERROR = 5;
/// The timestamp echo is too new: a faulty peer or an attack.
pub const TcpErrorAboveTsWindow: TCP_SOFT_ERROR = 6;
/// The checksum is wrong, so the error may be attributed to the wrong connection.
pub const TcpErrorDataChecksumError: TCP_SOFT_ERROR = 7;
/// The length is wrong.
pub const TcpErrorDataLengthError: TCP_SOFT_ERROR = 8;
/// One more than the last reason; not a reason.
pub const TcpErrorMaxSoftError: TCP_SOFT_ERROR = 9;

/// Success.
pub const NO_ERROR: u32 = 0;
/// The caller lacks the required rights.
///
/// [`SetPerTcp6ConnectionEStats`](crate::PFN_SetPerTcp6ConnectionEStats) requires an elevated administrator.
pub const ERROR_ACCESS_DENIED: u32 = 5;
/// Out of memory.
pub const ERROR_NOT_ENOUGH_MEMORY: u32 = 8;
/// Out of memory. Wine also returns it if a table grows faster than it can be read.
pub const ERROR_OUTOFMEMORY: u32 = 14;
/// Failure without a specific reason.
pub const ERROR_GEN_FAILURE: u32 = 31;
/// Not supported by this system (for example, no IPv6), or by this address family and table class.
pub const ERROR_NOT_SUPPORTED: u32 = 50;
/// Network access is denied. `SetTcpEntry` returns it if the caller may not delete the connection.
pub const ERROR_NETWORK_ACCESS_DENIED: u32 = 65;
/// A parameter is invalid: a required pointer is null, or a family or class is unknown.
pub const ERROR_INVALID_PARAMETER: u32 = 87;
/// The function is exported but not implemented. Wine returns it for some functions.
pub const ERROR_CALL_NOT_IMPLEMENTED: u32 = 120;
/// The buffer is too small. The size parameter now holds the required size in bytes.
pub const ERROR_INSUFFICIENT_BUFFER: u32 = 122;
/// The module of the owner was not found.
///
/// Newer versions of Windows return it for some rows whose `OwningModuleInfo` is not zero. The same row with a zeroed
/// `OwningModuleInfo` returns the process.
pub const ERROR_MOD_NOT_FOUND: u32 = 126;
/// The DLL does not export the function. A failed run-time lookup sets it.
pub const ERROR_PROC_NOT_FOUND: u32 = 127;
/// There is nothing to list. Reported by others on systems where no interface has IPv6.
pub const ERROR_NO_DATA: u32 = 232;
/// The data does not fit. No function of this crate is documented to return it.
pub const ERROR_MORE_DATA: u32 = 234;
/// Only part of the owner's data could be read.
pub const ERROR_PARTIAL_COPY: u32 = 299;
/// `SetTcpEntry` returns it if the connection does not exist, or if the caller may not delete it.
pub const ERROR_MR_MID_NOT_FOUND: u32 = 317;
/// The connection does not exist, or its owner has exited.
pub const ERROR_NOT_FOUND: u32 = 1168;
/// A buffer has the wrong size, or is null with a size other than 0.
pub const ERROR_INVALID_USER_BUFFER: u32 = 1784;
/// The table changed faster than the system could read it. Retry with a larger buffer.
///
/// An NTSTATUS that is passed through, not a Win32 error code.
pub const STATUS_UNSUCCESSFUL: u32 = 0xC000_0001;
