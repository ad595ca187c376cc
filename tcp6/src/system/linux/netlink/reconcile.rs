//! Reconciles a dump with the one before it: each socket is listed once, and none that lasts is missing.
//!
//! The kernel sends each chain of its hash in several pieces and finds its place again by counting. Sockets that enter
//! the chain meanwhile, at its head, make it list others twice; sockets that leave make it pass over others. Duplicates
//! are dropped by cookie. Nothing in a dump reveals a socket that was passed over, so the ids of the previous dump are
//! kept, and those that are missing are looked up. A look-up by ends and cookie is exact.
//!
//! A socket is missing if the dump does not list its cookie in any state: a socket that changes to FIN-WAIT-2 or
//! TIME-WAIT becomes a minisock with the same id, and is not looked up.
//!
//! A socket in TIME-WAIT ends by itself, and the kernel reports when it is due to. One that is missing before that is looked
//! up. Later it may still exist, because the kernel rounds long timeouts up (60 s by up to 2.0 s with HZ=250, 4.1 s with
//! HZ=1000, 5.1 s with HZ=100). The timers fire in the order in which they are due, so the latest overdue one is looked up
//! first: once one is gone, all that were due before it are gone too. That is one look-up per refresh, not one per
//! connection.
//!
//! While a dump repeats the previous one in order, all this is one comparison per socket: the ids of the previous dump are
//! unique, so the repeated ones are too. From the first difference on, cookies are collected in a set.

use std::collections::{BinaryHeap, HashSet};

use self::sequence::{Entry, Expiring, Sequence, reserve};
use super::inet_diag::{InetDiagMsg, SockId};
use crate::error::{Error, Result};
use crate::system::linux::int_hash::IntHash;

mod sequence;

/// Compares dumps, and keeps what the previous one listed: 48 bytes per socket, 64 per socket in TIME-WAIT.
#[derive(Debug)]
pub(in crate::system::linux) struct Reconciler {
    /// The states of the dumps.
    states: u32,
    /// When the running dump started, by the clock of the transport, in milliseconds.
    started: u64,
    lasting: Sequence<SockId>,
    expiring: Sequence<Expiring>,
    /// Whether the running dump stopped repeating the previous one.
    differs: bool,
    /// The cookies that the running dump listed, complete only if it differs.
    listed: HashSet<u64, IntHash>,
    /// What the previous dump listed and this one did not, without `overdue`.
    missing: Vec<SockId>,
    /// Missing sockets in TIME-WAIT that are due, the latest first.
    overdue: BinaryHeap<(u64, SockId)>,
}

impl Reconciler {
    pub(in crate::system::linux) fn new() -> Reconciler {
        Reconciler {
            states: 0,
            started: 0,
            lasting: Sequence::new(),
            expiring: Sequence::new(),
            differs: false,
            listed: HashSet::default(),
            missing: Vec::new(),
            overdue: BinaryHeap::new(),
        }
    }

    /// Starts a dump of the sockets in `states` at the time `now`. After a dump of other states nothing is missing.
    ///
    /// If the previous dump was not committed, this one is compared with the one before it.
    pub(in crate::system::linux) fn begin(&mut self, states: u32, now: u64) {
        if self.states != states {
            self.states = states;
            self.lasting.forget();
            self.expiring.forget();
        }
        self.started = now;
        self.lasting.begin();
        self.expiring.begin();
        self.differs = false;
        self.missing.clear();
        self.overdue.clear();
    }

    /// Records a socket of the dump. Returns false for a duplicate.
    ///
    /// A socket without a cookie cannot be told from others: it is never a duplicate and never missing.
    #[inline]
    pub(in crate::system::linux) fn record(&mut self, message: InetDiagMsg<'_>) -> Result<bool> {
        let id = message.id();
        if !id.has_cookie() {
            return Ok(true);
        }
        let expires_in = message.expires_in();
        if !self.differs {
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
            self.start_to_differ()?;
        }
        self.record_difference(id, expires_in)
    }

    /// When a socket is due to end that this dump lists with this rest: early by at most the duration of the dump.
    fn due(&self, milliseconds: u32) -> u64 {
        self.started.saturating_add(milliseconds.into())
    }

    #[inline(never)]
    fn record_difference(&mut self, id: SockId, expires_in: Option<u32>) -> Result<bool> {
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
    fn start_to_differ(&mut self) -> Result<()> {
        self.differs = true;
        self.listed.clear();
        let (lasting, expiring) = (self.lasting.repeated(), self.expiring.repeated());
        // Most of what was listed before is listed again.
        let expected = lasting.len() + expiring.len() + self.lasting.rest().len() + self.expiring.rest().len();
        self.listed.try_reserve(expected).map_err(|_| self.out_of_memory(expected))?;
        self.listed.extend(lasting.iter().map(SockId::cookie));
        self.listed.extend(expiring.iter().map(|entry| entry.id.cookie()));
        Ok(())
    }

    fn out_of_memory(&self, more: usize) -> Error {
        Error::OutOfMemory { bytes: (self.listed.len().saturating_add(more)).saturating_mul(size_of::<u64>()) }
    }

    /// Ends a dump: finds the sockets that the previous one listed and this one did not.
    pub(in crate::system::linux) fn find_missing(&mut self) -> Result<()> {
        let Reconciler { listed, differs, missing, overdue, started, .. } = self;
        // What a dump that does not differ leaves over it did not list: ids are unique.
        let is_missing = |id: &SockId| !*differs || !listed.contains(&id.cookie());
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

    /// Whether there is nothing to look up.
    pub(in crate::system::linux) fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.overdue.is_empty()
    }

    /// Takes the sockets to be looked up, each of which is missing by itself.
    pub(in crate::system::linux) fn take_missing(&mut self) -> Vec<SockId> {
        core::mem::take(&mut self.missing)
    }

    /// Gives their storage back, for the next dump.
    pub(in crate::system::linux) fn put_back(&mut self, storage: Vec<SockId>) {
        self.missing = storage;
    }

    /// The overdue socket that was due last. To be called until a look-up finds one of them gone.
    pub(in crate::system::linux) fn next_overdue(&mut self) -> Option<SockId> {
        self.overdue.pop().map(|(_, id)| id)
    }

    /// Records a missing socket that a look-up found.
    pub(in crate::system::linux) fn recover(&mut self, message: InetDiagMsg<'_>) -> Result<()> {
        match message.expires_in() {
            None => self.lasting.push(message.id()),
            Some(milliseconds) => self.expiring.push(Expiring { id: message.id(), due: self.due(milliseconds) }),
        }
    }

    /// Makes the dump, with what was recovered, the one that the next is compared with.
    pub(in crate::system::linux) fn commit(&mut self) -> Result<()> {
        self.lasting.commit()?;
        self.expiring.commit()
    }
}

#[cfg(test)]
mod tests;
