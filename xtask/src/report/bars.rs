//! The speed that the crate is held to, and what was reached.

use std::fmt::Write as _;

use super::Runs;
use super::results::Results;

/// A bar, and what was measured for it.
struct Bar {
    what: String,
    bound: Bound,
    reached: Option<f64>,
}

/// Why a bar is missed: what its name contains, and what was measured to find out.
const REASONS: &[(&str, &str)] = &[(
    "first : `ss -6tanp`",
    "the kernel takes 2.3 us to tell what a descriptor is, 41 ms for 18,000, after the dump, which is 0.07 of ss; shared by two cores without loss that is 0.18 ([NOTES.md](NOTES.md#owners))",
)];

enum Bound {
    AtMost(f64),
    AtLeast(f64),
    Exactly(f64),
}

impl Bound {
    fn holds(&self, value: f64) -> bool {
        match *self {
            Bound::AtMost(most) => value <= most,
            Bound::AtLeast(least) => value >= least,
            Bound::Exactly(wanted) => value == wanted,
        }
    }

    fn text(&self) -> String {
        match self {
            Bound::AtMost(most) => format!("at most {most}"),
            Bound::AtLeast(least) => format!("at least {least}"),
            Bound::Exactly(wanted) => format!("{wanted}"),
        }
    }
}

pub(super) fn table(runs: &Runs) -> String {
    let mut text = String::from("| what | bar | reached | |\n|---|--:|--:|---|\n");
    for Bar { what, bound, reached } in bars(runs) {
        let (value, verdict) = match reached {
            Some(value) if bound.holds(value) => (round(value), "held".to_owned()),
            Some(value) => (round(value), missed(&what)),
            None => ("not measured".to_owned(), String::new()),
        };
        writeln!(text, "| {what} | {} | {value} | {verdict} |", bound.text()).expect("a String takes all");
    }
    text
}

fn missed(what: &str) -> String {
    let reason = REASONS.iter().find(|(part, _)| what.contains(part));
    reason.map_or_else(|| "**missed**".to_owned(), |(_, reason)| format!("**missed**: {reason}"))
}

/// Three digits that count.
pub(super) fn round(value: f64) -> String {
    match value {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        0.1.. => format!("{value:.2}"),
        0.0 => "0".to_owned(),
        _ => format!("{value:.4}"),
    }
}

fn bars(runs: &Runs) -> Vec<Bar> {
    use Bound::{AtLeast, AtMost, Exactly};
    let (linux, windows) = (&runs.linux, &runs.windows);
    let mut bars = Vec::new();
    let mut bar = |what: &str, bound, reached| bars.push(Bar { what: what.to_owned(), bound, reached });

    for size in [18_000, 108_000] {
        let what = format!("refresh of BasicRow, {} rows : a bare dump", super::tables::number(size));
        bar(&what, AtMost(1.05), over_bare_dump(linux, size));
    }
    for size in [18_000, 108_000] {
        let rows = super::tables::number(size);
        let first = |of| linux.ratio("peers/owners", size, "tcp6, first", of);
        let after = |way| linux.ratio("owners", size, way, "without owners");
        let mut owners = |what: &str, bound, reached| bar(&format!("OwnerPidRow, {rows} rows, {what}"), bound, reached);
        owners("first : netstat2 with pids", AtMost(0.5), first("netstat2"));
        owners("first : `ss -6tanp`", AtMost(0.1), first("ss -6tanp"));
        owners("again, nothing changed : BasicRow", AtMost(1.15), after("again"));
        owners("again, 100 new sockets : BasicRow", AtMost(1.5), after("again, 100 new"));
        owners("again : allocations", Exactly(0.0), count(linux, "owners", size, "again", "allocations"));
    }
    bar(
        "refresh of BasicRow, 18,000 rows : listeners alone",
        AtLeast(300.0),
        linux.ratio("refresh/basic", 18_000, "reused", "listeners"),
    );
    let calls = count(windows, "refresh/basic", 2_000, "reused", "calls");
    bar("Windows (Wine): calls of a refresh", Exactly(1.0), calls);
    bar(
        "Windows (Wine): size, then fetch, 2,000 rows : reused buffer",
        AtLeast(1.8),
        windows.ratio("refresh/basic", 2_000, "size, then fetch", "reused"),
    );

    let at_100_000 = |group: &str, way: &str, of: &str| linux.ratio(group, 100_000, way, of);
    bar("iterating a table : a raw pointer loop", AtMost(1.1), at_100_000("view", "tcp6", "raw pointer"));
    bar("snapshot of a sorted table : memcpy", AtMost(4.0), at_100_000("snapshot/basic", "sorted", "memcpy"));
    let sort = |way| at_100_000("sort/basic/kernel order", way, "sort_unstable_by_key");
    bar("sort on the way into a snapshot : `sort_unstable_by_key`", AtMost(0.5), sort("snapshot"));
    bar("sort in the buffer : `sort_unstable_by_key`", AtMost(0.5), sort("table"));
    let diff = |percent, way, of| at_100_000(&format!("diff/basic/{percent} % changed"), way, of);
    bar("diff, nothing changed : memcmp", AtMost(1.5), diff(0, "tcp6", "memcmp"));
    bar("diff, 1 % changed : memcmp", AtMost(2.5), diff(1, "tcp6", "memcmp"));
    bar("diff by a HashMap, nothing changed : diff", AtLeast(100.0), diff(0, "HashMap", "tcp6"));
    bar("diff by a HashMap, 1 % changed : diff", AtLeast(100.0), diff(1, "HashMap", "tcp6"));

    // Flat, but for the caches: a thousand rows fit into the second one, a hundred thousand into the third, a million into
    // none.
    for (what, group, way) in [
        ("iterating", "view", "tcp6"),
        ("snapshot of a sorted table", "snapshot/basic", "sorted"),
        ("diff, nothing changed", "diff/basic/0 % changed", "tcp6"),
    ] {
        for (larger, smaller) in [(100_000, 1_000), (1_000_000, 100_000)] {
            let [rows, fewer] = [larger, smaller].map(super::tables::number);
            let per_row = |size| linux.time(group, size, way).map(|time| time.nanoseconds / time.rows);
            let reached = per_row(larger).zip(per_row(smaller)).map(|(large, small)| large / small);
            bar(&format!("{what}, cost of a row at {rows} rows : at {fewer}"), AtMost(4.0), reached);
        }
    }
    bars
}

/// A fact that is a count.
fn count(results: &Results, group: &str, size: u64, way: &str, what: &str) -> Option<f64> {
    results.fact(group, size, way, what)?.parse().ok()
}

/// A refresh over the mean of the bare dumps that were measured before and after it.
fn over_bare_dump(linux: &Results, size: u64) -> Option<f64> {
    let time = |way| Some(linux.time("floor", size, way)?.nanoseconds);
    Some(time("tcp6")? / ((time("bare dump")? + time("bare dump again")?) / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_that_count() {
        assert_eq!(round(1234.5), "1234");
        assert_eq!(round(12.345), "12.3");
        assert_eq!(round(0.567), "0.57");
        assert_eq!(round(0.01234), "0.0123");
        assert_eq!(round(0.0), "0");
    }

    #[test]
    fn without_results_there_are_no_verdicts() {
        let none = Runs { linux: Results::default(), windows: Results::default() };
        let table = table(&none);
        assert!(table.contains("not measured") && !table.contains("held") && !table.contains("missed"), "{table}");
    }

    #[test]
    fn every_reason_is_that_of_a_bar() {
        let bars = bars(&Runs { linux: Results::default(), windows: Results::default() });
        for (part, reason) in REASONS {
            assert!(bars.iter().any(|bar| bar.what.contains(part) && missed(&bar.what).ends_with(reason)), "{part}");
        }
        assert_eq!(missed("a bar without a reason"), "**missed**");
    }
}
