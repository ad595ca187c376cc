//! Processes and modules: the named owners of sockets.
//!
//! These are pure types; `system::processes` reads them from the system.

pub(crate) mod cache;

use core::fmt;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// A process: its id, start time, name and path.
///
/// It describes the process at the time of the look-up. [`Processes`](crate::Processes) looks a process up again after
/// it has executed another program (`exec`) or changed its name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Process {
    pub(crate) pid: u32,
    pub(crate) started: u64,
    /// On Linux a hash by which [`Lookup::is_same`](cache::Lookup::is_same) detects another program
    /// or name of the same process. 0 on other systems.
    pub(crate) image: u64,
    /// The executable as a module, for rows whose module the system does not name.
    pub(crate) executable: Module,
    pub(crate) deleted: bool,
}

impl Process {
    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The short name.
    ///
    /// * On **Linux** the name in [`/proc/PID/comm`](https://man7.org/linux/man-pages/man5/proc_pid_comm.5.html), which
    ///   `ss -p`, `top` and `pgrep` show. The kernel truncates it to 15 bytes. If the name has 15 bytes and the file
    ///   name of the executable begins with them, this is the file name. A process chooses its name, which may contain
    ///   any bytes, including control characters.
    /// * On **Windows** the file name of the executable, such as `svchost.exe`, or the name in the system's list of
    ///   processes, such as `System`.
    #[must_use]
    pub fn name(&self) -> &OsStr {
        self.executable.name()
    }

    /// The path of the executable, or `None` if it is unknown.
    ///
    /// * On **Linux** the target of [`/proc/PID/exe`](https://man7.org/linux/man-pages/man5/proc_pid_exe.5.html), in
    ///   the mount namespace of the process. Only root and callers that may trace the process can read it. Kernel
    ///   threads have no executable.
    /// * On **Windows** the result of [QueryFullProcessImageNameW].
    ///
    /// [QueryFullProcessImageNameW]: https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-queryfullprocessimagenamew
    #[must_use]
    #[doc(alias = "QueryFullProcessImageNameW")]
    pub fn path(&self) -> Option<&Path> {
        self.executable.path()
    }

    /// Whether the executable was deleted after the process started, for example by an upgrade.
    ///
    /// The [`path`](Process::path) then leads to no file or to another one. It does not contain the ` (deleted)` that
    /// Linux appends. Always false on Windows, where a running executable cannot be deleted.
    #[must_use]
    pub fn path_is_deleted(&self) -> bool {
        self.deleted
    }

    /// The start time of the process, in ticks of the system.
    ///
    /// The id and the start time together identify a process.
    ///
    /// * On **Linux** in clock ticks since boot: `starttime` of
    ///   [`/proc/PID/stat`](https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html). A second has
    ///   `sysconf(_SC_CLK_TCK)` ticks, which is 100.
    /// * On **Windows** in units of 100 ns since 1601-01-01 UTC: the creation time of [GetProcessTimes]. It can be
    ///   compared with [`OwnerModuleRow::created_ticks`](crate::OwnerModuleRow::created_ticks): a process that started
    ///   after the socket was bound did not bind it.
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

/// The part of a process that owns a socket: a service, a module, or the executable.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Module {
    pub(crate) name: OsString,
    pub(crate) path: Option<PathBuf>,
}

impl Module {
    /// The name of the service or module if Windows reports one, else the [name of the
    /// process](Process::name).
    #[must_use]
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// The path of the module if Windows reports one, else the [path of the
    /// process](Process::path).
    ///
    /// For a service, Windows may report only the name.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
}
