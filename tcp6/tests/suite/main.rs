//! The integration tests, which use only the public interface. They form one binary.

mod agreement;
mod allocations;
#[cfg(windows)]
mod c_program;
mod capture;
mod classes;
#[cfg(target_os = "linux")]
mod closing;
mod collect;
mod counting;
#[cfg(target_os = "linux")]
mod events;
mod examples;
mod formats;
mod inheritance;
mod json;
mod laws;
#[cfg(target_os = "linux")]
mod life;
mod limits;
mod live;
mod load;
mod memory;
#[cfg(target_os = "linux")]
mod namespaces;
mod owners;
mod process;
#[cfg(target_os = "linux")]
mod queries;
mod scripted_capture;
#[cfg(target_os = "linux")]
mod seccomp;
#[cfg(target_os = "linux")]
mod sharing;
mod source;
#[cfg(target_os = "linux")]
mod ss;
mod statistics;
#[cfg(target_os = "linux")]
mod stats;
mod support;
mod torn;
#[cfg(target_os = "linux")]
mod trouble;
mod watcher;

use std::process::Command;

impl load::Load {
    /// Opens connections that children of this test program hold.
    fn in_tests(connections: usize) -> load::Load {
        let program = || {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--ignored", "--exact", "a_child_that_holds_connections", "--nocapture"]);
            command
        };
        let _guard = inheritance::lock();
        load::Load::open(connections, program).unwrap()
    }
}

#[test]
#[ignore = "not a test: the main function of a child of the load"]
fn a_child_that_holds_connections() {
    load::child();
}
