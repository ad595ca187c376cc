//! `tcp6 top --json`: prints one connection or process per line and interval.

use std::io::{self, BufWriter, Write};
use std::net::SocketAddrV6;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use tcp6::{ConnectionDelta, State};

use super::entry::{Entry, Kind, by_process};
use super::sampler::Sample;
use crate::args::Top;
use crate::json;
use crate::message::{Failure, report};
use crate::owner::Named;
use crate::wait::wait;

pub fn run(options: &Top) -> Result<(), Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut sampler = super::sampler(options)?;
    let mut is_explained = false;
    let mut explain = |reason: Option<&String>| {
        if let Some(reason) = reason.filter(|_| !is_explained) {
            report(&format_args!("no rates: {reason}"));
            is_explained = true;
        }
    };
    explain(sampler.read()?.no_counters.as_ref());
    let mut intervals = 0;
    while options.count.is_none_or(|count| intervals < count) {
        wait(options.interval)?;
        intervals += 1;
        match sampler.read() {
            Ok(sample) => {
                explain(sample.no_counters.as_ref());
                write(&mut out, sample, options.processes)?;
            }
            Err(error) => report(&error),
        }
    }
    Ok(())
}

fn write(out: &mut impl Write, sample: Sample, processes: bool) -> io::Result<()> {
    let entries = if processes { by_process(&sample.connections) } else { sample.connections };
    for entry in &entries {
        json::write_line(&mut *out, &Reading::new(sample.taken_at, entry))?;
    }
    out.flush()
}

/// One line of the output. Unknown values are omitted.
#[derive(Serialize)]
struct Reading<'a> {
    #[serde(with = "tcp6::serde::time::seconds")]
    taken_at: SystemTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    taken_at_nanos: Option<u32>,
    #[serde(flatten)]
    subject: Subject,
    owner: &'a Named,
    #[serde(skip_serializing_if = "Option::is_none")]
    received_bytes_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_bytes_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rtt_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<ConnectionDelta>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Subject {
    Connection { local: SocketAddrV6, remote: Option<SocketAddrV6>, state: State },
    Process { connections: usize },
}

impl Reading<'_> {
    fn new(taken_at: SystemTime, entry: &Entry) -> Reading<'_> {
        let micros = |time: Duration| u64::try_from(time.as_micros()).ok();
        Reading {
            taken_at,
            taken_at_nanos: taken_at.duration_since(SystemTime::UNIX_EPOCH).ok().map(|time| time.subsec_nanos()),
            subject: match entry.kind {
                Kind::Connection { state, local, remote } => Subject::Connection { local, remote, state },
                Kind::Process { connections } => Subject::Process { connections },
            },
            owner: &entry.owner,
            received_bytes_per_second: entry.traffic.received(),
            sent_bytes_per_second: entry.traffic.sent(),
            rtt_us: entry.traffic.rtt.and_then(micros),
            delta: entry.traffic.delta,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::entry::tests::connection;
    use super::super::traffic::Traffic;
    use super::super::traffic::tests::{bytes, traffic};
    use super::*;

    fn lines(connections: Vec<Entry>, processes: bool) -> Vec<Value> {
        let taken_at = SystemTime::UNIX_EPOCH + Duration::new(1, 500);
        let mut out = Vec::new();
        write(&mut out, Sample { taken_at, connections, no_counters: None }, processes).unwrap();
        String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn lines_have_the_documented_form() {
        let known = traffic(json!({ "bytes_received": "3001", "segments_retransmitted": "2" }), Some(1_500));
        let expected = json!({
            "taken_at": "1970-01-01T00:00:01Z", "taken_at_nanos": 500,
            "local": "[::1]:1", "remote": "[2001:db8::1]:443", "state": "ESTABLISHED",
            "owner": { "pid": 700, "name": "nginx" }, "received_bytes_per_second": 1500.5, "rtt_us": 1500,
            "delta": { "elapsed_us": 2_000_000, "bytes_received": "3001", "segments_retransmitted": "2" },
        });
        let first = json!({
            "taken_at": "1970-01-01T00:00:01Z", "taken_at_nanos": 500,
            "local": "[::1]:2", "remote": "[2001:db8::1]:443", "state": "ESTABLISHED", "owner": "nobody",
        });
        let entries = vec![connection(1, 700, known), connection(2, 0, Traffic::default())];
        assert_eq!(lines(entries, false), [expected, first]);
    }

    #[test]
    fn processes_have_the_number_of_their_connections() {
        let entries = vec![connection(1, 700, bytes(10, 20)), connection(2, 700, bytes(30, 0))];
        let expected = json!({
            "taken_at": "1970-01-01T00:00:01Z", "taken_at_nanos": 500, "connections": 2,
            "owner": { "pid": 700, "name": "nginx" },
            "received_bytes_per_second": 20.0, "sent_bytes_per_second": 10.0,
            "delta": { "elapsed_us": 2_000_000, "bytes_received": "40", "bytes_sent": "20" },
        });
        assert_eq!(lines(entries, true), [expected]);
    }
}
