//! Looks up the sockets that a dump passed over.

use core::time::Duration;
use std::collections::HashSet;

use rustix::io::Errno;

use super::conn::{Conn, RECV_TIMEOUT, TRANSIENT};
use super::inet_diag::{CALL, Dump, InetDiagMsg, Reply, SockId, request};
use super::reconcile::Reconciler;
use super::transport::Transport;
use crate::error::{Error, Result};
use crate::system::linux::int_hash::IntHash;
use crate::system::linux::socket::Socket;

/// Failures in a row, without a reply between them, after which look-ups are given up: enough to go from 32 requests at
/// once down to one.
const MAX_FAILURES: u32 = 8;

/// After look-ups have failed they pause for this many times the time that they took, so that a kernel that never answers
/// costs 1 % of the time at most.
const PAUSE_FACTOR: u32 = 100;

/// The kernel's number of the state LISTEN, as a bit.
const LISTEN: u32 = 1 << 10;

/// What is known of look-ups on this machine.
#[derive(Debug, Default)]
pub(super) struct LookUpStatus {
    /// They are not tried before this moment of the transport's clock.
    resume: Duration,
    /// The tables that were returned without the look-ups that they needed.
    pub(super) unreconciled: u64,
}

impl LookUpStatus {
    /// Completes a dump of `states` by looking up the missing sockets. If the look-ups fail, the table stays as it is and
    /// is counted.
    ///
    /// # Errors
    ///
    /// Only those of `found`, and [`Error::OutOfMemory`].
    pub(super) fn recover_missing<T: Transport>(
        &mut self,
        conn: &mut Conn<T>,
        reconciler: &mut Reconciler,
        states: u32,
        found: impl FnMut(Socket) -> Result<()>,
    ) -> Result<()> {
        let start = conn.transport.now();
        if start < self.resume {
            self.unreconciled += 1;
            return Ok(());
        }
        let mut recovery = Recovery { reconciler, states, found, error: None, unconfirmed: HashSet::default() };
        let recovered = recovery.run(conn);
        // An error of the table is not one of the look-ups, which only stopped because of it.
        if let Some(error) = recovery.error {
            return Err(error);
        }
        if recovered.is_err() {
            let end = conn.transport.now();
            self.resume = end.saturating_add(end.saturating_sub(start).saturating_mul(PAUSE_FACTOR));
            self.unreconciled += 1;
        }
        Ok(())
    }
}

/// The look-ups of one table.
struct Recovery<'a, F> {
    reconciler: &'a mut Reconciler,
    states: u32,
    found: F,
    /// The error of `found`, or of the reconciler.
    error: Option<Error>,
    /// The cookies of listeners that a look-up does not find: of several on one end (SO_REUSEPORT) it finds only one.
    unconfirmed: HashSet<u64, IntHash>,
}

impl<F: FnMut(Socket) -> Result<()>> Recovery<'_, F> {
    fn run<T: Transport>(&mut self, conn: &mut Conn<T>) -> Result<()> {
        let mut missing = self.reconciler.take_missing();
        let looked_up = self.look_up(conn, &mut missing);
        self.reconciler.put_back(missing);
        looked_up?;
        while let Some(id) = self.reconciler.next_overdue() {
            if self.look_up(conn, &mut [id])? == 0 {
                break;
            }
        }
        if self.unconfirmed.is_empty() { Ok(()) } else { self.confirm_listeners(conn) }
    }

    /// Looks up all of `ids`, and returns the number of those that still exist.
    fn look_up<T: Transport>(&mut self, conn: &mut Conn<T>, ids: &mut [SockId]) -> Result<usize> {
        let mut rest = ids;
        let mut alive = 0;
        let mut failures = 0;
        while !rest.is_empty() {
            let (answered, result) = conn.look_up(rest, |reply| match reply {
                Reply::Found(message) => {
                    alive += 1;
                    self.recover(message)
                }
                Reply::Gone(id) => self.gone(id),
            });
            rest = &mut rest[answered..];
            failures = if answered == 0 { failures + 1 } else { 0 };
            match result {
                Ok(()) => {}
                Err(error) if is_shortage(&error) && failures < MAX_FAILURES => conn.send_fewer(),
                Err(error) => return Err(error),
            }
        }
        Ok(alive)
    }

    fn recover(&mut self, message: InetDiagMsg<'_>) -> Result<()> {
        // A socket that left the states of the query is no row of it.
        if !message.is_in(self.states) {
            return Ok(());
        }
        let recovered = self.reconciler.recover(message).and_then(|()| (self.found)(message.socket()));
        recovered.map_err(|error| self.stop(error))
    }

    fn gone(&mut self, id: SockId) -> Result<()> {
        if id.is_listener() {
            let reserved = self.unconfirmed.try_reserve(1);
            reserved.map_err(|_| self.stop(Error::OutOfMemory { bytes: size_of::<u64>() }))?;
            self.unconfirmed.insert(id.cookie());
        }
        Ok(())
    }

    /// Lists all listeners, in search of those that a look-up does not find.
    fn confirm_listeners<T: Transport>(&mut self, conn: &mut Conn<T>) -> Result<()> {
        let sequence = conn.reserve(1)?;
        let mut dump = Dump::new(sequence, conn.port);
        conn.exchange(&request(sequence, LISTEN), RECV_TIMEOUT, |datagram| {
            dump.read(datagram, |message| {
                let is_unconfirmed = message.is_in(LISTEN) && self.unconfirmed.remove(&message.id().cookie());
                if is_unconfirmed { self.recover(message) } else { Ok(()) }
            })
        })?;
        if dump.was_interrupted() { Err(Error::os(CALL, Errno::INTR)) } else { Ok(()) }
    }

    /// Keeps the error, and returns one that ends the exchange.
    fn stop(&mut self, error: Error) -> Error {
        self.error = Some(error);
        Error::NotSupported
    }
}

/// Whether the kernel had no room for the replies: fewer at once may fit.
fn is_shortage(error: &Error) -> bool {
    let shortages = TRANSIENT.into_iter().chain([Errno::AGAIN]);
    error.raw_os_error().is_some_and(|code| shortages.into_iter().any(|errno| errno.raw_os_error() == code))
}

#[cfg(test)]
mod tests;
