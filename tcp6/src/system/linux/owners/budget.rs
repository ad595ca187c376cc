//! The number of descriptors that a refresh reads.
//!
//! Costs are measured in descriptors read. A [full scan](super::full_scan) has no bound.

use super::tracked::Tracked;

/// The maximum number of descriptors that a refresh reads of processes that have run.
///
/// If all pending descriptors, those of new processes included, are within this bound, a refresh reads all of them.
pub(super) const MAX_RAN_DESCRIPTORS: u64 = 4_096;

/// The part of [`MAX_RAN_DESCRIPTORS`] that is reserved for reading in turn.
///
/// Without it, constant churn of more closed sockets than the bound would keep other descriptors from being read.
pub(super) const MIN_IN_TURN: u64 = MAX_RAN_DESCRIPTORS / 4;

/// The maximum number of descriptors that a refresh reads of new processes.
///
/// Adds to [`MAX_RAN_DESCRIPTORS`].
pub(super) const MAX_NEW_DESCRIPTORS: u64 = 16_384;

/// The maximum number of descriptors that a refresh reads of idle processes, in turn.
pub(super) const MAX_IDLE_DESCRIPTORS: u64 = 32;

/// The maximum number of descriptors that a refresh probes in idle processes.
///
/// They are probed for sockets without an owner, if CPU times are not exact.
pub(super) const MAX_PROBES: u64 = 256;

/// The cost of opening and closing the directory of a process' descriptors.
pub(super) const DIRECTORY_COST: u64 = 4;

/// The cost of reading the pending descriptors of a process.
pub(super) fn cost(process: &Tracked) -> u64 {
    match process.pending() {
        0 => 0,
        pending => pending.saturating_add(DIRECTORY_COST),
    }
}
