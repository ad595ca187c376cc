//! A memory limit that depends on the length of the input, and so is stricter than that of libFuzzer.

use std::cell::Cell;

use crate::counting::Counting;

thread_local! {
    /// The bytes that this thread has in use, and their maximum.
    static BYTES: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

fn grown(by: isize) {
    let _ = BYTES.try_with(|bytes| {
        let (now, max) = bytes.get();
        bytes.set((now + by, max.max(now + by)));
    });
}

#[global_allocator]
static ALLOCATOR: Counting = Counting { requested: || {}, grown };

/// Runs `work`.
///
/// # Panics
///
/// Panics after the run if `work` had more than `bound` bytes in use at any time.
pub fn bounded<T>(bound: usize, work: impl FnOnce() -> T) -> T {
    let (before, _) = BYTES.get();
    BYTES.set((before, before));
    let result = work();
    let used = BYTES.get().1 - before;
    assert!(used <= bound as isize, "used {used} bytes of memory, the limit is {bound}");
    result
}
