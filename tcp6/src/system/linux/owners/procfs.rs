//! `/proc` as a source of descriptors. See [proc(5)](https://man7.org/linux/man-pages/man5/proc.5.html).

use core::cmp::Ordering;
use core::mem::MaybeUninit;
use std::ffi::CStr;
use std::io::{self, Write};
use std::str;

use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use rustix::fs::{
    AtFlags, Mode, OFlags, PROC_SUPER_MAGIC, RawDir, SeekFrom, fstatfs, openat, readlinkat_raw, seek, statat,
};
use rustix::io::{Errno, pread, read};

use super::fd_source::{Access, Activity, CpuTime, FdRange, FdSource, FdSummary, Link, Scan};
use super::syscalls;
use crate::system::linux::pid_stat;

/// The processes of this machine, as far as this process' `/proc` shows them.
#[derive(Debug)]
pub(in crate::system::linux) struct Proc {
    /// `/proc`, if it is mounted.
    root: Option<OwnedFd>,
    /// `/proc/loadavg`, if it is the kernel's own.
    loadavg: Option<OwnedFd>,
    /// The pid of this process there.
    own: Option<u32>,
    /// Whether the kernel tells how many descriptors a process has (Linux 6.2 and later).
    has_counts: bool,
    /// Whether system calls take the pids of `/proc`, and the kernel counts the CPU times of processes in nanoseconds.
    has_cpu_times: bool,
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const FILE: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC);

/// CPU times are refused if that of this process is a multiple: they are not counted in nanoseconds then.
const TICK: u64 = 1_000_000;

/// The processes that are looked at to find out whether the kernel tells counts, if this one is not among them.
const MAX_SAMPLES: usize = 64;

impl Proc {
    /// Opens `/proc`.
    ///
    /// Without `/proc` there are no processes and no owners. That is no error; having no descriptor for it is.
    pub(in crate::system::linux) fn open() -> Result<Proc, Errno> {
        let root = match openat(rustix::fs::CWD, c"/proc", FOLDER, Mode::empty()) {
            Ok(root) => Some(root),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS | Errno::PERM) => None,
            Err(errno) => return Err(errno),
        };
        let mut proc = Proc { root, loadavg: None, own: None, has_counts: false, has_cpu_times: false };
        proc.own = proc.own();
        proc.has_counts = proc.has_counts();
        proc.has_cpu_times = proc.has_cpu_times();
        if proc.has_cpu_times {
            proc.loadavg = match proc.root().and_then(|root| openat(root, c"loadavg", FILE, Mode::empty())) {
                Ok(file) => is_of_proc(&file).then_some(file),
                Err(errno @ (Errno::MFILE | Errno::NFILE)) => return Err(errno),
                Err(_) => None,
            };
        }
        Ok(proc)
    }

    fn root(&self) -> Result<&OwnedFd, Errno> {
        self.root.as_ref().ok_or(Errno::NOENT)
    }

    fn own(&self) -> Option<u32> {
        let mut name = [MaybeUninit::uninit(); 16];
        let (name, _) = readlinkat_raw(self.root().ok()?, c"self", &mut name).ok()?;
        str::from_utf8(name).ok()?.parse().ok()
    }

    fn has_counts(&self) -> bool {
        let mut pids = Vec::new();
        match self.own {
            Some(own) => pids.push(own),
            // Without any process there is nothing to count.
            None => drop(self.pids(&mut pids)),
        }
        pids.iter().take(MAX_SAMPLES).any(|pid| self.stat(*pid).is_ok_and(|stat| stat.st_size > 0))
    }

    /// Whether `/proc` shows the pid namespace of this process, whose pids system calls take, and nothing stands in for
    /// the kernel's CPU times.
    fn has_cpu_times(&self) -> bool {
        let own = std::process::id();
        let is_kernels = self.root().is_ok_and(is_of_proc);
        is_kernels
            && self.own == Some(own)
            && self.has_one_pid()
            && syscalls::process_cpu_time(own).is_ok_and(|time| time % TICK != 0)
    }

    /// Whether this process has one pid only: the line NSpid lists those in the namespace of `/proc` and in all below.
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

impl FdSource for Proc {
    fn activity(&self) -> Activity {
        let mut line = [0; 128];
        let length = self.loadavg.as_ref().and_then(|file| pread(file, &mut line, 0).ok());
        length.and_then(|length| activity(&line[..length])).unwrap_or_default()
    }

    fn pids(&self, into: &mut Vec<u32>) -> io::Result<()> {
        // Opened anew: reading a folder moves its descriptor.
        let folder = openat(self.root()?, c".", FOLDER, Mode::empty())?;
        each_name(&folder, |name| {
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

    fn started(&self, pid: u32) -> Option<u64> {
        let mut line = [0; pid_stat::STAT_BUF_LEN];
        let length = self.read_file(Path::new(format_args!("{pid}/stat")).as_c_str(), &mut line).ok()?;
        pid_stat::started(&line[..length])
    }

    fn compare_tables(&self, a: u32, b: u32) -> Option<Ordering> {
        // As for CPU times, the pids have to be those of this process' namespace.
        self.has_cpu_times.then(|| syscalls::compare_tables(a, b).ok()).flatten()
    }

    fn live_thread(&self, pid: u32) -> Option<u32> {
        let path = Path::new(format_args!("{pid}/task"));
        // A folder has a link for each folder in it, besides its own two.
        if statat(self.root().ok()?, path.as_c_str(), AtFlags::empty()).ok()?.st_nlink <= 3 {
            return None;
        }
        let folder = openat(self.root().ok()?, path.as_c_str(), FOLDER, Mode::empty()).ok()?;
        let mut live = None;
        each_name(&folder, |name| {
            let others = number::<u32>(name).filter(|thread| *thread != pid);
            live = others.filter(|thread| self.stat(*thread).is_ok_and(|stat| !self.has_counts || stat.st_size > 0));
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
        let folder = self.root().and_then(|root| openat(root, path.as_c_str(), FOLDER, Mode::empty()));
        let next = folder.and_then(|folder| {
            // This process' own folder is open only now.
            let passing = (self.own == Some(thread)).then(|| folder.as_raw_fd() as u32);
            let read = |descriptor: u32, name: &CStr| {
                if passing == Some(descriptor) { Ok(Link::None) } else { link(&folder, name) }
            };
            match count_up(range, read, found)? {
                Counted::Until(next) => Ok(Some(next)),
                Counted::Listed { from, left } => list_from(&folder, from, left, read, found),
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

/// Whether a file is of a proc filesystem. In a container another one may be mounted over it, which shows the container's
/// own numbers.
fn is_of_proc(file: impl AsFd) -> bool {
    fstatfs(file).is_ok_and(|stat| stat.f_type == PROC_SUPER_MAGIC)
}

/// The line of `/proc/loadavg`: `0.20 0.18 0.12 1/80 11206`. The fourth field has the threads that are running or waiting
/// for a CPU, the last one the pid that was given out last.
fn activity(line: &[u8]) -> Option<Activity> {
    let mut fields = str::from_utf8(line).ok()?.split_ascii_whitespace();
    let (running, _) = fields.nth(3)?.split_once('/')?;
    let last_pid = fields.next()?.parse().ok();
    Some(Activity { last_pid, is_still: running == "1" })
}

/// The most gaps in the numbers of this many descriptors that are probed before they are listed instead: by then that has
/// taken as long as listing them does.
const fn max_gaps(descriptors: u64) -> u64 {
    4 + descriptors / 4
}

/// How reading descriptors by counting up ended.
#[derive(Debug, PartialEq, Eq)]
enum Counted {
    /// As many were found as were wanted. The next may have this number.
    Until(u32),
    /// All that were expected were found, or there are many gaps. The rest is to be listed, from this number on and up to
    /// this many: mostly there is none, but the process may have opened others since they were counted.
    Listed { from: u32, left: u64 },
}

/// Reads descriptors by counting up until as many have been found as were expected. That saves listing them: the numbers
/// are dense, as a process always gets the lowest that is free.
fn count_up(
    range: FdRange,
    read: impl Fn(u32, &CStr) -> Result<Link, Errno>,
    found: &mut dyn FnMut(u32, Link),
) -> Result<Counted, Errno> {
    let FdRange { from, most, expected } = range;
    let expected = expected.unwrap_or(0);
    let (mut read_so_far, mut gaps, mut next) = (0, 0, from);
    while read_so_far < expected && gaps <= max_gaps(expected) && next < u32::MAX {
        if read_so_far == most {
            return Ok(Counted::Until(next));
        }
        match read(next, Path::new(format_args!("{next}")).as_c_str())? {
            Link::None => gaps += 1,
            link => {
                read_so_far += 1;
                found(next, link);
            }
        }
        next += 1;
    }
    Ok(Counted::Listed { from: next, left: most - read_so_far })
}

/// Lists the descriptors from a number on and reads up to `most` of them. Gives the number after the last, if there are
/// more.
fn list_from(
    folder: &OwnedFd,
    from: u32,
    most: u64,
    read: impl Fn(u32, &CStr) -> Result<Link, Errno>,
    found: &mut dyn FnMut(u32, Link),
) -> Result<Option<u32>, Errno> {
    // The kernel lists descriptors in ascending order, and keeps its place as the next number plus 2, for `.` and `..`.
    seek(folder, SeekFrom::Start(u64::from(from) + 2))?;
    let (mut left, mut next) = (most, None);
    each_name(folder, |name| {
        let Some(descriptor) = number(name).filter(|descriptor| *descriptor >= from) else { return Ok(true) };
        if left == 0 {
            next = Some(descriptor);
            return Ok(false);
        }
        let link = read(descriptor, name)?;
        left -= u64::from(link != Link::None);
        found(descriptor, link);
        Ok(true)
    })?;
    Ok(next)
}

/// What a descriptor refers to. Listing a process' descriptors does not take the right to read them: that takes the right
/// to trace it.
fn link(folder: impl AsFd, name: &CStr) -> Result<Link, Errno> {
    let mut target = [MaybeUninit::uninit(); 64];
    let target = match readlinkat_raw(folder, name, &mut target) {
        Ok((target, _)) => target,
        Err(Errno::NOENT) => return Ok(Link::None),
        Err(errno) => return Err(errno),
    };
    let inode = target.strip_prefix(b"socket:[").and_then(|rest| rest.strip_suffix(b"]"));
    Ok(inode.and_then(|inode| str::from_utf8(inode).ok()?.parse().ok()).map_or(Link::Other, Link::Socket))
}

/// Gives the names in a folder to `each` until it returns false.
fn each_name(folder: &OwnedFd, mut each: impl FnMut(&CStr) -> Result<bool, Errno>) -> Result<(), Errno> {
    let mut entries = [MaybeUninit::uninit(); 16 * 1024];
    let mut folder = RawDir::new(folder, &mut entries);
    while let Some(entry) = folder.next() {
        if !each(entry?.file_name())? {
            break;
        }
    }
    Ok(())
}

fn number<T: std::str::FromStr>(name: &CStr) -> Option<T> {
    name.to_str().ok()?.parse().ok()
}

/// A path below `/proc` on the stack: two numbers and a few letters.
struct Path {
    bytes: [u8; 40],
}

impl Path {
    fn new(path: core::fmt::Arguments<'_>) -> Path {
        let mut bytes = [0; 40];
        let mut rest = &mut bytes[..39];
        // Two numbers of ten digits fit. A path that is cut leads nowhere.
        let _ = rest.write_fmt(path);
        Path { bytes }
    }

    fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or(c"")
    }
}

#[cfg(test)]
#[path = "procfs_tests.rs"]
mod tests;
