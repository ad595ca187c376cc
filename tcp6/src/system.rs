//! The table of this machine.

use crate::class::by_class;
use crate::error::Result;
use crate::{Buffer, Class, Query, Resolution, Row, Source, Table};

#[cfg(target_os = "linux")]
use crate::linux::System as Backend;
#[cfg(not(any(windows, target_os = "linux")))]
use crate::other::System as Backend;
#[cfg(windows)]
use crate::windows::System as Backend;

/// The IPv6 TCP table of this machine, as its kernel has it now.
///
/// * On **Windows** it asks GetTcp6Table, GetTcp6Table2 or GetExtendedTcpTable, with the buffer's whole size at once: a
///   refresh of a buffer that is large enough is one call. When the table outgrows it, or the system asks for another
///   attempt (STATUS_UNSUCCESSFUL), it tries up to 16 times with ever more room.
/// * On **Linux** it asks the kernel's sock_diag over one netlink socket, which it keeps. Where that is refused (gVisor,
///   seccomp, kernels without the module) it reads `/proc/thread-self/net/tcp6`, which is slower and knows no scope ids.
///   Before Linux 3.17 that file is missing; the text of the first thread's namespace takes its place, and a thread in
///   another namespace gets an error.
/// * On **other systems** there is no table: [`Error::NotSupported`](crate::Error::NotSupported).
///
/// A machine without IPv6 has no table either, and the answer is the same. A machine that has IPv6 and no sockets has an
/// empty table: Linux gives none, Windows gives a count of zero or says that there is no data (232).
///
/// On Linux it shows the network namespace that the calling thread was in when it was made; where sock_diag is refused only
/// later, that of the thread whose refresh found out. A process that forks makes a new one in the child: both would read
/// from one socket.
///
/// # Owners on Linux
///
/// The kernel does not tell the owner of a socket. It is found by reading what the descriptors of all processes refer to.
/// The first table with owners reads all of them, in up to four threads if there are more than 4,096; the threads have
/// ended when it is there. A later one reads
///
/// * the CPU time of every process, which takes about 1 us each. One that has not run has not changed.
/// * up to 4,096 descriptors of processes that have run since. If these have no more, the owners are exact, as of a moment
///   after the rows were listed. If they have more, those of the others are read by the next tables, in turn. The same
///   happens to what a process does while the kernel has not added to its CPU time, up to 10 ms, if idle processes have too
///   many descriptors to be read as well.
/// * up to 16,384 descriptors of new processes.
/// * 32 descriptors of processes that have not run, in turn.
///
/// Processes that share one table of descriptors (`CLONE_FILES`) are read through one of them. If another one of them may
/// not be read, nothing shows that it has changed the table. Its changes are read in turn, within as many tables as idle
/// processes have descriptors, each process counted as four more, divided by 24.
///
/// So it takes a bounded time on every machine. [`set_exact_owners`](System::set_exact_owners) has it read everything. A
/// later table starts no thread then unless it does, and allocates nothing unless processes or their descriptors have
/// become more.
///
/// Before Linux 6.2 the kernel does not report how many descriptors a process has. The first table then takes some 20 %
/// longer, and later ones as long as with the numbers. Where `/proc` is that of another pid namespace, or a sandbox refuses
/// CPU times, every process counts as one that has run.
///
/// # In trouble
///
/// | | the table | owners (Linux) |
/// |---|---|---|
/// | no descriptors left | `new` fails (EMFILE); one that was made before goes on | known ones stay, new ones are unresolved |
/// | sock_diag refused | from the kernel's text | as ever |
/// | no IPv6 | [`Error::NotSupported`](crate::Error::NotSupported) | |
/// | a namespace without a loopback | what is there, mostly nothing | as ever |
/// | processes of other users, without the right to trace them | as ever | unresolved; they are counted as refused |
/// | `/proc` with hidepid | as ever | others' are unresolved, and not counted: they are not there |
/// | no `/proc` | as ever; if sock_diag is refused as well, [`Error::Os`](crate::Error::Os) | unresolved |
///
/// # Consistency
///
/// No system lists its table at one moment: Linux lists thousands of sockets while others come and go. A `System` makes up
/// for that: a socket that exists during two refreshes is in the second table exactly once, in whatever state.
///
/// Linux sends each chain of its hash in pieces and finds its place again by counting. If sockets come or go meanwhile, a
/// dump lists others twice or passes over them. Duplicates are dropped by cookie. A socket of the table before that is
/// missing is looked up before its row is dropped; a connection that closes is still listed, as TIME-WAIT, and costs no
/// look-up. For this a `System` keeps 48 bytes per socket, and 64 per socket in TIME-WAIT. The limits:
///
/// * The first table of a `System`, and the first after one of other states, has nothing to be compared with and may lack
///   rows. So may tables that are read from the text.
/// * If look-ups fail, the table is returned as the kernel listed it, and counted by
///   `os::linux::SystemExt::unreconciled_refreshes`.
/// * Of several listeners on one end (SO_REUSEPORT) the kernel looks up one. The others are confirmed by a second dump of
///   listeners alone, which could pass over the same one again.
/// * A query of some states costs a look-up for each socket that left these states since the table before.
/// * In the kernel's text a socket is printed again when it moves; such a line is dropped if its inode or the address of its
///   kernel object proves that it is the same socket. If the kernel hides these addresses (`kptr_restrict`, or soon after
///   boot), a socket in TIME-WAIT may be in the table twice.
#[derive(Debug)]
pub struct System {
    backend: Backend,
    resolution: Resolution,
}

impl System {
    /// Prepares to ask this machine.
    ///
    /// # Errors
    ///
    /// * [`Error::Os`](crate::Error::Os) if there is no descriptor left for the socket or for `/proc`, or if sock_diag is
    ///   refused and the kernel's text, which takes its place, cannot be opened.
    /// * [`Error::NotSupported`](crate::Error::NotSupported) on a system that is neither Windows nor Linux, and on a Linux
    ///   that has neither sock_diag nor IPv6.
    pub fn new() -> Result<System> {
        Ok(System { backend: Backend::new()?, resolution: Resolution::default() })
    }

    /// The table, now: refills the buffer, and shows what it holds.
    ///
    /// # Errors
    ///
    /// * [`Error::NotSupported`](crate::Error::NotSupported) if this machine has no IPv6.
    /// * [`Error::Unstable`](crate::Error::Unstable) if the table did not stand still for one of many attempts; on Linux
    ///   also if the kernel was short of memory at each (ENOBUFS, ENOMEM), or busy with another dump (EBUSY).
    /// * [`Error::Os`](crate::Error::Os) with the system's code if it refused: on Windows 5 (no permission) or 8 (no
    ///   memory), on Linux the errno of the netlink socket, of the dump, or of the file; without a code if the kernel
    ///   does not answer for 10 seconds.
    /// * [`Error::Malformed`](crate::Error::Malformed) if the system's answer is not a table.
    /// * [`Error::OutOfMemory`](crate::Error::OutOfMemory) if there is no memory for the table.
    ///
    /// The buffer then holds no table.
    #[doc(alias = "GetTcp6Table")]
    #[doc(alias = "GetTcp6Table2")]
    #[doc(alias = "GetExtendedTcpTable")]
    pub fn table<'b, R: Row>(&mut self, query: &Query, buffer: &'b mut Buffer) -> Result<Table<'b, R>> {
        Table::read(self, query, buffer)
    }

    /// How often the kernel was asked for a table: calls on Windows, dumps or reads of the file on Linux.
    ///
    /// It grows by one for a refresh into a buffer that is large enough; by more where the table outgrew the buffer or
    /// would not stand still.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.backend.calls()
    }

    /// How far the owners of the last table are known; all zero if its class has none, or if there was no table.
    ///
    /// It counts what the system gave, before it was narrowed: on Linux the rows in the query's states, on Windows all rows,
    /// or the listeners where only those were asked for and the class is one of GetExtendedTcpTable's.
    #[must_use]
    pub fn resolution(&self) -> Resolution {
        self.resolution
    }

    /// Whether every table's owners are read anew on Linux, whatever the machine's size.
    ///
    /// Without it, a table's owners are exact on a machine on which the processes that have run since the last table have
    /// up to 4,096 descriptors together, idle ones not counted. Beyond that an owner may be out of date, or
    /// [unresolved](crate::Owner::Unresolved), for as many tables as 4,096 fits into their number: see
    /// [what is read](System#owners-on-linux).
    ///
    /// With it, each table of a class with owners reads all descriptors of all processes, in up to four threads if there
    /// are more than 4,096. That takes about 2.5 us of CPU time a descriptor. Elsewhere it makes no difference: Windows
    /// tells the owners with the rows.
    pub fn set_exact_owners(&mut self, exact: bool) {
        #[cfg(target_os = "linux")]
        self.backend.set_exact_owners(exact);
        #[cfg(not(target_os = "linux"))]
        let _ = exact;
    }

    /// See [`SystemExt::unreconciled_refreshes`](crate::os::linux::SystemExt::unreconciled_refreshes).
    #[cfg(target_os = "linux")]
    pub(crate) fn unreconciled(&self) -> u64 {
        self.backend.unreconciled()
    }

    /// Every process that was seen to hold this socket, by ascending pid.
    #[cfg(target_os = "linux")]
    pub(crate) fn holders(&self, inode: u32) -> impl Iterator<Item = u32> {
        self.backend.holders(inode)
    }
}

impl Source for System {
    fn fill(&mut self, class: Class, query: &Query, buffer: &mut Buffer) -> Result<()> {
        self.resolution = Resolution::default();
        self.backend.fill(class, query, buffer).inspect_err(|_| buffer.clear())?;
        if class.has_owners() {
            let counts = by_class!(class, R => Resolution::of(buffer.table::<R>()?.iter().map(Row::owner)));
            let (processes, refused) = self.backend.processes();
            self.resolution = Resolution { processes, refused, ..counts };
        }
        Ok(())
    }
}
