//! Dumps: the kernel is asked over a netlink socket, and again where the failure may pass.

use core::time::Duration;
use std::io;

use rustix::io::Errno;

use self::channel::{Channel, Transport};
use self::kernel::KernelSocket;
use super::diag::{CALL, Dump, LookUps, REQUEST, look_up, request};
use super::roll::{AT_ONCE, Roll};
use super::socket::Socket;
use crate::attempts::{ATTEMPTS, attempts};
use crate::error::{Error, Result};

mod channel;
mod kernel;

/// What is passing is over in a moment.
const WAIT: Duration = Duration::from_millis(4);

/// Failures of which another attempt may do: the kernel is short of memory for a moment, or still at a dump that was
/// given up. Such a dump goes on as something is received, so the refusal of the one attempt makes it ready to be
/// drained by the next.
const PASSING: [Errno; 3] = [Errno::NOBUFS, Errno::NOMEM, Errno::BUSY];

/// Dumps, over a socket of their own.
#[derive(Debug)]
pub(super) struct Netlink<T = KernelSocket> {
    channel: Channel<T>,
    roll: Roll,
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
        Netlink { channel: Channel::new(transport, port), roll: Roll::new() }
    }

    /// The sockets whose states are in `states`, each once, given to `found`: in the kernel's order, and behind them those
    /// that it has passed over.
    pub(super) fn dump(&mut self, states: u32, mut found: impl FnMut(Socket) -> Result<()>) -> Result<(), Failure> {
        let Netlink { channel, roll } = self;
        roll.begin(states);
        let sequence = channel.next()?;
        let mut dump = Dump::new(sequence, channel.port);
        channel.exchange(&request(sequence, states), |datagram| {
            dump.read(datagram, |listed| if roll.enter(listed)? { found(listed.socket()) } else { Ok(()) })
        })?;
        if dump.was_interrupted() {
            return Err(Failure::Passing(Errno::INTR.into()));
        }
        roll.call(|gone, take_in| {
            let sequence = channel.next()?;
            let mut look_ups = LookUps::new(sequence, channel.port, gone.len());
            let mut requests = [[0; REQUEST]; AT_ONCE];
            requests.iter_mut().zip(gone).for_each(|(request, id)| *request = look_up(sequence, id));
            channel.exchange(requests[..gone.len()].as_flattened(), |datagram| {
                look_ups.read(datagram, |listed| {
                    if listed.is_in(states) {
                        take_in(listed)?;
                        found(listed.socket())?;
                    }
                    Ok(())
                })
            })
        })?;
        Ok(())
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
mod passed_over;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod script;
#[cfg(test)]
mod tests;
