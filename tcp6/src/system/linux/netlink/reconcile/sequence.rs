//! The sockets that one dump after the other lists, in the kernel's order.

use core::mem;

use crate::error::{Error, Result};
use crate::system::linux::netlink::inet_diag::SockId;

/// What is kept of a socket.
pub(super) trait Entry: Copy {
    fn id(&self) -> &SockId;
}

impl Entry for SockId {
    fn id(&self) -> &SockId {
        self
    }
}

/// A socket in TIME-WAIT, and when it is due to end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expiring {
    pub(super) id: SockId,
    /// By the clock of the transport, in milliseconds.
    pub(super) due: u64,
}

impl Entry for Expiring {
    fn id(&self) -> &SockId {
        &self.id
    }
}

/// The entries of the previous dump, and those of the running dump as the difference to them.
#[derive(Debug)]
pub(super) struct Sequence<T> {
    /// What the previous dump listed. No id is in it twice.
    previous: Vec<T>,
    /// The number of entries with which the running dump repeats `previous`.
    repeated: usize,
    /// What it listed after them.
    current: Vec<T>,
}

impl<T: Entry> Sequence<T> {
    pub(super) const fn new() -> Sequence<T> {
        Sequence { previous: Vec::new(), repeated: 0, current: Vec::new() }
    }

    /// Starts a dump.
    pub(super) fn begin(&mut self) {
        self.repeated = 0;
        self.current.clear();
    }

    /// Drops the entries of the previous dump.
    pub(super) fn forget(&mut self) {
        self.previous.clear();
    }

    /// If the dump repeats the previous one with this id, returns the entry.
    #[inline]
    pub(super) fn repeat(&mut self, id: &SockId) -> Option<&mut T> {
        let entry = self.previous.get_mut(self.repeated)?;
        if entry.id() != id {
            return None;
        }
        self.repeated += 1;
        Some(entry)
    }

    /// Adds an entry that does not repeat the previous dump.
    pub(super) fn push(&mut self, entry: T) -> Result<()> {
        reserve(&mut self.current, 1)?;
        self.current.push(entry);
        Ok(())
    }

    pub(super) fn repeated(&self) -> &[T] {
        &self.previous[..self.repeated]
    }

    /// The entries of the previous dump that the running one did not repeat; it may have listed them in other places.
    pub(super) fn rest(&self) -> &[T] {
        &self.previous[self.repeated..]
    }

    /// Makes the running dump the previous one.
    pub(super) fn commit(&mut self) -> Result<()> {
        if self.repeated == 0 {
            mem::swap(&mut self.previous, &mut self.current);
        } else {
            reserve(&mut self.previous, self.current.len())?;
            self.previous.truncate(self.repeated);
            self.previous.append(&mut self.current);
        }
        Ok(())
    }
}

pub(super) fn reserve<T>(entries: &mut Vec<T>, more: usize) -> Result<()> {
    let bytes = entries.len().saturating_add(more).saturating_mul(size_of::<T>());
    entries.try_reserve(more).map_err(|_| Error::OutOfMemory { bytes })
}
