//! Serializes statistics and their increase.

use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Error as _, Serialize, Serializer};

use super::integer::Integer;
use super::rfc3339::{Second, Time};
use super::sets::Named;
use crate::stats::counter::{Width, Widths, for_each_counter};
use crate::stats::delta::StatisticsDelta;
use crate::stats::rto_algorithm::RtoAlgorithm;
use crate::stats::scope::StatisticsScope;
use crate::stats::statistics::{Moment, Statistics};

const SCOPES: [StatisticsScope; 2] = [StatisticsScope::Ipv6, StatisticsScope::BothFamilies];

impl Serialize for StatisticsScope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.serialize_str(self.name());
        }
        serializer.serialize_u8(match self {
            StatisticsScope::Ipv6 => 0,
            StatisticsScope::BothFamilies => 1,
        })
    }
}

impl<'de> Deserialize<'de> for StatisticsScope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<StatisticsScope, D::Error> {
        if deserializer.is_human_readable() {
            return deserializer.deserialize_str(Named {
                expected: "a scope of statistics",
                by_name: |name| SCOPES.into_iter().find(|scope| scope.name() == name),
                by_number: |_| None,
            });
        }
        let scope = SCOPES.get(usize::from(u8::deserialize(deserializer)?));
        scope.copied().ok_or_else(|| D::Error::custom("an unknown scope of statistics"))
    }
}

const ALGORITHMS: [RtoAlgorithm; 4] =
    [RtoAlgorithm::Constant, RtoAlgorithm::Rsre, RtoAlgorithm::VanJacobson, RtoAlgorithm::Rfc2988];

impl Serialize for RtoAlgorithm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.name() {
            Some(name) if serializer.is_human_readable() => serializer.serialize_str(name),
            _ => serializer.serialize_u32(self.as_raw()),
        }
    }
}

impl<'de> Deserialize<'de> for RtoAlgorithm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RtoAlgorithm, D::Error> {
        if !deserializer.is_human_readable() {
            return u32::deserialize(deserializer).map(RtoAlgorithm::from_raw);
        }
        deserializer.deserialize_any(Named {
            expected: "the name of an algorithm for the retransmission timeout, or its number",
            by_name: |name| ALGORITHMS.into_iter().find(|algorithm| algorithm.name() == Some(name)),
            by_number: |number| u32::try_from(number).ok().map(RtoAlgorithm::from_raw),
        })
    }
}

/// A width: 32 or 64, or nothing if it is unknown.
fn bits(width: Width) -> Option<u8> {
    match width {
        Width::Bits32 => Some(32),
        Width::Bits64 => Some(64),
        Width::Unknown => None,
    }
}

fn width(bits: Option<u8>) -> Result<Width, &'static str> {
    match bits {
        Some(32) => Ok(Width::Bits32),
        Some(64) => Ok(Width::Bits64),
        None => Ok(Width::Unknown),
        Some(_) => Err("a width of counters that is neither 32 nor 64 bits"),
    }
}

/// A time in whole milliseconds, which is what systems report.
fn milliseconds(time: Duration) -> Result<u32, &'static str> {
    u32::try_from(time.as_millis()).map_err(|_| "a retransmission timeout of 2^32 ms or more")
}

/// A time in nanoseconds, which can exceed 64 bits.
fn nanoseconds(time: Integer<u128>) -> Result<Duration, &'static str> {
    let seconds = u64::try_from(time.0 / 1_000_000_000).map_err(|_| "a time of 2^64 s or more")?;
    Ok(Duration::new(seconds, (time.0 % 1_000_000_000) as u32))
}

macro_rules! define {
    (common { $($common:ident: $_:ident,)* } optional { $($optional:ident: $__:ident,)* }) => {
        /// Statistics in human-readable formats, apart from the time.
        #[derive(serde::Serialize, serde::Deserialize)]
        #[serde(rename = "Statistics")]
        struct Text<T> {
            taken_at: T,
            taken_at_nanos: Option<u32>,
            scope: StatisticsScope,
            // Without this attribute, serde would accept a missing field as `None`.
            #[serde(deserialize_with = "Option::deserialize")]
            counter_bits: Option<u8>,
            #[serde(deserialize_with = "Option::deserialize")]
            segment_bits: Option<u8>,
            rto_algorithm: RtoAlgorithm,
            rto_min_ms: u32,
            rto_max_ms: u32,
            #[serde(deserialize_with = "Option::deserialize")]
            max_connections: Option<Integer<u64>>,
            established: Integer<u64>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            connections: Option<Integer<u64>>,
            $($common: Integer<u64>,)*
            $(#[serde(default, skip_serializing_if = "Option::is_none")] $optional: Option<Integer<u64>>,)*
        }

        /// Statistics in binary formats.
        #[derive(serde::Serialize, serde::Deserialize)]
        #[serde(rename = "Statistics")]
        struct Compact {
            taken_at: Time,
            scope: StatisticsScope,
            counter_bits: Option<u8>,
            segment_bits: Option<u8>,
            rto_algorithm: RtoAlgorithm,
            rto_min_ms: u32,
            rto_max_ms: u32,
            max_connections: Option<u64>,
            established: u64,
            connections: Option<u64>,
            $($common: u64,)*
            $($optional: Option<u64>,)*
        }

        impl Compact {
            fn of(from: &Statistics) -> Result<Compact, &'static str> {
                Ok(Compact {
                    taken_at: Time(from.moment.taken_at),
                    scope: from.scope,
                    counter_bits: bits(from.widths.others),
                    segment_bits: bits(from.widths.segments),
                    rto_algorithm: from.rto_algorithm,
                    rto_min_ms: milliseconds(from.rto_min)?,
                    rto_max_ms: milliseconds(from.rto_max)?,
                    max_connections: from.max_connections,
                    established: from.established,
                    connections: from.connections,
                    $($common: from.$common,)*
                    $($optional: from.$optional,)*
                })
            }

            fn to_statistics(&self) -> Result<Statistics, &'static str> {
                Ok(Statistics {
                    scope: self.scope,
                    rto_algorithm: self.rto_algorithm,
                    rto_min: Duration::from_millis(self.rto_min_ms.into()),
                    rto_max: Duration::from_millis(self.rto_max_ms.into()),
                    max_connections: self.max_connections,
                    established: self.established,
                    connections: self.connections,
                    $($common: self.$common,)*
                    $($optional: self.$optional,)*
                    widths: Widths { segments: width(self.segment_bits)?, others: width(self.counter_bits)? },
                    moment: Moment { taken_at: self.taken_at.0, clock: None },
                })
            }

            fn to_text(&self) -> Text<Second> {
                Text {
                    taken_at: Second(self.taken_at.0),
                    taken_at_nanos: Some(self.taken_at.parts().1),
                    scope: self.scope,
                    counter_bits: self.counter_bits,
                    segment_bits: self.segment_bits,
                    rto_algorithm: self.rto_algorithm,
                    rto_min_ms: self.rto_min_ms,
                    rto_max_ms: self.rto_max_ms,
                    max_connections: self.max_connections.map(Integer),
                    established: Integer(self.established),
                    connections: self.connections.map(Integer),
                    $($common: Integer(self.$common),)*
                    $($optional: self.$optional.map(Integer),)*
                }
            }

            fn of_text(text: Text<Time>) -> Result<Compact, &'static str> {
                Ok(Compact {
                    taken_at: text.taken_at.with_nanoseconds(text.taken_at_nanos)?,
                    scope: text.scope,
                    counter_bits: text.counter_bits,
                    segment_bits: text.segment_bits,
                    rto_algorithm: text.rto_algorithm,
                    rto_min_ms: text.rto_min_ms,
                    rto_max_ms: text.rto_max_ms,
                    max_connections: text.max_connections.map(|value| value.0),
                    established: text.established.0,
                    connections: text.connections.map(|value| value.0),
                    $($common: text.$common.0,)*
                    $($optional: text.$optional.map(|value| value.0),)*
                })
            }
        }

        /// An increase in human-readable formats.
        #[derive(serde::Serialize, serde::Deserialize)]
        #[serde(rename = "StatisticsDelta")]
        struct TextDelta {
            #[serde(default, skip_serializing_if = "Option::is_none")]
            elapsed_nanos: Option<Integer<u128>>,
            $(#[serde(default, skip_serializing_if = "Option::is_none")] $common: Option<Integer<u64>>,)*
            $(#[serde(default, skip_serializing_if = "Option::is_none")] $optional: Option<Integer<u64>>,)*
        }

        /// An increase in binary formats.
        #[derive(serde::Serialize, serde::Deserialize)]
        #[serde(rename = "StatisticsDelta")]
        struct CompactDelta {
            elapsed: Option<Duration>,
            $($common: Option<u64>,)*
            $($optional: Option<u64>,)*
        }

        impl Serialize for StatisticsDelta {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    return TextDelta {
                        elapsed_nanos: self.elapsed.map(|elapsed| Integer(elapsed.as_nanos())),
                        $($common: self.$common.map(Integer),)*
                        $($optional: self.$optional.map(Integer),)*
                    }
                    .serialize(serializer);
                }
                CompactDelta {
                    elapsed: self.elapsed,
                    $($common: self.$common,)*
                    $($optional: self.$optional,)*
                }
                .serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for StatisticsDelta {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<StatisticsDelta, D::Error> {
                if deserializer.is_human_readable() {
                    let text = TextDelta::deserialize(deserializer)?;
                    return Ok(StatisticsDelta {
                        elapsed: text.elapsed_nanos.map(nanoseconds).transpose().map_err(D::Error::custom)?,
                        $($common: text.$common.map(|value| value.0),)*
                        $($optional: text.$optional.map(|value| value.0),)*
                    });
                }
                let compact = CompactDelta::deserialize(deserializer)?;
                Ok(StatisticsDelta {
                    elapsed: compact.elapsed,
                    $($common: compact.$common,)*
                    $($optional: compact.$optional,)*
                })
            }
        }
    };
}

for_each_counter!(define);

impl Serialize for Statistics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let compact = Compact::of(self).map_err(S::Error::custom)?;
        if serializer.is_human_readable() {
            compact.to_text().serialize(serializer)
        } else {
            compact.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Statistics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Statistics, D::Error> {
        let compact = if deserializer.is_human_readable() {
            Compact::of_text(Text::deserialize(deserializer)?).map_err(D::Error::custom)?
        } else {
            Compact::deserialize(deserializer)?
        };
        compact.to_statistics().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Instant, SystemTime};

    use serde_json::{Value, json};

    use super::*;

    /// Statistics with extreme values, of Windows.
    fn of_windows() -> Statistics {
        let json = json!({
            "taken_at": "2026-11-23T10:42:39Z",
            "taken_at_nanos": 99338100,
            "scope": "ipv6",
            "counter_bits": 32,
            "segment_bits": 64,
            "rto_algorithm": "van-jacobson",
            "rto_min_ms": 10,
            "rto_max_ms": u32::MAX,
            "max_connections": null,
            "established": "1",
            "connections": "7",
            "active_opens": "101",
            "passive_opens": "102",
            "failed_attempts": "103",
            "established_resets": "104",
            "segments_in": "18446744073709551615",
            "segments_out": "18446744073709551614",
            "segments_retransmitted": "105",
            "errors_in": "106",
            "resets_out": "107"
        });
        let statistics: Statistics = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(statistics).unwrap(), json, "the documented form");
        statistics
    }

    /// Statistics with all counters, of a 32-bit program on Linux.
    fn of_linux() -> Statistics {
        Statistics {
            scope: StatisticsScope::BothFamilies,
            widths: Widths { segments: Width::Unknown, others: Width::Unknown },
            rto_algorithm: RtoAlgorithm::Other(1),
            max_connections: Some(u64::MAX),
            connections: None,
            checksum_errors_in: Some(0),
            listen_overflows: Some(1),
            listen_drops: Some(2),
            syncookies_sent: Some(3),
            syncookies_received: Some(4),
            syncookies_failed: Some(5),
            syn_retransmits: Some(6),
            timeouts: Some(u64::MAX),
            aborts_on_memory: Some(8),
            out_of_order_queued: Some(9),
            receive_queue_drops: Some(10),
            moment: Moment { taken_at: SystemTime::UNIX_EPOCH, clock: Some(Instant::now()) },
            ..of_windows()
        }
    }

    #[test]
    fn statistics_round_trip_in_both_kinds_of_formats() {
        for statistics in [of_windows(), of_linux()] {
            let text = serde_json::to_string(&statistics).unwrap();
            let bytes = postcard::to_allocvec(&statistics).unwrap();
            for read in [serde_json::from_str(&text).expect(&text), postcard::from_bytes::<Statistics>(&bytes).unwrap()]
            {
                assert_eq!(read, statistics);
                assert_eq!(read.taken_at(), statistics.taken_at());
                assert!(read.moment.clock.is_none());
            }
        }
    }

    #[test]
    fn deltas_round_trip_in_both_kinds_of_formats() {
        let mut earlier = of_windows();
        earlier.segments_in = 5;
        earlier.moment.clock = Some(Instant::now());
        let mut later = earlier;
        later.moment.clock = Some(Instant::now() + Duration::new(3, 7));
        (later.active_opens, later.segments_in) = (111, 4);
        let mut longest = later.since(&earlier);
        longest.elapsed = Some(Duration::MAX);
        for delta in [later.since(&earlier), of_linux().since(&of_linux()), of_windows().since(&of_linux()), longest] {
            let text = serde_json::to_string(&delta).unwrap();
            let bytes = postcard::to_allocvec(&delta).unwrap();
            assert_eq!(serde_json::from_str::<StatisticsDelta>(&text).expect(&text), delta);
            assert_eq!(postcard::from_bytes::<StatisticsDelta>(&bytes).unwrap(), delta);
        }
        let delta = serde_json::to_value(later.since(&earlier)).unwrap();
        assert_eq!((&delta["active_opens"], delta.get("segments_in")), (&json!("10"), None));
        assert!(delta["elapsed_nanos"].as_str().unwrap().starts_with("300"));
        let empty = serde_json::to_value(of_windows().since(&of_linux())).unwrap();
        assert_eq!(empty, json!({}));
    }

    #[test]
    fn scopes_and_algorithms_round_trip() {
        for scope in SCOPES {
            let text = serde_json::to_string(&scope).unwrap();
            assert_eq!(serde_json::from_str::<StatisticsScope>(&text).unwrap(), scope);
            let bytes = postcard::to_allocvec(&scope).unwrap();
            assert_eq!(postcard::from_bytes::<StatisticsScope>(&bytes).unwrap(), scope);
        }
        for raw in (0..8).chain([u32::MAX]) {
            let algorithm = RtoAlgorithm::from_raw(raw);
            let text = serde_json::to_string(&algorithm).unwrap();
            assert_eq!(serde_json::from_str::<RtoAlgorithm>(&text).unwrap(), algorithm);
            let bytes = postcard::to_allocvec(&algorithm).unwrap();
            assert_eq!(postcard::from_bytes::<RtoAlgorithm>(&bytes).unwrap(), algorithm);
        }
    }

    #[test]
    fn rejects_missing_fields_and_invalid_values() {
        let valid = serde_json::to_value(of_linux()).unwrap();
        let read = |value: Value| serde_json::from_value::<Statistics>(value);
        let with = |field: &str, value: Value| {
            let mut changed = valid.clone();
            changed[field] = value;
            read(changed)
        };
        let optional = of_linux().counters().map(|(name, _)| name).skip(9);
        let optional: Vec<&str> = optional.chain(["taken_at_nanos"]).collect();
        for field in valid.as_object().unwrap().keys() {
            let mut without = valid.clone();
            without.as_object_mut().unwrap().remove(field);
            assert_eq!(read(without).is_ok(), optional.contains(&&**field), "{field}");
        }
        for (field, value) in [
            ("scope", json!("ipv4")),
            ("scope", json!(0)),
            ("counter_bits", json!(16)),
            ("rto_min_ms", json!(1u64 << 32)),
            ("rto_algorithm", json!("cubic")),
            ("segments_in", json!("18446744073709551616")),
            ("segments_in", json!("-1")),
            ("segments_in", json!(1u64 << 53)),
            ("timeouts", json!("x")),
            ("taken_at_nanos", json!(1_000_000_000)),
        ] {
            assert!(with(field, value.clone()).is_err(), "{field}: {value}");
        }
        assert_eq!(with("segments_in", json!((1u64 << 53) - 1)).unwrap().segments_in, (1 << 53) - 1);
        assert_eq!(with("timeouts", Value::Null).unwrap().timeouts, None);
        let too_long = Statistics { rto_max: Duration::from_secs(1 << 32), ..of_linux() };
        assert!(serde_json::to_string(&too_long).is_err());
        assert!(serde_json::from_value::<StatisticsDelta>(json!({"elapsed_nanos": "x"})).is_err());
        let too_long = u128::from(u64::MAX) * 1_000_000_001;
        assert!(serde_json::from_value::<StatisticsDelta>(json!({"elapsed_nanos": too_long.to_string()})).is_err());
    }
}
