//! In the steady state nothing is allocated: counted by an allocator.

use std::cell::Cell;

use tcp6::{BasicRow, Buffer, OffloadRow, OwnerModuleRow, OwnerPidRow, Query, Row, Snapshot, System, Watcher};

use crate::counting::Counting;
use crate::support::{Loopback, alone_with_the_table, reset};

thread_local! {
    /// How often this thread has asked for room.
    static COUNT: Cell<u64> = const { Cell::new(0) };
    /// The bytes that this thread has in use, and the most that it had.
    static BYTES: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

fn count() {
    // A thread that is ending has no count any more, and no test looks at it.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

fn grown(by: isize) {
    let _ = BYTES.try_with(|bytes| {
        let (now, most) = bytes.get();
        bytes.set((now + by, most.max(now + by)));
    });
}

#[global_allocator]
static ALLOCATOR: Counting = Counting { requested: count, grown };

/// Memory that this thread takes, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// The most at any time.
    pub peak: usize,
    /// What is in use afterwards.
    pub kept: usize,
}

/// Runs `what` and measures the memory that it takes.
pub fn memory<T>(what: impl FnOnce() -> T) -> (T, Memory) {
    let (before, _) = BYTES.get();
    BYTES.set((before, before));
    let result = what();
    let (after, most) = BYTES.get();
    let bytes = |bytes: isize| usize::try_from(bytes - before).unwrap_or(0);
    (result, Memory { peak: bytes(most), kept: bytes(after) })
}

/// The allocations that this thread makes meanwhile.
pub fn allocations(what: impl FnOnce()) -> u64 {
    let before = COUNT.get();
    what();
    COUNT.get() - before
}

/// The allocations of the quietest of some rounds: meanwhile other tests come and go, with sockets and with processes, for
/// which room is made once.
fn least_allocations(mut round: impl FnMut()) -> u64 {
    (0..20).map(|_| allocations(&mut round)).min().expect("some rounds")
}

#[test]
fn the_count_counts() {
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
fn a_refresh_into_a_used_buffer_allocates_nothing() {
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
    assert_eq!(least_allocations(round), 0);
}

fn snapshots<R: Row>() {
    let _alone = alone_with_the_table();
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let (mut before, mut after) = (Snapshot::<R>::new(), Snapshot::new());
    let own = Loopback::open();
    let room: Vec<Loopback> = (0..50).map(|_| Loopback::open()).collect();
    let mut round = || {
        before.copy_from(system.table(&Query::all(), &mut buffer).unwrap()).unwrap();
        after.copy_from(system.table(&Query::all().unsorted(), &mut buffer).unwrap()).unwrap();
        let changes = before.diff(&after).count();
        let port = own.listening().port();
        let found = after.find(own.listening(), None).len() + after.on_port(port).count();
        std::hint::black_box((changes, found, after.counts()));
    };
    round();
    // Fewer rows than before, so that what other tests open meanwhile has room.
    room.into_iter().for_each(|own| reset(own.client));
    assert_eq!(least_allocations(round), 0);
}

#[test]
fn snapshots_and_diffs_into_used_storage_allocate_nothing() {
    snapshots::<BasicRow>();
    snapshots::<OwnerModuleRow>();
}

#[test]
fn a_poll_of_a_steady_table_allocates_nothing() {
    let _alone = alone_with_the_table();
    let room: Vec<Loopback> = (0..50).map(|_| Loopback::open()).collect();
    let mut watcher = Watcher::<OwnerPidRow, _>::new(System::new().unwrap());
    for _ in 0..3 {
        watcher.poll().unwrap();
    }
    // Fewer rows than before, so that what other tests open meanwhile has room.
    room.into_iter().for_each(|own| reset(own.client));
    let poll = || {
        std::hint::black_box(watcher.poll().unwrap().count());
    };
    assert_eq!(least_allocations(poll), 0);
}
