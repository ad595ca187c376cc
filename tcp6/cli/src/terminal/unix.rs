//! Terminals on Unix: modes, signals, and non-blocking reads and writes.

use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{ffi::OsStr, fs};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::{getpgrp, getsid};
use rustix::stdio::stdout;
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcgetwinsize, tcsetattr, ttyname,
};
use signal_hook::consts::{
    SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGSTOP, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2, SIGVTALRM,
    SIGWINCH, SIGXCPU,
};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;
use signal_hook::low_level::{emulate_default_handler, raise};

use super::decoder::Decoder;
use super::key::Key;
use super::{ENTER, Event, LEAVE};

/// Signals from outside that terminate a process by default. Each first restores the terminal.
const ENDING: [i32; 10] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGPROF, SIGXCPU];

/// The time limit for writing the restore sequence. A stopped terminal must not delay the exit.
const RESTORE_TIMEOUT: Duration = Duration::from_millis(200);

/// The terminal to restore; `None` if it is in its original state.
static SAVED: Mutex<Option<Saved>> = Mutex::new(None);

struct Saved {
    tty: OwnedFd,
    modes: Termios,
}

/// The terminal of standard output, with the signals that the view handles.
#[derive(Debug)]
pub struct Device {
    /// Opened again with O_NONBLOCK.
    ///
    /// Setting O_NONBLOCK on standard output would affect other programs that share its open file description.
    tty: OwnedFd,
    signals: SignalDelivery<UnixStream, SignalOnly>,
    decoder: Decoder,
    keys: VecDeque<Key>,
    /// Whether SIGHUP terminates the program, that is, was not ignored at the start.
    hangup_terminates: bool,
    /// A signal arrived while a frame was written, so the frame must be drawn again.
    is_stale: bool,
}

impl Device {
    pub fn open() -> io::Result<Device> {
        let tty = open_tty()?;
        let (read, write) = UnixStream::pair()?;
        let ignored = ignored_signals();
        let is_ignored = |signal: i32| ignored & (1 << (signal - 1)) != 0;
        // A signal that the parent process ignores (nohup) stays ignored.
        let handled = ENDING.into_iter().chain([SIGTSTP]).filter(|signal| !is_ignored(*signal));
        let signals = SignalDelivery::with_pipe(read, write, SignalOnly, handled.chain([SIGCONT, SIGWINCH]))?;
        let mut device = Device {
            tty,
            signals,
            decoder: Decoder::default(),
            keys: VecDeque::new(),
            hangup_terminates: !is_ignored(SIGHUP),
            is_stale: false,
        };
        device.enter()?;
        Ok(device)
    }

    /// Enters raw mode and the alternate screen.
    fn enter(&mut self) -> io::Result<()> {
        let modes = tcgetattr(&self.tty)?;
        let mut raw = modes.clone();
        raw.make_raw();
        // Ctrl-C, Ctrl-\ and Ctrl-Z still send signals to the whole process group.
        raw.local_modes |= LocalModes::ISIG;
        {
            let mut saved = lock();
            if saved.is_none() {
                *saved = Some(Saved { tty: self.tty.try_clone()?, modes });
            }
        }
        tcsetattr(&self.tty, OptionalActions::Now, &raw)?;
        self.write(ENTER.as_bytes())
    }

    /// Writes all bytes. Handles signals while the terminal is not writable.
    pub fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match rustix::io::write(&self.tty, bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    let mut ready =
                        [PollFd::new(&self.tty, PollFlags::OUT), PollFd::new(self.signals.get_read(), PollFlags::IN)];
                    wait(&mut ready, None)?;
                    if !ready[1].revents().is_empty() && self.handle_signals()? {
                        self.is_stale = true;
                    }
                }
                Err(Errno::IO | Errno::NXIO) => return Err(self.lost()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Waits for a key or a reason to redraw. Returns `None` after `timeout`.
    pub fn next(&mut self, timeout: Duration) -> io::Result<Option<Event>> {
        if std::mem::take(&mut self.is_stale) {
            return Ok(Some(Event::Redraw));
        }
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(key) = self.keys.pop_front() {
                return Ok(Some(Event::Key(key)));
            }
            let mut ready =
                [PollFd::new(&self.tty, PollFlags::IN), PollFd::new(self.signals.get_read(), PollFlags::IN)];
            if wait(&mut ready, Some(deadline))? == 0 {
                return Ok(None);
            }
            let (tty, signals) = (ready[0].revents(), ready[1].revents());
            if !signals.is_empty() && self.handle_signals()? {
                return Ok(Some(Event::Redraw));
            }
            if !tty.is_empty() {
                self.read(tty)?;
            }
        }
    }

    /// Reads the available bytes. Fails if the terminal was closed.
    fn read(&mut self, ready: PollFlags) -> io::Result<()> {
        let mut bytes = [0; 1024];
        match rustix::io::read(&self.tty, &mut bytes) {
            Ok(0) | Err(Errno::IO | Errno::NXIO) => Err(self.lost()),
            Ok(length) => {
                self.decoder.decode(&bytes[..length], &mut self.keys);
                Ok(())
            }
            Err(Errno::AGAIN) if ready.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) => {
                Err(self.lost())
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Handles a closed terminal: terminates the program as by SIGHUP, unless SIGHUP is ignored.
    ///
    /// If SIGHUP is ignored, returns the error to report. The kernel sends SIGHUP when the terminal is closed, but the
    /// program may see the end of input first.
    fn lost(&self) -> io::Error {
        if self.hangup_terminates {
            restore();
            if let Err(error) = emulate_default_handler(SIGHUP) {
                return error;
            }
        }
        io::Error::new(io::ErrorKind::UnexpectedEof, "the terminal was closed")
    }

    /// Handles pending signals. Returns whether the screen must be drawn again.
    fn handle_signals(&mut self) -> io::Result<bool> {
        let signals: Vec<i32> = self.signals.pending().collect();
        if let Some(ending) = signals.iter().find(|signal| ENDING.contains(signal)) {
            restore();
            // So that the wait status reports the signal: a shell shows 128 + its number.
            emulate_default_handler(*ending)?;
        }
        if signals.contains(&SIGTSTP) && can_stop() {
            restore();
            raise(SIGSTOP)?;
            self.enter()?;
        } else if signals.contains(&SIGCONT) {
            // SIGSTOP, which cannot be caught, stopped the process. The shell may have changed the modes.
            self.enter()?;
        }
        Ok(!signals.is_empty())
    }
}

/// Leaves the alternate screen and restores the original modes. Repeated calls do nothing.
pub fn restore() {
    let Some(Saved { tty, modes }) = lock().take() else { return };
    // Errors are ignored: the terminal may have been closed.
    let _ = leave(&tty);
    let _ = tcsetattr(&tty, OptionalActions::Now, &modes);
}

/// Writes [`LEAVE`], for at most [`RESTORE_TIMEOUT`].
fn leave(tty: &OwnedFd) -> io::Result<()> {
    let mut rest = LEAVE.as_bytes();
    let deadline = Instant::now() + RESTORE_TIMEOUT;
    while !rest.is_empty() {
        match rustix::io::write(tty, rest) {
            Ok(written) => rest = &rest[written..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) if Instant::now() < deadline => {
                // Discards the part of the last frame that the terminal has not accepted.
                tcflush(tty, QueueSelector::OFlush)?;
                wait(&mut [PollFd::new(tty, PollFlags::OUT)], Some(deadline))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn lock() -> std::sync::MutexGuard<'static, Option<Saved>> {
    SAVED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens the terminal of standard output by name.
///
/// Duplicates the descriptor of standard output if the terminal has no name (in some containers) or cannot be opened.
fn open_tty() -> io::Result<OwnedFd> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let open = |name: &Path| OpenOptions::new().read(true).write(true).custom_flags(flags.bits() as i32).open(name);
    let named = ttyname(stdout(), Vec::new()).ok();
    match named.and_then(|name| open(Path::new(OsStr::from_bytes(name.to_bytes()))).ok()) {
        Some(file) => Ok(file.into()),
        None => stdout().as_fd().try_clone_to_owned(),
    }
}

pub fn size() -> Option<(u16, u16)> {
    let size = tcgetwinsize(stdout()).ok()?;
    Some((size.ws_col, size.ws_row))
}

/// Waits for a descriptor or the deadline. Returns the number of ready descriptors.
fn wait(ready: &mut [PollFd<'_>], deadline: Option<Instant>) -> io::Result<usize> {
    loop {
        let timeout = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        match poll(ready, timeout.as_ref()) {
            Err(Errno::INTR) => {}
            result => return Ok(result?),
        }
    }
}

/// The mask of ignored signals: bit n - 1 for signal n.
///
/// Read from `/proc/self/status`, because `sigaction` would need unsafe code. Empty on systems other than Linux.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Whether the process may stop itself.
///
/// False in the process group of the session leader, which no shell could continue. The kernel does not stop that group
/// on SIGTSTP either.
fn can_stop() -> bool {
    getsid(None).is_ok_and(|session| session != getpgrp())
}
