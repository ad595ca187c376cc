//! The statistics of one connection that both systems have.

use core::time::Duration;

/// The statistics of one connection or listener, with the same meaning on every system.
///
/// A field is `None` if the system, its version or the request does not provide the value. It is never zero instead.
/// Bytes and segments are counted since the connection was opened on Linux, and on Windows since an unknown time before
/// statistics were enabled: take differences of two readings ([`Stats::delta`](crate::Stats::delta)).
///
/// | field | Linux, since | Windows |
/// |---|---|---|
/// | `bytes_acknowledged` | bytes_acked, 4.1 | Data.ThruBytesAcked |
/// | `bytes_received` | bytes_received, 4.1 | Data.ThruBytesReceived |
/// | `bytes_sent` | bytes_sent, 4.19 | Data.DataBytesOut |
/// | `bytes_retransmitted` | bytes_retrans, 4.19 | Path.BytesRetrans |
/// | `segments_retransmitted` | total_retrans, 2.6 | Path.PktsRetrans |
/// | `segments_sent`, `segments_received` | segs_out, segs_in, 4.2 | Data.SegsOut, Data.SegsIn |
/// | `rtt`, `rtt_variation` | rtt, rttvar, 2.6 | FineRtt.SumRtt, RttVar |
/// | `min_rtt` | min_rtt, 4.6 | FineRtt.MinRtt |
/// | `retransmission_timeout` | rto, 2.6 | Path.CurRto |
/// | `congestion_window` | snd_cwnd x snd_mss, 2.6 | SndCong.CurCwnd |
/// | `slow_start_threshold` | snd_ssthresh x snd_mss, 2.6 | SndCong.CurSsthresh |
/// | `max_segment_size` | snd_mss, 2.6 | Path.CurMss |
/// | `peer_window` | snd_wnd, 5.4 | ObsRec.CurRwinRcvd |
/// | `own_window` | rcv_wnd, 6.2 | Rec.CurRwinSent |
/// | `unread_bytes` | rqueue | Rec.CurAppRQueue |
/// | `send_queue_bytes` | wqueue | SendBuff.CurRetxQueue + CurAppWQueue |
/// | `unacknowledged_bytes` | wqueue - notsent_bytes, 4.6 | SendBuff.CurRetxQueue |
/// | `unsent_bytes` | notsent_bytes, 4.6 | SendBuff.CurAppWQueue |
/// | `accept_queue`, `backlog` | rqueue, wqueue of a listener | - |
///
/// On Linux, [`StatsExt::tcp_info`](crate::os::linux::StatsExt::tcp_info) has more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[doc(alias = "GetPerTcp6ConnectionEStats")]
pub struct ConnectionStats {
    /// The bytes of payload that the peer has acknowledged.
    ///
    /// Linux counts the SYN of the connecting side and the FIN of this side as one byte each. The payload that was sent
    /// is exactly `bytes_sent` - `bytes_retransmitted`.
    pub bytes_acknowledged: Option<u64>,
    /// The bytes of payload that were received in order. Linux counts the FIN of the peer as one byte.
    pub bytes_received: Option<u64>,
    /// The bytes of payload that were sent, including those sent again.
    pub bytes_sent: Option<u64>,
    /// The bytes of payload that were sent again. On Windows the counter has 32 bits and wraps.
    pub bytes_retransmitted: Option<u64>,
    /// The number of segments that were sent again. Wraps at 32 bits.
    pub segments_retransmitted: Option<u32>,
    /// The number of segments that were sent. Wraps at 32 bits on Linux.
    pub segments_sent: Option<u64>,
    /// The number of segments that were received. Wraps at 32 bits on Linux.
    pub segments_received: Option<u64>,
    /// The smoothed round-trip time, or `None` before the first measurement.
    pub rtt: Option<Duration>,
    /// The mean deviation of the round-trip time.
    pub rtt_variation: Option<Duration>,
    /// The lowest round-trip time.
    pub min_rtt: Option<Duration>,
    /// The timeout after which a segment is sent again.
    pub retransmission_timeout: Option<Duration>,
    /// The congestion window in bytes.
    pub congestion_window: Option<u64>,
    /// The slow-start threshold in bytes, or `None` before the first loss on Linux.
    pub slow_start_threshold: Option<u64>,
    /// The maximum segment size for sending in bytes, without headers.
    pub max_segment_size: Option<u32>,
    /// The window that the peer advertises, in bytes.
    pub peer_window: Option<u64>,
    /// The window that this side advertises, in bytes.
    pub own_window: Option<u64>,
    /// The bytes that were received and that the program has not read. Linux counts the FIN of the peer as one byte.
    pub unread_bytes: Option<u64>,
    /// The bytes that were written and that the peer has not acknowledged, sent or not.
    ///
    /// Linux counts the SYN and the FIN of this side as one byte each.
    pub send_queue_bytes: Option<u64>,
    /// The bytes that were sent and that the peer has not acknowledged, counted as in `send_queue_bytes`.
    pub unacknowledged_bytes: Option<u64>,
    /// The bytes that were written and not sent yet.
    pub unsent_bytes: Option<u64>,
    /// The number of connections that wait for accept (listeners only).
    pub accept_queue: Option<u32>,
    /// The maximum of `accept_queue`, as the program requested it from listen (listeners only).
    pub backlog: Option<u32>,
}
