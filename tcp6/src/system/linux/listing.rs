//! Lists the sockets through sock_diag, or from `/proc/net/tcp6` if sock_diag is refused.

use core::mem;
use std::thread;

use rustix::fd::BorrowedFd;
use rustix::io::Errno;

use super::netlink::events::Listed;
use super::netlink::inet_diag::{Attributes, Extensions, SockId};
use super::netlink::look_up::Closed;
use super::netlink::selection::Selection;
use super::netlink::sock_diag::{self, Failure, SockDiag};
use super::owners::SocketInode;
use super::socket::Socket;
use super::text_table::{TextTable, has_ipv6, unavailable};
use crate::error::{Error, Result};
use crate::row::Row;
use crate::row::state::State;
use crate::stats::table::Stats;
use crate::system::target::Target;
use crate::table::buffer::Buffer;
use crate::table::query::Query;

/// Lists the sockets of the network namespace in which it was created.
#[derive(Debug)]
pub(super) struct Listing {
    source: Source,
    calls: u64,
    /// The number of unreconciled tables.
    ///
    /// See [`SystemExt::unreconciled_refreshes`](crate::os::linux::SystemExt::unreconciled_refreshes).
    unreconciled: u64,
    /// Whether the kernel is known to have IPv6, which does not change until the next boot.
    has_ipv6: bool,
    socket_inodes: Vec<SocketInode>,
}

/// What is known, and what is collected besides the rows of a table.
#[derive(Debug, Default)]
pub(super) struct Beside<'a> {
    /// The statistics of the rows.
    pub(super) stats: Option<&'a mut Stats>,
    /// The cookies and the ends of the rows.
    pub(super) listed: Option<&'a mut Vec<Listed>>,
    /// The connections that were closed, whose ends are looked up.
    pub(super) closed: Closed<'a>,
}

impl Beside<'_> {
    fn reborrow(&mut self) -> Beside<'_> {
        let Beside { stats, listed, closed } = self;
        Beside { stats: stats.as_deref_mut(), listed: listed.as_deref_mut(), closed: closed.reborrow() }
    }

    fn clear(&mut self) {
        if let Some(stats) = &mut self.stats {
            stats.clear();
        }
        if let Some(listed) = &mut self.listed {
            listed.clear();
        }
    }
}

/// Where the sockets are read from.
#[derive(Debug)]
enum Source {
    SockDiag {
        netlink: Box<SockDiag>,
        /// What is read if sock_diag is refused later, or why it cannot be opened.
        text: Result<Box<TextTable>, Errno>,
    },
    Text(Box<TextTable>),
}

impl Listing {
    /// Opens the table of the calling thread's network namespace.
    pub(super) fn new() -> Result<Listing> {
        let text = match TextTable::open() {
            Err(errno @ (Errno::MFILE | Errno::NFILE)) => return Err(unavailable(errno)),
            text => text.map(Box::new),
        };
        match SockDiag::open() {
            Ok(netlink) => Ok(Listing::of(Source::SockDiag { netlink: Box::new(netlink), text })),
            Err(errno) if is_refusal(errno.raw_os_error()) => {
                text.map(|text| Listing::of(Source::Text(text))).map_err(unavailable)
            }
            Err(errno) => Err(Error::os("socket for sock_diag", errno)),
        }
    }

    /// A table that is read from this text.
    pub(super) fn of_text(text: TextTable) -> Listing {
        Listing::of(Source::Text(Box::new(text)))
    }

    fn of(source: Source) -> Listing {
        Listing { source, calls: 0, unreconciled: 0, has_ipv6: false, socket_inodes: Vec::new() }
    }

    /// Whether the table is read from text.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.source, Source::Text(_))
    }

    /// The netlink socket, which belongs to the network namespace.
    pub(super) fn socket(&self) -> Option<BorrowedFd<'_>> {
        match &self.source {
            Source::SockDiag { netlink, .. } => Some(netlink.socket()),
            Source::Text(_) => None,
        }
    }

    /// The number of attempts to read a table.
    pub(super) fn calls(&self) -> u64 {
        self.calls
    }

    pub(super) fn unreconciled(&self) -> u64 {
        self.unreconciled
    }

    /// The inode and uid of each row, in the order in which the rows were written.
    ///
    /// Empty if the row class has no owners.
    pub(super) fn socket_inodes(&self) -> &[SocketInode] {
        &self.socket_inodes
    }

    /// Fills the buffer with a table whose owners are unresolved, and `beside` with what it has
    /// storage for.
    ///
    /// If that fails, `beside` may have a part.
    pub(super) fn fill<R: Row>(&mut self, query: &Query, buffer: &mut Buffer, mut beside: Beside<'_>) -> Result<()> {
        match self.read::<R>(query, buffer, beside.reborrow()) {
            // The socket was opened, but the kernel refuses the request.
            Err(Error::Os { source, .. }) if !self.is_text() && source.raw_os_error().is_some_and(is_refusal) => {
                self.fall_back()?;
                self.read::<R>(query, buffer, beside)?;
            }
            done => done?,
        }
        // A kernel without IPv6 answers with an empty dump instead of an error.
        if !self.has_ipv6 && buffer.table::<R>()?.is_empty() && !has_ipv6() {
            return Err(Error::NotSupported);
        }
        self.has_ipv6 = true;
        Ok(())
    }

    /// Looks up one socket.
    ///
    /// Returns `None` if the kernel cannot be asked for one socket.
    pub(super) fn find<R: Row>(&mut self, target: &Target) -> Result<Option<Option<Socket>>> {
        let Source::SockDiag { netlink, .. } = &mut self.source else { return Ok(None) };
        let id = SockId::of_ends(target.local, target.remote, target.interface, target.identity);
        match sock_diag::retry(|| netlink.find(&id, |socket| target.matches(&socket.to_row::<R>())), thread::sleep) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.raw_os_error().is_some_and(is_refusal) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces sock_diag, which is refused, by the text.
    fn fall_back(&mut self) -> Result<()> {
        let Source::SockDiag { text, .. } = &mut self.source else { return Ok(()) };
        match mem::replace(text, Err(Errno::NOENT)) {
            Ok(opened) => {
                self.source = Source::Text(opened);
                Ok(())
            }
            Err(errno) => {
                *text = Err(errno);
                Err(unavailable(errno))
            }
        }
    }

    /// The number of the network namespace. `None` if it is not known.
    pub(super) fn namespace(&self) -> Option<u64> {
        match &self.source {
            Source::SockDiag { netlink, .. } => netlink.namespace(),
            Source::Text(_) => None,
        }
    }

    fn read<R: Row>(&mut self, query: &Query, buffer: &mut Buffer, mut beside: Beside<'_>) -> Result<()> {
        let Listing { source, calls, unreconciled, socket_inodes, .. } = self;
        match source {
            Source::SockDiag { netlink, .. } => {
                let selection = Selection::of(query);
                let extensions =
                    beside.stats.as_deref().map_or(Extensions::NONE, |stats| Extensions::of(stats.kinds()));
                let dump = || {
                    *calls += 1;
                    let mut beside = beside.reborrow();
                    let closed = mem::take(&mut beside.closed);
                    write::<R, Failure>(query, buffer, socket_inodes, beside, |found| {
                        netlink.dump(&selection, extensions, closed, found)
                    })
                };
                let read = sock_diag::retry(dump, thread::sleep);
                *unreconciled = netlink.unreconciled();
                read
            }
            // The text lacks sockets that are only bound.
            Source::Text(_) if query.wanted_states().has(State::Bound) => Err(Error::NotSupported),
            Source::Text(text) => {
                *calls += 1;
                write::<R, Error>(query, buffer, socket_inodes, beside, |found| text.read(|socket| found(socket, &[])))
            }
        }
    }
}

/// Writes the sockets that `read` finds and `query` selects.
///
/// Collects what `beside` has storage for, and the inodes if the rows have owners.
fn write<R: Row, E: From<Error>>(
    query: &Query,
    buffer: &mut Buffer,
    socket_inodes: &mut Vec<SocketInode>,
    mut beside: Beside<'_>,
    read: impl FnOnce(&mut dyn FnMut(Socket, &[u8]) -> Result<()>) -> Result<(), E>,
) -> Result<(), E> {
    let mut writer = buffer.writer::<R>();
    let is_filtered = !query.is_unfiltered();
    socket_inodes.clear();
    let has_attributes = beside.stats.as_deref().is_some_and(|stats| Extensions::of(stats.kinds()) != Extensions::NONE);
    beside.clear();
    read(&mut |socket, attributes| {
        let row = socket.to_row::<R>();
        if is_filtered && !query.matches(&row) {
            return Ok(());
        }
        if R::CLASS.has_owners() {
            socket_inodes.try_reserve(1).map_err(|_| Error::OutOfMemory {
                bytes: (socket_inodes.len() + 1).saturating_mul(size_of::<SocketInode>()),
            })?;
            socket_inodes.push(SocketInode { inode: socket.inode, uid: socket.uid });
        }
        if let Some(listed) = &mut beside.listed {
            let bytes = (listed.len() + 1).saturating_mul(size_of::<Listed>());
            listed.try_reserve(1).map_err(|_| Error::OutOfMemory { bytes })?;
            listed.push(Listed::of(&socket));
        }
        if let Some(stats) = &mut beside.stats {
            let attributes = if has_attributes { Attributes::parse(attributes)? } else { Attributes::default() };
            stats.push_reported(&row, &attributes.reported(&socket))?;
        }
        writer.push(&row)
    })?;
    if let Some(stats) = beside.stats {
        stats.index_entries()?;
    }
    Ok(writer.finish()?)
}

/// The errnos of an unavailable sock_diag: not built in, not loaded, or forbidden by a sandbox.
const REFUSALS: [Errno; 8] = [
    Errno::PROTONOSUPPORT,
    Errno::AFNOSUPPORT,
    Errno::OPNOTSUPP,
    Errno::NOENT,
    Errno::CONNREFUSED,
    Errno::ACCESS,
    Errno::PERM,
    Errno::NOSYS,
];

pub(super) fn is_refusal(errno: i32) -> bool {
    REFUSALS.iter().any(|refusal| refusal.raw_os_error() == errno)
}

#[cfg(test)]
mod tests;
