//! Peak memory when the library reports absurd sizes, measured by a counting allocator.

use std::alloc::{GlobalAlloc, Layout, System as Heap};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tcp6::{Buffer, OwnerModuleRow, Query, System};

use crate::machine::Machine;

static CURRENT: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The number of allocations of this thread.
    // The lint does not see the `const` in the expansion for Windows.
    #[allow(clippy::missing_const_for_thread_local)]
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

/// Adds to the current and the peak number of bytes.
fn add(bytes: usize) {
    let now = CURRENT.fetch_add(bytes, Relaxed) + bytes;
    PEAK.fetch_max(now, Relaxed);
    // Fails on an exiting thread, whose count no test reads.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

/// Calls `run`. Returns the number of allocations of this thread meanwhile.
pub fn allocations(run: impl FnOnce()) -> u64 {
    let before = COUNT.get();
    run();
    COUNT.get() - before
}

// SAFETY: every call is forwarded to the system allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller fulfils the same contract.
        unsafe { Heap.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        CURRENT.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller fulfils the same contract.
        unsafe { Heap.dealloc(pointer, layout) }
    }

    // The allocator may hold the old and the new block while it copies, so both are counted.
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        add(size);
        // SAFETY: the caller fulfils the same contract.
        let new = unsafe { Heap.realloc(pointer, layout, size) };
        CURRENT.fetch_sub(layout.size(), Relaxed);
        new
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Reads a table and returns whether it succeeded, the peak and the remaining number of allocated bytes.
fn read(claims: usize) -> (bool, usize, usize) {
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let before = CURRENT.load(Relaxed);
    PEAK.store(before, Relaxed);
    let rows = system.table::<OwnerModuleRow>(&Query::all(), &mut buffer).map(|table| table.len());
    let (peak, kept) = (PEAK.load(Relaxed), CURRENT.load(Relaxed));
    assert_eq!(rows.as_ref().ok().copied(), (claims < 16).then_some(1), "{rows:?}");
    (rows.is_ok(), peak.saturating_sub(before), kept.saturating_sub(before))
}

#[test]
fn reported_sizes_of_1_gb_allocate_less_than_256_mib() {
    let Some(machine) = Machine::new("") else { return };
    for claims in [1, 2, 3, 15, 16, 40] {
        let codes = " 122:1000000000".repeat(claims);
        machine.play(&format!("code GetExtendedTcpTable{codes}\nrow 5 [::1]:80 [::1]:81"));
        let (succeeded, peak, kept) = read(claims);
        assert!(peak < 256 << 20, "{claims} claims: {peak} bytes");
        // 1 MiB allows for the test harness; other tests are waiting.
        assert!(succeeded || kept < 1 << 20, "{claims} claims: {kept} bytes are still allocated after the failure");
    }
}
