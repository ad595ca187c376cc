//! Reads all descriptors of processes, in several threads if there are many.

use std::sync::{Mutex, PoisonError};
use std::thread;

use super::budget::cost;
use super::fd_source::FdSource;
use super::roster::Roster;
use super::tracked::Tracked;

/// The cost from which on several threads read.
const MIN_PARALLEL_COST: u64 = 4_096;

/// The maximum number of threads, including the calling one.
const MAX_THREADS: usize = 4;

/// Reads without a budget.
#[derive(Debug, Default)]
pub(super) struct FullScan {
    /// The number of threads, once it is known.
    threads: Option<usize>,
}

impl FullScan {
    /// Reads all descriptors of the processes that `is_due` selects and that have pending ones.
    pub(super) fn run(&mut self, roster: &mut Roster, source: &impl FdSource, is_due: impl Fn(&Tracked) -> bool) {
        let Roster { processes, scratch, has_changed, .. } = roster;
        let is_due = |process: &Tracked| process.pending() > 0 && is_due(process);
        let work: u64 = processes.iter().filter(|process| is_due(process)).map(cost).sum();
        if work < MIN_PARALLEL_COST {
            for process in processes.iter_mut().filter(|process| is_due(process)) {
                *has_changed |= process.scan_from_start(source, u64::MAX, scratch);
            }
            return;
        }
        *has_changed = true;
        read_in_parallel(processes.iter_mut().filter(|process| is_due(process)).collect(), self.threads(), source);
    }

    fn threads(&mut self) -> usize {
        // Kept because available_parallelism() reads several files.
        *self.threads.get_or_insert_with(|| thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS))
    }
}

fn read_in_parallel(mut due: Vec<&mut Tracked>, threads: usize, source: &impl FdSource) {
    // The largest is taken first: if it came last, one thread would read it while the others are done.
    due.sort_unstable_by_key(|process| process.pending());
    let due = Mutex::new(due);
    let work = || {
        let mut scratch = Vec::new();
        let next = || due.lock().unwrap_or_else(PoisonError::into_inner).pop();
        while let Some(process) = next() {
            process.scan_from_start(source, u64::MAX, &mut scratch);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            // If a thread cannot be started, the others do its work.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
}
