//! `tcp6 watch --json`: one change a line.

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
        watcher = watcher.with_initial();
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

/// Waits, and fails with [`io::ErrorKind::BrokenPipe`] as soon as nobody can read standard output any more.
#[cfg(unix)]
fn wait(interval: Duration) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let deadline = Instant::now() + interval;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
        // Without flags, only errors and the end of the reader are reported.
        match poll(&mut [PollFd::from_borrowed_fd(rustix::stdio::stdout(), PollFlags::empty())], Some(&timeout)) {
            Ok(0) => return Ok(()),
            Ok(_) => return Err(io::ErrorKind::BrokenPipe.into()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits. Windows reports the end of a reader only to a write.
#[cfg(not(unix))]
fn wait(interval: Duration) -> io::Result<()> {
    let start = Instant::now();
    while let Some(left) = interval.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) {
        std::thread::sleep(left);
    }
    Ok(())
}
