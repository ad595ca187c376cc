//! Metrics other than times, in a file next to criterion's results, which `cargo xtask report` reads.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::{env, process};

/// The folder of criterion's results and of the metrics.
///
/// Criterion itself runs cargo to find the folder, which a Windows program under Wine cannot do.
pub fn folder() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let home = env::var_os("CRITERION_HOME").map(PathBuf::from);
    let default = || Some(env::current_exe().ok()?.ancestors().nth(3)?.join("criterion"));
    home.or(target.map(|target| target.join("criterion"))).or_else(default).expect("find the results folder")
}

/// Whether this run measures. `cargo test` and `--list` run the benches without measuring.
pub fn is_measuring() -> bool {
    let has = |flag: &str| env::args().any(|arg| arg == flag);
    has("--bench") && !has("--test") && !has("--list")
}

/// Records a metric of the benchmark `group/function/size`.
///
/// Does nothing if this run does not measure.
pub fn note(group: &str, function: &str, size: u64, what: &str, value: impl ToString) {
    if is_measuring() {
        let line = [group, function, &size.to_string(), what, &value.to_string()].join("\t");
        if let Err(error) = append(&line) {
            eprintln!("{}: {error}", folder().display());
            process::exit(1);
        }
    }
}

fn append(line: &str) -> io::Result<()> {
    fs::create_dir_all(folder())?;
    let mut file: File = OpenOptions::new().create(true).append(true).open(folder().join("metrics.tsv"))?;
    writeln!(file, "{line}")
}
