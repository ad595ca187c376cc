//! What a connection, or all connections of a process, sent and received in one interval.

use std::time::Duration;

use tcp6::{ConnectionDelta, ConnectionStats};

/// The traffic of one interval. Values that the system does not report are unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// The growth of the counters. `None` in the first interval of a connection.
    pub delta: Option<ConnectionDelta>,
    /// The round-trip time at the end of the interval; the highest one of several connections.
    pub rtt: Option<Duration>,
}

impl Traffic {
    pub fn new(delta: Option<ConnectionDelta>, stats: Option<ConnectionStats>) -> Traffic {
        Traffic { delta, rtt: stats.and_then(|stats| stats.rtt) }
    }

    /// The bytes of payload per second that were received.
    pub fn received(&self) -> Option<f64> {
        let delta = self.delta?;
        delta.per_second(delta.bytes_received)
    }

    /// The bytes of payload per second that were sent, or acknowledged if the system does not count those sent.
    pub fn sent(&self) -> Option<f64> {
        let delta = self.delta?;
        delta.per_second(delta.bytes_sent.or(delta.bytes_acknowledged))
    }

    /// The bytes of payload per second in both directions, as far as they are known.
    pub fn total(&self) -> Option<f64> {
        match (self.received(), self.sent()) {
            (None, None) => None,
            (received, sent) => Some(received.unwrap_or(0.0) + sent.unwrap_or(0.0)),
        }
    }

    /// The number of segments that were sent again.
    pub fn retransmitted(&self) -> Option<u64> {
        self.delta?.segments_retransmitted
    }

    /// Whether nothing was sent or received.
    pub fn is_idle(&self) -> bool {
        self.total() == Some(0.0)
    }
}

impl std::iter::Sum for Traffic {
    fn sum<I: Iterator<Item = Traffic>>(all: I) -> Traffic {
        all.fold(Traffic::default(), |one, other| Traffic {
            delta: match (one.delta, other.delta) {
                (Some(one), Some(other)) => Some(add_deltas(one, &other)),
                (one, other) => one.or(other),
            },
            rtt: one.rtt.max(other.rtt),
        })
    }
}

/// Adds the counters of two connections in the same interval.
fn add_deltas(mut sum: ConnectionDelta, other: &ConnectionDelta) -> ConnectionDelta {
    let add = |sum: &mut Option<u64>, other: Option<u64>| {
        *sum = match (*sum, other) {
            (Some(one), Some(other)) => Some(one.saturating_add(other)),
            (one, other) => one.or(other),
        };
    };
    add(&mut sum.bytes_acknowledged, other.bytes_acknowledged);
    add(&mut sum.bytes_received, other.bytes_received);
    add(&mut sum.bytes_sent, other.bytes_sent);
    add(&mut sum.bytes_retransmitted, other.bytes_retransmitted);
    add(&mut sum.segments_retransmitted, other.segments_retransmitted);
    add(&mut sum.segments_sent, other.segments_sent);
    add(&mut sum.segments_received, other.segments_received);
    sum
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The traffic of an interval of two seconds with these counters.
    pub fn traffic(mut counters: Value, rtt_us: Option<u64>) -> Traffic {
        counters["elapsed_us"] = 2_000_000.into();
        Traffic { delta: Some(serde_json::from_value(counters).unwrap()), rtt: rtt_us.map(Duration::from_micros) }
    }

    /// The traffic of an interval of two seconds with these bytes.
    pub fn bytes(received: u64, sent: u64) -> Traffic {
        traffic(json!({ "bytes_received": received.to_string(), "bytes_sent": sent.to_string() }), None)
    }

    #[test]
    fn rates_are_per_second_and_unknown_in_the_first_interval() {
        let traffic = bytes(3_000, 500);
        assert_eq!((traffic.received(), traffic.sent(), traffic.total()), (Some(1_500.0), Some(250.0), Some(1_750.0)));
        let first = Traffic::default();
        assert_eq!((first.received(), first.sent(), first.total(), first.retransmitted()), (None, None, None, None));
        assert!(!first.is_idle() && !traffic.is_idle() && bytes(0, 0).is_idle());
    }

    #[test]
    fn acknowledged_bytes_replace_those_sent_before_linux_4_19() {
        let old = traffic(json!({ "bytes_received": 0, "bytes_acknowledged": 700 }), None);
        assert_eq!(old.sent(), Some(350.0));
        assert_eq!(traffic(json!({ "segments_sent": 1 }), None).total(), None);
    }

    #[test]
    fn the_sum_has_what_is_known_of_any_connection_and_the_highest_rtt() {
        let counters =
            |received: u64, again: u64| json!({ "bytes_received": received, "segments_retransmitted": again });
        let all = [
            traffic(counters(100, 1), Some(900)),
            Traffic { rtt: Some(Duration::from_micros(5_000)), ..Traffic::default() },
            traffic(counters(300, 2), None),
            bytes(u64::MAX, 8),
        ];
        let sum: Traffic = all.into_iter().sum();
        assert_eq!(sum.delta.unwrap().bytes_received, Some(u64::MAX));
        assert_eq!(
            (sum.retransmitted(), sum.sent(), sum.rtt),
            (Some(3), Some(4.0), Some(Duration::from_micros(5_000)))
        );
        assert_eq!(all[..3].iter().copied().sum::<Traffic>().received(), Some(200.0));
        assert_eq!([Traffic::default()].into_iter().sum::<Traffic>(), Traffic::default());
    }
}
