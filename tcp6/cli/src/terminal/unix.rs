//! Terminals on Unix: modes, signals, reads and writes, none of which blocks.

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

/// Signals that end a program, and that others send. The terminal is restored before they do.
const ENDING: [i32; 10] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGPROF, SIGXCPU];

/// How long the restoring sequence may take to write. A terminal that is stopped does not hold up the end.
const RESTORE_TIMEOUT: Duration = Duration::from_millis(200);

/// The settings to restore.
static TAKEN: Mutex<Option<Taken>> = Mutex::new(None);

struct Taken {
    tty: OwnedFd,
    modes: Termios,
}

#[derive(Debug)]
pub struct Device {
    /// Opened anew without blocking, so that no other program's descriptor changes.
    tty: OwnedFd,
    signals: SignalDelivery<UnixStream, SignalOnly>,
    decoder: Decoder,
    keys: VecDeque<Key>,
    /// Whether SIGHUP ends the program.
    obeys_hangup: bool,
    /// A signal came while a frame was written.
    is_stale: bool,
}

impl Device {
    pub fn open() -> io::Result<Device> {
        let tty = open_tty()?;
        let (read, write) = UnixStream::pair()?;
        let ignored = ignored_signals();
        let is_ignored = |signal: i32| ignored & (1 << (signal - 1)) != 0;
        // A signal that the parent has set to be ignored (nohup) stays ignored.
        let obeyed = ENDING.into_iter().chain([SIGTSTP]).filter(|signal| !is_ignored(*signal));
        let signals = SignalDelivery::with_pipe(read, write, SignalOnly, obeyed.chain([SIGCONT, SIGWINCH]))?;
        let mut device = Device {
            tty,
            signals,
            decoder: Decoder::default(),
            keys: VecDeque::new(),
            obeys_hangup: !is_ignored(SIGHUP),
            is_stale: false,
        };
        device.enter()?;
        Ok(device)
    }

    /// Changes the modes and shows the other screen.
    fn enter(&mut self) -> io::Result<()> {
        let modes = tcgetattr(&self.tty)?;
        let mut raw = modes.clone();
        raw.make_raw();
        // Control-C, Control-\ and Control-Z stay signals, for the whole process group.
        raw.local_modes |= LocalModes::ISIG;
        {
            let mut taken = lock();
            if taken.is_none() {
                *taken = Some(Taken { tty: self.tty.try_clone()?, modes });
            }
        }
        tcsetattr(&self.tty, OptionalActions::Now, &raw)?;
        self.write(ENTER.as_bytes())
    }

    /// Writes all of it, and obeys signals while the terminal does not take it.
    pub fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match rustix::io::write(&self.tty, bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    let mut ready =
                        [PollFd::new(&self.tty, PollFlags::OUT), PollFd::new(self.signals.get_read(), PollFlags::IN)];
                    wait(&mut ready, None)?;
                    if !ready[1].revents().is_empty() && self.obey_signals()? {
                        self.is_stale = true;
                    }
                }
                Err(Errno::IO | Errno::NXIO) => return Err(self.lost()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Waits for a key or for something to redraw for.
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
            if !signals.is_empty() && self.obey_signals()? {
                return Ok(Some(Event::Redraw));
            }
            if !tty.is_empty() {
                self.read(tty)?;
            }
        }
    }

    /// Reads the bytes that are available, and fails if the terminal is gone.
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

    /// The error for a terminal that is gone. The SIGHUP that the kernel sends then may come later than the end of input:
    /// unless it is ignored, it ends the program in both cases.
    fn lost(&self) -> io::Error {
        if self.obeys_hangup {
            restore();
            if let Err(error) = emulate_default_handler(SIGHUP) {
                return error;
            }
        }
        io::Error::new(io::ErrorKind::UnexpectedEof, "the terminal is gone")
    }

    /// Does what the signals ask for. Reports whether the screen has to be drawn anew.
    fn obey_signals(&mut self) -> io::Result<bool> {
        let signals: Vec<i32> = self.signals.pending().collect();
        if let Some(ending) = signals.iter().find(|signal| ENDING.contains(signal)) {
            restore();
            // The parent sees the signal: a shell reports 128 + its number.
            emulate_default_handler(*ending)?;
        }
        if signals.contains(&SIGTSTP) && can_stop() {
            restore();
            raise(SIGSTOP)?;
            self.enter()?;
        } else if signals.contains(&SIGCONT) {
            // After SIGSTOP, which no program sees. The shell may have changed the modes meanwhile.
            self.enter()?;
        }
        Ok(!signals.is_empty())
    }
}

/// Leaves the other screen and sets the modes that were found. Does nothing if that has been done.
pub fn restore() {
    let Some(Taken { tty, modes }) = lock().take() else { return };
    // None of this can be helped if it fails: the terminal is gone.
    let _ = leave(&tty);
    let _ = tcsetattr(&tty, OptionalActions::Now, &modes);
}

fn leave(tty: &OwnedFd) -> io::Result<()> {
    let mut rest = LEAVE.as_bytes();
    let deadline = Instant::now() + RESTORE_TIMEOUT;
    while !rest.is_empty() {
        match rustix::io::write(tty, rest) {
            Ok(written) => rest = &rest[written..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) if Instant::now() < deadline => {
                // What the terminal has not taken of the last frame gives way.
                tcflush(tty, QueueSelector::OFlush)?;
                wait(&mut [PollFd::new(tty, PollFlags::OUT)], Some(deadline))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn lock() -> std::sync::MutexGuard<'static, Option<Taken>> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The terminal of standard output by its name, or, where it has none (in some containers), as it was inherited.
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

/// Waits until a descriptor is ready or the deadline has passed. Reports how many are ready.
fn wait(ready: &mut [PollFd<'_>], deadline: Option<Instant>) -> io::Result<usize> {
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        match poll(ready, left.as_ref()) {
            Err(Errno::INTR) => {}
            done => return Ok(done?),
        }
    }
}

/// The signals that are ignored, bit n - 1 for signal n. Only Linux reports them without unsafe code.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Whether somebody can continue this process: the kernel stops no process group of a session leader either.
fn can_stop() -> bool {
    getsid(None).is_ok_and(|session| session != getpgrp())
}
