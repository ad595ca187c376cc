//! What Windows alone reports of the sending side of a connection.

use core::time::Duration;

/// What limits the sender of a connection, and what it learned of losses. Only Windows reports it.
///
/// A field is `None` if its EStats type is not collected. Counters and times are counted since an unknown time before
/// the collection was enabled, and wrap at 32 bits (times at 2^32 ms): take differences of two readings.
///
/// | field | EStats type | kinds that read it |
/// |---|---|---|
/// | `fast_retransmits`, `timeouts`, `duplicate_acks`, `sacks`, `sack_blocks`, `reported_duplicates`, `congestion_signals` | Path | [`DATA`](crate::StatsKinds::DATA), [`PATH`](crate::StatsKinds::PATH) |
/// | `limited_by_receiver`, `limited_by_congestion`, `limited_by_sender` | SndCong | [`CONGESTION`](crate::StatsKinds::CONGESTION) |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[doc(alias = "TCP_ESTATS_PATH_ROD_v0")]
#[doc(alias = "TCP_ESTATS_SND_CONG_ROD_v0")]
pub struct SenderStats {
    /// The number of times that fast retransmit started (FastRetran).
    pub fast_retransmits: Option<u32>,
    /// The number of retransmission timeouts, without those after a backoff (Timeouts).
    pub timeouts: Option<u32>,
    /// The number of duplicate acknowledgments that were received (DupAcksIn).
    pub duplicate_acks: Option<u32>,
    /// The number of selective acknowledgments that were received (SacksRcvd).
    pub sacks: Option<u32>,
    /// The number of blocks in these selective acknowledgments (SackBlocksRcvd).
    pub sack_blocks: Option<u32>,
    /// The number of segments that the peer reported to have received twice (DsackDups).
    pub reported_duplicates: Option<u32>,
    /// The number of signals that reduced the congestion window (CongSignals).
    pub congestion_signals: Option<u32>,
    /// The time during which the window of the peer limited the sender (SndLimTimeRwin).
    pub limited_by_receiver: Option<Duration>,
    /// The time during which congestion control limited the sender, waiting for timeouts included
    /// (SndLimTimeCwnd).
    pub limited_by_congestion: Option<Duration>,
    /// The time during which the sender was its own limit, usually for lack of data
    /// (SndLimTimeSnd).
    pub limited_by_sender: Option<Duration>,
}

/// The number of fields.
pub(crate) const FIELDS: usize = 10;

impl SenderStats {
    /// The fields in their order, times in milliseconds: the form in captures.
    pub(crate) fn values(&self) -> [Option<u32>; FIELDS] {
        let milliseconds = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        [
            self.fast_retransmits,
            self.timeouts,
            self.duplicate_acks,
            self.sacks,
            self.sack_blocks,
            self.reported_duplicates,
            self.congestion_signals,
            self.limited_by_receiver.map(milliseconds),
            self.limited_by_congestion.map(milliseconds),
            self.limited_by_sender.map(milliseconds),
        ]
    }

    /// The statistics with these fields.
    pub(crate) fn from_values(values: &[Option<u32>; FIELDS]) -> SenderStats {
        let time = |value: Option<u32>| value.map(|milliseconds| Duration::from_millis(milliseconds.into()));
        SenderStats {
            fast_retransmits: values[0],
            timeouts: values[1],
            duplicate_acks: values[2],
            sacks: values[3],
            sack_blocks: values[4],
            reported_duplicates: values[5],
            congestion_signals: values[6],
            limited_by_receiver: time(values[7]),
            limited_by_congestion: time(values[8]),
            limited_by_sender: time(values[9]),
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
            values[known] = Some(7 + known as u32);
            let stats = SenderStats::from_values(&values);
            assert_ne!(stats, SenderStats::default(), "{known}");
            assert_eq!(stats.values(), values, "{known}");
        }
        let all = [Some(u32::MAX); FIELDS];
        assert_eq!(SenderStats::from_values(&all).values(), all);
    }
}
