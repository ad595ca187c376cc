//! `tcp6 watch --json`: prints one change or short connection per line.

use std::io::{self, Write};

use tcp6::OwnerPidRow;

use crate::args::Watch;
use crate::json;
use crate::message::{Failure, report};
use crate::wait::wait;

pub fn run(options: &Watch) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let (mut watcher, no_events) = super::watcher::<OwnerPidRow>(options)?;
    if let Some(reason) = no_events {
        report(&reason);
    }
    if options.initial {
        watcher = watcher.report_initial();
    }
    let mut polls = 0;
    loop {
        match watcher.poll() {
            Ok(changes) => {
                if changes.missed() > 0 {
                    report(&format!("{} events were lost: short connections may be missing", changes.missed()));
                }
                for brief in changes.brief() {
                    json::write_line(&mut out, brief)?;
                    out.flush()?;
                }
                for change in changes {
                    json::write_line(&mut out, &change)?;
                    out.flush()?;
                }
            }
            Err(error) if polls == 0 => return Err(error.into()),
            Err(error) => report(&error),
        }
        polls += 1;
        if options.count.is_some_and(|count| polls >= count) {
            return Ok(());
        }
        wait(options.interval)?;
    }
}
