//! Process look-ups on Windows.

use std::os::windows::io::OwnedHandle;

use tcp6_sys::{ERROR_INVALID_PARAMETER, ERROR_PROC_NOT_FOUND, MIB_TCP6ROW_OWNER_MODULE};

use super::process_list::ProcessEntry;
use super::response::os_string;
use super::{kernel32, owner_module};
use crate::process::cache::Lookup;
use crate::process::{Module, Process};
use crate::row::Row;
use crate::row::class::OwnerModuleRow;
use crate::row::pod::{self, Word};

/// The buffer is too small for the list of all processes.
const STATUS_INFO_LENGTH_MISMATCH: u32 = 0xC000_0004;
const STATUS_SUCCESS: u32 = 0;

/// The initial capacity for the list, in bytes: some hundred processes and their threads.
const FIRST_LIST: usize = 256 << 10;

/// The maximum capacity for the list, in bytes: more processes than any machine has.
const LONGEST_LIST: usize = 64 << 20;

/// Looks up processes and modules. It reuses the buffers of the process list and the module names.
#[derive(Debug)]
pub(crate) struct Processes {
    list: List,
    names: Vec<Word>,
}

impl Processes {
    pub(crate) fn new() -> Processes {
        Processes { list: List { words: Vec::new(), length: None }, names: Vec::new() }
    }
}

impl Lookup for Processes {
    const HAS_MODULES: bool = true;

    fn begin(&mut self) {
        self.list.length = None;
    }

    fn is_same(&mut self, process: &Process) -> bool {
        // The creation time suffices, because a process cannot change its program.
        self.creation_time(process.pid) == Some(process.started)
    }

    fn describe(&mut self, pid: u32) -> Option<Process> {
        let opened = open(pid)?;
        self.describe_opened(pid, &opened)
    }

    fn module(&mut self, row: &OwnerModuleRow, process: &Process) -> Option<Module> {
        // A missing function is handled like one that fails.
        let call = |row: &MIB_TCP6ROW_OWNER_MODULE, buffer: &mut [Word], size: &mut u32| {
            kernel32::owner_module(row, buffer, size).unwrap_or(ERROR_PROC_NOT_FOUND)
        };
        owner_module::query_names_for_row(&mut self.names, row.as_raw(), call)?.module(process)
    }
}

impl Processes {
    fn creation_time(&mut self, pid: u32) -> Option<u64> {
        let opened = open(pid)?;
        self.creation_time_of(pid, &opened)
    }

    fn creation_time_of(&mut self, pid: u32, opened: &Opened) -> Option<u64> {
        match opened {
            Opened::Open(process) => kernel32::creation_time(process),
            Opened::Refused => self.list.find(pid)?.creation_time(),
        }
    }

    fn describe_opened(&mut self, pid: u32, opened: &Opened) -> Option<Process> {
        let started = self.creation_time_of(pid, opened)?;
        let path = match opened {
            // A process without an executable, such as System, may have a name instead of a path.
            Opened::Open(process) => kernel32::path(process).filter(|path| owner_module::has_folder(path)),
            Opened::Refused => None,
        };
        let name = match &path {
            Some(path) => os_string(owner_module::file_name(path)),
            None => os_string(&self.list.find(pid)?.name()?),
        };
        let executable = Module { name, path: path.map(|path| os_string(&path).into()) };
        Some(Process { pid, started, image: 0, executable, deleted: false })
    }
}

/// A running process.
enum Opened {
    Open(OwnedHandle),
    /// The process cannot be opened.
    Refused,
}

/// Opens the process with this id. Returns `None` if no such process is running.
fn open(pid: u32) -> Option<Opened> {
    // OpenProcess ignores the two lowest bits, which are zero in every process id.
    if pid % 4 != 0 {
        return None;
    }
    match kernel32::open(pid) {
        Ok(process) => kernel32::is_running(&process).then_some(Opened::Open(process)),
        // OpenProcess fails with this code if there is no such process.
        Err(error) if error.raw_os_error() == Some(ERROR_INVALID_PARAMETER as i32) => None,
        Err(_) => Some(Opened::Refused),
    }
}

/// The list of all processes, read at most once after each [`Lookup::begin`].
#[derive(Debug)]
struct List {
    words: Vec<Word>,
    /// The length in bytes, or `None` if the list has not been read. 0 if it could not be read.
    length: Option<usize>,
}

impl List {
    /// The entry of this process. Reads the list first if necessary.
    fn find(&mut self, pid: u32) -> Option<ProcessEntry<'_>> {
        let length = self.length.unwrap_or_else(|| self.fill());
        self.length = Some(length);
        ProcessEntry::find(pod::bytes_of(&self.words).get(..length)?, pid)
    }

    /// Reads the list. Returns its length in bytes, or 0 on failure.
    fn fill(&mut self) -> usize {
        let mut bytes = FIRST_LIST.max(size_of_val(&self.words[..]));
        while bytes <= LONGEST_LIST {
            let words = bytes / size_of::<Word>();
            if self.words.try_reserve_exact(words.saturating_sub(self.words.len())).is_err() {
                return 0;
            }
            self.words.resize(words, Word::default());
            match kernel32::list(&mut self.words) {
                (STATUS_SUCCESS, length) => return length,
                // The list may grow between two calls, so the new size has slack.
                (STATUS_INFO_LENGTH_MISMATCH, needed) => bytes = needed.saturating_add(needed / 4).max(bytes * 2),
                _ => return 0,
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn describes_refused_processes_from_the_list() {
        let pid = std::process::id();
        let mut processes = Processes::new();
        let opened = processes.describe(pid).unwrap();
        let refused = processes.describe_opened(pid, &Opened::Refused).unwrap();
        assert_eq!(refused.started, opened.started);
        assert_eq!(refused.executable, Module { path: None, ..opened.executable });
        assert_eq!(processes.creation_time_of(pid, &Opened::Refused), processes.creation_time(pid));
    }

    #[test]
    fn does_not_read_the_list_for_invalid_ids() {
        let mut processes = Processes::new();
        for pid in [0, u32::MAX] {
            assert_eq!((processes.creation_time(pid), processes.describe(pid)), (None, None));
        }
        assert_eq!(processes.list.length, None);
    }
}
