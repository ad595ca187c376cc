//! Other network and pid namespaces, and a small hash of connections.

use super::*;

/// Moves the calling thread to a new network namespace. It has no sockets, and its loopback is down.
pub fn enter_net_namespace() {
    #[allow(unsafe_code)]
    // SAFETY: no file descriptor table is unshared, which is what makes this call unsafe.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.unwrap();
}

#[test]
fn a_system_reads_the_namespace_in_which_it_was_created() {
    in_child("another namespace");
}

pub(super) fn another_namespace() {
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

filtered_test!(falls_back_to_the_text_of_the_same_namespace, "a late refusal in another namespace");

/// Refuses sock_diag to systems that were created in another namespace, in a thread of the first one.
pub(super) fn a_late_refusal_in_another_namespace() {
    if !is_root() {
        return eprintln!("skipped: creating a network namespace needs root");
    }
    let (mut outer, own) = (System::new().unwrap(), listener());
    let inside = thread::scope(|scope| {
        let inside = || {
            enter_net_namespace();
            let created = System::new().unwrap();
            (File::open("/proc/thread-self/ns/net").unwrap(), TcpListener::bind("[::]:81").unwrap(), created)
        };
        scope.spawn(inside).join().unwrap()
    });
    let (namespace, _listener, created) = inside;
    let entered = outer.in_namespace(&namespace).unwrap();
    let unread = outer.in_namespace(&namespace).unwrap();
    let mut systems = [created, entered, unread];
    let ports = |system: &mut System| listeners(system).iter().map(|row| row.local().port()).collect::<Vec<_>>();
    assert!(systems[..2].iter_mut().all(|system| ports(system) == [81] && !system.is_text()));
    drop(namespace);
    refuse(SYS_SENDTO, EPERM);
    for _ in 0..2 {
        assert!(systems.iter_mut().all(|system| ports(system) == [81] && system.is_text()));
    }
    let port = own.local_addr().unwrap().port();
    let seen = ports(&mut outer);
    assert!(outer.is_text() && seen.contains(&port) && !seen.contains(&81), "{seen:?}");
}

#[test]
fn owners_are_the_pids_of_the_mounted_proc() {
    in_child("another pid namespace");
}

/// Runs a child in a new pid namespace, with the `/proc` of the outer pid namespace.
pub(super) fn another_pid_namespace() {
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

pub(super) fn inside_another_pid_namespace() {
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
pub(super) fn a_small_hash() {
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
