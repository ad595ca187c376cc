//! A refresh of the live table, compared with the minimum cost.
//!
//! * `bare dump` (Linux): the kernel's part, a dump of the same request whose messages are walked and not decoded.
//!   Windows has no call below the one that `refresh` measures.
//! * `tcp6`: a refresh into a reused buffer.
//! * `bare dump again`: the bare dump after the refresh, which shows how much a shared machine changed meanwhile.
//! * `memcpy`, `memcmp`, `raw pointer`: copying, comparing and iterating the same rows in memory.

use std::hint::black_box;

use benches::comparison::Comparison;
#[cfg(target_os = "linux")]
use benches::floor::BareDump;
use benches::{live, pointer};
use tcp6::{BasicRow, Buffer, Query, System};

fn refresh(group: &mut Comparison<'_>, buffer: &mut Buffer) {
    let (mut system, query) = (System::new().expect("open a system"), Query::all().unsorted());
    let mut refresh = || system.table::<BasicRow>(&query, buffer).expect("read the table").len();
    // Fills the buffer for `memory` even if a filter excludes this function from the run.
    refresh();
    #[cfg(target_os = "linux")]
    let mut dump = BareDump::start();
    #[cfg(target_os = "linux")]
    if let Some(dump) = &mut dump {
        group.time("bare dump", || dump.walk().expect("dump the sockets"));
    }
    group.time("tcp6", &mut refresh);
    #[cfg(target_os = "linux")]
    if let Some(dump) = &mut dump {
        group.time("bare dump again", || dump.walk().expect("dump the sockets"));
    }
}

fn memory(group: &mut Comparison<'_>, table: &Buffer) {
    let rows = table.as_bytes();
    let (mut copy, mut other) = (rows.to_vec(), rows.to_vec());
    group.time("memcpy", || black_box(&mut copy[..]).copy_from_slice(black_box(rows)));
    group.time("memcmp", || black_box(&mut copy) == black_box(&mut other));
    group.time("raw pointer", || pointer::established_on_443(black_box(table)));
}

fn main() {
    live::main(|live| {
        let (mut group, mut buffer) = (live.compare("floor"), Buffer::new());
        refresh(&mut group, &mut buffer);
        memory(&mut group, &buffer);
    });
}
