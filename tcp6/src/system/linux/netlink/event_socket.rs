//! The netlink socket that receives destroy events.

use core::time::Duration;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::sockopt::{
    set_socket_recv_buffer_size, set_socket_recv_buffer_size_force, socket_cookie, socket_recv_buffer_size,
};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recvfrom, socket_with};

use super::events::{self, Event};
use super::socket::sock_diag;
use super::sockopt;

/// The bit of `SKNLGRP_INET6_TCP_DESTROY` in the groups of a netlink address.
const INET6_TCP_DESTROY: u32 = 1 << (3 - 1);

/// The size in bytes of the buffer for a datagram. Linux 6.18 sends one event of 380 bytes in each.
const DATAGRAM: usize = 4096;

/// The time to wait for the event of the socket that tests whether there are events.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// A socket that receives the destroy events of the network namespace of the thread that opens it.
#[derive(Debug)]
pub(in crate::system::linux) struct EventSocket {
    socket: OwnedFd,
    /// Whether the kernel counts drops; otherwise it reports ENOBUFS.
    counts_drops: bool,
}

/// What [`EventSocket::receive`] counts besides events.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::system::linux) struct Counts {
    /// Datagrams that are not messages of sockets.
    pub(in crate::system::linux) malformed: u64,
    /// The number of times that the receive buffer was full.
    pub(in crate::system::linux) overflows: u64,
}

impl EventSocket {
    /// Opens a socket with a receive buffer of this size, if that is permitted.
    ///
    /// # Errors
    ///
    /// EOPNOTSUPP if no events arrive, as before Linux 4.2.
    pub(in crate::system::linux) fn open(receive_buffer: usize) -> Result<EventSocket, Errno> {
        let socket = sock_diag()?;
        enlarge(&socket, receive_buffer);
        bind(&socket, &SocketAddrNetlink::new(0, INET6_TCP_DESTROY))?;
        let counts_drops = sockopt::drops(&socket).is_ok() && sockopt::disable_enobufs(&socket).is_ok();
        let socket = EventSocket { socket, counts_drops };
        socket.probe()?;
        Ok(socket)
    }

    /// Destroys a socket and waits for its event.
    ///
    /// Without the group, or the module of the kernel, the socket opens and no events arrive. Events before that of the
    /// probe are older than the first table, and are dropped.
    fn probe(&self) -> Result<(), Errno> {
        let tcp = socket_with(AddressFamily::INET6, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        // Before Linux 4.6, any event ends the probe.
        let cookie = socket_cookie(&tcp).ok();
        drop(tcp);
        let mut datagram = [0; DATAGRAM];
        let mut has_events = false;
        let start = Instant::now();
        while let Some(rest) = PROBE_TIMEOUT.checked_sub(start.elapsed()).filter(|rest| !rest.is_zero()) {
            let timeout = Timespec::try_from(rest).map_err(|_| Errno::INVAL)?;
            match poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], Some(&timeout)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
            let mut is_found = false;
            match self.receive_one(&mut datagram) {
                Ok(Some(bytes)) => drop(events::read(bytes, |event| {
                    has_events = true;
                    is_found |= cookie.is_none_or(|cookie| cookie == event.cookie());
                    Ok(())
                })),
                Ok(None) | Err(Errno::AGAIN | Errno::INTR | Errno::NOBUFS) => {}
                Err(errno) => return Err(errno),
            }
            if is_found {
                return Ok(());
            }
        }
        // That of the probe can be lost if the buffer is small.
        if has_events { Ok(()) } else { Err(Errno::OPNOTSUPP) }
    }

    /// Receives a datagram of the kernel.
    ///
    /// `None` for one of another sender, or one that does not fit.
    fn receive_one<'a>(&self, datagram: &'a mut [u8]) -> Result<Option<&'a [u8]>, Errno> {
        let (_, length, sender) = recvfrom(&self.socket, &mut *datagram, RecvFlags::DONTWAIT | RecvFlags::TRUNC)?;
        let is_from_kernel =
            sender.and_then(|sender| SocketAddrNetlink::try_from(sender).ok()).is_some_and(|s| s.pid() == 0);
        Ok(datagram.get(..length).filter(|_| is_from_kernel))
    }

    /// Receives events without blocking, until none is available or there are `max`.
    ///
    /// It also stops if memory is lacking or the kernel reports an error: later events then wait in the receive buffer.
    pub(in crate::system::linux) fn receive(
        &self,
        datagram: &mut [u8],
        received: &mut Vec<Event>,
        max: usize,
        counts: &mut Counts,
    ) {
        while received.len() < max && received.try_reserve(1).is_ok() {
            match self.receive_one(datagram) {
                Ok(Some(bytes)) => {
                    let read = events::read(bytes, |event| {
                        received.push(event);
                        Ok(())
                    });
                    counts.malformed += u64::from(read.is_err());
                }
                Ok(None) | Err(Errno::INTR) => {}
                Err(Errno::NOBUFS) => counts.overflows += 1,
                Err(_) => return,
            }
        }
    }

    /// The number of the network namespace of the events. `None` before Linux 5.14.
    pub(in crate::system::linux) fn namespace(&self) -> Option<u64> {
        sockopt::namespace(&self.socket).ok()
    }

    /// The number of events that the kernel dropped since the socket was opened, which wraps.
    ///
    /// `None` before Linux 4.12.
    pub(in crate::system::linux) fn drops(&self) -> Option<u32> {
        if self.counts_drops { sockopt::drops(&self.socket).ok() } else { None }
    }
}

impl AsFd for EventSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The storage for a datagram.
pub(in crate::system::linux) fn datagram() -> Box<[u8]> {
    vec![0; DATAGRAM].into()
}

/// Requests a receive buffer of this size. A smaller buffer is no error.
fn enlarge(socket: &OwnedFd, size: usize) {
    // The kernel doubles the value, and stores it in 31 bits.
    let size = size.min(1 << 29);
    let _ = set_socket_recv_buffer_size(socket, size);
    if socket_recv_buffer_size(socket).is_ok_and(|granted| granted < 2 * size) {
        // SO_RCVBUFFORCE lets a privileged process exceed net.core.rmem_max.
        let _ = set_socket_recv_buffer_size_force(socket, size);
    }
}
