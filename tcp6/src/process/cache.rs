//! A cache of processes and modules.
//!
//! It does not depend on the system: it reads processes through [`Lookup`], which tests implement with a script.

use std::collections::HashMap;

use crate::process::{Module, Process};
use crate::row::Row;
use crate::row::class::OwnerModuleRow;
use crate::row::owner::Owner;

/// The maximum number of cached modules of a process.
///
/// The busiest `svchost.exe` has a few dozen services.
const MAX_MODULES: usize = 64;

/// Reads processes and modules from the system.
pub(crate) trait Lookup {
    /// Whether this system names modules.
    ///
    /// If not, [`module`](Lookup::module) is never called and nothing is cached for it.
    const HAS_MODULES: bool = false;

    /// Discards data that the implementor caches.
    fn begin(&mut self) {}

    /// Whether the process still exists, runs the same program and has the same name.
    ///
    /// It is called far more often than [`describe`](Lookup::describe).
    fn is_same(&mut self, process: &Process) -> bool;

    /// The process with this id.
    ///
    /// All fields must be those of one process, even if the id is reused meanwhile.
    fn describe(&mut self, pid: u32) -> Option<Process>;

    /// The module of this process that owns the socket of the row, if the system names it.
    fn module(&mut self, _row: &OwnerModuleRow, _process: &Process) -> Option<Module> {
        None
    }
}

/// Processes by id.
#[derive(Debug)]
pub(crate) struct Cache<L> {
    lookup: L,
    entries: HashMap<u32, Entry>,
    capacity: usize,
    /// The number of the current batch; a single look-up is a batch of its own.
    ///
    /// An entry that was last verified in an earlier batch is verified again before use.
    batch: u64,
    /// The batch that was current when unused entries were last evicted.
    evicted_at: u64,
}

/// The result of looking up an id.
///
/// An id without a process has an entry too, because thousands of rows can have the same exited owner.
#[derive(Debug)]
struct Entry {
    process: Option<Process>,
    modules: Vec<CachedModule>,
    /// The batch in which the entry was last verified.
    verified_at: u64,
}

/// A module, by the module words of a row.
#[derive(Debug)]
struct CachedModule {
    info: [u64; 16],
    /// `None` if the system did not name it. It is looked up again in the next batch.
    module: Option<Module>,
}

impl<L: Lookup> Cache<L> {
    pub(crate) fn new(lookup: L, capacity: usize) -> Cache<L> {
        Cache { lookup, entries: HashMap::new(), capacity: capacity.max(1), batch: 1, evicted_at: 0 }
    }

    /// Begins a batch: every entry is verified before it is next used.
    pub(crate) fn begin(&mut self) {
        self.batch += 1;
        self.lookup.begin();
    }

    /// Evicts entries that were not used since the previous call.
    pub(crate) fn evict_unused(&mut self) {
        self.entries.retain(|_, entry| entry.verified_at >= self.evicted_at);
        self.evicted_at = self.batch;
    }

    pub(crate) fn process(&mut self, pid: u32) -> Option<&Process> {
        self.verify(pid);
        self.entries.get(&pid)?.process.as_ref()
    }

    pub(crate) fn module(&mut self, row: &OwnerModuleRow) -> Option<&Module> {
        let pid = match row.owner() {
            Owner::Nobody | Owner::Unresolved => return None,
            // On Windows the kernel is a process too.
            owner => owner.as_raw(),
        };
        self.verify(pid);
        let Entry { process, modules, .. } = self.entries.get_mut(&pid)?;
        let process = process.as_ref()?;
        if !L::HAS_MODULES {
            return Some(&process.executable);
        }
        let info = row.as_raw().OwningModuleInfo;
        let index = match modules.iter().position(|cached| cached.info == info) {
            Some(index) => index,
            None => {
                if modules.len() == MAX_MODULES {
                    modules.remove(0);
                }
                modules.push(CachedModule { info, module: self.lookup.module(row, process) });
                modules.len() - 1
            }
        };
        Some(modules[index].module.as_ref().unwrap_or(&process.executable))
    }

    /// Ensures that the entry of this id exists and was verified in the current batch.
    fn verify(&mut self, pid: u32) {
        if let Some(entry) = self.entries.get_mut(&pid) {
            if entry.verified_at == self.batch {
                return;
            }
            if entry.process.as_ref().is_some_and(|process| self.lookup.is_same(process)) {
                entry.verified_at = self.batch;
                entry.modules.retain(|cached| cached.module.is_some());
                return;
            }
            self.entries.remove(&pid);
        }
        let process = self.lookup.describe(pid);
        self.evict_oldest();
        self.entries.insert(pid, Entry { process, modules: Vec::new(), verified_at: self.batch });
    }

    /// Evicts the least recently used entries until there is space for one more.
    ///
    /// The linear search is cheaper than the look-up that precedes it, and is needed only if there are more owners than
    /// the capacity.
    fn evict_oldest(&mut self) {
        while self.entries.len() >= self.capacity {
            let oldest = self.entries.iter().min_by_key(|(pid, entry)| (entry.verified_at, **pid)).map(|(pid, _)| *pid);
            if let Some(pid) = oldest {
                self.entries.remove(&pid);
            }
        }
    }
}

#[cfg(test)]
mod tests;
