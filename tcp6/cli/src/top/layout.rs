//! The column widths of the live view.

use crate::columns::{shrink, shrink_both};
use crate::units::{RATE_WIDTH, TIME_WIDTH};

/// Minimum column widths: of an owner with a part of its name, and of endpoints with a part of their address.
const NAMED_OWNER: usize = 16;
const ENDPOINT: usize = 14;

/// The widths of the longest process ID, of the longest port, and of one with an ellipsis.
const PID: usize = "4194304".len();
const PORT: usize = ":65535".len();
const REMOTE_PORT: usize = PORT + 1;

/// The widths of the columns. A column of width 0 is hidden.
///
/// Columns of numbers have the width of their longest text, so that they do not move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Widths {
    pub received: usize,
    pub sent: usize,
    pub rtt: usize,
    pub retransmits: usize,
    pub connections: usize,
    pub state: usize,
    pub local: usize,
    pub remote: usize,
    pub owner: usize,
}

/// The columns that are hidden, and the minimum widths of local and remote endpoints and of owners.
type Level = (fn(&mut Widths), usize, usize, usize);

/// What to do if the line is too short: the first level at which the columns fit is used.
const LEVELS: [Level; 4] = [
    (|_| {}, ENDPOINT, ENDPOINT, NAMED_OWNER),
    (|widths| widths.state = 0, ENDPOINT, ENDPOINT, PID + 1),
    (|widths| (widths.state, widths.retransmits) = (0, 0), PORT, ENDPOINT, PID + 1),
    (|widths| (widths.state, widths.retransmits, widths.rtt) = (0, 0, 0), PORT, REMOTE_PORT, PID),
];

impl Widths {
    /// The columns of connections, with these widths of their texts.
    pub fn of_connections(state: usize, local: usize, remote: usize, owner: usize) -> Widths {
        Widths { connections: 0, state, local, remote, ..Widths::of_processes(owner) }
    }

    /// The columns of processes, with this width of the owners.
    pub fn of_processes(owner: usize) -> Widths {
        Widths {
            received: RATE_WIDTH,
            sent: RATE_WIDTH,
            rtt: TIME_WIDTH,
            retransmits: "Retr ▼".chars().count(),
            connections: "Conns ▼".chars().count(),
            state: 0,
            local: 0,
            remote: 0,
            owner,
        }
    }

    /// The larger of both widths of each text column.
    pub fn max(self, other: Widths) -> Widths {
        Widths {
            state: self.state.max(other.state),
            local: self.local.max(other.local),
            remote: self.remote.max(other.remote),
            owner: self.owner.max(other.owner),
            ..self
        }
    }

    /// Reduces the widths to a line of `max_width`.
    ///
    /// Names of processes shrink first, then addresses; then the state, the retransmits and the RTT are hidden. Ports and
    /// process IDs are truncated last.
    pub fn fit(self, max_width: usize) -> Widths {
        let mut fitted = self;
        for (hide, local, remote, owner) in LEVELS {
            fitted = self;
            hide(&mut fitted);
            let mut excess = fitted.total().saturating_sub(max_width);
            shrink(&mut fitted.owner, NAMED_OWNER, &mut excess);
            shrink_both(&mut fitted.local, &mut fitted.remote, ENDPOINT, &mut excess);
            shrink(&mut fitted.owner, owner, &mut excess);
            shrink(&mut fitted.local, local, &mut excess);
            shrink(&mut fitted.remote, remote, &mut excess);
            if excess == 0 {
                return fitted;
            }
        }
        // The end of each line is cut off.
        fitted
    }

    /// The width of a line, with a space between two columns.
    pub fn total(self) -> usize {
        let Widths { received, sent, rtt, retransmits, connections, state, local, remote, owner } = self;
        let columns = [received, sent, rtt, retransmits, connections, state, local, remote, owner];
        columns.iter().filter(|width| **width > 0).map(|width| 1 + width).sum::<usize>().saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback() -> Widths {
        Widths::of_connections(11, 11, 11, 12)
    }

    fn global() -> Widths {
        Widths::of_connections(11, 46, 46, 24)
    }

    #[test]
    fn columns_have_the_width_of_their_content_if_the_line_is_wide_enough() {
        assert_eq!(loopback().total(), 80);
        assert_eq!(loopback().fit(80), loopback());
        assert_eq!(global().fit(200), global());
    }

    #[test]
    fn narrow_lines_keep_rates_ports_and_process_ids() {
        let at_80 = global().fit(80);
        assert_eq!(at_80, Widths { state: 0, local: 15, remote: 15, owner: 16, ..global() });
        let at_60 = global().fit(60);
        assert_eq!(at_60, Widths { state: 0, retransmits: 0, local: 11, remote: 14, owner: 8, ..global() });
        let at_40 = global().fit(40);
        let ports =
            Widths { state: 0, retransmits: 0, rtt: 0, local: PORT, remote: REMOTE_PORT, owner: PID, ..global() };
        assert_eq!(at_40, ports);
        assert_eq!(
            Widths::of_processes(24).fit(40),
            Widths { rtt: 0, retransmits: 0, owner: 14, ..Widths::of_processes(24) }
        );
    }

    #[test]
    fn lines_never_exceed_a_width_of_40_and_more() {
        for widths in [loopback(), global(), Widths::of_processes(3), Widths::of_processes(50)] {
            for max_width in 40..300 {
                assert!(widths.fit(max_width).total() <= max_width, "{max_width}: {widths:?}");
            }
        }
    }
}
