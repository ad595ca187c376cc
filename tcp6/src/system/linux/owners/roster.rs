//! The list of processes, and which of them have run since their descriptors were read.

use super::fd_source::{Activity, FdSource};
use super::sharing;
use super::tracked::{Held, ScanState, Tracked};

/// The processes of the machine.
#[derive(Debug, Default)]
pub(super) struct Roster {
    /// Ascending by pid.
    pub(super) processes: Vec<Tracked>,
    /// Whether known descriptors have changed since [`Index`](super::index::Index) was built from
    /// them.
    pub(super) has_changed: bool,
    /// Whether an unchanged CPU time proves in this refresh that a process has not run.
    pub(super) has_exact_times: bool,
    /// A buffer for scans, reused.
    pub(super) scratch: Vec<Held>,
    /// The last pid that the kernel had assigned before processes were listed.
    last_pid: Option<u32>,
    /// The buffer of [`list`](Self::list), reused.
    pids: Vec<u32>,
}

impl Roster {
    /// Brings the list up to date and determines which processes have run.
    ///
    /// Samples the activity of the machine at most `max_samples` times, until no other thread runs.
    pub(super) fn update(&mut self, source: &impl FdSource, max_samples: u32) {
        let activity = sample_activity(source, max_samples);
        self.has_exact_times = activity.is_quiet;
        // A process that starts from here on has a later pid, so that the next update lists it.
        if activity.last_pid.is_none() || activity.last_pid != self.last_pid {
            self.last_pid = if self.list(source) { activity.last_pid } else { None };
        }
        for i in 0..self.processes.len() {
            let leader = self.processes[i].leader;
            if self.processes[i].sample(source) {
                self.has_changed = true;
                sharing::mark_used(&mut self.processes, leader, source);
            }
        }
        self.forget_ended(source);
        self.has_changed |= sharing::update(&mut self.processes, self.has_exact_times, source);
        self.has_exact_times &= self.has_cpu_times();
    }

    /// Lets the next update list processes in any case.
    pub(super) fn forget_last_pid(&mut self) {
        self.last_pid = None;
    }

    /// Whether the kernel reports the CPU time of every process.
    fn has_cpu_times(&self) -> bool {
        self.processes.iter().all(Tracked::has_cpu_time)
    }

    /// Adds processes that have started and removes those that have ended.
    ///
    /// Returns false on failure.
    fn list(&mut self, source: &impl FdSource) -> bool {
        self.pids.clear();
        if source.pids(&mut self.pids).is_err() {
            // The list is incomplete: a process that it lacks may still exist.
            return false;
        }
        self.pids.sort_unstable();
        for process in &mut self.processes {
            if self.pids.binary_search(&process.pid).is_err() {
                process.state = ScanState::Gone;
            }
        }
        self.forget_ended(source);
        if self.processes.len() < self.pids.len() {
            let known = self.processes.len();
            for pid in &self.pids {
                if self.processes[..known].binary_search_by_key(pid, |process| process.pid).is_err() {
                    self.processes.push(Tracked::new(*pid));
                }
            }
            self.processes.sort_unstable_by_key(|process| process.pid);
        }
        true
    }

    /// Removes processes that have ended.
    ///
    /// A shared descriptor table passes to another process that uses it.
    fn forget_ended(&mut self, source: &impl FdSource) {
        let mut have_ended = false;
        for i in 0..self.processes.len() {
            if self.processes[i].state == ScanState::Gone {
                let leader = self.processes[i].leader;
                sharing::mark_used(&mut self.processes, leader, source);
                sharing::replace_leader(&mut self.processes, i, source);
                have_ended = true;
            }
        }
        if have_ended {
            self.processes.retain(|process| process.state != ScanState::Gone);
            self.has_changed = true;
        }
    }

    /// The pids of the processes that hold the socket with this inode, ascending.
    pub(super) fn holders(&self, inode: u32) -> impl Iterator<Item = u32> {
        let holds = move |process: &&Tracked| {
            let leader = process.leader.and_then(|leader| sharing::position(&self.processes, leader));
            let table = leader.map_or(*process, |leader| &self.processes[leader]);
            table.inodes().any(|held| held == inode)
        };
        self.processes.iter().filter(holds).map(|process| process.pid)
    }

    /// The number of processes, and the number of those that could not be read.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.processes.len(), self.processes.iter().filter(|process| process.is_unreadable()).count())
    }
}

/// Reads the activity of the machine until no other thread runs, at most `max_samples` times.
fn sample_activity(source: &impl FdSource, max_samples: u32) -> Activity {
    let mut activity = source.activity();
    for _ in 1..max_samples {
        if activity.is_quiet {
            break;
        }
        activity = source.activity();
    }
    activity
}
