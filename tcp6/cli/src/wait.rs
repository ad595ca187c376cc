//! Waits between two polls of a command that writes to a pipe.

use std::io;
use std::time::{Duration, Instant};

/// Waits. Fails with [`io::ErrorKind::BrokenPipe`] as soon as the reader closes standard output.
#[cfg(unix)]
pub fn wait(interval: Duration) -> io::Result<()> {
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
pub fn wait(interval: Duration) -> io::Result<()> {
    let start = Instant::now();
    while let Some(rest) = interval.checked_sub(start.elapsed()).filter(|rest| !rest.is_zero()) {
        std::thread::sleep(rest);
    }
    Ok(())
}
