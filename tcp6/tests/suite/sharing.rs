//! The systems of a process share what they have read of processes, unless they see different processes.
//!
//! The witness is a process without free descriptors: it cannot read `/proc`, so that an owner is known only if it has
//! been read before.

use std::io;
use std::net::{Ipv6Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::fs::stat;
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::process::{Resource, Rlimit, Signal, Uid, getrlimit, set_parent_process_death_signal, setrlimit};
use rustix::thread::{UnshareFlags, set_thread_res_uid};
use tcp6::{Buffer, Owner, OwnerPidRow, Query, System};

use crate::namespaces::{Sleeper, is_root, unshare};
use crate::support::{by_itself, listener};

/// The user nobody.
const NOBODY: u32 = 65_534;

/// Opens a system that shares nothing with others: in a thread whose `/proc` is a file system of its own.
///
/// Needs root.
pub fn apart() -> System {
    let open = || {
        unshare(UnshareFlags::NEWNS);
        mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
        let before = stat("/proc").unwrap().st_dev;
        mount("proc", "/proc", "proc", MountFlags::empty(), None).unwrap();
        assert_ne!(stat("/proc").unwrap().st_dev, before, "before Linux 5.8, all mounts of /proc have one device");
        System::new().unwrap()
    };
    thread::spawn(open).join().unwrap()
}

/// The owner of the listener on this port.
fn owner_of(system: &mut System, port: u16) -> Owner {
    let mut buffer = Buffer::new();
    let table = system.table::<OwnerPidRow>(&Query::listeners().port(port), &mut buffer).unwrap();
    let [row] = table[..] else { panic!("{} listeners on port {port}", table.len()) };
    row.owner()
}

fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().unwrap().port()
}

fn owner(system: &mut System, listener: &TcpListener) -> Owner {
    owner_of(system, port(listener))
}

fn this_process() -> Owner {
    Owner::Process(std::process::id())
}

/// Calls `run` while no descriptor is free.
fn without_descriptors<T>(run: impl FnOnce() -> T) -> T {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(3), ..limit }).unwrap();
    let result = run();
    setrlimit(Resource::Nofile, limit).unwrap();
    result
}

#[test]
fn descriptors_are_read_once_for_all_systems() {
    by_itself("sharing::descriptors_are_read_once_for_all_systems", || {
        let held = listener();
        let mut systems = [System::new().unwrap(), thread::spawn(|| System::new().unwrap()).join().unwrap()];
        assert_eq!(owner(&mut systems[0], &held), this_process());
        assert_eq!(without_descriptors(|| owner(&mut systems[1], &held)), this_process());
        // What is known is forgotten with the last system.
        drop(systems);
        let mut later = System::new().unwrap();
        assert_eq!(without_descriptors(|| owner(&mut later, &held)), Owner::Unresolved);
        assert_eq!(owner(&mut later, &held), this_process());
    });
}

#[test]
fn another_proc_is_read_for_itself() {
    by_itself("sharing::another_proc_is_read_for_itself", || {
        if !is_root() {
            return;
        }
        let (held, mut here, mut there) = (listener(), System::new().unwrap(), apart());
        assert_eq!(owner(&mut here, &held), this_process());
        assert_eq!(without_descriptors(|| owner(&mut there, &held)), Owner::Unresolved);
        assert_eq!(owner(&mut there, &held), this_process());
    });
}

#[test]
fn another_user_reads_for_itself() {
    by_itself("sharing::another_user_reads_for_itself", || {
        if !is_root() {
            return;
        }
        let held = listener();
        let port = port(&held);
        fcntl_setfd(&held, FdFlags::empty()).unwrap();
        let sleeper = Sleeper(Command::new("sleep").arg("86400").spawn().unwrap());
        drop(held);
        let sleeps = Owner::Process(sleeper.pid());
        let mut ours = System::new().unwrap();
        assert_eq!(owner_of(&mut ours, port), sleeps);
        let as_nobody = move || {
            let nobody = Uid::from_raw(NOBODY);
            set_thread_res_uid(nobody, nobody, nobody).unwrap();
            let mut theirs = System::new().unwrap();
            let without = without_descriptors(|| owner_of(&mut theirs, port));
            (without, owner_of(&mut theirs, port), theirs.owner_counts().refused > 0)
        };
        assert_eq!(thread::spawn(as_nobody).join().unwrap(), (Owner::Unresolved, Owner::Unresolved, true));
        assert_eq!(owner_of(&mut ours, port), sleeps);
    });
}

#[test]
fn threads_with_systems_of_their_own_find_new_owners() {
    by_itself("sharing::threads_with_systems_of_their_own_find_new_owners", || {
        let poll = || {
            let mut system = System::new().unwrap();
            for round in 0..200 {
                let held = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
                assert_eq!(owner(&mut system, &held), this_process(), "{round}");
                if round % 50 == 0 {
                    system = System::new().unwrap();
                }
            }
        };
        thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(poll))));
    });
}

/// The number of forks.
const FORKS: usize = 200;

/// How long a fork may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A child has the locks of its parent in the state in which other threads had them.
#[test]
fn a_forked_child_has_tables_of_its_own() {
    by_itself("sharing::a_forked_child_has_tables_of_its_own", || {
        let (held, end) = (listener(), AtomicBool::new(false));
        let mut kept = System::new().unwrap();
        owner(&mut kept, &held);
        thread::scope(|scope| {
            let churn = || {
                while !end.load(Ordering::Relaxed) {
                    System::new().unwrap();
                }
            };
            (0..2).for_each(|_| drop(scope.spawn(churn)));
            // A child that waits for a lock would keep `spawn` from returning.
            let (done, forks) = mpsc::channel::<()>();
            scope.spawn(move || {
                let mut fork = Ok(());
                while fork.is_ok() {
                    fork = forks.recv_timeout(TIMEOUT);
                }
                if fork == Err(RecvTimeoutError::Timeout) {
                    eprintln!("a forked child hangs");
                    std::process::abort();
                }
            });
            for fork in 0..FORKS {
                let port = port(&held);
                let in_child = move || {
                    set_parent_process_death_signal(Some(Signal::KILL))?;
                    let mut system = System::new().map_err(io::Error::other)?;
                    let lowest = Owner::Process(std::process::id().min(std::os::unix::process::parent_id()));
                    let seen = owner_of(&mut system, port);
                    if seen == lowest { Ok(()) } else { Err(io::Error::other("wrong owner")) }
                };
                let mut command = Command::new("true");
                #[allow(unsafe_code)]
                // SAFETY: after a fork, glibc lets a child allocate memory, and `in_child` takes locks of this crate
                // only, which is what the test is about.
                unsafe {
                    command.pre_exec(in_child)
                };
                let status = command.status().unwrap_or_else(|error| panic!("fork {fork}: {error}"));
                assert!(status.success(), "fork {fork}: {status}");
                done.send(()).unwrap();
            }
            drop(done);
            end.store(true, Ordering::Relaxed);
        });
    });
}
