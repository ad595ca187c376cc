//! Parser of `/proc/net/snmp` and `/proc/net/netstat`.
//!
//! Both texts have two lines per protocol, which begin with its name and a colon: the names of the columns, then their
//! values. TCP has the lines `Tcp:` in `snmp` and the lines `TcpExt:` in `netstat`. Columns are found by name, because
//! kernels add, rename and remove them. See `Documentation/networking/snmp_counter.rst` of the kernel.
//!
//! Values are unsigned decimal numbers of 64 bits, except `MaxConn`, which is -1 if there is no limit. The values of
//! columns that are not used are not checked.

use std::str;
use std::time::Duration;

use crate::error::{Malformed, StatisticsFault};
use crate::stats::counter::{Width, Widths};
use crate::stats::rto_algorithm::RtoAlgorithm;
use crate::stats::scope::StatisticsScope;
use crate::stats::statistics::{Moment, Statistics};

/// The counters of TCP of the calling thread's network namespace.
pub(crate) const SNMP: &str = "/proc/thread-self/net/snmp";

/// Further counters of TCP.
pub(crate) const NETSTAT: &str = "/proc/thread-self/net/netstat";

/// Parses both texts.
///
/// The counters of `netstat` are `None` if there is no such text, or if it has no values of TCP: gVisor writes the names
/// only.
///
/// # Errors
///
/// [`Malformed::Statistics`].
pub(crate) fn statistics(
    snmp: &[u8],
    netstat: Option<&[u8]>,
    width: Width,
    moment: Moment,
) -> Result<Statistics, Malformed> {
    let Some(tcp) = Section::find(snmp, "Tcp:", SNMP)? else {
        let line = snmp.split_inclusive(|byte| *byte == b'\n').count();
        return Err(Malformed::Statistics { file: SNMP, line, fault: StatisticsFault::MissingNames });
    };
    let [algorithm, rto_min, rto_max, max_connections, established] =
        tcp.columns(["RtoAlgorithm", "RtoMin", "RtoMax", "MaxConn", "CurrEstab"])?;
    let [active_opens, passive_opens, failed_attempts, established_resets] =
        tcp.columns(["ActiveOpens", "PassiveOpens", "AttemptFails", "EstabResets"])?;
    let [segments_in, segments_out, segments_retransmitted, errors_in, resets_out, checksum_errors_in] =
        tcp.columns(["InSegs", "OutSegs", "RetransSegs", "InErrs", "OutRsts", "InCsumErrors"])?;

    let tcp_ext = netstat.map_or(Ok(None), tcp_ext)?.unwrap_or(Section::EMPTY);
    let [
        listen_overflows,
        listen_drops,
        syncookies_sent,
        syncookies_received,
        syncookies_failed,
        syn_retransmits,
        timeouts,
        aborts_on_memory,
        out_of_order_queued,
        receive_queue_drops,
    ] = tcp_ext.columns([
        "ListenOverflows",
        "ListenDrops",
        "SyncookiesSent",
        "SyncookiesRecv",
        "SyncookiesFailed",
        "TCPSynRetrans",
        "TCPTimeouts",
        "TCPAbortOnMemory",
        "TCPOFOQueue",
        "TCPRcvQDrop",
    ])?;

    let milliseconds = |column: Column<'_>| column.required::<u32>().map(|ms| Duration::from_millis(ms.into()));
    Ok(Statistics {
        scope: StatisticsScope::BothFamilies,
        rto_algorithm: RtoAlgorithm::from_raw(algorithm.required()?),
        rto_min: milliseconds(rto_min)?,
        rto_max: milliseconds(rto_max)?,
        max_connections: limit(max_connections)?,
        established: gauge(established.required()?),
        connections: None,
        active_opens: active_opens.required()?,
        passive_opens: passive_opens.required()?,
        failed_attempts: failed_attempts.required()?,
        established_resets: established_resets.required()?,
        segments_in: segments_in.required()?,
        segments_out: segments_out.required()?,
        segments_retransmitted: segments_retransmitted.required()?,
        errors_in: errors_in.required()?,
        resets_out: resets_out.required()?,
        checksum_errors_in: checksum_errors_in.optional()?,
        listen_overflows: listen_overflows.optional()?,
        listen_drops: listen_drops.optional()?,
        syncookies_sent: syncookies_sent.optional()?,
        syncookies_received: syncookies_received.optional()?,
        syncookies_failed: syncookies_failed.optional()?,
        syn_retransmits: syn_retransmits.optional()?,
        timeouts: timeouts.optional()?,
        aborts_on_memory: aborts_on_memory.optional()?,
        out_of_order_queued: out_of_order_queued.optional()?,
        receive_queue_drops: receive_queue_drops.optional()?,
        widths: Widths { segments: width, others: width },
        moment,
    })
}

/// The names and values of the lines `TcpExt:`, without columns whose value is not a number.
///
/// Empty if the text has no such lines, or if they are malformed.
pub(crate) fn tcp_ext_counters(netstat: &[u8]) -> impl Iterator<Item = (&str, u64)> {
    let section = tcp_ext(netstat).ok().flatten().unwrap_or(Section::EMPTY);
    section.pairs().filter_map(|(name, value)| Some((str::from_utf8(name).ok()?, number(value)?)))
}

/// The lines `TcpExt:`, or `None` if the text has none or only their names.
fn tcp_ext(netstat: &[u8]) -> Result<Option<Section<'_>>, Malformed> {
    match Section::find(netstat, "TcpExt:", NETSTAT) {
        Err(Malformed::Statistics { fault: StatisticsFault::MissingValues, .. }) => Ok(None),
        found => found,
    }
}

/// The maximum number of connections, or `None` if it is -1.
fn limit(column: Column<'_>) -> Result<Option<u64>, Malformed> {
    match column.text() {
        Some(b"-1") => Ok(None),
        _ => column.required().map(Some),
    }
}

/// The number of connections of which the kernel printed the sum.
///
/// The kernel adds up one number per processor while they change. If a connection is opened on one processor and closed
/// on another meanwhile, the sum can be below zero, which the kernel prints as a number just below 2^64 or, if it has 32
/// bits, 2^32. No machine has memory for 2^31 connections.
fn gauge(sum: u64) -> u64 {
    let is_negative = sum > i64::MAX as u64 || (1 << 31..1 << 32).contains(&sum);
    if is_negative { 0 } else { sum }
}

/// The two lines of one protocol. Both have the same number of columns.
#[derive(Clone, Copy, Debug)]
struct Section<'t> {
    file: &'static str,
    /// The number of the line of values.
    line: usize,
    names: &'t [u8],
    values: &'t [u8],
}

impl<'t> Section<'t> {
    /// A section without columns.
    const EMPTY: Section<'static> = Section { file: "", line: 0, names: &[], values: &[] };

    /// Finds the lines that begin with `prefix`, or `None` if there is none.
    ///
    /// A last line that does not end with a line feed is ignored, because it may be cut.
    fn find(text: &'t [u8], prefix: &str, file: &'static str) -> Result<Option<Section<'t>>, Malformed> {
        let malformed = |line, fault| Err(Malformed::Statistics { file, line, fault });
        let lines = text.split_inclusive(|byte| *byte == b'\n').zip(1..);
        let mut of_protocol = lines
            .filter_map(|(line, number)| Some((number, line.strip_suffix(b"\n")?.strip_prefix(prefix.as_bytes())?)));
        let Some((names_line, names)) = of_protocol.next() else { return Ok(None) };
        let (line, values) = match of_protocol.next() {
            Some(found) if found.0 == names_line + 1 => found,
            _ => return malformed(names_line, StatisticsFault::MissingValues),
        };
        if let Some((line, _)) = of_protocol.next() {
            return malformed(line, StatisticsFault::RepeatedLine);
        }
        match (words(names).count(), words(values).count()) {
            (names, values) if names != values => malformed(line, StatisticsFault::Count { names, values }),
            _ => Ok(Some(Section { file, line, names, values })),
        }
    }

    /// The names and values of the columns.
    fn pairs(self) -> impl Iterator<Item = (&'t [u8], &'t [u8])> {
        words(self.names).zip(words(self.values))
    }

    /// Finds columns by their names.
    fn columns<const N: usize>(self, names: [&'static str; N]) -> Result<[Column<'t>; N], Malformed> {
        let mut columns = names.map(|name| Column { file: self.file, line: self.line, name, found: None });
        for ((name, value), number) in self.pairs().zip(1..) {
            let Some(column) = columns.iter_mut().find(|column| column.name.as_bytes() == name) else { continue };
            if column.found.replace((number, value)).is_some() {
                return Err(column.malformed(StatisticsFault::RepeatedColumn { name: column.name }));
            }
        }
        Ok(columns)
    }
}

/// A column that was searched by its name.
#[derive(Clone, Copy, Debug)]
struct Column<'t> {
    file: &'static str,
    line: usize,
    name: &'static str,
    /// Its number, from 1, and its value.
    found: Option<(usize, &'t [u8])>,
}

impl<'t> Column<'t> {
    fn malformed(self, fault: StatisticsFault) -> Malformed {
        Malformed::Statistics { file: self.file, line: self.line, fault }
    }

    fn text(self) -> Option<&'t [u8]> {
        self.found.map(|(_, text)| text)
    }

    /// The value of a column that not every kernel has.
    fn optional<T: TryFrom<u64>>(self) -> Result<Option<T>, Malformed> {
        let Some((column, text)) = self.found else { return Ok(None) };
        let value = number(text).and_then(|value| value.try_into().ok());
        value.map(Some).ok_or_else(|| self.malformed(StatisticsFault::Value { name: self.name, column }))
    }

    /// The value of a column that every kernel has.
    fn required<T: TryFrom<u64>>(self) -> Result<T, Malformed> {
        self.optional()?.ok_or_else(|| self.malformed(StatisticsFault::MissingColumn { name: self.name }))
    }
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// Parses a decimal number without a sign.
fn number(text: &[u8]) -> Option<u64> {
    if text.starts_with(b"+") { None } else { str::from_utf8(text).ok()?.parse().ok() }
}

#[cfg(test)]
mod tests;
