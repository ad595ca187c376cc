//! Processes and modules: the owners of sockets by name. Pure types; `system::processes` reads them.

pub(crate) mod cache;

use core::fmt;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// A process: its id, when it was started, and what it is called.
///
/// It describes the process as it was when it was looked up. A process that runs another program since (`exec`), or has
/// changed its name, is looked up again the next time that it is asked for.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Process {
    pub(crate) pid: u32,
    pub(crate) started: u64,
    /// On Linux what [`Lookup::is_same`](cache::Lookup::is_same) tells one program of the process from another by. Elsewhere 0.
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
