//! `--json`: one change a line.

use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::thread;

use tcp6::Change;

use super::{Options, Shown};

pub fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    match watch(options, &mut io::stdout().lock()) {
        // Who reads has seen enough.
        Err(Failure::Output(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(Failure::Output(error)) => Err(error.into()),
        Err(Failure::Table(error)) => Err(error.into()),
        Ok(()) => Ok(()),
    }
}

/// What ends the program. Only of the output can it be that the reader has closed.
enum Failure {
    Table(tcp6::Error),
    Output(io::Error),
}

fn watch(options: &Options, out: &mut impl Write) -> Result<(), Failure> {
    let mut watcher = options.watcher().map_err(Failure::Table)?;
    if options.initial {
        watcher = watcher.with_initial();
    }
    let mut polls = 0;
    loop {
        match watcher.poll() {
            Ok(mut changes) => changes.try_for_each(|change| print(out, change)).map_err(Failure::Output)?,
            Err(error) if polls == 0 => return Err(Failure::Table(error)),
            Err(error) => eprintln!("watch: {error}"),
        }
        polls += 1;
        if options.count.is_some_and(|count| polls >= count) {
            return Ok(());
        }
        thread::sleep(options.interval());
    }
}

fn print(out: &mut impl Write, change: Change<&Shown>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &change)?;
    writeln!(out)?;
    out.flush()
}
