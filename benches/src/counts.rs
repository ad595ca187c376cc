//! Kernels that do not report the number of descriptors of a process.

use std::{fs, process::Command};

use tcp6::System;

/// A system that uses the numbers of the kernel.
pub fn reported() -> Option<System> {
    Some(System::new().expect("open a system"))
}

/// A system that behaves as before Linux 6.2, where the size of `/proc/PID/fd` is 0.
///
/// `None`, after a message, if this takes more privileges.
///
/// A `System` reads the size of this process' directory when it is created. Meanwhile another directory of `/proc`, whose
/// size is 0, is mounted over it. Everything that the system reads later is real.
pub fn hidden() -> Option<System> {
    let folder = format!("/proc/{}/fd", std::process::id());
    let other = format!("/proc/{}/net", std::process::id());
    let run = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    if !run(Command::new("mount").args(["--bind", &other, &folder])) {
        eprintln!("skipped no counts: {folder} cannot be hidden");
        return None;
    }
    let is_hidden = fs::metadata(&folder).is_ok_and(|folder| folder.len() == 0);
    let system = reported();
    assert!(run(Command::new("umount").arg(&folder)), "{folder} stays hidden");
    system.filter(|_| is_hidden)
}
