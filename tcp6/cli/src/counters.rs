//! Explains why connections have no statistics.

use tcp6::{ConnectionStats, State};

/// The reason on this system.
#[cfg(windows)]
const REASON: &str = "Windows counts the bytes of a connection only while a program of an administrator, such as \
                      `tcp6 top`, has enabled it for that connection";
#[cfg(not(windows))]
const REASON: &str = "the kernel does not report the counters of connections: sock_diag is refused, or Linux is older \
                      than 4.1";

/// The reason why a value is unknown for all open connections. `None` if it is known for one, or if there is none.
pub fn why_unknown(
    connections: impl IntoIterator<Item = (State, Option<ConnectionStats>)>,
    is_known: impl Fn(&ConnectionStats) -> bool,
) -> Option<&'static str> {
    // In other states, the kernel may keep no statistics.
    let mut open = connections.into_iter().filter(|(state, _)| *state == State::Established).peekable();
    open.peek()?;
    let known = open.any(|(_, stats)| stats.is_some_and(|stats| is_known(&stats)));
    (!known).then_some(REASON)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_given_if_no_open_connection_has_the_value() {
        let is_known = |stats: &ConnectionStats| stats.bytes_received.is_some();
        let mut counted = ConnectionStats::default();
        counted.bytes_received = Some(0);
        let (queues, counted) = (Some(ConnectionStats::default()), Some(counted));
        let reason = |rows: &[(State, Option<ConnectionStats>)]| why_unknown(rows.iter().copied(), is_known);
        assert_eq!(reason(&[(State::Established, queues), (State::Established, None)]), Some(REASON));
        assert_eq!(reason(&[(State::Established, queues), (State::Established, counted)]), None);
        assert_eq!(reason(&[(State::TimeWait, None), (State::Listen, queues)]), None, "these have no counters anyway");
        assert_eq!(reason(&[]), None);
    }
}
