//! A `/proc` that is missing, old or hidden, and no right to trace.

use super::*;

/// Moves the calling thread to a new mount namespace.
pub(super) fn enter_mount_namespace() {
    #[allow(unsafe_code)]
    // SAFETY: no file descriptor table is unshared, which is what makes this call unsafe.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }.unwrap();
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
}

filtered_test!(owners_are_unresolved_without_proc, "no proc");

pub(super) fn no_proc() {
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
pub(super) fn an_old_proc() {
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
    namespaces::enter_net_namespace();
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
pub(super) fn no_right_to_trace() {
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

pub(super) fn hidepid() {
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
