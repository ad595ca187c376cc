//! The netlink socket over which the kernel is asked.

use core::time::Duration;

use rustix::fd::OwnedFd;
use rustix::io::{Errno, retry_on_intr};
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::socket_with;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, getsockname, recvfrom, send};

use super::diag::{CALL, Dump, Progress, request};
use super::socket::Socket;
use crate::error::{Error, Malformed, Result};

/// The largest datagram that the kernel makes of a dump: it follows the size of the buffer that it is received into, up
/// to about this.
const DATAGRAM: usize = 32 * 1024;

/// A dump answers at once; a kernel that says nothing for so long will not say anything.
const PATIENCE: Duration = Duration::from_secs(10);

/// A socket of its own for dumps, and the buffer that they are received into.
#[derive(Debug)]
pub(super) struct Netlink {
    socket: OwnedFd,
    /// What the kernel calls the socket; its answers bear it.
    port: u32,
    sequence: u32,
    /// Whether the answer to an earlier request may be only half received.
    stale: bool,
    datagram: Box<[u8]>,
}

/// How a dump failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Another attempt may do: the table changed meanwhile, or the kernel was short of memory for a moment.
    Passing(std::io::Error),
    /// Another attempt is of no use.
    Lasting(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Lasting(error)
    }
}

impl Netlink {
    pub(super) fn open() -> Result<Netlink, Errno> {
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(SOCK_DIAG))?;
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
        bind(&socket, &SocketAddrNetlink::new(0, 0))?;
        let port = SocketAddrNetlink::try_from(getsockname(&socket)?)?.pid();
        Ok(Netlink { socket, port, sequence: 0, stale: false, datagram: vec![0; DATAGRAM].into() })
    }

    /// One dump of the sockets whose states are in `states`, given to `found` in the kernel's order.
    pub(super) fn dump(&mut self, states: u32, mut found: impl FnMut(Socket) -> Result<()>) -> Result<(), Failure> {
        if self.stale {
            self.drain()?;
        }
        self.sequence = self.sequence.wrapping_add(1);
        let request = request(self.sequence, states);
        // Whatever happens from here on until the end of the dump leaves a part of it in the socket.
        self.stale = true;
        match retry_on_intr(|| send(&self.socket, &request, SendFlags::empty())) {
            Ok(_) => {}
            Err(Errno::NOBUFS) => return Err(Failure::Passing(Errno::NOBUFS.into())),
            Err(errno) => return Err(Error::os("send to sock_diag", errno).into()),
        }
        let mut dump = Dump::new(self.sequence, self.port);
        loop {
            let Some(length) = self.receive(RecvFlags::empty())? else { continue };
            if dump.read(&self.datagram[..length], &mut found)? == Progress::Done {
                break;
            }
        }
        self.stale = false;
        if dump.was_interrupted() {
            return Err(Failure::Passing(Errno::INTR.into()));
        }
        Ok(())
    }

    /// Receives what is left of a dump that was given up. The kernel goes on with one as it is received, so there is an
    /// end to it; and it refuses to begin another before.
    fn drain(&mut self) -> Result<(), Failure> {
        loop {
            match self.receive(RecvFlags::DONTWAIT) {
                Ok(_) => {}
                Err(Failure::Passing(error)) if error.raw_os_error() == Some(Errno::AGAIN.raw_os_error()) => {
                    return Ok(());
                }
                Err(Failure::Passing(_)) | Err(Failure::Lasting(Error::Malformed(_))) => {}
                Err(lasting) => return Err(lasting),
            }
        }
    }

    /// Receives a datagram and gives its length, or `None` if it is from somebody else.
    fn receive(&mut self, flags: RecvFlags) -> Result<Option<usize>, Failure> {
        // TRUNC: the length that the datagram had, not the one that there was room for.
        let received = retry_on_intr(|| recvfrom(&self.socket, &mut self.datagram[..], flags | RecvFlags::TRUNC));
        let (length, sender) = match received {
            Ok((_, length, sender)) => (length, sender),
            Err(errno @ (Errno::NOBUFS | Errno::AGAIN)) => return Err(Failure::Passing(errno.into())),
            Err(errno) => return Err(Error::os("recv from sock_diag", errno).into()),
        };
        // Any process may send to a netlink socket. The kernel's port is 0.
        let from_kernel =
            sender.and_then(|sender| SocketAddrNetlink::try_from(sender).ok()).is_some_and(|s| s.pid() == 0);
        if !from_kernel {
            return Ok(None);
        }
        if length > self.datagram.len() {
            return Err(Error::from(Malformed::Message { length, bytes: self.datagram.len() }).into());
        }
        Ok(Some(length))
    }
}

/// The error of a table that would not stand still.
pub(super) fn unstable(attempts: u32, last: std::io::Error) -> Error {
    Error::Unstable { call: CALL, attempts, last }
}
