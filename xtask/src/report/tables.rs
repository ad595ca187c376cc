//! The results as Markdown tables.

use std::collections::BTreeSet;

use super::Runs;
use super::number::{number, round};
use super::results::{Results, Time};

/// A Markdown table. All columns except the first contain numbers.
fn markdown(heading: &[String], lines: Vec<Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = format!("|---{}|\n", "|--:".repeat(heading.len() - 1));
    line(heading) + &rule + &lines.iter().map(|cells| line(cells)).collect::<String>()
}

/// Formats a ratio.
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

/// A measured cost: its name, group and function.
type Cost = (&'static str, &'static str, &'static str);

const MINIMUM_COSTS: &[Cost] = &[
    ("bare dump", "floor", "bare dump"),
    ("tcp6", "floor", "tcp6"),
    ("memcpy", "floor", "memcpy"),
    ("memcmp", "floor", "memcmp"),
    ("raw pointer loop", "floor", "raw pointer"),
];

/// A table of costs per row, with a column for each table size.
fn costs(results: &Results, sizes: &[u64], costs: &[Cost]) -> String {
    let line = |(name, group, function): &Cost| {
        let per_row =
            |size: &u64| results.time(group, *size, function).map(|time| duration(time.nanoseconds / time.rows));
        let cells = sizes.iter().map(|size| per_row(size).unwrap_or_else(|| "-".to_owned()));
        [(*name).to_owned()].into_iter().chain(cells).collect()
    };
    markdown(&by_size("cost per row", sizes), costs.iter().map(line).collect())
}

/// The heading of a table with a column for each table size.
fn by_size(first: &str, sizes: &[u64]) -> Vec<String> {
    [first.to_owned()].into_iter().chain(sizes.iter().map(|size| number(*size))).collect()
}

/// Times relative to tcp6 for the live table, and the share of its rows that each peer finds.
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
        "Times relative to tcp6, by the number of rows. The rows found are a percentage of the rows that the \
         kernel lists, in the largest table. Allocations are those inside the measuring process. \
         The bare dump and the descriptors are the kernel's part, which is the same for every reader.\n\n\
         ### Ends and states\n\n{}\n### Ends, states and owners\n\n{}\n\
         ### Changes\n\nThe diff of two snapshots of the table, between which about 1 % of the rows were removed.\n\n\
         {}\n### Minimum costs\n\nThe costs per row of the kernel's part, of tcp6, and of copying, comparing and \
         iterating the rows in memory.\n\n{}",
        contest(linux, "peers/ends and states", &ends, "tcp6"),
        contest(linux, "peers/owners", &owners, "tcp6, first"),
        contest(linux, "peers/changes", &["tcp6", "HashMap"], "tcp6"),
        costs(linux, &linux.sizes("floor", "tcp6"), MINIMUM_COSTS),
    )
}

/// The functions of a group, relative to the baseline.
fn contest(results: &Results, group: &str, functions: &[&str], baseline: &str) -> String {
    let sizes = results.sizes(group, baseline);
    let mut heading = vec![String::new()];
    heading.extend(sizes.iter().map(|size| number(*size)));
    heading.extend(["rows found", "allocations"].map(str::to_owned));
    let lines = functions.iter().filter(|function| !results.sizes(group, function).is_empty()).map(|function| {
        let mut line = vec![(*function).to_owned()];
        line.extend(sizes.iter().map(|size| times(results.ratio(group, *size, function, baseline))));
        let largest = results.sizes(group, function).last().copied().unwrap_or_default();
        let metric = |name| results.metric(group, largest, function, name);
        let found =
            metric("rows").and_then(|rows| rows.parse::<f64>().ok()).zip(results.time(group, largest, function));
        line.push(found.map_or_else(|| "-".to_owned(), |(rows, time)| share(rows, time)));
        let is_program = function.starts_with("ss") || *function == "psutil";
        line.push(metric("allocations").filter(|_| !is_program).unwrap_or("-").to_owned());
        line
    });
    markdown(&heading, lines.collect())
}

/// The percentage of rows that was found, in bold if it is below 99.
///
/// Other sockets come and go during a measurement, so a difference of 1 % is not significant.
fn share(rows: f64, time: Time) -> String {
    let percent = 100.0 * rows / time.rows;
    if percent < 99.0 { format!("**{percent:.0} %**") } else { format!("{percent:.0} %") }
}

/// The costs of other kinds of refresh, relative to a refresh into a reused buffer.
pub(super) fn reuse(runs: &Runs) -> String {
    let heading =
        ["", "rows", "fresh buffer", "size, then fetch", "reused buffer", "listeners / all", "allocations, fresh"];
    let mut lines = Vec::new();
    for (system, results) in [("Linux", &runs.linux), ("Windows (Wine)", &runs.windows)] {
        for class in ["basic", "owner-pid", "offload", "owner-module"] {
            let group = format!("refresh/{class}");
            for size in results.sizes(&group, "reused") {
                let ratio = |function| times(results.ratio(&group, size, function, "reused"));
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
    text += "\nOn Linux, reuse saves allocations but almost no time, because nearly all time is spent in the kernel.\n";
    if !runs.windows.is_empty() {
        text += "\nClasses whose refresh takes more than a second are not measured. Under Wine these are the classes \
                 with owners, except in small tables, because Wine searches the descriptors of every process for the \
                 owner of each row.\n";
    }
    text
}

/// The costs of operations on rows in memory, relative to simple memory operations.
pub(super) fn memory(linux: &Results) -> String {
    const RATIOS: &[(&str, &str, &str, &str)] = &[
        ("iterate, kernel order / raw pointer loop", "view/kernel order", "tcp6", "raw pointer"),
        ("iterate, sorted / raw pointer loop", "view/sorted", "tcp6", "raw pointer"),
        ("snapshot, sorted / memcpy", "snapshot/basic", "sorted", "memcpy"),
        ("snapshot, kernel order / memcpy", "snapshot/basic", "kernel order", "memcpy"),
        ("snapshot of OwnerModuleRow, sorted / memcpy", "snapshot/owner-module", "sorted", "memcpy"),
        ("sort into a snapshot / sort_unstable_by_key", "sort/basic/kernel order", "snapshot", "sort_unstable_by_key"),
        ("sort in the buffer / sort_unstable_by_key", "sort/basic/kernel order", "table", "sort_unstable_by_key"),
        ("diff, nothing changed / memcmp", "diff/basic/0 % changed", "tcp6", "memcmp"),
        ("diff, 1 % changed / memcmp", "diff/basic/1 % changed", "tcp6", "memcmp"),
        ("diff, 10 % changed / memcmp", "diff/basic/10 % changed", "tcp6", "memcmp"),
        ("diff, all changed / memcmp", "diff/basic/100 % changed", "tcp6", "memcmp"),
        ("HashMap, nothing changed / diff", "diff/basic/0 % changed", "HashMap", "tcp6"),
        ("HashMap, 1 % changed / diff", "diff/basic/1 % changed", "HashMap", "tcp6"),
        ("HashMap, 10 % changed / diff", "diff/basic/10 % changed", "HashMap", "tcp6"),
        ("HashMap, all changed / diff", "diff/basic/100 % changed", "HashMap", "tcp6"),
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
    let ratios = RATIOS.iter().map(|(name, group, function, baseline)| {
        let ratios = sizes.iter().map(|size| times(linux.ratio(group, *size, function, baseline)));
        [(*name).to_owned()].into_iter().chain(ratios).collect()
    });
    format!(
        "Synthetic tables, by the number of rows.\n\n{}\n\
         The cost per row is constant, except for cache misses and the logarithm of the sort.\n\n{}",
        markdown(&by_size("ratio", &sizes), ratios.collect()),
        costs(linux, &sizes, COSTS),
    )
}

/// All measured times.
pub(super) fn absolute(results: &Results) -> String {
    let heading = ["", "rows", "time", "time per row", "rows/s", "allocations"].map(str::to_owned);
    let groups: BTreeSet<&str> = results.iter().map(|(id, _)| id.group.as_str()).collect();
    let mut lines = Vec::new();
    for group in groups {
        for (id, time) in results.iter().filter(|(id, _)| id.group == group) {
            let allocations = results.metric(group, id.size, &id.function, "allocations").unwrap_or("-");
            lines.push(vec![
                format!("{group}: {}", id.function),
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
    fn formats_numbers_and_durations() {
        assert_eq!(
            ["1", "100", "18,000", "1,000,000"],
            [1, 100, 18_000, 1_000_000].map(number).each_ref().map(|s| &**s)
        );
        assert_eq!(["2.50 ns", "12.3 us", "1.00 ms"], [2.5, 12_345.0, 1e6].map(duration).each_ref().map(|s| &**s));
    }

    #[test]
    fn markdown_table_has_a_delimiter_row() {
        let cells = |cells: [&str; 2]| cells.map(str::to_owned);
        let table = markdown(&cells(["", "rows"]), vec![cells(["tcp6", "1"]).to_vec()]);
        assert_eq!(table, "|  | rows |\n|---|--:|\n| tcp6 | 1 |\n");
    }
}
