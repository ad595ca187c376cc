//! The kernel's `tcp_info` of a connection: its bytes, and accessors for the fields.
//!
//! The struct has grown with the kernel, and fields never move. Each kernel sends the fields that it has, so that a field
//! beyond the received length is unknown, and bytes after the last known field are those of a later kernel. See
//! `include/uapi/linux/tcp.h` of the kernel.

use core::fmt;
use core::time::Duration;

/// The length of the struct in Linux 6.18, which is the longest that is known.
const MAX_LEN: usize = 280;

/// The `tcp_info` of a connection on Linux, as TCP_INFO and sock_diag return it.
///
/// An accessor returns `None` if the kernel is older than the field, and if the kernel reports that the value is unknown.
/// The names are those of the C struct without `tcpi_`. Counters of segments have 32 bits and wrap.
///
/// In a listener, [`unacked`](TcpInfo::unacked) is the length of the accept queue and [`sacked`](TcpInfo::sacked) the
/// backlog; the other fields have no meaning.
///
/// # Example: the own socket of a program
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// use tcp6::os::linux::TcpInfo;
///
/// // The bytes that getsockopt(IPPROTO_TCP, TCP_INFO) wrote.
/// # let mut bytes = [0; 104];
/// # bytes[68..72].copy_from_slice(&1_500u32.to_ne_bytes());
/// let info = TcpInfo::from_bytes(&bytes);
/// println!("{:?}", info.rtt()); // Some(1.5ms)
/// # assert_eq!(format!("{:?}", info.rtt()), "Some(1.5ms)");
/// # }
/// ```
#[derive(Clone, Copy)]
#[doc(alias = "tcp_info")]
pub struct TcpInfo {
    /// Undefined after `len`.
    bytes: [u8; MAX_LEN],
    len: u16,
}

impl TcpInfo {
    /// Copies the bytes of a `tcp_info`, in native byte order.
    ///
    /// They may be fewer or more than this crate knows.
    #[must_use]
    pub fn from_bytes(tcp_info: &[u8]) -> TcpInfo {
        let mut info = TcpInfo { bytes: [0; MAX_LEN], len: 0 };
        info.set(tcp_info);
        info
    }

    /// Replaces the struct by these bytes, as [`from_bytes`](TcpInfo::from_bytes) does.
    #[inline]
    pub(crate) fn set(&mut self, tcp_info: &[u8]) {
        // It reads nothing, because the storage is seldom in the cache.
        let len = tcp_info.len().min(MAX_LEN);
        self.bytes[..len].copy_from_slice(&tcp_info[..len]);
        self.len = len as u16;
    }

    /// The bytes of the struct as the kernel sent them, at most 280, in native byte order.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.bytes[..self.len.into()]
    }

    /// The same struct with the other byte order in each field. Unknown and incomplete fields are not changed.
    pub(crate) fn swap_bytes(mut self) -> TcpInfo {
        let len = usize::from(self.len);
        for (_, at, size) in FIELDS.iter().filter(|(_, at, size)| at + size <= len) {
            self.bytes[*at..at + size].reverse();
        }
        self
    }

    /// The field at this offset, or `None` if the kernel did not send all of it.
    #[inline]
    fn field<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.raw().get(at..)?.first_chunk().copied()
    }

    /// Whether the kernel sent a struct of at least this length.
    fn has(&self, len: usize) -> bool {
        usize::from(self.len) >= len
    }
}

impl PartialEq for TcpInfo {
    fn eq(&self, other: &TcpInfo) -> bool {
        self.raw() == other.raw()
    }
}

impl Eq for TcpInfo {}

/// Defines an accessor for each field: name, C type, offset, value that means unknown, and
/// conversion to a Rust type.
macro_rules! fields {
    ($(
        $(#[$doc:meta])*
        $name:ident: $raw:ident at $offset:literal $(unless $unknown:pat)? => $type:ty, $convert:expr;
    )*) => {
        impl TcpInfo {
            $(
                $(#[$doc])*
                ///
                #[doc = concat!("`tcpi_", stringify!($name), "`")]
                #[must_use]
                #[inline]
                pub fn $name(&self) -> Option<$type> {
                    let convert: fn($raw) -> $type = $convert;
                    match $raw::from_ne_bytes(self.field($offset)?) {
                        $($unknown => None,)?
                        known => Some(convert(known)),
                    }
                }
            )*
        }

        /// Writes the known fields.
        impl fmt::Debug for TcpInfo {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut fields = f.debug_struct("TcpInfo");
                $(if let Some(known) = self.$name() {
                    fields.field(stringify!($name), &known);
                })*
                fields.finish_non_exhaustive()
            }
        }

        /// The name, the offset and the size of each field.
        pub(crate) const FIELDS: &[(&str, usize, usize)] = &[$((stringify!($name), $offset, size_of::<$raw>())),*];
    };
}

/// `TCP_INFINITE_SSTHRESH`: no loss has occurred yet.
const INFINITE_SSTHRESH: u32 = 0x7FFF_FFFF;

fn same<T>(value: T) -> T {
    value
}

fn microseconds(value: u32) -> Duration {
    Duration::from_micros(value.into())
}

fn milliseconds(value: u32) -> Duration {
    Duration::from_millis(value.into())
}

fields! {
    /// The kernel's number of the state: 1 for ESTABLISHED to 12.
    state: u8 at 0 => u8, same;
    /// The state of congestion control: 0 open, 1 disorder, 2 CWR, 3 recovery, 4 loss.
    ca_state: u8 at 1 => u8, same;
    /// The number of timeouts of the segment that is not acknowledged.
    retransmits: u8 at 2 => u8, same;
    /// The number of probes of a closed window, or keepalive probes, without a reply.
    probes: u8 at 3 => u8, same;
    /// The number of times that the timeout was doubled.
    backoff: u8 at 4 => u8, same;
    /// The options in use: 1 timestamps, 2 SACK, 4 window scaling, 8 ECN, 16 ECN was seen, 32 data
    /// in the SYN.
    options: u8 at 5 => u8, same;
    /// The retransmission timeout.
    rto: u32 at 8 => Duration, microseconds;
    /// The timeout of delayed acknowledgements; unknown until data was received.
    ato: u32 at 12 unless 0 => Duration, microseconds;
    /// The maximum segment size for sending, in bytes.
    snd_mss: u32 at 16 => u32, same;
    /// The estimated maximum segment size of the peer, in bytes.
    rcv_mss: u32 at 20 => u32, same;
    /// The number of segments in flight.
    unacked: u32 at 24 => u32, same;
    /// The number of segments that the peer has acknowledged selectively.
    sacked: u32 at 28 => u32, same;
    /// The number of segments that are regarded as lost.
    lost: u32 at 32 => u32, same;
    /// The number of segments that were sent again and are not acknowledged.
    retrans: u32 at 36 => u32, same;
    /// The time since data was sent last, rounded to the clock of the kernel.
    last_data_sent: u32 at 44 => Duration, milliseconds;
    /// The time since data was received last, rounded to the clock of the kernel.
    last_data_recv: u32 at 52 => Duration, milliseconds;
    /// The time since an acknowledgement was received last, rounded to the clock of the kernel.
    last_ack_recv: u32 at 56 => Duration, milliseconds;
    /// The MTU of the path in bytes.
    pmtu: u32 at 60 unless 0 => u32, same;
    /// The current limit of the receive window in bytes.
    rcv_ssthresh: u32 at 64 => u32, same;
    /// The smoothed round-trip time; unknown until the first measurement.
    rtt: u32 at 68 unless 0 => Duration, microseconds;
    /// The mean deviation of the round-trip time; 250 ms until the first measurement.
    rttvar: u32 at 72 => Duration, microseconds;
    /// The slow-start threshold in segments; unknown until the first loss.
    snd_ssthresh: u32 at 76 unless INFINITE_SSTHRESH => u32, same;
    /// The congestion window in segments.
    snd_cwnd: u32 at 80 => u32, same;
    /// The maximum segment size that this side advertises, in bytes.
    advmss: u32 at 84 => u32, same;
    /// The number of segments by which the path is known to reorder.
    reordering: u32 at 88 => u32, same;
    /// The round-trip time as estimated by the receiver; unknown until the first estimate.
    rcv_rtt: u32 at 92 unless 0 => Duration, microseconds;
    /// The bytes that the program reads in a round trip, by which the receive buffer is sized.
    rcv_space: u32 at 96 => u32, same;
    /// The number of segments sent again since the connection was opened. Wraps.
    total_retrans: u32 at 100 => u32, same;
    /// The rate at which segments are sent, in bytes per second; unknown if it is not limited.
    pacing_rate: u64 at 104 unless u64::MAX => u64, same;
    /// The limit of the rate (SO_MAX_PACING_RATE), in bytes per second; unknown if there is none.
    max_pacing_rate: u64 at 112 unless u64::MAX => u64, same;
    /// The bytes that the peer has acknowledged, counting the SYN of the connecting side and the
    /// FIN.
    bytes_acked: u64 at 120 => u64, same;
    /// The bytes that were received in order, counting the FIN of the peer.
    bytes_received: u64 at 128 => u64, same;
    /// The number of segments sent. Wraps.
    segs_out: u32 at 136 => u32, same;
    /// The number of segments received. Wraps.
    segs_in: u32 at 140 => u32, same;
    /// The bytes that were written and not sent yet.
    notsent_bytes: u32 at 144 => u32, same;
    /// The lowest round-trip time of the last minutes; unknown until the first measurement.
    min_rtt: u32 at 148 unless u32::MAX => Duration, microseconds;
    /// The number of segments with data that were received. Wraps.
    data_segs_in: u32 at 152 => u32, same;
    /// The number of segments with data that were sent, including those sent again. Wraps.
    data_segs_out: u32 at 156 => u32, same;
    /// The rate at which data was delivered last, in bytes per second; unknown until the first
    /// measurement.
    delivery_rate: u64 at 160 unless 0 | u64::MAX => u64, same;
    /// The time during which data was waiting to be sent or acknowledged.
    busy_time: u64 at 168 => Duration, Duration::from_micros;
    /// The part of the busy time in which the window of the peer was the limit.
    rwnd_limited: u64 at 176 => Duration, Duration::from_micros;
    /// The part of the busy time in which the send buffer was the limit.
    sndbuf_limited: u64 at 184 => Duration, Duration::from_micros;
    /// The number of segments that the peer has received. Wraps.
    delivered: u32 at 192 => u32, same;
    /// The number of segments that the peer has received with a congestion mark (CE). Wraps.
    delivered_ce: u32 at 196 => u32, same;
    /// The bytes of payload that were sent, including those sent again.
    bytes_sent: u64 at 200 => u64, same;
    /// The bytes of payload that were sent again.
    bytes_retrans: u64 at 208 => u64, same;
    /// The number of duplicates that the peer has reported (DSACK). Wraps.
    dsack_dups: u32 at 216 => u32, same;
    /// The number of times that segments were seen to arrive out of order at the peer. Wraps.
    reord_seen: u32 at 220 => u32, same;
    /// The number of segments that were received out of order. Wraps.
    rcv_ooopack: u32 at 224 => u32, same;
    /// The window that the peer advertises, in bytes.
    snd_wnd: u32 at 228 => u32, same;
    /// The window that this side advertises, in bytes.
    rcv_wnd: u32 at 232 => u32, same;
    /// The number of times that the flow label was changed because of a timeout or duplicates.
    rehash: u32 at 236 => u32, same;
    /// The number of timeouts. Wraps.
    total_rto: u16 at 240 => u16, same;
    /// The number of recoveries after a timeout. Wraps.
    total_rto_recoveries: u16 at 242 => u16, same;
    /// The time spent in recoveries after a timeout.
    total_rto_time: u32 at 244 => Duration, milliseconds;
    /// The number of segments with a congestion mark (CE) that were received. Wraps.
    received_ce: u32 at 248 => u32, same;
    /// The bytes that the peer has received with the mark ECT(1). Wraps.
    delivered_e1_bytes: u32 at 252 => u32, same;
    /// The bytes that the peer has received with the mark ECT(0). Wraps.
    delivered_e0_bytes: u32 at 256 => u32, same;
    /// The bytes that the peer has received with the mark CE. Wraps.
    delivered_ce_bytes: u32 at 260 => u32, same;
    /// The bytes that were received with the mark ECT(1). Wraps.
    received_e1_bytes: u32 at 264 => u32, same;
    /// The bytes that were received with the mark ECT(0). Wraps.
    received_e0_bytes: u32 at 268 => u32, same;
    /// The bytes that were received with the mark CE. Wraps.
    received_ce_bytes: u32 at 272 => u32, same;
}

/// Offsets of bit fields.
const WSCALE: usize = 6;
const FLAGS: usize = 7;
const ECN: usize = 276;
/// The offset of `tcpi_fackets`.
const FACKETS: usize = 40;

/// The lengths of the struct in the first kernels with a flag, or without a field.
///
/// The struct did not grow for these.
const LEN_4_9: usize = 168;
const LEN_4_18: usize = 200;
const LEN_5_4: usize = 232;

/// The bits from `first` on of a bit field of `size` bits, which C compilers fill from the lowest
/// bit on little-endian machines and from the highest bit on big-endian ones.
fn bits(value: u32, size: u32, first: u32, count: u32) -> u8 {
    let shift = if cfg!(target_endian = "little") { first } else { size - first - count };
    (value >> shift & ((1 << count) - 1)) as u8
}

impl TcpInfo {
    fn bits8(&self, at: usize, first: u32, count: u32) -> Option<u8> {
        self.field::<1>(at).map(|[byte]| bits(byte.into(), 8, first, count))
    }

    fn bits32(&self, at: usize, first: u32, count: u32) -> Option<u8> {
        self.field(at).map(|bytes| bits(u32::from_ne_bytes(bytes), 32, first, count))
    }

    /// The scale of the window that the peer advertises, as a number of bits.
    ///
    /// `tcpi_snd_wscale`
    #[must_use]
    pub fn snd_wscale(&self) -> Option<u8> {
        self.bits8(WSCALE, 0, 4)
    }

    /// The scale of the window that this side advertises, as a number of bits.
    ///
    /// `tcpi_rcv_wscale`
    #[must_use]
    pub fn rcv_wscale(&self) -> Option<u8> {
        self.bits8(WSCALE, 4, 4)
    }

    /// Whether the last [`delivery_rate`](TcpInfo::delivery_rate) was limited by the program, not
    /// by the network.
    ///
    /// `tcpi_delivery_rate_app_limited`, since Linux 4.9
    #[must_use]
    pub fn delivery_rate_app_limited(&self) -> Option<bool> {
        if self.has(LEN_4_9) { self.bits8(FLAGS, 0, 1).map(|bit| bit == 1) } else { None }
    }

    /// Why a fast open failed: 0 it did not, 1 no cookie, 2 data not acknowledged, 3 the SYN was
    /// sent again.
    ///
    /// `tcpi_fastopen_client_fail`, since Linux 5.5; 0 in Linux 5.4
    #[must_use]
    pub fn fastopen_client_fail(&self) -> Option<u8> {
        if self.has(LEN_5_4) { self.bits8(FLAGS, 1, 2) } else { None }
    }

    /// The number of segments between the oldest unacknowledged one and the latest selectively
    /// acknowledged one.
    ///
    /// `tcpi_fackets`, before Linux 4.15. It is `None` since Linux 4.18, and zero in the versions between these.
    #[must_use]
    pub fn fackets(&self) -> Option<u32> {
        if self.has(LEN_4_18) { None } else { self.field(FACKETS).map(u32::from_ne_bytes) }
    }

    /// The mode of explicit congestion notification: 0 none, 1 RFC 3168, 2 accurate, 3 pending.
    ///
    /// `tcpi_ecn_mode`, since Linux 6.18
    #[must_use]
    pub fn ecn_mode(&self) -> Option<u8> {
        self.bits32(ECN, 0, 2)
    }

    /// Whether the option of accurate ECN was seen.
    ///
    /// `tcpi_accecn_opt_seen`, since Linux 6.18
    #[must_use]
    pub fn accecn_opt_seen(&self) -> Option<u8> {
        self.bits32(ECN, 2, 2)
    }

    /// The failures of accurate ECN, one bit each.
    ///
    /// `tcpi_accecn_fail_mode`, since Linux 6.18
    #[must_use]
    pub fn accecn_fail_mode(&self) -> Option<u8> {
        self.bits32(ECN, 4, 4)
    }
}

#[cfg(test)]
mod tests;
