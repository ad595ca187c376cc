//! Plays a capture of the example `record`: `cargo run --example replay FILE`.
//!
//! A capture can be played on any system.

use std::fs::File;
use std::process::ExitCode;

use tcp6::{Change, Error, OwnerPidRow, Replay, Watcher};

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: replay FILE");
        return Ok(ExitCode::from(2));
    };
    let replay = Replay::from_reader(File::open(path)?)?;
    // A replay is a source of tables, like `System`.
    let mut watcher = Watcher::<OwnerPidRow, _>::new(replay).report_initial();
    for poll in 1.. {
        match watcher.poll() {
            Ok(changes) => {
                println!("table {poll}:");
                for change in changes {
                    let sign = match change {
                        Change::Added(_) => '+',
                        Change::Removed(_) => '-',
                        Change::Changed { .. } => '~',
                    };
                    let row = change.row();
                    println!("{sign} {} {} {:?}", row.state(), row.local(), row.remote());
                }
            }
            Err(Error::EndOfReplay) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(ExitCode::SUCCESS)
}
