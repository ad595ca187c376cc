//! Parser of `/proc/net/snmp` and `/proc/net/netstat`.
//!
//! Both texts have two lines per protocol, which begin with its name and a colon: the names of the columns, then their
//! values. TCP has the lines `Tcp:` in `snmp` and the lines `TcpExt:` in `netstat`. Columns are found by name, because
//! kernels add, rename and remove them. See `Documentation/networking/snmp_counter.rst` of the kernel.
//!
//! Values are unsigned decimal numbers of 64 bits, except `MaxConn`, which is -1 if there is no limit. The values of
//! columns that are not used are not checked. A text ends before the first byte that is not UTF-8, and its last line is
//! ignored if it does not end with a line feed: it may be cut.

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
        let line = lines(snmp).count();
        return Err(Malformed::Statistics { file: SNMP, line, fault: StatisticsFault::MissingNames });
    };
    let [
        algorithm,
        rto_min,
        rto_max,
        max_connections,
        established,
        active_opens,
        passive_opens,
        failed_attempts,
        established_resets,
        segments_in,
        segments_out,
        segments_retransmitted,
        errors_in,
        resets_out,
        checksum_errors_in,
    ] = tcp.columns([
        "RtoAlgorithm",
        "RtoMin",
        "RtoMax",
        "MaxConn",
        "CurrEstab",
        "ActiveOpens",
        "PassiveOpens",
        "AttemptFails",
        "EstabResets",
        "InSegs",
        "OutSegs",
        "RetransSegs",
        "InErrs",
        "OutRsts",
        "InCsumErrors",
    ])?;
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
    let is_complete = words(section.names).count() == words(section.values).count();
    let Section { names, values, .. } = if is_complete { section } else { Section::EMPTY };
    let columns = words(names).zip(words(values));
    columns.filter_map(|(name, value)| Some((name, number(value)?)))
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
        Some("-1") => Ok(None),
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

/// The two lines of one protocol.
#[derive(Clone, Copy, Debug)]
struct Section<'t> {
    file: &'static str,
    /// The number of the line of values.
    line: usize,
    names: &'t str,
    values: &'t str,
}

impl<'t> Section<'t> {
    /// A section without columns.
    const EMPTY: Section<'static> = Section { file: "", line: 0, names: "", values: "" };

    /// Finds the lines that begin with `prefix`, or `None` if there is none.
    fn find(text: &'t [u8], prefix: &str, file: &'static str) -> Result<Option<Section<'t>>, Malformed> {
        let malformed = |line, fault| Err(Malformed::Statistics { file, line, fault });
        let numbered = lines(text).zip(1..);
        let mut of_protocol = numbered.filter_map(|(line, number)| Some((number, line.strip_prefix(prefix)?)));
        let Some((names_line, names)) = of_protocol.next() else { return Ok(None) };
        let (line, values) = match of_protocol.next() {
            Some(found) if found.0 == names_line + 1 => found,
            _ => return malformed(names_line, StatisticsFault::MissingValues),
        };
        if let Some((line, _)) = of_protocol.next() {
            return malformed(line, StatisticsFault::RepeatedLine);
        }
        Ok(Some(Section { file, line, names, values }))
    }

    /// Finds columns by their names.
    fn columns<const N: usize>(self, wanted: [&'static str; N]) -> Result<[Column<'t>; N], Malformed> {
        let mut columns = wanted.map(|name| Column { file: self.file, line: self.line, name, found: None });
        let (mut names, mut values) = (words(self.names), words(self.values));
        for number in 1.. {
            let (name, value) = match (names.next(), values.next()) {
                (Some(name), Some(value)) => (name, value),
                (None, None) => break,
                _ => return Err(self.different_counts()),
            };
            let Some(column) = columns.iter_mut().find(|column| column.name == name) else { continue };
            if column.found.replace((number, value)).is_some() {
                return Err(column.malformed(StatisticsFault::RepeatedColumn { name: column.name }));
            }
        }
        Ok(columns)
    }

    fn different_counts(self) -> Malformed {
        let fault = StatisticsFault::Count { names: words(self.names).count(), values: words(self.values).count() };
        Malformed::Statistics { file: self.file, line: self.line, fault }
    }
}

/// A column that was searched by its name.
#[derive(Clone, Copy, Debug)]
struct Column<'t> {
    file: &'static str,
    line: usize,
    name: &'static str,
    /// Its number, from 1, and its value.
    found: Option<(usize, &'t str)>,
}

impl<'t> Column<'t> {
    fn malformed(self, fault: StatisticsFault) -> Malformed {
        Malformed::Statistics { file: self.file, line: self.line, fault }
    }

    fn text(self) -> Option<&'t str> {
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

/// The lines of a text that end with a line feed, without it.
fn lines(text: &[u8]) -> impl Iterator<Item = &str> {
    let text = match str::from_utf8(text) {
        Ok(text) => text,
        Err(error) => str::from_utf8(&text[..error.valid_up_to()]).unwrap_or_default(),
    };
    text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'))
}

/// The columns of a line, which spaces separate.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(' ').filter(|word| !word.is_empty())
}

/// Parses a decimal number without a sign.
fn number(text: &str) -> Option<u64> {
    if text.starts_with('+') { None } else { text.parse().ok() }
}

#[cfg(test)]
mod tests;
