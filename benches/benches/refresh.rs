//! A refresh of the live table, with a reused buffer and without.
//!
//! * `reused`: one buffer for all refreshes, as the crate is meant to be used.
//! * `fresh`: a new buffer for each refresh.
//! * `listeners`: a table of listeners only, in the reused buffer.
//! * `size, then fetch` (Windows): the C example in the documentation of GetTcp6Table: request the size, allocate,
//!   fetch.
//!
//! If a refresh of a class takes more than a second, this class is skipped at this size and at larger ones. This
//! happens under Wine, which searches the descriptors of every process for the owner of each row.

use std::cell::RefCell;
use std::collections::HashSet;
use std::time::{Duration, Instant};

use benches::live::{self, Live};
use tcp6::{BasicRow, Buffer, Class, OffloadRow, OwnerModuleRow, OwnerPidRow, Query, Row, System};

/// The maximum duration of a refresh that is measured.
const MAX_REFRESH_TIME: Duration = Duration::from_secs(1);

/// The classes whose refresh took longer.
#[derive(Default)]
struct Slow(RefCell<HashSet<Class>>);

impl Slow {
    /// Whether to skip this class at this size. Prints the reason.
    fn skips<R: Row>(&self, live: &Live<'_>) -> bool {
        let print = |reason: &str| eprintln!("skipped {} at {} rows: {reason}", R::CLASS, live.size);
        if self.0.borrow().contains(&R::CLASS) {
            print("a refresh of fewer rows is too slow");
            return true;
        }
        let (mut system, mut buffer) = (System::new().expect("open a system"), Buffer::new());
        let start = Instant::now();
        system.table::<R>(&Query::all().unsorted(), &mut buffer).expect("read the table");
        let time = start.elapsed();
        if time > MAX_REFRESH_TIME {
            print(&format!("a refresh takes {:.1} s", time.as_secs_f64()));
            self.0.borrow_mut().insert(R::CLASS);
        }
        time > MAX_REFRESH_TIME
    }
}

fn refresh<R: Row>(live: &mut Live<'_>, slow: &Slow) {
    if slow.skips::<R>(live) {
        return;
    }
    let mut group = live.compare(&format!("refresh/{}", R::CLASS));
    let query = Query::all().unsorted();
    let mut system = System::new().expect("open a system");
    let mut buffer = Buffer::new();
    group.time("reused", || system.table::<R>(&query, &mut buffer).expect("read the table").len());
    group.time("fresh", || system.table::<R>(&query, &mut Buffer::new()).expect("read the table").len());
    let listeners = Query::listeners().unsorted();
    group.time("listeners", || system.table::<R>(&listeners, &mut buffer).expect("read the table").len());
    #[cfg(windows)]
    group.time("size, then fetch", || size_then_fetch(R::CLASS));
    // The number of calls of a refresh in the steady state.
    let before = system.calls();
    system.table::<R>(&query, &mut buffer).expect("read the table");
    group.note("reused", "calls", system.calls() - before);
}

/// The C example in the documentation of GetTcp6Table: requests the size, allocates, fetches the
/// table.
#[cfg(windows)]
fn size_then_fetch(class: Class) -> u32 {
    use tcp6_sys::{ERROR_INSUFFICIENT_BUFFER, NO_ERROR};
    loop {
        let mut size = 0;
        // SAFETY: a size of zero bytes needs no buffer.
        unsafe { call(class, std::ptr::null_mut(), &mut size) };
        let mut table = vec![0u64; size as usize / 8 + 1];
        // SAFETY: the buffer is 8-aligned and at least as large as `size` says.
        match unsafe { call(class, table.as_mut_ptr(), &mut size) } {
            NO_ERROR => return table[0] as u32,
            // The table has grown since its size was requested.
            ERROR_INSUFFICIENT_BUFFER => {}
            error => panic!("cannot read a table of {class}: error {error}"),
        }
    }
}

/// Calls the function for this class.
///
/// # Safety
///
/// `table` must be 8-aligned and valid for writes of `size` bytes.
#[cfg(windows)]
unsafe fn call(class: Class, table: *mut u64, size: &mut u32) -> u32 {
    use tcp6_sys::{
        AF_INET6, GetExtendedTcpTable, GetTcp6Table, GetTcp6Table2, TCP_TABLE_OWNER_MODULE_ALL, TCP_TABLE_OWNER_PID_ALL,
    };
    let extended = match class {
        // SAFETY: the caller guarantees that the table is valid for writes of `size` bytes.
        Class::Basic => return unsafe { GetTcp6Table(table.cast(), size, 0) },
        // SAFETY: as above.
        Class::Offload => return unsafe { GetTcp6Table2(table.cast(), size, 0) },
        Class::OwnerPid => TCP_TABLE_OWNER_PID_ALL,
        Class::OwnerModule => TCP_TABLE_OWNER_MODULE_ALL,
        _ => unreachable!("all classes are listed above"),
    };
    // SAFETY: as above.
    unsafe { GetExtendedTcpTable(table.cast(), size, 0, AF_INET6, extended, 0) }
}

fn main() {
    let slow = Slow::default();
    live::main(|live| {
        refresh::<BasicRow>(live, &slow);
        refresh::<OwnerPidRow>(live, &slow);
        refresh::<OffloadRow>(live, &slow);
        refresh::<OwnerModuleRow>(live, &slow);
    });
}
