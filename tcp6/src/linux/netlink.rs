//! Dumps over a netlink socket, repeated while a failure may pass, and reconciled with the dump before.

use core::time::Duration;
use std::io;

use rustix::io::Errno;

use self::channel::{Channel, RECV_TIMEOUT, Transport};
use self::kernel::KernelSocket;
use self::look_up::LookUpStatus;
use super::diag::{CALL, Dump, request};
use super::reconcile::Reconciler;
use super::socket::Socket;
use crate::attempts::{ATTEMPTS, attempts};
use crate::error::{Error, Result};

mod channel;
#[cfg(any(test, fuzzing))]
pub(super) mod history;
mod kernel;
mod look_up;
#[cfg(any(test, fuzzing))]
mod model;

/// The wait between two attempts.
const WAIT: Duration = Duration::from_millis(4);

/// Failures that may pass: the kernel is short of memory, or still busy with a dump that was given up. The refusal of
/// one attempt makes the kernel continue such a dump, and the next attempt drains it.
const PASSING: [Errno; 3] = [Errno::NOBUFS, Errno::NOMEM, Errno::BUSY];

/// Dumps over a socket of their own.
#[derive(Debug)]
pub(super) struct Netlink<T = KernelSocket> {
    channel: Channel<T>,
    reconciler: Reconciler,
    look_ups: LookUpStatus,
}

/// Why a dump failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Another attempt may succeed: the table changed during the dump, or the errno is one of [`PASSING`].
    Passing(io::Error),
    /// Another attempt cannot succeed.
    Lasting(Error),
}

/// An errno means the same in a message and from a call.
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
    pub(super) fn over(transport: T, port: u32) -> Netlink<T> {
        Netlink {
            channel: Channel::new(transport, port),
            reconciler: Reconciler::new(),
            look_ups: LookUpStatus::default(),
        }
    }

    /// Passes each socket whose state is in `states` to `found` once: in the kernel's order, followed by those that the
    /// kernel passed over.
    pub(super) fn dump(&mut self, states: u32, mut found: impl FnMut(Socket) -> Result<()>) -> Result<(), Failure> {
        let Netlink { channel, reconciler, .. } = self;
        let sequence = channel.reserve(1)?;
        let now = u64::try_from(channel.transport.now().as_millis()).unwrap_or(u64::MAX);
        reconciler.begin(states, now);
        let mut dump = Dump::new(sequence, channel.port);
        channel.exchange(&request(sequence, states), RECV_TIMEOUT, |datagram| {
            dump.read(datagram, |message| if reconciler.record(message)? { found(message.socket()) } else { Ok(()) })
        })?;
        if dump.was_interrupted() {
            return Err(Failure::Passing(Errno::INTR.into()));
        }
        reconciler.find_missing()?;
        if !reconciler.is_complete() {
            self.recover_missing(states, &mut found)?;
        }
        Ok(self.reconciler.commit()?)
    }

    /// The number of tables for which the look-ups of missing sockets failed, or were not tried because they had failed
    /// shortly before.
    pub(super) fn unreconciled(&self) -> u64 {
        self.look_ups.unreconciled
    }
}

/// Repeats `dump` until it succeeds or fails for good. `wait` is [`std::thread::sleep`], or a script in tests.
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
mod passed_over;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod script;
#[cfg(test)]
mod tests;
