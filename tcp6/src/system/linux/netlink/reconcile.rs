//! Reconciles each dump with the previous one: drops duplicates and finds missing sockets.
//!
//! The kernel sends each chain of its hash table in several pieces and resumes by position. A socket that is inserted
//! at the head of the chain between two pieces makes the kernel list another socket twice; a socket that is removed
//! makes it skip another one. Duplicates are dropped by cookie. A dump does not reveal that a socket was skipped, so
//! the reconciler keeps the ids of the previous dump, and those that the new dump lacks are looked up. A look-up by
//! ends and cookie never returns another socket.
//!
//! A socket is missing if the dump does not list its cookie in any state. A socket that changes to FIN-WAIT-2 or
//! TIME-WAIT becomes a minisock with the same id, so it is not missing if the dump lists the new state.
//!
//! The kernel reports when a socket in TIME-WAIT is due to expire. If it is missing before that time, it is looked up.
//! After that time it may still exist, because the kernel rounds long timeouts up (60 s by up to 2.0 s with HZ=250, 4.1
//! s with HZ=1000, 5.1 s with HZ=100). Timers fire in the order of their due times, so overdue sockets are looked up
//! from the latest to the earliest, until one is gone: all that were due before it are gone too. If all have expired,
//! this costs one look-up per refresh instead of one per socket.
//!
//! Sockets that are only bound are listed on request, by a walk of their own. They are not recorded for the next dump,
//! because no look-up finds them.
//!
//! As long as a dump repeats the previous one in order, reconciliation costs one comparison per socket: the ids of the
//! previous dump are unique, and so are the repeated ones. After the first difference, cookies are collected in a set.

use std::collections::{BinaryHeap, HashSet};

use self::sequence::{Entry, Expiring, Sequence, reserve};
use super::inet_diag::{InetDiagMsg, SockId};
use super::selection::Selection;
use crate::error::{Error, Result};
use crate::system::linux::int_hash::IntHash;

mod sequence;

/// Compares each dump with the previous one.
///
/// Keeps 48 bytes per socket, and 64 per socket in TIME-WAIT.
#[derive(Debug)]
pub(in crate::system::linux) struct Reconciler {
    /// What both dumps request.
    selection: Selection,
    /// The start of the current dump in milliseconds on the transport's clock.
    started: u64,
    /// The sockets that do not expire.
    lasting: Sequence<SockId>,
    /// The sockets in TIME-WAIT.
    expiring: Sequence<Expiring>,
    /// Whether the current dump has stopped repeating the previous one, or has recovered a socket.
    diverged: bool,
    /// The cookies that the current dump listed or recovered; complete only if it has diverged.
    listed: HashSet<u64, IntHash>,
    /// The sockets that only the previous dump listed, except those in `overdue`.
    missing: Vec<SockId>,
    /// The ids that [`retain_unlisted`](Self::retain_unlisted) retains. Peers choose the ends, so that the hash has random
    /// keys.
    unlisted: HashSet<SockId>,
    /// The missing sockets in TIME-WAIT whose due time has passed, the latest first.
    overdue: BinaryHeap<(u64, SockId)>,
}

impl Reconciler {
    pub(in crate::system::linux) fn new() -> Reconciler {
        Reconciler {
            selection: Selection::in_states(0),
            started: 0,
            lasting: Sequence::new(),
            expiring: Sequence::new(),
            diverged: false,
            listed: HashSet::default(),
            missing: Vec::new(),
            unlisted: HashSet::new(),
            overdue: BinaryHeap::new(),
        }
    }

    /// Starts a dump of the selected sockets at `now`, in milliseconds on the transport's clock.
    ///
    /// The dump is compared with the last committed one. If that had another selection, no socket is missing.
    pub(in crate::system::linux) fn begin(&mut self, selection: &Selection, now: u64) {
        if self.selection != *selection {
            self.selection = *selection;
            self.lasting.forget();
            self.expiring.forget();
        }
        self.started = now;
        self.lasting.begin();
        self.expiring.begin();
        self.diverged = false;
        self.missing.clear();
        self.overdue.clear();
    }

    /// Records a socket of the dump. Returns false for a duplicate.
    ///
    /// A socket without a cookie cannot be identified: it is never a duplicate and never missing.
    #[inline]
    pub(in crate::system::linux) fn record(&mut self, message: InetDiagMsg<'_>) -> Result<bool> {
        let id = message.id();
        if !id.has_cookie() {
            return Ok(true);
        }
        if self.selection.has_bound() && message.is_unconnected() {
            return self.record_bound(id);
        }
        let expires_in = message.expires_in();
        if !self.diverged {
            match expires_in {
                None if self.lasting.repeat(&id).is_some() => return Ok(true),
                None => {}
                Some(milliseconds) => {
                    let due = self.due(milliseconds);
                    if let Some(entry) = self.expiring.repeat(&id) {
                        entry.due = due;
                        return Ok(true);
                    }
                }
            }
            self.diverge()?;
        }
        self.record_diverged(id, expires_in)
    }

    /// Records a socket that is only bound. Returns false for a duplicate.
    ///
    /// It can be listed again, by another walk of the kernel or after it has been connected. It is not looked up if the
    /// next dump lacks it, because no look-up finds such a socket.
    #[cold]
    fn record_bound(&mut self, id: SockId) -> Result<bool> {
        if !self.diverged {
            self.diverge()?;
        }
        self.listed.try_reserve(1).map_err(|_| self.out_of_memory(1))?;
        Ok(self.listed.insert(id.cookie()))
    }

    /// The due time of a socket that this dump lists with `milliseconds` left.
    ///
    /// It is early by at most the duration of the dump and its look-ups.
    fn due(&self, milliseconds: u32) -> u64 {
        self.started.saturating_add(milliseconds.into())
    }

    #[inline(never)]
    fn record_diverged(&mut self, id: SockId, expires_in: Option<u32>) -> Result<bool> {
        self.listed.try_reserve(1).map_err(|_| self.out_of_memory(1))?;
        if !self.listed.insert(id.cookie()) {
            return Ok(false);
        }
        match expires_in {
            None => self.lasting.push(id)?,
            Some(milliseconds) => self.expiring.push(Expiring { id, due: self.due(milliseconds) })?,
        }
        Ok(true)
    }

    #[cold]
    fn diverge(&mut self) -> Result<()> {
        self.diverged = true;
        self.listed.clear();
        let (lasting, expiring) = (self.lasting.repeated(), self.expiring.repeated());
        // The dump will list most sockets of the previous one.
        let expected = lasting.len() + expiring.len() + self.lasting.rest().len() + self.expiring.rest().len();
        self.listed.try_reserve(expected).map_err(|_| self.out_of_memory(expected))?;
        self.listed.extend(lasting.iter().map(SockId::cookie));
        self.listed.extend(expiring.iter().map(|entry| entry.id.cookie()));
        Ok(())
    }

    fn out_of_memory(&self, more: usize) -> Error {
        Error::OutOfMemory { bytes: (self.listed.len().saturating_add(more)).saturating_mul(size_of::<u64>()) }
    }

    /// Ends the dump and finds the sockets that the previous dump listed and this one did not.
    pub(in crate::system::linux) fn find_missing(&mut self) -> Result<()> {
        let Reconciler { listed, diverged, missing, overdue, started, .. } = self;
        // If the dump repeats a prefix of the previous one, it does not list the rest: ids are unique.
        let is_missing = |id: &SockId| !*diverged || !listed.contains(&id.cookie());
        for id in self.lasting.rest().iter().filter(|id| is_missing(id)) {
            reserve(missing, 1)?;
            missing.push(*id);
        }
        for Expiring { id, due } in self.expiring.rest().iter().filter(|entry| is_missing(entry.id())) {
            if due > started {
                reserve(missing, 1)?;
                missing.push(*id);
            } else {
                overdue.try_reserve(1).map_err(|_| Error::OutOfMemory { bytes: size_of_val(overdue.as_slice()) })?;
                overdue.push((*due, *id));
            }
        }
        Ok(())
    }

    /// Whether no socket must be looked up.
    pub(in crate::system::linux) fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.overdue.is_empty()
    }

    /// Takes the missing sockets, all of which must be looked up.
    pub(in crate::system::linux) fn take_missing(&mut self) -> Vec<SockId> {
        core::mem::take(&mut self.missing)
    }

    /// Returns the storage of [`take_missing`](Self::take_missing) for reuse.
    pub(in crate::system::linux) fn put_back(&mut self, storage: Vec<SockId>) {
        self.missing = storage;
    }

    /// Removes and returns the overdue socket with the latest due time.
    ///
    /// To be called until a look-up does not find the returned socket.
    pub(in crate::system::linux) fn next_overdue(&mut self) -> Option<SockId> {
        self.overdue.pop().map(|(_, id)| id)
    }

    /// Records a socket that a look-up found. Returns false for a duplicate.
    pub(in crate::system::linux) fn recover(&mut self, message: InetDiagMsg<'_>) -> Result<bool> {
        if !self.diverged {
            self.diverge()?;
        }
        self.record_diverged(message.id(), message.expires_in())
    }

    /// Retains those of `ids`, which match any cookie, whose ends the current dump has not listed, and each only once.
    ///
    /// Returns the start of `ids`, with the retained ones. So a table has one row with these ends, as if the kernel had
    /// listed it at the moment of the look-up.
    pub(in crate::system::linux) fn retain_unlisted<'a>(&mut self, ids: &'a mut [SockId]) -> Result<&'a mut [SockId]> {
        let Reconciler { unlisted, lasting, expiring, .. } = self;
        unlisted.clear();
        let bytes = ids.len().saturating_mul(size_of::<SockId>());
        unlisted.try_reserve(ids.len()).map_err(|_| Error::OutOfMemory { bytes })?;
        unlisted.extend(&*ids);
        for id in lasting.ids().chain(expiring.ids()) {
            unlisted.remove(&id.any_cookie());
        }
        let mut retained = 0;
        for at in 0..ids.len() {
            if unlisted.remove(&ids[at]) {
                ids.swap(retained, at);
                retained += 1;
            }
        }
        Ok(&mut ids[..retained])
    }

    /// The number of sockets of the current dump that can be identified.
    pub(in crate::system::linux) fn count(&self) -> usize {
        self.lasting.count() + self.expiring.count()
    }

    /// Makes the dump, with the recovered sockets, the previous one for the next comparison.
    pub(in crate::system::linux) fn commit(&mut self) -> Result<()> {
        self.lasting.commit()?;
        self.expiring.commit()
    }
}

#[cfg(test)]
mod tests;
