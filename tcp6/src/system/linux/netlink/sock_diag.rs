//! Dumps over a netlink socket, reconciled with the previous one and retried on transient failures.

use core::time::Duration;
use std::io;

use rustix::fd::{AsFd, BorrowedFd};
use rustix::io::Errno;

use super::conn::{Conn, RECV_TIMEOUT, TRANSIENT};
use super::inet_diag::{CALL, Dump, Extensions, InetDiagMsg, Reply, SockId};
use super::look_up::{self, Closed, LookUpStatus};
use super::reconcile::Reconciler;
use super::selection::Selection;
use super::socket::KernelSocket;
use super::transport::Transport;
use crate::error::{Error, Result};
use crate::system::backoff::{ATTEMPTS, attempts};
use crate::system::linux::socket::{BOUND_INACTIVE, Socket};

/// The wait between two attempts.
const WAIT: Duration = Duration::from_millis(4);

/// A source of dumps, with its own netlink socket.
#[derive(Debug)]
pub(in crate::system::linux) struct SockDiag<T = KernelSocket> {
    pub(super) conn: Conn<T>,
    reconciler: Reconciler,
    pub(super) look_ups: LookUpStatus,
    request: Vec<u8>,
    /// Whether the kernel has refused a program.
    programs_refused: bool,
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

    pub(in crate::system::linux) fn socket(&self) -> BorrowedFd<'_> {
        self.conn.transport.as_fd()
    }

    /// The number of the network namespace whose sockets are dumped. `None` before Linux 5.14.
    pub(in crate::system::linux) fn namespace(&self) -> Option<u64> {
        self.conn.transport.namespace()
    }
}

impl<T: Transport> SockDiag<T> {
    pub(in crate::system::linux) fn over(transport: T, port: u32) -> SockDiag<T> {
        SockDiag {
            conn: Conn::new(transport, port),
            reconciler: Reconciler::new(),
            look_ups: LookUpStatus::default(),
            request: Vec::new(),
            programs_refused: false,
        }
    }

    /// Passes each selected socket to `found` once, with the bytes of its attributes, which are not
    /// checked.
    ///
    /// Sockets come in the kernel's order, followed by those that the dump skipped and a look-up found: those of the
    /// previous dump, and those with the ends of `closed` connections. If the kernel has refused a program, all sockets in
    /// the states and with the ports of the selection are passed.
    pub(in crate::system::linux) fn dump(
        &mut self,
        selection: &Selection,
        extensions: Extensions,
        closed: Closed<'_>,
        mut found: impl FnMut(Socket, &[u8]) -> Result<()>,
    ) -> Result<(), Failure> {
        let SockDiag { conn, reconciler, look_ups, request, programs_refused } = self;
        let selection = if *programs_refused { selection.without_program() } else { *selection };
        let sequence = conn.reserve(1)?;
        let now = u64::try_from(conn.transport.now().as_millis()).unwrap_or(u64::MAX);
        reconciler.begin(&selection, now);
        selection.write_request(sequence, extensions, request);
        let mut dump = Dump::new(sequence, conn.port);
        let dumped = conn.exchange(request, RECV_TIMEOUT, |datagram| {
            dump.read(datagram, |message| {
                let is_bound = selection.has_bound() && message.is_unconnected();
                if message.has_left() && !is_bound || !reconciler.record(message)? {
                    return Ok(());
                }
                let mut socket = message.socket();
                if is_bound {
                    socket.state = BOUND_INACTIVE;
                }
                found(socket, message.attributes())
            })
        });
        if let Err(error) = dumped {
            let refusal = if selection.has_program() { program_refusal(&error) } else { None };
            *programs_refused |= refusal.is_some();
            // The next attempt has no program.
            return Err(refusal.map_or_else(|| error.into(), |errno| Failure::Transient(errno.into())));
        }
        if dump.was_interrupted() {
            return Err(Failure::Transient(Errno::INTR.into()));
        }
        reconciler.find_missing()?;
        let closed = if reconciler.count() >= closed.chains { closed.ids } else { &mut [] };
        if !reconciler.is_complete() || !closed.is_empty() {
            look_ups.recover_missing(conn, reconciler, closed, selection.states(), extensions, &mut found)?;
        }
        Ok(reconciler.commit()?)
    }

    /// Looks up the socket with this id, in any state, that `accepts` accepts.
    ///
    /// To a request for a connection that does not exist, the kernel replies with a listener on the local port. Such
    /// replies are dropped. It finds only one of several listeners on one end, and none that is bound to another
    /// interface, so that the listeners on the port are dumped if it does not find the right one.
    pub(in crate::system::linux) fn find(
        &mut self,
        id: &SockId,
        accepts: impl Fn(&Socket) -> bool,
    ) -> Result<Option<Socket>, Failure> {
        let selected = |message: InetDiagMsg<'_>| {
            Some(message.socket()).filter(|socket| id.selects(&message.id()) && accepts(socket))
        };
        let mut found = None;
        let (_, looked_up) = self.conn.look_up(&mut [*id], Extensions::NONE, |reply| {
            if let Reply::Found(message) = reply {
                found = selected(message);
            }
            Ok(())
        });
        looked_up?;
        if found.is_none() && id.is_listener() {
            look_up::dump_listeners(&mut self.conn, id, Extensions::NONE, |message| {
                found = found.or_else(|| selected(message));
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// The number of tables whose missing sockets were not all looked up.
    ///
    /// The look-ups failed, or were paused after a failure.
    pub(in crate::system::linux) fn unreconciled(&self) -> u64 {
        self.look_ups.unreconciled
    }
}

/// The errno with which the kernel or a sandbox refuses a program.
///
/// EINVAL also has other causes, which occur again without a program.
fn program_refusal(error: &Error) -> Option<Errno> {
    let refusals = [Errno::INVAL, Errno::OPNOTSUPP, Errno::PERM, Errno::ACCESS];
    refusals.into_iter().find(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Repeats a dump or a look-up until it succeeds, fails permanently or has failed [`ATTEMPTS`]
/// times.
///
/// `wait` is [`std::thread::sleep`], or a script in tests.
pub(in crate::system::linux) fn retry<T>(
    mut dump: impl FnMut() -> Result<T, Failure>,
    mut wait: impl FnMut(Duration),
) -> Result<T> {
    let mut last = Errno::INTR.into();
    for pause in attempts(WAIT, WAIT) {
        pause.into_iter().for_each(&mut wait);
        match dump() {
            Ok(result) => return Ok(result),
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
pub(in crate::system::linux) mod script;
#[cfg(test)]
pub(in crate::system::linux) mod tests;
