//! Serializes the statistics that both systems have.

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

use super::micros::Micros;
use crate::serde::integer::Integer;
use crate::stats::connection::{ConnectionStats, FIELDS};

/// Defines the object in human-readable formats: for each field its form and, if it differs, its
/// name.
macro_rules! text {
    ($($field:ident $(as $name:literal)?: $form:ty,)*) => {
        #[derive(serde::Serialize, serde::Deserialize)]
        #[serde(rename = "ConnectionStats")]
        struct Text {
            $(
                #[serde($(rename = $name,)? skip_serializing_if = "Option::is_none")]
                $field: Option<$form>,
            )*
        }

        impl From<&ConnectionStats> for Text {
            fn from(stats: &ConnectionStats) -> Text {
                Text { $($field: stats.$field.map(<$form>::from),)* }
            }
        }

        impl From<Text> for ConnectionStats {
            fn from(text: Text) -> ConnectionStats {
                ConnectionStats { $($field: text.$field.map(Into::into),)* }
            }
        }
    };
}

text! {
    bytes_acknowledged: Integer<u64>,
    bytes_received: Integer<u64>,
    bytes_sent: Integer<u64>,
    bytes_retransmitted: Integer<u64>,
    segments_retransmitted: u32,
    segments_sent: Integer<u64>,
    segments_received: Integer<u64>,
    rtt as "rtt_us": Micros,
    rtt_variation as "rtt_variation_us": Micros,
    min_rtt as "min_rtt_us": Micros,
    retransmission_timeout as "retransmission_timeout_us": Micros,
    congestion_window as "congestion_window_bytes": Integer<u64>,
    slow_start_threshold as "slow_start_threshold_bytes": Integer<u64>,
    max_segment_size as "max_segment_size_bytes": u32,
    peer_window as "peer_window_bytes": Integer<u64>,
    own_window as "own_window_bytes": Integer<u64>,
    unread_bytes: Integer<u64>,
    send_queue_bytes: Integer<u64>,
    unacknowledged_bytes: Integer<u64>,
    unsent_bytes: Integer<u64>,
    accept_queue: u32,
    backlog: u32,
}

impl Serialize for ConnectionStats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            Text::from(self).serialize(serializer)
        } else {
            self.values().serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for ConnectionStats {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ConnectionStats, D::Error> {
        if deserializer.is_human_readable() {
            return Text::deserialize(deserializer).map(ConnectionStats::from);
        }
        let values = <[Option<u64>; FIELDS]>::deserialize(deserializer)?;
        let stats = ConnectionStats::from_values(&values);
        if stats.values() == values {
            Ok(stats)
        } else {
            Err(D::Error::custom("a field of 32 bits with a greater number"))
        }
    }
}
