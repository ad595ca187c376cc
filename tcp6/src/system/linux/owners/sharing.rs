//! Processes that use one descriptor table (clone with CLONE_FILES).
//!
//! The table is read and kept once, in the *leader*, the process through which it is read. The others are *members*.

use core::cmp::Ordering;

use super::fd_source::FdSource;
use super::tracked::{ScanState, Tracked};

/// The number of descriptors from which on a table counts as large.
///
/// The larger a table, the more comparisons are worth their cost.
const LARGE_TABLE: u64 = 32;

/// The maximum number of tables that the table of a new process is compared with.
///
/// A comparison costs less than reading a descriptor.
const MAX_COMPARISONS: usize = 4;
const MAX_COMPARISONS_LARGE: usize = 64;

/// Determines which processes share a table. Returns whether anything has changed.
///
/// `processes` is ascending by pid, and all have been sampled. A new process is compared with processes that have as
/// many descriptors: those of lower pids first, the nearest first, because its parent is usually among them.
pub(super) fn update(processes: &mut [Tracked], has_exact_times: bool, source: &impl FdSource) -> bool {
    let mut differs = verify(processes, has_exact_times, source);
    for i in 0..processes.len() {
        if processes[i].state == ScanState::New && processes[i].leader.is_none() {
            let (before, after) = processes.split_at_mut(i);
            let (process, after) = after.split_first_mut().expect("i is less than the length");
            if let Some(leader) = find_leader(process, before.iter().rev().chain(after.iter()), source) {
                process.join(leader);
                let joined = process.pid;
                let members = processes.iter_mut().filter(|process| process.leader == Some(joined));
                members.for_each(|process| process.leader = Some(leader));
                // The new member can have changed the table.
                mark_used(processes, Some(leader), source);
                differs = true;
            }
        }
    }
    differs
}

/// The process whose table this new process uses.
fn find_leader<'a>(
    process: &Tracked,
    others: impl Iterator<Item = &'a Tracked>,
    source: &impl FdSource,
) -> Option<u32> {
    let class = size_class(process)?;
    let max = if class == LARGE_TABLE { MAX_COMPARISONS_LARGE } else { MAX_COMPARISONS };
    let is_candidate = |other: &&Tracked| {
        // Of two new processes, the one with the higher pid joins the other.
        let can_lead = other.state != ScanState::New || other.pid < process.pid;
        other.leader.is_none() && can_lead && size_class(other) == Some(class)
    };
    let is_shared = |other: &&Tracked| process.compare_tables(other, source) == Some(Ordering::Equal);
    others.filter(is_candidate).take(max).find(is_shared).map(|leader| leader.pid)
}

/// The size of a table, up to [`LARGE_TABLE`]. `None` for an empty table.
///
/// 0 if the kernel does not count descriptors. Tables of different classes are different tables.
fn size_class(process: &Tracked) -> Option<u64> {
    match process.count() {
        Some(0) => None,
        count => Some(count.unwrap_or(0).min(LARGE_TABLE)),
    }
}

/// Checks that members still use the table of their leader, if one of them has run.
///
/// exec gives a process its own table. Returns whether anything has changed.
///
/// If CPU times are not exact, all are checked, because a process can have run while its CPU time stayed the same.
fn verify(processes: &mut [Tracked], has_exact_times: bool, source: &impl FdSource) -> bool {
    let mut differs = false;
    for i in 0..processes.len() {
        let Some(leader) = processes[i].leader.and_then(|leader| position(processes, leader)) else { continue };
        let has_run = processes[i].state == ScanState::Ran;
        if has_exact_times && !has_run && processes[leader].state == ScanState::Idle {
            continue;
        }
        if processes[i].compare_tables(&processes[leader], source) != Some(Ordering::Equal) {
            processes[i].unshare(source);
            // It can have changed the table before.
            mark_ran(&mut processes[leader], source);
            differs = true;
        } else if has_run && processes[leader].state == ScanState::Idle {
            differs |= mark_ran(&mut processes[leader], source);
        }
    }
    differs
}

/// Marks a leader as having run, because a member has.
///
/// Returns whether its pid belongs to another process now.
fn mark_ran(leader: &mut Tracked, source: &impl FdSource) -> bool {
    if leader.state == ScanState::Idle {
        leader.state = ScanState::Ran;
    }
    leader.read_summary(source)
}

/// Marks the table of `leader` as possibly changed by a member that has joined or ended.
pub(super) fn mark_used(processes: &mut [Tracked], leader: Option<u32>, source: &impl FdSource) {
    if let Some(leader) = leader.and_then(|leader| position(processes, leader)) {
        mark_ran(&mut processes[leader], source);
    }
}

/// Makes a member the leader if the leader at index `ended` has ended.
pub(super) fn replace_leader(processes: &mut [Tracked], ended: usize, source: &impl FdSource) {
    let leader = processes[ended].pid;
    let is_member = |process: &Tracked| process.leader == Some(leader) && process.state != ScanState::Gone;
    let Some(heir) = processes.iter().position(is_member) else { return };
    let table = core::mem::replace(&mut processes[ended], Tracked::gone(leader));
    processes[heir].inherit(table);
    // The ended process can have changed the table before.
    mark_ran(&mut processes[heir], source);
    let heir = processes[heir].pid;
    processes
        .iter_mut()
        .filter(|process| process.leader == Some(leader))
        .for_each(|process| process.leader = Some(heir));
}

/// The index of the process with this pid.
pub(super) fn position(processes: &[Tracked], pid: u32) -> Option<usize> {
    processes.binary_search_by_key(&pid, |process| process.pid).ok()
}
