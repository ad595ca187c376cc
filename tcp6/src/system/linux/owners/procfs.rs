//! Reads descriptors from `/proc`. See [proc(5)](https://man7.org/linux/man-pages/man5/proc.5.html).

mod dir;
mod fd_dir;
#[cfg(test)]
mod tests;

use core::cmp::Ordering;
use core::mem::MaybeUninit;
use std::ffi::CStr;
use std::io;
use std::str;

use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use rustix::fs::{AtFlags, Mode, OFlags, PROC_SUPER_MAGIC, fstat, fstatfs, openat, readlinkat_raw, statat};
use rustix::io::{Errno, pread, read};
use rustix::process::{getegid, geteuid};
use rustix::thread::{CapabilitySet, capabilities};

use self::dir::{Path, each_name, number};
use self::fd_dir::{Rest, count_up, link, link_except, list_from};
use super::fd_source::{Access, Activity, CpuTime, FdRange, FdSource, FdSummary, Link, Scan};
use super::syscalls;
use crate::system::linux::pid_stat;

/// Which processes are seen, with which rights, and what the kernel reports of them.
///
/// What is read with one view holds for another that is equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::system::linux) struct View {
    /// The device of `/proc`. Each pid namespace, and since Linux 5.8 each mount, has its own.
    device: Option<u64>,
    own_pid: Option<u32>,
    /// The effective user and group of the thread.
    ids: (u32, u32),
    /// The effective capabilities of the thread. `None` if a sandbox refuses to report them.
    capabilities: Option<CapabilitySet>,
    has_counts: bool,
    has_cpu_times: bool,
    has_loadavg: bool,
}

/// The processes that `/proc` shows to this process.
#[derive(Debug)]
pub(in crate::system::linux) struct Proc {
    /// `/proc`, if it is mounted.
    root: Option<OwnedFd>,
    /// `/proc/loadavg`, if the kernel provides it.
    loadavg: Option<OwnedFd>,
    /// The pid of this process in `/proc`.
    own_pid: Option<u32>,
    /// Whether the kernel reports the number of descriptors of a process (Linux 6.2 and later).
    has_counts: bool,
    /// Whether system calls take the pids of `/proc` and the kernel counts CPU times in
    /// nanoseconds.
    has_cpu_times: bool,
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const FILE: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC);

/// A unit of CPU times that is too coarse: 1 ms, in nanoseconds.
///
/// CPU times are not used if that of this process is a multiple of it, because it is not counted in nanoseconds then.
const COARSE_UNIT: u64 = 1_000_000;

/// The maximum number of processes to sample for a count if this process is not in `/proc`.
const MAX_SAMPLES: usize = 64;

impl Proc {
    /// Opens `/proc`.
    ///
    /// A machine without `/proc` has no processes and no owners.
    ///
    /// # Errors
    ///
    /// Failures other than ENOENT, ENOTDIR, EACCES and EPERM, such as EMFILE.
    pub(in crate::system::linux) fn open() -> Result<Proc, Errno> {
        let root = match openat(rustix::fs::CWD, c"/proc", DIRECTORY, Mode::empty()) {
            Ok(root) => Some(root),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS | Errno::PERM) => None,
            Err(errno) => return Err(errno),
        };
        let mut proc = Proc { root, loadavg: None, own_pid: None, has_counts: false, has_cpu_times: false };
        proc.own_pid = proc.read_own_pid();
        proc.has_counts = proc.detect_counts();
        proc.has_cpu_times = proc.detect_cpu_times();
        if proc.has_cpu_times {
            proc.loadavg = match proc.root().and_then(|root| openat(root, c"loadavg", FILE, Mode::empty())) {
                Ok(file) => is_on_proc(&file).then_some(file),
                Err(errno @ (Errno::MFILE | Errno::NFILE)) => return Err(errno),
                Err(_) => None,
            };
        }
        Ok(proc)
    }

    /// What the calling thread sees of processes.
    pub(in crate::system::linux) fn view(&self) -> View {
        View {
            device: self.root().and_then(fstat).ok().map(|root| root.st_dev),
            own_pid: self.own_pid,
            ids: (geteuid().as_raw(), getegid().as_raw()),
            capabilities: capabilities(None).ok().map(|sets| sets.effective),
            has_counts: self.has_counts,
            has_cpu_times: self.has_cpu_times,
            has_loadavg: self.loadavg.is_some(),
        }
    }

    /// The time at which this process started. `None` if `/proc` does not show it.
    pub(in crate::system::linux) fn own_start_time(&self) -> Option<u64> {
        self.start_time(self.own_pid?)
    }

    fn root(&self) -> Result<&OwnedFd, Errno> {
        self.root.as_ref().ok_or(Errno::NOENT)
    }

    fn read_own_pid(&self) -> Option<u32> {
        let mut name = [MaybeUninit::uninit(); 16];
        let (name, _) = readlinkat_raw(self.root().ok()?, c"self", &mut name).ok()?;
        str::from_utf8(name).ok()?.parse().ok()
    }

    /// Whether the kernel reports the number of descriptors of a process.
    ///
    /// Samples this process, or up to [`MAX_SAMPLES`] others if it is not in `/proc`.
    fn detect_counts(&self) -> bool {
        let mut pids = Vec::new();
        match self.own_pid {
            Some(own_pid) => pids.push(own_pid),
            // If listing fails, the processes listed before the failure are sampled.
            None => drop(self.pids(&mut pids)),
        }
        pids.iter().take(MAX_SAMPLES).any(|pid| self.stat(*pid).is_ok_and(|stat| stat.st_size > 0))
    }

    /// Whether CPU times can be used.
    ///
    /// `/proc` must show the pid namespace of this process, whose pids system calls take, and a sandbox must not answer
    /// in the kernel's place.
    fn detect_cpu_times(&self) -> bool {
        let own_pid = std::process::id();
        let is_genuine = self.root().is_ok_and(is_on_proc);
        is_genuine
            && self.own_pid == Some(own_pid)
            && self.has_one_pid()
            && syscalls::process_cpu_time(own_pid).is_ok_and(|time| time % COARSE_UNIT != 0)
    }

    /// Whether this process has one pid only.
    ///
    /// The line NSpid lists the pids in the namespace of `/proc` and in all below.
    fn has_one_pid(&self) -> bool {
        let mut status = [0; 4096];
        let length = self.read_file(c"self/status", &mut status).unwrap_or(0);
        let line = status[..length].split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"NSpid:"));
        line.is_some_and(|pids| pids.split(u8::is_ascii_whitespace).filter(|pid| !pid.is_empty()).count() == 1)
    }

    fn read_file(&self, path: &CStr, into: &mut [u8]) -> Result<usize, Errno> {
        let file = openat(self.root()?, path, FILE, Mode::empty())?;
        read(&file, into)
    }

    fn stat(&self, thread: u32) -> Result<rustix::fs::Stat, Errno> {
        let path = Path::new(format_args!("{thread}/fd"));
        statat(self.root()?, path.as_c_str(), AtFlags::empty())
    }
}

#[cfg(test)]
impl View {
    /// This view, and one that differs from it in each field.
    pub(in crate::system::linux) fn variants(self) -> Vec<View> {
        vec![
            self,
            View { device: self.device.map(|device| device + 1), ..self },
            View { own_pid: self.own_pid.map(|pid| pid + 1), ..self },
            View { ids: (self.ids.0 + 1, self.ids.1), ..self },
            View { ids: (self.ids.0, self.ids.1 + 1), ..self },
            View { capabilities: self.capabilities.map(|set| set ^ CapabilitySet::SYS_PTRACE), ..self },
            View { has_counts: !self.has_counts, ..self },
            View { has_cpu_times: !self.has_cpu_times, ..self },
            View { has_loadavg: !self.has_loadavg, ..self },
        ]
    }
}

impl FdSource for Proc {
    fn activity(&self) -> Activity {
        let mut line = [0; 128];
        let length = self.loadavg.as_ref().and_then(|file| pread(file, &mut line, 0).ok());
        length.and_then(|length| activity(&line[..length])).unwrap_or_default()
    }

    fn pids(&self, into: &mut Vec<u32>) -> io::Result<()> {
        // `root` itself is not listed, because that would move its position.
        let dir = openat(self.root()?, c".", DIRECTORY, Mode::empty())?;
        each_name(&dir, |name| {
            into.extend(number::<u32>(name));
            Ok(true)
        })?;
        Ok(())
    }

    fn cpu_time(&self, pid: u32) -> CpuTime {
        if !self.has_cpu_times {
            return CpuTime::Unknown;
        }
        match syscalls::process_cpu_time(pid) {
            Ok(time) => CpuTime::Nanoseconds(time),
            Err(Errno::INVAL) => CpuTime::Gone,
            Err(_) => CpuTime::Unknown,
        }
    }

    fn summary(&self, thread: u32) -> FdSummary {
        self.stat(thread).map_or(FdSummary::default(), |stat| FdSummary {
            count: u64::try_from(stat.st_size).ok().filter(|_| self.has_counts),
            inode: Some(stat.st_ino),
            uid: stat.st_uid,
        })
    }

    fn start_time(&self, pid: u32) -> Option<u64> {
        let mut line = [0; pid_stat::STAT_BUF_LEN];
        let length = self.read_file(Path::new(format_args!("{pid}/stat")).as_c_str(), &mut line).ok()?;
        pid_stat::started(&line[..length])
    }

    fn compare_tables(&self, a: u32, b: u32) -> Option<Ordering> {
        // As for CPU times, the pids must be those of the namespace of this process.
        self.has_cpu_times.then(|| syscalls::compare_tables(a, b).ok()).flatten()
    }

    fn live_thread(&self, pid: u32) -> Option<u32> {
        let path = Path::new(format_args!("{pid}/task"));
        // A directory has two links, and one for each directory in it.
        if statat(self.root().ok()?, path.as_c_str(), AtFlags::empty()).ok()?.st_nlink <= 3 {
            return None;
        }
        let dir = openat(self.root().ok()?, path.as_c_str(), DIRECTORY, Mode::empty()).ok()?;
        let mut live = None;
        each_name(&dir, |name| {
            let other = number::<u32>(name).filter(|thread| *thread != pid);
            live = other.filter(|thread| self.stat(*thread).is_ok_and(|stat| !self.has_counts || stat.st_size > 0));
            Ok(live.is_none())
        })
        .ok()?;
        live
    }

    fn link(&self, thread: u32, descriptor: u32) -> Link {
        let path = Path::new(format_args!("{thread}/fd/{descriptor}"));
        self.root().and_then(|root| link(root, path.as_c_str())).unwrap_or(Link::None)
    }

    fn scan(&self, thread: u32, range: FdRange, found: &mut dyn FnMut(u32, Link)) -> Scan {
        let path = Path::new(format_args!("{thread}/fd"));
        let dir = self.root().and_then(|root| openat(root, path.as_c_str(), DIRECTORY, Mode::empty()));
        let next = dir.and_then(|dir| {
            // In the directory of this process, the descriptor of `dir` exists only during the scan.
            let scanning = (self.own_pid == Some(thread)).then(|| dir.as_raw_fd() as u32);
            // Two closures, because one that is called in two places is not inlined: see `link`.
            match count_up(range, |descriptor, name| link_except(scanning, descriptor, &dir, name), found)? {
                Rest::OverMax(next) => Ok(Some(next)),
                Rest::ToList { from, max } => {
                    list_from(&dir, from, max, |descriptor, name| link_except(scanning, descriptor, &dir, name), found)
                }
            }
        });
        match next {
            Ok(next) => Scan { access: Access::Granted, next },
            Err(Errno::ACCESS | Errno::PERM) => Scan { access: Access::Refused, next: None },
            Err(Errno::NOENT | Errno::SRCH) => Scan { access: Access::Gone, next: None },
            Err(_) => Scan { access: Access::Failed, next: None },
        }
    }
}

/// Whether a file belongs to a proc filesystem.
///
/// In a container another file can be mounted over it, which shows numbers of the container only.
fn is_on_proc(file: impl AsFd) -> bool {
    fstatfs(file).is_ok_and(|stat| stat.f_type == PROC_SUPER_MAGIC)
}

/// Parses the line of `/proc/loadavg`: `0.20 0.18 0.12 1/80 11206`.
///
/// The fourth field contains the number of threads that run or wait for a CPU, the last one the pid assigned last.
fn activity(line: &[u8]) -> Option<Activity> {
    let mut fields = str::from_utf8(line).ok()?.split_ascii_whitespace();
    let (running, _) = fields.nth(3)?.split_once('/')?;
    let last_pid = fields.next()?.parse().ok();
    Some(Activity { last_pid, is_quiet: running == "1" })
}
