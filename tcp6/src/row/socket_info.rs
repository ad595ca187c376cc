//! What Linux says of a socket in the field that Windows keeps for itself.

use core::num::NonZeroU64;

/// What Linux says of a socket besides its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SocketInfo {
    /// The inode of the socket's file, by which its owner is found; `None` if it has no file, so that nobody owns it.
    pub inode: Option<u32>,
    /// The user that made the socket; `None` if the kernel does not report one, as for sockets without a file.
    pub uid: Option<u32>,
    /// The kernel's number for the socket (`sock_diag` cookie); `None` if the table was read from `/proc`.
    ///
    /// The kernel creates it when it first reports the socket, and never uses it again. It stays the same from SYN-RECEIVED
    /// to TIME-WAIT, while `inode` and `uid` change to `None` when the connection closes. Numbers are not in the order of
    /// creation.
    ///
    /// Before Linux 4.1 it is the address of the socket in the kernel: TIME-WAIT has another one than the connection had,
    /// and a later socket can have the same.
    pub cookie: Option<NonZeroU64>,
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
    (words[AT_MARK] == MARK).then(|| {
        let (inode, uid) = (words[AT_INODE] as u32, words[AT_UID] as u32);
        SocketInfo {
            inode: (inode != 0).then_some(inode),
            // The kernel writes 0 for a socket without a file, which is not root's.
            uid: (inode != 0 || uid != 0).then_some(uid),
            cookie: NonZeroU64::new(words[AT_COOKIE]),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_of_the_kernel_read_as_unknown() {
        let info = |inode, uid, cookie| {
            let info = unpack(&pack(inode, uid, cookie)).unwrap();
            (info.inode, info.uid, info.cookie.map(NonZeroU64::get))
        };
        assert_eq!(info(7, 0, 9), (Some(7), Some(0), Some(9)), "root's socket");
        assert_eq!(info(7, 1000, 0), (Some(7), Some(1000), None));
        assert_eq!(info(0, 0, 9), (None, None, Some(9)), "TIME-WAIT");
        assert_eq!(info(0, 1000, 9), (None, Some(1000), Some(9)));
        assert_eq!(unpack(&[0; 16]), None);
    }
}
