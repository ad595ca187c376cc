//! What only Linux knows of a socket.
//!
//! It travels in the field of [`OwnerModuleRow`] that Windows keeps for itself (`OwningModuleInfo`), marked, so that it
//! is told apart wherever the row is read: a capture taken on Linux can be looked into on Windows.

use crate::row::Row;
use crate::row::class::OwnerModuleRow;
use crate::row::socket_info;
pub use crate::row::socket_info::SocketInfo;

/// Access to what Linux says of a socket besides its row.
pub trait OwnerModuleRowExt {
    /// What Linux says of the socket; `None` if the row is from another system.
    fn socket_info(&self) -> Option<SocketInfo>;
}

impl OwnerModuleRowExt for OwnerModuleRow {
    #[inline]
    fn socket_info(&self) -> Option<SocketInfo> {
        socket_info::unpack(&self.as_raw().OwningModuleInfo)
    }
}

/// What a [`System`](crate::system::System) can say on Linux only.
#[cfg(target_os = "linux")]
pub trait SystemExt {
    /// Every process that holds the socket with this inode, by ascending pid; the first one is the owner that rows name.
    ///
    /// As of the last table of a class that has owners: it reads nothing anew. A server that forks, and a socket that was
    /// handed over, have several. It looks through all sockets of all processes. After a table of some states only, a
    /// process that was known before and has got the socket since may be missing, until the next table of all states.
    fn holders(&self, inode: u32) -> impl Iterator<Item = u32>;

    /// The number of tables that could not be reconciled with the table before.
    ///
    /// A dump of the kernel can pass over sockets while others come and go. A `System` looks up each socket that was in the
    /// table before and is missing now. If the kernel or a sandbox refuses these look-ups, does not answer them within 1 s,
    /// or has no room for a single reply, the table is returned as the kernel listed it, and counted here. Sockets that the
    /// kernel passed over may then be missing, so that a watcher reports them as Removed and later as Added. No socket is
    /// in the table twice, and the next table is compared with this one.
    ///
    /// After a failure, look-ups pause for 100 times the time that they took. Tables of the pause are counted if a socket
    /// is missing. Tables read from `/proc` are never reconciled and not counted.
    ///
    /// ```
    /// use tcp6::{BasicRow, Buffer, Query, System, os::linux::SystemExt};
    ///
    /// let (mut system, mut buffer) = (System::new()?, Buffer::new());
    /// system.table::<BasicRow>(&Query::all(), &mut buffer)?;
    /// assert_eq!(system.unreconciled_refreshes(), 0, "the first table is compared with none");
    /// # Ok::<(), tcp6::Error>(())
    /// ```
    fn unreconciled_refreshes(&self) -> u64;
}

#[cfg(target_os = "linux")]
impl SystemExt for crate::system::System {
    fn holders(&self, inode: u32) -> impl Iterator<Item = u32> {
        crate::system::System::holders(self, inode)
    }

    fn unreconciled_refreshes(&self) -> u64 {
        crate::system::System::unreconciled(self)
    }
}
