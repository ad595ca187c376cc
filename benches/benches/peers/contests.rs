//! The groups: the same work done by tcp6 and by its peers.

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

/// The maximum number of threads of a first pass in tcp6.
const MAX_THREADS: usize = 4;

/// Measures a peer, and records the number of rows that it finds. Skips it if it fails.
fn time(group: &mut Comparison<'_>, function: &str, mut rows: impl FnMut() -> Option<usize>) {
    let Some(found) = rows() else { return eprintln!("skipped {function}: it failed or is not installed") };
    group.note(function, "rows", found);
    let mut failures = 0;
    group.time_slow(function, || failures += usize::from(rows().is_none()));
    if failures > 0 {
        eprintln!("{function} failed {failures} times during the measurement");
    }
}

fn time_bare_dump(group: &mut Comparison<'_>) {
    if let Some(mut dump) = BareDump::start() {
        time(group, "bare dump", || dump.walk().ok());
    }
}

/// Measures the kernel's part of a first pass: dump and descriptors, separately and in parallel.
fn time_kernel(group: &mut Comparison<'_>) {
    time_bare_dump(group);
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
    let descriptors = Descriptors::list();
    group.time_slow("descriptors, one thread", || descriptors.ask(1));
    group.time_slow("descriptors, as many threads", || descriptors.ask(threads));
    if let Some(mut dump) = BareDump::start() {
        time(group, "bare dump beside descriptors", || {
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

/// Measures tables with the ends and the state of every socket.
pub fn ends(live: &mut Live<'_>) {
    let (mut system, mut buffer) = (System::new().expect("open a system"), Buffer::new());
    let mut group = live.compare("peers/ends and states");
    time(&mut group, "tcp6", || rows::<BasicRow>(&mut system, &mut buffer));
    time_bare_dump(&mut group);
    time(&mut group, "netstat2", || {
        let sockets = netstat2::iterate_sockets_info_without_pids(AddressFamilyFlags::IPV6, ProtocolFlags::TCP).ok()?;
        Some(sockets.flatten().count())
    });
    time(&mut group, "procfs", || Some(procfs::net::tcp6().ok()?.len()));
    time(&mut group, "ss -6tan", || ss(&["-6tanH"]));
}

/// Measures tables with the ends, the state and the owner of every socket.
pub fn owners(live: &mut Live<'_>) {
    let mut buffer = Buffer::new();
    let mut group = live.compare("peers/owners");
    // A new system knows what another one has read. Therefore no other system may exist here.
    time(&mut group, "tcp6, first", || rows::<OwnerPidRow>(&mut System::new().ok()?, &mut buffer));
    time_kernel(&mut group);
    let mut system = System::new().expect("open a system");
    time(&mut group, "tcp6, again", || rows::<OwnerPidRow>(&mut system, &mut buffer));
    time(&mut group, "netstat2", || {
        Some(netstat2::get_sockets_info(AddressFamilyFlags::IPV6, ProtocolFlags::TCP).ok()?.len())
    });
    time(&mut group, "listeners", || {
        let is_ipv6_tcp = |row: &&Listener| row.protocol == Protocol::TCP && matches!(row.socket.ip(), IpAddr::V6(_));
        Some(listeners::get_all().ok()?.iter().filter(is_ipv6_tcp).count())
    });
    time(&mut group, "ss -6tanp", || ss(&["-6tanpH"]));
    if let Some(mut psutil) = Psutil::start() {
        group.note("psutil", "version", psutil.version());
        time(&mut group, "psutil", || psutil.rows());
    }
}

/// Measures the diff of two snapshots, between which about 1 % of the rows were removed.
pub fn changes(live: &mut Live<'_>) {
    let (mut system, mut buffer) = (System::new().expect("open a system"), Buffer::new());
    let mut snapshot = || -> Snapshot<BasicRow> {
        let table = system.table(&Query::all().unsorted(), &mut buffer).expect("read the table");
        table.to_snapshot().expect("copy the table")
    };
    let connections = load::open((live.size / 200).min(400)).expect("connect over loopback");
    let before = snapshot();
    drop(connections);
    let after = snapshot();
    let mut group = live.compare("peers/changes");
    group.note("tcp6", "changes", before.diff(&after).count());
    group.note("HashMap", "changes", hashmap_diff::changes(&before, &after));
    group.time("tcp6", || black_box(&before).diff(black_box(&after)).count());
    group.time("HashMap", || hashmap_diff::changes(black_box(&before), black_box(&after)));
}
