//! Counts heap allocations, with the global allocator of every bench.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use crate::counting::Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting { requested: count, grown: |_| {} };

static IS_COUNTING: AtomicBool = AtomicBool::new(false);
static COUNT: AtomicU64 = AtomicU64::new(0);

/// Returns the number of allocations that all threads of this program make while `work` runs.
pub fn during(work: impl FnOnce()) -> u64 {
    COUNT.store(0, Relaxed);
    IS_COUNTING.store(true, Relaxed);
    work();
    IS_COUNTING.store(false, Relaxed);
    COUNT.load(Relaxed)
}

/// Called for each allocation. While times are measured, it only reads a flag that does not change.
fn count() {
    if IS_COUNTING.load(Relaxed) {
        COUNT.fetch_add(1, Relaxed);
    }
}
