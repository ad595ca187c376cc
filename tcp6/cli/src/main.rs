//! The command `tcp6`: lists and watches the IPv6 TCP listeners and connections of this machine, and prints counters.
//!
//! `args` parses the command line. `list`, `watch`, `top` and `stats` implement the commands, and `live` is what the two
//! live views share. `escape` defines which characters are escaped in all output. `message` defines the errors and the exit
//! status.

mod args;
mod columns;
mod counters;
mod escape;
mod json;
mod list;
mod live;
mod message;
mod netns;
mod owner;
mod stats;
mod terminal;
mod top;
mod units;
mod wait;
mod watch;

use std::io::{self, Write};
use std::process::ExitCode;

use crate::args::Command;
use crate::message::Failure;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.exit_code(),
    }
}

fn run() -> Result<(), Failure> {
    match args::parse(std::env::args_os().skip(1)).map_err(Failure::Usage)? {
        Command::Print(text) => Ok(writeln!(io::stdout().lock(), "{}", text.trim_end())?),
        Command::List(options) => list::run(&options),
        Command::Watch(options) => watch::run(&options),
        Command::Stats(options) => stats::run(&options),
        Command::Top(options) => top::run(&options),
    }
}
