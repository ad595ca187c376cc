//! Linux extensions: socket data, statistics, holders of a socket, unreconciled tables, and counters by name.
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

mod stats;

pub use self::stats::{SocketStatsExt, StatsExt};
use crate::row::Row;
use crate::row::class::OwnerModuleRow;
use crate::row::socket_info;
pub use crate::row::socket_info::SocketInfo;
pub use crate::stats::memory::SocketMemory;
pub use crate::stats::tcp_info::TcpInfo;
pub use crate::stats::timer::Timer;

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

/// Linux extensions of [`System`](crate::system::System).
#[cfg(target_os = "linux")]
pub trait SystemExt {
    /// The processes that hold the socket with this inode, by ascending pid.
    ///
    /// The first one is the owner in rows.
    ///
    /// A socket has several holders if a server forks or if the socket was passed to another process. The result is
    /// that of the last table of a class with owners; nothing is read. Each call searches all sockets of all processes.
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
    /// counted if a socket is missing. Tables read from `/proc` are never reconciled and never counted.
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
impl SystemExt for crate::system::System {
    fn holders(&self, inode: u32) -> impl Iterator<Item = u32> {
        crate::system::System::holders(self, inode)
    }

    fn unreconciled_refreshes(&self) -> u64 {
        crate::system::System::unreconciled(self)
    }

    fn tcp_ext(&self, name: &str) -> Option<u64> {
        self.tcp_ext_counters().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    fn tcp_ext_counters(&self) -> impl Iterator<Item = (&str, u64)> {
        crate::system::System::tcp_ext_counters(self)
    }
}
