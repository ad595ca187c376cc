//! What criterion wrote, and the facts beside it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde_json::Value;

/// What was measured: a way to do something, to a table of some size.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    pub(super) group: String,
    pub(super) way: String,
    pub(super) size: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Time {
    pub(super) nanoseconds: f64,
    /// The rows that there were, which of a live table are a few more than its size.
    pub(super) rows: f64,
}

/// One run of benches.
#[derive(Debug, Default)]
pub(super) struct Results {
    times: BTreeMap<Id, Time>,
    metrics: BTreeMap<(Id, String), String>,
}

impl Results {
    /// Reads criterion's folder; nothing, if there is none.
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

    pub(super) fn time(&self, group: &str, size: u64, way: &str) -> Option<Time> {
        self.times.get(&id(group, size, way)).copied()
    }

    pub(super) fn metric(&self, group: &str, size: u64, way: &str, what: &str) -> Option<&str> {
        self.metrics.get(&(id(group, size, way), what.to_owned())).map(String::as_str)
    }

    /// How many times as long one way takes as another.
    pub(super) fn ratio(&self, group: &str, size: u64, way: &str, of: &str) -> Option<f64> {
        Some(self.time(group, size, way)?.nanoseconds / self.time(group, size, of)?.nanoseconds)
    }

    /// The sizes at which a way was measured.
    pub(super) fn sizes(&self, group: &str, way: &str) -> Vec<u64> {
        let of_way = self.times.keys().filter(|id| id.group == group && id.way == way);
        of_way.map(|id| id.size).collect()
    }

    /// Rows, and nanoseconds a row.
    pub(super) fn per_row(&self, group: &str, way: &str) -> Vec<(f64, f64)> {
        let times = self.sizes(group, way).into_iter().filter_map(|size| self.time(group, size, way));
        times.map(|time| (time.rows, time.nanoseconds / time.rows)).collect()
    }
}

fn id(group: &str, size: u64, way: &str) -> Id {
    Id { group: group.to_owned(), way: way.to_owned(), size }
}

fn json(path: &Path) -> anyhow::Result<Value> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

/// What a `benchmark.json` is about, and how many rows.
fn describe(benchmark: &Value) -> Option<(Id, f64)> {
    let text = |field: &str| benchmark[field].as_str();
    let id = id(text("group_id")?, text("value_str")?.parse().ok()?, text("function_id")?);
    Some((id, benchmark["throughput"]["Elements"].as_f64()?))
}

/// A line of facts: group, way, size, what it is about, value. The last one of its kind holds.
fn metric(line: &str) -> Option<((Id, String), String)> {
    let mut fields = line.split('\t');
    let (group, way, size) = (fields.next()?, fields.next()?, fields.next()?.parse().ok()?);
    Some(((id(group, size, way), fields.next()?.to_owned()), fields.next()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_criterion_writes_is_understood() {
        let benchmark = r#"{"group_id":"diff/basic/1 % changed","function_id":"tcp6","value_str":"1000",
            "throughput":{"Elements":1003},"full_id":"","directory_name":"","title":""}"#;
        let (found, rows) = describe(&serde_json::from_str(benchmark).unwrap()).unwrap();
        assert_eq!(found, id("diff/basic/1 % changed", 1_000, "tcp6"));
        assert_eq!(rows, 1_003.0);
    }

    #[test]
    fn a_fact_is_a_line() {
        let (key, value) = metric("peers/owners\tss -6tanp\t100\trows\t104").unwrap();
        assert_eq!(key, (id("peers/owners", 100, "ss -6tanp"), "rows".to_owned()));
        assert_eq!(value, "104");
        assert!(metric("half a line").is_none());
    }
}
