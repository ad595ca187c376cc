//! `tcp6 stats`: prints the counters of the TCP stack, or what they gain in each interval.
//!
//! `names` lists the values with their units and meanings. `text` formats them, `json` serializes them.

mod json;
mod names;
mod text;

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use tcp6::{Statistics, System};

use crate::args::Stats;
use crate::message::{Failure, report};
use crate::terminal;
use crate::wait::wait;

pub fn run(options: &Stats) -> Result<(), Failure> {
    let mut system = System::new()?;
    let mut out = io::stdout().lock();
    let first = system.statistics()?;
    match options.interval {
        Some(interval) => repeat(options, interval, system, first, &mut out),
        None if options.json => Ok(crate::json::write_line(&mut out, &first)?),
        None => Ok(out.write_all(text::values(&first, max_width()).as_bytes())?),
    }
}

/// Prints what each reading gains, compared with the last successful one.
fn repeat(
    options: &Stats,
    interval: Duration,
    mut system: System,
    mut last: Statistics,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut readings = 0;
    while options.count.is_none_or(|count| readings < count) {
        wait(interval)?;
        readings += 1;
        match system.statistics() {
            Ok(now) => {
                let delta = now.since(&last);
                if options.json {
                    crate::json::write_line(out, &json::Reading::new(&now, &delta))?;
                } else {
                    let gap = if readings > 1 { "\n" } else { "" };
                    write!(out, "{gap}{}", text::changes(&now, &delta, max_width()))?;
                }
                out.flush()?;
                last = now;
            }
            Err(error) => report(&error),
        }
    }
    Ok(())
}

/// The width to which lines are truncated. It can change while the program runs.
fn max_width() -> Option<usize> {
    io::stdout().is_terminal().then(|| terminal::size().0.into())
}
