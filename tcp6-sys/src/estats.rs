//! Structures of the extended statistics of a connection.
//!
//! `RW` structures hold what can be set, `ROS` structures what is fixed when the connection is made, `ROD` structures
//! what changes. A BOOLEAN is a `u8`: the system may write a value other than 0 and 1, which is undefined behaviour for
//! a `bool`. The counters are those of [RFC 4898](https://www.rfc-editor.org/rfc/rfc4898) if they have a name of that
//! document.

use crate::TCP_BOOLEAN_OPTIONAL;

/// Options of the SYN exchange.
///
/// Belongs to [`TcpConnectionEstatsSynOpts`](crate::TcpConnectionEstatsSynOpts). Always collected.
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_syn_opts_ros_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_SYN_OPTS_ROS_v0 {
    /// Not 0 if the connection was opened locally (active open).
    pub ActiveOpen: u8,
    /// Maximum segment size option received, in bytes; 0 if none was received.
    pub MssRcvd: u32,
    /// Maximum segment size option sent, in bytes; 0 if none was sent.
    pub MssSent: u32,
}

/// Switch of the collection of statistics on data transfer.
///
/// Belongs to [`TcpConnectionEstatsData`](crate::TcpConnectionEstatsData).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_data_rw_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_DATA_RW_v0 {
    /// Enables the collection if not 0.
    pub EnableCollection: u8,
}

/// Statistics on data transfer.
///
/// Belongs to [`TcpConnectionEstatsData`](crate::TcpConnectionEstatsData).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_data_rod_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_DATA_ROD_v0 {
    /// Bytes of data sent, including retransmissions, excluding headers.
    pub DataBytesOut: u64,
    /// Segments sent that contain data.
    pub DataSegsOut: u64,
    /// Bytes of data received, including retransmissions, excluding headers.
    pub DataBytesIn: u64,
    /// Segments received that contain data.
    pub DataSegsIn: u64,
    /// Segments sent.
    pub SegsOut: u64,
    /// Segments received.
    pub SegsIn: u64,
    /// Segments received that failed a check; not all of them were discarded.
    pub SoftErrors: u32,
    /// Check that failed last, a value of [`TCP_SOFT_ERROR`](crate::TCP_SOFT_ERROR).
    pub SoftErrorReason: u32,
    /// Oldest unacknowledged sequence number.
    pub SndUna: u32,
    /// Next sequence number to send. Moves back when lost data is retransmitted.
    pub SndNxt: u32,
    /// Highest `SndNxt` so far. Larger than `SndNxt` only after `SndNxt` has moved back.
    pub SndMax: u32,
    /// Bytes that the remote end has acknowledged.
    pub ThruBytesAcked: u64,
    /// Next sequence number expected.
    pub RcvNxt: u32,
    /// Bytes received and acknowledged.
    pub ThruBytesReceived: u64,
}

/// Switch of the collection of statistics on congestion at the sender.
///
/// Belongs to [`TcpConnectionEstatsSndCong`](crate::TcpConnectionEstatsSndCong).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_snd_cong_rw_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_SND_CONG_RW_v0 {
    /// Enables the collection if not 0.
    pub EnableCollection: u8,
}

/// Fixed limits of the sender.
///
/// Belongs to [`TcpConnectionEstatsSndCong`](crate::TcpConnectionEstatsSndCong).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_snd_cong_ros_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_SND_CONG_ROS_v0 {
    /// Maximum congestion window that may be used, in bytes.
    pub LimCwnd: u32,
}

/// Statistics on what limits the sender, and on its congestion window.
///
/// Belongs to [`TcpConnectionEstatsSndCong`](crate::TcpConnectionEstatsSndCong).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_snd_cong_rod_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_SND_CONG_ROD_v0 {
    /// Transitions to the state in which the receiver's window limits the sender.
    pub SndLimTransRwin: u32,
    /// Time limited by the receiver's window, in milliseconds.
    pub SndLimTimeRwin: u32,
    /// Bytes sent while limited by the receiver's window.
    pub SndLimBytesRwin: usize,
    /// Transitions to the state in which congestion control limits the sender.
    pub SndLimTransCwnd: u32,
    /// Time limited by congestion control, in milliseconds; includes waiting for retransmission
    /// timeouts.
    pub SndLimTimeCwnd: u32,
    /// Bytes sent while limited by congestion control.
    pub SndLimBytesCwnd: usize,
    /// Transitions to the state in which the sender itself is the limit, usually for lack of data.
    pub SndLimTransSnd: u32,
    /// Time limited by the sender itself, in milliseconds.
    pub SndLimTimeSnd: u32,
    /// Bytes sent while limited by the sender itself.
    pub SndLimBytesSnd: usize,
    /// Number of times that slow start increased the congestion window.
    pub SlowStart: u32,
    /// Number of times that congestion avoidance increased the congestion window.
    pub CongAvoid: u32,
    /// Number of times that something other than congestion control reduced the congestion window.
    pub OtherReductions: u32,
    /// Current congestion window, in bytes.
    pub CurCwnd: u32,
    /// Maximum congestion window during slow start, in bytes.
    pub MaxSsCwnd: u32,
    /// Maximum congestion window during congestion avoidance, in bytes.
    pub MaxCaCwnd: u32,
    /// Current slow start threshold, in bytes.
    pub CurSsthresh: u32,
    /// Maximum slow start threshold, in bytes, excluding the initial value.
    pub MaxSsthresh: u32,
    /// Minimum slow start threshold, in bytes.
    pub MinSsthresh: u32,
}

/// Switch of the collection of statistics on path measurements.
///
/// Belongs to [`TcpConnectionEstatsPath`](crate::TcpConnectionEstatsPath).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_path_rw_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_PATH_RW_v0 {
    /// Enables the collection if not 0.
    pub EnableCollection: u8,
}

/// Measurements of the path: losses, reordering, round-trip times.
///
/// Belongs to [`TcpConnectionEstatsPath`](crate::TcpConnectionEstatsPath).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_path_rod_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_PATH_ROD_v0 {
    /// Number of times that fast retransmit started.
    pub FastRetran: u32,
    /// Retransmission timeouts, without those after a backoff.
    pub Timeouts: u32,
    /// Retransmission timeouts after the timer was doubled (backoff).
    pub SubsequentTimeouts: u32,
    /// Timeouts since new data was last acknowledged.
    pub CurTimeoutCount: u32,
    /// Timeouts without a preceding congestion signal: a whole window was lost.
    pub AbruptTimeouts: u32,
    /// Segments sent that contain retransmitted data.
    pub PktsRetrans: u32,
    /// Bytes retransmitted.
    pub BytesRetrans: u32,
    /// Duplicate acknowledgments received.
    pub DupAcksIn: u32,
    /// Selective acknowledgment (SACK) options received.
    pub SacksRcvd: u32,
    /// SACK blocks received in those options.
    pub SackBlocksRcvd: u32,
    /// Congestion signals of any kind that reduced the congestion window.
    pub CongSignals: u32,
    /// Sum of the congestion windows just before each congestion signal, in bytes.
    pub PreCongSumCwnd: u32,
    /// Sum of the last round-trip times before each congestion signal, in milliseconds.
    pub PreCongSumRtt: u32,
    /// Sum of the first round-trip times after each congestion signal, in milliseconds.
    pub PostCongSumRtt: u32,
    /// Number of samples in `PostCongSumRtt`.
    pub PostCongCountRtt: u32,
    /// Congestion signals by explicit congestion notification (ECN).
    pub EcnSignals: u32,
    /// Segments received whose IP header was marked with congestion.
    pub EceRcvd: u32,
    /// Stalls of the interface and similar events that were treated as congestion.
    pub SendStall: u32,
    /// Reserved, 0.
    pub QuenchRcvd: u32,
    /// Number of duplicate acknowledgments that starts fast retransmit.
    pub RetranThresh: u32,
    /// Series of duplicate acknowledgments.
    pub SndDupAckEpisodes: u32,
    /// Bytes acknowledged when a series of duplicates ended without a retransmission.
    pub SumBytesReordered: u32,
    /// Duplicate acknowledgments that did not start fast retransmit.
    pub NonRecovDa: u32,
    /// Series of duplicate acknowledgments that did not start fast retransmit.
    pub NonRecovDaEpisodes: u32,
    /// Reserved, 0.
    pub AckAfterFr: u32,
    /// Duplicate segments that the remote end reported (D-SACK).
    pub DsackDups: u32,
    /// Last measured round-trip time, in milliseconds.
    pub SampleRtt: u32,
    /// Smoothed round-trip time, in milliseconds.
    pub SmoothedRtt: u32,
    /// Variation of the round-trip time, in milliseconds.
    pub RttVar: u32,
    /// Maximum round-trip time, in milliseconds.
    pub MaxRtt: u32,
    /// Minimum round-trip time, in milliseconds.
    pub MinRtt: u32,
    /// Sum of all measured round-trip times, in milliseconds.
    pub SumRtt: u32,
    /// Number of samples in `SumRtt`.
    pub CountRtt: u32,
    /// Current retransmission timeout, in milliseconds.
    pub CurRto: u32,
    /// Maximum retransmission timeout, in milliseconds.
    pub MaxRto: u32,
    /// Minimum retransmission timeout, in milliseconds.
    pub MinRto: u32,
    /// Current maximum segment size, in bytes.
    pub CurMss: u32,
    /// Largest value of the maximum segment size, in bytes.
    pub MaxMss: u32,
    /// Smallest value of the maximum segment size, in bytes.
    pub MinMss: u32,
    /// Acknowledgments that showed a retransmission timeout to be spurious.
    pub SpuriousRtoDetections: u32,
}

/// Switch of the collection of statistics on send queues.
///
/// Belongs to [`TcpConnectionEstatsSendBuff`](crate::TcpConnectionEstatsSendBuff).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_send_buff_rw_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_SEND_BUFF_RW_v0 {
    /// Enables the collection if not 0.
    pub EnableCollection: u8,
}

/// Statistics on the send queues.
///
/// Belongs to [`TcpConnectionEstatsSendBuff`](crate::TcpConnectionEstatsSendBuff).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_send_buff_rod_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_SEND_BUFF_ROD_v0 {
    /// Bytes sent and not yet acknowledged.
    pub CurRetxQueue: usize,
    /// Maximum of `CurRetxQueue`.
    pub MaxRetxQueue: usize,
    /// Bytes written by the application and never sent.
    pub CurAppWQueue: usize,
    /// Maximum of `CurAppWQueue`.
    pub MaxAppWQueue: usize,
}

/// Switch of the collection of statistics on the local receiver.
///
/// Belongs to [`TcpConnectionEstatsRec`](crate::TcpConnectionEstatsRec).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_rec_rw_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_REC_RW_v0 {
    /// Enables the collection if not 0.
    pub EnableCollection: u8,
}

/// Statistics on the local receiver.
///
/// Belongs to [`TcpConnectionEstatsRec`](crate::TcpConnectionEstatsRec).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_rec_rod_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_REC_ROD_v0 {
    /// Last window advertised, in bytes.
    pub CurRwinSent: u32,
    /// Maximum window advertised, in bytes.
    pub MaxRwinSent: u32,
    /// Minimum window advertised, in bytes.
    pub MinRwinSent: u32,
    /// Maximum window that may be advertised, in bytes.
    pub LimRwin: u32,
    /// Series of duplicate acknowledgments sent.
    pub DupAckEpisodes: u32,
    /// Duplicate acknowledgments sent.
    pub DupAcksOut: u32,
    /// Segments received whose IP header was marked with congestion.
    pub CeRcvd: u32,
    /// Reserved, 0.
    pub EcnSent: u32,
    /// Reserved, 0.
    pub EcnNoncesRcvd: u32,
    /// Sequence space spanned by the reassembly queue, in bytes.
    pub CurReasmQueue: u32,
    /// Maximum of `CurReasmQueue`, in bytes.
    pub MaxReasmQueue: u32,
    /// Bytes acknowledged and not yet read by the application.
    pub CurAppRQueue: usize,
    /// Maximum of `CurAppRQueue`.
    pub MaxAppRQueue: usize,
    /// Window scale option sent, as a shift count in bits; 255 if none was sent.
    pub WinScaleSent: u8,
}

/// Switch of the collection of statistics on the remote receiver.
///
/// Belongs to [`TcpConnectionEstatsObsRec`](crate::TcpConnectionEstatsObsRec).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_obs_rec_rw_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_OBS_REC_RW_v0 {
    /// Enables the collection if not 0.
    pub EnableCollection: u8,
}

/// Statistics on the remote receiver, as observed locally.
///
/// Belongs to [`TcpConnectionEstatsObsRec`](crate::TcpConnectionEstatsObsRec).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_obs_rec_rod_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_OBS_REC_ROD_v0 {
    /// Last window received, in bytes.
    pub CurRwinRcvd: u32,
    /// Maximum window received, in bytes.
    pub MaxRwinRcvd: u32,
    /// Minimum window received, in bytes.
    pub MinRwinRcvd: u32,
    /// Window scale option received, as a shift count in bits; 255 if none was received.
    pub WinScaleRcvd: u8,
}

/// Switches of the bandwidth estimates, one for each direction.
///
/// Belongs to [`TcpConnectionEstatsBandwidth`](crate::TcpConnectionEstatsBandwidth). One call sets both fields.
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_bandwidth_rw_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_BANDWIDTH_RW_v0 {
    /// Outbound direction.
    pub EnableCollectionOutbound: TCP_BOOLEAN_OPTIONAL,
    /// Inbound direction.
    pub EnableCollectionInbound: TCP_BOOLEAN_OPTIONAL,
}

/// Bandwidth estimates, for each direction.
///
/// Belongs to [`TcpConnectionEstatsBandwidth`](crate::TcpConnectionEstatsBandwidth).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_bandwidth_rod_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_BANDWIDTH_ROD_v0 {
    /// Outbound bandwidth, in bits per second.
    pub OutboundBandwidth: u64,
    /// Inbound bandwidth, in bits per second.
    pub InboundBandwidth: u64,
    /// Variation of `OutboundBandwidth`, in bits per second.
    pub OutboundInstability: u64,
    /// Variation of `InboundBandwidth`, in bits per second.
    pub InboundInstability: u64,
    /// Not 0 if `OutboundBandwidth` has reached its peak.
    pub OutboundBandwidthPeaked: u8,
    /// Not 0 if `InboundBandwidth` has reached its peak.
    pub InboundBandwidthPeaked: u8,
}

/// Switch of the collection of statistics on round-trip times in microseconds.
///
/// Belongs to [`TcpConnectionEstatsFineRtt`](crate::TcpConnectionEstatsFineRtt).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_fine_rtt_rw_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_FINE_RTT_RW_v0 {
    /// Enables the collection if not 0.
    pub EnableCollection: u8,
}

/// Round-trip times in **micro**seconds.
///
/// Belongs to [`TcpConnectionEstatsFineRtt`](crate::TcpConnectionEstatsFineRtt).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_fine_rtt_rod_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_FINE_RTT_ROD_v0 {
    /// Variation of the round-trip time, in microseconds.
    pub RttVar: u32,
    /// Maximum round-trip time, in microseconds.
    pub MaxRtt: u32,
    /// Minimum round-trip time, in microseconds.
    pub MinRtt: u32,
    /// Smoothed round-trip time, in microseconds, despite the name.
    pub SumRtt: u32,
}
