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
/// | `rtt`, `rtt_variation` | rtt, rttvar, 2.6 | FineRtt.SumRtt, RttVar, or Path.SmoothedRtt, RttVar in ms |
/// | `min_rtt` | min_rtt, 4.6 | FineRtt.MinRtt, or Path.MinRtt in ms |
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
/// On Windows the values of an EStats type are known if its collection is enabled for the connection
/// ([`System::collect`](crate::System::collect)).
///
/// [`os::linux::StatsExt::tcp_info`](crate::os::linux::StatsExt::tcp_info) and
/// [`os::windows::StatsExt::sender`](crate::os::windows::StatsExt::sender) have more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[doc(alias = "GetPerTcp6ConnectionEStats")]
pub struct ConnectionStats {
    /// The bytes of payload that the peer has acknowledged.
    ///
    /// Linux counts the SYN of the connecting side and the FIN of this side as one byte each. The payload that was sent
    /// is exactly `bytes_sent` - `bytes_retransmitted`.
    pub bytes_acknowledged: Option<u64>,
    /// The bytes of payload that were received in order.
    ///
    /// Linux counts the FIN of the peer as one byte.
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
    ///
    /// On Windows it has the resolution of 1 us, or 1 ms if only Path is collected.
    pub rtt: Option<Duration>,
    /// The mean deviation of the round-trip time.
    pub rtt_variation: Option<Duration>,
    /// The lowest round-trip time.
    pub min_rtt: Option<Duration>,
    /// The timeout after which a segment is sent again.
    pub retransmission_timeout: Option<Duration>,
    /// The congestion window in bytes.
    pub congestion_window: Option<u64>,
    /// The slow-start threshold in bytes, or `None` before the first loss.
    pub slow_start_threshold: Option<u64>,
    /// The maximum segment size for sending in bytes, without headers.
    pub max_segment_size: Option<u32>,
    /// The window that the peer advertises, in bytes.
    pub peer_window: Option<u64>,
    /// The window that this side advertises, in bytes.
    pub own_window: Option<u64>,
    /// The bytes that were received and that the program has not read.
    ///
    /// Linux counts the FIN of the peer as one byte.
    pub unread_bytes: Option<u64>,
    /// The bytes that were written and that the peer has not acknowledged, sent or not.
    ///
    /// Linux counts the SYN and the FIN of this side as one byte each.
    pub send_queue_bytes: Option<u64>,
    /// The bytes that were sent and that the peer has not acknowledged, counted as in
    /// `send_queue_bytes`.
    pub unacknowledged_bytes: Option<u64>,
    /// The bytes that were written and not sent yet.
    pub unsent_bytes: Option<u64>,
    /// The number of connections that wait for accept (listeners only).
    pub accept_queue: Option<u32>,
    /// The maximum of `accept_queue`, as the program requested it from listen (listeners only).
    pub backlog: Option<u32>,
}

/// The number of fields.
pub(crate) const FIELDS: usize = 22;

impl ConnectionStats {
    /// The fields in their order, times in nanoseconds: the form in captures.
    pub(crate) fn values(&self) -> [Option<u64>; FIELDS] {
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        [
            self.bytes_acknowledged,
            self.bytes_received,
            self.bytes_sent,
            self.bytes_retransmitted,
            self.segments_retransmitted.map(u64::from),
            self.segments_sent,
            self.segments_received,
            self.rtt.map(nanoseconds),
            self.rtt_variation.map(nanoseconds),
            self.min_rtt.map(nanoseconds),
            self.retransmission_timeout.map(nanoseconds),
            self.congestion_window,
            self.slow_start_threshold,
            self.max_segment_size.map(u64::from),
            self.peer_window,
            self.own_window,
            self.unread_bytes,
            self.send_queue_bytes,
            self.unacknowledged_bytes,
            self.unsent_bytes,
            self.accept_queue.map(u64::from),
            self.backlog.map(u64::from),
        ]
    }

    /// The statistics with these fields. A number that exceeds 32 bits in such a field is unknown.
    pub(crate) fn from_values(values: &[Option<u64>; FIELDS]) -> ConnectionStats {
        let narrow = |value: Option<u64>| value.and_then(|value| u32::try_from(value).ok());
        ConnectionStats {
            bytes_acknowledged: values[0],
            bytes_received: values[1],
            bytes_sent: values[2],
            bytes_retransmitted: values[3],
            segments_retransmitted: narrow(values[4]),
            segments_sent: values[5],
            segments_received: values[6],
            rtt: values[7].map(Duration::from_nanos),
            rtt_variation: values[8].map(Duration::from_nanos),
            min_rtt: values[9].map(Duration::from_nanos),
            retransmission_timeout: values[10].map(Duration::from_nanos),
            congestion_window: values[11],
            slow_start_threshold: values[12],
            max_segment_size: narrow(values[13]),
            peer_window: values[14],
            own_window: values[15],
            unread_bytes: values[16],
            send_queue_bytes: values[17],
            unacknowledged_bytes: values[18],
            unsent_bytes: values[19],
            accept_queue: narrow(values[20]),
            backlog: narrow(values[21]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_survive_the_form_in_captures() {
        for known in 0..FIELDS {
            let mut values = [None; FIELDS];
            values[known] = Some(7 + known as u64);
            let stats = ConnectionStats::from_values(&values);
            assert_ne!(stats, ConnectionStats::default(), "{known}");
            assert_eq!(stats.values(), values, "{known}");
        }
    }
}
