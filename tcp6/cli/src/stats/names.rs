//! The names, units and meanings of the values of the TCP stack.

/// A value: its name, which is that in JSON, and what it counts.
pub type Name = (&'static str, &'static str);

/// All values, by their unit.
pub const GROUPS: [(&str, &[Name]); 5] = [
    (
        "Connections",
        &[
            ("established", "now in ESTABLISHED or CLOSE-WAIT"),
            ("connections", "now, except listeners"),
            ("max_connections", "allowed at most"),
            ("active_opens", "opened by this side"),
            ("passive_opens", "accepted by this side"),
            ("failed_attempts", "failed to open"),
            ("established_resets", "established, then reset"),
            ("aborts_on_memory", "aborted for lack of memory"),
        ],
    ),
    (
        "Segments",
        &[
            ("segments_in", "received, including faulty ones"),
            ("segments_out", "sent, except retransmissions"),
            ("segments_retransmitted", "sent again"),
            ("syn_retransmits", "SYN or SYN-ACK sent again"),
            ("resets_out", "RST sent"),
            ("errors_in", "received with an error"),
            ("checksum_errors_in", "received with a wrong checksum"),
            ("out_of_order_queued", "received out of order"),
            ("receive_queue_drops", "dropped, receive queue full"),
        ],
    ),
    (
        "Attempts to connect",
        &[("listen_drops", "dropped by a listener"), ("listen_overflows", "dropped, accept queue full")],
    ),
    (
        "SYN cookies",
        &[
            ("syncookies_sent", "sent, SYN queue full"),
            ("syncookies_received", "received, valid"),
            ("syncookies_failed", "received, invalid"),
        ],
    ),
    (
        "Retransmission timeouts",
        &[
            ("timeouts", "expired"),
            ("rto_min", "shortest"),
            ("rto_max", "longest"),
            ("rto_algorithm", "how they are computed"),
        ],
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::stats::text::tests::{linux, windows};

    #[test]
    fn each_counter_has_a_unit_and_a_meaning() {
        let names: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().map(|(name, _)| *name)).collect();
        let unique: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(unique.len(), names.len());
        for (counter, _) in linux().counters().chain(windows().counters()) {
            assert!(unique.contains(counter), "{counter}");
        }
    }
}
