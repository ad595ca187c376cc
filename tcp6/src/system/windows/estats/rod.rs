//! The values of the EStats types (Rod: read-only, dynamic), and their conversion.

use core::ptr;
use core::time::Duration;

use tcp6_sys::{
    TCP_ESTATS_DATA_ROD_v0, TCP_ESTATS_FINE_RTT_ROD_v0, TCP_ESTATS_OBS_REC_ROD_v0, TCP_ESTATS_PATH_ROD_v0,
    TCP_ESTATS_REC_ROD_v0, TCP_ESTATS_SEND_BUFF_ROD_v0, TCP_ESTATS_SND_CONG_ROD_v0,
};

use super::types::Type;
use crate::stats::connection::ConnectionStats;
use crate::stats::sender::SenderStats;

/// The struct of a type.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rod {
    Data(TCP_ESTATS_DATA_ROD_v0),
    SndCong(TCP_ESTATS_SND_CONG_ROD_v0),
    Path(TCP_ESTATS_PATH_ROD_v0),
    SendBuff(TCP_ESTATS_SEND_BUFF_ROD_v0),
    Rec(TCP_ESTATS_REC_ROD_v0),
    ObsRec(TCP_ESTATS_OBS_REC_ROD_v0),
    FineRtt(TCP_ESTATS_FINE_RTT_ROD_v0),
}

impl Rod {
    /// The struct of this type, with zeros.
    pub(super) fn zeroed(estats_type: Type) -> Rod {
        match estats_type {
            Type::Data => Rod::Data(Default::default()),
            Type::SndCong => Rod::SndCong(Default::default()),
            Type::Path => Rod::Path(Default::default()),
            Type::SendBuff => Rod::SendBuff(Default::default()),
            Type::Rec => Rod::Rec(Default::default()),
            Type::ObsRec => Rod::ObsRec(Default::default()),
            Type::FineRtt => Rod::FineRtt(Default::default()),
        }
    }

    pub(super) fn estats_type(&self) -> Type {
        match self {
            Rod::Data(_) => Type::Data,
            Rod::SndCong(_) => Type::SndCong,
            Rod::Path(_) => Type::Path,
            Rod::SendBuff(_) => Type::SendBuff,
            Rod::Rec(_) => Type::Rec,
            Rod::ObsRec(_) => Type::ObsRec,
            Rod::FineRtt(_) => Type::FineRtt,
        }
    }

    /// The address of the struct and its size in bytes. Any bytes are a value of it.
    pub(super) fn as_mut_ptr(&mut self) -> (*mut u8, u32) {
        fn parts<T>(rod: &mut T) -> (*mut u8, u32) {
            (ptr::from_mut(rod).cast(), size_of::<T>() as u32)
        }
        match self {
            Rod::Data(rod) => parts(rod),
            Rod::SndCong(rod) => parts(rod),
            Rod::Path(rod) => parts(rod),
            Rod::SendBuff(rod) => parts(rod),
            Rod::Rec(rod) => parts(rod),
            Rod::ObsRec(rod) => parts(rod),
            Rod::FineRtt(rod) => parts(rod),
        }
    }
}

/// The values of one connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Values {
    pub(super) connection: ConnectionStats,
    pub(super) sender: SenderStats,
}

impl Values {
    /// Adds the values of a type whose collection is enabled. Path must precede FineRtt.
    pub(super) fn add(&mut self, rod: &Rod) {
        match rod {
            Rod::Data(rod) => self.add_data(rod),
            Rod::SndCong(rod) => self.add_snd_cong(rod),
            Rod::Path(rod) => self.add_path(rod),
            Rod::SendBuff(rod) => self.add_send_buff(rod),
            Rod::Rec(rod) => {
                self.connection.own_window = bytes(rod.CurRwinSent);
                self.connection.unread_bytes = queue(rod.CurAppRQueue);
            }
            Rod::ObsRec(rod) => self.connection.peer_window = bytes(rod.CurRwinRcvd),
            Rod::FineRtt(rod) => self.add_rtt(rod.SumRtt, rod.RttVar, rod.MinRtt, Duration::from_micros),
        }
    }

    fn add_data(&mut self, rod: &TCP_ESTATS_DATA_ROD_v0) {
        let stats = &mut self.connection;
        stats.bytes_acknowledged = Some(rod.ThruBytesAcked);
        stats.bytes_received = Some(rod.ThruBytesReceived);
        stats.bytes_sent = Some(rod.DataBytesOut);
        stats.segments_sent = Some(rod.SegsOut);
        stats.segments_received = Some(rod.SegsIn);
    }

    fn add_path(&mut self, rod: &TCP_ESTATS_PATH_ROD_v0) {
        self.add_rtt(rod.SmoothedRtt, rod.RttVar, rod.MinRtt, Duration::from_millis);
        let stats = &mut self.connection;
        stats.bytes_retransmitted = Some(rod.BytesRetrans.into());
        stats.segments_retransmitted = Some(rod.PktsRetrans);
        stats.retransmission_timeout = positive(rod.CurRto).map(milliseconds);
        stats.max_segment_size = positive(rod.CurMss);
        let sender = &mut self.sender;
        sender.fast_retransmits = Some(rod.FastRetran);
        sender.timeouts = Some(rod.Timeouts);
        sender.duplicate_acks = Some(rod.DupAcksIn);
        sender.sacks = Some(rod.SacksRcvd);
        sender.sack_blocks = Some(rod.SackBlocksRcvd);
        sender.reported_duplicates = Some(rod.DsackDups);
        sender.congestion_signals = Some(rod.CongSignals);
    }

    fn add_snd_cong(&mut self, rod: &TCP_ESTATS_SND_CONG_ROD_v0) {
        self.connection.congestion_window = bytes(rod.CurCwnd);
        self.connection.slow_start_threshold = bytes(rod.CurSsthresh);
        self.sender.limited_by_receiver = Some(milliseconds(rod.SndLimTimeRwin));
        self.sender.limited_by_congestion = Some(milliseconds(rod.SndLimTimeCwnd));
        self.sender.limited_by_sender = Some(milliseconds(rod.SndLimTimeSnd));
    }

    fn add_send_buff(&mut self, rod: &TCP_ESTATS_SEND_BUFF_ROD_v0) {
        let (unacknowledged, unsent) = (queue(rod.CurRetxQueue), queue(rod.CurAppWQueue));
        self.connection.unacknowledged_bytes = unacknowledged;
        self.connection.unsent_bytes = unsent;
        self.connection.send_queue_bytes = unacknowledged.zip(unsent).and_then(|(a, b)| a.checked_add(b));
    }

    /// Replaces the round-trip times, unless none has been measured.
    fn add_rtt(&mut self, smoothed: u32, variation: u32, min: u32, unit: fn(u64) -> Duration) {
        let Some(smoothed) = positive(smoothed) else { return };
        let time = |value: u32| unit(value.into());
        self.connection.rtt = Some(time(smoothed));
        self.connection.rtt_variation = known(variation).map(time);
        self.connection.min_rtt = positive(min).map(time);
    }
}

fn milliseconds(value: u32) -> Duration {
    Duration::from_millis(value.into())
}

/// A value that is not a counter. All bits are set if it is unknown or, for a threshold, unlimited.
fn known(value: u32) -> Option<u32> {
    (value != u32::MAX).then_some(value)
}

/// A value that is never zero, and zero before it is known.
///
/// A time that is shorter than its unit is zero too.
fn positive(value: u32) -> Option<u32> {
    known(value).filter(|value| *value != 0)
}

fn bytes(value: u32) -> Option<u64> {
    known(value).map(u64::from)
}

/// The length of a queue in bytes, which has the size of a pointer.
fn queue(value: usize) -> Option<u64> {
    (value != usize::MAX).then_some(value as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rods: &[Rod]) -> Values {
        let mut values = Values::default();
        rods.iter().for_each(|rod| values.add(rod));
        values
    }

    fn path(smoothed: u32, variation: u32, min: u32) -> Rod {
        Rod::Path(TCP_ESTATS_PATH_ROD_v0 {
            SmoothedRtt: smoothed,
            RttVar: variation,
            MinRtt: min,
            ..TCP_ESTATS_PATH_ROD_v0::default()
        })
    }

    fn fine_rtt(smoothed: u32, variation: u32, min: u32) -> Rod {
        Rod::FineRtt(TCP_ESTATS_FINE_RTT_ROD_v0 { SumRtt: smoothed, RttVar: variation, MinRtt: min, MaxRtt: 9 })
    }

    fn rtt(rods: &[Rod]) -> [Option<u128>; 3] {
        let stats = of(rods).connection;
        [stats.rtt, stats.rtt_variation, stats.min_rtt].map(|time| time.map(|time| time.as_micros()))
    }

    #[test]
    fn each_type_has_its_struct() {
        for estats_type in Type::ALL {
            let mut rod = Rod::zeroed(estats_type);
            assert_eq!(rod.estats_type(), estats_type);
            let (address, size) = rod.as_mut_ptr();
            // Sizes from the C headers. Three structs have fields of the size of a pointer; Linux aligns u64 to 4 on x86.
            let [on_64, on_32] = match estats_type {
                Type::Data => [96, if align_of::<u64>() == 8 { 96 } else { 88 }],
                Type::SndCong => [88, 72],
                Type::Path => [160, 160],
                Type::SendBuff => [32, 16],
                Type::Rec => [72, 56],
                Type::ObsRec | Type::FineRtt => [16, 16],
            };
            assert_eq!(size, if cfg!(target_pointer_width = "64") { on_64 } else { on_32 }, "{estats_type:?}");
            let range = ptr::from_ref(&rod).addr()..ptr::from_ref(&rod).addr() + size_of::<Rod>();
            assert!(range.contains(&address.addr()) && address.addr() + size as usize <= range.end);
        }
    }

    #[test]
    fn fine_round_trip_times_replace_those_in_milliseconds() {
        assert_eq!(rtt(&[path(30, 4, 20)]), [Some(30_000), Some(4_000), Some(20_000)]);
        assert_eq!(rtt(&[fine_rtt(31_234, 4_321, 20_999)]), [Some(31_234), Some(4_321), Some(20_999)]);
        assert_eq!(rtt(&[path(30, 4, 20), fine_rtt(31_234, 0, 20_999)]), [Some(31_234), Some(0), Some(20_999)]);
        assert_eq!(rtt(&[path(30, 4, 20), fine_rtt(0, 0, 0)]), [Some(30_000), Some(4_000), Some(20_000)]);
    }

    #[test]
    fn a_round_trip_time_without_a_measurement_is_unknown() {
        for none in [0, u32::MAX] {
            assert_eq!(rtt(&[path(none, 250, 1), fine_rtt(none, 250_000, 1)]), [None; 3]);
        }
        assert_eq!(rtt(&[fine_rtt(900, u32::MAX, u32::MAX)]), [Some(900), None, None]);
        assert_eq!(rtt(&[fine_rtt(900, 5, 0)]), [Some(900), Some(5), None]);
    }

    #[test]
    fn all_bits_mean_unknown_except_in_counters() {
        let path = TCP_ESTATS_PATH_ROD_v0 {
            CurRto: u32::MAX,
            CurMss: u32::MAX,
            PktsRetrans: u32::MAX,
            BytesRetrans: u32::MAX,
            ..Default::default()
        };
        let congestion = TCP_ESTATS_SND_CONG_ROD_v0 { CurCwnd: 14_600, CurSsthresh: u32::MAX, ..Default::default() };
        let received = TCP_ESTATS_REC_ROD_v0 { CurRwinSent: 0, CurAppRQueue: usize::MAX, ..Default::default() };
        let stats = of(&[Rod::Path(path), Rod::SndCong(congestion), Rod::Rec(received)]).connection;
        assert_eq!((stats.retransmission_timeout, stats.max_segment_size), (None, None));
        assert_eq!((stats.segments_retransmitted, stats.bytes_retransmitted), (Some(u32::MAX), Some(0xFFFF_FFFF)));
        assert_eq!((stats.congestion_window, stats.slow_start_threshold), (Some(14_600), None));
        assert_eq!((stats.own_window, stats.unread_bytes), (Some(0), None), "a closed window");
    }

    #[test]
    fn the_send_queue_is_the_sum_of_its_parts() {
        let queues = |sent, unsent| {
            let rod = TCP_ESTATS_SEND_BUFF_ROD_v0 { CurRetxQueue: sent, CurAppWQueue: unsent, ..Default::default() };
            let stats = of(&[Rod::SendBuff(rod)]).connection;
            [stats.send_queue_bytes, stats.unacknowledged_bytes, stats.unsent_bytes]
        };
        assert_eq!(queues(100, 20), [Some(120), Some(100), Some(20)]);
        assert_eq!(queues(0, 0), [Some(0), Some(0), Some(0)]);
        assert_eq!(queues(usize::MAX, 20), [None, None, Some(20)]);
        let most = usize::MAX - 1;
        let sum = (most as u64).checked_add(most as u64);
        assert_eq!(queues(most, most), [sum, Some(most as u64), Some(most as u64)]);
    }
}
