//! Rows and tables of IPv4.
//!
//! As in [`types`](crate::types), every bit pattern is a valid value, and the types implement neither comparison nor
//! hashing.

use crate::{ANY_SIZE, TCP_CONNECTION_OFFLOAD_STATE, TCPIP_OWNING_MODULE_SIZE};

/// An IPv4 endpoint: the row of [`MIB_TCPTABLE`].
///
/// `GetPerTcpConnectionEStats` and `SetTcpEntry` take it to identify a connection. The header declares the state as a
/// union of a DWORD and an enumeration.
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcprow_lh)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCPROW {
    /// State, a value of [`MIB_TCP_STATE`](crate::MIB_TCP_STATE).
    pub dwState: u32,
    /// Local address in network byte order; 0 means any address.
    pub dwLocalAddr: u32,
    /// Local port in the low 16 bits, in network byte order; the high 16 bits may be garbage.
    pub dwLocalPort: u32,
    /// Remote address in network byte order; meaningless for a listener.
    pub dwRemoteAddr: u32,
    /// Remote port in the low 16 bits, in network byte order; meaningless for a listener.
    pub dwRemotePort: u32,
}

/// An IPv4 endpoint with its owner and offload state: the row of [`MIB_TCPTABLE2`].
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcprow2)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCPROW2 {
    /// State, a value of [`MIB_TCP_STATE`](crate::MIB_TCP_STATE).
    pub dwState: u32,
    /// Local address in network byte order; 0 means any address.
    pub dwLocalAddr: u32,
    /// Local port in the low 16 bits, in network byte order; the high 16 bits may be garbage.
    pub dwLocalPort: u32,
    /// Remote address in network byte order; meaningless for a listener.
    pub dwRemoteAddr: u32,
    /// Remote port in the low 16 bits, in network byte order; meaningless for a listener.
    pub dwRemotePort: u32,
    /// Pid of the process that bound the endpoint; 0 if it has no owner.
    ///
    /// The process may have exited.
    pub dwOwningPid: u32,
    /// Where the protocol runs: on the host or on the network card.
    pub dwOffloadState: TCP_CONNECTION_OFFLOAD_STATE,
}

/// An IPv4 endpoint with its owner: the row of [`MIB_TCPTABLE_OWNER_PID`].
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcprow_owner_pid)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCPROW_OWNER_PID {
    /// State, a value of [`MIB_TCP_STATE`](crate::MIB_TCP_STATE).
    pub dwState: u32,
    /// Local address in network byte order; 0 means any address.
    pub dwLocalAddr: u32,
    /// Local port in the low 16 bits, in network byte order; the high 16 bits may be garbage.
    pub dwLocalPort: u32,
    /// Remote address in network byte order; meaningless for a listener.
    pub dwRemoteAddr: u32,
    /// Remote port in the low 16 bits, in network byte order; meaningless for a listener.
    pub dwRemotePort: u32,
    /// Pid of the process that bound the endpoint; 0 if it has no owner.
    ///
    /// The process may have exited.
    pub dwOwningPid: u32,
}

/// An IPv4 endpoint with its owner and the owner's module: the row of
/// [`MIB_TCPTABLE_OWNER_MODULE`].
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcprow_owner_module)
// As for the IPv6 row, the explicit alignment is for 32-bit systems that align a u64 to 4 bytes.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCPROW_OWNER_MODULE {
    /// State, a value of [`MIB_TCP_STATE`](crate::MIB_TCP_STATE).
    pub dwState: u32,
    /// Local address in network byte order; 0 means any address.
    pub dwLocalAddr: u32,
    /// Local port in the low 16 bits, in network byte order; the high 16 bits may be garbage.
    pub dwLocalPort: u32,
    /// Remote address in network byte order; meaningless for a listener.
    pub dwRemoteAddr: u32,
    /// Remote port in the low 16 bits, in network byte order; meaningless for a listener.
    pub dwRemotePort: u32,
    /// Pid of the process that bound the endpoint; 0 if it has no owner.
    ///
    /// The process may have exited.
    pub dwOwningPid: u32,
    /// Time at which the endpoint was bound, as a FILETIME; 0 if unknown.
    ///
    /// A FILETIME counts units of 100 ns since 1601-01-01 UTC.
    pub liCreateTimestamp: i64,
    /// Opaque; identifies the module for
    /// [`PFN_GetOwnerModuleFromTcpEntry`](crate::PFN_GetOwnerModuleFromTcpEntry).
    pub OwningModuleInfo: [u64; TCPIP_OWNING_MODULE_SIZE],
}

/// The IPv4 TCP table that `GetTcpTable` writes.
///
/// `GetExtendedTcpTable` writes it for a `BASIC` class. See [Reading the rows](crate#reading-the-rows).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcptable)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCPTABLE {
    /// Number of rows.
    pub dwNumEntries: u32,
    /// The first row; the others follow it.
    pub table: [MIB_TCPROW; ANY_SIZE],
}

/// The IPv4 TCP table with owner pids and offload states that [`GetTcpTable2`] writes.
///
/// See [Reading the rows](crate#reading-the-rows).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcptable2)
///
/// [`GetTcpTable2`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcptable2
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCPTABLE2 {
    /// Number of rows.
    pub dwNumEntries: u32,
    /// The first row; the others follow it.
    pub table: [MIB_TCPROW2; ANY_SIZE],
}

/// The IPv4 TCP table that `GetExtendedTcpTable` writes for an `OWNER_PID` class.
///
/// See [Reading the rows](crate#reading-the-rows).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcptable_owner_pid)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCPTABLE_OWNER_PID {
    /// Number of rows.
    pub dwNumEntries: u32,
    /// The first row; the others follow it.
    pub table: [MIB_TCPROW_OWNER_PID; ANY_SIZE],
}

/// The IPv4 TCP table that `GetExtendedTcpTable` writes for an `OWNER_MODULE` class.
///
/// See [Reading the rows](crate#reading-the-rows).
///
/// The rows start at offset 8. The 4 bytes before them are padding, which the system may leave unwritten.
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcptable_owner_module)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCPTABLE_OWNER_MODULE {
    /// Number of rows.
    pub dwNumEntries: u32,
    /// The first row; the others follow it.
    pub table: [MIB_TCPROW_OWNER_MODULE; ANY_SIZE],
}
