//! Restricted environments: no descriptors, no permission, no sock_diag, no IPv6, no loopback, no `/proc`.
//!
//! Each restriction applies to a child, which is this program run again, so that other tests are not affected. A test
//! that needs root prints that it is skipped if it runs without.

pub mod namespaces;
mod proc;

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::net::{Ipv6Addr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};
use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::thread::{CapabilitySet, UnshareFlags, capabilities, set_capabilities, unshare_unsafe};
use tcp6::os::linux::{OwnerModuleRowExt, StatsExt, SystemExt};
use tcp6::{BasicRow, Buffer, Error, Owner, OwnerModuleRow, OwnerPidRow, Query, State, Stats, StatsKinds, System};

use crate::seccomp::{
    AF_INET6, AF_NETLINK, EACCES, EAFNOSUPPORT, EAGAIN, EMFILE, EPERM, SYS_CLONE, SYS_CLONE3, SYS_SENDTO, refuse,
    refuse_sockets,
};
use crate::support::{Loopback, connect, listener, reset, same_end, v6};

/// The environment variable with the restriction of a child.
const TROUBLE: &str = "TCP6_TROUBLE";

/// The uid and gid of the user nobody.
const NOBODY: u32 = 65_534;

/// Runs the test of this restriction in a child.
fn in_child(trouble: &str) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "trouble::restricted_child", "--nocapture"]).env(TROUBLE, trouble);
    match command.output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{trouble}: {text}");
            if let Some(skipped) = text.lines().find(|line| line.contains("skipped:")) {
                eprintln!("{skipped}");
            }
        }
        Err(error) => eprintln!("skipped: starting the child failed: {error}"),
    }
}

#[test]
#[ignore = "not a test: the main function of a restricted child"]
fn restricted_child() {
    match std::env::var(TROUBLE).as_deref() {
        Ok("no descriptors") => no_descriptors(),
        Ok("no descriptor for sock_diag") => no_descriptor_for_sock_diag(),
        Ok("no threads") => no_threads(),
        Ok("no sock_diag") => no_sock_diag(),
        Ok("no dumps") => no_dumps(),
        Ok("no ipv6") => no_ipv6(),
        Ok("another namespace") => namespaces::another_namespace(),
        Ok("another pid namespace") => namespaces::another_pid_namespace(),
        Ok("inside another pid namespace") => namespaces::inside_another_pid_namespace(),
        Ok("a late refusal in another namespace") => namespaces::a_late_refusal_in_another_namespace(),
        Ok("a small hash") => namespaces::a_small_hash(),
        Ok("no right to trace") => proc::no_right_to_trace(),
        Ok("no proc") => proc::no_proc(),
        Ok("hidepid") => proc::hidepid(),
        Ok("an old proc") => proc::an_old_proc(),
        Ok(other) => panic!("{other}"),
        Err(_) => {}
    }
}

/// Defines a test whose restriction is a seccomp filter.
macro_rules! filtered_test {
    ($name:ident, $trouble:literal) => {
        #[test]
        #[cfg_attr(
            not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")),
            ignore = "seccompiler does not support this architecture"
        )]
        fn $name() {
            in_child($trouble);
        }
    };
}

use filtered_test;

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn listeners(system: &mut System) -> Vec<BasicRow> {
    let mut buffer = Buffer::new();
    system.table::<BasicRow>(&Query::listeners(), &mut buffer).unwrap().to_vec()
}

#[test]
fn new_fails_without_descriptors_and_open_systems_continue() {
    in_child("no descriptors");
}

fn no_descriptors() {
    let own = Loopback::open();
    let mut system = System::new().unwrap();
    let mut owner = || {
        let mut buffer = Buffer::new();
        let table = system.table::<OwnerPidRow>(&Query::all(), &mut buffer).unwrap();
        table.iter().find(|row| row.is_listener() && row.local() == own.listening()).unwrap().owner()
    };
    let this = Owner::Process(std::process::id());
    let some = Rlimit { current: Some(1024), maximum: Some(1024) };
    let none = Rlimit { current: Some(3), ..some };
    // A `System` that is open still reads tables. Listing processes takes descriptors.
    setrlimit(Resource::Nofile, none).unwrap();
    let error = System::new().unwrap_err();
    assert_eq!(error.raw_os_error(), Some(24), "EMFILE: {error}");
    assert_eq!(owner(), Owner::Unresolved);
    setrlimit(Resource::Nofile, some).unwrap();
    assert_eq!(owner(), this);
    // Known owners are kept.
    setrlimit(Resource::Nofile, none).unwrap();
    assert_eq!(owner(), this);
    setrlimit(Resource::Nofile, some).unwrap();
    assert_eq!(owner(), this);
    // One descriptor is free, which is enough for the socket but not for /proc.
    let free = File::open("/dev/null").unwrap().as_raw_fd() as u64;
    setrlimit(Resource::Nofile, Rlimit { current: Some(free + 1), ..some }).unwrap();
    let error = System::new().unwrap_err();
    assert_eq!(error.raw_os_error(), Some(24), "EMFILE: {error}");
}

filtered_test!(emfile_for_the_sock_diag_socket_is_an_error, "no descriptor for sock_diag");

/// EMFILE is reported. `/proc/net/tcp6` is only read if sock_diag is refused.
fn no_descriptor_for_sock_diag() {
    refuse_sockets(AF_NETLINK, EMFILE);
    let error = System::new().unwrap_err();
    assert_eq!(error.raw_os_error(), Some(24), "EMFILE: {error}");
}

filtered_test!(finds_owners_if_threads_cannot_be_started, "no threads");

fn no_threads() {
    let own = Loopback::open();
    let mut buffer = Buffer::new();
    let mut owner = || {
        let mut system = System::new().unwrap();
        let table = system.table::<OwnerPidRow>(&Query::all(), &mut buffer).unwrap();
        table.iter().find(|row| row.is_listener() && row.local() == own.listening()).unwrap().owner()
    };
    refuse(SYS_CLONE, EAGAIN);
    refuse(SYS_CLONE3, EAGAIN);
    assert!(thread::Builder::new().spawn(|| ()).is_err());
    assert_eq!(owner(), Owner::Process(std::process::id()));
    // This number of descriptors would be read by several threads.
    let Ok(()) = setrlimit(Resource::Nofile, Rlimit { current: Some(6_000), maximum: Some(6_000) }) else {
        return eprintln!("skipped: the descriptor limit cannot be set to 6,000");
    };
    let zero = File::open("/dev/zero").unwrap();
    let _many: Vec<File> = (0..5_000).map(|_| zero.try_clone().unwrap()).collect();
    assert_eq!(owner(), Owner::Process(std::process::id()));
}

filtered_test!(reads_proc_net_if_sock_diag_is_refused, "no sock_diag");

fn no_sock_diag() {
    let own = Loopback::open();
    let _waiting = fill_queues(&own);
    let mut before = System::new().unwrap();
    refuse_sockets(AF_NETLINK, EACCES);
    let mut after = System::new().unwrap();
    let (from_dump, from_proc) = (listeners(&mut before), listeners(&mut after));
    assert!(from_proc.iter().any(|row| row.local() == own.listening()));
    for row in &from_dump {
        assert!(from_proc.iter().any(|other| same_end(other.local(), row.local())), "{row:?}");
    }
    let mut buffer = Buffer::new();
    let table = after.table::<OwnerPidRow>(&Query::all(), &mut buffer).unwrap();
    let owner = table.iter().find(|row| row.local() == own.listening()).unwrap().owner();
    assert_eq!(owner, Owner::Process(std::process::id()));
    only_the_queues_are_known(&mut after, &own);
}

/// Leaves 300 bytes unread, and a connection in the queue of the listener.
fn fill_queues(own: &Loopback) -> TcpStream {
    (&own.client).write_all(&[7; 300]).unwrap();
    TcpStream::connect(own.listening()).unwrap()
}

/// The text has queues, timers and uids, and no other statistics.
fn only_the_queues_are_known(system: &mut System, own: &Loopback) {
    let (mut buffer, mut stats) = (Buffer::new(), Stats::new().request(StatsKinds::all()));
    let table = system.table_with_stats::<BasicRow>(&Query::all(), &mut buffer, &mut stats).unwrap();
    let row = |local, remote| table.find(local, remote).next().unwrap();
    let (server, listener) = (row(own.listening(), Some(own.calling())), row(own.listening(), None));
    let open = stats.of(server).unwrap();
    assert_eq!((open.unread_bytes, open.send_queue_bytes, open.bytes_received), (Some(300), Some(0), None));
    assert_eq!((stats.tcp_info(server), stats.algorithm(server), stats.memory(server)), (None, None, None));
    assert_eq!(stats.uid(server), Some(rustix::process::geteuid().as_raw()));
    let queue = stats.of(listener).unwrap();
    assert_eq!((queue.accept_queue, queue.backlog), (Some(1), None));
}

filtered_test!(reads_proc_net_if_dumps_are_refused, "no dumps");

fn no_dumps() {
    let own = Loopback::open();
    let shows = |system: &mut System| listeners(system).iter().any(|row| row.local() == own.listening());
    let mut before = System::new().unwrap();
    assert!(shows(&mut before));
    assert_eq!(before.calls(), 1);
    let _waiting = fill_queues(&own);
    refuse(SYS_SENDTO, EPERM);
    // The netlink socket can be opened, but requests are refused. After one attempt, only /proc is read.
    let mut after = System::new().unwrap();
    let mut refused = System::new().unwrap();
    only_the_queues_are_known(&mut refused, &own);
    for (system, calls) in [(&mut before, 1), (&mut after, 0)] {
        assert!(shows(system));
        assert_eq!(system.calls(), calls + 2);
        assert!(shows(system));
        assert_eq!(system.calls(), calls + 3);
    }
}

filtered_test!(no_ipv6_is_an_error_and_not_an_empty_table, "no ipv6");

/// Emulates a kernel without IPv6: an empty network namespace, and a filter that refuses IPv6 sockets.
fn no_ipv6() {
    if !is_root() {
        return eprintln!("skipped: creating a network namespace needs root");
    }
    namespaces::enter_net_namespace();
    refuse_sockets(AF_INET6, EAFNOSUPPORT);
    let mut system = System::new().unwrap();
    let result = system.table::<BasicRow>(&Query::all(), &mut Buffer::new()).map(|table| table.len());
    assert!(matches!(result, Err(Error::NotSupported)), "{result:?}");
}
