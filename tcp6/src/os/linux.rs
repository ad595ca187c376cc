//! Linux extensions: network namespaces, interfaces, socket data, statistics, holders of a socket.
//!
//! The socket data is stored, with a marker, in the module words of [`OwnerModuleRow`] (`OwningModuleInfo`), which are
//! opaque on Windows. So a program on Windows can read it from a capture that was recorded on Linux.
//!
//! # Example: inode, user and cookie of each socket
//!
//! ```
//! use tcp6::os::linux::OwnerModuleRowExt;
//! use tcp6::{Buffer, OwnerModuleRow, Query, System};
//!
//! let (mut system, mut buffer) = (System::new()?, Buffer::new());
//! for row in system.table::<OwnerModuleRow>(&Query::all(), &mut buffer)? {
//!     if let Some(info) = row.socket_info() {
//!         println!("{} {:?} {:?} {:?}", row.local(), info.inode, info.uid, info.cookie);
//!     }
//! }
//! # Ok::<(), tcp6::Error>(())
//! ```

mod events;
mod stats;

pub use self::events::BriefExt;
pub use self::stats::{SocketStatsExt, StatsExt};
#[cfg(target_os = "linux")]
use crate::error::Result;
use crate::row::Row;
use crate::row::class::OwnerModuleRow;
use crate::row::socket_info;
pub use crate::row::socket_info::SocketInfo;
pub use crate::stats::memory::SocketMemory;
pub use crate::stats::tcp_info::TcpInfo;
pub use crate::stats::timer::Timer;
#[cfg(target_os = "linux")]
use crate::system::System;
#[cfg(target_os = "linux")]
use crate::system::linux::AsFd;
#[cfg(target_os = "linux")]
pub use crate::system::linux::interface_names::InterfaceNames;
#[cfg(target_os = "linux")]
pub use crate::system::linux::namespaces::{Namespace, Namespaces, namespaces};

/// Linux extensions of [`OwnerModuleRow`].
pub trait OwnerModuleRowExt {
    /// The inode, uid and cookie of the socket, or `None` if the row is not from Linux.
    fn socket_info(&self) -> Option<SocketInfo>;
}

impl OwnerModuleRowExt for OwnerModuleRow {
    #[inline]
    fn socket_info(&self) -> Option<SocketInfo> {
        socket_info::unpack(&self.as_raw().OwningModuleInfo)
    }
}

/// Linux extensions of [`System`].
///
/// # Network namespaces
///
/// A `System` has one table, that of one namespace. For several namespaces, open one for each: [`namespaces`] has an
/// example. They share what is known of processes ([Owners on Linux](System#owners-on-linux)), because the inodes of
/// sockets are one sequence for the machine. The other things count per namespace: addresses, scope ids and interfaces
/// can be equal in several.
///
/// A `System` keeps its namespace alive, even if no process is left in it.
#[cfg(target_os = "linux")]
pub trait SystemExt {
    /// Opens a system for the network namespace of this descriptor.
    ///
    /// The descriptor is that of a file such as `/run/netns/blue` or `/proc/1234/ns/net`. It can be closed afterwards.
    /// A thread is started that enters the namespace, opens the socket there, and ends, in about 100 us. If the calling
    /// thread is in the namespace already, no thread is started and no privilege is needed.
    ///
    /// # Errors
    ///
    /// Those of [`System::new`], and [`Error::Os`](crate::Error::Os) with the code
    ///
    /// * EPERM (1) if the caller lacks CAP_SYS_ADMIN in its user namespace and in that of the network namespace.
    ///   [`in_namespace_of`](SystemExt::in_namespace_of) needs no privilege.
    /// * EINVAL (22) if the descriptor is not a network namespace.
    /// * EAGAIN (11) if no thread can be started.
    ///
    /// # Example
    ///
    /// ```no_run
    /// use std::fs::File;
    /// use tcp6::os::linux::SystemExt;
    /// use tcp6::{BasicRow, Buffer, Query, System};
    ///
    /// let mut buffer = Buffer::new();
    /// let mut blue = System::new()?.in_namespace(File::open("/run/netns/blue")?)?;
    /// println!("{}", blue.table::<BasicRow>(&Query::all(), &mut buffer)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "setns")]
    fn in_namespace(&self, namespace: impl AsFd) -> Result<System>;

    /// Opens a system for the network namespace of this process.
    ///
    /// If entering the namespace is refused, it reads `/proc/PID/net/tcp6`, which every user may read. It is slower,
    /// and has no scope ids, interfaces, cookies and most statistics: [`is_text`](SystemExt::is_text).
    ///
    /// # Errors
    ///
    /// Those of [`in_namespace`](SystemExt::in_namespace) except EPERM, and [`Error::Os`](crate::Error::Os) with the
    /// code ENOENT (2) if the process has ended. A `System` that was opened remains usable if the process ends.
    fn in_namespace_of(&self, pid: u32) -> Result<System>;

    /// Whether the table is read from the text in `/proc`, not with sock_diag.
    ///
    /// Then rows have no scope ids, interfaces and cookies, tables are not reconciled, and few statistics are known.
    /// The answer becomes true at the first table if the kernel or a sandbox refuses requests of sock_diag.
    fn is_text(&self) -> bool;

    /// The names of the interfaces in the network namespace of this system.
    ///
    /// A system whose table is [text](SystemExt::is_text) has no indices to look up, and has no names.
    ///
    /// # Errors
    ///
    /// [`Error::Os`](crate::Error::Os) with the code EMFILE (24) if no descriptor is left.
    fn interface_names(&self) -> Result<InterfaceNames>;

    /// The processes that hold the socket with this inode, by ascending pid.
    ///
    /// A socket has several holders if a server forks or if the socket was passed to another process. The result is
    /// that of the last table with owners of any system of this process; nothing is read. The first one is the owner in
    /// the rows of that table. Each call searches all sockets of all processes, and allocates a list of the pids.
    ///
    /// After a table of some states only, a process that already existed and has received the socket since then may be
    /// missing until the next table of all states.
    ///
    /// ```
    /// use tcp6::os::linux::{OwnerModuleRowExt, SystemExt};
    /// use tcp6::{Buffer, OwnerModuleRow, Query, State, System};
    ///
    /// let (mut system, mut buffer) = (System::new()?, Buffer::new());
    /// let table = system.table::<OwnerModuleRow>(&Query::all(), &mut buffer)?;
    /// for row in table.iter().filter(|row| row.state() == State::Listen) {
    ///     if let Some(inode) = row.socket_info().and_then(|info| info.inode) {
    ///         let pids: Vec<u32> = system.holders(inode).collect();
    ///         println!("{} {pids:?}", row.local());
    ///     }
    /// }
    /// # Ok::<(), tcp6::Error>(())
    /// ```
    fn holders(&self, inode: u32) -> impl Iterator<Item = u32>;

    /// The number of tables that could not be reconciled with the previous table.
    ///
    /// While sockets are added and removed, a dump can omit other sockets. A `System` looks up each socket of the
    /// previous table that is missing. If the kernel or a sandbox refuses these look-ups, if the kernel does not reply
    /// within 1 s, or if it lacks buffer space for a single reply, the table is returned as the kernel listed it, and
    /// counted here. It may lack sockets that still exist: a watcher then reports them as Removed, and later as Added.
    /// No socket is in the table twice, and the next table is reconciled with this one.
    ///
    /// After a failure, look-ups pause for 100 times as long as they took. A table that is read during the pause is
    /// counted if a socket is missing. The look-ups of closed connections by a [watcher with
    /// events](crate::Watcher::with_events) are not counted if they fail. Tables read from `/proc` are never reconciled and
    /// never counted.
    ///
    /// ```
    /// use tcp6::{BasicRow, Buffer, Query, System, os::linux::SystemExt};
    ///
    /// let (mut system, mut buffer) = (System::new()?, Buffer::new());
    /// system.table::<BasicRow>(&Query::all(), &mut buffer)?;
    /// assert_eq!(system.unreconciled_refreshes(), 0, "the first table has no previous table");
    /// # Ok::<(), tcp6::Error>(())
    /// ```
    fn unreconciled_refreshes(&self) -> u64;

    /// A counter of `TcpExt` in `/proc/net/netstat` by its name, as of the last
    /// [`System::statistics`].
    ///
    /// `None` if the kernel has no counter of this name, or if `statistics` was not called or could not read the file.
    /// Nothing is read and nothing is allocated. Kernels add, rename and remove counters;
    /// [snmp_counter](https://docs.kernel.org/networking/snmp_counter.html) describes many of them. On a 64-bit kernel a
    /// counter that is smaller than before was reset.
    ///
    /// ```
    /// use tcp6::{System, os::linux::SystemExt};
    ///
    /// let mut system = System::new()?;
    /// let statistics = system.statistics()?;
    /// assert_eq!(system.tcp_ext("TCPTimeouts"), statistics.timeouts);
    /// println!("{:?} delayed acknowledgements", system.tcp_ext("DelayedACKs"));
    /// # Ok::<(), tcp6::Error>(())
    /// ```
    ///
    /// [`System::statistics`]: crate::System::statistics
    fn tcp_ext(&self, name: &str) -> Option<u64>;

    /// The name and value of each counter of `TcpExt`, as of the last [`System::statistics`], in
    /// the kernel's order.
    ///
    /// A column whose value is not an unsigned number is omitted. See [`tcp_ext`](SystemExt::tcp_ext).
    ///
    /// [`System::statistics`]: crate::System::statistics
    fn tcp_ext_counters(&self) -> impl Iterator<Item = (&str, u64)>;
}

#[cfg(target_os = "linux")]
impl SystemExt for System {
    fn in_namespace(&self, namespace: impl AsFd) -> Result<System> {
        System::in_namespace(self, namespace.as_fd())
    }

    fn in_namespace_of(&self, pid: u32) -> Result<System> {
        System::in_namespace_of(self, pid)
    }

    fn is_text(&self) -> bool {
        System::is_text(self)
    }

    fn interface_names(&self) -> Result<InterfaceNames> {
        System::interface_names(self)
    }

    fn holders(&self, inode: u32) -> impl Iterator<Item = u32> {
        System::holders(self, inode)
    }

    fn unreconciled_refreshes(&self) -> u64 {
        System::unreconciled(self)
    }

    fn tcp_ext(&self, name: &str) -> Option<u64> {
        self.tcp_ext_counters().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    fn tcp_ext_counters(&self) -> impl Iterator<Item = (&str, u64)> {
        crate::system::System::tcp_ext_counters(self)
    }
}
