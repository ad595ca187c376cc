//! Runs a program in a pseudo-terminal. A terminal emulator interprets its output.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

/// The time limit of every wait, generous for a busy machine.
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// A program in a pseudo-terminal.
pub struct Session {
    /// `None` after [`hang_up`](Session::hang_up).
    master: Option<OwnedFd>,
    /// Kept open, so that the modes can be read after the program has exited.
    pub slave: OwnedFd,
    pub child: Child,
    pub emulator: vt100::Parser,
    /// The terminal modes before the program was started.
    initial: Termios,
}

impl Session {
    /// Runs a command in a new session with a new terminal, which reports this size.
    ///
    /// If `columns` is 0, the emulator has 80 columns and 24 rows.
    pub fn start(columns: u16, rows: u16, command: &[&str]) -> Session {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::NOCTTY.bits() as i32;
        let name = OsStr::from_bytes(name.to_bytes());
        let slave: OwnedFd = OpenOptions::new().read(true).write(true).custom_flags(flags).open(name).unwrap().into();
        tcsetwinsize(&slave, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let initial = tcgetattr(&slave).unwrap();
        // setsid (util-linux) makes the terminal the controlling terminal and executes the command. env (coreutils)
        // resets signals that the tests inherited as ignored, for example from nohup.
        let child = Command::new("setsid")
            .args(["--ctty", "env", "--default-signal"])
            .args(command)
            .env("TERM", "xterm-256color")
            .env("RUST_BACKTRACE", "0")
            .stdin(slave.try_clone().unwrap())
            .stdout(slave.try_clone().unwrap())
            .stderr(slave.try_clone().unwrap())
            .spawn()
            .expect("setsid is part of util-linux");
        let (columns, rows) = if columns == 0 { (80, 24) } else { (columns, rows) };
        Session { master: Some(master), slave, child, emulator: vt100::Parser::new(rows, columns, 0), initial }
    }

    /// The text on the screen.
    pub fn screen(&self) -> String {
        self.emulator.screen().contents()
    }

    pub fn type_keys(&self, keys: &str) {
        let master = self.master.as_ref().unwrap();
        assert_eq!(rustix::io::write(master, keys.as_bytes()).unwrap(), keys.len());
    }

    pub fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Closes the terminal, like a lost connection.
    pub fn hang_up(&mut self) {
        self.master = None;
    }

    /// Reads output until a condition holds for the screen.
    ///
    /// # Panics
    ///
    /// Panics after [`TIMEOUT`]; `what` names the condition in the message.
    pub fn until(&mut self, what: &str, mut holds: impl FnMut(&vt100::Screen) -> bool) {
        let start = Instant::now();
        while !holds(self.emulator.screen()) {
            let screen = self.screen();
            assert!(start.elapsed() < TIMEOUT, "{what}: timed out after {TIMEOUT:?}:\n{screen}");
            self.read(Duration::from_millis(20));
        }
    }

    /// Reads all output until the program exits.
    ///
    /// # Panics
    ///
    /// Panics after [`TIMEOUT`].
    pub fn wait(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            let status = self.child.try_wait().unwrap();
            while self.master.is_some() && self.read(Duration::ZERO) {}
            if let Some(status) = status {
                return status;
            }
            assert!(start.elapsed() < TIMEOUT, "the program did not exit within {TIMEOUT:?}:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Reads once, waiting for at most `timeout`. Returns whether there was output.
    fn read(&mut self, timeout: Duration) -> bool {
        let master = self.master.as_ref().unwrap();
        let timeout = Timespec::try_from(timeout).unwrap();
        if poll(&mut [PollFd::new(master, PollFlags::IN)], Some(&timeout)).unwrap() == 0 {
            return false;
        }
        let mut bytes = [0; 4096];
        match rustix::io::read(master, &mut bytes).map_err(io::Error::from) {
            Ok(length) => self.emulator.process(&bytes[..length]),
            Err(error) => panic!("{error}"),
        }
        true
    }

    /// Whether the terminal modes are the same as before the program was started.
    pub fn has_initial_modes(&self) -> bool {
        let modes = tcgetattr(&self.slave).unwrap();
        let key = |modes: &Termios| (modes.input_modes, modes.output_modes, modes.control_modes, modes.local_modes);
        key(&modes) == key(&self.initial)
    }

    /// Asserts that the modes, the normal screen and the cursor are restored.
    pub fn assert_restored(&self, what: &str) {
        let screen = self.emulator.screen();
        assert!(self.has_initial_modes(), "{what}: the modes are not restored");
        assert!(!screen.alternate_screen(), "{what}: the alternate screen is still shown");
        assert!(!screen.hide_cursor(), "{what}: the cursor is still hidden");
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Still running only if an assertion failed.
        if matches!(self.child.try_wait(), Ok(None)) {
            // setsid made it the leader of a process group.
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            let _ = self.child.wait();
        }
    }
}
