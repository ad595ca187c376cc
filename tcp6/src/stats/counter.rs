//! Counters of limited width, and the list of all counters.

/// The number of bits after which a counter starts again at zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Width {
    /// 32 bits: the counters of Windows, except those of segments in GetTcpStatisticsEx2.
    Bits32,
    /// 64 bits: counters of a 64-bit kernel, and the segment counters of GetTcpStatisticsEx2.
    Bits64,
    /// 32 or 64 bits: a 32-bit program on Linux does not know whether the kernel has 32 or 64.
    Unknown,
}

impl Width {
    /// The increase of a counter between two readings, or `None` if it was reset.
    ///
    /// * A counter of 32 bits has wrapped if it is smaller than before. A reset cannot be distinguished from that.
    /// * A counter of 64 bits does not wrap in practice, so it was reset if it is smaller than before.
    /// * A counter of unknown width that is smaller than before has wrapped if both values are below 2^32 and the
    ///   increase is below 2^31. Otherwise it was reset: a counter of 32 bits that grows by 2^31 between two readings is
    ///   read too rarely, and one that is reset from a small value would appear to have grown by nearly 2^32.
    pub(crate) fn increase(self, earlier: u64, later: u64) -> Option<u64> {
        let wrapped = || Some(u32::try_from(later).ok()?.wrapping_sub(u32::try_from(earlier).ok()?));
        match (self, later.checked_sub(earlier)) {
            (Width::Bits32, _) => wrapped().map(u64::from),
            (_, Some(increase)) => Some(increase),
            (Width::Bits64, None) => None,
            (Width::Unknown, None) => wrapped().filter(|increase| *increase < 1 << 31).map(u64::from),
        }
    }
}

/// The widths of the counters of one reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Widths {
    /// The width of the counters of segments received and sent.
    pub(crate) segments: Width,
    /// The width of the other counters.
    pub(crate) others: Width,
}

/// Calls a macro with the name and the field of [`Widths`] of each counter.
///
/// The counters of `common` are those of both systems, the counters of `optional` those of one system.
macro_rules! for_each_counter {
    ($call:ident) => {
        $call! {
            common {
                active_opens: others,
                passive_opens: others,
                failed_attempts: others,
                established_resets: others,
                segments_in: segments,
                segments_out: segments,
                segments_retransmitted: others,
                errors_in: others,
                resets_out: others,
            }
            optional {
                checksum_errors_in: others,
                listen_overflows: others,
                listen_drops: others,
                syncookies_sent: others,
                syncookies_received: others,
                syncookies_failed: others,
                syn_retransmits: others,
                timeouts: others,
                aborts_on_memory: others,
                out_of_order_queued: others,
                receive_queue_drops: others,
            }
        }
    };
}
pub(crate) use for_each_counter;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAX_32: u64 = u32::MAX as u64;

    #[test]
    fn counters_of_32_bits_wrap() {
        assert_eq!(Width::Bits32.increase(MAX_32, 0), Some(1));
        assert_eq!(Width::Bits32.increase(MAX_32 - 1, 3), Some(5));
        assert_eq!(Width::Bits32.increase(5, 4), Some(MAX_32));
        assert_eq!(Width::Bits32.increase(5, 5), Some(0));
        assert_eq!(Width::Bits32.increase(MAX_32 + 1, 5), None, "not a value of 32 bits");
    }

    #[test]
    fn counters_of_64_bits_are_reset_if_they_decrease() {
        assert_eq!(Width::Bits64.increase(0, u64::MAX), Some(u64::MAX));
        assert_eq!(Width::Bits64.increase(MAX_32, MAX_32 + 1), Some(1));
        assert_eq!(Width::Bits64.increase(MAX_32, 0), None);
        assert_eq!(Width::Bits64.increase(u64::MAX, 0), None);
    }

    #[test]
    fn counters_of_unknown_width_wrap_only_by_a_plausible_increase() {
        assert_eq!(Width::Unknown.increase(MAX_32, 0), Some(1));
        assert_eq!(Width::Unknown.increase(MAX_32, (1 << 31) - 2), Some((1 << 31) - 1));
        assert_eq!(Width::Unknown.increase(MAX_32, (1 << 31) - 1), None);
        assert_eq!(Width::Unknown.increase(1000, 3), None, "a reset");
        assert_eq!(Width::Unknown.increase(MAX_32 + 1, 0), None, "a counter of 64 bits");
        assert_eq!(Width::Unknown.increase(3, u64::MAX), Some(u64::MAX - 3));
    }

    proptest! {
        #[test]
        fn increase_of_a_wrapping_counter_is_exact(start: u32, by in 0u32..1 << 31) {
            let (earlier, later) = (u64::from(start), u64::from(start.wrapping_add(by)));
            prop_assert_eq!(Width::Bits32.increase(earlier, later), Some(by.into()));
            prop_assert_eq!(Width::Unknown.increase(earlier, later), Some(by.into()));
        }

        #[test]
        fn increase_of_a_64_bit_counter_is_exact(start: u64, by: u64) {
            let expected = start.checked_add(by).map(|_| by);
            prop_assert_eq!(Width::Bits64.increase(start, start.wrapping_add(by)), expected);
        }
    }
}
