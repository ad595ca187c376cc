//! The figures as tables.

use std::collections::BTreeSet;

use super::Runs;
use super::number::{number, round};
use super::results::{Results, Time};

/// A table in Markdown; all columns but the first hold numbers.
fn markdown(heading: &[String], lines: Vec<Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = format!("|---{}|\n", "|--:".repeat(heading.len() - 1));
    line(heading) + &rule + &lines.iter().map(|cells| line(cells)).collect::<String>()
}

fn times(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{} x", round(ratio)))
}

fn duration(nanoseconds: f64) -> String {
    match nanoseconds {
        1e9.. => format!("{} s", round(nanoseconds / 1e9)),
        1e6.. => format!("{} ms", round(nanoseconds / 1e6)),
        1e3.. => format!("{} us", round(nanoseconds / 1e3)),
        _ => format!("{} ns", round(nanoseconds)),
    }
}

/// What is measured: its name, group and way.
type Cost = (&'static str, &'static str, &'static str);

const FLOOR: &[Cost] = &[
    ("bare dump", "floor", "bare dump"),
    ("tcp6", "floor", "tcp6"),
    ("memcpy", "floor", "memcpy"),
    ("memcmp", "floor", "memcmp"),
    ("raw pointer loop", "floor", "raw pointer"),
];

/// What a row costs, by the rows of the table.
fn costs(results: &Results, sizes: &[u64], of: &[Cost]) -> String {
    let line = |(what, group, way): &Cost| {
        let per_row = |size: &u64| results.time(group, *size, way).map(|time| duration(time.nanoseconds / time.rows));
        let costs = sizes.iter().map(|size| per_row(size).unwrap_or_else(|| "-".to_owned()));
        [(*what).to_owned()].into_iter().chain(costs).collect()
    };
    markdown(&by_size("a row", sizes), of.iter().map(line).collect())
}

fn by_size(what: &str, sizes: &[u64]) -> Vec<String> {
    [what.to_owned()].into_iter().chain(sizes.iter().map(|size| number(*size))).collect()
}

/// Who takes how many times as long as tcp6 for the live table, and finds how many of its rows.
pub(super) fn peers(linux: &Results) -> String {
    let ends = ["tcp6", "bare dump", "netstat2", "procfs", "ss -6tan"];
    let owners = [
        "tcp6, first",
        "tcp6, again",
        "bare dump",
        "bare dump beside descriptors",
        "descriptors, as many threads",
        "descriptors, one thread",
        "netstat2",
        "listeners",
        "psutil",
        "ss -6tanp",
    ];
    format!(
        "Times as multiples of tcp6's, by the rows of the table. Rows found are those of the largest table, in per cent of \
         what the kernel lists. Allocations are those within the program. \
         The bare dump and the descriptors are the kernel's own part, whoever asks.\n\n\
         ### Ends and states\n\n{}\n### Ends, states and owners\n\n{}\n\
         ### Changes\n\nBetween two snapshots of the table, from which one row of a hundred went away.\n\n{}\n\
         ### The floor\n\nWhat a row takes: to the kernel alone, to tcp6, and to the memory, to copy it, to compare it and \
         to look at it.\n\n{}",
        contest(linux, "peers/ends and states", &ends, "tcp6"),
        contest(linux, "peers/owners", &owners, "tcp6, first"),
        contest(linux, "peers/changes", &["tcp6", "HashMap"], "tcp6"),
        costs(linux, &linux.sizes("floor", "tcp6"), FLOOR),
    )
}

fn contest(results: &Results, group: &str, ways: &[&str], of: &str) -> String {
    let sizes = results.sizes(group, of);
    let mut heading = vec![String::new()];
    heading.extend(sizes.iter().map(|size| number(*size)));
    heading.extend(["rows found", "allocations"].map(str::to_owned));
    let lines = ways.iter().filter(|way| !results.sizes(group, way).is_empty()).map(|way| {
        let mut line = vec![(*way).to_owned()];
        line.extend(sizes.iter().map(|size| times(results.ratio(group, *size, way, of))));
        let largest = results.sizes(group, way).last().copied().unwrap_or_default();
        let metric = |what| results.metric(group, largest, way, what);
        let found = metric("rows").and_then(|rows| rows.parse::<f64>().ok()).zip(results.time(group, largest, way));
        line.push(found.map_or_else(|| "-".to_owned(), |(rows, time)| share(rows, time)));
        let is_program = way.starts_with("ss") || *way == "psutil";
        line.push(metric("allocations").filter(|_| !is_program).unwrap_or("-").to_owned());
        line
    });
    markdown(&heading, lines.collect())
}

/// The part of the rows that was found. Rows come and go by themselves: one of a hundred is no difference.
fn share(rows: f64, time: Time) -> String {
    let percent = 100.0 * rows / time.rows;
    if percent < 99.0 { format!("**{percent:.0} %**") } else { format!("{percent:.0} %") }
}

/// What other ways to refresh cost, as multiples of one into a reused buffer.
pub(super) fn reuse(runs: &Runs) -> String {
    let heading = [
        "",
        "rows",
        "fresh buffer",
        "size, then fetch",
        "reused buffer",
        "listeners alone : all",
        "allocations, fresh",
    ];
    let mut lines = Vec::new();
    for (system, results) in [("Linux", &runs.linux), ("Windows (Wine)", &runs.windows)] {
        for class in ["basic", "owner-pid", "offload", "owner-module"] {
            let group = format!("refresh/{class}");
            for size in results.sizes(&group, "reused") {
                let ratio = |way| times(results.ratio(&group, size, way, "reused"));
                let allocations = results.metric(&group, size, "fresh", "allocations").unwrap_or("-");
                lines.push(vec![
                    format!("{system}, {class}"),
                    number(size),
                    ratio("fresh"),
                    ratio("size, then fetch"),
                    results.time(&group, size, "reused").map_or_else(String::new, |time| duration(time.nanoseconds)),
                    times(results.ratio(&group, size, "reused", "listeners").map(f64::recip)),
                    allocations.to_owned(),
                ]);
            }
        }
    }
    let mut text = markdown(&heading.map(str::to_owned), lines);
    text += "\nOn Linux reuse saves allocations and next to no time: nearly all of it is the kernel's.\n";
    if !runs.windows.is_empty() {
        text += "\nA class of which a refresh takes more than a second is not measured. Under Wine, which looks for the owner of \
                 each row among the descriptors of every process, these are those with owners, but for small tables.\n";
    }
    text
}

/// What is done to rows in memory, as multiples of the least that it could take.
pub(super) fn memory(linux: &Results) -> String {
    const RATIOS: &[(&str, &str, &str, &str)] = &[
        ("iterate, kernel order : raw pointer loop", "view/kernel order", "tcp6", "raw pointer"),
        ("iterate, sorted : raw pointer loop", "view/sorted", "tcp6", "raw pointer"),
        ("snapshot, sorted : memcpy", "snapshot/basic", "sorted", "memcpy"),
        ("snapshot, kernel order : memcpy", "snapshot/basic", "kernel order", "memcpy"),
        ("snapshot of OwnerModuleRow, sorted : memcpy", "snapshot/owner-module", "sorted", "memcpy"),
        ("sort into a snapshot : sort_unstable_by_key", "sort/basic/kernel order", "snapshot", "sort_unstable_by_key"),
        ("sort in the buffer : sort_unstable_by_key", "sort/basic/kernel order", "table", "sort_unstable_by_key"),
        ("diff, nothing changed : memcmp", "diff/basic/0 % changed", "tcp6", "memcmp"),
        ("diff, 1 % changed : memcmp", "diff/basic/1 % changed", "tcp6", "memcmp"),
        ("diff, 10 % changed : memcmp", "diff/basic/10 % changed", "tcp6", "memcmp"),
        ("diff, all changed : memcmp", "diff/basic/100 % changed", "tcp6", "memcmp"),
        ("HashMap, nothing changed : diff", "diff/basic/0 % changed", "HashMap", "tcp6"),
        ("HashMap, 1 % changed : diff", "diff/basic/1 % changed", "HashMap", "tcp6"),
        ("HashMap, 10 % changed : diff", "diff/basic/10 % changed", "HashMap", "tcp6"),
        ("HashMap, all changed : diff", "diff/basic/100 % changed", "HashMap", "tcp6"),
    ];
    const COSTS: &[Cost] = &[
        ("iterate", "view/kernel order", "tcp6"),
        ("snapshot, sorted", "snapshot/basic", "sorted"),
        ("snapshot, kernel order", "snapshot/basic", "kernel order"),
        ("diff, nothing changed", "diff/basic/0 % changed", "tcp6"),
        ("diff, 1 % changed", "diff/basic/1 % changed", "tcp6"),
        ("poll, 1 % changed, sorted", "watch/1 % changed", "sorted"),
        ("poll, 1 % changed, kernel order", "watch/1 % changed", "kernel order"),
    ];
    let sizes = linux.sizes("view/kernel order", "tcp6");
    let ratios = RATIOS.iter().map(|(what, group, way, of)| {
        let ratios = sizes.iter().map(|size| times(linux.ratio(group, *size, way, of)));
        [(*what).to_owned()].into_iter().chain(ratios).collect()
    });
    format!(
        "Synthetic tables, by their rows.\n\n{}\nWhat a row costs: flat, but for the caches and the sort's logarithm.\n\n{}",
        markdown(&by_size("ratio", &sizes), ratios.collect()),
        costs(linux, &sizes, COSTS),
    )
}

/// Everything that was measured.
pub(super) fn absolute(results: &Results) -> String {
    let heading = ["", "rows", "time", "a row", "rows/s", "allocations"].map(str::to_owned);
    let groups: BTreeSet<&str> = results.iter().map(|(id, _)| id.group.as_str()).collect();
    let mut lines = Vec::new();
    for group in groups {
        for (id, time) in results.iter().filter(|(id, _)| id.group == group) {
            let allocations = results.metric(group, id.size, &id.way, "allocations").unwrap_or("-");
            lines.push(vec![
                format!("{group}: {}", id.way),
                number(id.size),
                duration(time.nanoseconds),
                duration(time.nanoseconds / time.rows),
                format!("{:.2e}", time.rows / time.nanoseconds * 1e9),
                allocations.to_owned(),
            ]);
        }
    }
    markdown(&heading, lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_durations_are_for_people() {
        assert_eq!(
            ["1", "100", "18,000", "1,000,000"],
            [1, 100, 18_000, 1_000_000].map(number).each_ref().map(|s| &**s)
        );
        assert_eq!(["2.50 ns", "12.3 us", "1.00 ms"], [2.5, 12_345.0, 1e6].map(duration).each_ref().map(|s| &**s));
    }

    #[test]
    fn a_table_has_a_rule_below_its_heading() {
        let cells = |cells: [&str; 2]| cells.map(str::to_owned);
        let table = markdown(&cells(["", "rows"]), vec![cells(["tcp6", "1"]).to_vec()]);
        assert_eq!(table, "|  | rows |\n|---|--:|\n| tcp6 | 1 |\n");
    }
}
