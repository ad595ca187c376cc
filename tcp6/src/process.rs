//! Who owns a socket: the process, and the module or service within it.

mod cache;

use core::fmt;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use self::cache::Cache;
pub(crate) use self::cache::Lookup;
use crate::OwnerModuleRow;

#[cfg(target_os = "linux")]
use crate::linux::Processes as Backend;
#[cfg(windows)]
use crate::windows::Processes as Backend;
#[cfg(not(any(windows, target_os = "linux")))]
use unknown::Processes as Backend;

/// How many processes are remembered unless one says otherwise: more than own sockets on any but a very large machine.
const CAPACITY: usize = 4096;

/// The processes of this machine by their ids: names and paths, looked up when they are asked for, and remembered.
///
/// ```
/// use tcp6::{Buffer, OwnerPidRow, Processes, Query, Row, System};
///
/// let (mut system, mut buffer) = (System::new()?, Buffer::new());
/// let mut processes = Processes::new(); // keep it, too
/// let table = system.table::<OwnerPidRow>(&Query::all(), &mut buffer)?;
/// let mut round = processes.round(); // one for each table
/// for row in table {
///     let process = row.owner().pid().and_then(|pid| round.get(pid));
///     let name = process.map_or("-".into(), |process| process.name().to_string_lossy());
///     println!("{} {name}", row.local());
/// }
/// # Ok::<(), tcp6::Error>(())
/// ```
///
/// # Ids are used again
///
/// An id is that of the process alone for as long as it runs; so each is remembered with the time at which it was
/// started, and a name is given out after it has been seen that this is still the same. [`get`](Processes::get) and
/// [`module`](Processes::module) look every time, those of a [`round`](Processes::round) once a round for each process.
/// Hence
///
/// * a name given out by `get` was right at that moment,
/// * and one given out by a round was right at some moment since the round began.
///
/// To look is to read `/proc/PID/stat` on Linux and OpenProcess, GetExitCodeProcess and GetProcessTimes on Windows:
/// some microseconds, and no allocation.
///
/// # What is remembered
///
/// No more than the [capacity](Processes::with_capacity); whoever was not asked for the longest goes first. A process
/// is forgotten when it is found dead, and at the beginning of a round if nobody asked for it since the last one began:
/// it has no rows any more.
///
/// # What cannot be known
///
/// `None` says that there is no such process, or that the system does not tell anything of it. There are no errors:
/// a process may end at any time, and the next row wants its name all the same.
///
/// * On **Linux** other users' processes have a name and no path, unless the program may trace them, as root may; where `/proc` is
///   mounted with [`hidepid`](https://www.kernel.org/doc/html/latest/filesystems/proc.html#mount-options) they are not
///   known at all.
/// * On **Windows** the name of a process that may not be opened is taken from the list of all, and it has no path.
///   That list is asked for once a round, if need be.
/// * On **other systems** no process is known.
///
/// A process that has ended is none, even while the system keeps its id for those who have yet to ask how it ended.
#[derive(Debug)]
pub struct Processes {
    cache: Cache<Backend>,
}

impl Processes {
    /// Remembers up to 4,096 processes.
    #[must_use]
    pub fn new() -> Processes {
        Processes::with_capacity(CAPACITY)
    }

    /// Remembers up to so many processes, one at least.
    ///
    /// Room for the processes that own rows of one table will do. With less the program is right and slow.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Processes {
        Processes { cache: Cache::new(Backend::new(), capacity) }
    }

    /// The process that has this id now.
    pub fn get(&mut self, pid: u32) -> Option<&Process> {
        self.cache.begin();
        self.cache.process(pid)
    }

    /// The module that owns the socket of a row of this machine, or else the process.
    ///
    /// On Windows it is what [GetOwnerModuleFromTcp6Entry] names, so that a service in a `svchost.exe` shows as itself.
    /// Where the function is missing, as in Wine, or refuses, and on Linux, it is the process: its name, its path.
    ///
    /// `None` if nobody owns the socket, or if nothing is known of the owner.
    ///
    /// [GetOwnerModuleFromTcp6Entry]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getownermodulefromtcp6entry
    #[doc(alias = "GetOwnerModuleFromTcp6Entry")]
    pub fn module(&mut self, row: &OwnerModuleRow) -> Option<&Module> {
        self.cache.begin();
        self.cache.module(row)
    }

    /// Begins a round, for the rows of one table: each process is looked at once in it, however many rows it has.
    pub fn round(&mut self) -> Round<'_> {
        self.cache.begin();
        self.cache.forget_unwanted();
        Round { cache: &mut self.cache }
    }
}

impl Default for Processes {
    fn default() -> Processes {
        Processes::new()
    }
}

/// Names for the rows of one table: see [`Processes::round`].
#[derive(Debug)]
pub struct Round<'p> {
    cache: &'p mut Cache<Backend>,
}

impl Round<'_> {
    /// The process that has had this id in this round. `None` is as lasting.
    pub fn get(&mut self, pid: u32) -> Option<&Process> {
        self.cache.process(pid)
    }

    /// The module that owns the socket of a row of this machine, or else the process: [`Processes::module`].
    pub fn module(&mut self, row: &OwnerModuleRow) -> Option<&Module> {
        self.cache.module(row)
    }
}

/// A process: its id, when it was started, and what it is called.
///
/// It describes the process as it was when it was looked up. A process that runs another program since (`exec`), or has
/// changed its name, is looked up again the next time that it is asked for.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Process {
    pub(crate) pid: u32,
    pub(crate) started: u64,
    /// On Linux what [`Lookup::is_same`] tells one program of the process from another by. Elsewhere 0.
    pub(crate) image: u64,
    /// The executable, in the form of a module: that of the rows for which the system names none.
    pub(crate) executable: Module,
    pub(crate) deleted: bool,
}

impl Process {
    /// The id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The short name.
    ///
    /// * On **Linux** that of [`/proc/PID/comm`](https://man7.org/linux/man-pages/man5/proc_pid_comm.5.html), which is
    ///   what `ss -p`, `top` and `pgrep` show. The kernel cuts it at 15 bytes; where it did, and the name of the
    ///   executable's file begins with these, it is that. The process chooses its name: it may be any bytes, control
    ///   characters among them.
    /// * On **Windows** the name of the executable's file, `svchost.exe`, or that in the system's list of processes:
    ///   `System`.
    #[must_use]
    pub fn name(&self) -> &OsStr {
        self.executable.name()
    }

    /// The path of the executable, or `None` if it is not known.
    ///
    /// * On **Linux** what [`/proc/PID/exe`](https://man7.org/linux/man-pages/man5/proc_pid_exe.5.html) leads to,
    ///   in the process' own mount namespace. The kernel tells it to root and to whoever may trace the process; its own
    ///   threads have none.
    /// * On **Windows** what [QueryFullProcessImageNameW] gives.
    ///
    /// [QueryFullProcessImageNameW]: https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-queryfullprocessimagenamew
    #[must_use]
    #[doc(alias = "QueryFullProcessImageNameW")]
    pub fn path(&self) -> Option<&Path> {
        self.executable.path()
    }

    /// Whether the executable has been deleted since the process was started, as an upgrade does. At the
    /// [`path`](Process::path) there is then nothing, or another file.
    ///
    /// Only on Linux, whose mark for it, ` (deleted)`, is not in the path. Windows does not let a running executable be
    /// deleted.
    #[must_use]
    pub fn path_is_deleted(&self) -> bool {
        self.deleted
    }

    /// When the process was started, as the system counts: with the id, it tells this process from all others.
    ///
    /// * On **Linux** in clock ticks since the machine was booted, `starttime` of
    ///   [`/proc/PID/stat`](https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html). There are
    ///   `sysconf(_SC_CLK_TCK)` to a second, which is 100.
    /// * On **Windows** in 100 ns ticks since 1601-01-01 UTC, the creation time of [GetProcessTimes]. It can be
    ///   compared with [`OwnerModuleRow::created_ticks`]: a process that is younger than the socket has not bound it.
    ///
    /// [GetProcessTimes]: https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-getprocesstimes
    #[must_use]
    #[doc(alias = "GetProcessTimes")]
    pub fn started_ticks(&self) -> u64 {
        self.started
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("pid", &self.pid)
            .field("name", &self.name())
            .field("path", &self.path())
            .field("path_is_deleted", &self.deleted)
            .field("started_ticks", &self.started)
            .finish()
    }
}

/// What owns a socket within a process: a service, or the executable.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Module {
    pub(crate) name: OsString,
    pub(crate) path: Option<PathBuf>,
}

impl Module {
    /// The name: of the service or module if Windows names one, else [that of the process](Process::name).
    #[must_use]
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// The path: of the module if Windows gives one, else [that of the process](Process::path). Of a service Windows
    /// may give nothing but the name.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
}

#[cfg(not(any(windows, target_os = "linux")))]
mod unknown {
    use super::{Lookup, Process};

    /// The processes of a system that this crate does not know how to ask.
    #[derive(Debug)]
    pub(super) struct Processes;

    impl Processes {
        pub(super) fn new() -> Processes {
            Processes
        }
    }

    impl Lookup for Processes {
        fn is_same(&mut self, _: &Process) -> bool {
            false
        }

        fn describe(&mut self, _: u32) -> Option<Process> {
            None
        }
    }
}
