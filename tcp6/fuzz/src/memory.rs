//! A bound on the memory that an input may take, which is stricter than libFuzzer's: it depends on the input's length.

use std::cell::Cell;

use crate::counting::Counting;

thread_local! {
    /// The bytes that this thread has in use, and the most that it had.
    static BYTES: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

fn grown(by: isize) {
    let _ = BYTES.try_with(|bytes| {
        let (now, most) = bytes.get();
        bytes.set((now + by, most.max(now + by)));
    });
}

#[global_allocator]
static ALLOCATOR: Counting = Counting { requested: || {}, grown };

/// Runs `what`, and panics if at any time it has more than `bound` bytes in use.
pub fn bounded<T>(bound: usize, what: impl FnOnce() -> T) -> T {
    let (before, _) = BYTES.get();
    BYTES.set((before, before));
    let result = what();
    let taken = BYTES.get().1 - before;
    assert!(taken <= bound as isize, "{taken} bytes of memory, at most {bound} are allowed");
    result
}
