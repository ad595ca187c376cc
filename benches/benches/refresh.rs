//! The live table: what reuse of the buffer saves.
//!
//! * `reused`: one buffer for ever, as the crate is meant to be used.
//! * `fresh`: a buffer for each refresh.
//! * `listeners`: the reused buffer, and listeners alone.
//! * `size, then fetch` (Windows): the C example on the page of GetTcp6Table: ask for the size, allocate, ask again.
//!
//! A class of which a refresh takes more than a second is left out, from that size on: Wine looks for the owner of each row
//! among the descriptors of every process.

use std::cell::RefCell;
use std::collections::HashSet;
use std::time::{Duration, Instant};

use benches::live::{self, Live};
use tcp6::{BasicRow, Buffer, Class, OffloadRow, OwnerModuleRow, OwnerPidRow, Query, Row, System};

/// A refresh that takes longer is not measured.
const PATIENCE: Duration = Duration::from_secs(1);

/// Classes of which one took longer.
#[derive(Default)]
struct Slow(RefCell<HashSet<Class>>);

impl Slow {
    /// Whether this class is to be left out; says so.
    fn knows<R: Row>(&self, live: &Live<'_>) -> bool {
        let leave_out = |why: &str| eprintln!("left out, {} at {} rows: {why}", R::CLASS, live.size);
        if self.0.borrow().contains(&R::CLASS) {
            leave_out("a refresh of fewer takes too long");
            return true;
        }
        let (mut system, mut buffer) = (System::new().expect("a table"), Buffer::new());
        let start = Instant::now();
        system.table::<R>(&Query::all().unsorted(), &mut buffer).expect("a table");
        let time = start.elapsed();
        if time > PATIENCE {
            leave_out(&format!("a refresh takes {:.1} s", time.as_secs_f64()));
            self.0.borrow_mut().insert(R::CLASS);
        }
        time > PATIENCE
    }
}

fn refresh<R: Row>(live: &mut Live<'_>, slow: &Slow) {
    if slow.knows::<R>(live) {
        return;
    }
    let mut ways = live.compare(&format!("refresh/{}", R::CLASS));
    let query = Query::all().unsorted();
    let mut system = System::new().expect("a table");
    let mut buffer = Buffer::new();
    ways.time("reused", || system.table::<R>(&query, &mut buffer).expect("a table").len());
    ways.time("fresh", || system.table::<R>(&query, &mut Buffer::new()).expect("a table").len());
    let listeners = Query::listeners().unsorted();
    ways.time("listeners", || system.table::<R>(&listeners, &mut buffer).expect("a table").len());
    #[cfg(windows)]
    ways.time("size, then fetch", || size_then_fetch(R::CLASS));
    // The calls that refreshes take in the steady state.
    let before = system.calls();
    system.table::<R>(&query, &mut buffer).expect("a table");
    ways.note("reused", "calls", system.calls() - before);
}

/// The page's own example: ask for the size, allocate it, ask again.
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
            // It has grown meanwhile.
            ERROR_INSUFFICIENT_BUFFER => {}
            error => panic!("no table of {class}: error {error}"),
        }
    }
}

/// The function of this class.
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
        // SAFETY: as the caller promises; so are the others.
        Class::Basic => return unsafe { GetTcp6Table(table.cast(), size, 0) },
        // SAFETY: as above.
        Class::Offload => return unsafe { GetTcp6Table2(table.cast(), size, 0) },
        Class::OwnerPid => TCP_TABLE_OWNER_PID_ALL,
        Class::OwnerModule => TCP_TABLE_OWNER_MODULE_ALL,
        _ => unreachable!("no class besides these"),
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
