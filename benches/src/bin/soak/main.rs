//! Soak test: reads a table that changes constantly. Run it with `cargo xtask soak`.
//!
//! This process holds a set of connections open. Child processes open and close thousands of other connections per
//! second, half of them with a reset, half in order, so that they stay in TIME-WAIT. Meanwhile several threads read the
//! table, one for each row class and one with a watcher, each with its own `System`. The soak checks that
//!
//! * each table lists the sockets that are held open,
//! * no row is duplicated, in any state, and none is that of a socket that has closed,
//! * the watcher reports no socket as added twice, and none as removed that comes back,
//! * no poll fails or retries too often,
//! * memory and descriptors do not grow.
//!
//! The tables of Wine do not meet these conditions for any reader. `--lenient` counts their faults instead.
//!
//! With `--events`, a watcher with events must report each side of each connection once, added or brief.
//!
//! All sockets use the loopback address. The soak exits by itself.

mod brief;
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
use tcp6::{BasicRow, EventOptions, OffloadRow, OwnerModuleRow, OwnerPidRow};

use churn::Churn;
use health::Health;
use lasting::Lasting;
use poll::Polled;

/// Reads the table while connections are opened and closed, and checks each table.
#[derive(Parser)]
struct Options {
    /// Duration in seconds.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(4..=86_400))]
    seconds: u64,
    /// Connections opened and closed per second by all child processes together.
    #[arg(long, default_value_t = 4_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// Number of child processes that open and close connections.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=16))]
    children: u32,
    /// Number of connections that are held open during the soak.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=400))]
    connections: u16,
    /// Count failed polls and missing or duplicate rows instead of reporting them as problems.
    ///
    /// For Wine: it reads its table from a text file that the kernel writes piece by piece while sockets change.
    #[arg(long)]
    lenient: bool,
    /// Watch short connections instead: each must be reported once (Linux).
    #[arg(long)]
    events: bool,
    /// With --events: receive the events in a thread.
    #[arg(long)]
    thread: bool,
    /// With --events: milliseconds between two polls.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    interval: u64,
    /// With --events: the size of the receive buffer to request, in bytes.
    #[arg(long)]
    receive_buffer: Option<usize>,
}

impl Options {
    /// How the watcher of short connections receives events.
    fn of_events(&self) -> EventOptions {
        let options = EventOptions::new().thread(self.thread);
        self.receive_buffer.map_or(options.clone(), |bytes| options.receive_buffer(bytes))
    }
}

fn main() -> ExitCode {
    if churn::child() || brief::child() {
        return ExitCode::SUCCESS;
    }
    let options = Options::parse();
    let problems = if options.events { brief::soak(&options) } else { soak(&options) };
    match problems {
        Ok(problems) if problems.is_empty() => {
            println!("no problems found");
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

/// Runs the soak. Returns the problems, or an error if the setup fails.
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
        // A panic of a thread fails the soak.
        pollers.map(|poller| poller.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).into()
    });
    let elapsed = start.elapsed().as_secs_f64();

    let (opened, mut problems) = churn.stop();
    println!("{opened} connections opened and closed, {:.0} per second", opened as f64 / elapsed);
    for poller in polled {
        println!("{}", poller.report(elapsed));
        problems.extend(poller.problems);
    }
    println!("{health}");
    problems.extend(health.problems());
    Ok(problems)
}
