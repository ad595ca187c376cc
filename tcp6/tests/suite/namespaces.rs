//! Network namespaces: listing them, and one `System` for each.
//!
//! The tests create namespaces in threads, and mount them in mount namespaces of these threads, so that nothing is
//! left.

mod bound;
mod events;
mod listing;
mod names;
mod random;
mod unprivileged;

use std::fs::File;
use std::net::{Ipv6Addr, SocketAddrV6, TcpListener};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use rustix::thread::{UnshareFlags, unshare_unsafe};
use tcp6::os::linux::SystemExt;
use tcp6::{BasicRow, Buffer, Owner, OwnerPidRow, Query, State, System};

use crate::sharing::apart;
use crate::support::{by_itself, connect, stop, v6};

/// Whether the tests can create namespaces.
pub fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        eprintln!("skipped: creating a network namespace needs root");
    }
    is_root
}

/// Moves the calling thread to new namespaces.
pub fn unshare(flags: UnshareFlags) {
    #[allow(unsafe_code)]
    // SAFETY: no file descriptor table is unshared, which is what makes this call unsafe.
    unsafe { unshare_unsafe(flags) }.unwrap();
}

/// A network namespace with a loopback device that is up, and a thread in it.
pub struct Space {
    pub file: File,
    work: mpsc::Sender<Box<dyn FnOnce() + Send>>,
}

impl Space {
    pub fn new() -> Space {
        let (work, jobs) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
        let (send, opened) = mpsc::channel();
        thread::spawn(move || {
            unshare(UnshareFlags::NEWNET);
            run("ip", &["link", "set", "lo", "up"]);
            send.send(File::open("/proc/thread-self/ns/net").unwrap()).unwrap();
            jobs.into_iter().for_each(|job| job());
        });
        Space { file: opened.recv().unwrap(), work }
    }

    /// Calls `run` in the namespace.
    pub fn within<T: Send + 'static>(&self, run: impl FnOnce() -> T + Send + 'static) -> T {
        let (send, result) = mpsc::channel();
        self.work.send(Box::new(move || send.send(run()).unwrap())).unwrap();
        result.recv().unwrap()
    }

    /// A listener in the namespace.
    pub fn listener(&self, port: u16) -> TcpListener {
        self.within(move || TcpListener::bind((Ipv6Addr::LOCALHOST, port)).unwrap())
    }

    /// Starts a process in the namespace that sleeps.
    pub fn sleeper(&self) -> Sleeper {
        self.within(|| Sleeper(Command::new("sleep").arg("86400").stdin(Stdio::null()).spawn().unwrap()))
    }
}

impl AsFd for Space {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// A process that is killed on drop.
pub struct Sleeper(pub Child);

impl Sleeper {
    pub fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a program, which must succeed.
pub fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
}

/// The local ends and the owners of the listeners.
pub fn listeners(system: &mut System) -> Vec<(SocketAddrV6, Owner)> {
    let mut buffer = Buffer::new();
    let table = system.table::<OwnerPidRow>(&Query::listeners(), &mut buffer).unwrap();
    table.iter().map(|row| (row.local(), row.owner())).collect()
}

fn this_process() -> Owner {
    Owner::Process(std::process::id())
}

#[test]
fn equal_ends_in_two_namespaces_are_rows_of_two_tables() {
    if !is_root() {
        return;
    }
    let spaces = [Space::new(), Space::new(), Space::new()];
    let base = System::new().unwrap();
    let ends: SocketAddrV6 = "[::1]:8080".parse().unwrap();
    let mut servers = spaces[..2].iter().map(|space| space.listener(8080)).collect::<Vec<_>>();
    let mut systems: Vec<System> = spaces.iter().map(|space| base.in_namespace(space).unwrap()).collect();
    assert!(systems.iter().all(|system| !system.is_text()));
    let all = [vec![(ends, this_process())], vec![(ends, this_process())], vec![]];
    assert_eq!(systems.iter_mut().map(listeners).collect::<Vec<_>>(), all);
    stop(servers.remove(0));
    // One of two systems, read in a thread that is in another namespace.
    let mut first = systems.remove(0);
    let (first, seen) = spaces[1].within(move || {
        let seen = listeners(&mut first);
        (first, seen)
    });
    systems.insert(0, first);
    assert_eq!(seen, []);
    assert_eq!(systems.iter_mut().map(listeners).collect::<Vec<_>>(), [vec![], all[1].clone(), vec![]]);
    servers.into_iter().for_each(stop);
    assert!(systems.iter_mut().all(|system| listeners(system).is_empty()));
}

#[test]
fn owners_are_known_across_namespaces() {
    by_itself("namespaces::owners_are_known_across_namespaces", || {
        if !is_root() {
            return;
        }
        let spaces = [Space::new(), Space::new()];
        let mut base = System::new().unwrap();
        let mut systems = spaces.each_ref().map(|space| base.in_namespace(space).unwrap());
        listeners(&mut base);
        let mut open = Vec::new();
        let mut children: Vec<[u32; 2]> = Vec::new();
        let mut keep = Vec::new();
        for round in 0..20 {
            // This process holds sockets in both namespaces, and a child inherits one of each.
            let port = 1000 + round;
            let pair = spaces.each_ref().map(|space| space.listener(port));
            let child = spaces[usize::from(round % 2)].within({
                let inherited = pair.each_ref().map(|listener| listener.try_clone().unwrap());
                move || {
                    for listener in &inherited {
                        rustix::io::fcntl_setfd(listener, rustix::io::FdFlags::empty()).unwrap();
                    }
                    Sleeper(Command::new("sleep").arg("86400").stdin(Stdio::null()).spawn().unwrap())
                }
            });
            children.push([child.pid(), u32::from(port)]);
            // Only the child holds those of odd rounds.
            let is_shared = round % 2 == 0;
            if is_shared {
                open.push(pair);
            } else {
                drop(pair);
            }
            keep.push(child);
            for system in &mut systems {
                let found = listeners(system);
                assert_eq!(found.len(), children.len());
                for ((end, owner), [pid, port]) in found.iter().zip(&children) {
                    assert_eq!(u32::from(end.port()), *port);
                    let lowest = if port % 2 == 0 { (*pid).min(std::process::id()) } else { *pid };
                    assert_eq!(*owner, Owner::Process(lowest), "port {port} in round {round}");
                }
            }
        }
        // Systems that share nothing agree with those that do.
        for (space, system) in spaces.iter().zip(&mut systems) {
            let mut alone = space.within(apart);
            assert_eq!(listeners(&mut alone), listeners(system));
        }
    });
}

#[test]
fn other_descriptors_and_ended_processes_are_errors() {
    if !is_root() {
        return;
    }
    let system = System::new().unwrap();
    for path in ["/dev/null", "/proc/self/ns/mnt", "/proc/self/ns/uts"] {
        let error = system.in_namespace(File::open(path).unwrap()).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(22), "{path}: {error}");
        assert!(error.to_string().contains("not a network namespace"), "{error}");
    }
    let space = Space::new();
    let mut sleeper = space.sleeper();
    let pid = sleeper.pid();
    assert!(!system.in_namespace_of(pid).unwrap().is_text());
    sleeper.0.kill().unwrap();
    // A zombie is in no namespace.
    crate::support::eventually("the process ends", || system.in_namespace_of(pid).is_err());
    for _ in 0..2 {
        let error = system.in_namespace_of(pid).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(2), "{error}");
        let _ = sleeper.0.wait();
    }
    assert_eq!(system.in_namespace_of(u32::MAX).unwrap_err().raw_os_error(), Some(2));
}

#[test]
fn one_own_namespace_needs_no_thread() {
    let own = File::open("/proc/thread-self/ns/net").unwrap();
    let base = System::new().unwrap();
    let listener = crate::support::listener();
    let local = v6(listener.local_addr().unwrap());
    for mut system in [base.in_namespace(&own).unwrap(), base.in_namespace_of(std::process::id()).unwrap()] {
        assert!(!system.is_text());
        assert!(listeners(&mut system).iter().any(|(end, _)| *end == local));
    }
}

#[test]
fn a_system_keeps_its_namespace_alive() {
    if !is_root() {
        return;
    }
    let base = System::new().unwrap();
    let space = Space::new();
    let listener = space.listener(80);
    let mut system = base.in_namespace(&space).unwrap();
    drop(space);
    // The socket belongs to the namespace, and so do those that connect to it.
    assert_eq!(listeners(&mut system).len(), 1);
    stop(listener);
    assert_eq!(listeners(&mut system), []);
    let mut buffer = Buffer::new();
    assert_eq!(system.table::<BasicRow>(&Query::all(), &mut buffer).unwrap().len(), 0);
}

#[test]
fn counters_are_those_of_the_namespace() {
    if !is_root() {
        return;
    }
    let space = Space::new();
    let sleeper = space.sleeper();
    let base = System::new().unwrap();
    let mut systems = [base.in_namespace(&space).unwrap(), base.in_namespace_of(sleeper.pid()).unwrap()];
    let before = systems.each_mut().map(|system| system.statistics().unwrap());
    let listener = space.listener(80);
    let pairs = space.within(move || [(); 3].map(|()| connect(&listener)));
    for (system, before) in systems.iter_mut().zip(before) {
        let now = system.statistics().unwrap();
        assert_eq!((before.active_opens, now.active_opens), (0, 3));
        assert!(system.tcp_ext("TCPTimeouts").is_some());
    }
    drop(pairs);
}

#[test]
fn sixty_namespaces() {
    by_itself("namespaces::sixty_namespaces", || {
        if !is_root() {
            return;
        }
        let spaces: Vec<Space> = (0..60).map(|_| Space::new()).collect();
        let base = System::new().unwrap();
        let mut systems: Vec<System> = spaces.iter().map(|space| base.in_namespace(space).unwrap()).collect();
        let mut open = Vec::new();
        for (number, space) in (1..).zip(&spaces) {
            let listener = space.listener(number);
            let pair = space.within({
                let listener = listener.try_clone().unwrap();
                move || connect(&listener)
            });
            open.push((listener, pair));
        }
        let mut buffer = Buffer::new();
        for (number, system) in (1..).zip(&mut systems) {
            let table = system.table::<OwnerPidRow>(&Query::all(), &mut buffer).unwrap();
            let states: Vec<State> = table.iter().map(|row| row.state()).collect();
            assert_eq!(states.iter().filter(|state| **state == State::Established).count(), 2);
            assert_eq!(states.len(), 3);
            assert!(table.iter().all(|row| row.owner() == this_process()));
            assert_eq!(table.listeners().map(|row| row.local().port()).collect::<Vec<_>>(), [number]);
        }
    });
}
