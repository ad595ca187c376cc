//! Load generator: holds connections on the loopback open for a given time, in child processes.
//!
//! `cargo run --release -p benches --bin load -- --connections 9000 --seconds 60` makes a table of about 18,000 rows.

use std::process::{Command, ExitCode};
use std::time::Duration;
use std::{env, thread};

use benches::load::{self, Load};
use clap::Parser;

/// Holds IPv6 connections on the loopback open.
#[derive(Parser)]
struct Options {
    /// Number of connections.
    ///
    /// Each makes two rows; every 1,500 connections make a listener and a child process.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    connections: u32,
    /// Duration in seconds.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
}

fn main() -> ExitCode {
    if load::child() {
        return ExitCode::SUCCESS;
    }
    let options = Options::parse();
    let program = || env::current_exe().map_or_else(|_| Command::new("load"), Command::new);
    match Load::open(options.connections as usize, program) {
        Ok(_load) => {
            println!("{} connections are open for {} s", options.connections, options.seconds);
            thread::sleep(Duration::from_secs(options.seconds));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
