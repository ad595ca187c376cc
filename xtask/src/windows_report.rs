//! `cargo xtask windows-report`: on a Windows machine, every check that runs there, as one text to paste.
//!
//! It needs Rust and nothing else: neither Wine nor a C compiler beyond the linker of the toolchain. WINDOWS.md says what
//! its parts prove.

use std::env::consts::{ARCH, OS};
use std::time::Instant;

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

/// Checks with their arguments to cargo. The first fails if a layout is wrong, as the layouts are asserted by the compiler.
const CHECKS: &[(&str, &str)] = &[
    ("layouts and values, against windows-sys", "test -p tcp6-sys --locked"),
    ("the crate", "test -p tcp6 --locked"),
    ("the program", "test -p tcp6-cli --locked"),
    ("the open questions", "run -p tcp6-sys --example questions --locked"),
];

pub(crate) fn run(sh: &Shell) -> Result<()> {
    if OS != "windows" {
        return crate::skip(
            "the report is about Windows; under Wine use `cargo xtask wine run -p tcp6-sys --example questions`",
        );
    }
    let mut report = format!("tcp6: report of {OS} on {ARCH}\n\n{}\n", system(sh)?);
    let mut failed = Vec::new();
    for (what, line) in CHECKS {
        println!("{what}: cargo {line}");
        let start = Instant::now();
        let args = line.split(' ');
        let output = cmd!(sh, "cargo {args...}").env("CARGO_TERM_COLOR", "never").quiet().ignore_status().output()?;
        let verdict = if output.status.success() { "passed" } else { "FAILED" };
        if !output.status.success() {
            failed.push(*what);
        }
        report += &format!("## {what}: {verdict} in {:.0} s\n\n", start.elapsed().as_secs_f64());
        report += &excerpt(&String::from_utf8_lossy(&output.stdout), output.status.success());
        if !output.status.success() {
            report += &String::from_utf8_lossy(&output.stderr);
        }
        report.push('\n');
    }
    let path = crate::output(sh).join("windows-report.txt");
    sh.write_file(&path, report)?;
    println!("the report to paste is {}", path.display());
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

/// The versions of Windows and of Rust.
fn system(sh: &Shell) -> Result<String> {
    let windows = cmd!(sh, "cmd /c ver").quiet().read()?;
    let rust = cmd!(sh, "rustc -vV").quiet().read()?;
    Ok(format!("{}\n{rust}\n", windows.trim()))
}

/// Of the tests that pass only the counts, of everything else all.
fn excerpt(output: &str, passed: bool) -> String {
    let keep = |line: &&str| !(passed && line.starts_with("test ") && line.ends_with("... ok"));
    output.lines().filter(keep).filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_that_pass_are_counted_and_failures_are_kept() {
        let output = "running 2 tests\ntest a ... ok\ntest b ... FAILED\n\ntest result: FAILED";
        assert_eq!(excerpt(output, true), "running 2 tests\ntest b ... FAILED\ntest result: FAILED\n");
        assert!(excerpt(output, false).contains("test a ... ok"));
    }
}
