//! The owners of sockets: from inodes to processes.
//!
//! The kernel reports the inode of a socket and not its owner. This module finds owners by reading what the descriptors
//! of all processes refer to. For the kernel that takes more than twice as long as the dump of the table. Therefore the
//! first refresh reads all descriptors, in several threads and during the dump, and each later refresh reads only
//! descriptors that may have changed.
//!
//! # Proof: a process that has not run has not changed
//!
//! Only threads of a process open and close its descriptors. What was read is therefore valid for as long as the CPU
//! time of the process stays the same. Reading a CPU time is one system call of about 1 us.
//!
//! The number of descriptors proves nothing: a server that waits in accept() has reserved its next descriptor, which is
//! included in the number, and a socket can take the number of a closed file.
//!
//! The kernel adds to the CPU time of a running thread at every timer tick and when the thread stops running. An
//! unchanged time is therefore a proof only if no other thread was running when it was read: only then are CPU times
//! *exact*. `/proc/loadavg` shows whether other threads run. It also shows the last pid that was assigned, so that
//! processes are listed only after one has started.
//!
//! # The steps of a refresh
//!
//! 1. [`Roster::update`] lists processes if one has started, and reads the CPU time of each. A process is then *new*,
//!    has *run*, or is *idle*. The descriptors of new processes and of those that have run are *pending*. Processes
//!    that share a descriptor table are read through one of them.
//! 2. If there are up to [`MAX_RAN_DESCRIPTORS`] pending descriptors, all of them are read. If CPU times are not exact,
//!    all idle processes are read too, provided that the sum is within the bound.
//! 3. Otherwise [`Schedule::read_some`] reads a part:
//!    * Up to [`MAX_NEW_DESCRIPTORS`] of new processes, the smallest first.
//!    * Up to [`MAX_RAN_DESCRIPTORS`] of processes that have run. Processes of users with unresolved sockets come
//!      first. Small processes are read whole, with up to half of the bound. In large ones, descriptors that have
//!      probably changed are probed: sockets that have left the table, the lowest free numbers, and the numbers after
//!      the highest. The rest of the bound, at least [`MIN_IN_TURN`], is spent on the remaining descriptors in turn.
//! 4. [`MAX_IDLE_DESCRIPTORS`] of idle processes are read, in turn. This finds what an unreadable process does to a
//!    descriptor table that it shares with an idle one: if kcmp is refused, nothing else shows it.
//! 5. [`Index::update`] maps inodes to the lowest pid, if descriptors have changed.
//! 6. If sockets have no owner and CPU times are not exact, up to [`MAX_PROBES`] descriptors are probed in idle
//!    processes of their users. After that, these sockets cause no further reads.
//!
//! Exceptions:
//!
//! * The first refresh of a new [`System`](crate::System) reads all pending descriptors before step 2, without a bound,
//!   because the last refresh of another one can be long ago. It reads most of them ahead, during the dump. It also
//!   lists processes and retries unreadable ones in any case.
//! * For an [exact](Demand::set_exact) table, reading all descriptors of all processes replaces steps 2 to 4.
//! * Every [`RETRY_INTERVAL`] tables of a system, unreadable processes are read again even if they have not run, and sockets
//!   that step 6 has not found are searched for again.
//! * If CPU times cannot be used, because `/proc` shows another pid namespace or a sandbox refuses them, every process
//!   counts as one that has run.
//!
//! # Exactness
//!
//! Owners are exact, as of a moment after the table was read, if step 2 reads all pending descriptors and if CPU times
//! are exact or idle processes are read too. Otherwise a socket can be unresolved, or have a former owner, until its
//! descriptor is read in turn. If the processes that run have n descriptors, counting 4 extra per process, that takes at
//! most n / [`MIN_IN_TURN`] refreshes, and n / [`MAX_RAN_DESCRIPTORS`] if no other part of step 3 uses the bound.
//!
//! # Several tables
//!
//! The inodes of sockets are one sequence for the whole machine, so that the [`Owners`] of one process serve the tables
//! of all its systems, also of several network namespaces. What belongs to the tables of one system is in its
//! [`Demand`]: a complete table lists all sockets of its namespace and none of the others, so that only the sockets of
//! its own previous table can be missing in it.
//!
//! Every refresh takes all of the steps above, with a budget of its own, because the sockets that it has listed can be
//! younger than the previous refresh of another table. Descriptors that were read for one table are known to all: of
//! two tables that are read one after the other, the second reads CPU times and descriptors of processes that have run
//! since.
//!
//! # What is not found
//!
//! Descriptors of a single thread (`unshare(CLONE_FILES)`), those in flight in a unix socket, and those that are
//! registered with io_uring and closed are not in `/proc/PID/fd`.
//!
//! [`MAX_RAN_DESCRIPTORS`]: budget::MAX_RAN_DESCRIPTORS
//! [`MAX_NEW_DESCRIPTORS`]: budget::MAX_NEW_DESCRIPTORS
//! [`MAX_IDLE_DESCRIPTORS`]: budget::MAX_IDLE_DESCRIPTORS
//! [`MAX_PROBES`]: budget::MAX_PROBES
//! [`MIN_IN_TURN`]: budget::MIN_IN_TURN

mod budget;
mod demand;
mod fd_source;
mod full_scan;
mod index;
mod roster;
mod schedule;
mod sharing;
mod tracked;

#[cfg(target_os = "linux")]
mod procfs;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod script;
#[cfg(target_os = "linux")]
mod syscalls;
#[cfg(test)]
mod tests;

pub(super) use self::demand::{Demand, SocketInode};
pub(super) use self::fd_source::FdSource;
use self::full_scan::FullScan;
use self::index::Index;
#[cfg(target_os = "linux")]
pub(super) use self::procfs::{Proc, View};
use self::roster::Roster;
use self::schedule::Schedule;
use self::tracked::{ScanState, Tracked};
use crate::error::Result;
use crate::row::owner::Owner;

/// The number of tables of a system between two retries of unresolved sockets and unreadable processes.
const RETRY_INTERVAL: u64 = 16;

/// The maximum number of samples of the machine's activity before the first table of a system, about 1 us each.
///
/// Threads that have read descriptors for this table, or for that of another system, may still be exiting. While they run,
/// CPU times are not exact, and all idle processes would be read again.
const FIRST_SAMPLES: u32 = 100;

/// Finds the owners of sockets and remembers the descriptors of all processes.
#[derive(Debug)]
pub(super) struct Owners<S> {
    source: S,
    roster: Roster,
    index: Index,
    schedule: Schedule,
    full_scan: FullScan,
    has_resolved: bool,
}

impl<S: FdSource> Owners<S> {
    pub(super) fn new(source: S) -> Owners<S> {
        Owners {
            source,
            roster: Roster::default(),
            index: Index::default(),
            schedule: Schedule::default(),
            full_scan: FullScan::default(),
            has_resolved: false,
        }
    }

    /// The owner of the socket with this inode.
    pub(super) fn of(&self, inode: u32) -> Owner {
        match (inode, self.index.get(inode)) {
            (0, _) => Owner::Nobody,
            (_, Some(pid)) => Owner::Process(pid),
            (_, None) => Owner::Unresolved,
        }
    }

    /// The pids of the processes that hold the socket with this inode, ascending.
    pub(super) fn holders(&self, inode: u32) -> impl Iterator<Item = u32> {
        self.roster.holders(inode)
    }

    /// The number of processes at the last refresh, and the number of those that could not be read.
    pub(super) fn processes(&self) -> (usize, usize) {
        self.roster.counts()
    }

    /// Whether no table has been resolved yet.
    pub(super) fn is_new(&self) -> bool {
        !self.has_resolved
    }

    /// Reads all pending descriptors before the first table of a system is known.
    ///
    /// [`resolve`](Self::resolve) finds later changes.
    pub(super) fn read_ahead(&mut self, demand: &mut Demand) {
        self.begin_first(demand);
        self.roster.update(&self.source, 1);
        // Without CPU times all processes would be read again.
        let has_cpu_times = self.roster.processes.iter().any(Tracked::has_cpu_time);
        if has_cpu_times {
            self.full_scan.run(&mut self.roster, &self.source, |_| true);
        }
        demand.note_read_ahead(has_cpu_times);
    }

    /// Prepares the first table of a new system, which depends on no earlier one.
    ///
    /// The last table of another system can be long ago: the kernel may have assigned the same last pid again, and this
    /// process may have other rights.
    fn begin_first(&mut self, demand: &Demand) {
        if demand.is_unbounded() {
            self.roster.forget_last_pid();
            self.retry_unreadable();
        }
    }

    fn retry_unreadable(&mut self) {
        self.roster.processes.iter_mut().filter(|process| process.is_unreadable()).for_each(Tracked::mark_pending);
    }

    /// Finds the owners of the sockets in a table.
    ///
    /// `demand` is that of the earlier tables of the same system. `is_complete` states that the table is not filtered,
    /// so that a socket that it lacks has been closed.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`](crate::error::Error::OutOfMemory).
    pub(super) fn resolve(&mut self, demand: &mut Demand, table: &[SocketInode], is_complete: bool) -> Result<()> {
        if demand.begin() {
            self.retry_unreadable();
        }
        if !demand.has_read_ahead() {
            self.begin_first(demand);
        }
        self.roster.update(&self.source, if demand.is_first() { FIRST_SAMPLES } else { 1 });
        if demand.is_exact() {
            self.roster.processes.iter_mut().for_each(Tracked::mark_pending);
            self.full_scan.run(&mut self.roster, &self.source, |_| true);
        } else {
            if demand.is_unbounded() || !self.has_resolved {
                // What has changed since a read-ahead is read with the bounds of a later table.
                let has_read_ahead = demand.has_read_ahead();
                let is_due = |process: &Tracked| !has_read_ahead || process.state == ScanState::New;
                self.full_scan.run(&mut self.roster, &self.source, is_due);
            }
            self.read_pending(demand, table, is_complete)?;
        }
        self.has_resolved = true;
        self.index.update(&mut self.roster)?;
        demand.note_unresolved(table, &self.index)?;
        if demand.has_unresolved() {
            self.search(demand)?;
        }
        if is_complete {
            demand.note_previous(table)?;
        }
        demand.end();
        Ok(())
    }

    /// Reads pending descriptors within the budget.
    fn read_pending(&mut self, demand: &mut Demand, table: &[SocketInode], is_complete: bool) -> Result<()> {
        if !schedule::read_all_pending(&mut self.roster, &self.source) {
            demand.compare(table, is_complete)?;
            demand.note_unresolved(table, &self.index)?;
            self.schedule.read_some(&mut self.roster, demand, &self.source);
        }
        self.schedule.read_idle(&mut self.roster, &self.source);
        Ok(())
    }

    /// Searches for sockets without an owner in idle processes, if CPU times are not exact.
    fn search(&mut self, demand: &mut Demand) -> Result<()> {
        schedule::probe_idle(&mut self.roster, demand, &self.source);
        demand.note_searched()?;
        self.index.update(&mut self.roster)
    }
}
