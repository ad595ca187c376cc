//! The live table: what reuse of the buffer saves.
//!
//! * `reused`: one buffer for ever, as the crate is meant to be used.
//! * `fresh`: a buffer for each refresh.
//! * `size, then fetch`: the C example on the page of GetTcp6Table: ask for the size, allocate, ask again.
//! * `listeners`: the reused buffer, and listeners alone.
//!
//! The load is made by child processes and is gone when the bench is.

use std::process::Command;

use benches::load::{self, Load};
use criterion::{BenchmarkId, Criterion, Throughput};
use tcp6::{BasicRow, Buffer, OwnerModuleRow, OwnerPidRow, Query, Row, System};

/// Connections; each makes two rows. Under Wine a refresh is a hundred times slower.
const CONNECTIONS: &[usize] = if cfg!(windows) { &[50, 1_000] } else { &[50, 1_000, 9_000] };

fn refresh<R: Row>(criterion: &mut Criterion, rows: u64) {
    let mut group = criterion.benchmark_group(format!("refresh/{}", R::CLASS));
    group.throughput(Throughput::Elements(rows)).sample_size(20);
    let id = |name: &str| BenchmarkId::new(name, rows);
    let query = Query::all().unsorted();
    let mut system = System::new().expect("a table");

    let mut buffer = Buffer::new();
    group.bench_function(id("reused"), |bench| {
        bench.iter(|| system.table::<R>(&query, &mut buffer).expect("a table").len());
    });
    group.bench_function(id("fresh"), |bench| {
        bench.iter(|| system.table::<R>(&query, &mut Buffer::new()).expect("a table").len());
    });
    group.bench_function(id("listeners"), |bench| {
        let query = Query::listeners().unsorted();
        bench.iter(|| system.table::<R>(&query, &mut buffer).expect("a table").len());
    });
    #[cfg(windows)]
    if R::CLASS == tcp6::Class::Basic {
        group.bench_function(id("size, then fetch"), |bench| bench.iter(size_then_fetch));
    }
    group.finish();
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
    if load::child() {
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    for connections in CONNECTIONS {
        let again = || Command::new(std::env::current_exe().expect("a path of its own"));
        let _load = Load::open(*connections, again).expect("connections on the loopback");
        let mut buffer = Buffer::new();
        let table =
            System::new().and_then(|mut system| Ok(system.table::<BasicRow>(&Query::all(), &mut buffer)?.len()));
        let rows = table.expect("a table") as u64;
        refresh::<BasicRow>(&mut criterion, rows);
        refresh::<OwnerPidRow>(&mut criterion, rows);
        refresh::<OwnerModuleRow>(&mut criterion, rows);
    }
    criterion.final_summary();
}
