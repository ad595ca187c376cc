//! The table of this machine, filled to several sizes.

use std::env;
use std::process::Command;

use criterion::Criterion;
use tcp6::{BasicRow, Buffer, Query, System};

use crate::comparison::{Comparison, criterion};
use crate::load::{self, Load};
use crate::metrics;

/// The environment variable that adds a table of 108,000 rows, if it is set.
const LARGE: &str = "TCP6_BENCH_LARGE";

/// The table sizes.
///
/// Under Wine, where a refresh of a small table is a hundred times slower, there are fewer.
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
    /// The nominal size: the number of rows that were opened for it.
    pub size: usize,
    /// The number of rows, including those of other programs.
    pub rows: usize,
}

impl Live<'_> {
    /// A group for this table.
    pub fn compare(&mut self, name: &str) -> Comparison<'_> {
        Comparison::nominal(self.criterion, name, self.size, self.rows)
    }
}

/// The main function of a bench of the live table. Runs `bench` for each table size.
///
/// Child processes hold the connections. They run this program again, and exit when this process exits or is killed.
pub fn main(bench: impl Fn(&mut Live<'_>)) {
    if load::child() {
        return;
    }
    let mut criterion = criterion();
    for size in sizes() {
        let again = || Command::new(env::current_exe().expect("find the path of this program"));
        let _load = match Load::open(size / 2, again) {
            Ok(load) => load,
            Err(error) => {
                eprintln!("skipped a table of {size} rows: {error}");
                continue;
            }
        };
        let mut buffer = Buffer::new();
        let rows = System::new().and_then(|mut system| Ok(system.table::<BasicRow>(&Query::all(), &mut buffer)?.len()));
        match rows {
            Ok(rows) => bench(&mut Live { criterion: &mut criterion, size, rows }),
            Err(error) => eprintln!("skipped the table of this machine: {error}"),
        }
    }
    criterion.final_summary();
}
