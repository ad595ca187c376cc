//! Parses bytes as `/proc/net/snmp` and `/proc/net/netstat`, which a zero byte separates.
//!
//! They are rejected with a line number, or result in the counters that a simple model finds.
#![no_main]

use std::collections::HashMap;

use libfuzzer_sys::fuzz_target;
use tcp6::fuzzing::{statistics, tcp_ext_counters};
use tcp6::{Error, Malformed};

fuzz_target!(|bytes: &[u8]| {
    let (snmp, netstat) = match bytes.iter().position(|byte| *byte == 0) {
        Some(at) => (&bytes[..at], Some(&bytes[at + 1..])),
        None => (bytes, None),
    };
    match statistics(snmp, netstat) {
        Ok(statistics) => {
            let tcp = columns(snmp, "Tcp:").expect("the model finds no lines of TCP");
            let ext = netstat.and_then(|text| columns(text, "TcpExt:")).unwrap_or_default();
            let values: HashMap<&str, u64> = statistics.counters().collect();
            for (names, columns) in [(TCP, &tcp), (TCP_EXT, &ext)] {
                for (field, column) in names {
                    let expected = columns.get(column).map(|value| value.parse::<u64>().unwrap());
                    assert_eq!(values.get(field).copied(), expected, "{field}");
                }
            }
            let delta = statistics.since(&statistics);
            assert!(delta.counters().all(|(_, increase)| increase == 0));
            assert_eq!(delta.counters().count(), statistics.counters().count());
        }
        Err(Error::Malformed(Malformed::Statistics { file, line, .. })) => {
            let text = if file.ends_with("snmp") { snmp } else { netstat.unwrap() };
            assert!(line <= text.split_inclusive(|byte| *byte == b'\n').count());
        }
        Err(error) => panic!("{error}"),
    }
    let netstat = netstat.unwrap_or_default();
    assert!(tcp_ext_counters(netstat).count() <= netstat.len());
});

/// The columns of the first two lines with this prefix, if these follow each other.
fn columns(text: &[u8], prefix: &str) -> Option<HashMap<String, String>> {
    let end = std::str::from_utf8(text).map_or_else(|error| error.valid_up_to(), |_| text.len());
    let text = std::str::from_utf8(&text[..end]).unwrap();
    let whole_lines: Vec<&str> = text.rsplit_once('\n')?.0.split('\n').collect();
    let first = whole_lines.iter().position(|line| line.starts_with(prefix))?;
    let words =
        |line: &str| -> Vec<String> { line.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect() };
    let names = words(whole_lines[first].strip_prefix(prefix)?);
    let values = words(whole_lines.get(first + 1)?.strip_prefix(prefix)?);
    Some(names.into_iter().zip(values).collect())
}

const TCP: [(&str, &str); 10] = [
    ("active_opens", "ActiveOpens"),
    ("passive_opens", "PassiveOpens"),
    ("failed_attempts", "AttemptFails"),
    ("established_resets", "EstabResets"),
    ("segments_in", "InSegs"),
    ("segments_out", "OutSegs"),
    ("segments_retransmitted", "RetransSegs"),
    ("errors_in", "InErrs"),
    ("resets_out", "OutRsts"),
    ("checksum_errors_in", "InCsumErrors"),
];

const TCP_EXT: [(&str, &str); 10] = [
    ("listen_overflows", "ListenOverflows"),
    ("listen_drops", "ListenDrops"),
    ("syncookies_sent", "SyncookiesSent"),
    ("syncookies_received", "SyncookiesRecv"),
    ("syncookies_failed", "SyncookiesFailed"),
    ("syn_retransmits", "TCPSynRetrans"),
    ("timeouts", "TCPTimeouts"),
    ("aborts_on_memory", "TCPAbortOnMemory"),
    ("out_of_order_queued", "TCPOFOQueue"),
    ("receive_queue_drops", "TCPRcvQDrop"),
];
