//! The same question to everybody.

use std::hint::black_box;
use std::net::IpAddr;
use std::thread;

use benches::comparison::Comparison;
use benches::descriptors::Descriptors;
use benches::floor::BareDump;
use benches::live::Live;
use benches::{hashmap_diff, load};
use listeners::{Listener, Protocol};
use netstat2::{AddressFamilyFlags, ProtocolFlags};
use tcp6::{BasicRow, Buffer, OwnerPidRow, Query, Row, Snapshot, System};

use crate::programs::{Psutil, ss};

/// tcp6 shares a first pass among as many threads, at most.
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

fn time_bare_dump(ways: &mut Comparison<'_>) {
    if let Some(mut dump) = BareDump::start() {
        time(ways, "bare dump", || dump.walk().ok());
    }
}

/// The kernel's part of a first pass: the dump and the descriptors, each by itself and at the same time.
fn time_kernel(ways: &mut Comparison<'_>) {
    time_bare_dump(ways);
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    let descriptors = Descriptors::list();
    ways.time_slow("descriptors, one thread", || descriptors.ask(1));
    ways.time_slow("descriptors, as many threads", || descriptors.ask(threads));
    if let Some(mut dump) = BareDump::start() {
        time(ways, "bare dump beside descriptors", || {
            thread::scope(|scope| {
                scope.spawn(|| descriptors.ask(threads));
                dump.walk().ok()
            })
        });
    }
}

fn rows<R: Row>(system: &mut System, buffer: &mut Buffer) -> Option<usize> {
    Some(system.table::<R>(&Query::all().unsorted(), buffer).ok()?.len())
}

/// The ends and the state of every socket.
pub fn ends(live: &mut Live<'_>) {
    let (mut system, mut buffer) = (System::new().expect("a table"), Buffer::new());
    let mut ways = live.compare("peers/ends and states");
    time(&mut ways, "tcp6", || rows::<BasicRow>(&mut system, &mut buffer));
    time_bare_dump(&mut ways);
    time(&mut ways, "netstat2", || {
        let sockets = netstat2::iterate_sockets_info_without_pids(AddressFamilyFlags::IPV6, ProtocolFlags::TCP).ok()?;
        Some(sockets.flatten().count())
    });
    time(&mut ways, "procfs", || Some(procfs::net::tcp6().ok()?.len()));
    time(&mut ways, "ss -6tan", || ss(&["-6tanH"]));
}

/// And the process that has it.
pub fn owners(live: &mut Live<'_>) {
    let (mut system, mut buffer) = (System::new().expect("a table"), Buffer::new());
    let mut ways = live.compare("peers/owners");
    time(&mut ways, "tcp6, first", || rows::<OwnerPidRow>(&mut System::new().ok()?, &mut buffer));
    time_kernel(&mut ways);
    time(&mut ways, "tcp6, again", || rows::<OwnerPidRow>(&mut system, &mut buffer));
    time(&mut ways, "netstat2", || {
        Some(netstat2::get_sockets_info(AddressFamilyFlags::IPV6, ProtocolFlags::TCP).ok()?.len())
    });
    time(&mut ways, "listeners", || {
        let in_the_table = |row: &&Listener| row.protocol == Protocol::TCP && matches!(row.socket.ip(), IpAddr::V6(_));
        Some(listeners::get_all().ok()?.iter().filter(in_the_table).count())
    });
    time(&mut ways, "ss -6tanp", || ss(&["-6tanpH"]));
    if let Some(mut psutil) = Psutil::start() {
        ways.note("psutil", "version", psutil.version());
        time(&mut ways, "psutil", || psutil.rows());
    }
}

/// What has changed since about one row of a hundred went away.
pub fn changes(live: &mut Live<'_>) {
    let (mut system, mut buffer) = (System::new().expect("a table"), Buffer::new());
    let mut snapshot = || -> Snapshot<BasicRow> {
        let table = system.table(&Query::all().unsorted(), &mut buffer).expect("a table");
        table.to_snapshot().expect("memory")
    };
    let some = load::open((live.size / 200).min(400)).expect("connections on the loopback");
    let before = snapshot();
    drop(some);
    let after = snapshot();
    let mut ways = live.compare("peers/changes");
    ways.note("tcp6", "changes", before.diff(&after).count());
    ways.note("HashMap", "changes", hashmap_diff::changes(&before, &after));
    ways.time("tcp6", || black_box(&before).diff(black_box(&after)).count());
    ways.time("HashMap", || hashmap_diff::changes(black_box(&before), black_box(&after)));
}
