//! The sockets of the previous and the current dump, in the kernel's order.

use core::mem;

use crate::error::{Error, Result};
use crate::system::linux::netlink::inet_diag::SockId;

/// The data kept for a socket.
pub(super) trait Entry: Copy {
    fn id(&self) -> &SockId;
}

impl Entry for SockId {
    fn id(&self) -> &SockId {
        self
    }
}

/// A socket in TIME-WAIT and its due time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expiring {
    pub(super) id: SockId,
    /// The time at which it is due to expire, in milliseconds on the transport's clock.
    pub(super) due: u64,
}

impl Entry for Expiring {
    fn id(&self) -> &SockId {
        &self.id
    }
}

/// The entries of the previous dump, and those of the current dump as a difference to them.
#[derive(Debug)]
pub(super) struct Sequence<T> {
    /// The entries of the previous dump, with unique ids.
    previous: Vec<T>,
    /// The number of leading entries of `previous` that the current dump repeats.
    repeated: usize,
    /// The entries that the current dump lists after them.
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

    /// Returns the next entry of the previous dump and counts it as repeated, if it has this id.
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

    /// The entries of the previous dump that the current one repeats.
    pub(super) fn repeated(&self) -> &[T] {
        &self.previous[..self.repeated]
    }

    /// The entries of the previous dump that the current one did not repeat.
    ///
    /// It may have listed them in another order.
    pub(super) fn rest(&self) -> &[T] {
        &self.previous[self.repeated..]
    }

    /// The number of entries of the current dump.
    pub(super) fn count(&self) -> usize {
        self.repeated + self.current.len()
    }

    /// The ids of the current dump.
    pub(super) fn ids(&self) -> impl Iterator<Item = &SockId> {
        self.repeated().iter().chain(&self.current).map(T::id)
    }

    /// Makes the current dump the previous one.
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
