//! The extended statistics of one connection.
//!
//! `RW` structures hold what can be set, `ROS` what was fixed when the connection was made, `ROD` what changes. A
//! BOOLEAN is a `u8`, since a `bool` other than 0 and 1 is undefined behaviour and the system's bytes are not ours. The
//! counters are those of [RFC 4898](https://www.rfc-editor.org/rfc/rfc4898) where they have one of its names.

use crate::TCP_BOOLEAN_OPTIONAL;

/// Options of the SYN exchange ([`TcpConnectionEstatsSynOpts`](crate::TcpConnectionEstatsSynOpts)). Collected without
/// being switched on.
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_syn_opts_ros_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_SYN_OPTS_ROS_v0 {
    /// Not 0 if the connection was opened from here.
    pub ActiveOpen: u8,
    /// Maximum segment size that the other end sent, in bytes; 0 if it sent none.
    pub MssRcvd: u32,
    /// Maximum segment size that was sent to the other end, in bytes; 0 if none was.
    pub MssSent: u32,
}

/// Whether data transfer is counted ([`TcpConnectionEstatsData`](crate::TcpConnectionEstatsData)).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_data_rw_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_DATA_RW_v0 {
    /// Not 0 to collect.
    pub EnableCollection: u8,
}

/// Data transfer ([`TcpConnectionEstatsData`](crate::TcpConnectionEstatsData)).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_data_rod_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_DATA_ROD_v0 {
    /// Bytes of data sent, retransmissions included, headers not.
    pub DataBytesOut: u64,
    /// Segments sent that held data.
    pub DataSegsOut: u64,
    /// Bytes of data received, retransmissions included, headers not.
    pub DataBytesIn: u64,
    /// Segments received that held data.
    pub DataSegsIn: u64,
    /// Segments sent.
    pub SegsOut: u64,
    /// Segments received.
    pub SegsIn: u64,
    /// Segments received that failed a check; not all of them were thrown away.
    pub SoftErrors: u32,
    /// Which check was failed last, one of [`TCP_SOFT_ERROR`](crate::TCP_SOFT_ERROR).
    pub SoftErrorReason: u32,
    /// Oldest sequence number that is not acknowledged.
    pub SndUna: u32,
    /// Sequence number to be sent next. Steps back when lost data are sent again.
    pub SndNxt: u32,
    /// Highest sequence number to be sent so far. More than `SndNxt` only while that has stepped back.
    pub SndMax: u32,
    /// Bytes that the other end has acknowledged.
    pub ThruBytesAcked: u64,
    /// Sequence number that is expected next.
    pub RcvNxt: u32,
    /// Bytes received that have been acknowledged.
    pub ThruBytesReceived: u64,
}

/// Whether congestion at the sender is measured ([`TcpConnectionEstatsSndCong`](crate::TcpConnectionEstatsSndCong)).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_snd_cong_rw_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_SND_CONG_RW_v0 {
    /// Not 0 to collect.
    pub EnableCollection: u8,
}

/// Fixed limits of the sender ([`TcpConnectionEstatsSndCong`](crate::TcpConnectionEstatsSndCong)).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_snd_cong_ros_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_SND_CONG_ROS_v0 {
    /// Largest congestion window that may be used, in bytes.
    pub LimCwnd: u32,
}

/// What held the sender back, and its congestion window
/// ([`TcpConnectionEstatsSndCong`](crate::TcpConnectionEstatsSndCong)).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_snd_cong_rod_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_SND_CONG_ROD_v0 {
    /// How often the receiver's window became what limits the sender.
    pub SndLimTransRwin: u32,
    /// Time limited by the receiver's window, in milliseconds.
    pub SndLimTimeRwin: u32,
    /// Bytes sent while limited by the receiver's window.
    pub SndLimBytesRwin: usize,
    /// How often congestion control became what limits the sender.
    pub SndLimTransCwnd: u32,
    /// Time limited by congestion control, in milliseconds; waiting for a retransmission timeout is part of it.
    pub SndLimTimeCwnd: u32,
    /// Bytes sent while limited by congestion control.
    pub SndLimBytesCwnd: usize,
    /// How often the sender itself (mostly: no data) became what limits it.
    pub SndLimTransSnd: u32,
    /// Time limited by the sender itself, in milliseconds.
    pub SndLimTimeSnd: u32,
    /// Bytes sent while limited by the sender itself.
    pub SndLimBytesSnd: usize,
    /// How often slow start enlarged the congestion window.
    pub SlowStart: u32,
    /// How often congestion avoidance enlarged the congestion window.
    pub CongAvoid: u32,
    /// How often something else than congestion control made the congestion window smaller.
    pub OtherReductions: u32,
    /// The congestion window, in bytes.
    pub CurCwnd: u32,
    /// Largest congestion window in slow start, in bytes.
    pub MaxSsCwnd: u32,
    /// Largest congestion window in congestion avoidance, in bytes.
    pub MaxCaCwnd: u32,
    /// The slow start threshold, in bytes.
    pub CurSsthresh: u32,
    /// Largest slow start threshold, in bytes, without the one at the start.
    pub MaxSsthresh: u32,
    /// Smallest slow start threshold, in bytes.
    pub MinSsthresh: u32,
}

/// Whether the path is measured ([`TcpConnectionEstatsPath`](crate::TcpConnectionEstatsPath)).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_path_rw_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_PATH_RW_v0 {
    /// Not 0 to collect.
    pub EnableCollection: u8,
}

/// Measurements of the path: losses, reordering, round-trip times
/// ([`TcpConnectionEstatsPath`](crate::TcpConnectionEstatsPath)).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_path_rod_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_PATH_ROD_v0 {
    /// How often fast retransmit was started.
    pub FastRetran: u32,
    /// Retransmission timeouts that were the first in their row.
    pub Timeouts: u32,
    /// Retransmission timeouts after the timer had been doubled.
    pub SubsequentTimeouts: u32,
    /// Timeouts since new data were acknowledged last.
    pub CurTimeoutCount: u32,
    /// Timeouts that no sign of congestion announced: a whole window was lost.
    pub AbruptTimeouts: u32,
    /// Segments sent with data that had been sent before.
    pub PktsRetrans: u32,
    /// Bytes sent again.
    pub BytesRetrans: u32,
    /// Duplicate acknowledgements received.
    pub DupAcksIn: u32,
    /// Selective acknowledgement options received.
    pub SacksRcvd: u32,
    /// Blocks in those options.
    pub SackBlocksRcvd: u32,
    /// Signs of congestion of any kind that cut the congestion window.
    pub CongSignals: u32,
    /// Sum of the congestion windows just before each sign of congestion, in bytes.
    pub PreCongSumCwnd: u32,
    /// Sum of the last round-trip times before each sign of congestion, in milliseconds.
    pub PreCongSumRtt: u32,
    /// Sum of the first round-trip times after each sign of congestion, in milliseconds.
    pub PostCongSumRtt: u32,
    /// How many samples `PostCongSumRtt` adds up.
    pub PostCongCountRtt: u32,
    /// Signs of congestion by explicit notification.
    pub EcnSignals: u32,
    /// Segments received whose IP header was marked with congestion.
    pub EceRcvd: u32,
    /// Stalls of the interface or the like that were taken for congestion.
    pub SendStall: u32,
    /// Reserved, 0.
    pub QuenchRcvd: u32,
    /// How many duplicate acknowledgements start fast retransmit.
    pub RetranThresh: u32,
    /// Series of duplicate acknowledgements.
    pub SndDupAckEpisodes: u32,
    /// Bytes by which acknowledgements advanced when they ended a series of duplicates without a retransmission.
    pub SumBytesReordered: u32,
    /// Duplicate acknowledgements that did not start fast retransmit.
    pub NonRecovDa: u32,
    /// Series of duplicate acknowledgements that did not start fast retransmit.
    pub NonRecovDaEpisodes: u32,
    /// Reserved, 0.
    pub AckAfterFr: u32,
    /// Duplicate segments that the other end reported.
    pub DsackDups: u32,
    /// Last round-trip time measured, in milliseconds.
    pub SampleRtt: u32,
    /// Smoothed round-trip time, in milliseconds.
    pub SmoothedRtt: u32,
    /// Variation of the round-trip time, in milliseconds.
    pub RttVar: u32,
    /// Longest round-trip time, in milliseconds.
    pub MaxRtt: u32,
    /// Shortest round-trip time, in milliseconds.
    pub MinRtt: u32,
    /// Sum of all round-trip times measured, in milliseconds.
    pub SumRtt: u32,
    /// How many samples `SumRtt` adds up.
    pub CountRtt: u32,
    /// The retransmission timeout, in milliseconds.
    pub CurRto: u32,
    /// Longest retransmission timeout, in milliseconds.
    pub MaxRto: u32,
    /// Shortest retransmission timeout, in milliseconds.
    pub MinRto: u32,
    /// The maximum segment size, in bytes.
    pub CurMss: u32,
    /// Largest maximum segment size, in bytes.
    pub MaxMss: u32,
    /// Smallest maximum segment size, in bytes.
    pub MinMss: u32,
    /// Acknowledgements that showed a timeout to have been needless.
    pub SpuriousRtoDetections: u32,
}

/// Whether the queues for sending are measured ([`TcpConnectionEstatsSendBuff`](crate::TcpConnectionEstatsSendBuff)).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_send_buff_rw_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_SEND_BUFF_RW_v0 {
    /// Not 0 to collect.
    pub EnableCollection: u8,
}

/// The queues for sending ([`TcpConnectionEstatsSendBuff`](crate::TcpConnectionEstatsSendBuff)).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_send_buff_rod_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_SEND_BUFF_ROD_v0 {
    /// Bytes sent and not acknowledged.
    pub CurRetxQueue: usize,
    /// The most there were of them.
    pub MaxRetxQueue: usize,
    /// Bytes that the application wrote and that were never sent.
    pub CurAppWQueue: usize,
    /// The most there were of them.
    pub MaxAppWQueue: usize,
}

/// Whether the local receiver is measured ([`TcpConnectionEstatsRec`](crate::TcpConnectionEstatsRec)).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_rec_rw_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_REC_RW_v0 {
    /// Not 0 to collect.
    pub EnableCollection: u8,
}

/// The local receiver ([`TcpConnectionEstatsRec`](crate::TcpConnectionEstatsRec)).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_rec_rod_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_REC_ROD_v0 {
    /// Window advertised last, in bytes.
    pub CurRwinSent: u32,
    /// Largest window advertised, in bytes.
    pub MaxRwinSent: u32,
    /// Smallest window advertised, in bytes.
    pub MinRwinSent: u32,
    /// Largest window that may be advertised, in bytes.
    pub LimRwin: u32,
    /// Series of duplicate acknowledgements sent.
    pub DupAckEpisodes: u32,
    /// Duplicate acknowledgements sent.
    pub DupAcksOut: u32,
    /// Segments received whose IP header was marked with congestion.
    pub CeRcvd: u32,
    /// Reserved, 0.
    pub EcnSent: u32,
    /// Reserved, 0.
    pub EcnNoncesRcvd: u32,
    /// Bytes of sequence space that the reassembly queue spans.
    pub CurReasmQueue: u32,
    /// The most it has spanned, in bytes.
    pub MaxReasmQueue: u32,
    /// Bytes acknowledged that the application has not read.
    pub CurAppRQueue: usize,
    /// The most there were of them.
    pub MaxAppRQueue: usize,
    /// Window scale option sent, in bits to shift by; 255 if none was.
    pub WinScaleSent: u8,
}

/// Whether the remote receiver is measured ([`TcpConnectionEstatsObsRec`](crate::TcpConnectionEstatsObsRec)).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_obs_rec_rw_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_OBS_REC_RW_v0 {
    /// Not 0 to collect.
    pub EnableCollection: u8,
}

/// The remote receiver as seen from here ([`TcpConnectionEstatsObsRec`](crate::TcpConnectionEstatsObsRec)).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_obs_rec_rod_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_OBS_REC_ROD_v0 {
    /// Window received last, in bytes.
    pub CurRwinRcvd: u32,
    /// Largest window received, in bytes.
    pub MaxRwinRcvd: u32,
    /// Smallest window received, in bytes.
    pub MinRwinRcvd: u32,
    /// Window scale option received, in bits to shift by; 255 if none was.
    pub WinScaleRcvd: u8,
}

/// Whether the bandwidth is estimated ([`TcpConnectionEstatsBandwidth`](crate::TcpConnectionEstatsBandwidth)). Both
/// members are set at once.
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_bandwidth_rw_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_BANDWIDTH_RW_v0 {
    /// For what is sent.
    pub EnableCollectionOutbound: TCP_BOOLEAN_OPTIONAL,
    /// For what is received.
    pub EnableCollectionInbound: TCP_BOOLEAN_OPTIONAL,
}

/// Estimates of the bandwidth ([`TcpConnectionEstatsBandwidth`](crate::TcpConnectionEstatsBandwidth)).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_bandwidth_rod_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_BANDWIDTH_ROD_v0 {
    /// Estimate for what is sent, in bits per second.
    pub OutboundBandwidth: u64,
    /// Estimate for what is received, in bits per second.
    pub InboundBandwidth: u64,
    /// How much `OutboundBandwidth` varies, in bits per second.
    pub OutboundInstability: u64,
    /// How much `InboundBandwidth` varies, in bits per second.
    pub InboundInstability: u64,
    /// Not 0 if `OutboundBandwidth` has reached its peak.
    pub OutboundBandwidthPeaked: u8,
    /// Not 0 if `InboundBandwidth` has reached its peak.
    pub InboundBandwidthPeaked: u8,
}

/// Whether round-trip times are measured finely ([`TcpConnectionEstatsFineRtt`](crate::TcpConnectionEstatsFineRtt)).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_fine_rtt_rw_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_FINE_RTT_RW_v0 {
    /// Not 0 to collect.
    pub EnableCollection: u8,
}

/// Batch-trip times in **micro**seconds ([`TcpConnectionEstatsFineRtt`](crate::TcpConnectionEstatsFineRtt)).
///
/// [Microsoft's page](https://learn.microsoft.com/windows/win32/api/tcpestats/ns-tcpestats-tcp_estats_fine_rtt_rod_v0)
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TCP_ESTATS_FINE_RTT_ROD_v0 {
    /// Variation of the round-trip time, in microseconds.
    pub RttVar: u32,
    /// Longest round-trip time, in microseconds.
    pub MaxRtt: u32,
    /// Shortest round-trip time, in microseconds.
    pub MinRtt: u32,
    /// Smoothed round-trip time, in microseconds, whatever the name says.
    pub SumRtt: u32,
}
