//! What a bench finds besides times: a file of lines beside criterion's, read by `cargo xtask report`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::{env, process};

/// Where criterion writes to, and so do these facts.
///
/// Criterion would ask cargo for the folder, which a Windows program under Wine cannot.
pub fn folder() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let home = env::var_os("CRITERION_HOME").map(PathBuf::from);
    let beside = || Some(env::current_exe().ok()?.ancestors().nth(3)?.join("criterion"));
    home.or(target.map(|target| target.join("criterion"))).or_else(beside).expect("a folder for the results")
}

/// Whether this run measures, or is a test that the benches run.
pub fn is_measuring() -> bool {
    let has = |wanted: &str| env::args().any(|arg| arg == wanted);
    has("--bench") && !has("--test") && !has("--list")
}

/// Notes a fact about what criterion calls `group/function/size`. A test notes nothing.
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
