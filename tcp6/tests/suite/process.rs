//! Look-ups of processes by pid: this process, and children that the tests start and end.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tcp6::{Buffer, OwnerModuleRow, Process, Processes, Query, Row, System};

use crate::allocations::allocations;
use crate::inheritance;
use crate::support::{Loopback, eventually, same_end};

/// A child that waits until this is dropped, which ends the child and reaps it.
struct Idle(Child);

impl Idle {
    /// Starts this program, or a copy of it, and waits until it runs.
    ///
    /// A child is spawned before its exec is complete: for a moment, its addresses or its name are still others.
    fn start(program: &Path) -> Idle {
        let mut command = Command::new(program);
        command.args(["--ignored", "--exact", "process::a_child_that_waits", "--nocapture"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = loop {
            match inheritance::spawn(&mut command) {
                // The copy is still open for writing in a child of another test that has not yet called exec.
                Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => thread::sleep(Duration::from_millis(1)),
                child => break Idle(child.unwrap()),
            }
        };
        // The harness of the child prints the number of its tests.
        child.0.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        child
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "not a test: the main function of an idle child"]
fn a_child_that_waits() {
    let _ = std::io::stdin().read(&mut [0]);
}

fn this_program() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// The path without symbolic links and, under Wine, in a form that can be compared.
fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap()
}

fn assert_runs_this_program(process: &Process) {
    assert_eq!(process.name(), this_program().file_name().unwrap());
    assert_eq!(canonical(process.path().unwrap()), canonical(&this_program()));
    assert!(!process.path_is_deleted());
    assert!(process.started_ticks() > 0);
}

#[test]
fn finds_this_process_with_its_name_and_path() {
    let mut processes = Processes::new();
    for _ in 0..2 {
        let process = processes.get(std::process::id()).unwrap();
        assert_eq!(process.pid(), std::process::id());
        assert_runs_this_program(process);
    }
}

#[test]
fn unused_pids_have_no_process() {
    let mut processes = Processes::new();
    assert_eq!(processes.get(0), None);
    assert_eq!(processes.get(u32::MAX), None);
}

#[test]
fn finds_a_child_only_while_it_exists() {
    let mut processes = Processes::new();
    let child = Idle::start(&this_program());
    let pid = child.pid();
    assert_runs_this_program(processes.get(pid).unwrap());
    let started = processes.get(pid).unwrap().started_ticks();
    assert!(started >= processes.get(std::process::id()).unwrap().started_ticks());
    drop(child);
    // Another process may already reuse the pid, but with another start time.
    assert!(processes.get(pid).is_none_or(|process| process.started_ticks() != started));
    assert!(processes.batch().get(pid).is_none_or(|process| process.started_ticks() != started));
}

#[test]
fn zombies_are_not_found() {
    let mut processes = Processes::new();
    let mut child = Idle::start(&this_program());
    let pid = child.pid();
    assert!(processes.get(pid).is_some());
    drop(child.0.stdin.take());
    // The child is not reaped, so its pid is not reused, until `child` is dropped.
    eventually("the ended child is not found", || processes.get(pid).is_none());
}

#[test]
fn a_batch_keeps_its_results() {
    let mut processes = Processes::with_capacity(2);
    let child = Idle::start(&this_program());
    let pid = child.pid();
    let mut batch = processes.batch();
    let name = batch.get(pid).unwrap().name().to_owned();
    drop(child);
    assert_eq!(batch.get(pid).unwrap().name(), name);
}

#[test]
fn repeated_look_ups_allocate_nothing() {
    let child = Idle::start(&this_program());
    let pids = [std::process::id(), child.pid(), u32::MAX];
    let mut processes = Processes::new();
    let mut look = || {
        for pid in pids {
            std::hint::black_box(processes.get(pid));
        }
        let mut batch = processes.batch();
        for pid in pids.iter().cycle().take(100) {
            std::hint::black_box(batch.get(*pid));
        }
    };
    look();
    assert_eq!(allocations(look), 0);
}

/// The rows of the listener, with this process set as the owner, because Wine 8 does not report owners.
fn rows_owned_by_this_process(own: &Loopback) -> Vec<OwnerModuleRow> {
    let mut buffer = Buffer::new();
    let table = System::new().unwrap().table::<OwnerModuleRow>(&Query::listeners(), &mut buffer).unwrap().to_vec();
    table
        .into_iter()
        .filter(|row| same_end(row.local(), own.listening()))
        .map(|row| {
            let raw = *row.as_raw();
            OwnerModuleRow::from_raw(tcp6_sys::MIB_TCP6ROW_OWNER_MODULE { dwOwningPid: std::process::id(), ..raw })
        })
        .collect()
}

#[test]
fn the_module_of_a_socket_of_this_process_is_this_program() {
    let own = Loopback::open();
    let rows = rows_owned_by_this_process(&own);
    assert_eq!(rows.len(), 1);
    let mut processes = Processes::new();
    let mut batch = processes.batch();
    for row in rows.iter().cycle().take(10) {
        let module = batch.module(row).unwrap();
        // The name on Windows can differ in case from the name of the file.
        assert!(module.name().eq_ignore_ascii_case(this_program().file_name().unwrap()));
        assert_eq!(canonical(module.path().unwrap()), canonical(&this_program()));
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;

    use super::*;

    /// A copy of this program under another name. The file is removed when this is dropped.
    struct Copy(PathBuf);

    impl Copy {
        fn of_this_program(name: &str) -> Copy {
            let folder = std::env::temp_dir().join(format!("tcp6-process-{}-{name}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            let path = folder.join(name);
            fs::copy(this_program(), &path).unwrap();
            Copy(path)
        }
    }

    impl Drop for Copy {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(self.0.parent().unwrap());
        }
    }

    #[test]
    fn reads_names_with_special_characters() {
        for name in ["a) R 1 (b", "two words", "line\nbreak", "exactly-fifteen", "sixteen-letters-", "x (deleted)"] {
            let program = Copy::of_this_program(name);
            let child = Idle::start(&program.0);
            let mut processes = Processes::new();
            let process = processes.get(child.pid()).unwrap();
            assert_eq!(process.name(), name);
            assert_eq!(process.path(), Some(&*program.0));
            assert!(!process.path_is_deleted(), "{name}");
        }
    }

    #[test]
    fn exec_changes_the_name_and_path() {
        let mut shell = Command::new("sh");
        // The shell reads a line and then executes `cat`, which runs until its standard input is closed.
        shell.args(["-c", "read line; exec cat"]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = shell.spawn().unwrap();
        let pid = child.id();
        let (mut processes, mut path) = (Processes::new(), PathBuf::new());
        eventually("the child runs sh", || {
            let shell = processes.get(pid);
            shell.is_some_and(|process| {
                path = process.path().unwrap().to_owned();
                process.name() == "sh"
            })
        });
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"\n").unwrap();
        eventually("the child runs cat", || processes.get(pid).unwrap().name() == "cat");
        let process = processes.get(pid).unwrap();
        assert_ne!(process.path().unwrap(), path);
        assert_eq!(process.path().unwrap().file_name().unwrap(), "cat");
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn a_deleted_executable_keeps_its_path() {
        let program = Copy::of_this_program("soon-deleted");
        let child = Idle::start(&program.0);
        fs::remove_file(&program.0).unwrap();
        let mut processes = Processes::new();
        let process = processes.get(child.pid()).unwrap();
        assert_eq!(process.path(), Some(&*program.0));
        assert!(process.path_is_deleted());
        assert_eq!(process.name(), "soon-deleted");
    }

    #[test]
    fn a_kernel_thread_has_a_name_and_no_path() {
        // kthreadd has pid 2, except in a container with its own pids.
        let mut processes = Processes::new();
        match processes.get(2).filter(|process| process.name() == "kthreadd") {
            Some(process) => assert_eq!(process.path(), None),
            None => eprintln!("skipped: process 2 is not kthreadd"),
        }
    }
}
