//! `cargo xtask fuzz`: runs the fuzz targets in `tcp6/fuzz`.
//!
//! The targets are compiled with the flags that cargo-fuzz passes. So they need neither cargo-fuzz nor a nightly
//! compiler: LLVM implements the coverage that guides libFuzzer, and stable toolchains contain the runtime of
//! AddressSanitizer.

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

/// The manifest of the targets, which are a separate workspace.
pub(crate) const MANIFEST: &str = "tcp6/fuzz/Cargo.toml";

/// libFuzzer is written in C++ and compiled with the targets.
const COMPILER: &[Package] = &[Package("g++", "/usr/bin/g++")];

/// The compiler flags of cargo-fuzz 0.13.
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

/// The default running time of a target, in seconds.
const SECONDS: u32 = 20;

/// The running time of a target in CI, in seconds. It starts from the seeds, which cover the parsers.
const CI_SECONDS: u32 = 10;

/// The limits of a target's memory, including that of AddressSanitizer, and of one allocation.
///
/// Inputs are small.
const MEMORY_LIMITS: [&str; 2] = ["-rss_limit_mb=1024", "-malloc_limit_mb=128"];

pub(crate) fn run(sh: &Shell, args: &[String]) -> anyhow::Result<()> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["--seeds"] => record_seeds(sh),
        ["--seconds", seconds, ref rest @ ..] => {
            let seconds = seconds.parse().map_err(|_| Usage(format!("invalid number of seconds: `{seconds}`")))?;
            fuzz(sh, seconds, rest)
        }
        ref rest => fuzz(sh, SECONDS, rest),
    }
}

/// The CI job: checks the format of the targets, lints them, and runs each for [`CI_SECONDS`] seconds.
///
/// The jobs for the workspace do not include the targets.
pub(crate) fn check(sh: &Shell) -> anyhow::Result<()> {
    cmd!(sh, "cargo fmt --manifest-path {MANIFEST} --check").run()?;
    debian::require(&[COMPILER])?;
    cargo(sh, "clippy")?.args(["--all-targets", "--", "-D", "warnings"]).run()?;
    fuzz(sh, CI_SECONDS, &[])
}

/// Runs all targets, or the named one.
///
/// Further arguments are passed to the target instead of the default ones.
fn fuzz(sh: &Shell, seconds: u32, args: &[&str]) -> anyhow::Result<()> {
    let targets = targets(sh)?;
    let (chosen, target_args) = match args.split_first() {
        None => (targets, args),
        Some((name, rest)) if targets.iter().any(|target| target == name) => (vec![(*name).to_owned()], rest),
        Some((name, _)) => {
            return Err(Usage(format!("unknown target `{name}`; the targets are {}", targets.join(", "))).into());
        }
    };
    debian::require(&[COMPILER])?;
    let bins = chosen.iter().flat_map(|target| ["--bin", target]);
    cargo(sh, "build")?.args(bins).run()?;

    let binaries = output(sh).join(host(sh)?).join("release");
    let folder = sh.current_dir().join(FOLDER);
    if !target_args.is_empty() {
        let program = binaries.join(&chosen[0]);
        cmd!(sh, "{program} {MEMORY_LIMITS...} {target_args...}").run()?;
        return Ok(());
    }
    let parallel = thread::available_parallelism().map_or(1, usize::from);
    for targets in chosen.chunks(parallel) {
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

/// Starts a target on its corpus and its seeds.
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
        .with_context(|| format!("cannot start the fuzz target `{target}`"))
}

/// Waits for a target. Fails if it found a problem.
fn finish(target: &str, child: Child) -> anyhow::Result<()> {
    let output = child.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        eprintln!("{text}");
        bail!("`{target}` failed; reproduce with: cargo xtask fuzz {target} {FOLDER}/artifacts/{target}/...");
    }
    let stat = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("?").trim().to_owned();
    println!("{target:<10} {:>9} inputs, no problems found", stat("stat::number_of_executed_units:"));
    Ok(())
}

/// The names of the targets, which are those of their files.
fn targets(sh: &Shell) -> anyhow::Result<Vec<String>> {
    let files = sh.read_dir(Path::new(FOLDER).join("fuzz_targets"))?;
    Ok(files.iter().filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned())).collect())
}

/// Records the seeds again, in a new network namespace that contains only the sockets of the
/// recorder.
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

/// `cargo SUBCOMMAND` for the targets, with instrumentation.
///
/// It names the host as `--target`, so that build scripts and procedural macros are compiled without instrumentation.
fn cargo<'a>(sh: &'a Shell, subcommand: &str) -> anyhow::Result<Cmd<'a>> {
    let host = host(sh)?;
    Ok(cmd!(sh, "cargo {subcommand} --release --locked --manifest-path {MANIFEST} --target {host}")
        .env("RUSTFLAGS", FLAGS)
        // Lets a stable compiler accept -Zsanitizer.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", output(sh)))
}

fn output(sh: &Shell) -> PathBuf {
    crate::output(sh).join("fuzz")
}
