//! The kinds of statistics that a table is read with.

use bitflags::bitflags;

bitflags! {
    /// Kinds of statistics, to be requested with [`Stats::request`](crate::Stats::request).
    ///
    /// The names are the same on every system; the cost is not:
    ///
    /// | kind | Linux: part of the dump | Windows: EStats type of each connection |
    /// |---|---|---|
    /// | [`QUEUES`](StatsKinds::QUEUES) | free, always filled | SendBuff, Rec |
    /// | [`DATA`](StatsKinds::DATA) | tcp_info | Data, Path |
    /// | [`PATH`](StatsKinds::PATH) | tcp_info | Path, FineRtt |
    /// | [`CONGESTION`](StatsKinds::CONGESTION) | tcp_info | SndCong |
    /// | [`WINDOW`](StatsKinds::WINDOW) | tcp_info | Rec, ObsRec |
    /// | [`ALGORITHM`](StatsKinds::ALGORITHM) | attribute CONG | not available |
    /// | [`MEMORY`](StatsKinds::MEMORY) | attribute SKMEMINFO | not available |
    ///
    /// On Linux a request of one kind that needs tcp_info fills all four, for about a third of the cost of a dump.
    /// ALGORITHM and MEMORY cost about 7 % each.
    ///
    /// On Windows each type is read with one call for each connection, so that the number of calls is that of the
    /// connections times that of the types: two for QUEUES alone, seven for all kinds. A value is known only if an
    /// administrator has enabled its type for the connection ([`System::collect`](crate::System::collect)). DATA needs
    /// Path for the bytes and segments that were sent again.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct StatsKinds: u32 {
        /// Bytes that wait in the queues of the socket; for a listener, its queue of connections.
        const QUEUES = 1;
        /// Bytes and segments, and how many of them were sent again.
        const DATA = 1 << 1;
        /// Round-trip times, the retransmission timeout and the maximum segment size.
        const PATH = 1 << 2;
        /// The congestion window and the slow-start threshold.
        const CONGESTION = 1 << 3;
        /// The windows that both ends advertise.
        const WINDOW = 1 << 4;
        /// The name of the congestion control algorithm (Linux).
        const ALGORITHM = 1 << 5;
        /// The memory of the socket (Linux).
        const MEMORY = 1 << 6;
    }
}

impl StatsKinds {
    /// The kinds for which Linux sends the `tcp_info` of each socket.
    pub(crate) const TCP_INFO: StatsKinds =
        StatsKinds::DATA.union(StatsKinds::PATH).union(StatsKinds::CONGESTION).union(StatsKinds::WINDOW);
}
