//! Development tasks of the workspace: `cargo xtask <task>`.
//!
//! [`TASKS`] lists the tasks, and `cargo xtask` without arguments prints them. Every check that needs more than
//! `cargo test` is a task, so that contributors and CI run it in the same way.

mod ci;
mod debian;
mod deps;
mod fuzz;
mod house;
mod i686;
mod layout;
mod msrv;
mod package;
mod qemu;
mod report;
mod sanitize;
mod soak;
mod targets;
mod windows_report;
mod wine;

use std::{
    env, error, fmt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use xshell::{Shell, cmd};

struct Task {
    name: &'static str,
    help: &'static str,
    run: Run,
}

enum Run {
    Plain(fn(&Shell) -> anyhow::Result<()>),
    WithArgs(fn(&Shell, &[String]) -> anyhow::Result<()>),
}

const TASKS: &[Task] = &[
    Task {
        name: "ci",
        help: "[quick|JOB]: run all checks of a change, the quick ones, or one job",
        run: Run::WithArgs(ci::run),
    },
    Task { name: "deps", help: "check the dependencies of tcp6, and the licences", run: Run::Plain(deps::run) },
    Task {
        name: "fuzz",
        help: "[--seeds | [--seconds N] [TARGET [ARG...]]]: run the fuzz targets, or record their seeds",
        run: Run::WithArgs(fuzz::run),
    },
    Task { name: "house", help: "check the dependencies between the modules of tcp6", run: Run::Plain(house::run) },
    Task { name: "i686", help: "run the tests as a 32-bit program", run: Run::Plain(i686::run) },
    Task { name: "layout", help: "compare the raw structs with those of the C headers", run: Run::Plain(layout::run) },
    Task {
        name: "msrv",
        help: "check the crates with the oldest Rust version that they support",
        run: Run::Plain(msrv::run),
    },
    Task { name: "package", help: "test and document the packaged crates", run: Run::Plain(package::run) },
    Task {
        name: "qemu",
        help: "run the tests on a big-endian and a 32-bit machine, and compare the formats that they write",
        run: Run::Plain(qemu::run),
    },
    Task {
        name: "report",
        help: "[--bench]: write benches/RESULTS.md and the plots; --bench runs the benches first",
        run: Run::WithArgs(report::run),
    },
    Task {
        name: "sanitize",
        help: "run the tests under AddressSanitizer, and those of unsafe code under valgrind",
        run: Run::Plain(sanitize::run),
    },
    Task {
        name: "soak",
        help: "[--small-hash | --lives] [--seconds N] [ARG...]: read the table while connections open and close",
        run: Run::WithArgs(soak::run),
    },
    Task { name: "targets", help: "lint the crates for every system that they support", run: Run::Plain(targets::run) },
    Task {
        name: "windows-report",
        help: "on Windows: run every check and write a report to paste (see WINDOWS.md)",
        run: Run::Plain(windows_report::run),
    },
    Task {
        name: "wine",
        help: "[--wine PATH] [--target TRIPLE] [--scripted] <test|run|bench> [ARG...]: run cargo for Windows, with the programs under Wine",
        run: Run::WithArgs(wine::run),
    },
    Task {
        name: "wine-wow64",
        help: "unpack a Wine that runs 32-bit programs, too, and print its path for --wine; takes root",
        run: Run::Plain(wine::wow64::run),
    },
];

/// The target folder of the workspace.
fn output(sh: &Shell) -> PathBuf {
    sh.current_dir().join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// The target triple of this machine.
fn host(sh: &Shell) -> anyhow::Result<String> {
    let version = cmd!(sh, "rustc -vV").quiet().read()?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV printed no host")?.to_owned())
}

/// Reports that this machine cannot run a check.
///
/// In CI, where every check must run, that is an error.
fn skip(reason: &str) -> anyhow::Result<()> {
    if env::var_os("CI").is_some_and(|value| !value.is_empty()) {
        bail!("{reason} (no check may be skipped because `CI` is set)");
    }
    println!("skipped: {reason}");
    Ok(())
}

/// An error in the command line. The exit code is 2 instead of 1.
#[derive(Debug)]
struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl error::Error for Usage {}

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let result = match args.split_first() {
        None => help(),
        Some((name, _)) if ["help", "-h", "--help"].contains(&&**name) => help(),
        Some((name, args)) => run(name, args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
        }
    }
}

fn help() -> anyhow::Result<()> {
    println!("{}", usage());
    Ok(())
}

fn run(name: &str, args: &[String]) -> anyhow::Result<()> {
    let task = TASKS
        .iter()
        .find(|task| task.name == name)
        .ok_or_else(|| Usage(format!("unknown task `{name}`\n\n{}", usage())))?;
    let sh = Shell::new()?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    sh.change_dir(root.context("xtask has no parent folder")?);
    match (&task.run, args) {
        (Run::WithArgs(run), _) => run(&sh, args),
        (Run::Plain(run), []) => run(&sh),
        (Run::Plain(_), [first, ..]) => Err(Usage(format!("`{name}` takes no arguments, found `{first}`")).into()),
    }
}

fn usage() -> String {
    let mut text = String::from("Usage: cargo xtask <task> [ARG...]\n\nTasks:");
    for task in TASKS {
        text += &format!("\n  {:<14} {}", task.name, task.help);
    }
    text
}
