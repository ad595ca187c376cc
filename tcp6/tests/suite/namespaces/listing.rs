//! `os::linux::namespaces`.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change, unmount};
use rustix::thread::UnshareFlags;
use tcp6::os::linux::{Namespace, SystemExt, namespaces};
use tcp6::{Buffer, OwnerPidRow, Query, System};

use super::{Space, is_root, listeners, unshare};

/// Calls `run` in a thread with its own mount namespace, in which `/run` is empty.
fn with_an_empty_run<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            unshare(UnshareFlags::NEWNS);
            mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
            mount("none", "/run", "tmpfs", MountFlags::empty(), None).unwrap();
            fs::create_dir("/run/netns").unwrap();
            run()
        });
        thread.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload))
    })
}

/// Mounts a namespace at a new file.
fn mount_at(space: &Space, path: &str) {
    use std::os::fd::AsRawFd;
    File::create(path).unwrap();
    mount_bind(format!("/proc/thread-self/fd/{}", space.file.as_raw_fd()), path).unwrap();
}

/// The namespace in the list that this file identifies.
fn listed(file: &File) -> Option<Namespace> {
    let metadata = file.metadata().unwrap();
    let is_it = |one: &Namespace| (one.device, one.inode) == (metadata.dev(), metadata.ino());
    let mut found = namespaces().unwrap().list.into_iter().filter(is_it);
    let first = found.next();
    assert_eq!(found.next(), None, "listed twice");
    first
}

#[test]
fn lists_own_namespace_first() {
    let own = File::open("/proc/thread-self/ns/net").unwrap();
    let all = namespaces().unwrap();
    let first = &all.list[0];
    assert!(first.is_own && all.list[1..].iter().all(|other| !other.is_own));
    assert_eq!(Some(first.clone()), listed(&own));
    assert!(first.pid.is_some_and(|pid| pid <= std::process::id()));
    let mut system = first.system(&System::new().unwrap()).unwrap();
    assert!(!system.is_text(), "one's own namespace needs no privilege");
    let listener = crate::support::listener();
    let port = listener.local_addr().unwrap().port();
    let found = system.find::<tcp6::BasicRow>(crate::support::v6(listener.local_addr().unwrap()), None).unwrap();
    assert_eq!(found.unwrap().local().port(), port);
}

#[test]
fn finds_namespaces_by_process_mount_and_link() {
    if !is_root() {
        return;
    }
    with_an_empty_run(|| {
        let spaces: Vec<Space> = (0..5).map(|_| Space::new()).collect();
        let [by_process, by_mount, by_both, by_link, hidden] = &spaces[..] else { unreachable!() };
        let path = |text: &str| Path::new(text).to_owned();
        let sleepers = [by_process.sleeper(), by_both.sleeper()];
        let later = by_both.sleeper();
        mount_at(by_mount, "/run/netns/blue");
        fs::create_dir("/run/with a space\\").unwrap();
        mount_at(by_mount, "/run/with a space\\/red\n");
        mount_at(by_both, "/run/netns/both");
        use std::os::fd::AsRawFd;
        symlink(format!("/proc/{}/fd/{}", std::process::id(), by_link.file.as_raw_fd()), "/run/netns/linked").unwrap();
        symlink(format!("/proc/{}/ns/net", sleepers[0].pid()), "/run/netns/of process").unwrap();
        // Files that are no network namespaces.
        File::create("/run/netns/stale").unwrap();
        symlink("/nowhere", "/run/netns/dangling").unwrap();
        symlink("/proc/self/ns/mnt", "/run/netns/mount namespace").unwrap();
        assert!(Command::new("mkfifo").arg("/run/netns/fifo").status().unwrap().success());
        // A mount that another one covers.
        mount_at(hidden, "/run/netns/hidden");
        mount_bind("/dev/null", "/run/netns/hidden").unwrap();

        let found =
            |space: &Space| listed(&space.file).map(|one| (one.pid, one.name().map(ToOwned::to_owned), one.paths));
        assert_eq!(
            found(by_process),
            Some((Some(sleepers[0].pid()), Some("of process".into()), vec![path("/run/netns/of process")]))
        );
        let mounts = vec![path("/run/netns/blue"), path("/run/with a space\\/red\n")];
        assert_eq!(found(by_mount), Some((None, Some("blue".into()), mounts)));
        let lowest = sleepers[1].pid().min(later.pid());
        assert_eq!(found(by_both), Some((Some(lowest), Some("both".into()), vec![path("/run/netns/both")])));
        assert_eq!(found(by_link), Some((None, Some("linked".into()), vec![path("/run/netns/linked")])));
        // It exists, and cannot be opened.
        assert_eq!(found(hidden), Some((None, None, vec![])));
        let error = listed(&hidden.file).unwrap().open().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(2), "{error}");
        let names: Vec<String> =
            namespaces().unwrap().list.iter().filter_map(|one| Some(one.name()?.to_str()?.to_owned())).collect();
        for no_namespace in ["stale", "dangling", "mount namespace", "fifo", "hidden"] {
            assert!(!names.iter().any(|name| name == no_namespace), "{names:?}");
        }

        // Each of them can be read.
        let base = System::new().unwrap();
        for (port, space) in (1..).zip(&spaces[..4]) {
            let _listener = space.listener(port);
            let mut system = listed(&space.file).unwrap().system(&base).unwrap();
            assert!(!system.is_text());
            assert_eq!(listeners(&mut system).iter().map(|(end, _)| end.port()).collect::<Vec<_>>(), [port]);
        }
    });
}

#[test]
fn a_namespace_that_is_gone_is_not_another_one() {
    if !is_root() {
        return;
    }
    with_an_empty_run(|| {
        let base = System::new().unwrap();
        let is_gone = |namespace: &Namespace| {
            for error in [namespace.open().unwrap_err(), namespace.system(&base).unwrap_err()] {
                assert_eq!(error.raw_os_error(), Some(2), "{error}");
                assert_eq!(error.to_string(), "the network namespace is gone: No such file or directory (os error 2)");
            }
        };
        // The process ends.
        let space = Space::new();
        let sleeper = space.sleeper();
        let by_process = listed(&space.file).unwrap();
        assert!(by_process.open().is_ok());
        drop(sleeper);
        is_gone(&by_process);
        // Another namespace takes the place of a mounted one.
        mount_at(&space, "/run/netns/blue");
        let mounted = listed(&space.file).unwrap();
        assert!(mounted.open().is_ok());
        unmount("/run/netns/blue", UnmountFlags::empty()).unwrap();
        is_gone(&mounted);
        let other = Space::new();
        mount_at(&other, "/run/netns/blue");
        is_gone(&mounted);
        // A pid is reused: the process is in another namespace now.
        let sleeper = other.sleeper();
        let mut reused = listed(&other.file).unwrap();
        assert_eq!(reused.pid, Some(sleeper.pid()));
        reused.paths.clear();
        reused.inode = by_process.inode;
        is_gone(&reused);
        let mut buffer = Buffer::new();
        let mut system = listed(&other.file).unwrap().system(&base).unwrap();
        assert_eq!(system.table::<tcp6::BasicRow>(&Query::all(), &mut buffer).unwrap().len(), 0);
    });
}

/// Lists and reads namespaces that vanish, because their processes end, and returns how many were read.
///
/// `unshare` has the options that create a namespace.
pub fn read_while_they_vanish(base: &System, unshare: &[&str]) -> usize {
    let end = AtomicBool::new(false);
    let (mut read, mut buffer) = (0, Buffer::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !end.load(Ordering::Relaxed) {
                    let _ = Command::new("unshare").args(unshare).args(["sleep", "0.01"]).status();
                }
            });
        }
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(2) {
            let listed = namespaces().unwrap();
            assert!(listed.list[0].is_own);
            for namespace in listed.list.iter().filter(|namespace| !namespace.is_own) {
                let mut system = match namespace.system(base) {
                    Ok(system) => system,
                    Err(error) => {
                        assert_eq!(error.raw_os_error(), Some(2), "{error}");
                        continue;
                    }
                };
                // The system keeps the namespace.
                for _ in 0..3 {
                    system.table::<OwnerPidRow>(&Query::all(), &mut buffer).unwrap();
                    system.statistics().unwrap();
                }
                read += 1;
            }
        }
        end.store(true, Ordering::Relaxed);
    });
    read
}

#[test]
fn namespaces_that_vanish_are_read_or_gone() {
    let options = if is_root() { "--net" } else { "-Urn" };
    let read = read_while_they_vanish(&System::new().unwrap(), &[options]);
    assert!(read > 10 || !is_root(), "{read}");
}
