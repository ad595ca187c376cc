//! The processes of Linux, from `/proc`.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::pid_stat::{self, Stat};
use crate::process::cache::Lookup;
use crate::process::{Module, Process};

/// The kernel keeps so many bytes of a name (TASK_COMM_LEN, less the zero).
const LONGEST_NAME: usize = 15;

/// What the kernel puts behind the path of an executable whose file has no name any more.
const DELETED: &[u8] = b" (deleted)";

/// Nothing is kept: a descriptor for each process would be a descriptor less for the program.
#[derive(Debug)]
pub(crate) struct Processes;

impl Processes {
    pub(crate) fn new() -> Processes {
        Processes
    }
}

/// A description of a process that starts another program meanwhile is tried again, this many times.
const MAX_ATTEMPTS: usize = 4;

impl Lookup for Processes {
    fn is_same(&mut self, process: &Process) -> bool {
        stat(process.pid) == Some(Stat { started: process.started, image: process.image })
    }

    fn describe(&mut self, pid: u32) -> Option<Process> {
        let mut before = stat(pid)?;
        for _ in 0..MAX_ATTEMPTS {
            let mut name = fs::read(FileOf::new(pid, "comm")).ok()?;
            if name.last() == Some(&b'\n') {
                name.pop();
            }
            let (path, deleted) = executable(pid);
            // Four files are not one moment. If nothing differs after them, they were of one program.
            let after = stat(pid)?;
            if after == before {
                let executable = Module { name: whole_name(name, path.as_deref()), path };
                return Some(Process { pid, started: after.started, image: after.image, executable, deleted });
            }
            before = after;
        }
        None
    }
}

fn stat(pid: u32) -> Option<Stat> {
    let mut line = [0; pid_stat::STAT_BUF_LEN];
    // The kernel writes the line at once, and a read gets as much of it as there is room for.
    let length = File::open(FileOf::new(pid, "stat")).ok()?.read(&mut line).ok()?;
    Stat::parse(line.get(..length)?)
}

/// The path of a file that the kernel has on a process, without an allocation.
struct FileOf {
    path: [u8; LONGEST_PATH],
    length: usize,
}

const LONGEST_PATH: usize = "/proc/4294967295/stat".len();

impl FileOf {
    /// The file's name has four letters at most.
    fn new(pid: u32, file: &str) -> FileOf {
        let mut path = [0; LONGEST_PATH];
        let mut free = &mut path[..];
        // A path that were too long would be cut, and lead nowhere.
        let _ = write!(free, "/proc/{pid}/{file}");
        let length = LONGEST_PATH - free.len();
        FileOf { path, length }
    }
}

impl AsRef<Path> for FileOf {
    fn as_ref(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.path[..self.length]))
    }
}

/// The name that the kernel has cut, if the executable shows what it was.
fn whole_name(name: Vec<u8>, path: Option<&Path>) -> OsString {
    let file = path.and_then(Path::file_name);
    match file {
        Some(file) if name.len() == LONGEST_NAME && file.as_bytes().starts_with(&name) => file.to_owned(),
        _ => OsString::from_vec(name),
    }
}

/// The path of the executable, and whether the file has been deleted.
fn executable(pid: u32) -> (Option<PathBuf>, bool) {
    let Ok(path) = fs::read_link(FileOf::new(pid, "exe")) else {
        return (None, false);
    };
    match path.as_os_str().as_bytes().strip_suffix(DELETED) {
        Some(before) if !leads_to_executable(&path, pid) => (Some(OsStr::from_bytes(before).into()), true),
        _ => (Some(path), false),
    }
}

/// Whether at this path there is the file that the process runs: it may be called so, with the mark in its name.
fn leads_to_executable(path: &Path, pid: u32) -> bool {
    let identity = |file: fs::Metadata| (file.dev(), file.ino());
    let at_path = fs::metadata(path).map(identity);
    let running = fs::metadata(FileOf::new(pid, "exe")).map(identity);
    matches!((at_path, running), (Ok(at_path), Ok(running)) if at_path == running)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_whole_only_if_it_was_cut() {
        let whole = |name: &str, path: &str| whole_name(name.into(), Some(Path::new(path)));
        assert_eq!(whole("systemd-resolve", "/usr/lib/systemd/systemd-resolved"), "systemd-resolved");
        assert_eq!(whole("exactly-fifteen", "/bin/exactly-fifteen"), "exactly-fifteen");
        assert_eq!(whole("worker", "/bin/worker-of-many"), "worker");
        assert_eq!(whole("a-script-with-a", "/usr/bin/python3"), "a-script-with-a");
        assert_eq!(whole_name(b"systemd-resolve".to_vec(), None), "systemd-resolve");
        assert_eq!(whole_name(vec![0xFF; 15], None).as_bytes(), [0xFF; 15]);
    }

    #[test]
    fn this_process_is_the_same_when_it_is_asked_for_again() {
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
