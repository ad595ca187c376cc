//! `cargo xtask report`: what the benches measured, as `benches/RESULTS.md` and plots.
//!
//! Ratios come first: they are taken within one run and hold on other machines too. With `--bench` everything is measured
//! anew before, and `refresh` as a Windows program as well, where Wine is installed.

mod machine;
mod number;
mod plot;
mod results;
mod tables;
mod thresholds;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use xshell::{Shell, cmd};

use self::plot::{BarChart, LineChart};
use self::results::Results;
use crate::{Usage, debian, output, wine};

/// The folder in which the report and its plots are committed.
const BENCHES: &str = "benches";

/// What was measured: as a Linux program, and as a Windows program under Wine.
struct Runs {
    linux: Results,
    windows: Results,
}

impl Runs {
    /// What a whole run has, and these lack.
    fn gaps(&self) -> Vec<&'static str> {
        let mut gaps = Vec::new();
        if self.windows.is_empty() {
            gaps.push("Windows programs, since Wine is not installed or failed");
        }
        if self.linux.time("refresh/basic", 108_000, "reused").is_none() {
            gaps.push(
                "the live table at 108,000 rows, which takes `TCP6_BENCH_LARGE=1` and a machine that can open as many",
            );
        }
        gaps
    }
}

pub(crate) fn run(sh: &Shell, args: &[String]) -> anyhow::Result<()> {
    let (linux, windows) = (output(sh).join("criterion"), debian::output(sh).join("build/criterion"));
    match args {
        [] => {}
        [option] if option == "--bench" => measure(sh, &[&linux, &windows])?,
        _ => return Err(Usage("the only argument of `report` is --bench".into()).into()),
    }
    let runs = Runs { linux: Results::read(&linux)?, windows: Results::read(&windows)? };
    if runs.linux.is_empty() {
        bail!("there is nothing in {}: run `cargo bench` first, or this with --bench", linux.display());
    }
    for (name, svg) in plots(&runs.linux, &runs.windows) {
        sh.write_file(Path::new(BENCHES).join(name), svg)?;
    }
    let file = Path::new(BENCHES).join("RESULTS.md");
    sh.write_file(&file, report(sh, &runs)?)?;
    println!("{}", file.display());
    Ok(())
}

/// Runs every bench, after all earlier results are gone.
fn measure(sh: &Shell, earlier: &[&Path]) -> anyhow::Result<()> {
    for folder in earlier {
        sh.remove_path(folder)?;
    }
    cmd!(sh, "cargo bench -p benches").env("TCP6_BENCH_LARGE", "1").run()?;
    let wine = wine::program();
    if cmd!(sh, "{wine} --version").quiet().ignore_stdout().ignore_stderr().run().is_err() {
        println!("Wine is not installed: nothing is measured as a Windows program");
        return Ok(());
    }
    wine::run(sh, &["bench", "--bench", "refresh"].map(str::to_owned))
}

fn report(sh: &Shell, runs: &Runs) -> anyhow::Result<String> {
    let mut text = String::from(
        "# Results\n\n\
         Made by `cargo xtask report --bench`, which measures everything anew. Times are medians. A ratio is that of two \
         times of one run, most of them measured within seconds of each other; on another machine the times will be \
         others, and the ratios much the same. [NOTES.md](NOTES.md) says what was done to reach them.\n\n",
    );
    text += &machine::describe(sh, runs)?;
    for gap in runs.gaps() {
        writeln!(text, "\n**Not measured**: {gap}.")?;
    }
    writeln!(text, "\n## The bars\n\n{}", thresholds::table(runs))?;
    writeln!(text, "## Against the kernel and the peers\n\n{}", tables::peers(&runs.linux))?;
    writeln!(text, "![What a row costs](cost-per-row.svg)\n\n![What a row and its owner cost](cost-with-owner.svg)\n")?;
    writeln!(text, "## What reuse of the buffer saves\n\n{}", tables::reuse(runs))?;
    writeln!(text, "![What reuse of the buffer saves](reuse.svg)\n")?;
    writeln!(text, "## In memory\n\n{}", tables::memory(&runs.linux))?;
    writeln!(text, "## Absolute figures, Linux\n\n{}", tables::absolute(&runs.linux))?;
    if !runs.windows.is_empty() {
        writeln!(text, "## Absolute figures, Windows programs under Wine\n\n{}", tables::absolute(&runs.windows))?;
    }
    Ok(text.trim_end().to_owned() + "\n")
}

fn plots(linux: &Results, windows: &Results) -> [(&'static str, String); 3] {
    let cost = |group: &str, ways: &[(&'static str, &str)]| {
        let series = ways.iter().map(|(name, way)| (*name, linux.per_row(group, way)));
        series.filter(|(_, points)| !points.is_empty()).collect()
    };
    let ends = LineChart {
        title: "What a row of the live table costs",
        x: "rows in the table",
        y: "ns per row",
        series: cost(
            "peers/ends and states",
            &[
                ("tcp6", "tcp6"),
                ("bare dump (the kernel's own cost)", "bare dump"),
                ("netstat2", "netstat2"),
                ("procfs", "procfs"),
                ("ss -6tan", "ss -6tan"),
            ],
        ),
    };
    let owners = LineChart {
        title: "What a row and its owner cost",
        x: "rows in the table",
        y: "ns per row",
        series: cost(
            "peers/owners",
            &[
                ("tcp6, again", "tcp6, again"),
                ("tcp6, first time", "tcp6, first"),
                ("netstat2", "netstat2"),
                ("listeners", "listeners"),
                ("psutil", "psutil"),
                ("ss -6tanp", "ss -6tanp"),
            ],
        ),
    };
    let mut bars = Vec::new();
    for (system, results) in [("Linux", linux), ("Windows (Wine)", windows)] {
        for (what, way) in [("fresh buffer", "fresh"), ("size, then fetch", "size, then fetch")] {
            for size in results.sizes("refresh/basic", way) {
                let saved = results.ratio("refresh/basic", size, way, "reused");
                let label = format!("{system}, {what}, {} rows", number::number(size));
                bars.extend(saved.map(|saved| (label, saved)));
            }
        }
    }
    let reuse = BarChart { title: "Time of a refresh, as a multiple of one into a reused buffer", bars };
    [("cost-per-row.svg", ends.svg()), ("cost-with-owner.svg", owners.svg()), ("reuse.svg", reuse.svg())]
}

/// A text file of the machine, or nothing.
fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The version of a package in the lock file.
fn locked(sh: &Shell, package: &str) -> anyhow::Result<String> {
    let lock = sh.read_file("Cargo.lock")?;
    let mut lines = lock.lines().skip_while(|line| *line != format!("name = \"{package}\""));
    let version =
        lines.nth(1).and_then(|line| line.strip_prefix("version = ")).map(|version| version.trim_matches('"'));
    Ok(version.with_context(|| format!("{package} is not in Cargo.lock"))?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_said() {
        let runs = Runs { linux: Results::default(), windows: Results::default() };
        let gaps = runs.gaps();
        assert!(gaps[0].starts_with("Windows") && gaps[1].contains("108,000"), "{gaps:?}");
    }
}
