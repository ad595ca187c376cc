//! How far a refresh of the live table is from what it takes at least.
//!
//! * `bare dump` (Linux): the kernel's own part, a dump of the same request whose messages are walked and not read.
//!   Windows has no call below the one that is measured in `refresh`.
//! * `tcp6`: a refresh into a reused buffer.
//! * `bare dump again`: whatever changes on a shared machine between the first and the last shows here.
//! * `memcpy`, `memcmp`, `raw pointer`: what the memory takes to copy, compare and look through the same rows.

use std::hint::black_box;

use benches::comparison::Comparison;
#[cfg(target_os = "linux")]
use benches::floor::BareDump;
use benches::{live, pointer};
use tcp6::{BasicRow, Buffer, Query, System};

fn refresh(ways: &mut Comparison<'_>, buffer: &mut Buffer) {
    let (mut system, query) = (System::new().expect("a table"), Query::all().unsorted());
    let mut refresh = || system.table::<BasicRow>(&query, buffer).expect("a table").len();
    // The buffer is looked at even where the refresh is not measured.
    refresh();
    #[cfg(target_os = "linux")]
    let mut dump = BareDump::start();
    #[cfg(target_os = "linux")]
    if let Some(dump) = &mut dump {
        ways.time("bare dump", || dump.walk().expect("a dump"));
    }
    ways.time("tcp6", &mut refresh);
    #[cfg(target_os = "linux")]
    if let Some(dump) = &mut dump {
        ways.time("bare dump again", || dump.walk().expect("a dump"));
    }
}

fn memory(ways: &mut Comparison<'_>, table: &Buffer) {
    let rows = table.as_bytes();
    let (mut copy, mut other) = (rows.to_vec(), rows.to_vec());
    ways.time("memcpy", || black_box(&mut copy[..]).copy_from_slice(black_box(rows)));
    ways.time("memcmp", || black_box(&mut copy) == black_box(&mut other));
    ways.time("raw pointer", || pointer::established_on_443(black_box(table)));
}

fn main() {
    live::main(|live| {
        let (mut ways, mut buffer) = (live.compare("floor"), Buffer::new());
        refresh(&mut ways, &mut buffer);
        memory(&mut ways, &buffer);
    });
}
