//! What only Linux knows of a socket.
//!
//! It travels in the field of [`OwnerModuleRow`] that Windows keeps for itself (`OwningModuleInfo`), marked, so that it
//! is told apart wherever the row is read: a capture taken on Linux can be looked into on Windows.

use core::num::NonZeroU64;

use crate::{OwnerModuleRow, Row};

/// What Linux says of a socket besides its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SocketInfo {
    /// The inode of the socket's file, by which its owner is found; 0 if there is no file, so that nobody owns it.
    pub inode: u32,
    /// The user that made the socket; 0 (root's, too) where the kernel does not know.
    pub uid: u32,
    /// The kernel's number for the socket, which it never uses again; `None` if the table was read from `/proc`.
    ///
    /// A connection that enters TIME-WAIT leaves its socket, and what is left of it has a number of its own.
    pub cookie: Option<NonZeroU64>,
}

/// Access to what Linux says of a socket besides its row.
pub trait OwnerModuleRowExt {
    /// What Linux says of the socket; `None` if the row is from another system.
    fn socket_info(&self) -> Option<SocketInfo>;
}

impl OwnerModuleRowExt for OwnerModuleRow {
    #[inline]
    fn socket_info(&self) -> Option<SocketInfo> {
        unpack(&self.as_raw().OwningModuleInfo)
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

/// In the last word: this is Linux'. Windows has been seen to use the first word only.
const MARK: u64 = u64::from_be_bytes(*b"tcp6:lnx");
const AT_MARK: usize = 15;
const AT_COOKIE: usize = 1;
const AT_INODE: usize = 2;
const AT_UID: usize = 3;

/// The field with this in it.
pub(crate) fn pack(inode: u32, uid: u32, cookie: u64) -> [u64; 16] {
    let mut words = [0; 16];
    words[AT_MARK] = MARK;
    words[AT_COOKIE] = cookie;
    words[AT_INODE] = inode.into();
    words[AT_UID] = uid.into();
    words
}

/// What is in the field, if Linux wrote it.
#[inline]
pub(crate) fn unpack(words: &[u64; 16]) -> Option<SocketInfo> {
    (words[AT_MARK] == MARK).then(|| SocketInfo {
        inode: words[AT_INODE] as u32,
        uid: words[AT_UID] as u32,
        cookie: NonZeroU64::new(words[AT_COOKIE]),
    })
}
