//! What answers that claim absurd sizes take of the machine's memory, counted by the allocator.

use std::alloc::{GlobalAlloc, Layout, System as Heap};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tcp6::{Buffer, OwnerModuleRow, Query, System};

use crate::machine::Machine;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

fn grown(bytes: usize) {
    let now = NOW.fetch_add(bytes, Relaxed) + bytes;
    PEAK.fetch_max(now, Relaxed);
}

// SAFETY: every call is passed on to the heap as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: as the caller promises.
        unsafe { Heap.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as the caller promises.
        unsafe { Heap.dealloc(pointer, layout) }
    }

    // A heap may hold both the old and the new block while it copies, so both are counted.
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        grown(size);
        // SAFETY: as the caller promises.
        let new = unsafe { Heap.realloc(pointer, layout, size) };
        NOW.fetch_sub(layout.size(), Relaxed);
        new
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The most memory that a first refresh takes, and what it leaves taken.
fn taken(lies: usize) -> (bool, usize, usize) {
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    let rows = system.table::<OwnerModuleRow>(&Query::all(), &mut buffer).map(|table| table.len());
    let (peak, kept) = (PEAK.load(Relaxed), NOW.load(Relaxed));
    assert_eq!(rows.as_ref().ok().copied(), (lies < 16).then_some(1), "{rows:?}");
    (rows.is_ok(), peak.saturating_sub(before), kept.saturating_sub(before))
}

#[test]
fn a_table_of_one_row_takes_less_than_256_mib_whatever_is_claimed() {
    let Some(machine) = Machine::new("") else { return };
    for lies in [1, 2, 3, 15, 16, 40] {
        let codes = " 122:1000000000".repeat(lies);
        machine.play(&format!("code GetExtendedTcpTable{codes}\nrow 5 [::1]:80 [::1]:81"));
        let (good, peak, kept) = taken(lies);
        assert!(peak < 256 << 20, "{lies} claims: {peak} bytes");
        // Other tests wait, and the harness allocates little.
        assert!(good || kept < 1 << 20, "{lies} claims: {kept} bytes are kept after the failure");
    }
}
