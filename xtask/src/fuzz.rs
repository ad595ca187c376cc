//! `cargo xtask fuzz`: hostile bytes for everything that reads bytes.
//!
//! The targets in `tcp6/fuzz` are compiled with the flags that cargo-fuzz would give, so that neither it nor a nightly
//! compiler is needed: the coverage that guides libFuzzer is LLVM's, and AddressSanitizer's runtime comes with stable.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use anyhow::{Context, bail};
use xshell::{Cmd, Shell, cmd};

use crate::{
    Usage,
    debian::{self, Package},
    host,
};

const FOLDER: &str = "tcp6/fuzz";

/// The targets are a workspace of their own.
pub(crate) const MANIFEST: &str = "tcp6/fuzz/Cargo.toml";

/// libFuzzer is C++, and compiled with the targets.
const COMPILER: &[Package] = &[Package("g++", "/usr/bin/g++")];

/// Those of cargo-fuzz 0.13.
const FLAGS: &str = "--cfg fuzzing \
    -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0 \
    -Zsanitizer=address \
    -Cdebug-assertions \
    -Ccodegen-units=1";

const SECONDS: u32 = 20;

/// What a target may take in memory, AddressSanitizer's included, and in one allocation: inputs are small.
const MEMORY_LIMITS: [&str; 2] = ["-rss_limit_mb=1024", "-malloc_limit_mb=128"];

pub(crate) fn run(sh: &Shell, args: &[String]) -> anyhow::Result<()> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["--seeds"] => record_seeds(sh),
        ["--seconds", seconds, ref rest @ ..] => {
            let seconds = seconds.parse().map_err(|_| Usage(format!("`{seconds}` is no number of seconds")))?;
            fuzz(sh, seconds, rest)
        }
        ref rest => fuzz(sh, SECONDS, rest),
    }
}

/// What CI does: the targets are formatted and linted as the workspace is, which they are no part of, and run for a moment.
pub(crate) fn check(sh: &Shell) -> anyhow::Result<()> {
    cmd!(sh, "cargo fmt --manifest-path {MANIFEST} --check").run()?;
    debian::require(&[COMPILER])?;
    cargo(sh, "clippy")?.args(["--all-targets", "--", "-D", "warnings"]).run()?;
    fuzz(sh, SECONDS, &[])
}

/// Runs all targets, or the one that is named; with arguments of its own if there are some.
fn fuzz(sh: &Shell, seconds: u32, args: &[&str]) -> anyhow::Result<()> {
    let targets = targets(sh)?;
    let (chosen, own) = match args.split_first() {
        None => (targets, args),
        Some((name, own)) if targets.iter().any(|target| target == name) => (vec![(*name).to_owned()], own),
        Some((name, _)) => {
            return Err(Usage(format!("`{name}` is none of the targets: {}", targets.join(", "))).into());
        }
    };
    debian::require(&[COMPILER])?;
    let bins = chosen.iter().flat_map(|target| ["--bin", target]);
    cargo(sh, "build")?.args(bins).run()?;

    let binaries = output(sh).join(host(sh)?).join("release");
    let folder = sh.current_dir().join(FOLDER);
    if !own.is_empty() {
        let program = binaries.join(&chosen[0]);
        cmd!(sh, "{program} {MEMORY_LIMITS...} {own...}").run()?;
        return Ok(());
    }
    let at_once = thread::available_parallelism().map_or(1, usize::from);
    for targets in chosen.chunks(at_once) {
        let running = targets
            .iter()
            .map(|target| Ok((target, start(&binaries, &folder, target, seconds)?)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        for (target, child) in running {
            finish(target, child)?;
        }
    }
    Ok(())
}

/// Starts a target on what it found before and on its seeds.
fn start(binaries: &Path, folder: &Path, target: &str, seconds: u32) -> anyhow::Result<Child> {
    let mut command = Command::new(binaries.join(target));
    for name in ["corpus", "artifacts"] {
        std::fs::create_dir_all(folder.join(name).join(target))?;
    }
    command.arg(folder.join("corpus").join(target));
    let seeds = folder.join("seeds").join(target);
    if seeds.exists() {
        command.arg(seeds);
    }
    command
        .arg(format!("-artifact_prefix={}/", folder.join("artifacts").join(target).display()))
        .args(MEMORY_LIMITS)
        .args([&*format!("-max_total_time={seconds}"), "-timeout=20", "-verbosity=0", "-print_final_stats=1"])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting the fuzz target `{target}`"))
}

fn finish(target: &str, child: Child) -> anyhow::Result<()> {
    let output = child.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        eprintln!("{text}");
        bail!("`{target}` has found something; once more: cargo xtask fuzz {target} {FOLDER}/artifacts/{target}/...");
    }
    let stat = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("?").trim().to_owned();
    println!("{target:<10} {:>9} inputs, nothing found", stat("stat::number_of_executed_units:"));
    Ok(())
}

/// The names of the targets: each is a file.
fn targets(sh: &Shell) -> anyhow::Result<Vec<String>> {
    let files = sh.read_dir(Path::new(FOLDER).join("fuzz_targets"))?;
    Ok(files.iter().filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned())).collect())
}

/// Records seeds anew, of a network namespace in which there is nothing but what the recorder opens.
fn record_seeds(sh: &Shell) -> anyhow::Result<()> {
    let folder = output(sh);
    cmd!(sh, "cargo build --example seeds --locked --manifest-path {MANIFEST}")
        .env("RUSTFLAGS", "--cfg fuzzing")
        .env("CARGO_TARGET_DIR", &folder)
        .run()?;
    let recorder = folder.join("debug/examples/seeds");
    let script = "ip link set lo up && exec \"$@\"";
    cmd!(sh, "unshare --net --map-root-user sh -c {script} sh {recorder} {FOLDER}/seeds").run()?;
    Ok(())
}

/// `cargo SUBCOMMAND` for the targets, instrumented.
///
/// Build scripts and macros run here and are compiled as ever: that is what naming the host as a target does.
fn cargo<'a>(sh: &'a Shell, subcommand: &str) -> anyhow::Result<Cmd<'a>> {
    let host = host(sh)?;
    Ok(cmd!(sh, "cargo {subcommand} --release --locked --manifest-path {MANIFEST} --target {host}")
        .env("RUSTFLAGS", FLAGS)
        // The compiler is a stable one: this allows it -Zsanitizer.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", output(sh)))
}

fn output(sh: &Shell) -> PathBuf {
    crate::output(sh).join("fuzz")
}
