//! `cargo xtask targets`: lints the crates for every system that they support, and for another one.
//!
//! It runs Clippy, because most `unsafe` code of the workspace is for Windows and is not linted in a build for Linux.

use anyhow::bail;
use xshell::{Cmd, Shell};

use crate::debian::{self, Package};

const CLIPPY: &[Package] = &[Package("rust-web-clippy", "/usr/bin/cargo-clippy")];

/// Each system, width, architecture and Windows environment. More targets would compile the same code again.
const TARGETS: &[&str] = &[
    "x86_64-pc-windows-msvc",
    "aarch64-pc-windows-msvc",
    "i686-pc-windows-msvc",
    "x86_64-pc-windows-gnu",
    "aarch64-unknown-linux-gnu",
    "i686-unknown-linux-gnu",
    // A system that is not supported, where the crates must compile.
    "x86_64-unknown-freebsd",
];

pub(crate) fn run(sh: &Shell) -> anyhow::Result<()> {
    debian::require(&[debian::RUST, CLIPPY])?;

    // One call for all targets is fastest. If it fails, each target is linted separately to find those that fail.
    let passed = clippy(sh, TARGETS)?.run().is_ok();
    let mut failed = Vec::new();
    for &target in TARGETS {
        let passed = passed || clippy(sh, &[target])?.quiet().ignore_stderr().run().is_ok();
        println!("{} {target}", if passed { "ok    " } else { "FAILED" });
        if !passed {
            failed.push(target);
        }
    }
    // Tests that only Windows compiles, which `cargo test` leaves out.
    let lint = ["-p", "tcp6", "-p", "tcp6-cli", "--test", "scripted", "--target", "x86_64-pc-windows-gnu"];
    debian::cargo(sh, "clippy")?.args(lint).args(["--locked", "--", "-D", "warnings"]).run()?;
    if !failed.is_empty() {
        bail!("{} of {} targets failed: {}", failed.len(), TARGETS.len(), failed.join(", "));
    }
    Ok(())
}

fn clippy<'a>(sh: &'a Shell, targets: &[&str]) -> anyhow::Result<Cmd<'a>> {
    let targets = targets.iter().flat_map(|target| ["--target", target]);
    Ok(debian::cargo(sh, "clippy")?
        .args(["-p", "tcp6-sys", "-p", "tcp6", "-p", "tcp6-cli", "--all-features", "--locked", "--keep-going"])
        .args(targets)
        .args(["--", "-D", "warnings"]))
}
