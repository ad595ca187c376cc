//! What only Linux knows of a socket.
//!
//! It travels in the field of [`OwnerModuleRow`] that Windows keeps for itself (`OwningModuleInfo`), marked, so that it
//! is told apart wherever the row is read: a capture taken on Linux can be looked into on Windows.

pub use crate::row::linux_info::SocketInfo;
use crate::{OwnerModuleRow, Row, row};

/// Access to what Linux says of a socket besides its row.
pub trait OwnerModuleRowExt {
    /// What Linux says of the socket; `None` if the row is from another system.
    fn socket_info(&self) -> Option<SocketInfo>;
}

impl OwnerModuleRowExt for OwnerModuleRow {
    #[inline]
    fn socket_info(&self) -> Option<SocketInfo> {
        row::linux_info::unpack(&self.as_raw().OwningModuleInfo)
    }
}

/// What a [`System`](crate::System) can say on Linux only.
#[cfg(target_os = "linux")]
pub trait SystemExt {
    /// Every process that holds the socket with this inode, by ascending pid; the first one is the owner that rows name.
    ///
    /// As of the last table of a class that has owners: it reads nothing anew. A server that forks, and a socket that was
    /// handed over, have several. It looks through all sockets of all processes. After a table of some states only, a
    /// process that was known before and has got the socket since may be missing, until the next table of all states.
    fn holders(&self, inode: u32) -> impl Iterator<Item = u32>;
}

#[cfg(target_os = "linux")]
impl SystemExt for crate::System {
    fn holders(&self, inode: u32) -> impl Iterator<Item = u32> {
        crate::System::holders(self, inode)
    }
}
