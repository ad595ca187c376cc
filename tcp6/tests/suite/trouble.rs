//! A machine in trouble: no descriptors, no permission, no sock_diag, no IPv6, no loopback, no `/proc`.
//!
//! Each trouble is made for a child, which is this program run again, so that it troubles nobody else. Where making it
//! takes root and there is none, the test says that it was skipped.

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

const TROUBLE: &str = "TCP6_TROUBLE";
const NOBODY: u32 = 65_534;

/// Runs this test again in a child that has the trouble.
fn in_trouble(trouble: &str) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "trouble::a_child_in_trouble", "--nocapture"]).env(TROUBLE, trouble);
    match command.output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{trouble}: {said}");
            if let Some(skipped) = said.lines().find(|line| line.contains("skipped:")) {
                eprintln!("{skipped}");
            }
        }
        Err(error) => eprintln!("skipped: this program cannot be run so: {error}"),
    }
}

#[test]
#[ignore = "not a test: what a child in trouble does"]
fn a_child_in_trouble() {
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

/// A test in a child that has the trouble, made by a filter for system calls.
macro_rules! filtered_test {
    ($name:ident, $trouble:literal) => {
        #[test]
        #[cfg_attr(
            not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")),
            ignore = "seccompiler makes no filters for this architecture"
        )]
        fn $name() {
            in_trouble($trouble);
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
fn without_descriptors_there_is_an_error_and_afterwards_a_table() {
    in_trouble("no descriptors");
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
    // One that has its socket goes on. It knows the owners that it knew; finding others takes descriptors.
    assert_eq!(owner(&mut used), this);
    assert_eq!(owner(&mut fresh), Owner::Unresolved);
    // When there are some again, so are the owners.
    setrlimit(Resource::Nofile, Rlimit { current: Some(1024), ..limit }).unwrap();
    assert_eq!(owner(&mut used), this);
    assert_eq!(owner(&mut fresh), this);
    // Room for the socket, and none for /proc.
    let free = File::open("/dev/null").unwrap().as_raw_fd() as u64;
    setrlimit(Resource::Nofile, Rlimit { current: Some(free + 1), ..limit }).unwrap();
    let error = System::new().unwrap_err();
    assert_eq!(error.raw_os_error(), Some(24), "EMFILE: {error}");
}

filtered_test!(without_a_descriptor_for_sock_diag_the_text_is_not_read_instead, "no descriptor for sock_diag");

/// The text could be read; but sock_diag is not refused, and whoever has no descriptors has to be told.
fn no_descriptor_for_sock_diag() {
    refuse_sockets(AF_NETLINK, EMFILE);
    let error = System::new().unwrap_err();
    assert_eq!(error.raw_os_error(), Some(24), "EMFILE: {error}");
}

filtered_test!(without_threads_owners_are_found_by_the_one_that_there_is, "no threads");

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
    // And where there is so much to be read that threads would share it.
    let Ok(()) = setrlimit(Resource::Nofile, Rlimit { current: Some(6_000), maximum: Some(6_000) }) else {
        return eprintln!("skipped: 6,000 descriptors are too many");
    };
    let zero = File::open("/dev/zero").unwrap();
    let _many: Vec<File> = (0..5_000).map(|_| zero.try_clone().unwrap()).collect();
    assert_eq!(owner(), Owner::Process(std::process::id()));
}

filtered_test!(where_sock_diag_is_refused_the_text_is_read, "no sock_diag");

fn no_sock_diag() {
    let own = Loopback::open();
    let mut before = System::new().unwrap();
    refuse_sockets(AF_NETLINK, EACCES);
    let mut after = System::new().unwrap();
    let (by_dump, by_text) = (listeners(&mut before), listeners(&mut after));
    assert!(by_text.iter().any(|row| row.local() == own.listening()));
    for row in &by_dump {
        assert!(by_text.iter().any(|other| same_end(other.local(), row.local())), "{row:?}");
    }
    let mut buffer = Buffer::new();
    let table = after.table::<OwnerPidRow>(&Query::all(), &mut buffer).unwrap();
    let owner = table.iter().find(|row| row.local() == own.listening()).unwrap().owner();
    assert_eq!(owner, Owner::Process(std::process::id()));
}

filtered_test!(where_dumps_are_refused_the_text_is_read, "no dumps");

fn no_dumps() {
    let own = Loopback::open();
    let shows = |system: &mut System| listeners(system).iter().any(|row| row.local() == own.listening());
    let mut before = System::new().unwrap();
    assert!(shows(&mut before));
    assert_eq!(before.calls(), 1);
    refuse(SYS_SENDTO, EPERM);
    // The socket is had or can be made, but nothing can be asked. That is tried once.
    let mut after = System::new().unwrap();
    for (system, calls) in [(&mut before, 1), (&mut after, 0)] {
        assert!(shows(system));
        assert_eq!(system.calls(), calls + 2);
        assert!(shows(system));
        assert_eq!(system.calls(), calls + 3);
    }
}

filtered_test!(without_ipv6_there_is_no_table_rather_than_an_empty_one, "no ipv6");

/// A kernel without IPv6 has no sockets of it, and makes none. The first is had in a namespace of one's own.
fn no_ipv6() {
    if !is_root() {
        return eprintln!("skipped: only root can have a network namespace of its own");
    }
    leave_network();
    refuse_sockets(AF_INET6, EAFNOSUPPORT);
    let mut system = System::new().unwrap();
    let answer = system.table::<BasicRow>(&Query::all(), &mut Buffer::new()).map(|table| table.len());
    assert!(matches!(answer, Err(Error::NotSupported)), "{answer:?}");
}

/// Gives the calling thread a network namespace of its own, in which there is nothing, the loopback being down.
fn leave_network() {
    #[allow(unsafe_code)]
    // SAFETY: no file descriptor table is unshared, which is what makes this call unsafe.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.unwrap();
}

#[test]
fn a_system_shows_the_namespace_in_which_it_was_made() {
    in_trouble("another namespace");
}

fn another_namespace() {
    if !is_root() {
        return eprintln!("skipped: only root can have a network namespace of its own");
    }
    let own = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
    let here = v6(own.local_addr().unwrap());
    let shows = |system: &mut System| listeners(system).iter().any(|row| row.local() == here);
    let mut made_before = System::new().unwrap();
    std::thread::scope(|scope| {
        let elsewhere = scope.spawn(|| {
            leave_network();
            let mut made_here = System::new().unwrap();
            // IPv6 without a loopback, without a socket: an empty table, and no error.
            assert!(listeners(&mut made_here).is_empty());
            assert!(shows(&mut made_before), "wherever it is used");
            made_here
        });
        let mut made_elsewhere = elsewhere.join().unwrap();
        assert!(!shows(&mut made_elsewhere));
        assert!(shows(&mut System::new().unwrap()));
    });
}

#[test]
fn pids_are_those_of_proc_in_another_pid_namespace() {
    in_trouble("another pid namespace");
}

/// Runs a child in a pid namespace of its own, which sees the `/proc` of this one.
fn another_pid_namespace() {
    if !is_root() {
        return eprintln!("skipped: only root can have a pid namespace of its own");
    }
    #[allow(unsafe_code)]
    // SAFETY: no file descriptor table is unshared, which is what makes this call unsafe.
    unsafe { unshare_unsafe(UnshareFlags::NEWPID) }.unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "trouble::a_child_in_trouble", "--nocapture"]);
    command.env(TROUBLE, "inside another pid namespace").stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It has no other way to know its pid here.
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
        // The next sockets take numbers of these.
        open.drain(..open.len() / 2).for_each(drop);
        files.push(File::open("/dev/null").unwrap());
    }
}

#[test]
fn where_the_kernel_passes_over_sockets_the_table_has_them() {
    in_trouble("a small hash");
}

/// Where the chains of the kernel's hash are long, and connections end while it goes through them, one dump of a few
/// passes over sockets.
fn a_small_hash() {
    if !is_root() {
        return eprintln!("skipped: only root can have a network namespace of its own");
    }
    // A namespace has a hash of the size that the one before says.
    leave_network();
    if let Err(error) = std::fs::write("/proc/sys/net/ipv4/tcp_child_ehash_entries", "16") {
        return eprintln!("skipped: a namespace has no hash of its own here: {error}");
    }
    leave_network();
    match Command::new("ip").args(["link", "set", "lo", "up"]).status() {
        Ok(status) if status.success() => {}
        other => return eprintln!("skipped: no loopback: {other:?}"),
    }
    // Few ports for clients: a new connection takes the place of one in TIME-WAIT.
    std::fs::write("/proc/sys/net/ipv4/ip_local_port_range", "20000 20999").unwrap();
    // By default half as many can be in TIME-WAIT as the hash has chains.
    std::fs::write("/proc/sys/net/ipv4/tcp_max_tw_buckets", "4096").unwrap();
    let listener = listener();
    let lasting: Vec<_> = (0..200).map(|_| connect(&listener)).collect();
    let here = v6(listener.local_addr().unwrap());
    let others = self::listener();
    let end = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut open = VecDeque::new();
            for number in 0.. {
                if end.load(Ordering::Relaxed) {
                    break;
                }
                open.push_back(connect(&others));
                if open.len() > 100 {
                    let (client, server) = open.pop_front().unwrap();
                    if number % 2 == 0 {
                        reset(client);
                    } else {
                        // Its own side stays in TIME-WAIT, and its port is free for another client.
                        drop(server);
                    }
                }
            }
        });
        let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
        let start = Instant::now();
        let mut tables = Vec::new();
        let mut waiting = 0;
        while start.elapsed() < Duration::from_secs(1) {
            let table = system.table::<OwnerModuleRow>(&Query::all(), &mut buffer).unwrap();
            let is_here = |row: &&OwnerModuleRow| {
                row.local().port() == here.port() || row.remote().is_some_and(|end| end.port() == here.port())
            };
            let mut cookies: Vec<_> = table.iter().filter_map(|row| row.socket_info().unwrap().cookie).collect();
            assert_eq!(cookies.len(), table.len());
            cookies.sort_unstable();
            let doubled = cookies.windows(2).filter(|pair| pair[0] == pair[1]).count();
            tables.push((doubled, table.iter().filter(is_here).count()));
            waiting = waiting.max(table.iter().filter(|row| row.state() == State::TimeWait).count());
        }
        end.store(true, Ordering::Relaxed);
        assert!(waiting > 100, "{waiting} in TIME-WAIT");
        // The first has nothing to be compared with, and may lack rows.
        assert_eq!(tables[0].0, 0, "doubled");
        for table in &tables[1..] {
            assert_eq!(*table, (0, 1 + 2 * lasting.len()), "doubled, and rows of sockets that last");
        }
    });
}

/// Gives this process mounts of its own.
fn leave_mounts() {
    #[allow(unsafe_code)]
    // SAFETY: no file descriptor table is unshared, which is what makes this call unsafe.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }.unwrap();
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
}

filtered_test!(without_proc_there_is_a_table_without_owners, "no proc");

fn no_proc() {
    if !is_root() {
        return eprintln!("skipped: only root can have mounts of its own");
    }
    leave_mounts();
    // Something empty in its place: it cannot be unmounted while this program uses it.
    mount("none", "/proc", "tmpfs", MountFlags::empty(), None).unwrap();
    let own = Loopback::open();
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let table = system.table::<OwnerPidRow>(&Query::all(), &mut buffer).unwrap();
    let row = table.iter().find(|row| row.is_listener() && row.local() == own.listening()).unwrap();
    assert_eq!(row.owner(), Owner::Unresolved);
    let resolution = system.owner_counts();
    assert_eq!((resolution.processes, resolution.owned), (0, 0));
    assert!(resolution.unresolved >= 3);
    // With sock_diag refused as well there is nothing to read, and that is an error.
    refuse_sockets(AF_NETLINK, EACCES);
    let error = System::new().unwrap_err();
    assert!(error.to_string().contains("/proc/thread-self/net/tcp6"), "{error}");
    // But where there is no IPv6 there is no such file.
    refuse_sockets(AF_INET6, EAFNOSUPPORT);
    assert!(matches!(System::new(), Err(Error::NotSupported)));
    unmount("/proc", UnmountFlags::DETACH).unwrap();
}

filtered_test!(before_linux_3_17_the_text_is_found_without_thread_self, "an old proc");

/// A `/proc` without `thread-self` and, as before Linux 3.17, with the text of the first thread's namespace only.
fn an_old_proc() {
    if !is_root() {
        return eprintln!("skipped: only root can have mounts of its own");
    }
    leave_mounts();
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
    assert!(listeners(&mut system).iter().any(|row| row.local() == own.listening()), "by the thread's id");
    unmount("/proc", UnmountFlags::DETACH).unwrap();

    mount("none", "/proc", "tmpfs", MountFlags::empty(), None).unwrap();
    link("self/net", "self/net");
    link("self/ns", "self/ns");
    link(&format!("{task}/ns"), &format!("{task}/ns"));
    let mut system = System::new().unwrap();
    assert!(listeners(&mut system).iter().any(|row| row.local() == own.listening()), "by the first thread");
    // Its text is the wrong one for a thread in another namespace.
    leave_network();
    let error = System::new().unwrap_err();
    assert!(error.to_string().contains("/proc/thread-self/net/tcp6"), "{error}");
    unmount("/proc", UnmountFlags::DETACH).unwrap();
    unmount(&real, UnmountFlags::DETACH).unwrap();
    std::fs::remove_dir(&real).unwrap();
}

#[test]
fn root_that_may_not_trace_is_refused_and_says_so() {
    in_trouble("no right to trace");
}

/// Root in a container: it may list the descriptors of other users' processes, and not read what they are.
fn no_right_to_trace() {
    if !is_root() {
        return eprintln!("skipped: only root can become somebody else");
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
        Err(error) => return eprintln!("skipped: nobody may not run this program: {error}"),
    };
    drop(command);
    let look = || {
        let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
        let table = system.table::<OwnerPidRow>(&Query::all(), &mut buffer).unwrap();
        let owner = table.iter().find(|row| row.is_listener() && row.local() == local).unwrap().owner();
        (owner, system.owner_counts().refused)
    };
    let mut rights = capabilities(None).unwrap();
    let before = look();
    let may_trace = rights.effective.contains(CapabilitySet::SYS_PTRACE);
    rights.effective.remove(CapabilitySet::SYS_PTRACE);
    set_capabilities(None, rights).unwrap();
    let after = look();
    drop(holder.stdin.take());
    holder.wait().unwrap();
    if may_trace {
        assert_eq!(before.0, Owner::Process(holder.id()));
    }
    assert_eq!(after.0, Owner::Unresolved);
    assert!(after.1 > 0, "{} refused", after.1);
}

#[test]
fn where_proc_hides_others_their_sockets_are_unresolved() {
    if !is_root() {
        return eprintln!("skipped: only root can mount");
    }
    in_trouble("hidepid");
}

fn hidepid() {
    let others = Loopback::open();
    leave_mounts();
    mount("proc", "/proc", "proc", MountFlags::empty(), Some(c"hidepid=2")).unwrap();
    // From here on as somebody else, in a process of its own, which sees the same mounts.
    let mut command = Command::new("/proc/self/exe");
    command
        .args(["--ignored", "--exact", "owners::linux::a_look_around_as_nobody", "--nocapture"])
        .env("TCP6_OWNERS_TASK", others.listening().to_string())
        .env("TCP6_OWNERS_HIDDEN", "1")
        .uid(NOBODY)
        .gid(NOBODY);
    match command.output() {
        Ok(output) => assert!(output.status.success(), "{output:?}"),
        Err(error) => eprintln!("skipped: nobody may not run this program: {error}"),
    }
    drop(File::open("/proc/self/stat").unwrap());
}
