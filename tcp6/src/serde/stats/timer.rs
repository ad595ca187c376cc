//! Serializes the timer of a socket.

use serde::ser::{Serialize, Serializer};

use super::micros::Micros;
use super::object::object;
use crate::stats::timer::Timer;

/// The kind of a timer, and the counters that it has.
#[derive(Clone, Copy, Debug, Default)]
struct Parts {
    kind: &'static str,
    retransmissions: Option<u32>,
    probes: Option<u32>,
    number: Option<u8>,
}

impl Serialize for Timer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let of = |kind| Parts { kind, ..Parts::default() };
        let parts = match *self {
            Timer::Retransmission { retransmissions, .. } => {
                Parts { retransmissions: Some(retransmissions), ..of("retransmission") }
            }
            Timer::KeepAlive { probes, .. } => Parts { probes: Some(probes), ..of("keep-alive") },
            Timer::TimeWait { .. } => of("time-wait"),
            Timer::ZeroWindowProbe { probes, .. } => Parts { probes: Some(probes), ..of("zero-window-probe") },
            Timer::Other { number, .. } => Parts { number: Some(number), ..of("other") },
        };
        object!(serializer, "Timer", {
            "kind": Some(parts.kind),
            "expires_in_us": Some(Micros(self.expires_in())),
            "retransmissions": parts.retransmissions,
            "probes": parts.probes,
            "number": parts.number,
        })
    }
}
