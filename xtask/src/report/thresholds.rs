//! The speed that the crate is held to, and what was reached.

use std::fmt::Write as _;

use Bound::{AtLeast, AtMost, Exactly};

use super::Runs;
use super::number::{number, round};
use super::results::Results;

/// A bar, and what was measured for it.
struct Bar {
    what: String,
    bound: Bound,
    reached: Option<f64>,
    /// What it takes at least, measured in the same run, and of what: the reason why a bar may be missed.
    floor: Option<(f64, &'static str)>,
}

impl Bar {
    fn new(what: impl Into<String>, bound: Bound, reached: Option<f64>) -> Bar {
        Bar { what: what.into(), bound, reached, floor: None }
    }

    fn with_floor(self, what: &'static str, floor: Option<f64>) -> Bar {
        Bar { floor: floor.map(|floor| (floor, what)), ..self }
    }

    fn verdict(&self) -> String {
        match (self.reached, self.floor) {
            (None, _) => String::new(),
            (Some(value), _) if self.bound.holds(value) => "held".to_owned(),
            (Some(_), Some((floor, what))) => format!("**missed**: {what} is {} already", round(floor)),
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
    for bar in bars(runs) {
        let reached = bar.reached.map_or_else(|| "not measured".to_owned(), round);
        let (bound, verdict) = (bar.bound.text(), bar.verdict());
        writeln!(text, "| {} | {bound} | {reached} | {verdict} |", bar.what).expect("a String takes all");
    }
    text
}

fn bars(runs: &Runs) -> Vec<Bar> {
    let (linux, windows) = (&runs.linux, &runs.windows);
    [live(linux), owners(linux), under_wine(windows), at_100_000(linux), flat(linux)].into_iter().flatten().collect()
}

/// Refreshes of the live table.
fn live(linux: &Results) -> Vec<Bar> {
    let over_bare_dump = |size| {
        let what = format!("refresh of BasicRow, {} rows : a bare dump", number(size));
        Bar::new(what, AtMost(1.05), over_bare_dump(linux, size))
    };
    let listeners = linux.ratio("refresh/basic", 18_000, "reused", "listeners");
    let listeners = Bar::new("refresh of BasicRow, 18,000 rows : listeners alone", AtLeast(300.0), listeners);
    vec![over_bare_dump(18_000), over_bare_dump(108_000), listeners]
}

fn owners(linux: &Results) -> Vec<Bar> {
    let at = |size| {
        let bar = |what: &str, bound, reached| {
            Bar::new(format!("OwnerPidRow, {} rows, {what}", number(size)), bound, reached)
        };
        let first = |of| linux.ratio("peers/owners", size, "tcp6, first", of);
        let after = |way| linux.ratio("owners", size, way, "without owners");
        [
            bar("first : netstat2 with pids", AtMost(0.5), first("netstat2")),
            bar("first : `ss -6tanp`", AtMost(0.1), first("ss -6tanp")).with_floor(
                "what the kernel takes to list the sockets and to tell what each descriptor is, at the same time and on as \
                 many threads,",
                linux.ratio("peers/owners", size, "bare dump beside descriptors", "ss -6tanp"),
            ),
            bar("again, nothing changed : BasicRow", AtMost(1.15), after("again")),
            bar("again, 100 new sockets : BasicRow", AtMost(1.5), after("again, 100 new")),
            bar("again : allocations", Exactly(0.0), count(linux, "owners", size, "again", "allocations")),
        ]
    };
    [at(18_000), at(108_000)].into_iter().flatten().collect()
}

fn under_wine(windows: &Results) -> Vec<Bar> {
    let calls = count(windows, "refresh/basic", 2_000, "reused", "calls");
    let reuse = windows.ratio("refresh/basic", 2_000, "size, then fetch", "reused");
    vec![
        Bar::new("Windows (Wine): calls of a refresh", Exactly(1.0), calls),
        Bar::new("Windows (Wine): size, then fetch, 2,000 rows : reused buffer", AtLeast(1.8), reuse),
    ]
}

/// What is done with a table of 100,000 rows.
fn at_100_000(linux: &Results) -> Vec<Bar> {
    let ratio = |group: &str, way: &str, of: &str| linux.ratio(group, 100_000, way, of);
    let view = |order| ratio(&format!("view/{order}"), "tcp6", "raw pointer");
    let sort = |way| ratio("sort/basic/kernel order", way, "sort_unstable_by_key");
    let diff = |percent, way, of| ratio(&format!("diff/basic/{percent} % changed"), way, of);
    vec![
        Bar::new("iterating a table, kernel order : a raw pointer loop", AtMost(1.1), view("kernel order")),
        Bar::new("iterating a table, sorted : a raw pointer loop", AtMost(1.1), view("sorted")),
        Bar::new("snapshot of a sorted table : memcpy", AtMost(4.0), ratio("snapshot/basic", "sorted", "memcpy")),
        Bar::new("sort on the way into a snapshot : `sort_unstable_by_key`", AtMost(0.5), sort("snapshot")),
        Bar::new("sort in the buffer : `sort_unstable_by_key`", AtMost(0.5), sort("table")),
        Bar::new("diff, nothing changed : memcmp", AtMost(1.5), diff(0, "tcp6", "memcmp")),
        Bar::new("diff, 1 % changed : memcmp", AtMost(2.5), diff(1, "tcp6", "memcmp")),
        Bar::new("diff by a HashMap, nothing changed : diff", AtLeast(100.0), diff(0, "HashMap", "tcp6")),
        Bar::new("diff by a HashMap, 1 % changed : diff", AtLeast(100.0), diff(1, "HashMap", "tcp6")),
    ]
}

/// Flat, but for the caches: a thousand rows fit into the second one, a hundred thousand into the third, a million into
/// none.
fn flat(linux: &Results) -> Vec<Bar> {
    let ways = [
        ("iterating", "view/kernel order", "tcp6"),
        ("snapshot of a sorted table", "snapshot/basic", "sorted"),
        ("diff, nothing changed", "diff/basic/0 % changed", "tcp6"),
    ];
    let steps = ways.into_iter().flat_map(|way| [(way, 100_000, 1_000), (way, 1_000_000, 100_000)]);
    let bar = |((what, group, way), larger, smaller)| {
        let per_row = |size| linux.time(group, size, way).map(|time| time.nanoseconds / time.rows);
        let reached = per_row(larger).zip(per_row(smaller)).map(|(large, small)| large / small);
        let what = format!("{what}, cost of a row at {} rows : at {}", number(larger), number(smaller));
        Bar::new(what, AtMost(4.0), reached)
    };
    steps.map(bar).collect()
}

/// A fact that is a count.
fn count(results: &Results, group: &str, size: u64, way: &str, what: &str) -> Option<f64> {
    results.metric(group, size, way, what)?.parse().ok()
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
    fn without_results_there_are_no_verdicts() {
        let none = Runs { linux: Results::default(), windows: Results::default() };
        let table = table(&none);
        assert!(table.contains("not measured") && !table.contains("held") && !table.contains("missed"), "{table}");
    }

    #[test]
    fn a_missed_bar_names_its_floor() {
        let bar = |reached| Bar::new("first : another", AtMost(0.1), reached);
        assert_eq!(bar(Some(0.21)).verdict(), "**missed**");
        let with_floor = |reached| bar(reached).with_floor("listing alone", Some(0.19)).verdict();
        assert_eq!(with_floor(Some(0.21)), "**missed**: listing alone is 0.19 already");
        assert_eq!(with_floor(Some(0.09)), "held");
        assert_eq!(with_floor(None), "");
    }
}
