//! Counters of the whole TCP stack, for one address family.

use crate::TCP_RTO_ALGORITHM;

/// The counters that [`GetTcpStatisticsEx`] writes, in 32 bits; they wrap around.
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcpstats_lh)
///
/// [`GetTcpStatisticsEx`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcpstatisticsex
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCPSTATS {
    /// Algorithm of the retransmission timeout, a value of [`TCP_RTO_ALGORITHM`].
    // Newer headers declare an anonymous union of this DWORD and the enumeration, which has the same size.
    pub dwRtoAlgorithm: u32,
    /// Minimum retransmission timeout, in milliseconds.
    pub dwRtoMin: u32,
    /// Maximum retransmission timeout, in milliseconds.
    pub dwRtoMax: u32,
    /// Maximum number of connections; [`MIB_TCP_MAXCONN_DYNAMIC`](crate::MIB_TCP_MAXCONN_DYNAMIC)
    /// if not limited.
    pub dwMaxConn: u32,
    /// Connections opened by this system (active opens).
    pub dwActiveOpens: u32,
    /// Connections accepted by this system (passive opens).
    pub dwPassiveOpens: u32,
    /// Failed connection attempts.
    pub dwAttemptFails: u32,
    /// Established connections that were reset.
    pub dwEstabResets: u32,
    /// Connections that are currently established.
    pub dwCurrEstab: u32,
    /// Segments received, including faulty ones.
    pub dwInSegs: u32,
    /// Segments sent, except those that contain only retransmitted data.
    pub dwOutSegs: u32,
    /// Segments retransmitted.
    pub dwRetransSegs: u32,
    /// Segments received with an error.
    pub dwInErrs: u32,
    /// Segments sent with the RST flag.
    pub dwOutRsts: u32,
    /// Connections in all states except LISTEN. Always 0 under Wine.
    pub dwNumConns: u32,
}

/// The counters that [`PFN_GetTcpStatisticsEx2`](crate::PFN_GetTcpStatisticsEx2) writes.
///
/// The two segment counters have 64 bits. The other fields are those of [`MIB_TCPSTATS`].
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcpstats2)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCPSTATS2 {
    /// Algorithm of the retransmission timeout.
    pub RtoAlgorithm: TCP_RTO_ALGORITHM,
    /// Minimum retransmission timeout, in milliseconds.
    pub dwRtoMin: u32,
    /// Maximum retransmission timeout, in milliseconds.
    pub dwRtoMax: u32,
    /// Maximum number of connections; [`MIB_TCP_MAXCONN_DYNAMIC`](crate::MIB_TCP_MAXCONN_DYNAMIC)
    /// if not limited.
    pub dwMaxConn: u32,
    /// Connections opened by this system (active opens).
    pub dwActiveOpens: u32,
    /// Connections accepted by this system (passive opens).
    pub dwPassiveOpens: u32,
    /// Failed connection attempts.
    pub dwAttemptFails: u32,
    /// Established connections that were reset.
    pub dwEstabResets: u32,
    /// Connections that are currently established.
    pub dwCurrEstab: u32,
    /// Segments received, including faulty ones.
    pub dw64InSegs: u64,
    /// Segments sent, except those that contain only retransmitted data.
    pub dw64OutSegs: u64,
    /// Segments retransmitted.
    pub dwRetransSegs: u32,
    /// Segments received with an error.
    pub dwInErrs: u32,
    /// Segments sent with the RST flag.
    pub dwOutRsts: u32,
    /// Connections in all states except LISTEN.
    pub dwNumConns: u32,
}
