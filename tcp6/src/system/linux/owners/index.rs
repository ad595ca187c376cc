//! The owner of each socket: the lowest pid of the processes that hold it.

use std::collections::HashMap;

use super::roster::Roster;
use super::sharing;
use crate::error::{Error, Result};
use crate::system::linux::int_hash::IntHash;

/// Maps the inodes of all known descriptors to pids.
#[derive(Debug, Default)]
pub(super) struct Index {
    lowest_pids: HashMap<u32, u32, IntHash>,
}

impl Index {
    /// The lowest pid of the processes that hold the socket with this inode.
    pub(super) fn get(&self, inode: u32) -> Option<u32> {
        self.lowest_pids.get(&inode).copied()
    }

    /// Rebuilds the index if known descriptors have changed.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`]. The index is empty until an update succeeds.
    pub(super) fn update(&mut self, roster: &mut Roster) -> Result<()> {
        if !roster.has_changed {
            return Ok(());
        }
        let Roster { processes, has_changed, .. } = roster;
        self.lowest_pids.clear();
        let max = processes.iter().map(|process| process.inodes().count()).sum();
        self.lowest_pids.try_reserve(max).map_err(|_| out_of_memory(max))?;
        for process in processes.iter_mut() {
            process.lowest_pid = process.pid;
        }
        for i in 0..processes.len() {
            let Some(leader) = processes[i].leader.and_then(|leader| sharing::position(processes, leader)) else {
                continue;
            };
            processes[leader].lowest_pid = processes[leader].lowest_pid.min(processes[i].pid);
        }
        for process in processes.iter() {
            for inode in process.inodes() {
                let lowest = self.lowest_pids.entry(inode).or_insert(process.lowest_pid);
                *lowest = process.lowest_pid.min(*lowest);
            }
        }
        *has_changed = false;
        Ok(())
    }
}

fn out_of_memory(entries: usize) -> Error {
    Error::OutOfMemory { bytes: entries.saturating_mul(size_of::<(u32, u32)>()) }
}
