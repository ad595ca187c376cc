//! The rows and the tables.
//!
//! Every bit pattern is a valid value of each of them: a row may be read from whatever bytes the system wrote. None can
//! be compared or hashed, since a row has bits without meaning (the upper halves of the ports, the remote half of a
//! listener) that would take part.

use core::fmt;
use core::net::Ipv6Addr;

use crate::{ANY_SIZE, MIB_TCP_STATE, TCP_CONNECTION_OFFLOAD_STATE, TCPIP_OWNING_MODULE_SIZE};

/// An IPv6 address, in network byte order.
///
/// Aligned to two bytes, as its view of words is.
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
    /// The sixteen bytes.
    pub u: IN6_ADDR_0,
}

impl fmt::Debug for IN6_ADDR {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.u, f)
    }
}

/// The two views of an [`IN6_ADDR`]. The header leaves this union without a name.
#[repr(C)]
#[derive(Clone, Copy)]
pub union IN6_ADDR_0 {
    /// Sixteen bytes, the first one first.
    pub Byte: [u8; 16],
    /// Eight words, each in network byte order.
    pub Word: [u16; 8],
}

impl fmt::Debug for IN6_ADDR_0 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: both views cover the same sixteen bytes, and bytes have no invalid value.
        let bytes = unsafe { self.Byte };
        fmt::Debug::fmt(&Ipv6Addr::from(bytes), f)
    }
}

impl Default for IN6_ADDR_0 {
    fn default() -> Self {
        Self { Byte: [0; 16] }
    }
}

/// An IPv6 endpoint: the row of [`MIB_TCP6TABLE`], and how [`PFN_GetPerTcp6ConnectionEStats`] is told the connection.
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcp6row)
///
/// [`PFN_GetPerTcp6ConnectionEStats`]: crate::PFN_GetPerTcp6ConnectionEStats
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCP6ROW {
    /// The state.
    pub State: MIB_TCP_STATE,
    /// Local address; all zero when any address is meant.
    pub LocalAddr: IN6_ADDR,
    /// Local scope: an interface index in host byte order, 0 if the address needs none.
    pub dwLocalScopeId: u32,
    /// Local port: low 16 bits, network byte order; the high 16 may be garbage.
    pub dwLocalPort: u32,
    /// Remote address; without meaning for a listener.
    pub RemoteAddr: IN6_ADDR,
    /// Remote scope: an interface index in host byte order; without meaning for a listener.
    pub dwRemoteScopeId: u32,
    /// Remote port: low 16 bits, network byte order; without meaning for a listener.
    pub dwRemotePort: u32,
}

/// An IPv6 endpoint with its owner and offload state: the row of [`MIB_TCP6TABLE2`].
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcp6row2)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCP6ROW2 {
    /// Local address; all zero when any address is meant.
    pub LocalAddr: IN6_ADDR,
    /// Local scope: an interface index in host byte order, 0 if the address needs none.
    pub dwLocalScopeId: u32,
    /// Local port: low 16 bits, network byte order; the high 16 may be garbage.
    pub dwLocalPort: u32,
    /// Remote address; without meaning for a listener.
    pub RemoteAddr: IN6_ADDR,
    /// Remote scope: an interface index in host byte order; without meaning for a listener.
    pub dwRemoteScopeId: u32,
    /// Remote port: low 16 bits, network byte order; without meaning for a listener.
    pub dwRemotePort: u32,
    /// The state.
    pub State: MIB_TCP_STATE,
    /// Pid of the process that bound the endpoint, 0 if there is none any more. The process may be long gone.
    pub dwOwningPid: u32,
    /// Who runs the protocol, the host or the network card.
    pub dwOffloadState: TCP_CONNECTION_OFFLOAD_STATE,
}

/// An IPv6 endpoint with its owner: the row of [`MIB_TCP6TABLE_OWNER_PID`].
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcp6row_owner_pid)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCP6ROW_OWNER_PID {
    /// Local address in network byte order; all zero when any address is meant.
    pub ucLocalAddr: [u8; 16],
    /// Local scope: an interface index in host byte order, 0 if the address needs none.
    pub dwLocalScopeId: u32,
    /// Local port: low 16 bits, network byte order; the high 16 may be garbage.
    pub dwLocalPort: u32,
    /// Remote address in network byte order; without meaning for a listener.
    pub ucRemoteAddr: [u8; 16],
    /// Remote scope: an interface index in host byte order; without meaning for a listener.
    pub dwRemoteScopeId: u32,
    /// Remote port: low 16 bits, network byte order; without meaning for a listener.
    pub dwRemotePort: u32,
    /// The state, one of [`MIB_TCP_STATE`].
    pub dwState: u32,
    /// Pid of the process that bound the endpoint, 0 if there is none any more. The process may be long gone.
    pub dwOwningPid: u32,
}

/// An IPv6 endpoint with its owner and the owner's module: the row of [`MIB_TCP6TABLE_OWNER_MODULE`].
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcp6row_owner_module)
// The alignment is what every Windows compiler gives its 64-bit members anyway. It is spelled out for the 32-bit
// systems that align a u64 to four: a recorded table then means the same on every one of them.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCP6ROW_OWNER_MODULE {
    /// Local address in network byte order; all zero when any address is meant.
    pub ucLocalAddr: [u8; 16],
    /// Local scope: an interface index in host byte order, 0 if the address needs none.
    pub dwLocalScopeId: u32,
    /// Local port: low 16 bits, network byte order; the high 16 may be garbage.
    pub dwLocalPort: u32,
    /// Remote address in network byte order; without meaning for a listener.
    pub ucRemoteAddr: [u8; 16],
    /// Remote scope: an interface index in host byte order; without meaning for a listener.
    pub dwRemoteScopeId: u32,
    /// Remote port: low 16 bits, network byte order; without meaning for a listener.
    pub dwRemotePort: u32,
    /// The state, one of [`MIB_TCP_STATE`].
    pub dwState: u32,
    /// Pid of the process that bound the endpoint, 0 if there is none any more. The process may be long gone.
    pub dwOwningPid: u32,
    /// When the endpoint was bound: a FILETIME, in ticks of 100 ns since the start of 1601 UTC; 0 if not known.
    /// (Microsoft's page calls it a SYSTEMTIME. It is not.)
    pub liCreateTimestamp: i64,
    /// Opaque: what [`PFN_GetOwnerModuleFromTcp6Entry`](crate::PFN_GetOwnerModuleFromTcp6Entry) finds the module by.
    pub OwningModuleInfo: [u64; TCPIP_OWNING_MODULE_SIZE],
}

/// What [`GetTcp6Table`] fills. See [Reading the rows](crate#reading-the-rows).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcp6table)
///
/// [`GetTcp6Table`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcp6table
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCP6TABLE {
    /// How many rows there are.
    pub dwNumEntries: u32,
    /// The first row. The others lie behind it.
    pub table: [MIB_TCP6ROW; ANY_SIZE],
}

/// What [`GetTcp6Table2`] fills. See [Reading the rows](crate#reading-the-rows).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcp6table2)
///
/// [`GetTcp6Table2`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcp6table2
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCP6TABLE2 {
    /// How many rows there are.
    pub dwNumEntries: u32,
    /// The first row. The others lie behind it.
    pub table: [MIB_TCP6ROW2; ANY_SIZE],
}

/// What [`GetExtendedTcpTable`] fills for IPv6 and an `OWNER_PID` class. See
/// [Reading the rows](crate#reading-the-rows).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcp6table_owner_pid)
///
/// [`GetExtendedTcpTable`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getextendedtcptable
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCP6TABLE_OWNER_PID {
    /// How many rows there are.
    pub dwNumEntries: u32,
    /// The first row. The others lie behind it.
    pub table: [MIB_TCP6ROW_OWNER_PID; ANY_SIZE],
}

/// What [`GetExtendedTcpTable`] fills for IPv6 and an `OWNER_MODULE` class. See
/// [Reading the rows](crate#reading-the-rows).
///
/// Its rows need eight-byte alignment, so they start at offset 8. The four bytes before that are padding, which the
/// system need not write.
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcp6table_owner_module)
///
/// [`GetExtendedTcpTable`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getextendedtcptable
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCP6TABLE_OWNER_MODULE {
    /// How many rows there are.
    pub dwNumEntries: u32,
    /// The first row. The others lie behind it.
    pub table: [MIB_TCP6ROW_OWNER_MODULE; ANY_SIZE],
}

/// The module that owns an endpoint, as the owner-module functions write it at the start of the caller's buffer.
///
/// Both strings are UTF-16, end with a zero, and lie **in that same buffer**, behind this structure: the pointers die
/// when the buffer moves. A service may have its name in both. Both may be empty where the caller may not look into the
/// owner.
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/iprtrmib/ns-iprtrmib-tcpip_owner_module_basic_info)
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TCPIP_OWNER_MODULE_BASIC_INFO {
    /// The module's name.
    pub pModuleName: *mut u16,
    /// The module's path.
    pub pModulePath: *mut u16,
}
