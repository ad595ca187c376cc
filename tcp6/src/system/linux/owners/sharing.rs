//! Processes that use one descriptor table (clone with CLONE_FILES): it is read and kept once.

use core::cmp::Ordering;

use super::fd_source::FdSource;
use super::tracked::{ScanState, Tracked};

/// A table of this many descriptors is worth comparing with more others.
const MANY: u64 = 32;

/// The most tables that a new process' table is compared with. One comparison costs less than reading a descriptor.
const MAX_COMPARISONS: usize = 4;
const MAX_COMPARISONS_OF_MANY: usize = 64;

/// Finds out which processes share a table, after all of them were sampled. They are in the order of their pids.
///
/// A new process is compared with those of lower pids that have as many descriptors, the nearest first: its parent is
/// mostly among them.
///
/// Says whether anything is different from before.
pub(super) fn update(tracked: &mut [Tracked], is_still: bool, source: &impl FdSource) -> bool {
    let mut differs = verify(tracked, is_still, source);
    for at in 0..tracked.len() {
        if tracked[at].state == ScanState::New && tracked[at].shares.is_none() {
            let (before, after) = tracked.split_at_mut(at);
            let (process, after) = after.split_first_mut().expect("it is there");
            if let Some(leader) = leader(process, before.iter().rev().chain(after.iter()), source) {
                process.share(leader);
                let joined = process.pid;
                let members = tracked.iter_mut().filter(|process| process.shares == Some(joined));
                members.for_each(|process| process.shares = Some(leader));
                // The one that joins may have changed it.
                used_by_another(tracked, Some(leader), source);
                differs = true;
            }
        }
    }
    differs
}

/// The process whose table this new one shares.
fn leader<'a>(process: &Tracked, others: impl Iterator<Item = &'a Tracked>, source: &impl FdSource) -> Option<u32> {
    let class = class(process)?;
    let most = if class == MANY { MAX_COMPARISONS_OF_MANY } else { MAX_COMPARISONS };
    // Of two new ones the second joins the first.
    let is_candidate = |other: &&Tracked| {
        let is_first = other.state != ScanState::New || other.pid < process.pid;
        other.shares.is_none() && is_first && self::class(other) == Some(class)
    };
    let shares = |other: &&Tracked| process.compare_tables(other, source) == Some(Ordering::Equal);
    others.filter(is_candidate).take(most).find(shares).map(|leader| leader.pid)
}

/// Tables of different classes are not the same. `None` if a table has nothing to share.
fn class(process: &Tracked) -> Option<u64> {
    match process.count() {
        Some(0) => None,
        count => Some(count.unwrap_or(0).min(MANY)),
    }
}

/// Finds out whether processes that shared a table still do, if one of them has run: exec gives a process its own.
///
/// Unless the machine is still, one may have run whose CPU time is the same.
fn verify(tracked: &mut [Tracked], is_still: bool, source: &impl FdSource) -> bool {
    let mut differs = false;
    for at in 0..tracked.len() {
        let Some(leader) = tracked[at].shares.and_then(|leader| position(tracked, leader)) else { continue };
        let has_run = tracked[at].state == ScanState::Ran;
        if is_still && !has_run && tracked[leader].state == ScanState::Idle {
            continue;
        }
        if tracked[at].compare_tables(&tracked[leader], source) != Some(Ordering::Equal) {
            tracked[at].separate(source);
            // It may have changed the table before.
            run(&mut tracked[leader], source);
            differs = true;
        } else if has_run && tracked[leader].state == ScanState::Idle {
            differs |= run(&mut tracked[leader], source);
        }
    }
    differs
}

/// Takes note that a process which shared the table of this one has run. Says whether this one is another one now.
fn run(leader: &mut Tracked, source: &impl FdSource) -> bool {
    if leader.state == ScanState::Idle {
        leader.state = ScanState::Ran;
    }
    leader.summarize(source)
}

/// Takes note that another process has used the table of this one, and may have changed it: it has joined or ended.
pub(super) fn used_by_another(tracked: &mut [Tracked], leader: Option<u32>, source: &impl FdSource) {
    if let Some(leader) = leader.and_then(|leader| position(tracked, leader)) {
        run(&mut tracked[leader], source);
    }
}

/// Gives what is known about the table of a process that has ended to one that shares it.
pub(super) fn inherit(tracked: &mut [Tracked], ended: usize, source: &impl FdSource) {
    let leader = tracked[ended].pid;
    let shares = |process: &Tracked| process.shares == Some(leader) && process.state != ScanState::Gone;
    let Some(heir) = tracked.iter().position(shares) else { return };
    let table = core::mem::replace(&mut tracked[ended], Tracked::gone(leader));
    tracked[heir].inherit(table);
    // The one that has ended may have changed it before.
    run(&mut tracked[heir], source);
    let heir = tracked[heir].pid;
    tracked.iter_mut().filter(|process| process.shares == Some(leader)).for_each(|process| process.shares = Some(heir));
}

/// Where the process with this pid is.
pub(super) fn position(tracked: &[Tracked], pid: u32) -> Option<usize> {
    tracked.binary_search_by_key(&pid, |process| process.pid).ok()
}
