//! Processes by their ids: this one, and children that it starts and ends.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tcp6::{Buffer, OwnerModuleRow, Process, Processes, Query, Row, System};

use crate::allocations::allocations;
use crate::support::{Loopback, eventually, same_end};

/// A child that does nothing until it is dropped, and is gone then.
struct Idle(Child);

impl Idle {
    /// A copy of this program that is called so, if it is to have another name.
    fn start(program: &Path) -> Idle {
        let mut command = Command::new(program);
        command.args(["--ignored", "--exact", "process::a_child_that_waits", "--nocapture"]);
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        loop {
            match command.spawn() {
                // It was copied just now: a child that another test was starting has it open for a moment more.
                Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => thread::sleep(Duration::from_millis(1)),
                child => return Idle(child.unwrap()),
            }
        }
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
#[ignore = "not a test: what the children run"]
fn a_child_that_waits() {
    let _ = std::io::stdin().read(&mut [0]);
}

fn this_program() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// The path without its symbolic links, and under Wine as any other is written.
fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap()
}

fn is_this_program(process: &Process) {
    assert_eq!(process.name(), this_program().file_name().unwrap());
    assert_eq!(canonical(process.path().unwrap()), canonical(&this_program()));
    assert!(!process.path_is_deleted());
    assert!(process.started_ticks() > 0);
}

#[test]
fn this_process_is_found_by_its_name_and_path() {
    let mut processes = Processes::new();
    for _ in 0..2 {
        let process = processes.get(std::process::id()).unwrap();
        assert_eq!(process.pid(), std::process::id());
        is_this_program(process);
    }
}

#[test]
fn ids_that_nobody_has_are_nobody() {
    let mut processes = Processes::new();
    assert_eq!(processes.get(0), None);
    assert_eq!(processes.get(u32::MAX), None);
}

#[test]
fn a_child_is_found_while_it_runs_and_forgotten_when_it_is_gone() {
    let mut processes = Processes::new();
    let child = Idle::start(&this_program());
    let pid = child.pid();
    is_this_program(processes.get(pid).unwrap());
    let started = processes.get(pid).unwrap().started_ticks();
    assert!(started >= processes.get(std::process::id()).unwrap().started_ticks());
    drop(child);
    // The id is free, and somebody may have taken it; not at that time.
    assert!(processes.get(pid).is_none_or(|process| process.started_ticks() != started));
    assert!(processes.batch().get(pid).is_none_or(|process| process.started_ticks() != started));
}

#[test]
fn a_process_that_has_ended_is_gone_before_it_is_waited_for() {
    let mut processes = Processes::new();
    let mut child = Idle::start(&this_program());
    let pid = child.pid();
    assert!(processes.get(pid).is_some());
    drop(child.0.stdin.take());
    // It is not waited for, and its id is not free, for as long as `child` lives.
    eventually("the child ends", || processes.get(pid).is_none());
}

#[test]
fn a_round_keeps_what_it_has_said() {
    let mut processes = Processes::with_capacity(2);
    let child = Idle::start(&this_program());
    let pid = child.pid();
    let mut round = processes.batch();
    let name = round.get(pid).unwrap().name().to_owned();
    drop(child);
    assert_eq!(round.get(pid).unwrap().name(), name);
}

#[test]
fn processes_that_are_known_cost_no_allocation() {
    let child = Idle::start(&this_program());
    let pids = [std::process::id(), child.pid(), u32::MAX];
    let mut processes = Processes::new();
    let mut look = || {
        for pid in pids {
            std::hint::black_box(processes.get(pid));
        }
        let mut round = processes.batch();
        for pid in pids.iter().cycle().take(100) {
            std::hint::black_box(round.get(*pid));
        }
    };
    look();
    assert_eq!(allocations(look), 0);
}

/// The rows of these sockets as they would be if the system told the owner, which Wine 8 does not.
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
    let mut round = processes.batch();
    for row in rows.iter().cycle().take(10) {
        let module = round.module(row).unwrap();
        // Windows names the module as the file is called, whatever the letters' case.
        assert!(module.name().eq_ignore_ascii_case(this_program().file_name().unwrap()));
        assert_eq!(canonical(module.path().unwrap()), canonical(&this_program()));
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;

    use super::*;

    /// A copy of this program under another name, which is removed when this is dropped.
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

    /// The process, when it has become the program: until then it is a copy of this one.
    fn when_started(child: &Idle, program: &Path) -> Process {
        let mut process = None;
        eventually("the child runs its program", || {
            process = Processes::new().get(child.pid()).cloned();
            process.as_ref().is_some_and(|process| process.path().is_some_and(|path| path.ends_with(program)))
        });
        process.unwrap()
    }

    #[test]
    fn names_may_have_anything_in_them() {
        for name in ["a) R 1 (b", "two words", "line\nbreak", "exactly-fifteen", "sixteen-letters-", "x (deleted)"] {
            let program = Copy::of_this_program(name);
            let child = Idle::start(&program.0);
            let process = when_started(&child, &program.0);
            assert_eq!(process.name(), name);
            assert!(!process.path_is_deleted(), "{name}");
        }
    }

    #[test]
    fn after_exec_a_process_has_the_new_name_and_path() {
        let mut shell = Command::new("sh");
        // The shell waits for a line, runs `cat` in its place, and that waits for the end.
        shell.args(["-c", "read line; exec cat"]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = shell.spawn().unwrap();
        let pid = child.id();
        let (mut processes, mut path) = (Processes::new(), PathBuf::new());
        eventually("the shell", || {
            let shell = processes.get(pid);
            shell.is_some_and(|process| {
                path = process.path().unwrap().to_owned();
                process.name() == "sh"
            })
        });
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"\n").unwrap();
        eventually("the program that it runs", || processes.get(pid).unwrap().name() == "cat");
        let process = processes.get(pid).unwrap();
        assert_ne!(process.path().unwrap(), path);
        assert_eq!(process.path().unwrap().file_name().unwrap(), "cat");
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn a_deleted_executable_has_the_path_it_had() {
        let program = Copy::of_this_program("soon-deleted");
        let child = Idle::start(&program.0);
        when_started(&child, &program.0);
        fs::remove_file(&program.0).unwrap();
        let mut processes = Processes::new();
        let process = processes.get(child.pid()).unwrap();
        assert_eq!(process.path(), Some(&*program.0));
        assert!(process.path_is_deleted());
        assert_eq!(process.name(), "soon-deleted");
    }

    #[test]
    fn a_thread_of_the_kernel_has_a_name_and_no_path() {
        // Where it is not hidden, as it is in a container, it is the second process of all.
        let mut processes = Processes::new();
        if let Some(process) = processes.get(2).filter(|process| process.name() == "kthreadd") {
            assert_eq!(process.path(), None);
        }
    }
}
