//! What Linux reports of a socket, and its conversion to the statistics that both systems have.

use super::connection::ConnectionStats;
use super::tcp_info::TcpInfo;
use super::timer;
use crate::row::state::State;

/// The values in the base message of a socket (`inet_diag_msg`), or in its line of
/// `/proc/net/tcp6`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BaseValues {
    /// The number of the timer; 0 if none runs.
    pub(crate) timer: u8,
    /// The number of retransmissions or probes that belongs to the timer.
    pub(crate) count: u32,
    /// The time until the timer expires, in milliseconds.
    pub(crate) expires_in: u32,
    /// Unread bytes, or the accept queue of a listener.
    pub(crate) receive_queue: u32,
    /// Unacknowledged bytes, or the backlog of a listener, which the text does not have.
    pub(crate) send_queue: Option<u32>,
}

/// What the kernel reports of one socket besides its row.
///
/// The payloads are those of attributes, if it sent them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reported<'a> {
    pub(crate) values: BaseValues,
    /// The uid, or `None` if the kernel does not report one.
    pub(crate) uid: Option<u32>,
    pub(crate) cookie: u64,
    /// `tcp_info`.
    pub(crate) info: Option<&'a [u8]>,
    /// The name of the congestion control algorithm, up to a NUL if there is one; at most
    /// [`MAX_NAME`] bytes.
    pub(crate) algorithm: Option<&'a [u8]>,
    /// `SK_MEMINFO`.
    pub(crate) memory: Option<&'a [u8]>,
}

/// `TCP_CA_NAME_MAX`.
pub(crate) const MAX_NAME: usize = 16;

/// The statistics of a socket, or `None` if it has none: in TIME-WAIT, as an orphan in FIN-WAIT-2,
/// and as a request.
///
/// The kernel keeps a small struct instead of a socket for these, and reports zeros. A request in SYN-RECEIVED has no
/// `tcp_info`; a socket in this state (TCP fast open) has one, and cannot be told from a request if none was requested.
pub(super) fn connection(state: State, values: &BaseValues, info: Option<&TcpInfo>) -> Option<ConnectionStats> {
    match state {
        State::Listen => {
            let (accept_queue, backlog) = (Some(values.receive_queue), values.send_queue);
            return Some(ConnectionStats { accept_queue, backlog, ..ConnectionStats::default() });
        }
        State::TimeWait => return None,
        State::SynReceived if info.is_none() => return None,
        _ if values.timer == timer::TIME_WAIT => return None,
        _ => {}
    }
    let stats = ConnectionStats {
        unread_bytes: Some(values.receive_queue.into()),
        send_queue_bytes: values.send_queue.map(u64::from),
        ..ConnectionStats::default()
    };
    Some(match info {
        Some(info) => with_tcp_info(stats, info),
        None => stats,
    })
}

/// The final statistics of a connection. The kernel no longer maintains its queues.
pub(crate) fn closed(info: &TcpInfo) -> ConnectionStats {
    ConnectionStats { unsent_bytes: None, ..with_tcp_info(ConnectionStats::default(), info) }
}

fn with_tcp_info(stats: ConnectionStats, info: &TcpInfo) -> ConnectionStats {
    let in_bytes = |segments: Option<u32>| Some(u64::from(segments?) * u64::from(info.snd_mss()?));
    let unsent_bytes = info.notsent_bytes().map(u64::from);
    // The kernel reads the queue before the struct, so that more bytes can be unsent than were queued.
    let unacknowledged_bytes =
        stats.send_queue_bytes.zip(unsent_bytes).and_then(|(queue, unsent)| queue.checked_sub(unsent));
    ConnectionStats {
        bytes_acknowledged: info.bytes_acked(),
        bytes_received: info.bytes_received(),
        bytes_sent: info.bytes_sent(),
        bytes_retransmitted: info.bytes_retrans(),
        segments_retransmitted: info.total_retrans(),
        segments_sent: info.segs_out().map(u64::from),
        segments_received: info.segs_in().map(u64::from),
        rtt: info.rtt(),
        // Before the first measurement, it is an initial value.
        rtt_variation: info.rtt().and(info.rttvar()),
        min_rtt: info.min_rtt(),
        retransmission_timeout: info.rto(),
        congestion_window: in_bytes(info.snd_cwnd()),
        slow_start_threshold: in_bytes(info.snd_ssthresh()),
        max_segment_size: info.snd_mss(),
        peer_window: info.snd_wnd().map(u64::from),
        own_window: info.rcv_wnd().map(u64::from),
        unacknowledged_bytes,
        unsent_bytes,
        ..stats
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    const VALUES: BaseValues =
        BaseValues { timer: 1, count: 2, expires_in: 30, receive_queue: 400, send_queue: Some(5_000) };

    fn info(fields: &[(usize, &[u8])]) -> TcpInfo {
        let mut bytes = [0; 280];
        // snd_ssthresh and min_rtt are unknown.
        bytes[76..80].copy_from_slice(&0x7FFF_FFFFu32.to_ne_bytes());
        bytes[148..152].fill(0xFF);
        for (at, field) in fields {
            bytes[*at..*at + field.len()].copy_from_slice(field);
        }
        TcpInfo::from_bytes(&bytes)
    }

    #[test]
    fn small_sockets_have_no_statistics() {
        let of = |state, timer, info| connection(state, &BaseValues { timer, ..VALUES }, info);
        assert_eq!(of(State::TimeWait, 3, None), None);
        assert_eq!(of(State::TimeWait, 0, None), None);
        assert_eq!(of(State::FinWait2, 3, None), None, "an orphan");
        assert_eq!(of(State::SynReceived, 1, None), None, "a request");
        assert!(of(State::FinWait2, 2, None).is_some());
        assert!(of(State::SynReceived, 1, Some(&info(&[]))).is_some(), "a socket with TCP fast open");
    }

    #[test]
    fn a_listener_has_only_its_queue() {
        let expected = ConnectionStats { accept_queue: Some(400), backlog: Some(5_000), ..ConnectionStats::default() };
        assert_eq!(connection(State::Listen, &VALUES, None), Some(expected));
        assert_eq!(connection(State::Listen, &VALUES, Some(&info(&[]))), Some(expected));
        let from_text = BaseValues { send_queue: None, ..VALUES };
        let expected = ConnectionStats { backlog: None, ..expected };
        assert_eq!(connection(State::Listen, &from_text, None), Some(expected));
    }

    #[test]
    fn without_tcp_info_only_the_queues_are_known() {
        let expected =
            ConnectionStats { unread_bytes: Some(400), send_queue_bytes: Some(5_000), ..ConnectionStats::default() };
        assert_eq!(connection(State::Established, &VALUES, None), Some(expected));
        // A struct without a field, as from a kernel that is older than all of them.
        assert_eq!(connection(State::Established, &VALUES, Some(&TcpInfo::from_bytes(&[]))), Some(expected));
    }

    #[test]
    fn converts_segments_to_bytes_and_splits_the_send_queue() {
        let (mss, cwnd, ssthresh, unsent) = (1_428u32, 10u32, 7u32, 1_200u32);
        let fields: &[(usize, &[u8])] = &[
            (16, &mss.to_ne_bytes()),
            (76, &ssthresh.to_ne_bytes()),
            (80, &cwnd.to_ne_bytes()),
            (144, &unsent.to_ne_bytes()),
            (68, &900u32.to_ne_bytes()),
            (72, &80u32.to_ne_bytes()),
            (100, &3u32.to_ne_bytes()),
            (136, &70u32.to_ne_bytes()),
        ];
        let stats = connection(State::Established, &VALUES, Some(&info(fields))).unwrap();
        assert_eq!((stats.congestion_window, stats.slow_start_threshold), (Some(14_280), Some(9_996)));
        assert_eq!((stats.unacknowledged_bytes, stats.unsent_bytes), (Some(3_800), Some(1_200)));
        assert_eq!(stats.rtt.zip(stats.rtt_variation), Some((Duration::from_micros(900), Duration::from_micros(80))));
        assert_eq!((stats.segments_retransmitted, stats.segments_sent), (Some(3), Some(70)));
        // The largest values fit.
        let fields: &[(usize, &[u8])] = &[(16, &[0xFF; 4]), (80, &[0xFF; 4])];
        let stats = connection(State::Established, &VALUES, Some(&info(fields))).unwrap();
        assert_eq!(stats.congestion_window, Some(u64::from(u32::MAX) * u64::from(u32::MAX)));
    }

    #[test]
    fn values_that_the_kernel_does_not_know_are_none() {
        let fields: &[(usize, &[u8])] = &[(72, &250_000u32.to_ne_bytes()), (144, &5_001u32.to_ne_bytes())];
        let stats = connection(State::SynSent, &VALUES, Some(&info(fields))).unwrap();
        assert_eq!((stats.rtt, stats.rtt_variation, stats.min_rtt), (None, None, None));
        assert_eq!(stats.slow_start_threshold, None);
        assert_eq!((stats.unacknowledged_bytes, stats.unsent_bytes), (None, Some(5_001)), "read at two moments");
    }
}
