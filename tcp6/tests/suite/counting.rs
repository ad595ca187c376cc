//! The system's allocator, which reports each request to functions of its user. The benches use it, too.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};

/// The functions neither allocate nor panic.
pub struct Counting {
    /// Called when memory is requested.
    pub requested: fn(),
    /// Called with the number of bytes by which the memory in use grows, or shrinks.
    pub grown: fn(isize),
}

// SAFETY: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        (self.requested)();
        (self.grown)(layout.size() as isize);
        // SAFETY: the caller's promises are those that are asked for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        (self.grown)(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        (self.requested)();
        (self.grown)(layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        (self.requested)();
        (self.grown)(size as isize - layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
