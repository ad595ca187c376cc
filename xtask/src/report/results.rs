//! Reads the results of criterion, and the metrics next to them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde_json::Value;

/// The id of a benchmark: a criterion group, a function, and a table size.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    pub(super) group: String,
    pub(super) function: String,
    pub(super) size: u64,
}

/// The median time of a benchmark.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time {
    pub(super) nanoseconds: f64,
    /// The actual number of rows. In a live table it is a little more than the nominal size.
    pub(super) rows: f64,
}

/// The results of one run of the benches.
#[derive(Debug, Default)]
pub(super) struct Results {
    times: BTreeMap<Id, Time>,
    metrics: BTreeMap<(Id, String), String>,
}

impl Results {
    /// Reads criterion's folder. If it does not exist, the results are empty.
    pub(super) fn read(folder: &Path) -> anyhow::Result<Results> {
        let mut results = Results::default();
        if folder.is_dir() {
            results.read_times(folder)?;
        }
        if let Ok(metrics) = fs::read_to_string(folder.join("metrics.tsv")) {
            results.metrics = metrics.lines().filter_map(metric).collect();
        }
        Ok(results)
    }

    fn read_times(&mut self, folder: &Path) -> anyhow::Result<()> {
        let (benchmark, estimates) = (folder.join("new/benchmark.json"), folder.join("new/estimates.json"));
        if benchmark.is_file() {
            let (id, rows) = describe(&json(&benchmark)?).with_context(|| benchmark.display().to_string())?;
            let median = json(&estimates)?["median"]["point_estimate"].as_f64();
            let nanoseconds = median.with_context(|| estimates.display().to_string())?;
            self.times.insert(id, Time { nanoseconds, rows });
            return Ok(());
        }
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                self.read_times(&path)?;
            }
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Id, &Time)> {
        self.times.iter()
    }

    pub(super) fn time(&self, group: &str, size: u64, function: &str) -> Option<Time> {
        self.times.get(&id(group, size, function)).copied()
    }

    pub(super) fn metric(&self, group: &str, size: u64, function: &str, metric: &str) -> Option<&str> {
        self.metrics.get(&(id(group, size, function), metric.to_owned())).map(String::as_str)
    }

    /// The time of a function divided by that of another one.
    pub(super) fn ratio(&self, group: &str, size: u64, function: &str, baseline: &str) -> Option<f64> {
        Some(self.time(group, size, function)?.nanoseconds / self.time(group, size, baseline)?.nanoseconds)
    }

    /// The table sizes at which a function was measured.
    pub(super) fn sizes(&self, group: &str, function: &str) -> Vec<u64> {
        let ids = self.times.keys().filter(|id| id.group == group && id.function == function);
        ids.map(|id| id.size).collect()
    }

    /// The number of rows and the nanoseconds per row, for each table size.
    pub(super) fn per_row(&self, group: &str, function: &str) -> Vec<(f64, f64)> {
        let times = self.sizes(group, function).into_iter().filter_map(|size| self.time(group, size, function));
        times.map(|time| (time.rows, time.nanoseconds / time.rows)).collect()
    }
}

fn id(group: &str, size: u64, function: &str) -> Id {
    Id { group: group.to_owned(), function: function.to_owned(), size }
}

fn json(path: &Path) -> anyhow::Result<Value> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

/// The id of a `benchmark.json` and its number of rows.
fn describe(benchmark: &Value) -> Option<(Id, f64)> {
    let text = |field: &str| benchmark[field].as_str();
    let id = id(text("group_id")?, text("value_str")?.parse().ok()?, text("function_id")?);
    Some((id, benchmark["throughput"]["Elements"].as_f64()?))
}

/// A line of metrics: group, function, size, name and value.
///
/// The last line with the same id and name is used.
fn metric(line: &str) -> Option<((Id, String), String)> {
    let mut fields = line.split('\t');
    let (group, function, size) = (fields.next()?, fields.next()?, fields.next()?.parse().ok()?);
    Some(((id(group, size, function), fields.next()?.to_owned()), fields.next()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_benchmark_json() {
        let benchmark = r#"{"group_id":"diff/basic/1 % changed","function_id":"tcp6","value_str":"1000",
            "throughput":{"Elements":1003},"full_id":"","directory_name":"","title":""}"#;
        let (found, rows) = describe(&serde_json::from_str(benchmark).unwrap()).unwrap();
        assert_eq!(found, id("diff/basic/1 % changed", 1_000, "tcp6"));
        assert_eq!(rows, 1_003.0);
    }

    #[test]
    fn parses_a_line_of_metrics() {
        let (key, value) = metric("peers/owners\tss -6tanp\t100\trows\t104").unwrap();
        assert_eq!(key, (id("peers/owners", 100, "ss -6tanp"), "rows".to_owned()));
        assert_eq!(value, "104");
        assert!(metric("half a line").is_none());
    }
}
