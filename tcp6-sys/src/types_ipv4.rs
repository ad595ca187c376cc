//! The rows and the tables of IPv4.
//!
//! What [`types`](crate::types) says of IPv6's holds for these as well.

use crate::{ANY_SIZE, TCP_CONNECTION_OFFLOAD_STATE, TCPIP_OWNING_MODULE_SIZE};

/// An IPv4 endpoint: the row of [`MIB_TCPTABLE`], and how `GetPerTcpConnectionEStats` and `SetTcpEntry` are passed the
/// connection.
///
/// The header has the state in a union of a DWORD and an enumeration.
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcprow_lh)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCPROW {
    /// The state, one of [`MIB_TCP_STATE`](crate::MIB_TCP_STATE).
    pub dwState: u32,
    /// Local address: its four bytes in network byte order; zero when any address is meant.
    pub dwLocalAddr: u32,
    /// Local port: low 16 bits, network byte order; the high 16 may be garbage.
    pub dwLocalPort: u32,
    /// Remote address: its four bytes in network byte order; without meaning for a listener.
    pub dwRemoteAddr: u32,
    /// Remote port: low 16 bits, network byte order; without meaning for a listener.
    pub dwRemotePort: u32,
}

/// An IPv4 endpoint with its owner and offload state: the row of [`MIB_TCPTABLE2`].
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcprow2)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCPROW2 {
    /// The state, one of [`MIB_TCP_STATE`](crate::MIB_TCP_STATE).
    pub dwState: u32,
    /// Local address: its four bytes in network byte order; zero when any address is meant.
    pub dwLocalAddr: u32,
    /// Local port: low 16 bits, network byte order; the high 16 may be garbage.
    pub dwLocalPort: u32,
    /// Remote address: its four bytes in network byte order; without meaning for a listener.
    pub dwRemoteAddr: u32,
    /// Remote port: low 16 bits, network byte order; without meaning for a listener.
    pub dwRemotePort: u32,
    /// Pid of the process that bound the endpoint, 0 if there is none any more. The process may be long gone.
    pub dwOwningPid: u32,
    /// Who runs the protocol, the host or the network card.
    pub dwOffloadState: TCP_CONNECTION_OFFLOAD_STATE,
}

/// An IPv4 endpoint with its owner: the row of [`MIB_TCPTABLE_OWNER_PID`].
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcprow_owner_pid)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCPROW_OWNER_PID {
    /// The state, one of [`MIB_TCP_STATE`](crate::MIB_TCP_STATE).
    pub dwState: u32,
    /// Local address: its four bytes in network byte order; zero when any address is meant.
    pub dwLocalAddr: u32,
    /// Local port: low 16 bits, network byte order; the high 16 may be garbage.
    pub dwLocalPort: u32,
    /// Remote address: its four bytes in network byte order; without meaning for a listener.
    pub dwRemoteAddr: u32,
    /// Remote port: low 16 bits, network byte order; without meaning for a listener.
    pub dwRemotePort: u32,
    /// Pid of the process that bound the endpoint, 0 if there is none any more. The process may be long gone.
    pub dwOwningPid: u32,
}

/// An IPv4 endpoint with its owner and the owner's module: the row of [`MIB_TCPTABLE_OWNER_MODULE`].
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcprow_owner_module)
// As for the IPv6 row, the alignment is spelled out for the 32-bit systems that align a u64 to four.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCPROW_OWNER_MODULE {
    /// The state, one of [`MIB_TCP_STATE`](crate::MIB_TCP_STATE).
    pub dwState: u32,
    /// Local address: its four bytes in network byte order; zero when any address is meant.
    pub dwLocalAddr: u32,
    /// Local port: low 16 bits, network byte order; the high 16 may be garbage.
    pub dwLocalPort: u32,
    /// Remote address: its four bytes in network byte order; without meaning for a listener.
    pub dwRemoteAddr: u32,
    /// Remote port: low 16 bits, network byte order; without meaning for a listener.
    pub dwRemotePort: u32,
    /// Pid of the process that bound the endpoint, 0 if there is none any more. The process may be long gone.
    pub dwOwningPid: u32,
    /// When the endpoint was bound: a FILETIME, in ticks of 100 ns since the start of 1601 UTC; 0 if unknown.
    pub liCreateTimestamp: i64,
    /// Opaque: what [`PFN_GetOwnerModuleFromTcpEntry`](crate::PFN_GetOwnerModuleFromTcpEntry) finds the module by.
    pub OwningModuleInfo: [u64; TCPIP_OWNING_MODULE_SIZE],
}

/// What `GetTcpTable` fills, and `GetExtendedTcpTable` for IPv4 and a `BASIC` class. See [Reading the rows](crate#reading-the-rows).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcptable)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCPTABLE {
    /// The number of rows.
    pub dwNumEntries: u32,
    /// The first row. The others follow it.
    pub table: [MIB_TCPROW; ANY_SIZE],
}

/// What [`GetTcpTable2`] fills. See [Reading the rows](crate#reading-the-rows).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcptable2)
///
/// [`GetTcpTable2`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcptable2
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCPTABLE2 {
    /// How many rows there are.
    pub dwNumEntries: u32,
    /// The first row. The others lie behind it.
    pub table: [MIB_TCPROW2; ANY_SIZE],
}

/// What `GetExtendedTcpTable` fills for IPv4 and an `OWNER_PID` class. See [Reading the rows](crate#reading-the-rows).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcptable_owner_pid)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCPTABLE_OWNER_PID {
    /// The number of rows.
    pub dwNumEntries: u32,
    /// The first row. The others follow it.
    pub table: [MIB_TCPROW_OWNER_PID; ANY_SIZE],
}

/// What `GetExtendedTcpTable` fills for IPv4 and an `OWNER_MODULE` class. See [Reading the rows](crate#reading-the-rows).
///
/// Its rows start at offset 8, after four bytes of padding that the system need not write.
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcptable_owner_module)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCPTABLE_OWNER_MODULE {
    /// The number of rows.
    pub dwNumEntries: u32,
    /// The first row. The others follow it.
    pub table: [MIB_TCPROW_OWNER_MODULE; ANY_SIZE],
}
