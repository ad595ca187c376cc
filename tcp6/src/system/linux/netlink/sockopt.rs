//! Socket options of netlink without a safe wrapper.
#![allow(unsafe_code)]

use core::mem::{MaybeUninit, size_of};
use std::os::fd::AsRawFd;

use rustix::fd::{AsFd, BorrowedFd};
use rustix::io::Errno;

/// `SO_MEMINFO`, since Linux 4.12: 9 words, of which the last is the number of drops.
const SO_MEMINFO: libc::c_int = 55;
const MEMINFO_WORDS: usize = 9;
const MEMINFO_DROPS: usize = 8;

/// `SO_NETNS_COOKIE`, since Linux 5.14.
const SO_NETNS_COOKIE: libc::c_int = 71;

/// `SOL_NETLINK` and `NETLINK_NO_ENOBUFS`.
const SOL_NETLINK: libc::c_int = 270;
const NETLINK_NO_ENOBUFS: libc::c_int = 5;

/// The number of datagrams that the kernel could not queue since the socket was opened. Wraps.
///
/// # Errors
///
/// ENOPROTOOPT before Linux 4.12.
pub(super) fn drops(socket: impl AsFd) -> Result<u32, Errno> {
    Ok(get::<[u32; MEMINFO_WORDS]>(socket.as_fd(), SO_MEMINFO)?[MEMINFO_DROPS])
}

/// The number of the network namespace of a socket. Namespaces never share one.
///
/// # Errors
///
/// ENOPROTOOPT before Linux 5.14.
pub(super) fn namespace(socket: impl AsFd) -> Result<u64, Errno> {
    get(socket.as_fd(), SO_NETNS_COOKIE)
}

/// Makes the kernel count the datagrams that it cannot queue, and not report ENOBUFS.
///
/// After ENOBUFS it drops all datagrams until the queue has been read to its end.
pub(super) fn disable_enobufs(socket: impl AsFd) -> Result<(), Errno> {
    let on: libc::c_int = 1;
    let size = size_of::<libc::c_int>() as libc::socklen_t;
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: `on` is valid for reads of `size` bytes, and the descriptor is open.
    let code = unsafe { libc::setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, (&raw const on).cast(), size) };
    if code == 0 { Ok(()) } else { Err(last_error()) }
}

/// An integer, or an array of integers.
trait Plain: Copy {}
impl Plain for u64 {}
impl Plain for [u32; MEMINFO_WORDS] {}

/// Reads a socket option of level `SOL_SOCKET`.
fn get<T: Plain>(socket: BorrowedFd<'_>, option: libc::c_int) -> Result<T, Errno> {
    let mut value = MaybeUninit::<T>::zeroed();
    let mut size = size_of::<T>() as libc::socklen_t;
    let fd = socket.as_raw_fd();
    // SAFETY: `value` is valid for writes of `size` bytes, which the kernel does not exceed, and the descriptor is open.
    let code = unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, option, value.as_mut_ptr().cast(), &raw mut size) };
    if code != 0 {
        return Err(last_error());
    }
    if size as usize != size_of::<T>() {
        return Err(Errno::INVAL);
    }
    // SAFETY: all bytes were zeroed, and any bytes are a value of a `Plain` type.
    Ok(unsafe { value.assume_init() })
}

fn last_error() -> Errno {
    std::io::Error::last_os_error().raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error)
}
