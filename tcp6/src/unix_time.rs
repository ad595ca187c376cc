//! Converts between `SystemTime` and seconds and nanoseconds since 1970-01-01 UTC.

use std::time::{Duration, SystemTime};

/// The seconds since 1970-01-01 UTC, rounded down, and the nanoseconds after them.
pub(crate) fn since_epoch(time: SystemTime) -> (i64, u32) {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => (after.as_secs() as i64, after.subsec_nanos()),
        Err(before) => {
            let before = before.duration();
            let seconds = 0i64.saturating_sub_unsigned(before.as_secs());
            match before.subsec_nanos() {
                0 => (seconds, 0),
                nanoseconds => (seconds - 1, 1_000_000_000 - nanoseconds),
            }
        }
    }
}

/// The time at these seconds and nanoseconds since 1970-01-01 UTC.
///
/// `None` if `nanoseconds` is not below 10^9, or if `SystemTime` cannot represent the time.
pub(crate) fn at(seconds: i64, nanoseconds: u32) -> Option<SystemTime> {
    if nanoseconds >= 1_000_000_000 {
        return None;
    }
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let second = if seconds >= 0 {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    };
    second?.checked_add(Duration::from_nanos(nanoseconds.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_and_after_1970_round_trip() {
        let moment = Duration::new(12_345, 678_000_100);
        for time in [SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + moment, SystemTime::UNIX_EPOCH - moment] {
            let (seconds, nanoseconds) = since_epoch(time);
            assert_eq!(at(seconds, nanoseconds), Some(time));
        }
        assert_eq!(at(0, 1_000_000_000), None);
        // `SystemTime` cannot represent all of these on every system.
        for (seconds, nanoseconds) in
            [(i64::MAX, 0), (i64::MIN, 0), (i64::MIN, 100), (i64::MIN + 1, 0), (-1, 999_999_900)]
        {
            let time = at(seconds, nanoseconds);
            assert_eq!(time.map(since_epoch), time.map(|_| (seconds, nanoseconds)));
        }
    }
}
