//! Restricted environments: no descriptors, no permission, no sock_diag, no IPv6, no loopback, no `/proc`.
//!
//! Each restriction applies to a child, which is this program run again, so that other tests are not affected. A test
//! that needs root prints that it is skipped if it runs without.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::net::{Ipv6Addr, TcpListener};
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
use tcp6::os::linux::OwnerModuleRowExt;
use tcp6::{BasicRow, Buffer, Error, Owner, OwnerModuleRow, OwnerPidRow, Query, State, System};

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
        Ok("another namespace") => another_namespace(),
        Ok("another pid namespace") => another_pid_namespace(),
        Ok("inside another pid namespace") => inside_another_pid_namespace(),
        Ok("a small hash") => a_small_hash(),
        Ok("no right to trace") => no_right_to_trace(),
        Ok("no proc") => no_proc(),
        Ok("hidepid") => hidepid(),
        Ok("an old proc") => an_old_proc(),
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

fn is_root() -> bool {
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
    let owner = |system: &mut System| {
        let mut buffer = Buffer::new();
        let table = system.table::<OwnerPidRow>(&Query::all(), &mut buffer).unwrap();
        table.iter().find(|row| row.is_listener() && row.local() == own.listening()).unwrap().owner()
    };
    let this = Owner::Process(std::process::id());
    let (mut fresh, mut used) = (System::new().unwrap(), System::new().unwrap());
    assert_eq!(owner(&mut used), this);
    let limit = Rlimit { current: Some(3), maximum: Some(1024) };
    setrlimit(Resource::Nofile, limit).unwrap();
    let error = System::new().unwrap_err();
    assert_eq!(error.raw_os_error(), Some(24), "EMFILE: {error}");
    // A `System` that is open still reads tables and keeps known owners. Finding other owners takes descriptors.
    assert_eq!(owner(&mut used), this);
    assert_eq!(owner(&mut fresh), Owner::Unresolved);
    // With free descriptors, the owners are found again.
    setrlimit(Resource::Nofile, Rlimit { current: Some(1024), ..limit }).unwrap();
    assert_eq!(owner(&mut used), this);
    assert_eq!(owner(&mut fresh), this);
    // One descriptor is free, which is enough for the socket but not for /proc.
    let free = File::open("/dev/null").unwrap().as_raw_fd() as u64;
    setrlimit(Resource::Nofile, Rlimit { current: Some(free + 1), ..limit }).unwrap();
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
}

filtered_test!(reads_proc_net_if_dumps_are_refused, "no dumps");

fn no_dumps() {
    let own = Loopback::open();
    let shows = |system: &mut System| listeners(system).iter().any(|row| row.local() == own.listening());
    let mut before = System::new().unwrap();
    assert!(shows(&mut before));
    assert_eq!(before.calls(), 1);
    refuse(SYS_SENDTO, EPERM);
    // The netlink socket can be opened, but requests are refused. After one attempt, only /proc is read.
    let mut after = System::new().unwrap();
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
    enter_net_namespace();
    refuse_sockets(AF_INET6, EAFNOSUPPORT);
    let mut system = System::new().unwrap();
    let result = system.table::<BasicRow>(&Query::all(), &mut Buffer::new()).map(|table| table.len());
    assert!(matches!(result, Err(Error::NotSupported)), "{result:?}");
}

/// Moves the calling thread to a new network namespace. It has no sockets, and its loopback is down.
fn enter_net_namespace() {
    #[allow(unsafe_code)]
    // SAFETY: no file descriptor table is unshared, which is what makes this call unsafe.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.unwrap();
}

#[test]
fn a_system_reads_the_namespace_in_which_it_was_created() {
    in_child("another namespace");
}

fn another_namespace() {
    if !is_root() {
        return eprintln!("skipped: creating a network namespace needs root");
    }
    let own = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
    let local = v6(own.local_addr().unwrap());
    let shows = |system: &mut System| listeners(system).iter().any(|row| row.local() == local);
    let mut outer = System::new().unwrap();
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            enter_net_namespace();
            let mut inner = System::new().unwrap();
            // The table is empty, which is not an error, although the loopback is down.
            assert!(listeners(&mut inner).is_empty());
            assert!(shows(&mut outer), "the outer system reads its own namespace in any thread");
            inner
        });
        let mut inner = thread.join().unwrap();
        assert!(!shows(&mut inner));
        assert!(shows(&mut System::new().unwrap()));
    });
}

#[test]
fn owners_are_the_pids_of_the_mounted_proc() {
    in_child("another pid namespace");
}

/// Runs a child in a new pid namespace, with the `/proc` of the outer pid namespace.
fn another_pid_namespace() {
    if !is_root() {
        return eprintln!("skipped: creating a pid namespace needs root");
    }
    #[allow(unsafe_code)]
    // SAFETY: no file descriptor table is unshared, which is what makes this call unsafe.
    unsafe { unshare_unsafe(UnshareFlags::NEWPID) }.unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "trouble::restricted_child", "--nocapture"]);
    command.env(TROUBLE, "inside another pid namespace").stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // The child cannot read its outer pid itself.
    writeln!(child.stdin.take().unwrap(), "{}", child.id()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn inside_another_pid_namespace() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    let this = Owner::Process(line.trim().parse().unwrap());
    assert_ne!(this, Owner::Process(std::process::id()));
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let (mut open, mut files) = (Vec::<Loopback>::new(), Vec::new());
    for _ in 0..10 {
        open.push(Loopback::open());
        let table = system.table::<OwnerPidRow>(&Query::all(), &mut buffer).unwrap();
        for own in &open {
            let (listening, calling) = (own.listening(), own.calling());
            for ends in [(listening, None), (calling, Some(listening)), (listening, Some(calling))] {
                let rows = table.iter().filter(|row| (row.local(), row.remote()) == ends);
                assert_eq!(rows.map(|row| row.owner()).collect::<Vec<_>>(), [this], "{ends:?}");
            }
        }
        // The next sockets reuse the descriptors of these.
        open.drain(..open.len() / 2).for_each(drop);
        files.push(File::open("/dev/null").unwrap());
    }
}

#[test]
fn lists_sockets_that_a_dump_skips() {
    in_child("a small hash");
}

/// Reads the table while connections close, with a small hash table of connections in the kernel.
///
/// With long hash chains, the kernel skips sockets in one of every few dumps.
fn a_small_hash() {
    if !is_root() {
        return eprintln!("skipped: creating a network namespace needs root");
    }
    // The sysctl sets the hash size of child namespaces.
    enter_net_namespace();
    if let Err(error) = std::fs::write("/proc/sys/net/ipv4/tcp_child_ehash_entries", "16") {
        return eprintln!("skipped: setting the hash size failed: {error}");
    }
    enter_net_namespace();
    match Command::new("ip").args(["link", "set", "lo", "up"]).status() {
        Ok(status) if status.success() => {}
        other => return eprintln!("skipped: ip link set lo up: {other:?}"),
    }
    // With few client ports, new connections replace those in TIME-WAIT.
    std::fs::write("/proc/sys/net/ipv4/ip_local_port_range", "20000 20999").unwrap();
    // The default limit of sockets in TIME-WAIT is half the number of hash chains.
    std::fs::write("/proc/sys/net/ipv4/tcp_max_tw_buckets", "4096").unwrap();
    let listener = listener();
    let stable: Vec<_> = (0..200).map(|_| connect(&listener)).collect();
    let port = listener.local_addr().unwrap().port();
    let churn_listener = self::listener();
    let end = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut open = VecDeque::new();
            for number in 0.. {
                if end.load(Ordering::Relaxed) {
                    break;
                }
                open.push_back(connect(&churn_listener));
                if open.len() > 100 {
                    let (client, server) = open.pop_front().unwrap();
                    if number % 2 == 0 {
                        reset(client);
                    } else {
                        // The server side stays in TIME-WAIT. The port of the client is free again.
                        drop(server);
                    }
                }
            }
        });
        let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
        let start = Instant::now();
        let mut tables = Vec::new();
        let mut max_time_wait = 0;
        while start.elapsed() < Duration::from_secs(1) {
            let table = system.table::<OwnerModuleRow>(&Query::all(), &mut buffer).unwrap();
            let is_stable = |row: &&OwnerModuleRow| {
                row.local().port() == port || row.remote().is_some_and(|end| end.port() == port)
            };
            let mut cookies: Vec<_> = table.iter().filter_map(|row| row.socket_info().unwrap().cookie).collect();
            assert_eq!(cookies.len(), table.len());
            cookies.sort_unstable();
            let duplicates = cookies.windows(2).filter(|pair| pair[0] == pair[1]).count();
            tables.push((duplicates, table.iter().filter(is_stable).count()));
            max_time_wait = max_time_wait.max(table.iter().filter(|row| row.state() == State::TimeWait).count());
        }
        end.store(true, Ordering::Relaxed);
        assert!(max_time_wait > 100, "{max_time_wait} in TIME-WAIT");
        // The first table cannot be reconciled with an earlier one, so rows may be missing.
        assert_eq!(tables[0].0, 0, "duplicates");
        for table in &tables[1..] {
            assert_eq!(*table, (0, 1 + 2 * stable.len()), "(duplicates, rows of stable sockets)");
        }
    });
}

/// Moves the calling thread to a new mount namespace.
fn enter_mount_namespace() {
    #[allow(unsafe_code)]
    // SAFETY: no file descriptor table is unshared, which is what makes this call unsafe.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }.unwrap();
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
}

filtered_test!(owners_are_unresolved_without_proc, "no proc");

fn no_proc() {
    if !is_root() {
        return eprintln!("skipped: creating a mount namespace needs root");
    }
    enter_mount_namespace();
    // An empty file system hides /proc, which cannot be unmounted while this program uses it.
    mount("none", "/proc", "tmpfs", MountFlags::empty(), None).unwrap();
    let own = Loopback::open();
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let table = system.table::<OwnerPidRow>(&Query::all(), &mut buffer).unwrap();
    let row = table.iter().find(|row| row.is_listener() && row.local() == own.listening()).unwrap();
    assert_eq!(row.owner(), Owner::Unresolved);
    let counts = system.owner_counts();
    assert_eq!((counts.processes, counts.owned), (0, 0));
    assert!(counts.unresolved >= 3);
    // If sock_diag is refused too, the missing file is an error.
    refuse_sockets(AF_NETLINK, EACCES);
    let error = System::new().unwrap_err();
    assert!(error.to_string().contains("/proc/thread-self/net/tcp6"), "{error}");
    // Without IPv6, the kernel has no such file, so the error is NotSupported.
    refuse_sockets(AF_INET6, EAFNOSUPPORT);
    assert!(matches!(System::new(), Err(Error::NotSupported)));
    unmount("/proc", UnmountFlags::DETACH).unwrap();
}

filtered_test!(reads_proc_net_without_thread_self, "an old proc");

/// Reads a `/proc` without `thread-self`, and one as before Linux 3.17, which has `net` for the first thread only.
fn an_old_proc() {
    if !is_root() {
        return eprintln!("skipped: creating a mount namespace needs root");
    }
    enter_mount_namespace();
    let own = Loopback::open();
    let real = std::env::temp_dir().join(format!("tcp6-proc-{}", std::process::id()));
    let tid = rustix::thread::gettid().as_raw_pid();
    std::fs::create_dir(&real).unwrap();
    mount("proc", &real, "proc", MountFlags::empty(), None).unwrap();
    let link = |file: &str, target: &str| {
        let file = Path::new("/proc").join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(real.join(target), file).unwrap();
    };
    let task = format!("self/task/{tid}");
    refuse_sockets(AF_NETLINK, EACCES);

    mount("none", "/proc", "tmpfs", MountFlags::empty(), None).unwrap();
    link("self", "self");
    let mut system = System::new().unwrap();
    assert!(listeners(&mut system).iter().any(|row| row.local() == own.listening()), "read from self/task/<tid>/net");
    unmount("/proc", UnmountFlags::DETACH).unwrap();

    mount("none", "/proc", "tmpfs", MountFlags::empty(), None).unwrap();
    link("self/net", "self/net");
    link("self/ns", "self/ns");
    link(&format!("{task}/ns"), &format!("{task}/ns"));
    let mut system = System::new().unwrap();
    assert!(listeners(&mut system).iter().any(|row| row.local() == own.listening()), "read from self/net");
    // `self/net` has the wrong table for a thread in another network namespace.
    enter_net_namespace();
    let error = System::new().unwrap_err();
    assert!(error.to_string().contains("/proc/thread-self/net/tcp6"), "{error}");
    unmount("/proc", UnmountFlags::DETACH).unwrap();
    unmount(&real, UnmountFlags::DETACH).unwrap();
    std::fs::remove_dir(&real).unwrap();
}

#[test]
fn root_without_cap_sys_ptrace_reports_refused_processes() {
    in_child("no right to trace");
}

/// Root in a container: it can list the descriptors of other users' processes, but not read their links.
fn no_right_to_trace() {
    if !is_root() {
        return eprintln!("skipped: changing the uid needs root");
    }
    let listener = listener();
    let local = v6(listener.local_addr().unwrap());
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--ignored", "--exact", "process::a_child_that_waits", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(OwnedFd::from(listener))
        .uid(NOBODY)
        .gid(NOBODY);
    let mut holder = match command.spawn() {
        Ok(holder) => holder,
        Err(error) => return eprintln!("skipped: the user nobody cannot run this program: {error}"),
    };
    drop(command);
    let observe = || {
        let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
        let table = system.table::<OwnerPidRow>(&Query::all(), &mut buffer).unwrap();
        let owner = table.iter().find(|row| row.is_listener() && row.local() == local).unwrap().owner();
        (owner, system.owner_counts().refused)
    };
    let mut sets = capabilities(None).unwrap();
    let before = observe();
    let can_trace = sets.effective.contains(CapabilitySet::SYS_PTRACE);
    sets.effective.remove(CapabilitySet::SYS_PTRACE);
    set_capabilities(None, sets).unwrap();
    let after = observe();
    drop(holder.stdin.take());
    holder.wait().unwrap();
    if can_trace {
        assert_eq!(before.0, Owner::Process(holder.id()));
    }
    assert_eq!(after.0, Owner::Unresolved);
    assert!(after.1 > 0, "{} refused", after.1);
}

#[test]
fn hidepid_makes_owners_of_other_users_unresolved() {
    if !is_root() {
        return eprintln!("skipped: creating a mount namespace needs root");
    }
    in_child("hidepid");
}

fn hidepid() {
    let others = Loopback::open();
    enter_mount_namespace();
    mount("proc", "/proc", "proc", MountFlags::empty(), Some(c"hidepid=2")).unwrap();
    // Runs as another user in a child, which has the same mount namespace.
    let mut command = Command::new("/proc/self/exe");
    command
        .args(["--ignored", "--exact", "owners::linux::an_unprivileged_child", "--nocapture"])
        .env("TCP6_OWNERS_TASK", others.listening().to_string())
        .env("TCP6_OWNERS_HIDDEN", "1")
        .uid(NOBODY)
        .gid(NOBODY);
    match command.output() {
        Ok(output) => assert!(output.status.success(), "{output:?}"),
        Err(error) => eprintln!("skipped: the user nobody cannot run this program: {error}"),
    }
    drop(File::open("/proc/self/stat").unwrap());
}
