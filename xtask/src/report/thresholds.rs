//! The thresholds for the speed of the crate, and the measured values.

use std::fmt::Write as _;

use Bound::{AtLeast, AtMost, Exactly};

use super::Runs;
use super::number::{number, round};
use super::results::Results;

/// A threshold and the measured value.
struct Threshold {
    name: String,
    bound: Bound,
    measured: Option<f64>,
    /// A lower limit of the value, measured in the same run, and its name.
    ///
    /// It explains why a threshold may be missed.
    floor: Option<(f64, &'static str)>,
}

impl Threshold {
    fn new(name: impl Into<String>, bound: Bound, measured: Option<f64>) -> Threshold {
        Threshold { name: name.into(), bound, measured, floor: None }
    }

    fn with_floor(self, name: &'static str, floor: Option<f64>) -> Threshold {
        Threshold { floor: floor.map(|floor| (floor, name)), ..self }
    }

    fn result(&self) -> String {
        match (self.measured, self.floor) {
            (None, _) => String::new(),
            (Some(value), _) if self.bound.holds(value) => "met".to_owned(),
            (Some(_), Some((floor, name))) => format!("**missed**: {name} is already {}", round(floor)),
            (Some(_), None) => "**missed**".to_owned(),
        }
    }
}

enum Bound {
    AtMost(f64),
    AtLeast(f64),
    Exactly(f64),
}

impl Bound {
    fn holds(&self, value: f64) -> bool {
        match *self {
            Bound::AtMost(max) => value <= max,
            Bound::AtLeast(min) => value >= min,
            Bound::Exactly(expected) => value == expected,
        }
    }

    fn text(&self) -> String {
        match self {
            Bound::AtMost(max) => format!("at most {max}"),
            Bound::AtLeast(min) => format!("at least {min}"),
            Bound::Exactly(expected) => format!("{expected}"),
        }
    }
}

/// A Markdown table of all thresholds.
pub(super) fn table(runs: &Runs) -> String {
    let mut text = String::from("| measurement | threshold | measured | result |\n|---|--:|--:|---|\n");
    for threshold in thresholds(runs) {
        let measured = threshold.measured.map_or_else(|| "not measured".to_owned(), round);
        let (bound, result) = (threshold.bound.text(), threshold.result());
        writeln!(text, "| {} | {bound} | {measured} | {result} |", threshold.name).expect("write to a String");
    }
    text
}

fn thresholds(runs: &Runs) -> Vec<Threshold> {
    let (linux, windows) = (&runs.linux, &runs.windows);
    let groups = [
        live(linux),
        queries(linux),
        events(linux),
        stats(linux),
        statistics(linux),
        owners(linux),
        under_wine(windows),
        at_100_000(linux),
        flat(linux),
    ];
    groups.into_iter().flatten().collect()
}

/// Thresholds for refreshes of the live table.
fn live(linux: &Results) -> Vec<Threshold> {
    let over_bare_dump = |size| {
        let name = format!("refresh of BasicRow, {} rows / bare dump", number(size));
        Threshold::new(name, AtMost(1.05), over_bare(linux, "floor", size, "bare dump"))
    };
    let listeners = linux.ratio("refresh/basic", 18_000, "reused", "listeners");
    let listeners = Threshold::new("refresh of BasicRow, 18,000 rows / listeners only", AtLeast(300.0), listeners);
    vec![over_bare_dump(18_000), over_bare_dump(108_000), listeners]
}

/// Thresholds for queries of few rows, and for look-ups of one socket.
fn queries(linux: &Results) -> Vec<Threshold> {
    let at = |size| {
        let selected = |name: &'static str, group: &'static str| {
            let title = |baseline| format!("{name} among {} rows / {baseline}", number(size));
            [
                Threshold::new(
                    title("bare dump with the same filter"),
                    AtMost(1.1),
                    over_bare(linux, group, size, "bare"),
                ),
                Threshold::new(title("all rows"), AtMost(0.3), linux.ratio(group, size, "tcp6", "all rows")),
            ]
        };
        let one = format!("one socket among {} rows / bare exchange", number(size));
        let one = Threshold::new(one, AtMost(1.3), over_bare(linux, "queries/one socket", size, "bare"));
        let port = selected("one local port", "queries/local port");
        port.into_iter().chain(selected("a network", "queries/remote net")).chain([one])
    };
    let time = |size| Some(linux.time("queries/one socket", size, "tcp6")?.nanoseconds);
    let flat = time(108_000).zip(time(18_000)).map(|(large, small)| large / small);
    let flat = Threshold::new("one socket: among 108,000 rows / among 18,000 rows", AtMost(1.3), flat);
    at(18_000).chain(at(108_000)).chain([flat]).collect()
}

/// Thresholds for tables with statistics.
fn stats(linux: &Results) -> Vec<Threshold> {
    let at = |size| {
        let name = |what: &str| format!("BasicRow with statistics, {} rows, {what}", number(size));
        let ratio = |group| over_bare(linux, group, size, "bare");
        let allocations = count(linux, "stats/tcp_info", size, "tcp6", "allocations");
        [
            Threshold::new(name("queues / bare dump"), AtMost(1.1), ratio("stats/queues")),
            Threshold::new(name("tcp_info / bare dump"), AtMost(1.1), ratio("stats/tcp_info")),
            Threshold::new(name("tcp_info: allocations"), Exactly(0.0), allocations),
        ]
    };
    [at(18_000), at(108_000)].into_iter().flatten().collect()
}

/// Thresholds for a watcher with destroy events.
fn events(linux: &Results) -> Vec<Threshold> {
    let time = |size, function| Some(linux.time("events", size, function)?.nanoseconds);
    let quiet = |size| {
        let without = time(size, "without").zip(time(size, "without again")).map(|(one, again)| (one + again) / 2.0);
        let ratio = time(size, "nothing to drain").zip(without).map(|(with, without)| with / without);
        let name = format!("poll with events, {} rows, nothing to drain / without events", number(size));
        Threshold::new(name, AtMost(1.05), ratio)
    };
    // Both sides of 4,000 connections.
    let per_event = time(2_000, "4,000 connections").zip(time(2_000, "nothing to drain"));
    let per_event = per_event.map(|(churn, quiet)| (churn - quiet) / 8_000.0 / 1_000.0);
    vec![
        quiet(18_000),
        quiet(108_000),
        Threshold::new("poll with events, us per event", AtMost(3.0), per_event),
        Threshold::new(
            "poll with events, nothing to drain: allocations",
            Exactly(0.0),
            count(linux, "events", 18_000, "nothing to drain", "allocations"),
        ),
    ]
}

/// Thresholds for owners.
fn owners(linux: &Results) -> Vec<Threshold> {
    let at = |size| {
        let threshold = |name: &str, bound, measured| {
            Threshold::new(format!("OwnerPidRow, {} rows, {name}", number(size)), bound, measured)
        };
        let first = |baseline| linux.ratio("peers/owners", size, "tcp6, first", baseline);
        let after = |function| linux.ratio("owners", size, function, "without owners");
        [
            threshold("first / netstat2 with pids", AtMost(0.5), first("netstat2")),
            threshold("first / `ss -6tanp`", AtMost(0.1), first("ss -6tanp")).with_floor(
                "the kernel's part (listing the sockets and reading the links of all descriptors, at the same time and \
                 on as many threads)",
                linux.ratio("peers/owners", size, "bare dump beside descriptors", "ss -6tanp"),
            ),
            threshold("first / the kernel's part", AtMost(1.15), first("bare dump beside descriptors")),
            threshold("again, nothing changed / BasicRow", AtMost(1.15), after("again")),
            threshold("again, 100 new sockets / BasicRow", AtMost(1.5), after("again, 100 new")),
            threshold(
                "first, in two namespaces / with owners in one of them",
                AtMost(1.1),
                over_both(linux, "namespaces", size, "first, both with owners", "first, one with owners"),
            ),
            threshold("again: allocations", Exactly(0.0), count(linux, "owners", size, "again", "allocations")),
        ]
    };
    [at(18_000), at(108_000)].into_iter().flatten().collect()
}

/// Thresholds for the counters of the TCP stack.
fn statistics(linux: &Results) -> Vec<Threshold> {
    let ratio = over_bare(linux, "statistics", 1, "bare pread");
    let allocations = count(linux, "statistics", 1, "tcp6", "allocations");
    vec![
        Threshold::new("statistics / bare pread of the same files", AtMost(1.2), ratio),
        Threshold::new("statistics: allocations", Exactly(0.0), allocations),
    ]
}

/// Thresholds for Windows programs.
fn under_wine(windows: &Results) -> Vec<Threshold> {
    let calls = count(windows, "refresh/basic", 2_000, "reused", "calls");
    let reuse = windows.ratio("refresh/basic", 2_000, "size, then fetch", "reused");
    vec![
        Threshold::new("Windows (Wine): calls per refresh", Exactly(1.0), calls),
        Threshold::new("Windows (Wine), 2,000 rows: size, then fetch / reused buffer", AtLeast(1.8), reuse),
    ]
}

/// Thresholds for operations on a table of 100,000 rows in memory.
fn at_100_000(linux: &Results) -> Vec<Threshold> {
    let ratio = |group: &str, function: &str, baseline: &str| linux.ratio(group, 100_000, function, baseline);
    let view = |order| ratio(&format!("view/{order}"), "tcp6", "raw pointer");
    let sort = |function| ratio("sort/basic/kernel order", function, "sort_unstable_by_key");
    let diff = |percent, function, baseline| ratio(&format!("diff/basic/{percent} % changed"), function, baseline);
    vec![
        Threshold::new("iteration, kernel order / raw pointer loop", AtMost(1.1), view("kernel order")),
        Threshold::new("iteration, sorted / raw pointer loop", AtMost(1.1), view("sorted")),
        Threshold::new("snapshot of a sorted table / memcpy", AtMost(4.0), ratio("snapshot/basic", "sorted", "memcpy")),
        Threshold::new("sort into a snapshot / `sort_unstable_by_key`", AtMost(0.5), sort("snapshot")),
        Threshold::new("sort in the buffer / `sort_unstable_by_key`", AtMost(0.5), sort("table")),
        Threshold::new("diff, nothing changed / memcmp", AtMost(1.5), diff(0, "tcp6", "memcmp")),
        Threshold::new("diff, 1 % changed / memcmp", AtMost(2.5), diff(1, "tcp6", "memcmp")),
        Threshold::new("HashMap diff, nothing changed / diff", AtLeast(100.0), diff(0, "HashMap", "tcp6")),
        Threshold::new("HashMap diff, 1 % changed / diff", AtLeast(100.0), diff(1, "HashMap", "tcp6")),
    ]
}

/// Thresholds for a cost per row that does not depend on the table size, except through the caches.
///
/// 1,000 rows fit into the second-level cache, 100,000 into the third-level cache, and 1,000,000 into neither.
fn flat(linux: &Results) -> Vec<Threshold> {
    let functions = [
        ("iteration", "view/kernel order", "tcp6"),
        ("snapshot of a sorted table", "snapshot/basic", "sorted"),
        ("diff, nothing changed", "diff/basic/0 % changed", "tcp6"),
    ];
    let steps = functions.into_iter().flat_map(|function| [(function, 100_000, 1_000), (function, 1_000_000, 100_000)]);
    let threshold = |((name, group, function), larger, smaller)| {
        let per_row = |size| linux.time(group, size, function).map(|time| time.nanoseconds / time.rows);
        let measured = per_row(larger).zip(per_row(smaller)).map(|(large, small)| large / small);
        let name = format!("{name}, cost per row: {} rows / {} rows", number(larger), number(smaller));
        Threshold::new(name, AtMost(4.0), measured)
    };
    steps.map(threshold).collect()
}

/// A metric that is a number.
fn count(results: &Results, group: &str, size: u64, function: &str, metric: &str) -> Option<f64> {
    results.metric(group, size, function, metric)?.parse().ok()
}

/// The time of tcp6 divided by the mean of the kernel's part, which was measured before and after
/// it.
fn over_bare(linux: &Results, group: &str, size: u64, bare: &str) -> Option<f64> {
    over_both(linux, group, size, "tcp6", bare)
}

/// The time of a function divided by the mean of a baseline, which was measured before and after it.
fn over_both(linux: &Results, group: &str, size: u64, function: &str, baseline: &str) -> Option<f64> {
    let time = |function: &str| Some(linux.time(group, size, function)?.nanoseconds);
    Some(time(function)? / ((time(baseline)? + time(&format!("{baseline} again"))?) / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_missing_results_as_not_measured() {
        let none = Runs { linux: Results::default(), windows: Results::default() };
        let table = table(&none);
        assert!(table.contains("not measured") && !table.contains("| met |") && !table.contains("missed"), "{table}");
    }

    #[test]
    fn missed_threshold_reports_its_floor() {
        let threshold = |measured| Threshold::new("first / another", AtMost(0.1), measured);
        assert_eq!(threshold(Some(0.21)).result(), "**missed**");
        let with_floor = |measured| threshold(measured).with_floor("listing alone", Some(0.19)).result();
        assert_eq!(with_floor(Some(0.21)), "**missed**: listing alone is already 0.19");
        assert_eq!(with_floor(Some(0.09)), "met");
        assert_eq!(with_floor(None), "");
    }
}
