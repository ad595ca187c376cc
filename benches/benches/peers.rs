//! What others take for the same table in the same minute, and how many of its rows they find.
//!
//! Each is called as its documentation says, with nothing kept between calls that it does not keep itself. The programs
//! (`ss`, psutil) are measured as programs: `ss` from its start to its end, psutil within a Python that stays. One that is
//! not there, or fails on this machine, is left out.
//!
//! Beside the owners stand `bare dump` and `descriptors`: the least that the kernel takes to list the sockets, and to tell
//! what each descriptor of each process is, whoever asks it. A first pass needs both, one after the other.
//!
//! `peers/changes` compares two snapshots of the table, between which about one row of a hundred went away.

#[cfg(target_os = "linux")]
#[path = "peers/programs.rs"]
mod programs;

#[cfg(target_os = "linux")]
fn main() {
    use std::hint::black_box;
    use std::net::IpAddr;
    use std::thread;

    use benches::comparison::Comparison;
    use benches::descriptors::Descriptors;
    use benches::floor::BareDump;
    use benches::{by_map, load};
    use netstat2::{AddressFamilyFlags, ProtocolFlags};
    use programs::{Psutil, ss};
    use tcp6::{BasicRow, Buffer, OwnerPidRow, Query, Snapshot, System};

    /// tcp6 shares a first pass among as many, at most.
    const MOST_THREADS: usize = 4;

    /// Measures one, and notes how many rows of the table it finds.
    fn time(ways: &mut Comparison<'_>, way: &str, mut rows: impl FnMut() -> Option<usize>) {
        let Some(found) = rows() else { return eprintln!("left out, {way}: it fails, or is not installed") };
        ways.note(way, "rows", found);
        let mut failures = 0;
        ways.time_slow(way, || failures += usize::from(rows().is_none()));
        if failures > 0 {
            eprintln!("{way}: it failed {failures} times while it was measured");
        }
    }

    benches::live::main(|live| {
        let (query, mut buffer) = (Query::all().unsorted(), Buffer::new());
        let mut system = System::new().expect("a table");
        let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
        let (family, protocol) = (AddressFamilyFlags::IPV6, ProtocolFlags::TCP);

        let mut ways = live.compare("peers/ends and states");
        time(&mut ways, "tcp6", || Some(system.table::<BasicRow>(&query, &mut buffer).ok()?.len()));
        if let Some(mut dump) = BareDump::start() {
            time(&mut ways, "bare dump", || dump.walk().ok());
        }
        time(&mut ways, "netstat2", || {
            Some(netstat2::iterate_sockets_info_without_pids(family, protocol).ok()?.flatten().count())
        });
        time(&mut ways, "procfs", || Some(procfs::net::tcp6().ok()?.len()));
        time(&mut ways, "ss -6tan", || ss(&["-6tanH"]));
        drop(ways);

        let mut ways = live.compare("peers/owners");
        time(&mut ways, "tcp6, first", || {
            let mut system = System::new().ok()?;
            Some(system.table::<OwnerPidRow>(&query, &mut buffer).ok()?.len())
        });
        if let Some(mut dump) = BareDump::start() {
            time(&mut ways, "bare dump", || dump.walk().ok());
        }
        let descriptors = Descriptors::list();
        ways.note("descriptors, one thread", "descriptors", descriptors.ask(1));
        ways.time_slow("descriptors, one thread", || descriptors.ask(1));
        ways.time_slow("descriptors, as many threads", || descriptors.ask(threads));
        time(&mut ways, "tcp6, again", || Some(system.table::<OwnerPidRow>(&query, &mut buffer).ok()?.len()));
        time(&mut ways, "netstat2", || Some(netstat2::get_sockets_info(family, protocol).ok()?.len()));
        time(&mut ways, "listeners", || {
            let in_the_table = |row: &&listeners::Listener| {
                row.protocol == listeners::Protocol::TCP && matches!(row.socket.ip(), IpAddr::V6(_))
            };
            Some(listeners::get_all().ok()?.iter().filter(in_the_table).count())
        });
        time(&mut ways, "ss -6tanp", || ss(&["-6tanpH"]));
        if let Some(mut psutil) = Psutil::start() {
            ways.note("psutil", "version", psutil.version());
            time(&mut ways, "psutil", || psutil.rows());
        }
        drop(ways);

        let mut snapshot = || -> Snapshot<BasicRow> {
            system.table(&query, &mut buffer).expect("a table").to_snapshot().expect("memory")
        };
        let some = load::open((live.size / 200).min(400)).expect("connections on the loopback");
        let before = snapshot();
        drop(some);
        let after = snapshot();
        let mut ways = live.compare("peers/changes");
        ways.note("tcp6", "changes", before.diff(&after).count());
        ways.note("HashMap", "changes", by_map::changes(&before, &after));
        ways.time("tcp6", || black_box(&before).diff(black_box(&after)).count());
        ways.time("HashMap", || by_map::changes(black_box(&before), black_box(&after)));
    });
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("left out, peers: they are measured on Linux");
}
