//! The system's allocator, which calls a function whenever the heap is asked for room. The benches use it, too.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};

/// The function neither allocates nor panics.
pub struct Counting(pub fn());

// SAFETY: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0();
        // SAFETY: the caller's promises are those that are asked for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.0();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.0();
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
