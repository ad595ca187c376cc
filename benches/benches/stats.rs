//! A refresh with the statistics of all connections, compared with the kernel's part.
//!
//! * `stats/queues`: the queues, which the kernel sends with every table.
//! * `stats/tcp_info`: the `tcp_info` of each connection.
//!
//! In each group, `bare` is a dump of the same request whose messages are walked and not decoded, `without` is a refresh
//! without statistics, and `look up all` finds the statistics of all rows of a table. Windows returns no statistics with
//! a table, so that there is nothing to compare.

#[cfg(target_os = "linux")]
mod linux {
    use benches::floor::{BareDump, request_with_attributes};
    use benches::live::Live;
    use tcp6::{BasicRow, Buffer, Query, Stats, StatsKinds, System};

    /// The bit of `idiag_ext` that requests `INET_DIAG_INFO` (2).
    const INFO: u8 = 1 << (2 - 1);

    fn refresh(live: &mut Live<'_>, name: &str, kinds: StatsKinds, extensions: u8) {
        let mut group = live.compare(&format!("stats/{name}"));
        let (mut system, mut buffer) = (System::new().expect("open a system"), Buffer::new());
        let (mut stats, query) = (Stats::new().request(kinds), Query::all().unsorted());
        let Some(mut dump) = BareDump::start() else { return };
        let request = request_with_attributes(extensions);
        group.time("bare", || dump.walk_request(&request).expect("dump the sockets"));
        let mut with_stats = || {
            let table = system.table_with_stats::<BasicRow>(&query, &mut buffer, &mut stats);
            table.expect("read the table").len()
        };
        group.time("tcp6", &mut with_stats);
        group.time("bare again", || dump.walk_request(&request).expect("dump the sockets"));
        // Fills the table even if a filter excludes the functions before.
        with_stats();
        let table = buffer.table::<BasicRow>().expect("a table");
        group.time("look up all", || table.iter().filter_map(|row| stats.of(row)).count());
        let mut without = Buffer::new();
        group.time("without", || system.table::<BasicRow>(&query, &mut without).expect("read the table").len());
    }

    pub fn stats(live: &mut Live<'_>) {
        refresh(live, "queues", StatsKinds::QUEUES, 0);
        refresh(live, "tcp_info", StatsKinds::DATA, INFO);
    }
}

fn main() {
    benches::live::main(|_live| {
        #[cfg(target_os = "linux")]
        linux::stats(_live);
    });
}
