//! The chores of the workspace: `cargo xtask <task>`.
//!
//! A task is a row of [`TASKS`]; `cargo xtask` alone prints them. Whatever a check on a change needs beyond `cargo test`
//! is a task, so that everyone runs it as CI does.

mod ci;
mod debian;
mod deps;
mod fuzz;
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
        help: "[JOB]: every check on a change, in CI's order, or the one named",
        run: Run::WithArgs(ci::run),
    },
    Task { name: "deps", help: "check what the crates bring along, and its licences", run: Run::Plain(deps::run) },
    Task {
        name: "fuzz",
        help: "[--seeds | [--seconds N] [TARGET [ARG...]]]: feed hostile bytes to all that reads bytes",
        run: Run::WithArgs(fuzz::run),
    },
    Task { name: "i686", help: "run the tests as a 32-bit program", run: Run::Plain(i686::run) },
    Task { name: "layout", help: "compare the raw structs with those of the C headers", run: Run::Plain(layout::run) },
    Task {
        name: "msrv",
        help: "compile the crates with the oldest Rust that they support",
        run: Run::Plain(msrv::run),
    },
    Task {
        name: "package",
        help: "test and document the crates as they would be uploaded",
        run: Run::Plain(package::run),
    },
    Task {
        name: "qemu",
        help: "the tests on a big-endian and a 32-bit machine, and the formats compared with this one's",
        run: Run::Plain(qemu::run),
    },
    Task {
        name: "report",
        help: "[--bench]: what the benches measured (now, with --bench), as benches/RESULTS.md and plots",
        run: Run::WithArgs(report::run),
    },
    Task {
        name: "sanitize",
        help: "the tests under AddressSanitizer, those of the unsafe code under valgrind",
        run: Run::Plain(sanitize::run),
    },
    Task {
        name: "soak",
        help: "[--small-hash | --lives] [--seconds N] [ARG...]: read the table while connections come and go",
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
        help: "[--wine PATH] [--target TRIPLE] [--scripted] <test|run|bench> [ARG...]: as cargo does, with Windows programs under Wine",
        run: Run::WithArgs(wine::run),
    },
    Task {
        name: "wine-wow64",
        help: "unpack a Wine that runs 32-bit programs, too, and print its path for --wine; takes root",
        run: Run::Plain(wine::wow64::run),
    },
];

/// The folder for all that is made here.
fn output(sh: &Shell) -> PathBuf {
    sh.current_dir().join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// This machine, as the compiler calls it.
fn host(sh: &Shell) -> anyhow::Result<String> {
    let version = cmd!(sh, "rustc -vV").quiet().read()?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not say what machine this is")?.to_owned())
}

/// Says that a check cannot be made here. On a machine of CI, which must be able to make every check, that is an error.
fn skip(reason: &str) -> anyhow::Result<()> {
    if env::var_os("CI").is_some_and(|value| !value.is_empty()) {
        bail!("{reason}; `CI` is set, where no check may be skipped");
    }
    println!("skipped: {reason}");
    Ok(())
}

/// The command line was wrong, rather than the workspace.
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
    let done = match args.split_first() {
        None => help(),
        Some((name, _)) if ["help", "-h", "--help"].contains(&&**name) => help(),
        Some((name, args)) => run(name, args),
    };
    match done {
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
        .ok_or_else(|| Usage(format!("there is no task `{name}`\n\n{}", usage())))?;
    let sh = Shell::new()?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    sh.change_dir(root.context("xtask lies in the workspace")?);
    match (&task.run, args) {
        (Run::WithArgs(run), _) => run(&sh, args),
        (Run::Plain(run), []) => run(&sh),
        (Run::Plain(_), [first, ..]) => Err(Usage(format!("`{name}` takes no arguments, `{first}` is one")).into()),
    }
}

fn usage() -> String {
    let mut text = String::from("Usage: cargo xtask <task> [ARG...]\n\nTasks:");
    for task in TASKS {
        text += &format!("\n  {:<14} {}", task.name, task.help);
    }
    text
}
