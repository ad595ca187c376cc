//! The steady state allocates nothing. A global allocator counts the allocations of each thread.

use std::cell::Cell;

use tcp6::{BasicRow, Buffer, OffloadRow, OwnerModuleRow, OwnerPidRow, Query, Row, Snapshot, System, Watcher};
use tcp6::{Stats, StatsKinds};

use crate::counting::Counting;
use crate::support::{Loopback, alone_with_the_table, reset};

thread_local! {
    /// The number of allocations of this thread.
    static COUNT: Cell<u64> = const { Cell::new(0) };
    /// The bytes in use by this thread, and their maximum.
    static BYTES: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

fn count() {
    // Fails on an exiting thread whose thread-locals are destroyed. No test reads that count.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

fn grown(by: isize) {
    let _ = BYTES.try_with(|bytes| {
        let (now, peak) = bytes.get();
        bytes.set((now + by, peak.max(now + by)));
    });
}

#[global_allocator]
static ALLOCATOR: Counting = Counting { requested: count, grown };

/// The memory that a function allocates on this thread, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct MemoryUse {
    /// The maximum while the function runs.
    pub peak: usize,
    /// The part that is still in use when the function returns.
    pub kept: usize,
}

/// Calls `run`. Returns its result and the memory that it allocates.
pub fn memory<T>(run: impl FnOnce() -> T) -> (T, MemoryUse) {
    let (before, _) = BYTES.get();
    BYTES.set((before, before));
    let result = run();
    let (after, peak) = BYTES.get();
    let bytes = |bytes: isize| usize::try_from(bytes - before).unwrap_or(0);
    (result, MemoryUse { peak: bytes(peak), kept: bytes(after) })
}

/// Calls `run`. Returns the number of allocations that this thread makes meanwhile.
pub fn allocations(run: impl FnOnce()) -> u64 {
    let before = COUNT.get();
    run();
    COUNT.get() - before
}

/// Returns the smallest number of allocations of 20 rounds.
///
/// Other tests open sockets and start processes during some rounds. The storage then grows once.
fn min_allocations(mut round: impl FnMut()) -> u64 {
    (0..20).map(|_| allocations(&mut round)).min().expect("20 rounds")
}

#[test]
fn counts_allocations_and_bytes() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
    let (_kept, taken) = memory(|| {
        drop(std::hint::black_box(vec![0u8; 1000]));
        std::hint::black_box(Box::new([0u8; 10]))
    });
    assert_eq!((taken.peak, taken.kept), (1000, 10));
}

fn refresh<R: Row>(system: &mut System, buffer: &mut Buffer) {
    for query in [Query::all(), Query::all().unsorted(), Query::listeners()] {
        let table = system.table::<R>(&query, buffer).unwrap();
        let ports: u64 = table.iter().map(|row| u64::from(row.local().port())).sum();
        assert!(std::hint::black_box(ports) > 0);
    }
}

#[test]
fn refresh_into_a_used_buffer_allocates_nothing() {
    let _alone = alone_with_the_table();
    let _own = Loopback::open();
    let mut system = System::new().unwrap();
    let mut buffer = Buffer::new();
    let mut round = || {
        refresh::<BasicRow>(&mut system, &mut buffer);
        refresh::<OwnerPidRow>(&mut system, &mut buffer);
        refresh::<OffloadRow>(&mut system, &mut buffer);
        refresh::<OwnerModuleRow>(&mut system, &mut buffer);
    };
    round();
    assert_eq!(min_allocations(round), 0);
}

#[test]
fn statistics_into_used_storage_allocate_nothing() {
    let _alone = alone_with_the_table();
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let [mut earlier, mut later] = [(); 2].map(|()| Stats::new().request(StatsKinds::all()));
    let _own = Loopback::open();
    let extra: Vec<Loopback> = (0..50).map(|_| Loopback::open()).collect();
    let mut found = 0;
    let mut round = || {
        for query in [Query::all(), Query::listeners(), Query::all().unsorted()] {
            std::mem::swap(&mut earlier, &mut later);
            let table = system.table_with_stats::<OwnerPidRow>(&query, &mut buffer, &mut later).unwrap();
            found += table.iter().filter(|row| later.of(*row).is_some()).count();
            found += table.iter().filter(|row| later.delta(&earlier, *row).is_some()).count();
        }
    };
    round();
    round();
    // Closes these, so that sockets of other tests fit into the storage.
    extra.into_iter().for_each(|own| reset(own.client));
    assert_eq!(min_allocations(round), 0);
    // Windows has statistics of connections, and Wine has not.
    assert!(found > 0 || cfg!(windows));
}

fn snapshots<R: Row>() {
    let _alone = alone_with_the_table();
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let (mut before, mut after) = (Snapshot::<R>::new(), Snapshot::new());
    let own = Loopback::open();
    let extra: Vec<Loopback> = (0..50).map(|_| Loopback::open()).collect();
    let mut round = || {
        before.copy_from(system.table(&Query::all(), &mut buffer).unwrap()).unwrap();
        after.copy_from(system.table(&Query::all().unsorted(), &mut buffer).unwrap()).unwrap();
        let changes = before.diff(&after).count();
        let port = own.listening().port();
        let found = after.find(own.listening(), None).len() + after.on_port(port).count();
        std::hint::black_box((changes, found, after.counts()));
    };
    round();
    // Closes these, so that sockets of other tests fit into the storage.
    extra.into_iter().for_each(|own| reset(own.client));
    assert_eq!(min_allocations(round), 0);
}

#[test]
fn snapshots_and_diffs_into_used_storage_allocate_nothing() {
    snapshots::<BasicRow>();
    snapshots::<OwnerModuleRow>();
}

#[test]
fn poll_of_an_unchanged_table_allocates_nothing() {
    let _alone = alone_with_the_table();
    let extra: Vec<Loopback> = (0..50).map(|_| Loopback::open()).collect();
    let mut watcher = Watcher::<OwnerPidRow, _>::new(System::new().unwrap());
    for _ in 0..3 {
        watcher.poll().unwrap();
    }
    // Closes these, so that sockets of other tests fit into the storage.
    extra.into_iter().for_each(|own| reset(own.client));
    let poll = || {
        std::hint::black_box(watcher.poll().unwrap().count());
    };
    assert_eq!(min_allocations(poll), 0);
}

#[test]
fn statistics_allocate_nothing_after_the_first_call() {
    let mut system = System::new().unwrap();
    let earlier = system.statistics().unwrap();
    let round = || {
        let delta = system.statistics().unwrap().since(&earlier);
        std::hint::black_box((delta.counters().count(), delta.per_second(delta.segments_in)));
        #[cfg(target_os = "linux")]
        std::hint::black_box(tcp6::os::linux::SystemExt::tcp_ext(&system, "TCPDelivered"));
    };
    assert_eq!(min_allocations(round), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn polls_with_events_allocate_nothing() {
    use tcp6::EventOptions;

    let _alone = alone_with_the_table();
    let listener = crate::support::listener();
    let mut watcher = Watcher::<OwnerPidRow, _>::new(System::new().unwrap());
    if let Err(error) = watcher.subscribe(&EventOptions::new()) {
        return eprintln!("skipped: {error}");
    }
    let short = |connections: usize| {
        for _ in 0..connections {
            let (client, server) = crate::support::connect(&listener);
            reset(client);
            drop(server);
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    let mut brief = 0;
    let mut poll = |connections| {
        short(connections);
        allocations(|| {
            let changes = watcher.poll().unwrap();
            brief += changes.brief().filter(|brief| brief.stats().is_some()).count();
            std::hint::black_box(changes.count());
        })
    };
    for _ in 0..5 {
        poll(100);
    }
    // Fewer, so that sockets of other tests fit into the storage.
    let least = (0..20).map(|_| poll(20)).min();
    assert_eq!(least, Some(0));
    let quiet = (0..5).map(|_| poll(0)).min();
    assert_eq!(quiet, Some(0));
    assert!(brief >= 100 * 5, "{brief}");
}
