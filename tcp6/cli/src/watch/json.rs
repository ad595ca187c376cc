//! `tcp6 watch --json`: prints one change per line.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use tcp6::OwnerPidRow;

use crate::args::Watch;
use crate::json;
use crate::message::{Failure, report};

pub fn run(options: &Watch) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let mut watcher = super::watcher::<OwnerPidRow>(&options.select)?;
    if options.initial {
        watcher = watcher.report_initial();
    }
    let mut polls = 0;
    loop {
        match watcher.poll() {
            Ok(changes) => {
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

/// Waits. Fails with [`io::ErrorKind::BrokenPipe`] as soon as the reader closes standard output.
#[cfg(unix)]
fn wait(interval: Duration) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let deadline = Instant::now() + interval;
    loop {
        let remaining = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(remaining).map_err(io::Error::other)?;
        // With no flags requested, poll reports only POLLERR, POLLHUP and POLLNVAL.
        match poll(&mut [PollFd::from_borrowed_fd(rustix::stdio::stdout(), PollFlags::empty())], Some(&timeout)) {
            Ok(0) => return Ok(()),
            Ok(_) => return Err(io::ErrorKind::BrokenPipe.into()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits. Windows reports a closed pipe only when a program writes to it.
#[cfg(not(unix))]
fn wait(interval: Duration) -> io::Result<()> {
    let start = Instant::now();
    while let Some(rest) = interval.checked_sub(start.elapsed()).filter(|rest| !rest.is_zero()) {
        std::thread::sleep(rest);
    }
    Ok(())
}
