//! The names of this machine's processes.

use crate::process::cache::Cache;
use crate::process::{Module, Process};
use crate::row::class::OwnerModuleRow;
#[cfg(target_os = "linux")]
use crate::system::linux::Processes as Backend;
#[cfg(not(any(windows, target_os = "linux")))]
use crate::system::unsupported::Processes as Backend;
#[cfg(windows)]
use crate::system::windows::Processes as Backend;

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
/// let mut round = processes.batch(); // one for each table
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
/// [`module`](Processes::module) look every time, those of a [`round`](Processes::batch) once a round for each process.
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
    pub fn batch(&mut self) -> Batch<'_> {
        self.cache.begin();
        self.cache.forget_unwanted();
        Batch { cache: &mut self.cache }
    }
}

impl Default for Processes {
    fn default() -> Processes {
        Processes::new()
    }
}

/// Names for the rows of one table: see [`Processes::batch`].
#[derive(Debug)]
pub struct Batch<'p> {
    cache: &'p mut Cache<Backend>,
}

impl Batch<'_> {
    /// The process that has had this id in this round. `None` is as lasting.
    pub fn get(&mut self, pid: u32) -> Option<&Process> {
        self.cache.process(pid)
    }

    /// The module that owns the socket of a row of this machine, or else the process: [`Processes::module`].
    pub fn module(&mut self, row: &OwnerModuleRow) -> Option<&Module> {
        self.cache.module(row)
    }
}
