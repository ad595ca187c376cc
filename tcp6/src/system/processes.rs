//! Looks up the processes of this machine.

use crate::process::cache::Cache;
use crate::process::{Module, Process};
use crate::row::class::OwnerModuleRow;
#[cfg(target_os = "linux")]
use crate::system::linux::Processes as Backend;
#[cfg(not(any(windows, target_os = "linux")))]
use crate::system::unsupported::Processes as Backend;
#[cfg(windows)]
use crate::system::windows::Processes as Backend;

/// The default capacity. Only very large machines have more processes that own sockets.
const CAPACITY: usize = 4096;

/// The processes of this machine by id: a cache of names, paths and start times.
///
/// # Example: names for the rows of one table
///
/// ```
/// use tcp6::{Buffer, OwnerPidRow, Processes, Query, System};
///
/// let (mut system, mut buffer) = (System::new()?, Buffer::new());
/// let mut processes = Processes::new(); // keep it: it caches
/// let table = system.table::<OwnerPidRow>(&Query::all(), &mut buffer)?;
/// let mut batch = processes.batch(); // one batch per table
/// for row in table {
///     let process = row.owner().pid().and_then(|pid| batch.get(pid));
///     let name = process.map_or("-".into(), |process| process.name().to_string_lossy());
///     println!("{} {name}", row.local());
/// }
/// # Ok::<(), tcp6::Error>(())
/// ```
///
/// # Example: one process
///
/// ```
/// use tcp6::Processes;
///
/// let mut processes = Processes::new();
/// if let Some(process) = processes.get(std::process::id()) {
///     println!("{:?} {:?}", process.name(), process.path());
/// }
/// ```
///
/// # Reused ids
///
/// The system can reuse an id after its process has exited. So a process is cached with its start time, and returned
/// only after a check that it still has this id. [`get`](Processes::get) and [`module`](Processes::module) check in
/// each call. A [`batch`](Processes::batch) checks each process once:
///
/// * The result of `get` was correct during the call.
/// * The result of a batch was correct at some moment since the batch began.
///
/// A check reads `/proc/PID/stat` on Linux, and calls OpenProcess, GetExitCodeProcess and GetProcessTimes on Windows.
/// It takes a few microseconds and allocates nothing.
///
/// # Exited processes
///
/// A process that has exited is `None`, and its id can belong to another process. To name the owners of connections that
/// were closed by an exit, keep the names of the previous table: clone each [`Process`] after each poll.
///
/// # Eviction
///
/// At most [`capacity`](Processes::with_capacity) processes are cached; the least recently used are evicted first. A
/// process is also evicted when a check finds that it has exited, and at the start of a batch if it was not used since
/// the previous batch began.
///
/// # Unknown processes
///
/// `None` means that no process has this id, or that the system reports nothing about it. Look-ups return no errors,
/// because a process can exit at any time.
///
/// * On **Linux**, processes of other users have a name but no path, unless the caller may trace them, as root may.
///   They are unknown if `/proc` is mounted with
///   [`hidepid`](https://www.kernel.org/doc/html/latest/filesystems/proc.html#mount-options).
/// * On **Windows**, a process that cannot be opened is found in the system's list of processes, which is read at most
///   once per batch. It has a name and no path.
/// * On **other systems** every process is unknown.
///
/// A process that has exited is unknown even while the system keeps its id: on Linux until its parent waits for it, on
/// Windows until the last handle to it is closed.
#[derive(Debug)]
pub struct Processes {
    cache: Cache<Backend>,
}

impl Processes {
    /// An empty cache for up to 4,096 processes.
    #[must_use]
    pub fn new() -> Processes {
        Processes::with_capacity(CAPACITY)
    }

    /// An empty cache for up to `capacity` processes, at least one.
    ///
    /// The number of processes that own rows of one table is enough. With less, results are the same, but processes are
    /// looked up more often.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Processes {
        Processes { cache: Cache::new(Backend::new(), capacity) }
    }

    /// The process that currently has this id, or `None` if it is unknown.
    pub fn get(&mut self, pid: u32) -> Option<&Process> {
        self.cache.begin();
        self.cache.process(pid)
    }

    /// The module that owns the socket of a row of this machine.
    ///
    /// On Windows it is the module that [GetOwnerModuleFromTcp6Entry] returns: a service in `svchost.exe` has its own
    /// name. On Linux, or if that function is missing (as in Wine) or fails, name and path are those of the process.
    ///
    /// `None` if no process owns the socket, or if its owner is unknown.
    ///
    /// ```
    /// use tcp6::{Buffer, OwnerModuleRow, Processes, Query, System};
    ///
    /// let (mut system, mut buffer) = (System::new()?, Buffer::new());
    /// let mut processes = Processes::new();
    /// let table = system.table::<OwnerModuleRow>(&Query::listeners(), &mut buffer)?;
    /// let mut batch = processes.batch();
    /// for row in table {
    ///     if let Some(module) = batch.module(row) {
    ///         println!("{} {:?}", row.local(), module.name());
    ///     }
    /// }
    /// # Ok::<(), tcp6::Error>(())
    /// ```
    ///
    /// [GetOwnerModuleFromTcp6Entry]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getownermodulefromtcp6entry
    #[doc(alias = "GetOwnerModuleFromTcp6Entry")]
    pub fn module(&mut self, row: &OwnerModuleRow) -> Option<&Module> {
        self.cache.begin();
        self.cache.module(row)
    }

    /// Begins a batch: look-ups for the rows of one table, which check each process once.
    pub fn batch(&mut self) -> Batch<'_> {
        self.cache.begin();
        self.cache.evict_unused();
        Batch { cache: &mut self.cache }
    }
}

impl Default for Processes {
    fn default() -> Processes {
        Processes::new()
    }
}

/// Look-ups for the rows of one table. Returned by [`Processes::batch`].
#[derive(Debug)]
pub struct Batch<'p> {
    cache: &'p mut Cache<Backend>,
}

impl Batch<'_> {
    /// The process that had this id at some moment since the batch began, or `None` if it is
    /// unknown.
    ///
    /// The result, also `None`, is reused within the batch unless more processes are looked up than the capacity.
    pub fn get(&mut self, pid: u32) -> Option<&Process> {
        self.cache.process(pid)
    }

    /// The module that owns the socket of a row of this machine. See [`Processes::module`].
    pub fn module(&mut self, row: &OwnerModuleRow) -> Option<&Module> {
        self.cache.module(row)
    }
}
