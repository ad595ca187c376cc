//! The difference of two readings of one connection.

use core::time::Duration;

use super::table::Stats;
use crate::row::Row;

/// What a connection sent and received between two readings. Returned by [`Stats::delta`].
///
/// A field is `None` if one of the readings lacks the counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionDelta {
    /// The time between the readings.
    pub elapsed: Duration,
    /// The bytes of payload that the peer has acknowledged.
    ///
    /// On Linux a SYN or a FIN counts as one byte.
    pub bytes_acknowledged: Option<u64>,
    /// The bytes of payload that were received in order. On Linux a FIN counts as one byte.
    pub bytes_received: Option<u64>,
    /// The bytes of payload that were sent, including those sent again.
    pub bytes_sent: Option<u64>,
    /// The bytes of payload that were sent again.
    pub bytes_retransmitted: Option<u64>,
    /// The number of segments that were sent again.
    pub segments_retransmitted: Option<u64>,
    /// The number of segments that were sent.
    pub segments_sent: Option<u64>,
    /// The number of segments that were received.
    pub segments_received: Option<u64>,
}

impl ConnectionDelta {
    /// The rate per second of one of the fields: `delta.per_second(delta.bytes_received)`.
    ///
    /// `None` if the field is `None` or no time has elapsed.
    #[must_use]
    pub fn per_second(&self, count: Option<u64>) -> Option<f64> {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { count.map(|count| count as f64 / seconds) } else { None }
    }
}

impl Stats {
    /// What the connection of a row sent and received since an earlier reading.
    ///
    /// The two readings are paired by the ends and the identity of the socket: the cookie on Linux, whatever the class
    /// of the row. Without an identity (on Windows for classes other than
    /// [`OwnerModuleRow`](crate::OwnerModuleRow)), they are paired by the ends.
    ///
    /// `None` if
    ///
    /// * one of the readings lacks the connection. The first reading of a connection is a baseline, not a difference.
    /// * one of the readings has no counters: they were not requested, or the connection is in TIME-WAIT.
    /// * a counter has decreased, so that it belongs to another connection, or `earlier` is the later reading.
    ///
    /// A counter of 32 bits wraps: its difference is wrong if it grows by more than 2^31 between two readings.
    #[must_use]
    pub fn delta<R: Row>(&self, earlier: &Stats, row: &R) -> Option<ConnectionDelta> {
        let after = self.get(row)?;
        let before = earlier.find(after.ends(), after.identity())?;
        if before.identity() != after.identity() || before.is_linux() != after.is_linux() {
            return None;
        }
        let elapsed = self.instant()?.checked_duration_since(earlier.instant()?)?;
        let is_linux = after.is_linux();
        let (before, after) = (before.connection()?, after.connection()?);
        let (segments, retransmitted) =
            if is_linux { (Width::Bits32, Width::Bits64) } else { (Width::Bits64, Width::Bits32) };
        let delta = ConnectionDelta {
            elapsed,
            bytes_acknowledged: difference(after.bytes_acknowledged, before.bytes_acknowledged, Width::Bits64)?,
            bytes_received: difference(after.bytes_received, before.bytes_received, Width::Bits64)?,
            bytes_sent: difference(after.bytes_sent, before.bytes_sent, Width::Bits64)?,
            bytes_retransmitted: difference(after.bytes_retransmitted, before.bytes_retransmitted, retransmitted)?,
            segments_retransmitted: difference(
                after.segments_retransmitted.map(u64::from),
                before.segments_retransmitted.map(u64::from),
                Width::Bits32,
            )?,
            segments_sent: difference(after.segments_sent, before.segments_sent, segments)?,
            segments_received: difference(after.segments_received, before.segments_received, segments)?,
        };
        delta.has_counter().then_some(delta)
    }
}

impl ConnectionDelta {
    fn has_counter(&self) -> bool {
        let bytes = [self.bytes_acknowledged, self.bytes_received, self.bytes_sent, self.bytes_retransmitted];
        let segments = [self.segments_retransmitted, self.segments_sent, self.segments_received];
        bytes.iter().chain(&segments).any(Option::is_some)
    }
}

/// The width of a counter.
#[derive(Clone, Copy, Debug)]
enum Width {
    Bits32,
    Bits64,
}

/// The growth of a counter: `Some(None)` if it is unknown, and `None` if it has decreased.
fn difference(after: Option<u64>, before: Option<u64>, width: Width) -> Option<Option<u64>> {
    let Some((after, before)) = after.zip(before) else { return Some(None) };
    let growth = match width {
        Width::Bits64 => after.checked_sub(before)?,
        Width::Bits32 => {
            let growth = (after as u32).wrapping_sub(before as u32);
            // A decrease is a growth by almost 2^32.
            u64::try_from(growth as i32).ok()?
        }
    };
    Some(Some(growth))
}

#[cfg(test)]
mod tests;
