//! The counters of the whole TCP stack, for one address family.

use crate::TCP_RTO_ALGORITHM;

/// What [`GetTcpStatisticsEx`] fills: counters of 32 bits, which wrap around.
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcpstats_lh)
///
/// [`GetTcpStatisticsEx`]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcpstatisticsex
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCPSTATS {
    /// How the retransmission timeout is computed, one of [`TCP_RTO_ALGORITHM`].
    // Newer headers put it into a nameless union with a member of the enumeration's type. The two are read alike.
    pub dwRtoAlgorithm: u32,
    /// Shortest retransmission timeout, in milliseconds.
    pub dwRtoMin: u32,
    /// Longest retransmission timeout, in milliseconds.
    pub dwRtoMax: u32,
    /// Most connections that can be; [`MIB_TCP_MAXCONN_DYNAMIC`](crate::MIB_TCP_MAXCONN_DYNAMIC) if there is no limit.
    pub dwMaxConn: u32,
    /// Connections that were opened from here.
    pub dwActiveOpens: u32,
    /// Connections that were accepted here.
    pub dwPassiveOpens: u32,
    /// Attempts to connect that failed.
    pub dwAttemptFails: u32,
    /// Established connections that were reset.
    pub dwEstabResets: u32,
    /// Connections that are established now.
    pub dwCurrEstab: u32,
    /// Segments received, faulty ones included.
    pub dwInSegs: u32,
    /// Segments sent, without those that hold nothing but retransmitted data.
    pub dwOutSegs: u32,
    /// Segments sent again.
    pub dwRetransSegs: u32,
    /// Segments received with an error.
    pub dwInErrs: u32,
    /// Segments sent with the reset flag.
    pub dwOutRsts: u32,
    /// Connections in any state but listening. Always 0 under Wine.
    pub dwNumConns: u32,
}

/// What [`PFN_GetTcpStatisticsEx2`](crate::PFN_GetTcpStatisticsEx2) fills: [`MIB_TCPSTATS`] with the two segment
/// counters in 64 bits.
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpmib/ns-tcpmib-mib_tcpstats2)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MIB_TCPSTATS2 {
    /// How the retransmission timeout is computed.
    pub RtoAlgorithm: TCP_RTO_ALGORITHM,
    /// Shortest retransmission timeout, in milliseconds.
    pub dwRtoMin: u32,
    /// Longest retransmission timeout, in milliseconds.
    pub dwRtoMax: u32,
    /// Most connections that can be; [`MIB_TCP_MAXCONN_DYNAMIC`](crate::MIB_TCP_MAXCONN_DYNAMIC) if there is no limit.
    pub dwMaxConn: u32,
    /// Connections that were opened from here.
    pub dwActiveOpens: u32,
    /// Connections that were accepted here.
    pub dwPassiveOpens: u32,
    /// Attempts to connect that failed.
    pub dwAttemptFails: u32,
    /// Established connections that were reset.
    pub dwEstabResets: u32,
    /// Connections that are established now.
    pub dwCurrEstab: u32,
    /// Segments received, faulty ones included.
    pub dw64InSegs: u64,
    /// Segments sent, without those that hold nothing but retransmitted data.
    pub dw64OutSegs: u64,
    /// Segments sent again.
    pub dwRetransSegs: u32,
    /// Segments received with an error.
    pub dwInErrs: u32,
    /// Segments sent with the reset flag.
    pub dwOutRsts: u32,
    /// Connections in any state but listening.
    pub dwNumConns: u32,
}
