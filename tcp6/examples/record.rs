//! Records tables in a capture file: `cargo run --example record FILE [TABLES]`.
//!
//! Reads one table per second, 10 by default. The example `replay` plays the capture.

use std::fs::File;
use std::io::BufWriter;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use tcp6::{Buffer, OwnerPidRow, Query, Recorder, System};

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let Some(path) = args.next() else {
        eprintln!("usage: record FILE [TABLES]");
        return Ok(ExitCode::from(2));
    };
    let tables: u32 = args.next().map_or(Ok(10), |tables| tables.parse())?;

    let (mut system, mut buffer) = (System::new()?, Buffer::new());
    let mut recorder = Recorder::new(BufWriter::new(File::create(path)?))?;
    for i in 0..tables {
        if i > 0 {
            thread::sleep(Duration::from_secs(1));
        }
        let table = system.table::<OwnerPidRow>(&Query::all(), &mut buffer)?;
        recorder.record(table)?;
        println!("{} rows", table.len());
    }
    recorder.into_inner().into_inner()?.sync_all()?;
    Ok(ExitCode::SUCCESS)
}
