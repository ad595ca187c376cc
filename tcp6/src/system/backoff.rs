//! The retry schedule for a table that changes while it is read.

use core::iter;
use core::time::Duration;

/// The maximum number of attempts to read a table.
pub(crate) const ATTEMPTS: u32 = 16;

/// The number of attempts before the first wait.
const IMMEDIATE: u32 = 4;

/// The attempts, each with the wait before it.
///
/// The first attempts have no wait. The waits then begin with `first` and double, up to `longest`.
pub(crate) fn attempts(first: Duration, longest: Duration) -> impl Iterator<Item = Option<Duration>> {
    let waits = iter::successors(Some(first), move |wait| Some(wait.saturating_mul(2).min(longest)));
    iter::repeat_n(None, IMMEDIATE as usize).chain(waits.map(Some)).take(ATTEMPTS as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_after_four_immediate_attempts_up_to_the_longest() {
        let waits = |first, longest| {
            attempts(Duration::from_millis(first), Duration::from_millis(longest))
                .map(|wait| wait.map_or(0, |wait| wait.as_millis()))
                .collect::<Vec<_>>()
        };
        assert_eq!(waits(1, 32), [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 32, 32, 32, 32, 32, 32]);
        assert_eq!(waits(4, 4), [0, 0, 0, 0, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4]);
    }
}
