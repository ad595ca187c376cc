//! The table and the counters of this machine: the only module that calls iphlpapi and sock_diag and reads `/proc`.

mod backoff;
pub(crate) mod collection;
pub(crate) mod linux;
pub(crate) mod owner_counts;
pub(crate) mod processes;
mod target;
#[cfg(not(any(windows, target_os = "linux")))]
mod unsupported;
pub(crate) mod windows;

use core::mem;
use std::net::SocketAddrV6;
#[cfg(target_os = "linux")]
use std::os::fd::BorrowedFd;

use crate::error::Result;
#[cfg(target_os = "linux")]
use crate::events::{options::EventOptions, report::Events};
use crate::row::Row;
use crate::row::class::Class;
use crate::row::class::by_class;
use crate::stats::kinds::StatsKinds;
use crate::stats::statistics::Statistics;
use crate::stats::table::Stats;
use crate::system::collection::StatsCollection;
use crate::system::owner_counts::OwnerCounts;
use crate::system::target::Target;
use crate::table::Table;
use crate::table::buffer::Buffer;
use crate::table::query::Query;
use crate::table::source::Source;

#[cfg(target_os = "linux")]
use crate::system::linux::System as Backend;
#[cfg(target_os = "linux")]
use crate::system::linux::interface_names::InterfaceNames;
#[cfg(target_os = "linux")]
use crate::system::linux::namespace::{NamespaceId, ProcessDir};
#[cfg(not(any(windows, target_os = "linux")))]
use crate::system::unsupported::System as Backend;
#[cfg(windows)]
use crate::system::windows::System as Backend;

/// The IPv6 TCP table of this machine.
///
/// * On **Windows** it calls GetTcp6Table, GetTcp6Table2 or GetExtendedTcpTable with the whole size of the buffer: a
///   refresh of a buffer that is large enough is one call. If the table has outgrown the buffer, or the system returns
///   STATUS_UNSUCCESSFUL, it grows the buffer and calls again, with at most 16 calls per refresh.
/// * On **Linux** it dumps the table with sock_diag, over a netlink socket that it keeps. If sock_diag is refused
///   (gVisor, seccomp, kernels without the module), it reads `/proc/thread-self/net/tcp6`, which is slower and has no
///   scope ids. Before Linux 3.17 there is no `thread-self`: it then reads the file of the first thread, and a thread
///   in another network namespace gets an error.
/// * On **other systems** [`System::new`] returns [`Error::NotSupported`](crate::Error::NotSupported).
///
/// A machine without IPv6 has no table either: [`Error::NotSupported`](crate::Error::NotSupported). A machine with IPv6
/// and without sockets has an empty table: on Linux the dump is empty; Windows returns a count of zero, or
/// ERROR_NO_DATA (232).
///
/// On Linux a `System` shows the network namespace of the thread that created it, whichever thread uses it.
/// `os::linux::SystemExt::in_namespace` opens one for another namespace. After a fork, create another `System` in the
/// child, because both processes would read from one socket, and a lock can be that of a thread of the parent.
///
/// # Owners on Linux
///
/// The kernel does not report the owner of a socket. A `System` finds owners by reading what the descriptors of all
/// processes refer to. The first table with owners reads all descriptors while the table is dumped, in up to four
/// threads if there are more than 4,096 descriptors. These threads have ended when the table is returned. Each later
/// table reads:
///
/// * The CPU time of every process, about 1 us each. A process that has not run since the last table has not opened or
///   closed a descriptor.
/// * Up to 4,096 descriptors of processes that have run. If new processes and those that have run have no more together,
///   counting 4 extra per process, the owners are exact, as of a moment after the rows were listed. If they have n, the
///   next tables read the rest in turn, so that a change is found within n / 4,096 to n / 1,024 tables.
/// * Up to 16,384 descriptors of new processes.
/// * Up to 28 descriptors of processes that have not run, in turn.
///
/// The kernel updates the CPU time of a running process with a delay of up to 10 ms. If processes were running while
/// the CPU times were read, idle processes are read too, unless that exceeds the 4,096 descriptors. In that case, what
/// a process did during this delay is found by a later table.
///
/// Processes that share one descriptor table (`CLONE_FILES`) are read through one of them. If the caller may not read
/// another one of them, changes by that process are found in turn: within n / 24 tables, if the idle processes have n
/// descriptors, counting 4 extra per process.
///
/// So a later table does a bounded amount of work on every machine, starts no thread, and allocates nothing unless the number of
/// processes or descriptors has grown. [`set_exact_owners`](System::set_exact_owners) removes the bound.
///
/// All systems of a process share what they have read, so that descriptors are read once:
///
/// * The first table of a later `System` reads all descriptors of processes that have started or run since the last
///   table of another one, without these bounds. The exception for the last 10 ms applies to it as well. A system that was
///   opened from another one, for another network namespace, has the bounds from its first table on.
/// * Every table reads CPU times, because its sockets can be younger than the last table of another system.
/// * While a thread resolves the owners of a table, the tables of other threads wait for it. Only first tables, and those
///   with [exact owners](System::set_exact_owners), take long.
/// * The last `System` that is dropped drops what is known.
/// * A `System` that was created in a thread with another `/proc`, user, group or set of capabilities shares nothing with
///   the others. A thread that uses a `System` needs the rights of the thread that created it.
/// * A `System` that was created in a forked child shares nothing with those of the parent.
///
/// Before Linux 6.2 the kernel does not report the number of descriptors of a process. The first table then takes about
/// 20 % longer. If `/proc` is that of another pid namespace, or a sandbox refuses CPU times, every process counts as one that
/// has run.
///
/// # Restricted environments
///
/// | | the table | owners (Linux) |
/// |---|---|---|
/// | no descriptors left | `new` fails with EMFILE; an existing `System` works | known owners are kept, new ones are unresolved |
/// | sock_diag refused | read from `/proc` | as usual |
/// | no IPv6 | [`Error::NotSupported`](crate::Error::NotSupported) | |
/// | a namespace without a loopback device | as usual, mostly empty | as usual |
/// | processes of other users, without the right to trace them | as usual | unresolved; the processes are counted as refused |
/// | `/proc` with hidepid | as usual | those of hidden processes are unresolved; the processes are not counted |
/// | no `/proc` | as usual; [`Error::Os`](crate::Error::Os) if sock_diag is refused as well | unresolved |
///
/// # Consistency
///
/// No system lists its table at one moment: while Linux lists thousands of sockets, others are opened and closed. A
/// `System` on Linux compensates for that: a socket that exists during two refreshes is in the second table exactly
/// once, in whatever state.
///
/// Linux sends each chain of its hash table in several pieces and finds its position again by counting. If sockets are
/// added or removed meanwhile, a dump lists others twice or passes over them. Duplicates are dropped by cookie. A
/// socket of the previous table that is missing is looked up before its row is dropped. A connection that closes is
/// still listed, in TIME-WAIT, and is not looked up. For this a `System` keeps 48 bytes per socket, and 64 per socket
/// in TIME-WAIT. The limits:
///
/// * The first table of a `System`, and the first after one of another query, has no previous table and may lack rows.
///   The order does not count. So may tables that are read from `/proc`. To poll two queries, use two systems.
/// * If look-ups fail, the table is returned as the kernel listed it, and
///   `os::linux::SystemExt::unreconciled_refreshes` counts it.
/// * Of several listeners on one end (SO_REUSEPORT) the kernel looks up only one. A second dump, of listeners alone,
///   confirms the others. It could pass over the same listener again.
/// * A query of some states costs a look-up for each socket that left these states since the previous table.
/// * `/proc` lists a socket again when it moves. Such a line is dropped if its inode or the address of its kernel
///   object proves that it is the same socket. If the kernel hides these addresses (`kptr_restrict`, or soon after
///   boot), a socket in TIME-WAIT may be in the table twice.
///
/// # Example
///
/// ```
/// use tcp6::{Buffer, OwnerPidRow, Query, System};
///
/// let (mut system, mut buffer) = (System::new()?, Buffer::new());
/// for row in system.table::<OwnerPidRow>(&Query::listeners(), &mut buffer)? {
///     println!("{} {}", row.local(), row.owner());
/// }
/// println!("{} owners are unresolved", system.owner_counts().unresolved);
/// # Ok::<(), tcp6::Error>(())
/// ```
#[derive(Debug)]
pub struct System {
    backend: Backend,
    owner_counts: OwnerCounts,
    /// The table that [`find`](System::find) searches, if the system has no request for one socket.
    search: Buffer,
}

impl System {
    /// Opens the table of this machine. On Linux this opens the netlink socket and `/proc`.
    ///
    /// # Errors
    ///
    /// * [`Error::Os`](crate::Error::Os) if no descriptor is left for the socket or for `/proc`, or if sock_diag is
    ///   refused and the file in `/proc` cannot be opened.
    /// * [`Error::NotSupported`](crate::Error::NotSupported) on systems other than Windows and Linux, and on a Linux
    ///   with neither sock_diag nor IPv6.
    pub fn new() -> Result<System> {
        Backend::new().map(System::over)
    }

    fn over(backend: Backend) -> System {
        System { backend, owner_counts: OwnerCounts::default(), search: Buffer::new() }
    }

    /// Reads the current table into the buffer.
    ///
    /// # Errors
    ///
    /// * [`Error::NotSupported`](crate::Error::NotSupported) if this machine has no IPv6, or if the query requests
    ///   [`StateSet::BOUND`](crate::StateSet::BOUND) and the system does not list such sockets.
    /// * [`Error::Unstable`](crate::Error::Unstable) if the table changed during each of 16 attempts; on Linux also if
    ///   the kernel lacked memory at each (ENOBUFS, ENOMEM), or was busy with another dump (EBUSY).
    /// * [`Error::Os`](crate::Error::Os) with the code of the system if a call failed: on Windows 5 (access denied) or
    ///   8 (not enough memory); on Linux the errno of the netlink socket, of the dump, or of the file. The error has no
    ///   code and of the kind `TimedOut`, which is transient, if the kernel does not reply for 10 seconds.
    /// * [`Error::Malformed`](crate::Error::Malformed) if the reply of the system is not a table.
    /// * [`Error::OutOfMemory`](crate::Error::OutOfMemory) if an allocation fails.
    ///
    /// The buffer then holds no table.
    #[doc(alias = "GetTcp6Table")]
    #[doc(alias = "GetTcp6Table2")]
    #[doc(alias = "GetExtendedTcpTable")]
    pub fn table<'b, R: Row>(&mut self, query: &Query, buffer: &'b mut Buffer) -> Result<Table<'b, R>> {
        Table::read(self, query, buffer)
    }

    /// Reads the current table into the buffer, and the statistics of its sockets into `stats`.
    ///
    /// Both are reused: after the first tables, nothing is allocated. `stats` is borrowed for the call only, so that
    /// rows and statistics can be used together.
    ///
    /// On **Linux** the kernel sends the requested kinds ([`Stats::request`]) with the table: the queues are free, and
    /// [`StatsKinds`](crate::StatsKinds) lists what the others cost. In a table read from `/proc`, only the queues, the
    /// timer and the uid are known.
    ///
    /// On **Windows** no function returns statistics with the table. For each connection that the query selects, and
    /// each EStats type that the kinds need, GetPerTcp6ConnectionEStats is called once. Listeners and rows in
    /// TIME-WAIT have no statistics. A value is `None` unless its type is enabled for the connection
    /// ([`collect`](System::collect)), whoever enabled it. A connection that has closed since it was listed has no
    /// statistics. If the system lacks the function, as Wine does, `stats` is empty. If it refuses or fails to return
    /// statistics of a connection, the table is returned, and [`Stats::failures`] counts these connections.
    ///
    /// # Errors
    ///
    /// Those of [`table`](System::table). The buffer then holds no table, and `stats` is empty.
    ///
    /// # Example: unread bytes
    ///
    /// ```
    /// use tcp6::{Buffer, OwnerPidRow, Query, Stats, System};
    ///
    /// let (mut system, mut buffer, mut stats) = (System::new()?, Buffer::new(), Stats::new());
    /// let table = system.table_with_stats::<OwnerPidRow>(&Query::all(), &mut buffer, &mut stats)?;
    /// for row in table {
    ///     if let Some(unread) = stats.of(row).and_then(|stats| stats.unread_bytes).filter(|unread| *unread > 0) {
    ///         println!("{} has not read {unread} bytes from {:?}", row.owner(), row.remote());
    ///     }
    /// }
    /// # Ok::<(), tcp6::Error>(())
    /// ```
    pub fn table_with_stats<'b, R: Row>(
        &mut self,
        query: &Query,
        buffer: &'b mut Buffer,
        stats: &mut Stats,
    ) -> Result<Table<'b, R>> {
        Table::read_with_stats(self, query, buffer, stats)
    }

    /// Makes the system collect statistics of a connection, as long as the returned guard exists.
    ///
    /// Windows collects statistics only if an administrator enables it, for each connection and each type of
    /// statistics. This call reads which of the types that the kinds need ([`StatsKinds`]) are disabled, and enables
    /// them. [`table_with_stats`](System::table_with_stats) then returns their values. When the guard is dropped, it
    /// disables the types that this call enabled; [`StatsCollection::leave`] keeps them enabled.
    ///
    /// On **Linux** statistics are always collected. The call does nothing and returns a guard for every row.
    ///
    /// Returns `None` if the row has nothing to collect: its state is LISTEN, TIME-WAIT, CLOSED, DELETE-TCB or BOUND, or
    /// the connection is gone.
    ///
    /// # The state is shared
    ///
    /// The switch belongs to the connection, and all programs use the same one. A type that another program enabled
    /// stays enabled. If another program begins to rely on a type that this call enabled, dropping the guard takes it
    /// away; use `leave` if that matters. The same holds for two guards of one connection: only the first one disables
    /// types. The guard finds the connection by its ends, so that it affects a later connection with the same ends.
    ///
    /// Microsoft does not document what counters contain of the time before they were enabled: use
    /// [`Stats::delta`], never totals.
    ///
    /// # Errors
    ///
    /// * [`Error::Os`](crate::Error::Os) with the code of the system if a call failed: 5 (access denied) if the caller
    ///   is not an elevated administrator and a type is disabled. What this call enabled is disabled again.
    /// * [`Error::NotSupported`](crate::Error::NotSupported) if the system lacks the functions, as Wine does.
    ///
    /// # Example: bytes of all connections of one port
    ///
    /// ```no_run
    /// use tcp6::{BasicRow, Buffer, Query, Stats, StatsKinds, System};
    ///
    /// let (mut system, mut buffer) = (System::new()?, Buffer::new());
    /// let query = Query::all().local_port(443);
    /// let mut guards = Vec::new();
    /// for row in system.table::<BasicRow>(&query, &mut buffer)? {
    ///     guards.extend(system.collect(row, StatsKinds::DATA)?);
    /// }
    /// let mut stats = Stats::new().request(StatsKinds::DATA);
    /// for row in system.table_with_stats::<BasicRow>(&query, &mut buffer, &mut stats)? {
    ///     println!("{:?} {:?}", row.remote(), stats.of(row).and_then(|stats| stats.bytes_sent));
    /// }
    /// # Ok::<(), tcp6::Error>(())
    /// ```
    #[doc(alias = "SetPerTcp6ConnectionEStats")]
    pub fn collect<R: Row>(&mut self, row: &R, kinds: StatsKinds) -> Result<Option<StatsCollection>> {
        Ok(self.backend.collect(row, kinds)?.map(StatsCollection::new))
    }

    /// Finds the socket with these ends: a listener if `remote` is `None`.
    ///
    /// Returns `None` if there is none. Of several listeners on one end (SO_REUSEPORT) it returns one.
    ///
    /// # Cost
    ///
    /// On Linux it is one request of a few microseconds for the socket alone, whatever the size of the table. For a
    /// class with owners, it also reads what a refresh reads to resolve the owner ([Owners on
    /// Linux](System#owners-on-linux)). On Windows, and if sock_diag is refused, it reads the table and searches it.
    ///
    /// # Link-local addresses and bound interfaces
    ///
    /// A link-local address needs its scope id, as in rows. A connection with another address that SO_BINDTODEVICE has
    /// bound to an interface is not found on Linux; [`look_up`](System::look_up) finds it.
    ///
    /// # Errors
    ///
    /// Those of [`table`](System::table). That the socket does not exist is no error.
    ///
    /// # Example: the owner of one connection
    ///
    /// ```
    /// use std::net::{TcpListener, TcpStream};
    /// use tcp6::{Owner, OwnerPidRow, State, System};
    ///
    /// let listener = TcpListener::bind("[::1]:0")?;
    /// let client = TcpStream::connect(listener.local_addr()?)?;
    /// # let v6 = |address| match address { std::net::SocketAddr::V6(address) => address, _ => unreachable!() };
    /// let (local, remote) = (v6(client.local_addr()?), v6(client.peer_addr()?));
    ///
    /// let mut system = System::new()?;
    /// let row: OwnerPidRow = system.find(local, Some(remote))?.expect("the connection is open");
    /// assert_eq!(row.state(), State::Established);
    /// # #[cfg(target_os = "linux")]
    /// assert_eq!(row.owner(), Owner::Process(std::process::id()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn find<R: Row>(&mut self, local: SocketAddrV6, remote: Option<SocketAddrV6>) -> Result<Option<R>> {
        self.find_target(&Target::of_ends(local, remote))
    }

    /// Looks up the socket of a row: whether it still exists, and its current state and owner.
    ///
    /// Returns `None` if it is gone. For [`OwnerModuleRow`](crate::OwnerModuleRow), a new socket with the same ends is
    /// another socket; the other classes do not identify sockets, so that the new socket is returned.
    ///
    /// The cost and the errors are those of [`find`](System::find). On Linux, an
    /// [`OwnerModuleRow`](crate::OwnerModuleRow) contains the interface to which the socket is bound, so that every
    /// socket is found. A socket that was only bound is searched for in a table of its port.
    ///
    /// # Example: is this connection still there?
    ///
    /// ```
    /// use tcp6::{Buffer, OwnerModuleRow, Query, StateSet, System};
    ///
    /// let (mut system, mut buffer) = (System::new()?, Buffer::new());
    /// let query = Query::all().states(StateSet::ESTABLISHED);
    /// let table = system.table::<OwnerModuleRow>(&query, &mut buffer)?;
    /// if let Some(row) = table.first() {
    ///     match system.look_up(row)? {
    ///         Some(now) => println!("{} is {}", row.local(), now.state()),
    ///         None => println!("{} is gone", row.local()),
    ///     }
    /// }
    /// # Ok::<(), tcp6::Error>(())
    /// ```
    pub fn look_up<R: Row>(&mut self, row: &R) -> Result<Option<R>> {
        self.find_target(&Target::of_row(row))
    }

    fn find_target<R: Row>(&mut self, target: &Target) -> Result<Option<R>> {
        #[cfg(target_os = "linux")]
        if let Some(found) = self.backend.find(target)?.filter(|found| found.is_some() || !target.is_bound) {
            return Ok(found);
        }
        let mut buffer = mem::take(&mut self.search);
        let found = self
            .backend
            .fill(R::CLASS, &target.query(), &mut buffer, None)
            .and_then(|()| Ok(buffer.table::<R>()?.iter().find(|row| target.matches(*row)).copied()));
        self.search = buffer;
        found
    }

    /// Fills the buffer by `fill` and counts the owners.
    fn fill_by(
        &mut self,
        class: Class,
        buffer: &mut Buffer,
        fill: impl FnOnce(&mut Backend, &mut Buffer) -> Result<()>,
    ) -> Result<()> {
        self.owner_counts = OwnerCounts::default();
        fill(&mut self.backend, buffer).inspect_err(|_| buffer.clear())?;
        if class.has_owners() {
            let counts = by_class!(class, R => OwnerCounts::of(buffer.table::<R>()?.iter().map(Row::owner)));
            let (processes, refused) = self.backend.processes();
            self.owner_counts = OwnerCounts { processes, refused, ..counts };
        }
        Ok(())
    }

    /// The number of calls that read a table: function calls on Windows, dumps or reads of the file
    /// in `/proc` on Linux.
    ///
    /// A refresh is one call, or several if the table outgrew the buffer (Windows) or changed while it was read.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.backend.calls()
    }

    /// The number of owners of the last table that are known and unknown.
    ///
    /// All counts are zero if the class has no owners, or if the last refresh failed. The counts are those of the rows
    /// of the table on Linux. On Windows they are those of all rows that the system listed, or the listeners if the query asks for
    /// these alone and the class is that of [`OwnerPidRow`](crate::OwnerPidRow) or
    /// [`OwnerModuleRow`](crate::OwnerModuleRow).
    #[must_use]
    pub fn owner_counts(&self) -> OwnerCounts {
        self.owner_counts
    }

    /// Sets whether each table on Linux reads all descriptors of all processes.
    ///
    /// If it is off, which is the default, the owners of a table are exact if the processes that are new or have run
    /// since the last table have at most 4,096 descriptors together, counting 4 extra per process. Idle processes do
    /// not count. If they have n, an owner may be out of date or [unresolved](crate::Owner::Unresolved) for up to n /
    /// 1,024 tables, and n / 4,096 if nothing else uses the budget. [Owners on Linux](System#owners-on-linux) describes
    /// this bound, and an exception for changes within 10 ms.
    ///
    /// If it is on, each table of a class with owners reads all descriptors, in up to four threads if there are more
    /// than 4,096. That takes about 2.5 us of CPU time per descriptor, for which tables of other threads wait. On
    /// Windows it has no effect, because the system reports owners with the rows.
    pub fn set_exact_owners(&mut self, exact: bool) {
        #[cfg(target_os = "linux")]
        self.backend.set_exact_owners(exact);
        #[cfg(not(target_os = "linux"))]
        let _ = exact;
    }

    /// Reads the counters of the TCP stack.
    ///
    /// * On **Windows** they are those of IPv6: it calls GetTcpStatisticsEx2, or GetTcpStatisticsEx where that is missing.
    ///   Both are stateless.
    /// * On **Linux** they are those of IPv4 and IPv6 together, in one network namespace. It reads
    ///   `/proc/thread-self/net/snmp` and `netstat`, which takes about 40 us, three quarters of it for `netstat`. The
    ///   first call opens both files, and the `System` keeps their descriptors. So the first call must come from a
    ///   thread that is in the namespace in which the `System` was created; other calls may come from any thread. A
    ///   `System` that was opened for another namespace opens the files at once, and has no such limit.
    ///   `os::linux::SystemExt::tcp_ext` returns further counters of the same reading by their names.
    ///
    /// It needs no privilege. After the first call it allocates nothing unless the files grow.
    ///
    /// # Errors
    ///
    /// * [`Error::NotSupported`](crate::Error::NotSupported) on a Windows without IPv6.
    /// * [`Error::Os`](crate::Error::Os) with the code of the system if a call failed. On Linux the kind is `NotFound` if
    ///   the system has no file `snmp`, and the error has no code if the first call comes from another network namespace.
    /// * [`Error::Malformed`](crate::Error::Malformed) if the counters of the system have an unknown format.
    /// * [`Error::OutOfMemory`](crate::Error::OutOfMemory) if an allocation fails.
    ///
    /// # Example: what happened in one second
    ///
    /// ```no_run
    /// use std::{thread, time::Duration};
    ///
    /// let mut system = tcp6::System::new()?;
    /// let before = system.statistics()?;
    /// thread::sleep(Duration::from_secs(1));
    /// let delta = system.statistics()?.since(&before);
    /// println!("{:?} connections opened, {:?} accepted", delta.active_opens, delta.passive_opens);
    /// # Ok::<(), tcp6::Error>(())
    /// ```
    #[doc(alias = "GetTcpStatistics")]
    #[doc(alias = "GetTcpStatisticsEx")]
    #[doc(alias = "GetTcpStatisticsEx2")]
    pub fn statistics(&mut self) -> Result<Statistics> {
        self.backend.statistics()
    }

    /// See [`SystemExt::tcp_ext_counters`](crate::os::linux::SystemExt::tcp_ext_counters).
    #[cfg(target_os = "linux")]
    pub(crate) fn tcp_ext_counters(&self) -> impl Iterator<Item = (&str, u64)> {
        self.backend.tcp_ext_counters()
    }

    /// See
    /// [`SystemExt::unreconciled_refreshes`](crate::os::linux::SystemExt::unreconciled_refreshes).
    #[cfg(target_os = "linux")]
    pub(crate) fn unreconciled(&self) -> u64 {
        self.backend.unreconciled()
    }

    #[cfg(target_os = "linux")]
    fn in_namespace_by_text(&self, process: &ProcessDir, expected: NamespaceId) -> Result<System> {
        self.backend.in_namespace_by_text(process, Some(expected)).map(System::over)
    }

    /// See [`SystemExt::in_namespace`](crate::os::linux::SystemExt::in_namespace).
    #[cfg(target_os = "linux")]
    pub(crate) fn in_namespace(&self, namespace: BorrowedFd<'_>) -> Result<System> {
        self.backend.in_namespace(namespace).map(System::over)
    }

    /// See [`SystemExt::in_namespace_of`](crate::os::linux::SystemExt::in_namespace_of).
    #[cfg(target_os = "linux")]
    pub(crate) fn in_namespace_of(&self, pid: u32) -> Result<System> {
        self.backend.in_namespace_of(pid).map(System::over)
    }

    /// See [`SystemExt::is_text`](crate::os::linux::SystemExt::is_text).
    #[cfg(target_os = "linux")]
    pub(crate) fn is_text(&self) -> bool {
        self.backend.is_text()
    }

    /// See [`SystemExt::interface_names`](crate::os::linux::SystemExt::interface_names).
    #[cfg(target_os = "linux")]
    pub(crate) fn interface_names(&self) -> Result<InterfaceNames> {
        self.backend.interface_names()
    }

    /// See [`SystemExt::holders`](crate::os::linux::SystemExt::holders).
    #[cfg(target_os = "linux")]
    pub(crate) fn holders(&self, inode: u32) -> impl Iterator<Item = u32> {
        self.backend.holders(inode)
    }
}

impl Source for System {
    fn fill(&mut self, class: Class, query: &Query, buffer: &mut Buffer) -> Result<()> {
        self.fill_by(class, buffer, |backend, buffer| backend.fill(class, query, buffer, None))
    }

    fn fill_with_stats(&mut self, class: Class, query: &Query, buffer: &mut Buffer, stats: &mut Stats) -> Result<()> {
        self.fill_by(class, buffer, |backend, buffer| backend.fill(class, query, buffer, Some(&mut *stats)))
            .inspect_err(|_| stats.clear())
    }

    #[cfg(target_os = "linux")]
    fn subscribe(&mut self, options: &EventOptions) -> Result<()> {
        self.backend.subscribe(options)
    }

    #[cfg(target_os = "linux")]
    fn fill_with_events(
        &mut self,
        class: Class,
        query: &Query,
        buffer: &mut Buffer,
        events: &mut Events,
    ) -> Result<()> {
        self.fill_by(class, buffer, |backend, buffer| backend.fill_with_events(class, query, buffer, events))
    }
}
