//! A netlink socket, and what is sent and received over it: a request, and datagrams until the answer is whole.
//!
//! All of it goes through a [`Transport`], the kernel's socket but for tests, which play whatever a socket may do.

use std::io;

use rustix::io::{Errno, retry_on_intr};

use super::super::diag::Progress;
use super::KernelSocket;
use crate::error::{Error, Malformed, Result};

/// The largest datagram that the kernel makes of a dump: it follows the size of the buffer that it is received into, up
/// to about this.
pub(super) const DATAGRAM: usize = 32 * 1024;

/// So many datagrams of others are passed over in a row.
pub(super) const STRANGERS: u32 = 1000;

pub(super) const RECV: &str = "recv from sock_diag";

/// What datagrams are sent to and received from.
pub(in crate::linux) trait Transport {
    fn send(&mut self, request: &[u8]) -> Result<(), Errno>;

    /// Receives a datagram, or as much of it as there is room for. EAGAIN says that there is none: not now, or not even
    /// after a long wait.
    fn receive(&mut self, into: &mut [u8], wait: bool) -> Result<Received, Errno>;
}

/// A datagram that was received.
#[derive(Clone, Copy, Debug)]
pub(in crate::linux) struct Received {
    /// The bytes that it had, not those that there was room for.
    pub(in crate::linux) length: usize,
    /// Whether the kernel sent it. Who has the privilege may send to any netlink socket.
    pub(in crate::linux) from_kernel: bool,
}

/// A socket of its own, and the buffer that datagrams are received into.
#[derive(Debug)]
pub(super) struct Channel<T = KernelSocket> {
    pub(super) transport: T,
    /// What the kernel calls the socket; its answers bear it.
    pub(super) port: u32,
    sequence: u32,
    /// Whether the answer to an earlier request may be only half received.
    stale: bool,
    datagram: Box<[u8]>,
}

impl<T: Transport> Channel<T> {
    pub(super) fn new(transport: T, port: u32) -> Channel<T> {
        Channel { transport, port, sequence: 0, stale: false, datagram: vec![0; DATAGRAM].into() }
    }

    /// The sequence number for the next request, when nothing is left of the answer to the last.
    pub(super) fn next(&mut self) -> Result<u32> {
        if self.stale {
            self.drain()?;
        }
        self.sequence = self.sequence.wrapping_add(1);
        Ok(self.sequence)
    }

    /// Sends a request, and gives datagrams to `read` until it has read the whole answer.
    pub(super) fn exchange(&mut self, request: &[u8], mut read: impl FnMut(&[u8]) -> Result<Progress>) -> Result<()> {
        // Whatever happens from here on until the end of the answer leaves a part of it in the socket.
        self.stale = true;
        retry_on_intr(|| self.transport.send(request)).map_err(|errno| Error::os("send to sock_diag", errno))?;
        loop {
            let Some(length) = self.receive(true)? else {
                let silence = io::Error::new(io::ErrorKind::TimedOut, "the kernel says nothing");
                return Err(Error::os(RECV, silence));
            };
            let Some(datagram) = self.datagram.get(..length) else {
                return Err(Malformed::Message { length, bytes: self.datagram.len() }.into());
            };
            if read(datagram)? == Progress::Done {
                break;
            }
        }
        self.stale = false;
        Ok(())
    }

    /// Receives what is left of a dump that was given up. The kernel goes on with one as it is received, so there is an
    /// end to it; and it refuses to begin another before.
    fn drain(&mut self) -> Result<()> {
        while self.receive(false)?.is_some() {}
        Ok(())
    }

    /// Receives a datagram of the kernel and gives its length, or `None` if there is none.
    fn receive(&mut self, wait: bool) -> Result<Option<usize>> {
        for _ in 0..STRANGERS {
            match retry_on_intr(|| self.transport.receive(&mut self.datagram, wait)) {
                Ok(Received { length, from_kernel: true }) => return Ok(Some(length)),
                Ok(_) => {}
                Err(Errno::AGAIN) => return Ok(None),
                Err(errno) => return Err(Error::os(RECV, errno)),
            }
        }
        Err(Error::os(RECV, io::Error::other("others send, and the kernel does not")))
    }
}
