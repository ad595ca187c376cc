//! Describes processes from `/proc`.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::pid_stat::{self, Stat};
use crate::process::cache::Lookup;
use crate::process::{Module, Process};

/// The maximum length of a name in bytes: TASK_COMM_LEN without the terminating zero.
///
/// The kernel truncates longer names.
const MAX_NAME_LEN: usize = 15;

/// The suffix that the kernel appends to the path of a deleted executable.
const DELETED: &[u8] = b" (deleted)";

/// The source of process descriptions.
///
/// It keeps no descriptors open, because they count against the program's limit.
#[derive(Debug)]
pub(crate) struct Processes;

impl Processes {
    pub(crate) fn new() -> Processes {
        Processes
    }
}

/// The maximum number of attempts to describe a process that calls `exec` during the reads.
const MAX_ATTEMPTS: usize = 4;

impl Lookup for Processes {
    fn is_same(&mut self, process: &Process) -> bool {
        stat(process.pid) == Some(Stat { started: process.started, image: process.image })
    }

    fn describe(&mut self, pid: u32) -> Option<Process> {
        let mut before = stat(pid)?;
        for _ in 0..MAX_ATTEMPTS {
            let mut name = fs::read(ProcPath::new(pid, "comm")).ok()?;
            if name.last() == Some(&b'\n') {
                name.pop();
            }
            let (path, deleted) = executable(pid);
            // The reads are not atomic. Equal stats before and after them show that they describe one program.
            let after = stat(pid)?;
            if after == before {
                let executable = Module { name: restore_name(name, path.as_deref()), path };
                return Some(Process { pid, started: after.started, image: after.image, executable, deleted });
            }
            before = after;
        }
        None
    }
}

fn stat(pid: u32) -> Option<Stat> {
    let mut line = [0; pid_stat::STAT_BUF_LEN];
    // One read suffices: the kernel formats the whole line, and the read returns as much of it as fits.
    let length = File::open(ProcPath::new(pid, "stat")).ok()?.read(&mut line).ok()?;
    Stat::parse(line.get(..length)?)
}

/// The path `/proc/PID/FILE`, built without an allocation.
struct ProcPath {
    path: [u8; MAX_PATH_LEN],
    length: usize,
}

const MAX_PATH_LEN: usize = "/proc/4294967295/stat".len();

impl ProcPath {
    /// Builds the path of `file`, whose name must not exceed four bytes.
    fn new(pid: u32, file: &str) -> ProcPath {
        let mut path = [0; MAX_PATH_LEN];
        let mut free = &mut path[..];
        // Cannot fail: a pid has at most ten digits.
        let _ = write!(free, "/proc/{pid}/{file}");
        let length = MAX_PATH_LEN - free.len();
        ProcPath { path, length }
    }
}

impl AsRef<Path> for ProcPath {
    fn as_ref(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.path[..self.length]))
    }
}

/// Replaces a truncated name with the file name of the executable, if that begins with it.
fn restore_name(name: Vec<u8>, path: Option<&Path>) -> OsString {
    let file = path.and_then(Path::file_name);
    match file {
        Some(file) if name.len() == MAX_NAME_LEN && file.as_bytes().starts_with(&name) => file.to_owned(),
        _ => OsString::from_vec(name),
    }
}

/// The path of the executable, and whether the file has been deleted.
fn executable(pid: u32) -> (Option<PathBuf>, bool) {
    let Ok(path) = fs::read_link(ProcPath::new(pid, "exe")) else {
        return (None, false);
    };
    match path.as_os_str().as_bytes().strip_suffix(DELETED) {
        Some(before) if !is_executable_of(&path, pid) => (Some(OsStr::from_bytes(before).into()), true),
        _ => (Some(path), false),
    }
}

/// Whether `path` is the file that the process runs.
///
/// The name of an existing file may end with [`DELETED`].
fn is_executable_of(path: &Path, pid: u32) -> bool {
    let identity = |file: fs::Metadata| (file.dev(), file.ino());
    let at_path = fs::metadata(path).map(identity);
    let running = fs::metadata(ProcPath::new(pid, "exe")).map(identity);
    matches!((at_path, running), (Ok(at_path), Ok(running)) if at_path == running)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restores_only_truncated_names() {
        let restored = |name: &str, path: &str| restore_name(name.into(), Some(Path::new(path)));
        assert_eq!(restored("systemd-resolve", "/usr/lib/systemd/systemd-resolved"), "systemd-resolved");
        assert_eq!(restored("exactly-fifteen", "/bin/exactly-fifteen"), "exactly-fifteen");
        assert_eq!(restored("worker", "/bin/worker-of-many"), "worker");
        assert_eq!(restored("a-script-with-a", "/usr/bin/python3"), "a-script-with-a");
        assert_eq!(restore_name(b"systemd-resolve".to_vec(), None), "systemd-resolve");
        assert_eq!(restore_name(vec![0xFF; 15], None).as_bytes(), [0xFF; 15]);
    }

    #[test]
    fn recognizes_the_same_process() {
        let pid = std::process::id();
        let process = Processes.describe(pid).unwrap();
        assert_eq!(process.pid, pid);
        assert!(Processes.is_same(&process));
        let another = Process { started: process.started + 1, ..process.clone() };
        assert!(!Processes.is_same(&another));
        assert_eq!(stat(0), None);
        assert_eq!(Processes.describe(u32::MAX), None);
    }
}
