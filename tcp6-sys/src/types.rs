//! Rows and tables of IPv6, and the owner module.
//!
//! Every bit pattern is a valid value of each row and table, so a row can be read from any bytes that the system wrote.
//! The types implement neither comparison nor hashing: rows have meaningless bits (the upper halves of the ports, the
//! remote half of a listener) that would take part.

use core::fmt;
use core::net::Ipv6Addr;

use crate::{ANY_SIZE, MIB_TCP_STATE, TCP_CONNECTION_OFFLOAD_STATE, TCPIP_OWNING_MODULE_SIZE};

/// An IPv6 address, in network byte order.
///
/// The alignment is 2 bytes, because of the `Word` view.
///
/// ```
/// use std::net::Ipv6Addr;
/// use tcp6_sys::{IN6_ADDR, IN6_ADDR_0};
///
/// let address = IN6_ADDR { u: IN6_ADDR_0 { Byte: Ipv6Addr::LOCALHOST.octets() } };
/// assert_eq!(format!("{address:?}"), "::1");
/// ```
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/in6addr/ns-in6addr-in6_addr)
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct IN6_ADDR {
    /// The 16 bytes of the address.
    pub u: IN6_ADDR_0,
}

impl fmt::Debug for IN6_ADDR {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.u, f)
    }
}

/// The two views of an [`IN6_ADDR`]. The union is anonymous in the header.
#[repr(C)]
#[derive(Clone, Copy)]
pub union IN6_ADDR_0 {
    /// 16 bytes, most significant byte first.
    pub Byte: [u8; 16],
    /// 8 words, each in network byte order.
    pub Word: [u16; 8],
}

impl fmt::Debug for IN6_ADDR_0 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: both views cover the same 16 bytes, and every byte value is valid.
        let bytes = unsafe { self.Byte };
        fmt::Debug::fmt(&Ipv6Addr::from(bytes), f)
    }
}

impl Default for IN6_ADDR_0 {
    fn default() -> Self {
        Self { Byte: [0; 16] }
    }
}

/// An IPv6 endpoint: the row of [`MIB_TCP6TABLE`].
///
/// [`PFN_GetPerTcp6ConnectionEStats`] takes it to identify a connection.
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcp6row)
///
/// [`PFN_GetPerTcp6ConnectionEStats`]: crate::PFN_GetPerTcp6ConnectionEStats
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCP6ROW {
    /// State.
    pub State: MIB_TCP_STATE,
    /// Local address; all zero means any address.
    pub LocalAddr: IN6_ADDR,
    /// Local scope id: an interface index in host byte order; 0 if the address has no scope.
    pub dwLocalScopeId: u32,
    /// Local port in the low 16 bits, in network byte order; the high 16 bits may be garbage.
    pub dwLocalPort: u32,
    /// Remote address; meaningless for a listener.
    pub RemoteAddr: IN6_ADDR,
    /// Remote scope id: an interface index in host byte order; meaningless for a listener.
    pub dwRemoteScopeId: u32,
    /// Remote port in the low 16 bits, in network byte order; meaningless for a listener.
    pub dwRemotePort: u32,
}

/// An IPv6 endpoint with its owner and offload state: the row of [`MIB_TCP6TABLE2`].
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcp6row2)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCP6ROW2 {
    /// Local address; all zero means any address.
    pub LocalAddr: IN6_ADDR,
    /// Local scope id: an interface index in host byte order; 0 if the address has no scope.
    pub dwLocalScopeId: u32,
    /// Local port in the low 16 bits, in network byte order; the high 16 bits may be garbage.
    pub dwLocalPort: u32,
    /// Remote address; meaningless for a listener.
    pub RemoteAddr: IN6_ADDR,
    /// Remote scope id: an interface index in host byte order; meaningless for a listener.
    pub dwRemoteScopeId: u32,
    /// Remote port in the low 16 bits, in network byte order; meaningless for a listener.
    pub dwRemotePort: u32,
    /// State.
    pub State: MIB_TCP_STATE,
    /// Pid of the process that bound the endpoint; 0 if it has no owner.
    ///
    /// The process may have exited.
    pub dwOwningPid: u32,
    /// Where the protocol runs: on the host or on the network card.
    pub dwOffloadState: TCP_CONNECTION_OFFLOAD_STATE,
}

/// An IPv6 endpoint with its owner: the row of [`MIB_TCP6TABLE_OWNER_PID`].
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcp6row_owner_pid)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCP6ROW_OWNER_PID {
    /// Local address in network byte order; all zero means any address.
    pub ucLocalAddr: [u8; 16],
    /// Local scope id: an interface index in host byte order; 0 if the address has no scope.
    pub dwLocalScopeId: u32,
    /// Local port in the low 16 bits, in network byte order; the high 16 bits may be garbage.
    pub dwLocalPort: u32,
    /// Remote address in network byte order; meaningless for a listener.
    pub ucRemoteAddr: [u8; 16],
    /// Remote scope id: an interface index in host byte order; meaningless for a listener.
    pub dwRemoteScopeId: u32,
    /// Remote port in the low 16 bits, in network byte order; meaningless for a listener.
    pub dwRemotePort: u32,
    /// State, a value of [`MIB_TCP_STATE`].
    pub dwState: u32,
    /// Pid of the process that bound the endpoint; 0 if it has no owner.
    ///
    /// The process may have exited.
    pub dwOwningPid: u32,
}

/// An IPv6 endpoint with its owner and the owner's module: the row of
/// [`MIB_TCP6TABLE_OWNER_MODULE`].
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcp6row_owner_module)
// Every Windows compiler aligns the 64-bit members to 8 bytes. The explicit alignment is for 32-bit systems that align
// a u64 to 4: recorded tables then have the same layout on all systems.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCP6ROW_OWNER_MODULE {
    /// Local address in network byte order; all zero means any address.
    pub ucLocalAddr: [u8; 16],
    /// Local scope id: an interface index in host byte order; 0 if the address has no scope.
    pub dwLocalScopeId: u32,
    /// Local port in the low 16 bits, in network byte order; the high 16 bits may be garbage.
    pub dwLocalPort: u32,
    /// Remote address in network byte order; meaningless for a listener.
    pub ucRemoteAddr: [u8; 16],
    /// Remote scope id: an interface index in host byte order; meaningless for a listener.
    pub dwRemoteScopeId: u32,
    /// Remote port in the low 16 bits, in network byte order; meaningless for a listener.
    pub dwRemotePort: u32,
    /// State, a value of [`MIB_TCP_STATE`].
    pub dwState: u32,
    /// Pid of the process that bound the endpoint; 0 if it has no owner.
    ///
    /// The process may have exited.
    pub dwOwningPid: u32,
    /// Time at which the endpoint was bound, as a FILETIME; 0 if unknown.
    ///
    /// A FILETIME counts units of 100 ns since 1601-01-01 UTC. Microsoft's page incorrectly says SYSTEMTIME.
    pub liCreateTimestamp: i64,
    /// Opaque; identifies the module for
    /// [`PFN_GetOwnerModuleFromTcp6Entry`](crate::PFN_GetOwnerModuleFromTcp6Entry).
    pub OwningModuleInfo: [u64; TCPIP_OWNING_MODULE_SIZE],
}

/// The IPv6 TCP table that [`GetTcp6Table`] writes.
///
/// See [Reading the rows](crate#reading-the-rows).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcp6table)
///
/// [`GetTcp6Table`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcp6table
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCP6TABLE {
    /// Number of rows.
    pub dwNumEntries: u32,
    /// The first row; the others follow it.
    pub table: [MIB_TCP6ROW; ANY_SIZE],
}

/// The IPv6 TCP table with owner pids and offload states that [`GetTcp6Table2`] writes.
///
/// See [Reading the rows](crate#reading-the-rows).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcp6table2)
///
/// [`GetTcp6Table2`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcp6table2
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCP6TABLE2 {
    /// Number of rows.
    pub dwNumEntries: u32,
    /// The first row; the others follow it.
    pub table: [MIB_TCP6ROW2; ANY_SIZE],
}

/// The IPv6 TCP table that [`GetExtendedTcpTable`] writes for an `OWNER_PID` class.
///
/// See [Reading the rows](crate#reading-the-rows).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcp6table_owner_pid)
///
/// [`GetExtendedTcpTable`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getextendedtcptable
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCP6TABLE_OWNER_PID {
    /// Number of rows.
    pub dwNumEntries: u32,
    /// The first row; the others follow it.
    pub table: [MIB_TCP6ROW_OWNER_PID; ANY_SIZE],
}

/// The IPv6 TCP table that [`GetExtendedTcpTable`] writes for an `OWNER_MODULE` class.
///
/// See [Reading the rows](crate#reading-the-rows).
///
/// The rows are aligned to 8 bytes and start at offset 8. The 4 bytes before them are padding, which the system may
/// leave unwritten.
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcp6table_owner_module)
///
/// [`GetExtendedTcpTable`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getextendedtcptable
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCP6TABLE_OWNER_MODULE {
    /// Number of rows.
    pub dwNumEntries: u32,
    /// The first row; the others follow it.
    pub table: [MIB_TCP6ROW_OWNER_MODULE; ANY_SIZE],
}

/// The module that owns an endpoint: the start of the buffer that the owner-module functions write.
///
/// Both strings are UTF-16, end with a NUL, and lie **in the same buffer**, after this structure. The pointers become
/// invalid when the buffer moves. A service may have its name in both strings. Both may be empty if the caller may not
/// query the owner.
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iprtrmib/ns-iprtrmib-tcpip_owner_module_basic_info)
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TCPIP_OWNER_MODULE_BASIC_INFO {
    /// Name of the module.
    pub pModuleName: *mut u16,
    /// Path of the module.
    pub pModulePath: *mut u16,
}
