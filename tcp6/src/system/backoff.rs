//! The one policy of how often a table is asked for that does not stand still.

use core::iter;
use core::time::Duration;

/// How often a table is asked for before that is given up.
pub(crate) const ATTEMPTS: u32 = 16;

/// So many attempts follow each other at once; then there is a wait before each.
const AT_ONCE: u32 = 4;

/// The attempts, each with the wait before it: `first`, then always twice as long, but no longer than `longest`.
pub(crate) fn attempts(first: Duration, longest: Duration) -> impl Iterator<Item = Option<Duration>> {
    let waits = iter::successors(Some(first), move |wait| Some(wait.saturating_mul(2).min(longest)));
    iter::repeat_n(None, AT_ONCE as usize).chain(waits.map(Some)).take(ATTEMPTS as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_four_follow_at_once_and_then_there_are_waits_up_to_the_longest() {
        let waits = |first, longest| {
            attempts(Duration::from_millis(first), Duration::from_millis(longest))
                .map(|wait| wait.map_or(0, |wait| wait.as_millis()))
                .collect::<Vec<_>>()
        };
        assert_eq!(waits(1, 32), [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 32, 32, 32, 32, 32, 32]);
        assert_eq!(waits(4, 4), [0, 0, 0, 0, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4]);
    }
}
