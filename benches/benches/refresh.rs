//! The live table: what reuse of the buffer saves.
//!
//! * `reused`: one buffer for ever, as the crate is meant to be used.
//! * `fresh`: a buffer for each refresh.
//! * `listeners`: the reused buffer, and listeners alone.
//! * `size, then fetch` (Windows): the C example on the page of GetTcp6Table: ask for the size, allocate, ask again.

use benches::live::{self, Live};
use tcp6::{BasicRow, Buffer, OffloadRow, OwnerModuleRow, OwnerPidRow, Query, Row, System};

fn refresh<R: Row>(live: &mut Live<'_>) {
    let mut ways = live.compare(&format!("refresh/{}", R::CLASS));
    let query = Query::all().unsorted();
    let mut system = System::new().expect("a table");
    let mut buffer = Buffer::new();
    ways.time("reused", || system.table::<R>(&query, &mut buffer).expect("a table").len());
    ways.time("fresh", || system.table::<R>(&query, &mut Buffer::new()).expect("a table").len());
    let listeners = Query::listeners().unsorted();
    ways.time("listeners", || system.table::<R>(&listeners, &mut buffer).expect("a table").len());
    #[cfg(windows)]
    if R::CLASS == tcp6::Class::Basic {
        ways.time("size, then fetch", size_then_fetch);
    }
    // The calls that refreshes take in the steady state.
    let before = system.calls();
    system.table::<R>(&query, &mut buffer).expect("a table");
    ways.note("reused", "calls", system.calls() - before);
}

/// The page's own example: ask for the size, allocate it, ask again.
#[cfg(windows)]
fn size_then_fetch() -> u32 {
    use tcp6_sys::{GetTcp6Table, NO_ERROR};
    loop {
        let mut size = 0;
        // SAFETY: a size of zero bytes needs no buffer.
        unsafe { GetTcp6Table(std::ptr::null_mut(), &mut size, 0) };
        let mut table = vec![0u64; size as usize / 8 + 1];
        // SAFETY: the buffer is aligned and at least as large as `size` says.
        if unsafe { GetTcp6Table(table.as_mut_ptr().cast(), &mut size, 0) } == NO_ERROR {
            return table[0] as u32;
        }
    }
}

fn main() {
    live::main(|live| {
        refresh::<BasicRow>(live);
        refresh::<OwnerPidRow>(live);
        refresh::<OffloadRow>(live);
        refresh::<OwnerModuleRow>(live);
    });
}
