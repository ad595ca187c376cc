//! `cargo xtask windows-report`: runs every check that runs on Windows and writes one report.
//!
//! Requires only a Rust toolchain with its linker, neither Wine nor another C compiler. WINDOWS.md describes what each
//! check proves.

use std::env::consts::{ARCH, OS};
use std::time::Instant;

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

/// Titles and cargo arguments of the checks.
///
/// Layouts are asserted at compile time, so the first check covers them.
const CHECKS: &[(&str, &str)] = &[
    ("tcp6-sys: layouts and constants compared with windows-sys", "test -p tcp6-sys --locked"),
    ("tcp6: the library", "test -p tcp6 --locked"),
    ("tcp6-cli: the program", "test -p tcp6-cli --locked"),
    ("open questions", "run -p tcp6-sys --example questions --locked"),
];

pub(crate) fn run(sh: &Shell) -> Result<()> {
    if OS != "windows" {
        return crate::skip(
            "the report requires Windows; under Wine use `cargo xtask wine run -p tcp6-sys --example questions`",
        );
    }
    let mut report = format!("tcp6: report of {OS} on {ARCH}\n\n{}\n", system(sh)?);
    let mut failed = Vec::new();
    for (what, line) in CHECKS {
        println!("{what}: cargo {line}");
        let start = Instant::now();
        let args = line.split(' ');
        let output = cmd!(sh, "cargo {args...}").env("CARGO_TERM_COLOR", "never").quiet().ignore_status().output()?;
        let outcome = if output.status.success() { "passed" } else { "FAILED" };
        if !output.status.success() {
            failed.push(*what);
        }
        report += &format!("## {what}: {outcome} in {:.0} s\n\n", start.elapsed().as_secs_f64());
        report += &excerpt(&String::from_utf8_lossy(&output.stdout), output.status.success());
        if !output.status.success() {
            report += &String::from_utf8_lossy(&output.stderr);
        }
        report.push('\n');
    }
    let path = crate::output(sh).join("windows-report.txt");
    sh.write_file(&path, report)?;
    println!("report written to {}", path.display());
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

/// Returns the versions of Windows and Rust.
fn system(sh: &Shell) -> Result<String> {
    let windows = cmd!(sh, "cmd /c ver").quiet().read()?;
    let rust = cmd!(sh, "rustc -vV").quiet().read()?;
    Ok(format!("{}\n{rust}\n", windows.trim()))
}

/// Drops the lines of passing tests and empty lines. Keeps all non-empty lines of a failed run.
fn excerpt(output: &str, passed: bool) -> String {
    let keep = |line: &&str| !(passed && line.starts_with("test ") && line.ends_with("... ok"));
    output.lines().filter(keep).filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpt_drops_passing_tests_unless_the_run_failed() {
        let output = "running 2 tests\ntest a ... ok\ntest b ... FAILED\n\ntest result: FAILED";
        assert_eq!(excerpt(output, true), "running 2 tests\ntest b ... FAILED\ntest result: FAILED\n");
        assert!(excerpt(output, false).contains("test a ... ok"));
    }
}
