//! The netlink socket for sock_diag.

use core::time::Duration;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::socket_with;
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_recv_buffer_size_force, socket_recv_buffer_size};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, getsockname, recvfrom, send};

use super::inet_diag::MAX_BATCH;
use super::sockopt;
use super::transport::{Received, Transport};

/// The bytes reserved in the receive buffer for one reply to a look-up.
///
/// Linux 6.18 charges 1,280 bytes for a reply.
const REPLY_CHARGE: usize = 4096;

/// The size of a receive buffer that holds all replies to a batch. Dumps work with any size.
const RECV_BUFFER: usize = MAX_BATCH * REPLY_CHARGE;

/// A socket for sock_diag, in the network namespace of the thread that opens it.
#[derive(Debug)]
pub(in crate::system::linux) struct KernelSocket {
    socket: OwnedFd,
    opened: Instant,
}

impl KernelSocket {
    /// Opens a socket and returns it with its netlink port.
    pub(in crate::system::linux) fn open() -> Result<(KernelSocket, u32), Errno> {
        let mut socket = sock_diag()?;
        let default = socket_recv_buffer_size(&socket)?;
        if default < RECV_BUFFER {
            enlarge(&socket);
            // A small net.core.rmem_max may have reduced the size.
            if socket_recv_buffer_size(&socket)? < default {
                socket = sock_diag()?;
            }
        }
        bind(&socket, &SocketAddrNetlink::new(0, 0))?;
        let port = SocketAddrNetlink::try_from(getsockname(&socket)?)?.pid();
        Ok((KernelSocket { socket, opened: Instant::now() }, port))
    }

    /// The number of the network namespace of the socket. `None` before Linux 5.14.
    pub(super) fn namespace(&self) -> Option<u64> {
        sockopt::namespace(&self.socket).ok()
    }

    #[cfg(test)]
    pub(in crate::system::linux) fn receive_buffer(&self) -> usize {
        socket_recv_buffer_size(&self.socket).unwrap()
    }

    /// Makes the receive buffer as small as the kernel allows.
    #[cfg(test)]
    pub(in crate::system::linux) fn shrink_receive_buffer(&self) {
        set_socket_recv_buffer_size(&self.socket, 1).unwrap();
    }
}

impl AsFd for KernelSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

pub(super) fn sock_diag() -> Result<OwnedFd, Errno> {
    socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(SOCK_DIAG))
}

/// Tries to enlarge the receive buffer to [`RECV_BUFFER`]. If this fails, batches are smaller.
fn enlarge(socket: &OwnedFd) {
    // The kernel doubles the value.
    let _ = set_socket_recv_buffer_size(socket, RECV_BUFFER / 2);
    if socket_recv_buffer_size(socket).is_ok_and(|size| size < RECV_BUFFER) {
        // SO_RCVBUFFORCE lets a privileged process exceed net.core.rmem_max.
        let _ = set_socket_recv_buffer_size_force(socket, RECV_BUFFER / 2);
    }
}

impl Transport for KernelSocket {
    fn send(&mut self, request: &[u8]) -> Result<(), Errno> {
        send(&self.socket, request, SendFlags::empty()).map(|_| ())
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<Received, Errno> {
        // With MSG_TRUNC, recvfrom returns the full length of a datagram that does not fit.
        let (_, length, sender) = recvfrom(&self.socket, buffer, RecvFlags::DONTWAIT | RecvFlags::TRUNC)?;
        // The netlink port of the kernel is 0.
        let from_kernel =
            sender.and_then(|sender| SocketAddrNetlink::try_from(sender).ok()).is_some_and(|s| s.pid() == 0);
        Ok(Received { length, from_kernel })
    }

    fn wait(&mut self, timeout: Duration) -> Result<(), Errno> {
        let timeout = Timespec::try_from(timeout).map_err(|_| Errno::INVAL)?;
        poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], Some(&timeout)).map(|_| ())
    }

    fn now(&mut self) -> Duration {
        self.opened.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enlarges_a_small_receive_buffer() {
        let socket = sock_diag().unwrap();
        set_socket_recv_buffer_size(&socket, 1).unwrap();
        assert!(socket_recv_buffer_size(&socket).unwrap() < RECV_BUFFER);
        enlarge(&socket);
        let size = socket_recv_buffer_size(&socket).unwrap();
        // The kernel doubles the limit as well.
        let limit = std::fs::read_to_string("/proc/sys/net/core/rmem_max")
            .map(|text| 2 * text.trim().parse::<usize>().unwrap());
        assert!(size >= RECV_BUFFER || limit.is_ok_and(|limit| size == limit), "{size} bytes");
    }
}
