//! The timer of a socket on Linux.

use core::time::Duration;

/// The timer that runs for a socket on Linux, as `ss -o` prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Timer {
    /// The unacknowledged segment is sent again when the timer expires.
    ///
    /// Also runs in SYN-SENT and SYN-RECEIVED.
    #[non_exhaustive]
    Retransmission {
        /// The time until the timer expires; zero if it is overdue.
        expires_in: Duration,
        /// The number of timeouts of this segment so far.
        retransmissions: u32,
    },
    /// The keepalive timer, or another one that shares its place, such as that of an orphan in
    /// FIN-WAIT-2.
    #[non_exhaustive]
    KeepAlive {
        /// The time until the timer expires; zero if it is overdue.
        expires_in: Duration,
        /// The number of probes without a reply.
        probes: u32,
    },
    /// The socket is deleted when the timer expires. The kernel rounds it up by some seconds.
    #[non_exhaustive]
    TimeWait {
        /// The time until the timer expires; zero if it is overdue.
        expires_in: Duration,
    },
    /// The peer has closed its window, and is probed when the timer expires.
    #[non_exhaustive]
    ZeroWindowProbe {
        /// The time until the timer expires; zero if it is overdue.
        expires_in: Duration,
        /// The number of probes without a reply.
        probes: u32,
    },
    /// A timer of a later kernel.
    #[non_exhaustive]
    Other {
        /// The kernel's number of the timer.
        number: u8,
        /// The time until the timer expires; zero if it is overdue.
        expires_in: Duration,
    },
}

/// The kernel's numbers of timers (`idiag_timer`).
const NONE: u8 = 0;
pub(crate) const RETRANSMISSION: u8 = 1;
const KEEPALIVE: u8 = 2;
/// The timer of a minisock: a socket in TIME-WAIT, or an orphan in FIN-WAIT-2.
pub(crate) const TIME_WAIT: u8 = 3;
const ZERO_WINDOW_PROBE: u8 = 4;

impl Timer {
    /// The timer with the kernel's `number`; `None` if no timer runs.
    pub(crate) fn new(number: u8, milliseconds: u32, count: u32) -> Option<Timer> {
        let expires_in = Duration::from_millis(milliseconds.into());
        Some(match number {
            NONE => return None,
            RETRANSMISSION => Timer::Retransmission { expires_in, retransmissions: count },
            KEEPALIVE => Timer::KeepAlive { expires_in, probes: count },
            TIME_WAIT => Timer::TimeWait { expires_in },
            ZERO_WINDOW_PROBE => Timer::ZeroWindowProbe { expires_in, probes: count },
            number => Timer::Other { number, expires_in },
        })
    }

    /// The time until the timer expires; zero if it is overdue.
    #[must_use]
    pub fn expires_in(&self) -> Duration {
        match *self {
            Timer::Retransmission { expires_in, .. }
            | Timer::KeepAlive { expires_in, .. }
            | Timer::TimeWait { expires_in }
            | Timer::ZeroWindowProbe { expires_in, .. }
            | Timer::Other { expires_in, .. } => expires_in,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn translates_the_numbers_of_the_kernel() {
        let expires_in = Duration::from_millis(1_234);
        let timers = (0..=5).map(|number| Timer::new(number, 1_234, 7));
        let expected = [
            None,
            Some(Timer::Retransmission { expires_in, retransmissions: 7 }),
            Some(Timer::KeepAlive { expires_in, probes: 7 }),
            Some(Timer::TimeWait { expires_in }),
            Some(Timer::ZeroWindowProbe { expires_in, probes: 7 }),
            Some(Timer::Other { number: 5, expires_in }),
        ];
        assert!(timers.clone().eq(expected));
        assert!(timers.flatten().all(|timer| timer.expires_in() == expires_in));
    }
}
