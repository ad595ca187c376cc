//! How often the heap is asked, counted by the allocator of every bench.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use crate::counting::Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting { requested: count, grown: |_| {} };

static IS_COUNTING: AtomicBool = AtomicBool::new(false);
static COUNT: AtomicU64 = AtomicU64::new(0);

/// The allocations that this program makes meanwhile: those of the threads that the work starts are among them.
pub fn during(work: impl FnOnce()) -> u64 {
    COUNT.store(0, Relaxed);
    IS_COUNTING.store(true, Relaxed);
    work();
    IS_COUNTING.store(false, Relaxed);
    COUNT.load(Relaxed)
}

/// While times are taken this is the reading of a flag that nobody changes.
fn count() {
    if IS_COUNTING.load(Relaxed) {
        COUNT.fetch_add(1, Relaxed);
    }
}
