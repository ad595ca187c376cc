//! `cargo xtask ci`: runs every check of a change, the fast ones first.

use std::time::Instant;

use anyhow::Context;
use xshell::{Shell, cmd};

use crate::{Usage, debian, deps, fuzz, house, i686, layout, msrv, package, soak, targets, wine};

struct Job {
    name: &'static str,
    run: fn(&Shell) -> anyhow::Result<()>,
}

/// The number of jobs that `cargo xtask ci quick` runs. Together they take less than two minutes.
const QUICK: usize = 5;

const JOBS: &[Job] = &[
    Job { name: "fmt", run: fmt },
    Job { name: "clippy", run: clippy },
    Job { name: "docs", run: docs },
    Job { name: "features", run: features },
    Job { name: "house", run: house::run },
    Job { name: "deps", run: deps::run },
    Job { name: "package", run: package::run },
    Job { name: "msrv", run: msrv::run },
    Job { name: "layout", run: layout::run },
    Job { name: "targets", run: targets::run },
    Job { name: "i686", run: i686::run },
    Job { name: "bench", run: bench },
    Job { name: "fuzz", run: fuzz::check },
    Job { name: "soak", run: |sh| soak::run(sh, &words("--seconds 10")) },
    Job { name: "soak-small-hash", run: |sh| soak::run(sh, &words("--small-hash --seconds 8 --rate 1000")) },
    Job { name: "soak-events", run: |sh| soak::run(sh, &words("--events --seconds 20 --rate 2000 --interval 5")) },
    // Here each closed connection is looked up.
    Job {
        name: "soak-events-small-hash",
        run: |sh| soak::run(sh, &words("--small-hash --events --seconds 15 --rate 1000 --interval 20")),
    },
    Job { name: "wine-test", run: |sh| wine(sh, "test --locked") },
    Job { name: "wine-scripted", run: |sh| wine(sh, "--scripted test --locked") },
    Job { name: "wine-scripted-msvc", run: |sh| wine(sh, "--target x86_64-pc-windows-msvc --scripted test --locked") },
    Job { name: "wine-bench", run: |sh| wine(sh, "test --locked -p benches --bench refresh") },
    // Wine takes 1 s for a call that takes 1 ms on Linux, so the load is small.
    Job {
        name: "wine-soak",
        run: |sh| {
            let load = "--lenient --seconds 15 --rate 20 --connections 20 --children 1";
            // The profile of the tests, so that nothing is compiled again.
            wine(sh, &format!("run --locked --profile test -p benches --bin soak -- {load}"))
        },
    },
];

pub(crate) fn run(sh: &Shell, args: &[String]) -> anyhow::Result<()> {
    for job in choose(args)? {
        println!("\n=== {}", job.name);
        let start = Instant::now();
        (job.run)(sh).with_context(|| format!("CI job `{}`", job.name))?;
        println!("=== {}: {:.1} s", job.name, start.elapsed().as_secs_f64());
    }
    Ok(())
}

fn choose(args: &[String]) -> Result<&'static [Job], Usage> {
    match args {
        [] => Ok(JOBS),
        [name] if name == "quick" => Ok(&JOBS[..QUICK]),
        [name] => match JOBS.iter().position(|job| job.name == name) {
            Some(at) => Ok(&JOBS[at..=at]),
            None => {
                let names: Vec<&str> = JOBS.iter().map(|job| job.name).collect();
                Err(Usage(format!("unknown job `{name}`; expected one of quick, {}", names.join(", "))))
            }
        },
        _ => Err(Usage("expected at most one job".into())),
    }
}

fn fmt(sh: &Shell) -> anyhow::Result<()> {
    cmd!(sh, "cargo fmt --all --check").run()?;
    Ok(())
}

fn clippy(sh: &Shell) -> anyhow::Result<()> {
    cmd!(sh, "cargo clippy --workspace --all-targets --all-features --locked -- -D warnings").run()?;
    Ok(())
}

/// Builds the documentation for this system and for Windows, because docs.rs shows both.
fn docs(sh: &Shell) -> anyhow::Result<()> {
    const DENY: &str = "-D warnings";
    cmd!(sh, "cargo doc --workspace --no-deps --all-features --locked").env("RUSTDOCFLAGS", DENY).run()?;
    debian::require(&[debian::RUST])?;
    let windows = ["--target", "x86_64-pc-windows-msvc", "-p", "tcp6-sys", "-p", "tcp6"];
    debian::cargo(sh, "doc")?
        .args(windows)
        .args(["--no-deps", "--all-features", "--locked"])
        .env("RUSTDOCFLAGS", DENY)
        .run()?;
    Ok(())
}

/// Lints the library without features.
///
/// `cargo test` cannot: it enables them through the dev-dependency of the crate on itself.
fn features(sh: &Shell) -> anyhow::Result<()> {
    cmd!(sh, "cargo clippy -p tcp6 --lib --no-default-features --locked -- -D warnings").run()?;
    Ok(())
}

/// Runs every benchmark once, without measuring.
fn bench(sh: &Shell) -> anyhow::Result<()> {
    cmd!(sh, "cargo test -p benches --benches --locked").run()?;
    Ok(())
}

fn wine(sh: &Shell, line: &str) -> anyhow::Result<()> {
    wine::run(sh, &words(line))
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}
