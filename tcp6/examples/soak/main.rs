//! The crate on a machine whose table does not stand still: `cargo xtask soak`.
//!
//! Child processes open and close thousands of connections a second around a set that this process holds open, half of
//! them with a reset and half so that they stay in TIME-WAIT. Several threads meanwhile read the table, one for each class
//! and a watcher, each with a `System` of its own. Every table must show what is held open; no row may be doubled, in
//! whatever state; the watcher may report no socket twice as added, and none as removed that comes back; no poll may fail or
//! try for ever; and neither memory nor descriptors may grow.
//! Wine's tables are not that good, whoever reads them: `--lenient` counts what is wrong with them.
//!
//! All of it is on the loopback and ends by itself.

mod churn;
mod cookies;
mod health;
mod lasting;
mod poll;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use tcp6::{BasicRow, OffloadRow, OwnerModuleRow, OwnerPidRow};

use churn::Churn;
use health::Health;
use lasting::Lasting;
use poll::Polled;

/// Reads the table while connections come and go, and looks whether what stays is always there.
#[derive(Parser)]
struct Options {
    /// For how long.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(4..=86_400))]
    seconds: u64,
    /// How many connections are opened and closed a second, by all children together.
    #[arg(long, default_value_t = 4_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// How many processes open and close them.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=16))]
    children: u32,
    /// How many connections are held open meanwhile.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=400))]
    connections: u16,
    /// Count polls that fail and rows that are missing or doubled, but take them for no problem. For Wine: its table is
    /// made of the kernel's text, which is printed piece by piece while rows come and go.
    #[arg(long)]
    lenient: bool,
}

fn main() -> ExitCode {
    if churn::child() {
        return ExitCode::SUCCESS;
    }
    match soak(&Options::parse()) {
        Ok(problems) if problems.is_empty() => {
            println!("no problem");
            ExitCode::SUCCESS
        }
        Ok(problems) => {
            problems.iter().for_each(|problem| eprintln!("PROBLEM: {problem}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What went wrong; an error if the soak could not be set up.
fn soak(options: &Options) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let lasting = Lasting::open(options.connections)?;
    let time = Duration::from_secs(options.seconds);
    let churn = Churn::start(options.children, options.rate, time)?;
    let mut health = Health::begin(time);

    let end = AtomicBool::new(false);
    let start = Instant::now();
    let polled: Vec<Polled> = thread::scope(|scope| {
        let pollers = [
            scope.spawn(|| poll::tables::<BasicRow>(&lasting, options.lenient, &end)),
            scope.spawn(|| poll::tables::<OwnerPidRow>(&lasting, options.lenient, &end)),
            scope.spawn(|| poll::tables::<OffloadRow>(&lasting, options.lenient, &end)),
            scope.spawn(|| poll::tables::<OwnerModuleRow>(&lasting, options.lenient, &end)),
            scope.spawn(|| poll::changes(&lasting, options.lenient, &end)),
        ];
        while start.elapsed() < time && !pollers.iter().any(|poller| poller.is_finished()) {
            thread::sleep(Duration::from_millis(50));
            health.sample();
        }
        end.store(true, Ordering::Relaxed);
        // A panic is the worst of outcomes: it is handed on.
        pollers.map(|poller| poller.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).into()
    });
    let elapsed = start.elapsed().as_secs_f64();

    let (opened, mut problems) = churn.stop();
    println!("{opened} connections opened and closed, {:.0} a second", opened as f64 / elapsed);
    for one in polled {
        println!("{}", one.report(elapsed));
        problems.extend(one.problems);
    }
    println!("{health}");
    problems.extend(health.problems());
    Ok(problems)
}
