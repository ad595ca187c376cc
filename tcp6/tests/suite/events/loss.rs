//! Lost events, and the thread that avoids them.

use std::mem;

use super::*;

pub fn all() {
    lost_events_are_counted();
    a_receive_buffer_holds_what_is_documented();
    a_thread_receives_events();
}

/// Creates and destroys sockets. Each makes one event.
fn destroy(sockets: usize) {
    for _ in 0..sockets {
        drop(Socket::new(Domain::IPV6, Type::STREAM, None).unwrap());
    }
}

fn lost_events_are_counted() {
    for (sockets, options) in [(2_000, EventOptions::new().receive_buffer(1)), (5_000, EventOptions::new())] {
        let is_small = options.wanted_receive_buffer() == 1;
        let mut watched = Watched::of(Watcher::<BasicRow, _>::new(System::new().unwrap()), &options);
        let mut seen = Seen::new();
        for _ in 0..3 {
            destroy(sockets);
            eventually("all events", || {
                watched.poll(&mut seen);
                seen.events() as usize % sockets == 0 && seen.events() > 0
            });
        }
        settle();
        watched.poll(&mut seen);
        assert_eq!(seen.events() as usize, 3 * sockets, "{options:?}");
        if is_small {
            assert!(seen.missed > 0 && seen.ignored > 0, "{seen:?}");
        } else if rustix::process::geteuid().is_root() {
            assert_eq!(seen.missed, 0);
        }
        assert_eq!(seen.changes.len(), 0);
    }
}

/// The bytes in the receive buffer of the only subscriber of this namespace, and the number of events that did not fit.
fn queue() -> (u64, u64) {
    let text = std::fs::read_to_string("/proc/thread-self/net/netlink").unwrap();
    let mut queues = text.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let number = |index: usize| fields[index].parse().unwrap();
        // NETLINK_SOCK_DIAG, and the mask of SKNLGRP_INET6_TCP_DESTROY.
        (fields[1] == "4" && fields[3] == "00000004").then(|| (number(4), number(8)))
    });
    let queue = queues.next().unwrap();
    assert_eq!(queues.next(), None);
    queue
}

/// The size of an event in the receive buffer, in bytes: that of the documentation, and a half and the double of it for
/// other kernels.
const EVENT: std::ops::RangeInclusive<u64> = 640..=2_560;

fn a_receive_buffer_holds_what_is_documented() {
    for requested in [212_992, 4 << 20, 32 << 20] {
        // Beyond this size it takes CAP_NET_ADMIN.
        let max: usize = std::fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap().trim().parse().unwrap();
        if requested > max && !rustix::process::geteuid().is_root() {
            return;
        }
        let options = EventOptions::new().receive_buffer(requested);
        let mut watched = Watched::of(Watcher::<BasicRow, _>::new(System::new().unwrap()), &options);
        let granted = 2 * requested as u64;
        let created = granted / EVENT.start();
        destroy(created as usize);
        let mut before = queue();
        eventually("all events were sent", || {
            thread::sleep(Duration::from_millis(100));
            mem::replace(&mut before, queue()) == queue()
        });
        let mut seen = Seen::new();
        watched.poll(&mut seen);
        eprintln!("{granted} bytes hold {} events", seen.ignored);
        assert_eq!((seen.events(), seen.missed), (created, before.1));
        assert!(EVENT.contains(&(granted / seen.ignored)), "{granted} bytes hold {} events", seen.ignored);
    }
}

fn a_thread_receives_events() {
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let before = threads();
    let options = EventOptions::new().thread(true);
    let mut watched = Watched::of(Watcher::<BasicRow, _>::new(System::new().unwrap()), &options);
    assert_eq!(threads(), before + 1);
    let mut seen = Seen::new();
    // More than fit into a receive buffer without privileges, with pauses in which the thread can receive them.
    for _ in 0..30 {
        destroy(100);
        thread::sleep(Duration::from_millis(2));
    }
    settle();
    watched.poll(&mut seen);
    assert_eq!(seen.events(), 3_000);
    drop(watched);
    assert_eq!(threads(), before, "the thread has ended");
}
