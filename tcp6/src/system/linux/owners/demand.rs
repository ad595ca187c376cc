//! The sockets of a table: which have no owner, and which of the previous table have been closed.

use std::collections::HashSet;

use super::RETRY_INTERVAL;
use super::index::Index;
use crate::error::{Error, Result};
use crate::system::linux::int_hash::IntHash;

/// A socket of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::system::linux) struct SocketInode {
    /// 0 if no process holds the socket.
    pub(in crate::system::linux) inode: u32,
    /// The user that the socket belongs to.
    pub(in crate::system::linux) uid: u32,
}

type InodeSet = HashSet<u32, IntHash>;

/// The sockets of the successive tables of one `System`.
#[derive(Debug, Default)]
pub(in crate::system::linux) struct Demand {
    /// The sockets of the last complete table.
    previous: Vec<SocketInode>,
    /// The inodes of the table.
    present: InodeSet,
    /// Whether the table is not filtered.
    is_complete: bool,
    /// The inodes of the previous table that a complete table lacks.
    closed: InodeSet,
    /// The sockets without an owner, except those in `searched`.
    unresolved: Vec<SocketInode>,
    /// The sockets for which a search has found no owner.
    searched: InodeSet,
    /// The users of the sockets in `unresolved`, each once.
    uids: Vec<u32>,
    /// The number of tables.
    refreshes: u64,
    is_exact: bool,
    /// Whether no table has been resolved yet.
    is_first: bool,
    /// Whether the first table has the bounds of a later one.
    is_continued: bool,
    /// Whether descriptors were read during the dump of the table.
    has_read_ahead: bool,
}

impl Demand {
    /// That of a new system: its first table reads all descriptors that may have changed.
    pub(in crate::system::linux) fn new() -> Demand {
        Demand { is_first: true, ..Demand::default() }
    }

    /// That of a system that was opened from another one: its first table has the bounds of a later one.
    pub(in crate::system::linux) fn continued() -> Demand {
        Demand { is_continued: true, ..Demand::new() }
    }

    /// Sets whether all descriptors of all processes are read for each table.
    pub(in crate::system::linux) fn set_exact(&mut self, exact: bool) {
        self.is_exact = exact;
    }

    pub(super) fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// Whether no table has been resolved yet.
    pub(in crate::system::linux) fn is_first(&self) -> bool {
        self.is_first
    }

    /// Whether the table reads all descriptors that may have changed.
    pub(in crate::system::linux) fn is_unbounded(&self) -> bool {
        self.is_first && !self.is_continued
    }

    /// Notes whether descriptors were read during the dump of the table.
    pub(super) fn note_read_ahead(&mut self, has_read_ahead: bool) {
        self.has_read_ahead = has_read_ahead;
    }

    pub(super) fn has_read_ahead(&self) -> bool {
        self.has_read_ahead
    }

    /// Begins another table. Returns whether it retries what earlier tables could not read.
    ///
    /// Every [`RETRY_INTERVAL`] tables it does, and searches again for sockets without an owner.
    pub(super) fn begin(&mut self) -> bool {
        self.refreshes += 1;
        let retries = self.refreshes % RETRY_INTERVAL == 0;
        if retries {
            self.searched.clear();
        }
        retries
    }

    /// Ends a table that was resolved.
    pub(super) fn end(&mut self) {
        self.is_first = false;
    }

    /// Notes which sockets of the table exist and which sockets of the previous one have been
    /// closed.
    ///
    /// A socket that a complete table lacks has been closed. A filtered table does not show which have been closed.
    pub(super) fn compare(&mut self, table: &[SocketInode], is_complete: bool) -> Result<()> {
        self.is_complete = is_complete;
        self.present.clear();
        self.present.try_reserve(table.len()).map_err(|_| out_of_memory::<u32>(table.len()))?;
        self.present.extend(table.iter().map(|socket| socket.inode));
        self.closed.clear();
        if is_complete {
            for socket in self.previous.iter().filter(|socket| !self.present.contains(&socket.inode)) {
                self.closed.try_reserve(1).map_err(|_| out_of_memory::<u32>(self.closed.len() + 1))?;
                self.closed.insert(socket.inode);
            }
        }
        Ok(())
    }

    /// Whether one of these sockets is in the table, or the table is complete.
    pub(super) fn includes_any(&self, mut inodes: impl Iterator<Item = u32>) -> bool {
        self.is_complete || inodes.any(|inode| self.present.contains(&inode))
    }

    /// Whether [`compare`](Self::compare) has found that the socket has been closed.
    pub(super) fn is_closed(&self, inode: u32) -> bool {
        self.closed.contains(&inode)
    }

    /// Notes the sockets of the table that have no owner, except those for which a search has found
    /// none.
    pub(super) fn note_unresolved(&mut self, table: &[SocketInode], index: &Index) -> Result<()> {
        let is_unresolved = |socket: &&SocketInode| {
            socket.inode != 0 && index.get(socket.inode).is_none() && !self.searched.contains(&socket.inode)
        };
        self.unresolved.clear();
        for socket in table.iter().filter(is_unresolved) {
            self.unresolved.try_reserve(1).map_err(|_| out_of_memory::<SocketInode>(self.unresolved.len() + 1))?;
            self.unresolved.push(*socket);
        }
        self.uids.clear();
        self.uids.try_reserve(self.unresolved.len()).map_err(|_| out_of_memory::<u32>(self.unresolved.len()))?;
        self.uids.extend(self.unresolved.iter().map(|socket| socket.uid));
        self.uids.sort_unstable();
        self.uids.dedup();
        Ok(())
    }

    /// Whether [`note_unresolved`](Self::note_unresolved) has found a socket.
    pub(super) fn has_unresolved(&self) -> bool {
        !self.unresolved.is_empty()
    }

    /// Whether the user has a socket without an owner.
    pub(super) fn has_unresolved_of(&self, uid: u32) -> bool {
        self.uids.binary_search(&uid).is_ok()
    }

    /// Excludes the sockets without an owner from [`note_unresolved`](Self::note_unresolved).
    pub(super) fn note_searched(&mut self) -> Result<()> {
        self.searched
            .try_reserve(self.unresolved.len())
            .map_err(|_| out_of_memory::<SocketInode>(self.unresolved.len()))?;
        self.searched.extend(self.unresolved.iter().map(|socket| socket.inode));
        Ok(())
    }

    /// Copies the sockets of a complete table, so that the next one can be compared with them.
    pub(super) fn note_previous(&mut self, table: &[SocketInode]) -> Result<()> {
        self.previous.clear();
        self.previous.try_reserve(table.len()).map_err(|_| out_of_memory::<SocketInode>(table.len()))?;
        self.previous.extend_from_slice(table);
        Ok(())
    }
}

fn out_of_memory<T>(count: usize) -> Error {
    Error::OutOfMemory { bytes: count.saturating_mul(size_of::<T>()) }
}
