//! Dumps over a netlink socket, reconciled with the previous one and retried on transient failures.

use core::time::Duration;
use std::io;

use rustix::io::Errno;

use super::conn::{Conn, RECV_TIMEOUT, TRANSIENT};
use super::inet_diag::{CALL, Dump, request};
use super::look_up::LookUpStatus;
use super::reconcile::Reconciler;
use super::socket::KernelSocket;
use super::transport::Transport;
use crate::error::{Error, Result};
use crate::system::backoff::{ATTEMPTS, attempts};
use crate::system::linux::socket::Socket;

/// The wait between two attempts.
const WAIT: Duration = Duration::from_millis(4);

/// A source of dumps, with its own netlink socket.
#[derive(Debug)]
pub(in crate::system::linux) struct SockDiag<T = KernelSocket> {
    pub(super) conn: Conn<T>,
    reconciler: Reconciler,
    pub(super) look_ups: LookUpStatus,
}

/// Why a dump failed.
#[derive(Debug)]
pub(in crate::system::linux) enum Failure {
    /// Another attempt may succeed.
    ///
    /// The table changed during the dump, or the errno is in [`TRANSIENT`].
    Transient(io::Error),
    /// Another attempt would fail too.
    Permanent(Error),
}

/// Classifies an errno equally whether a message or a system call reports it.
impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let is_transient = |errno| TRANSIENT.iter().any(|transient| transient.raw_os_error() == errno);
        match error {
            Error::Os { source, .. } if source.raw_os_error().is_some_and(is_transient) => Failure::Transient(source),
            error => Failure::Permanent(error),
        }
    }
}

impl SockDiag {
    pub(in crate::system::linux) fn open() -> Result<SockDiag, Errno> {
        let (socket, port) = KernelSocket::open()?;
        Ok(SockDiag::over(socket, port))
    }
}

impl<T: Transport> SockDiag<T> {
    pub(in crate::system::linux) fn over(transport: T, port: u32) -> SockDiag<T> {
        SockDiag { conn: Conn::new(transport, port), reconciler: Reconciler::new(), look_ups: LookUpStatus::default() }
    }

    /// Passes each socket whose state is in `states` to `found` once.
    ///
    /// Sockets come in the kernel's order, followed by those that the dump skipped and a look-up found.
    pub(in crate::system::linux) fn dump(
        &mut self,
        states: u32,
        mut found: impl FnMut(Socket) -> Result<()>,
    ) -> Result<(), Failure> {
        let SockDiag { conn, reconciler, look_ups } = self;
        let sequence = conn.reserve(1)?;
        let now = u64::try_from(conn.transport.now().as_millis()).unwrap_or(u64::MAX);
        reconciler.begin(states, now);
        let mut dump = Dump::new(sequence, conn.port);
        conn.exchange(&request(sequence, states), RECV_TIMEOUT, |datagram| {
            dump.read(datagram, |message| if reconciler.record(message)? { found(message.socket()) } else { Ok(()) })
        })?;
        if dump.was_interrupted() {
            return Err(Failure::Transient(Errno::INTR.into()));
        }
        reconciler.find_missing()?;
        if !reconciler.is_complete() {
            look_ups.recover_missing(conn, reconciler, states, &mut found)?;
        }
        Ok(reconciler.commit()?)
    }

    /// The number of tables whose missing sockets were not all looked up.
    ///
    /// The look-ups failed, or were paused after a failure.
    pub(in crate::system::linux) fn unreconciled(&self) -> u64 {
        self.look_ups.unreconciled
    }
}

/// Repeats `dump` until it succeeds, fails permanently or has failed [`ATTEMPTS`] times.
///
/// `wait` is [`std::thread::sleep`], or a script in tests.
pub(in crate::system::linux) fn retry(
    mut dump: impl FnMut() -> Result<(), Failure>,
    mut wait: impl FnMut(Duration),
) -> Result<()> {
    let mut last = Errno::INTR.into();
    for pause in attempts(WAIT, WAIT) {
        pause.into_iter().for_each(&mut wait);
        match dump() {
            Ok(()) => return Ok(()),
            Err(Failure::Permanent(error)) => return Err(error),
            Err(Failure::Transient(error)) => last = error,
        }
    }
    Err(Error::Unstable { call: CALL, attempts: ATTEMPTS, last })
}

#[cfg(any(test, fuzzing))]
pub(in crate::system::linux) mod history;
#[cfg(any(test, fuzzing))]
mod model;
#[cfg(test)]
mod passed_over;
#[cfg(test)]
mod properties;
#[cfg(test)]
pub(super) mod script;
#[cfg(test)]
pub(super) mod tests;
