use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::{Ipv6Addr, SocketAddrV6};

use tcp6_sys::MIB_TCP6ROW_OWNER_MODULE;

use super::*;
use crate::row::state::State;

/// A machine whose processes come and go as the test says, and which counts how often it is asked.
#[derive(Debug, Default)]
struct Script {
    running: BTreeMap<u32, (u64, &'static str)>,
    /// Services, by process and the first word of `module_info`.
    services: BTreeMap<(u32, u64), &'static str>,
    asked: Cell<u32>,
    described: u32,
    named: u32,
}

impl Script {
    fn start(&mut self, pid: u32, started: u64, name: &'static str) {
        self.running.insert(pid, (started, name));
    }
}

impl Lookup for Script {
    const HAS_MODULES: bool = true;

    fn is_same(&mut self, process: &Process) -> bool {
        self.asked.set(self.asked.get() + 1);
        self.running
            .get(&process.pid)
            .is_some_and(|(started, name)| *started == process.started && process.executable.name == *name)
    }

    fn describe(&mut self, pid: u32) -> Option<Process> {
        self.described += 1;
        let (started, name) = *self.running.get(&pid)?;
        let executable = Module { name: name.into(), path: None };
        Some(Process { pid, started, image: 0, executable, deleted: false })
    }

    fn module(&mut self, row: &OwnerModuleRow, process: &Process) -> Option<Module> {
        self.named += 1;
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

/// The name of a process, whatever was known before.
fn name(cache: &mut Cache<Script>, pid: u32) -> Option<String> {
    cache.begin();
    name_in_round(cache, pid)
}

fn name_in_round(cache: &mut Cache<Script>, pid: u32) -> Option<String> {
    cache.process(pid).map(|process| process.name().to_string_lossy().into_owned())
}

fn module(cache: &mut Cache<Script>, pid: u32, tag: u64) -> Option<String> {
    cache.begin();
    cache.module(&row(pid, tag)).map(|module| module.name().to_string_lossy().into_owned())
}

#[test]
fn a_process_is_described_once_and_looked_at_every_time() {
    let mut cache = cache(10);
    cache.lookup.start(7, 100, "nginx");
    for _ in 0..5 {
        assert_eq!(name(&mut cache, 7).unwrap(), "nginx");
    }
    assert_eq!((cache.lookup.described, cache.lookup.asked.get()), (1, 4));
}

#[test]
fn a_round_looks_at_a_process_once_even_if_it_is_not_there() {
    let mut cache = cache(10);
    cache.lookup.start(7, 100, "nginx");
    for round in 1..4 {
        cache.begin();
        for _ in 0..1000 {
            assert_eq!(name_in_round(&mut cache, 7).unwrap(), "nginx");
            assert_eq!(name_in_round(&mut cache, 8), None);
        }
        assert_eq!((cache.lookup.described, cache.lookup.asked.get()), (1 + round, round - 1));
    }
}

#[test]
fn an_id_used_again_is_never_shown_under_the_old_name() {
    let mut cache = cache(10);
    cache.lookup.start(7, 100, "nginx");
    cache.lookup.services.insert((7, 1), "Web");
    assert_eq!(name(&mut cache, 7).unwrap(), "nginx");
    assert_eq!(module(&mut cache, 7, 1).unwrap(), "Web");
    // Even one that is called the same is another.
    for (started, called) in [(101, "curl"), (102, "nginx")] {
        cache.lookup.start(7, started, called);
        cache.lookup.services.clear();
        assert_eq!(name(&mut cache, 7).unwrap(), called);
        assert_eq!(cache.process(7).unwrap().started_ticks(), started);
        assert_eq!(module(&mut cache, 7, 1).unwrap(), called);
    }
}

#[test]
fn the_dead_are_forgotten_and_their_id_can_be_born_again() {
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
fn a_process_that_ends_while_it_is_looked_up_is_nobody() {
    /// It can be seen, and when it is to be described it is gone: or another has its id.
    struct Fleeting;
    impl Lookup for Fleeting {
        fn is_same(&mut self, _: &Process) -> bool {
            true
        }
        fn describe(&mut self, _: u32) -> Option<Process> {
            None
        }
    }
    let mut cache = Cache::new(Fleeting, 10);
    for _ in 0..2 {
        cache.begin();
        assert_eq!(cache.process(7), None);
        assert_eq!(cache.module(&row(7, 0)), None);
    }
}

#[test]
fn a_process_that_runs_another_program_has_its_name() {
    let mut cache = cache(10);
    cache.lookup.start(7, 100, "launcher");
    assert_eq!(name(&mut cache, 7).unwrap(), "launcher");
    cache.lookup.start(7, 100, "server");
    assert_eq!(name(&mut cache, 7).unwrap(), "server");
    assert_eq!(cache.lookup.described, 2);
}

#[test]
fn who_was_asked_for_the_longest_ago_goes_first() {
    let mut cache = cache(3);
    for pid in 1..=4 {
        cache.lookup.start(pid, 100, "x");
    }
    for pid in [1, 2, 3, 1, 4] {
        name(&mut cache, pid);
    }
    let mut left: Vec<u32> = cache.entries.keys().copied().collect();
    left.sort_unstable();
    assert_eq!(left, [1, 3, 4]);
}

#[test]
fn there_are_never_more_than_the_capacity_and_all_are_right() {
    for capacity in [0, 1, 5, 100] {
        let mut cache = cache(capacity);
        for pid in 0..50 {
            cache.lookup.start(pid, 100, if pid % 2 == 0 { "even" } else { "odd" });
        }
        for round in 0..3 {
            cache.begin();
            cache.forget_unwanted();
            for pid in 0..60 {
                let expected = [Some("even"), Some("odd")][pid as usize % 2].filter(|_| pid < 50);
                assert_eq!(name_in_round(&mut cache, pid).as_deref(), expected, "round {round}");
                assert!(cache.entries.len() <= capacity.max(1));
            }
        }
    }
}

#[test]
fn what_a_whole_round_did_not_ask_for_is_forgotten() {
    let mut cache = cache(10);
    for pid in [1, 2, 3] {
        cache.lookup.start(pid, 100, "x");
    }
    let mut round = |wanted: &[u32]| {
        cache.begin();
        cache.forget_unwanted();
        for pid in wanted {
            assert!(cache.process(*pid).is_some());
        }
        cache.entries.len()
    };
    assert_eq!(round(&[1, 2, 3]), 3);
    assert_eq!(round(&[1]), 3);
    assert_eq!(round(&[1, 2]), 2);
    assert_eq!(round(&[]), 2);
    assert_eq!(round(&[]), 0);
    // Who is asked for between two rounds is wanted.
    name(&mut cache, 3);
    cache.begin();
    cache.forget_unwanted();
    assert_eq!(cache.entries.len(), 1);
}

#[test]
fn services_of_one_process_are_told_apart_and_named_once() {
    let mut cache = cache(10);
    cache.lookup.start(7, 100, "svchost.exe");
    cache.lookup.services.extend([((7, 1), "Dnscache"), ((7, 2), "RpcSs")]);
    for _ in 0..3 {
        assert_eq!(module(&mut cache, 7, 1).unwrap(), "Dnscache");
        assert_eq!(module(&mut cache, 7, 2).unwrap(), "RpcSs");
    }
    assert_eq!(cache.lookup.named, 2);
}

#[test]
fn a_module_that_is_not_named_is_the_process_until_it_is() {
    let mut cache = cache(10);
    cache.lookup.start(7, 100, "svchost.exe");
    cache.begin();
    for _ in 0..3 {
        assert_eq!(cache.module(&row(7, 1)).unwrap().name(), "svchost.exe");
    }
    assert_eq!(cache.lookup.named, 1);
    cache.lookup.services.insert((7, 1), "Dnscache");
    assert_eq!(module(&mut cache, 7, 1).unwrap(), "Dnscache");
}

#[test]
fn the_modules_of_a_process_are_bounded() {
    let mut cache = cache(10);
    cache.lookup.start(7, 100, "svchost.exe");
    for tag in 0..1000 {
        assert!(module(&mut cache, 7, tag).is_some());
        cache.lookup.services.insert((7, tag + 1), "x");
        assert!(cache.entries[&7].modules.len() <= MODULES);
    }
    assert_eq!(cache.entries[&7].modules.len(), MODULES);
}

#[test]
fn nobodys_socket_has_no_module() {
    let mut cache = cache(10);
    assert_eq!(cache.module(&row(0, 1)), None);
    assert_eq!(cache.module(&row(u32::MAX, 1)), None);
    assert_eq!(cache.lookup.described, 0);
}
