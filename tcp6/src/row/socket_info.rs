//! The socket data of Linux, stored in `OwningModuleInfo`, which only Windows uses otherwise.

use core::num::{NonZeroU32, NonZeroU64};

/// The inode, uid, cookie and interface of a socket on Linux.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SocketInfo {
    /// The inode of the socket, by which its owner is found.
    ///
    /// `None` if the socket has no file, so that no process owns it.
    pub inode: Option<u32>,
    /// The id of the user who created the socket.
    ///
    /// `None` if the kernel does not report one, as for sockets without a file.
    pub uid: Option<u32>,
    /// The `sock_diag` cookie of the socket; `None` if the table was read from `/proc`.
    ///
    /// The kernel creates the cookie when it first reports the socket, and never reuses it. The cookie stays the same
    /// from SYN-RECEIVED to TIME-WAIT, while `inode` and `uid` become `None` when the connection closes, except that
    /// [a connection can have two](crate::Diff#connections-with-two-identities-on-linux). Cookies are not in the order in
    /// which sockets were created.
    ///
    /// Before Linux 4.1 the cookie is the address of the socket in the kernel. It changes in TIME-WAIT, and a later
    /// socket can have the same one.
    pub cookie: Option<NonZeroU64>,
    /// The index of the interface to which the socket is bound, by SO_BINDTODEVICE or by a
    /// link-local address.
    ///
    /// `None` if it is bound to none, and if the table was read from `/proc`. The index is that of the network
    /// namespace of the socket.
    pub interface: Option<NonZeroU32>,
}

/// Marks words that were written on Linux, in the last word.
///
/// Windows was observed to use only the first word.
const MARK: u64 = u64::from_be_bytes(*b"tcp6:lnx");
const AT_MARK: usize = 15;
const AT_COOKIE: usize = 1;
const AT_INODE: usize = 2;
const AT_UID: usize = 3;
const AT_INTERFACE: usize = 4;

/// The module words that hold this data. Zero is unknown.
pub(crate) fn pack(inode: u32, uid: u32, cookie: u64, interface: u32) -> [u64; 16] {
    let mut words = [0; 16];
    words[AT_MARK] = MARK;
    words[AT_COOKIE] = cookie;
    words[AT_INODE] = inode.into();
    words[AT_UID] = uid.into();
    words[AT_INTERFACE] = interface.into();
    words
}

/// The uid that the kernel reports, or `None` if it reports none.
///
/// The kernel reports uid 0 for a socket without a file. It does not belong to root.
#[inline]
pub(crate) fn known_uid(inode: u32, uid: u32) -> Option<u32> {
    (inode != 0 || uid != 0).then_some(uid)
}

/// The data in these module words, or `None` if they were not written on Linux.
#[inline]
pub(crate) fn unpack(words: &[u64; 16]) -> Option<SocketInfo> {
    (words[AT_MARK] == MARK).then(|| {
        let (inode, uid) = (words[AT_INODE] as u32, words[AT_UID] as u32);
        SocketInfo {
            inode: (inode != 0).then_some(inode),
            uid: known_uid(inode, uid),
            cookie: NonZeroU64::new(words[AT_COOKIE]),
            interface: NonZeroU32::new(words[AT_INTERFACE] as u32),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_unknown_except_for_the_uid_of_root() {
        let info = |inode, uid, cookie| {
            let info = unpack(&pack(inode, uid, cookie, 0)).unwrap();
            (info.inode, info.uid, info.cookie.map(NonZeroU64::get))
        };
        assert_eq!(info(7, 0, 9), (Some(7), Some(0), Some(9)), "socket of root");
        assert_eq!(info(7, 1000, 0), (Some(7), Some(1000), None));
        assert_eq!(info(0, 0, 9), (None, None, Some(9)), "TIME-WAIT");
        assert_eq!(info(0, 1000, 9), (None, Some(1000), Some(9)));
        assert_eq!(unpack(&[0; 16]), None);
        let interface = |interface| unpack(&pack(7, 0, 9, interface)).unwrap().interface;
        assert_eq!((interface(0), interface(2)), (None, NonZeroU32::new(2)));
    }
}
