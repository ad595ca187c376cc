//! Kernels that do not tell how many descriptors a process has.

use std::{fs, process::Command};

use tcp6::System;

/// A system that uses what the kernel tells.
pub fn told() -> Option<System> {
    Some(System::new().expect("a table"))
}

/// A system that behaves as before Linux 6.2, where the size of `/proc/PID/fd` is 0; `None`, with a line that says why, if
/// none can be made.
///
/// A `System` looks at the size of this process' folder when it is made. Meanwhile another folder of `/proc` is mounted
/// over it, as all others have the size 0. All that it reads afterwards is real.
pub fn not_told() -> Option<System> {
    let folder = format!("/proc/{}/fd", std::process::id());
    let other = format!("/proc/{}/net", std::process::id());
    let run = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    if !run(Command::new("mount").args(["--bind", &other, &folder])) {
        eprintln!("left out, no counts: {folder} cannot be hidden");
        return None;
    }
    let is_hidden = fs::metadata(&folder).is_ok_and(|folder| folder.len() == 0);
    let system = told();
    assert!(run(Command::new("umount").arg(&folder)), "{folder} stays hidden");
    system.filter(|_| is_hidden)
}
