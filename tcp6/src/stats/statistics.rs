//! The counters of the TCP stack.

use std::time::{Duration, Instant, SystemTime};

use crate::stats::counter::{Width, Widths, for_each_counter};
use crate::stats::delta::StatisticsDelta;
use crate::stats::rto_algorithm::RtoAlgorithm;
use crate::stats::scope::StatisticsScope;

/// The counters of the TCP stack at one moment, from
/// [`System::statistics`](crate::System::statistics).
///
/// Counters count since the system started, on Linux since the network namespace was created. To learn what happened
/// between two readings, use [`since`](Statistics::since), which handles counters that wrap. A counter that the system
/// does not provide is `None`.
///
/// | | Windows | Linux |
/// |---|---|---|
/// | source | GetTcpStatisticsEx2, or GetTcpStatisticsEx if that is missing | `Tcp:` of `/proc/net/snmp`, `TcpExt:` of `/proc/net/netstat` |
/// | [`scope`](Statistics::scope) | IPv6 | IPv4 and IPv6 together, of one network namespace |
/// | width | 32 bits; segments received and sent 64 bits since Windows 10, version 1709 | 64 bits; 32 bits if the kernel has 32 |
///
/// At 1,000,000 segments per second, a counter of 32 bits wraps after 72 minutes.
///
/// Two statistics are equal if all values are. The time is not compared.
///
/// # Example: retransmissions
///
/// ```
/// let mut system = tcp6::System::new()?;
/// let before = system.statistics()?;
/// // ...
/// let delta = system.statistics()?.since(&before);
/// println!("{:?} of {:?} segments were retransmitted", delta.segments_retransmitted, delta.segments_out);
/// # Ok::<(), tcp6::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
#[doc(alias = "MIB_TCPSTATS")]
#[doc(alias = "MIB_TCPSTATS2")]
pub struct Statistics {
    /// The connections that are counted.
    pub scope: StatisticsScope,
    /// How the stack computes the retransmission timeout.
    #[doc(alias = "dwRtoAlgorithm")]
    #[doc(alias = "RtoAlgorithm")]
    pub rto_algorithm: RtoAlgorithm,
    /// The shortest retransmission timeout, in whole milliseconds.
    #[doc(alias = "dwRtoMin")]
    #[doc(alias = "RtoMin")]
    pub rto_min: Duration,
    /// The longest retransmission timeout, in whole milliseconds. Windows may report 2^32 - 1 ms.
    #[doc(alias = "dwRtoMax")]
    #[doc(alias = "RtoMax")]
    pub rto_max: Duration,
    /// The maximum number of connections, or `None` if there is no limit.
    #[doc(alias = "dwMaxConn")]
    #[doc(alias = "MaxConn")]
    pub max_connections: Option<u64>,
    /// The number of connections in ESTABLISHED or CLOSE-WAIT now.
    #[doc(alias = "dwCurrEstab")]
    #[doc(alias = "CurrEstab")]
    pub established: u64,
    /// The number of connections now, in all states except LISTEN. Windows only; Wine reports 0.
    #[doc(alias = "dwNumConns")]
    pub connections: Option<u64>,

    /// Connections that this side opened: transitions from CLOSED to SYN-SENT.
    #[doc(alias = "dwActiveOpens")]
    #[doc(alias = "ActiveOpens")]
    pub active_opens: u64,
    /// Connections that this side accepted: transitions from LISTEN to SYN-RECEIVED.
    ///
    /// Linux counts them when the handshake is complete.
    #[doc(alias = "dwPassiveOpens")]
    #[doc(alias = "PassiveOpens")]
    pub passive_opens: u64,
    /// Connection attempts that failed, on this side or on the other.
    #[doc(alias = "dwAttemptFails")]
    #[doc(alias = "AttemptFails")]
    pub failed_attempts: u64,
    /// Connections in ESTABLISHED or CLOSE-WAIT that were reset, by this side or by the other.
    #[doc(alias = "dwEstabResets")]
    #[doc(alias = "EstabResets")]
    pub established_resets: u64,
    /// Segments received, including faulty ones.
    #[doc(alias = "dwInSegs")]
    #[doc(alias = "dw64InSegs")]
    #[doc(alias = "InSegs")]
    pub segments_in: u64,
    /// Segments sent, except retransmissions.
    ///
    /// The segments of loopback connections count, so that a rate of retransmissions is lower than in the network.
    #[doc(alias = "dwOutSegs")]
    #[doc(alias = "dw64OutSegs")]
    #[doc(alias = "OutSegs")]
    pub segments_out: u64,
    /// Segments sent again.
    #[doc(alias = "dwRetransSegs")]
    #[doc(alias = "RetransSegs")]
    pub segments_retransmitted: u64,
    /// Segments received with an error, such as a wrong checksum.
    #[doc(alias = "dwInErrs")]
    #[doc(alias = "InErrs")]
    pub errors_in: u64,
    /// Segments sent with the RST flag.
    #[doc(alias = "dwOutRsts")]
    #[doc(alias = "OutRsts")]
    pub resets_out: u64,

    /// Segments received with a wrong checksum. Linux only, since 3.10.
    #[doc(alias = "InCsumErrors")]
    pub checksum_errors_in: Option<u64>,
    /// Connection attempts that a listener dropped because its accept queue was full. Linux only.
    ///
    /// The peer repeats an attempt that was dropped, and each repetition counts. They are included in
    /// [`listen_drops`](Statistics::listen_drops).
    #[doc(alias = "ListenOverflows")]
    pub listen_overflows: Option<u64>,
    /// Connection attempts that a listener dropped, for any reason. Linux only.
    #[doc(alias = "ListenDrops")]
    pub listen_drops: Option<u64>,
    /// SYN cookies sent because the queue of a listener was full. Linux only.
    #[doc(alias = "SyncookiesSent")]
    pub syncookies_sent: Option<u64>,
    /// Valid SYN cookies received. Linux only.
    #[doc(alias = "SyncookiesRecv")]
    pub syncookies_received: Option<u64>,
    /// Invalid SYN cookies received. Linux only.
    #[doc(alias = "SyncookiesFailed")]
    pub syncookies_failed: Option<u64>,
    /// SYN and SYN-ACK segments sent again. Linux only.
    #[doc(alias = "TCPSynRetrans")]
    pub syn_retransmits: Option<u64>,
    /// Retransmission timeouts that expired. Linux only.
    #[doc(alias = "TCPTimeouts")]
    pub timeouts: Option<u64>,
    /// Connections aborted because memory was short. Linux only.
    #[doc(alias = "TCPAbortOnMemory")]
    pub aborts_on_memory: Option<u64>,
    /// Segments received out of order and queued. Linux only.
    #[doc(alias = "TCPOFOQueue")]
    pub out_of_order_queued: Option<u64>,
    /// Segments dropped because the receive queue of a socket was full. Linux only.
    #[doc(alias = "TCPRcvQDrop")]
    pub receive_queue_drops: Option<u64>,

    pub(crate) widths: Widths,
    pub(crate) moment: Moment,
}

/// When counters were read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) taken_at: SystemTime,
    /// The monotonic clock, or `None` if another process read the counters.
    pub(crate) clock: Option<Instant>,
}

impl Moment {
    pub(crate) fn now() -> Moment {
        Moment { taken_at: SystemTime::now(), clock: Some(Instant::now()) }
    }
}

impl Statistics {
    /// The time at which the counters were read.
    #[must_use]
    pub fn taken_at(&self) -> SystemTime {
        self.moment.taken_at
    }
}

macro_rules! define {
    (common { $($common:ident: $common_width:ident,)* } optional { $($optional:ident: $width:ident,)* }) => {
        impl Statistics {
            /// The name and the value of each counter that the system provides, in the order of the
            /// fields.
            ///
            /// The names are those of the fields. Values that are not counters, such as
            /// [`established`](Statistics::established), are not included.
            ///
            /// # Example: all counters
            ///
            /// ```
            /// for (name, value) in tcp6::System::new()?.statistics()?.counters() {
            ///     println!("tcp_{name}_total {value}");
            /// }
            /// # Ok::<(), tcp6::Error>(())
            /// ```
            pub fn counters(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                let all = [
                    $((stringify!($common), Some(self.$common)),)*
                    $((stringify!($optional), self.$optional),)*
                ];
                all.into_iter().filter_map(|(name, value)| Some((name, value?)))
            }

            /// The increase of each counter since an earlier reading.
            ///
            /// * A counter of 32 bits that is smaller than before has wrapped once. If it has wrapped more often, or if
            ///   the system was restarted meanwhile, the increase is wrong: read often enough, and compare readings of
            ///   one [`System`](crate::System).
            /// * A counter of 64 bits that is smaller than before was reset: the system was restarted, or the two
            ///   readings are of different network namespaces. Its increase is `None`.
            /// * A 32-bit program on Linux does not know whether the kernel has 32 or 64 bits. A counter that is smaller
            ///   than before is taken to have wrapped if both values are below 2^32 and it has grown by less than 2^31,
            ///   and to have been reset otherwise.
            ///
            /// All counters are `None` if the two readings differ in scope or in the width of counters, which happens
            /// only if they are of different systems.
            #[must_use]
            pub fn since(&self, earlier: &Statistics) -> StatisticsDelta {
                let are_comparable = (self.scope, self.widths) == (earlier.scope, earlier.widths);
                let increase = |width: fn(&Widths) -> Width, earlier: Option<u64>, later: Option<u64>| {
                    if are_comparable { width(&self.widths).increase(earlier?, later?) } else { None }
                };
                let clocks = self.moment.clock.zip(earlier.moment.clock);
                StatisticsDelta {
                    elapsed: clocks.and_then(|(later, earlier)| later.checked_duration_since(earlier)),
                    $($common: increase(|widths| widths.$common_width, Some(earlier.$common), Some(self.$common)),)*
                    $($optional: increase(|widths| widths.$width, earlier.$optional, self.$optional),)*
                }
            }
        }

        impl PartialEq for Statistics {
            fn eq(&self, other: &Statistics) -> bool {
                let values = |of: &Statistics| {
                    let common = [$(of.$common),*];
                    let optional = [of.max_connections, of.connections, $(of.$optional),*];
                    (of.scope, of.rto_algorithm, of.rto_min, of.rto_max, of.established, common, optional, of.widths)
                };
                values(self) == values(other)
            }
        }

        impl Eq for Statistics {}
    };
}

for_each_counter!(define);

#[cfg(test)]
mod tests {
    use super::*;

    /// Statistics in which every counter has this value.
    fn all(value: u64, widths: Widths) -> Statistics {
        macro_rules! filled {
            (common { $($common:ident: $_:ident,)* } optional { $($optional:ident: $__:ident,)* }) => {
                Statistics {
                    scope: StatisticsScope::BothFamilies,
                    rto_algorithm: RtoAlgorithm::Other(1),
                    rto_min: Duration::from_millis(200),
                    rto_max: Duration::from_secs(120),
                    max_connections: None,
                    established: 0,
                    connections: None,
                    $($common: value,)*
                    $($optional: Some(value),)*
                    widths,
                    moment: Moment { taken_at: SystemTime::UNIX_EPOCH, clock: None },
                }
            };
        }
        for_each_counter!(filled)
    }

    const WIDE: Widths = Widths { segments: Width::Bits64, others: Width::Bits64 };
    const EX2: Widths = Widths { segments: Width::Bits64, others: Width::Bits32 };

    #[test]
    fn each_counter_has_an_increase_of_its_own_width() {
        let delta = all(7, WIDE).since(&all(5, WIDE));
        assert_eq!(delta.counters().map(|(_, increase)| increase).collect::<Vec<_>>(), [2; 20]);

        let wrapped = all(3, EX2).since(&all(u32::MAX.into(), EX2));
        let missing = [wrapped.segments_in, wrapped.segments_out];
        assert_eq!(missing, [None, None], "a counter of 64 bits was reset");
        assert_eq!(wrapped.counters().map(|(_, increase)| increase).collect::<Vec<_>>(), [4; 18]);
    }

    #[test]
    fn gauges_are_not_counters() {
        let mut later = all(5, WIDE);
        (later.established, later.connections) = (100, Some(100));
        assert!(later.counters().all(|(_, value)| value == 5));
        assert!(later.since(&all(5, WIDE)).counters().all(|(_, increase)| increase == 0));
    }

    #[test]
    fn counters_that_one_reading_lacks_have_no_increase() {
        let mut earlier = all(5, WIDE);
        earlier.timeouts = None;
        let delta = all(7, WIDE).since(&earlier);
        assert_eq!((delta.timeouts, delta.listen_drops), (None, Some(2)));
        assert_eq!(earlier.since(&all(5, WIDE)).timeouts, None);
    }

    #[test]
    fn readings_of_different_systems_have_no_increase() {
        let earlier = all(5, WIDE);
        let windows = Statistics { scope: StatisticsScope::Ipv6, ..all(7, WIDE) };
        for later in [all(7, EX2), windows] {
            assert_eq!(later.since(&earlier).counters().count(), 0);
        }
    }

    #[test]
    fn elapsed_is_that_of_the_monotonic_clock() {
        let (mut earlier, mut later) = (all(1, WIDE), all(11, WIDE));
        // The wall clock is set back meanwhile.
        later.moment.taken_at -= Duration::from_secs(3600);
        assert_eq!(later.since(&earlier).elapsed, None);
        let now = Instant::now();
        earlier.moment.clock = Some(now);
        assert_eq!(later.since(&earlier).elapsed, None);
        later.moment.clock = Some(now + Duration::from_secs(4));
        let delta = later.since(&earlier);
        assert_eq!(delta.elapsed, Some(Duration::from_secs(4)));
        assert_eq!(delta.per_second(delta.segments_in), Some(2.5));
        assert_eq!(delta.per_second(None), None);
        assert_eq!(earlier.since(&later).elapsed, None, "the readings are swapped");
        assert_eq!(earlier.since(&earlier).per_second(Some(1)), None, "no time has passed");
    }

    #[test]
    fn equality_ignores_only_the_time() {
        let one = all(5, WIDE);
        assert_eq!(one, Statistics { moment: Moment::now(), ..one });
        assert_ne!(one, Statistics { established: 1, ..one });
        assert_ne!(one, Statistics { receive_queue_drops: Some(6), ..one });
        assert_ne!(one, Statistics { widths: EX2, ..one });
    }
}
