//! Dumps: the kernel is asked over a netlink socket, and again where the failure may pass.
//!
//! What is sent and received goes through a [`Transport`], the kernel's socket but for tests, which play whatever a
//! socket may do.

use core::time::Duration;
use std::io;

use rustix::io::{Errno, retry_on_intr};

use self::kernel::KernelSocket;
use super::diag::{CALL, Dump, Progress, request};
use super::socket::Socket;
use crate::attempts::{ATTEMPTS, attempts};
use crate::error::{Error, Malformed, Result};

mod kernel;

/// The largest datagram that the kernel makes of a dump: it follows the size of the buffer that it is received into, up
/// to about this.
const DATAGRAM: usize = 32 * 1024;

/// So many datagrams of others are passed over in a row.
const STRANGERS: u32 = 1000;

/// What is passing is over in a moment.
const WAIT: Duration = Duration::from_millis(4);

/// Failures of which another attempt may do: the kernel is short of memory for a moment, or still at a dump that was
/// given up. Such a dump goes on as something is received, so the refusal of the one attempt makes it ready to be
/// drained by the next.
const PASSING: [Errno; 3] = [Errno::NOBUFS, Errno::NOMEM, Errno::BUSY];

const RECV: &str = "recv from sock_diag";

/// What datagrams are sent to and received from.
pub(super) trait Transport {
    fn send(&mut self, request: &[u8]) -> Result<(), Errno>;

    /// Receives a datagram, or as much of it as there is room for. EAGAIN says that there is none: not now, or not even
    /// after a long wait.
    fn receive(&mut self, into: &mut [u8], wait: bool) -> Result<Received, Errno>;
}

/// A datagram that was received.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received {
    /// The bytes that it had, not those that there was room for.
    pub(super) length: usize,
    /// Whether the kernel sent it. Who has the privilege may send to any netlink socket.
    pub(super) from_kernel: bool,
}

/// A socket of its own for dumps, and the buffer that they are received into.
#[derive(Debug)]
pub(super) struct Netlink<T = KernelSocket> {
    transport: T,
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
    /// Another attempt may do: the table changed meanwhile, or it is one of [`PASSING`].
    Passing(io::Error),
    /// Another attempt is of no use.
    Lasting(Error),
}

/// Wherever an errno comes from, a call or a message, it means the same.
impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let is_passing = |errno| PASSING.iter().any(|passing| passing.raw_os_error() == errno);
        match error {
            Error::Os { source, .. } if source.raw_os_error().is_some_and(is_passing) => Failure::Passing(source),
            error => Failure::Lasting(error),
        }
    }
}

impl Netlink {
    pub(super) fn open() -> Result<Netlink, Errno> {
        let (socket, port) = KernelSocket::open()?;
        Ok(Netlink::over(socket, port))
    }
}

impl<T: Transport> Netlink<T> {
    fn over(transport: T, port: u32) -> Netlink<T> {
        Netlink { transport, port, sequence: 0, stale: false, datagram: vec![0; DATAGRAM].into() }
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
        retry_on_intr(|| self.transport.send(&request)).map_err(|errno| Error::os("send to sock_diag", errno))?;
        let mut dump = Dump::new(self.sequence, self.port);
        loop {
            let Some(length) = self.receive(true)? else {
                // Lasting: another attempt would take as long.
                let silence = io::Error::new(io::ErrorKind::TimedOut, "the kernel says nothing");
                return Err(Error::os(RECV, silence).into());
            };
            let Some(datagram) = self.datagram.get(..length) else {
                return Err(Error::from(Malformed::Message { length, bytes: self.datagram.len() }).into());
            };
            if dump.read(datagram, &mut found)? == Progress::Done {
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

/// Dumps until there is a table, or a failure that is not passing. `wait` is [`std::thread::sleep`] but for tests.
pub(super) fn retry(mut dump: impl FnMut() -> Result<(), Failure>, mut wait: impl FnMut(Duration)) -> Result<()> {
    let mut last = Errno::INTR.into();
    for pause in attempts(WAIT, WAIT) {
        pause.into_iter().for_each(&mut wait);
        match dump() {
            Ok(()) => return Ok(()),
            Err(Failure::Lasting(error)) => return Err(error),
            Err(Failure::Passing(error)) => last = error,
        }
    }
    Err(Error::Unstable { call: CALL, attempts: ATTEMPTS, last })
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod script;
#[cfg(test)]
mod tests;
