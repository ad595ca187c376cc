//! The tests that use the crate as its users do, in one binary.

mod allocations;
#[cfg(windows)]
mod c_program;
mod capture;
mod classes;
#[cfg(target_os = "linux")]
mod closing;
mod counting;
mod examples;
mod formats;
mod json;
mod laws;
#[cfg(target_os = "linux")]
mod life;
mod limits;
mod live;
mod load;
mod memory;
mod owners;
mod process;
mod scripted_capture;
#[cfg(target_os = "linux")]
mod seccomp;
mod source;
#[cfg(target_os = "linux")]
mod ss;
mod support;
mod torn;
#[cfg(target_os = "linux")]
mod trouble;
mod watcher;

use std::process::Command;

impl load::Load {
    /// Connections held by children of this test program.
    fn in_tests(connections: usize) -> load::Load {
        let again = || {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--ignored", "--exact", "a_child_that_holds_connections", "--nocapture"]);
            command
        };
        load::Load::open(connections, again).unwrap()
    }
}

#[test]
#[ignore = "not a test: what the children of the load run"]
fn a_child_that_holds_connections() {
    load::child();
}
