//! Compares the names and paths of processes with `/proc`.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use tcp6::Processes;

/// Returns a description of each process whose name or path differs from `/proc`.
pub fn problems(processes: &mut Processes, pids: &BTreeSet<u32>) -> Vec<String> {
    let mut batch = processes.batch();
    let mut problems = Vec::new();
    for pid in pids {
        let Ok(comm) = std::fs::read(format!("/proc/{pid}/comm")) else { continue };
        let name = OsStr::from_bytes(comm.trim_ascii_end());
        let path = std::fs::read_link(format!("/proc/{pid}/exe")).ok();
        // The kernel truncates comm to 15 bytes. If the file name begins with them, it is the full name.
        let file = path.as_deref().and_then(Path::file_name);
        let name = file.filter(|file| name.len() == 15 && file.as_bytes().starts_with(name.as_bytes())).unwrap_or(name);
        let known = batch.get(*pid);
        let known_name = known.map(|process| process.name());
        if known.is_none() && has_ended(*pid) {
            continue;
        }
        let known_path = known.and_then(|process| process.path()).map(Path::to_path_buf);
        if known_name != Some(name) || (path.is_some() && known_path != path) {
            problems.push(format!(
                "process {pid}: /proc has {name:?} at {path:?}, the crate reports {known_name:?} at {known_path:?}"
            ));
        }
    }
    problems
}

/// Whether a process is gone, or a zombie: `/proc` has its name until its parent waits for it.
///
/// A process whose first thread has exited is in the same state, and has other threads.
fn has_ended(pid: u32) -> bool {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) else { return true };
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    field("State:").is_some_and(|state| state.starts_with(['Z', 'X'])) && matches!(field("Threads:"), Some("0" | "1"))
}
