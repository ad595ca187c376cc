//! What has been looked up, and until when it holds.
//!
//! It knows nothing of any system: it is written over [`Lookup`], which the tests play by a script.

use std::collections::HashMap;

use crate::process::{Module, Process};
use crate::row::Row;
use crate::row::class::OwnerModuleRow;
use crate::row::owner::Owner;

/// How many modules of one process are remembered. The busiest `svchost.exe` has some dozens of services.
const MODULES: usize = 64;

/// What a system tells of its processes.
pub(crate) trait Lookup {
    /// Whether this system names modules: whether [`module`](Lookup::module) is worth a call, and what it says worth
    /// a place for each `module_info`.
    const HAS_MODULES: bool = false;

    /// What the implementor keeps for the sake of speed is out of date from now on.
    fn begin(&mut self) {}

    /// Whether the process with this id is still this one, runs the same program and has the same name. It is asked far more
    /// often than [`describe`](Lookup::describe).
    fn is_same(&mut self, process: &Process) -> bool;

    /// All about the process with this id. Nothing of it may be of another process that had the id a moment ago.
    fn describe(&mut self, pid: u32) -> Option<Process>;

    /// What owns the socket of this row within this process, if the system names it.
    fn module(&mut self, _row: &OwnerModuleRow, _process: &Process) -> Option<Module> {
        None
    }
}

/// Processes by their ids.
#[derive(Debug)]
pub(crate) struct Cache<L> {
    lookup: L,
    entries: HashMap<u32, Entry>,
    capacity: usize,
    /// Counts the moments at which all that is known becomes doubtful.
    now: u64,
    /// When what nobody wants was forgotten last.
    cleared: u64,
}

/// What is known of an id. That there is nobody is known, too: thousands of rows can have one dead owner.
#[derive(Debug)]
struct Entry {
    process: Option<Process>,
    modules: Vec<Known>,
    /// When this was seen to be so.
    seen: u64,
}

/// A module, by what a row says of it.
#[derive(Debug)]
struct Known {
    info: [u64; 16],
    /// `None` if the system did not name it. It may the next time.
    module: Option<Module>,
}

impl<L: Lookup> Cache<L> {
    pub(crate) fn new(lookup: L, capacity: usize) -> Cache<L> {
        Cache { lookup, entries: HashMap::new(), capacity: capacity.max(1), now: 1, cleared: 0 }
    }

    /// From now on all that is known must be verified before it is given out.
    pub(crate) fn begin(&mut self) {
        self.now += 1;
        self.lookup.begin();
    }

    /// Forgets who was not asked for since the last time.
    pub(crate) fn forget_unwanted(&mut self) {
        self.entries.retain(|_, entry| entry.seen >= self.cleared);
        self.cleared = self.now;
    }

    pub(crate) fn process(&mut self, pid: u32) -> Option<&Process> {
        self.verify(pid);
        self.entries.get(&pid)?.process.as_ref()
    }

    pub(crate) fn module(&mut self, row: &OwnerModuleRow) -> Option<&Module> {
        let pid = match row.owner() {
            Owner::Nobody | Owner::Unresolved => return None,
            // A process, or the kernel, which on Windows is one as well.
            owner => owner.as_raw(),
        };
        self.verify(pid);
        let Entry { process, modules, .. } = self.entries.get_mut(&pid)?;
        let process = process.as_ref()?;
        if !L::HAS_MODULES {
            return Some(&process.executable);
        }
        let info = row.as_raw().OwningModuleInfo;
        let at = match modules.iter().position(|known| known.info == info) {
            Some(at) => at,
            None => {
                if modules.len() == MODULES {
                    modules.remove(0);
                }
                modules.push(Known { info, module: self.lookup.module(row, process) });
                modules.len() - 1
            }
        };
        Some(modules[at].module.as_ref().unwrap_or(&process.executable))
    }

    /// Sees to it that there is an entry for the id, and that it is true now.
    fn verify(&mut self, pid: u32) {
        if let Some(entry) = self.entries.get_mut(&pid) {
            if entry.seen == self.now {
                return;
            }
            if entry.process.as_ref().is_some_and(|process| self.lookup.is_same(process)) {
                entry.seen = self.now;
                entry.modules.retain(|known| known.module.is_some());
                return;
            }
            self.entries.remove(&pid);
        }
        let process = self.lookup.describe(pid);
        self.make_room();
        self.entries.insert(pid, Entry { process, modules: Vec::new(), seen: self.now });
    }

    /// For one more. To search for the oldest costs less than to look up the new one, and it is rare that it must be
    /// done: when there are more owners than capacity.
    fn make_room(&mut self) {
        while self.entries.len() >= self.capacity {
            let oldest = self.entries.iter().min_by_key(|(pid, entry)| (entry.seen, **pid)).map(|(pid, _)| *pid);
            if let Some(pid) = oldest {
                self.entries.remove(&pid);
            }
        }
    }
}

#[cfg(test)]
mod tests;
