use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::{Ipv6Addr, SocketAddrV6};

use tcp6_sys::MIB_TCP6ROW_OWNER_MODULE;

use super::*;
use crate::row::state::State;

/// A scripted system that counts its calls.
#[derive(Debug, Default)]
struct Script {
    running: BTreeMap<u32, (u64, &'static str)>,
    /// Services, by pid and first module word.
    services: BTreeMap<(u32, u64), &'static str>,
    is_same_calls: Cell<u32>,
    describe_calls: u32,
    module_calls: u32,
}

impl Script {
    fn start(&mut self, pid: u32, started: u64, name: &'static str) {
        self.running.insert(pid, (started, name));
    }
}

impl Lookup for Script {
    const HAS_MODULES: bool = true;

    fn is_same(&mut self, process: &Process) -> bool {
        self.is_same_calls.set(self.is_same_calls.get() + 1);
        self.running
            .get(&process.pid)
            .is_some_and(|(started, name)| *started == process.started && process.executable.name == *name)
    }

    fn describe(&mut self, pid: u32) -> Option<Process> {
        self.describe_calls += 1;
        let (started, name) = *self.running.get(&pid)?;
        let executable = Module { name: name.into(), path: None };
        Some(Process { pid, started, image: 0, executable, deleted: false })
    }

    fn module(&mut self, row: &OwnerModuleRow, process: &Process) -> Option<Module> {
        self.module_calls += 1;
        let name = self.services.get(&(process.pid(), row.as_raw().OwningModuleInfo[0]))?;
        Some(Module { name: name.into(), path: None })
    }
}

fn cache(capacity: usize) -> Cache<Script> {
    Cache::new(Script::default(), capacity)
}

fn row(pid: u32, tag: u64) -> OwnerModuleRow {
    let row = OwnerModuleRow::new(State::Listen, SocketAddrV6::new(Ipv6Addr::LOCALHOST, 80, 0, 0), None);
    let mut info = [0; 16];
    info[0] = tag;
    OwnerModuleRow::from_raw(MIB_TCP6ROW_OWNER_MODULE { dwOwningPid: pid, OwningModuleInfo: info, ..*row.as_raw() })
}

/// The name of a process, looked up in a new batch.
fn name(cache: &mut Cache<Script>, pid: u32) -> Option<String> {
    cache.begin();
    name_in_batch(cache, pid)
}

/// The name of a process, looked up in the current batch.
fn name_in_batch(cache: &mut Cache<Script>, pid: u32) -> Option<String> {
    cache.process(pid).map(|process| process.name().to_string_lossy().into_owned())
}

fn module(cache: &mut Cache<Script>, pid: u32, tag: u64) -> Option<String> {
    cache.begin();
    cache.module(&row(pid, tag)).map(|module| module.name().to_string_lossy().into_owned())
}

#[test]
fn describes_a_process_once_and_verifies_it_in_each_batch() {
    let mut cache = cache(10);
    cache.lookup.start(7, 100, "nginx");
    for _ in 0..5 {
        assert_eq!(name(&mut cache, 7).unwrap(), "nginx");
    }
    assert_eq!((cache.lookup.describe_calls, cache.lookup.is_same_calls.get()), (1, 4));
}

#[test]
fn a_batch_looks_up_each_id_once_even_if_it_has_no_process() {
    let mut cache = cache(10);
    cache.lookup.start(7, 100, "nginx");
    for batch in 1..4 {
        cache.begin();
        for _ in 0..1000 {
            assert_eq!(name_in_batch(&mut cache, 7).unwrap(), "nginx");
            assert_eq!(name_in_batch(&mut cache, 8), None);
        }
        assert_eq!((cache.lookup.describe_calls, cache.lookup.is_same_calls.get()), (1 + batch, batch - 1));
    }
}

#[test]
fn a_reused_id_never_returns_the_old_process() {
    let mut cache = cache(10);
    cache.lookup.start(7, 100, "nginx");
    cache.lookup.services.insert((7, 1), "Web");
    assert_eq!(name(&mut cache, 7).unwrap(), "nginx");
    assert_eq!(module(&mut cache, 7, 1).unwrap(), "Web");
    // The second process has the same name and another start time.
    for (started, new_name) in [(101, "curl"), (102, "nginx")] {
        cache.lookup.start(7, started, new_name);
        cache.lookup.services.clear();
        assert_eq!(name(&mut cache, 7).unwrap(), new_name);
        assert_eq!(cache.process(7).unwrap().started_ticks(), started);
        assert_eq!(module(&mut cache, 7, 1).unwrap(), new_name);
    }
}

#[test]
fn an_exited_process_is_not_returned_and_its_id_can_be_reused() {
    let mut cache = cache(10);
    cache.lookup.start(7, 100, "nginx");
    assert!(name(&mut cache, 7).is_some());
    cache.lookup.running.clear();
    for _ in 0..2 {
        assert_eq!(name(&mut cache, 7), None);
        assert_eq!(module(&mut cache, 7, 1), None);
    }
    cache.lookup.start(7, 100, "nginx");
    assert_eq!(name(&mut cache, 7).unwrap(), "nginx");
}

#[test]
fn a_process_that_exits_during_the_look_up_is_not_returned() {
    /// A process that exits, or whose id is reused, before it is described.
    struct ShortLived;
    impl Lookup for ShortLived {
        fn is_same(&mut self, _: &Process) -> bool {
            true
        }
        fn describe(&mut self, _: u32) -> Option<Process> {
            None
        }
    }
    let mut cache = Cache::new(ShortLived, 10);
    for _ in 0..2 {
        cache.begin();
        assert_eq!(cache.process(7), None);
        assert_eq!(cache.module(&row(7, 0)), None);
    }
}

#[test]
fn a_process_that_executes_another_program_is_described_again() {
    let mut cache = cache(10);
    cache.lookup.start(7, 100, "launcher");
    assert_eq!(name(&mut cache, 7).unwrap(), "launcher");
    cache.lookup.start(7, 100, "server");
    assert_eq!(name(&mut cache, 7).unwrap(), "server");
    assert_eq!(cache.lookup.describe_calls, 2);
}

#[test]
fn evicts_the_least_recently_used_entry_first() {
    let mut cache = cache(3);
    for pid in 1..=4 {
        cache.lookup.start(pid, 100, "x");
    }
    for pid in [1, 2, 3, 1, 4] {
        name(&mut cache, pid);
    }
    let mut kept: Vec<u32> = cache.entries.keys().copied().collect();
    kept.sort_unstable();
    assert_eq!(kept, [1, 3, 4]);
}

#[test]
fn never_exceeds_its_capacity_and_always_returns_the_right_process() {
    for capacity in [0, 1, 5, 100] {
        let mut cache = cache(capacity);
        for pid in 0..50 {
            cache.lookup.start(pid, 100, if pid % 2 == 0 { "even" } else { "odd" });
        }
        for batch in 0..3 {
            cache.begin();
            cache.evict_unused();
            for pid in 0..60 {
                let expected = [Some("even"), Some("odd")][pid as usize % 2].filter(|_| pid < 50);
                assert_eq!(name_in_batch(&mut cache, pid).as_deref(), expected, "batch {batch}");
                assert!(cache.entries.len() <= capacity.max(1));
            }
        }
    }
}

#[test]
fn evicts_entries_that_a_whole_batch_did_not_use() {
    let mut cache = cache(10);
    for pid in [1, 2, 3] {
        cache.lookup.start(pid, 100, "x");
    }
    let mut batch = |pids: &[u32]| {
        cache.begin();
        cache.evict_unused();
        for pid in pids {
            assert!(cache.process(*pid).is_some());
        }
        cache.entries.len()
    };
    assert_eq!(batch(&[1, 2, 3]), 3);
    assert_eq!(batch(&[1]), 3);
    assert_eq!(batch(&[1, 2]), 2);
    assert_eq!(batch(&[]), 2);
    assert_eq!(batch(&[]), 0);
    // A look-up between two batches counts as a use.
    name(&mut cache, 3);
    cache.begin();
    cache.evict_unused();
    assert_eq!(cache.entries.len(), 1);
}

#[test]
fn distinguishes_services_of_one_process_and_names_each_once() {
    let mut cache = cache(10);
    cache.lookup.start(7, 100, "svchost.exe");
    cache.lookup.services.extend([((7, 1), "Dnscache"), ((7, 2), "RpcSs")]);
    for _ in 0..3 {
        assert_eq!(module(&mut cache, 7, 1).unwrap(), "Dnscache");
        assert_eq!(module(&mut cache, 7, 2).unwrap(), "RpcSs");
    }
    assert_eq!(cache.lookup.module_calls, 2);
}

#[test]
fn an_unnamed_module_is_the_process_and_is_looked_up_again_in_the_next_batch() {
    let mut cache = cache(10);
    cache.lookup.start(7, 100, "svchost.exe");
    cache.begin();
    for _ in 0..3 {
        assert_eq!(cache.module(&row(7, 1)).unwrap().name(), "svchost.exe");
    }
    assert_eq!(cache.lookup.module_calls, 1);
    cache.lookup.services.insert((7, 1), "Dnscache");
    assert_eq!(module(&mut cache, 7, 1).unwrap(), "Dnscache");
}

#[test]
fn bounds_the_cached_modules_of_a_process() {
    let mut cache = cache(10);
    cache.lookup.start(7, 100, "svchost.exe");
    for tag in 0..1000 {
        assert!(module(&mut cache, 7, tag).is_some());
        cache.lookup.services.insert((7, tag + 1), "x");
        assert!(cache.entries[&7].modules.len() <= MAX_MODULES);
    }
    assert_eq!(cache.entries[&7].modules.len(), MAX_MODULES);
}

#[test]
fn a_socket_without_an_owner_has_no_module() {
    let mut cache = cache(10);
    assert_eq!(cache.module(&row(0, 1)), None);
    assert_eq!(cache.module(&row(u32::MAX, 1)), None);
    assert_eq!(cache.lookup.describe_calls, 0);
}
