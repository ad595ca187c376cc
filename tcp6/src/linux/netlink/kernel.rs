//! The netlink socket itself.

use core::time::Duration;

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::socket_with;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, getsockname, recvfrom, send};

use super::channel::{Received, Transport};

/// A dump answers at once; a kernel that says nothing for so long will not say anything.
const PATIENCE: Duration = Duration::from_secs(10);

/// A socket for sock_diag.
#[derive(Debug)]
pub(in crate::linux) struct KernelSocket(OwnedFd);

impl KernelSocket {
    /// The socket, and what the kernel calls it.
    pub(super) fn open() -> Result<(KernelSocket, u32), Errno> {
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(SOCK_DIAG))?;
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
        bind(&socket, &SocketAddrNetlink::new(0, 0))?;
        let port = SocketAddrNetlink::try_from(getsockname(&socket)?)?.pid();
        Ok((KernelSocket(socket), port))
    }
}

impl Transport for KernelSocket {
    fn send(&mut self, request: &[u8]) -> Result<(), Errno> {
        send(&self.0, request, SendFlags::empty()).map(|_| ())
    }

    fn receive(&mut self, into: &mut [u8], wait: bool) -> Result<Received, Errno> {
        let flags = if wait { RecvFlags::empty() } else { RecvFlags::DONTWAIT };
        // TRUNC: the length that the datagram had, not the one that there was room for.
        let (_, length, sender) = recvfrom(&self.0, into, flags | RecvFlags::TRUNC)?;
        // The kernel's port is 0.
        let from_kernel =
            sender.and_then(|sender| SocketAddrNetlink::try_from(sender).ok()).is_some_and(|s| s.pid() == 0);
        Ok(Received { length, from_kernel })
    }
}
