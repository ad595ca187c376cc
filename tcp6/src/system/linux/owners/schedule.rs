//! Which descriptors a refresh reads, and in which order.

use super::budget::{
    DIRECTORY_COST, MAX_IDLE_DESCRIPTORS, MAX_NEW_DESCRIPTORS, MAX_PROBES, MAX_RAN_DESCRIPTORS, MIN_IN_TURN, cost,
};
use super::demand::Demand;
use super::fd_source::FdSource;
use super::roster::Roster;
use super::tracked::{ScanState, Tracked};

/// Reads descriptors within the budget and keeps the places where the next refresh continues.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    /// Processes to read: a sort key and the index in [`Roster::processes`]. Reused.
    due: Vec<(u64, usize)>,
    /// The pid to continue with among processes that have run.
    next_ran: u32,
    /// The pid to continue with among idle processes.
    next_idle: u32,
}

impl Schedule {
    /// Reads a part of the pending descriptors, if a refresh cannot read all of them.
    ///
    /// 1. Descriptors of new processes, the smallest first.
    /// 2. Small processes, and descriptors that have probably changed.
    /// 3. All others in turn.
    pub(super) fn read_some(&mut self, roster: &mut Roster, demand: &Demand, source: &impl FdSource) {
        self.read_new(roster, source);
        let left = self.read_probable(roster, demand, source);
        self.read_in_turn(roster, left, source);
    }

    /// Reads up to [`MAX_NEW_DESCRIPTORS`] of new processes, the smallest first.
    fn read_new(&mut self, roster: &mut Roster, source: &impl FdSource) {
        let Roster { processes, scratch, has_changed, .. } = roster;
        list_due(&mut self.due, processes, |state| state == ScanState::New, Tracked::pending);
        let mut left = MAX_NEW_DESCRIPTORS;
        for (_, i) in &self.due {
            if left == 0 {
                break;
            }
            let process = &mut processes[*i];
            let max = cost(process).min(left);
            *has_changed |= process.scan(source, max, scratch);
            left -= max;
        }
    }

    /// Reads small processes that have run, and probes large ones.
    ///
    /// Returns the unused part of [`MAX_RAN_DESCRIPTORS`].
    ///
    /// Processes of users that have sockets without an owner come first. If the table is filtered, processes that hold
    /// sockets of it precede others, whose sockets only a complete table lists.
    fn read_probable(&mut self, roster: &mut Roster, demand: &Demand, source: &impl FdSource) -> u64 {
        let Roster { processes, scratch, has_changed, .. } = roster;
        list_due(
            &mut self.due,
            processes,
            |state| state != ScanState::New,
            |process| {
                let has_no_unresolved = !demand.has_unresolved_of(process.uid);
                let is_outside = !demand.includes_any(process.inodes());
                let rank = 2 * u64::from(has_no_unresolved) + u64::from(is_outside);
                rank << 62 | process.pending().min(1 << 61)
            },
        );
        let mut left = MAX_RAN_DESCRIPTORS;
        for (_, i) in &self.due {
            let process = &mut processes[*i];
            let cost = cost(process);
            // Half of the budget is for probes and for reading in turn.
            if left.saturating_sub(cost) >= MAX_RAN_DESCRIPTORS / 2 {
                *has_changed |= process.scan_from_start(source, MAX_RAN_DESCRIPTORS, scratch);
                left -= cost;
            } else {
                let max = left.saturating_sub(MIN_IN_TURN);
                let (read, differs) = process.probe(source, |inode| demand.is_closed(inode), max, scratch);
                *has_changed |= differs;
                left = left.saturating_sub(read);
            }
        }
        left
    }

    /// Reads up to `left` descriptors of processes that have run, in turn.
    ///
    /// Starts where the last refresh has stopped.
    fn read_in_turn(&mut self, roster: &mut Roster, mut left: u64, source: &impl FdSource) {
        let Roster { processes, scratch, has_changed, .. } = roster;
        let due = &mut self.due;
        list_due(due, processes, |state| state != ScanState::New, |process| process.pid.into());
        let first = due.partition_point(|(pid, _)| *pid < self.next_ran.into());
        for turn in 0..due.len() {
            let process = &mut processes[due[(first + turn) % due.len()].1];
            self.next_ran = process.pid;
            if left <= DIRECTORY_COST {
                break;
            }
            left -= DIRECTORY_COST;
            let known = process.known_count();
            *has_changed |= process.scan(source, left, scratch);
            left = left.saturating_sub(scratch.len() as u64);
            if process.cursor > 0 || known == 0 && process.pending() > 0 {
                break;
            }
        }
    }

    /// Reads up to [`MAX_IDLE_DESCRIPTORS`] of idle processes, in turn.
    pub(super) fn read_idle(&mut self, roster: &mut Roster, source: &impl FdSource) {
        let Roster { processes, scratch, has_changed, .. } = roster;
        let first = processes.partition_point(|process| process.pid < self.next_idle);
        let mut left = MAX_IDLE_DESCRIPTORS;
        self.next_idle = 0;
        for process in processes[first..].iter_mut().filter(|process| is_idle(process)) {
            self.next_idle = process.pid;
            if left <= DIRECTORY_COST {
                break;
            }
            *has_changed |= process.scan(source, left - DIRECTORY_COST, scratch);
            left = left.saturating_sub(scratch.len() as u64 + DIRECTORY_COST);
            if process.cursor > 0 {
                break;
            }
            self.next_idle = process.pid.saturating_add(1);
        }
    }
}

/// Reads all pending descriptors if there are up to [`MAX_RAN_DESCRIPTORS`].
///
/// Otherwise reads nothing and returns false.
///
/// If CPU times are not exact, also reads all descriptors of idle processes, unless that exceeds the budget.
pub(super) fn read_all_pending(roster: &mut Roster, source: &impl FdSource) -> bool {
    let Roster { processes, scratch, has_changed, has_exact_times, .. } = roster;
    let mut work: u64 = processes.iter().map(cost).sum();
    if !*has_exact_times {
        let is_uncertain = |process: &Tracked| process.state == ScanState::Idle && process.leader.is_none();
        let uncertain = processes.iter().filter(|process| is_uncertain(process));
        let more: u64 = uncertain.map(|process| process.known_count() + DIRECTORY_COST).sum();
        if work + more <= MAX_RAN_DESCRIPTORS {
            for process in processes.iter_mut().filter(|process| is_uncertain(process)) {
                *has_changed |= process.read_summary(source);
            }
            work += more;
        }
    }
    if work > MAX_RAN_DESCRIPTORS {
        return false;
    }
    for process in processes.iter_mut().filter(|process| process.pending() > 0) {
        // Before Linux 6.2 a process can have more descriptors than are known.
        let max = if process.state == ScanState::New { MAX_NEW_DESCRIPTORS } else { MAX_RAN_DESCRIPTORS };
        *has_changed |= process.scan_from_start(source, max, scratch);
    }
    true
}

/// Probes idle processes of users that have sockets without an owner, if CPU times are not exact.
pub(super) fn probe_idle(roster: &mut Roster, demand: &Demand, source: &impl FdSource) {
    let Roster { processes, scratch, has_changed, has_exact_times, .. } = roster;
    if *has_exact_times {
        return;
    }
    let mut left = MAX_PROBES;
    let is_wanted = |process: &Tracked| is_idle(process) && demand.has_unresolved_of(process.uid);
    for process in processes.iter_mut().filter(|process| is_wanted(process)) {
        let (read, differs) = process.probe(source, |_| false, left, scratch);
        *has_changed |= differs;
        left = left.saturating_sub(read);
    }
}

fn is_idle(process: &Tracked) -> bool {
    process.state == ScanState::Idle && process.known_count() > 0
}

/// Lists the processes in such a state that have pending descriptors, in ascending order of the
/// key.
fn list_due(
    due: &mut Vec<(u64, usize)>,
    processes: &[Tracked],
    is_in_state: impl Fn(ScanState) -> bool,
    key: impl Fn(&Tracked) -> u64,
) {
    let is_due = |process: &Tracked| process.pending() > 0 && is_in_state(process.state);
    due.clear();
    let indices = processes.iter().enumerate().filter(|(_, process)| is_due(process));
    due.extend(indices.map(|(i, process)| (key(process), i)));
    due.sort_unstable();
}
