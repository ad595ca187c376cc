//! Serializes what a connection sent and received between two readings.

use core::time::Duration;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use super::micros::Micros;
use crate::serde::integer::Integer;
use crate::stats::connection_delta::ConnectionDelta;

/// Defines the object in human-readable formats and the form in binary ones, from the names of the
/// counters.
macro_rules! forms {
    ($($counter:ident,)*) => {
        #[derive(serde::Serialize, serde::Deserialize)]
        #[serde(rename = "ConnectionDelta")]
        struct Text {
            elapsed_us: Micros,
            $(
                #[serde(skip_serializing_if = "Option::is_none")]
                $counter: Option<Integer<u64>>,
            )*
        }

        #[derive(serde::Serialize, serde::Deserialize)]
        #[serde(rename = "ConnectionDelta")]
        struct Compact {
            elapsed: Duration,
            $($counter: Option<u64>,)*
        }

        impl Serialize for ConnectionDelta {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let ConnectionDelta { elapsed, $($counter,)* } = *self;
                if serializer.is_human_readable() {
                    $(let $counter = $counter.map(Integer);)*
                    return Text { elapsed_us: Micros(elapsed), $($counter,)* }.serialize(serializer);
                }
                Compact { elapsed, $($counter,)* }.serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for ConnectionDelta {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ConnectionDelta, D::Error> {
                if deserializer.is_human_readable() {
                    let Text { elapsed_us: Micros(elapsed), $($counter,)* } = Text::deserialize(deserializer)?;
                    $(let $counter = $counter.map(u64::from);)*
                    return Ok(ConnectionDelta { elapsed, $($counter,)* });
                }
                let Compact { elapsed, $($counter,)* } = Compact::deserialize(deserializer)?;
                Ok(ConnectionDelta { elapsed, $($counter,)* })
            }
        }
    };
}

forms! {
    bytes_acknowledged,
    bytes_received,
    bytes_sent,
    bytes_retransmitted,
    segments_retransmitted,
    segments_sent,
    segments_received,
}
