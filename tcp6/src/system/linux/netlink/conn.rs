//! Requests and answers over a netlink socket.
//!
//! Everything goes through a [`Transport`]: the kernel's socket, or a script in tests.

use core::time::Duration;
use std::io;

use rustix::io::Errno;

use super::inet_diag::{LookUps, MAX_AT_ONCE, Progress, REQUEST, Reply, SockId};
use super::transport::{Received, Transport};
use crate::error::{Error, Malformed, Result};

/// The largest datagram of a dump: the kernel follows the size of the receive buffer, up to about this.
pub(super) const DATAGRAM: usize = 32 * 1024;

/// The time to wait for a datagram of a dump. The kernel sends the first one during the request.
pub(super) const RECV_TIMEOUT: Duration = Duration::from_secs(10);

/// The time to wait for a reply to a look-up. The kernel sends all of them during the request, so that one which is not
/// there at once will not arrive.
pub(super) const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(1);

/// The datagrams of other senders that are skipped before the kernel is given up.
pub(super) const MAX_FOREIGN_DATAGRAMS: u32 = 1000;

/// Errors that may not occur again: the kernel is short of memory, or it still runs a dump that was given up. A refused
/// request makes the kernel continue such a dump, and the next request drains it.
pub(super) const TRANSIENT: [Errno; 3] = [Errno::NOBUFS, Errno::NOMEM, Errno::BUSY];

pub(super) const SEND: &str = "send to sock_diag";
pub(super) const RECV: &str = "recv from sock_diag";

/// A netlink socket and its receive buffer.
#[derive(Debug)]
pub(super) struct Conn<T> {
    pub(super) transport: T,
    /// The netlink port of the socket, which is in all answers to it.
    pub(super) port: u32,
    sequence: u32,
    /// Whether a part of an earlier answer may be unread.
    stale: bool,
    /// The look-ups to send at once. Halved whenever their replies do not fit.
    pub(super) at_once: usize,
    datagram: Box<[u8]>,
}

impl<T: Transport> Conn<T> {
    pub(super) fn new(transport: T, port: u32) -> Conn<T> {
        Conn { transport, port, sequence: 0, stale: false, at_once: MAX_AT_ONCE, datagram: vec![0; DATAGRAM].into() }
    }

    /// Reads what is left of an earlier answer, and reserves the sequence numbers of this many requests. Returns the
    /// first.
    pub(super) fn reserve(&mut self, requests: usize) -> Result<u32> {
        if self.stale {
            self.drain()?;
        }
        let first = self.sequence.wrapping_add(1);
        self.sequence = self.sequence.wrapping_add(requests as u32);
        Ok(first)
    }

    /// Sends fewer look-ups at once from now on.
    pub(super) fn send_fewer(&mut self) {
        self.at_once = (self.at_once / 2).max(1);
    }

    /// Sends a request and passes datagrams to `read` until the answer is complete.
    pub(super) fn exchange(
        &mut self,
        request: &[u8],
        timeout: Duration,
        mut read: impl FnMut(&[u8]) -> Result<Progress>,
    ) -> Result<()> {
        // An error from here on leaves a part of the answer in the socket.
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

    /// Looks up the first ids, as many as are sent at once, and passes the replies to `found`.
    ///
    /// Returns the number of ids that were answered, also if the exchange failed; the others are moved behind them.
    pub(super) fn look_up(
        &mut self,
        ids: &mut [SockId],
        found: impl FnMut(Reply<'_>) -> Result<()>,
    ) -> (usize, Result<()>) {
        let count = ids.len().min(self.at_once);
        let ids = &mut ids[..count];
        let sequence = match self.reserve(count) {
            Ok(sequence) => sequence,
            Err(error) => return (0, Err(error)),
        };
        let mut found = found;
        let mut look_ups = LookUps::new(sequence, self.port, ids);
        let mut requests = [[0; REQUEST]; MAX_AT_ONCE];
        let result = self.exchange(look_ups.requests(&mut requests), LOOK_UP_TIMEOUT, |datagram| {
            look_ups.read(datagram, &mut found)
        });
        let answered: [bool; MAX_AT_ONCE] = core::array::from_fn(|index| look_ups.is_answered(index));
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

    /// Receives what is left of an answer that was given up. The kernel continues a dump only as its datagrams are
    /// received, and refuses another one until then.
    fn drain(&mut self) -> Result<()> {
        while self.receive(None)?.is_some() {}
        self.stale = false;
        Ok(())
    }

    /// Receives a datagram from the kernel and returns its length, or `None` if none arrives within `timeout`.
    ///
    /// The deadline is set when there is nothing to receive for the first time; neither a signal nor a datagram of another
    /// sender postpones it.
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

    /// The time until the deadline, which is `timeout` from now if it is not set yet; `None` once it has passed.
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
