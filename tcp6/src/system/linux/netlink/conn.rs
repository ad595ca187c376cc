//! A connection to sock_diag: sends requests and receives their replies through a [`Transport`].

use core::time::Duration;
use std::io;

use rustix::io::Errno;

use super::inet_diag::{Extensions, LookUps, MAX_BATCH, Progress, REQUEST, Reply, SockId};
use super::transport::{Received, Transport};
use crate::error::{Error, Malformed, Result};

/// The size in bytes of the buffer for a datagram.
///
/// The kernel fits the datagrams of a dump to the buffer, up to about this size.
pub(super) const DATAGRAM: usize = 32 * 1024;

/// The time to wait for a datagram of a dump.
///
/// The kernel queues the first one while it handles the request.
pub(super) const RECV_TIMEOUT: Duration = Duration::from_secs(10);

/// The time to wait for a reply to a look-up.
///
/// The kernel queues all replies while it handles the requests: a reply that is not available at once never arrives.
pub(super) const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(1);

/// The number of datagrams from other senders in a row after which receiving fails.
pub(super) const MAX_FOREIGN_DATAGRAMS: u32 = 1000;

/// The errnos of failures that may not recur.
///
/// ENOBUFS and ENOMEM: the kernel lacks memory. EBUSY: it still runs an abandoned dump. The refused request makes the
/// kernel continue the abandoned dump, and the next request drains it.
pub(super) const TRANSIENT: [Errno; 3] = [Errno::NOBUFS, Errno::NOMEM, Errno::BUSY];

pub(super) const SEND: &str = "send to sock_diag";
pub(super) const RECV: &str = "recv from sock_diag";

/// A netlink socket with its sequence numbers and a buffer for one datagram.
#[derive(Debug)]
pub(super) struct Conn<T> {
    pub(super) transport: T,
    /// The netlink port of the socket, which all replies to it contain.
    pub(super) port: u32,
    sequence: u32,
    /// Whether part of an earlier reply may be unread.
    stale: bool,
    /// The number of look-ups to send at once.
    ///
    /// Halved whenever the replies do not fit into the receive buffer.
    pub(super) batch_size: usize,
    datagram: Box<[u8]>,
}

impl<T: Transport> Conn<T> {
    pub(super) fn new(transport: T, port: u32) -> Conn<T> {
        Conn { transport, port, sequence: 0, stale: false, batch_size: MAX_BATCH, datagram: vec![0; DATAGRAM].into() }
    }

    /// Reserves the sequence numbers of `requests` requests and returns the first one.
    ///
    /// Discards the rest of an earlier reply.
    pub(super) fn reserve(&mut self, requests: usize) -> Result<u32> {
        if self.stale {
            self.drain()?;
        }
        let first = self.sequence.wrapping_add(1);
        self.sequence = self.sequence.wrapping_add(requests as u32);
        Ok(first)
    }

    /// Halves the number of look-ups in later batches.
    pub(super) fn halve_batch(&mut self) {
        self.batch_size = (self.batch_size / 2).max(1);
    }

    /// Sends a request and passes datagrams to `read` until the reply is complete.
    ///
    /// `timeout` limits the wait for each datagram.
    pub(super) fn exchange(
        &mut self,
        request: &[u8],
        timeout: Duration,
        mut read: impl FnMut(&[u8]) -> Result<Progress>,
    ) -> Result<()> {
        // After an error, part of the reply may remain in the socket.
        self.stale = true;
        self.send(request, timeout)?;
        loop {
            let Some(length) = self.receive(Some(timeout))? else { return Err(timed_out(timeout)) };
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

    /// Looks up the first batch of `ids`, with these attributes, and passes the replies to `found`.
    ///
    /// Moves the unanswered ids of the batch to its end. Returns the number of answered ids, even if the exchange
    /// failed, and the result of the exchange.
    pub(super) fn look_up(
        &mut self,
        ids: &mut [SockId],
        extensions: Extensions,
        found: impl FnMut(Reply<'_>) -> Result<()>,
    ) -> (usize, Result<()>) {
        let count = ids.len().min(self.batch_size);
        let ids = &mut ids[..count];
        let sequence = match self.reserve(count) {
            Ok(sequence) => sequence,
            Err(error) => return (0, Err(error)),
        };
        let mut found = found;
        let mut look_ups = LookUps::new(sequence, self.port, ids);
        let mut requests = [[0; REQUEST]; MAX_BATCH];
        let result = self.exchange(look_ups.requests(extensions, &mut requests), LOOK_UP_TIMEOUT, |datagram| {
            look_ups.read(datagram, &mut found)
        });
        let answered: [bool; MAX_BATCH] = core::array::from_fn(|index| look_ups.is_answered(index));
        let mut end = count;
        for index in (0..count).rev().filter(|index| !answered[*index]) {
            end -= 1;
            ids[end] = ids[index];
        }
        (end, result)
    }

    fn send(&mut self, request: &[u8], timeout: Duration) -> Result<()> {
        let mut deadline = None;
        loop {
            match self.transport.send(request) {
                Err(Errno::INTR) if !self.has_passed(&mut deadline, timeout) => {}
                Err(errno) => return Err(Error::os(SEND, errno)),
                Ok(()) => return Ok(()),
            }
        }
    }

    /// Discards the rest of an abandoned reply.
    ///
    /// The kernel continues a dump only when its datagrams are received, and refuses another dump until it is complete.
    fn drain(&mut self) -> Result<()> {
        while self.receive(None)?.is_some() {}
        self.stale = false;
        Ok(())
    }

    /// Receives a datagram from the kernel and returns its length.
    ///
    /// Returns `None` if no datagram arrives within `timeout`, or without a timeout, if none is available. The deadline
    /// is set by the first signal or the first time that no datagram is available; later signals and datagrams from
    /// other senders do not postpone it.
    fn receive(&mut self, timeout: Option<Duration>) -> Result<Option<usize>> {
        let mut deadline = None;
        let mut foreign = 0;
        loop {
            match self.transport.receive(&mut self.datagram) {
                Ok(Received { length, from_kernel: true }) => return Ok(Some(length)),
                Ok(_) => {
                    foreign += 1;
                    if foreign == MAX_FOREIGN_DATAGRAMS {
                        return Err(only_foreign());
                    }
                }
                Err(Errno::INTR) => {
                    if self.has_passed(&mut deadline, timeout.unwrap_or(RECV_TIMEOUT)) {
                        return Err(Error::os(RECV, Errno::INTR));
                    }
                }
                Err(Errno::AGAIN) => {
                    let Some(timeout) = timeout else { return Ok(None) };
                    let Some(rest) = self.remaining(&mut deadline, timeout) else { return Ok(None) };
                    match self.transport.wait(rest) {
                        Ok(()) | Err(Errno::INTR) => {}
                        Err(errno) => return Err(Error::os("poll for sock_diag", errno)),
                    }
                }
                Err(errno) => return Err(Error::os(RECV, errno)),
            }
        }
    }

    /// The time until the deadline, or `None` if it has passed.
    ///
    /// Sets an unset deadline to `timeout` from now.
    fn remaining(&mut self, deadline: &mut Option<Duration>, timeout: Duration) -> Option<Duration> {
        let now = self.transport.now();
        let deadline = *deadline.get_or_insert(now.saturating_add(timeout));
        deadline.checked_sub(now).filter(|rest| !rest.is_zero())
    }

    fn has_passed(&mut self, deadline: &mut Option<Duration>, timeout: Duration) -> bool {
        self.remaining(deadline, timeout).is_none()
    }
}

fn timed_out(timeout: Duration) -> Error {
    let text = format!("timed out after {} s waiting for a sock_diag reply", timeout.as_secs());
    Error::os(RECV, io::Error::new(io::ErrorKind::TimedOut, text))
}

fn only_foreign() -> Error {
    Error::os(RECV, io::Error::other(format!("received {MAX_FOREIGN_DATAGRAMS} datagrams, none from the kernel")))
}
