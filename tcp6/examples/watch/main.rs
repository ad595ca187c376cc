//! What changes in the IPv6 TCP table of this machine: a live view in the terminal, or one change a line for programs.
//!
//! `json` and `live` are the two ways to run. `live` has the terminal and the clock, and moves on a view (`view`, over
//! its `rows`) that knows of neither; `keys` says what a key means, `owner` whose rows they are, and `screen` draws the
//! view.

mod json;
mod keys;
mod live;
mod owner;
mod rows;
mod screen;
mod view;

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, value_parser};
use tcp6::{OwnerPidRow, StateSet, System, Watcher};

/// The class of row that is watched.
type Shown = OwnerPidRow;

/// Watch the IPv6 TCP listeners and connections of this machine come, change and go
///
/// In a terminal this is a live view; press h for its keys. With --json, each change is a line of JSON on standard
/// output, flushed at once:
///
/// {"change": "added", "row": {...}}, {"change": "removed", "row": {...}},
/// {"change": "changed", "before": {...}, "after": {...}}
///
/// Each row says whose socket it is. The view gives process id and name, sorts by them and searches them; a line has
/// "owner": {"pid": 1234} and no name, as the process of a row that is removed has mostly gone, too. Other owners are
/// nobody, kernel and unresolved, which is one that this user may not know.
///
/// What is there at the first poll is the baseline. If that poll fails, the program ends with status 1; a later one
/// that fails is shown in the view's last line, or written to standard error, and the next one is compared with the
/// last that worked. When the reader closes its end, the program ends at the next line that it would write, with
/// status 0.
#[derive(Parser)]
struct Options {
    /// Print one change a line
    #[arg(long)]
    json: bool,

    /// The time between polls, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 1000, value_parser = value_parser!(u64).range(1..=86_400_000))]
    interval: u64,

    /// End after so many polls, the first and those that fail included
    #[arg(long, value_name = "N", requires = "json", value_parser = value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// Print what is there at the first poll as added
    #[arg(long, requires = "json")]
    initial: bool,

    /// Only rows that are or were in these states, by the names that are printed, with commas
    #[arg(long, value_name = "STATE,...")]
    state: Option<StateSet>,

    /// Only rows with this port at either end
    #[arg(long, value_name = "N")]
    port: Option<u16>,
}

impl Options {
    fn interval(&self) -> Duration {
        Duration::from_millis(self.interval)
    }

    fn states(&self) -> StateSet {
        self.state.unwrap_or(StateSet::all())
    }

    fn watcher(&self) -> tcp6::Result<Watcher<Shown, System>> {
        let watcher = Watcher::new(System::new()?).only_states(self.states());
        Ok(match self.port {
            Some(port) => watcher.only_port(port),
            None => watcher,
        })
    }
}

fn main() -> ExitCode {
    // Bad usage ends here, with status 2.
    let options = Options::parse();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("watch: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    if options.json {
        return json::run(options);
    }
    if !io::stdout().is_terminal() {
        return Err("standard output is no terminal; --json prints one change a line".into());
    }
    live::run(options)
}
