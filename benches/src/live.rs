//! The table of this machine at several sizes.

use std::env;
use std::process::Command;

use criterion::Criterion;
use tcp6::{BasicRow, Buffer, Query, System};

use crate::comparison::{Comparison, criterion};
use crate::load::{self, Load};
use crate::metrics;

/// Set, to have a table of 108,000 rows as well.
const LARGE: &str = "TCP6_BENCH_LARGE";

/// The sizes. Under Wine a refresh is a hundred times slower.
fn sizes() -> Vec<usize> {
    match (cfg!(windows), metrics::is_measuring()) {
        (true, false) => vec![100],
        (false, false) => vec![100, 2_000],
        (false, true) if env::var_os(LARGE).is_some() => vec![100, 2_000, 18_000, 108_000],
        (_, true) => vec![100, 2_000, 18_000],
    }
}

/// A live table.
pub struct Live<'a> {
    criterion: &'a mut Criterion,
    /// What the size is called: as many rows as were opened for it.
    pub size: usize,
    /// The rows, with those that the machine has anyway.
    pub rows: usize,
}

impl Live<'_> {
    /// Ways to do the same to this table.
    pub fn compare(&mut self, name: &str) -> Comparison<'_> {
        Comparison::nominal(self.criterion, name, self.size, self.rows)
    }
}

/// The main function of a bench of the live table: runs it for tables of every size.
///
/// The connections are held by child processes, which are this program again, and are gone when it is, however it ends.
pub fn main(bench: impl Fn(&mut Live<'_>)) {
    if load::child() {
        return;
    }
    let mut criterion = criterion();
    for size in sizes() {
        let again = || Command::new(env::current_exe().expect("a path of its own"));
        let _load = match Load::open(size / 2, again) {
            Ok(load) => load,
            Err(error) => {
                eprintln!("left out, a table of {size} rows: {error}");
                continue;
            }
        };
        let mut buffer = Buffer::new();
        let rows = System::new().and_then(|mut system| Ok(system.table::<BasicRow>(&Query::all(), &mut buffer)?.len()));
        match rows {
            Ok(rows) => bench(&mut Live { criterion: &mut criterion, size, rows }),
            Err(error) => eprintln!("left out, this machine's table: {error}"),
        }
    }
    criterion.final_summary();
}
