//! Recovers the sockets that a dump skipped, by look-ups.

use core::time::Duration;
use std::collections::HashSet;

use rustix::io::Errno;

use super::conn::{Conn, RECV_TIMEOUT, TRANSIENT};
use super::inet_diag::{CALL, Dump, Extensions, InetDiagMsg, Reply, SockId, dump_request};
use super::reconcile::Reconciler;
use super::transport::Transport;
use crate::error::{Error, Result};
use crate::system::linux::int_hash::IntHash;
use crate::system::linux::socket::Socket;

/// The number of consecutive failures without a reply after which look-ups are abandoned.
///
/// Five failures reduce the batch from 32 look-ups to one.
const MAX_FAILURES: u32 = 8;

/// The ratio of the pause after failed look-ups to the time that they took.
///
/// If the kernel never replies, look-ups take at most 1 % of the time.
const PAUSE_FACTOR: u32 = 100;

/// The state LISTEN in a mask of the kernel's states.
const LISTEN: u32 = 1 << 10;

/// The connections that were closed before a dump, as their events report.
///
/// A dump skips sockets only in chains that the kernel lists in several pieces: those of more than 16 sockets, and the one
/// in which a datagram ends. If no earlier dump has listed the minisock of a connection, its cookie is unknown, and it is
/// looked up by its ends. That costs more than an event, so it is done only if the dump has as many sockets as the hash has
/// chains, or more.
#[derive(Debug, Default)]
pub(in crate::system::linux) struct Closed<'a> {
    /// The ids of any socket with their ends.
    pub(in crate::system::linux) ids: &'a mut [SockId],
    /// The number of chains of the hash.
    pub(in crate::system::linux) chains: usize,
}

impl Closed<'_> {
    pub(in crate::system::linux) fn reborrow(&mut self) -> Closed<'_> {
        Closed { ids: self.ids, chains: self.chains }
    }
}

/// Whether look-ups are paused, and the number of tables that lack them.
#[derive(Debug, Default)]
pub(super) struct LookUpStatus {
    /// The time on the transport's clock before which no look-ups are sent.
    resume: Duration,
    /// The number of tables whose look-ups failed or were not sent.
    pub(super) unreconciled: u64,
}

impl LookUpStatus {
    /// Whether no look-ups are sent at this time, because others have failed.
    pub(super) fn are_paused(&self, now: Duration) -> bool {
        now < self.resume
    }

    /// Looks up the sockets that a dump of `states` lacks, and those with the ends of `closed` connections that it has not
    /// listed. Passes those in `states` to `found`, with attributes.
    ///
    /// If look-ups fail, the table keeps what was found before the failure. It is counted as unreconciled if a socket of the
    /// previous table was not looked up.
    ///
    /// # Errors
    ///
    /// Only the errors of `found`, and [`Error::OutOfMemory`].
    pub(super) fn recover_missing<T: Transport>(
        &mut self,
        conn: &mut Conn<T>,
        reconciler: &mut Reconciler,
        closed: &mut [SockId],
        states: u32,
        extensions: Extensions,
        found: impl FnMut(Socket, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let start = conn.transport.now();
        if self.are_paused(start) {
            self.unreconciled += u64::from(!reconciler.is_complete());
            return Ok(());
        }
        let unconfirmed = HashSet::default();
        let mut recovery = Recovery { reconciler, states, extensions, found, error: None, unconfirmed };
        let reconciled = recovery.reconcile(conn);
        let is_reconciled = reconciled.is_ok();
        let looked_up = reconciled.and_then(|()| recovery.look_up_closed(conn, closed));
        // A failure to store a socket is an error of the table, not a failed look-up.
        if let Some(error) = recovery.error {
            return Err(error);
        }
        self.unreconciled += u64::from(!is_reconciled);
        if looked_up.is_err() {
            let end = conn.transport.now();
            self.resume = end.saturating_add(end.saturating_sub(start).saturating_mul(PAUSE_FACTOR));
        }
        Ok(())
    }
}

/// The look-ups of one table.
struct Recovery<'a, F> {
    reconciler: &'a mut Reconciler,
    states: u32,
    extensions: Extensions,
    found: F,
    /// The error of `found` or of the reconciler that stopped the look-ups.
    error: Option<Error>,
    /// The cookies of listeners that look-ups did not find.
    ///
    /// A look-up finds only one of several listeners on one end (SO_REUSEPORT).
    unconfirmed: HashSet<u64, IntHash>,
}

impl<F: FnMut(Socket, &[u8]) -> Result<()>> Recovery<'_, F> {
    /// Looks up the sockets of the previous dump that this one lacks.
    fn reconcile<T: Transport>(&mut self, conn: &mut Conn<T>) -> Result<()> {
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

    /// Looks up the sockets with the ends of closed connections that the dump has not listed.
    fn look_up_closed<T: Transport>(&mut self, conn: &mut Conn<T>, closed: &mut [SockId]) -> Result<()> {
        if closed.is_empty() {
            return Ok(());
        }
        let unlisted = self.reconciler.retain_unlisted(closed).map_err(|error| self.stop(error))?;
        self.look_up(conn, unlisted).map(|_| ())
    }

    /// Looks up all `ids` and returns the number of sockets found.
    fn look_up<T: Transport>(&mut self, conn: &mut Conn<T>, ids: &mut [SockId]) -> Result<usize> {
        let mut rest = ids;
        let mut found = 0;
        let mut failures = 0;
        while !rest.is_empty() {
            let (answered, result) = conn.look_up(rest, self.extensions, |reply| match reply {
                Reply::Found(message) => {
                    found += 1;
                    self.recover(message)
                }
                Reply::Gone(id) => self.gone(id),
            });
            rest = &mut rest[answered..];
            failures = if answered == 0 { failures + 1 } else { 0 };
            match result {
                Ok(()) => {}
                Err(error) if is_shortage(&error) && failures < MAX_FAILURES => conn.halve_batch(),
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    fn recover(&mut self, message: InetDiagMsg<'_>) -> Result<()> {
        // The socket may have left the requested states. Without a cookie, one that was looked up by its ends can be a
        // duplicate.
        if !message.is_in(self.states) || !message.id().has_cookie() {
            return Ok(());
        }
        let recovered = match self.reconciler.recover(message) {
            Ok(true) => (self.found)(message.socket(), message.attributes()),
            Ok(false) => Ok(()),
            Err(error) => Err(error),
        };
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

    /// Dumps all listeners and recovers the unconfirmed ones among them.
    fn confirm_listeners<T: Transport>(&mut self, conn: &mut Conn<T>) -> Result<()> {
        dump_listeners(conn, &SockId::ANY, self.extensions, |message| {
            let is_unconfirmed = self.unconfirmed.remove(&message.id().cookie());
            if is_unconfirmed { self.recover(message) } else { Ok(()) }
        })
    }

    /// Stores the error and returns a placeholder that ends the exchange.
    fn stop(&mut self, error: Error) -> Error {
        self.error = Some(error);
        Error::NotSupported
    }
}

/// Dumps the listeners with the port of `id`, or all if it has none, with these attributes.
pub(super) fn dump_listeners<T: Transport>(
    conn: &mut Conn<T>,
    id: &SockId,
    extensions: Extensions,
    mut found: impl FnMut(InetDiagMsg<'_>) -> Result<()>,
) -> Result<()> {
    let sequence = conn.reserve(1)?;
    let mut dump = Dump::new(sequence, conn.port);
    conn.exchange(&dump_request(sequence, LISTEN, id, extensions), RECV_TIMEOUT, |datagram| {
        dump.read(
            datagram,
            |message| if message.is_in(LISTEN) && !message.has_left() { found(message) } else { Ok(()) },
        )
    })?;
    if dump.was_interrupted() { Err(Error::os(CALL, Errno::INTR)) } else { Ok(()) }
}

/// Whether the kernel lacked memory for the replies, so that a smaller batch may succeed.
fn is_shortage(error: &Error) -> bool {
    let shortages = TRANSIENT.into_iter().chain([Errno::AGAIN]);
    error.raw_os_error().is_some_and(|code| shortages.into_iter().any(|errno| errno.raw_os_error() == code))
}

#[cfg(test)]
mod tests;
