//! The processes of Windows.

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

/// The list of all processes is longer than the room for it.
const STATUS_INFO_LENGTH_MISMATCH: u32 = 0xC000_0004;
const STATUS_SUCCESS: u32 = 0;

/// In bytes: room for some hundred processes and their threads, and for more than any machine has.
const FIRST_LIST: usize = 256 << 10;
const LONGEST_LIST: usize = 64 << 20;

/// The room of the answers is kept: the list's, and the modules'.
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
        // A process runs one program for as long as it lives.
        self.started(process.pid) == Some(process.started)
    }

    fn describe(&mut self, pid: u32) -> Option<Process> {
        let opened = open(pid)?;
        self.describe_opened(pid, &opened)
    }

    fn module(&mut self, row: &OwnerModuleRow, process: &Process) -> Option<Module> {
        // A function that is missing has no code; it refuses like one that does not want to.
        let call = |row: &MIB_TCP6ROW_OWNER_MODULE, room: &mut [Word], size: &mut u32| {
            kernel32::owner_module(row, room, size).unwrap_or(ERROR_PROC_NOT_FOUND)
        };
        owner_module::ask_for_row(&mut self.names, row.as_raw(), call)?.module(process)
    }
}

impl Processes {
    fn started(&mut self, pid: u32) -> Option<u64> {
        let opened = open(pid)?;
        self.started_of(pid, &opened)
    }

    fn started_of(&mut self, pid: u32, opened: &Opened) -> Option<u64> {
        match opened {
            Opened::Open(process) => kernel32::started(process),
            Opened::Refused => self.list.find(pid)?.started(),
        }
    }

    fn describe_opened(&mut self, pid: u32, opened: &Opened) -> Option<Process> {
        let started = self.started_of(pid, opened)?;
        let path = match opened {
            // Of processes without an executable, like System, it may be a mere name.
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

/// A process that runs.
enum Opened {
    Open(OwnedHandle),
    /// There is one, which may not be opened.
    Refused,
}

/// The process with this id, if one runs.
fn open(pid: u32) -> Option<Opened> {
    // OpenProcess overlooks the two lower bits, which no id has set.
    if pid % 4 != 0 {
        return None;
    }
    match kernel32::open(pid) {
        Ok(process) => kernel32::runs(&process).then_some(Opened::Open(process)),
        // So OpenProcess says that there is none.
        Err(error) if error.raw_os_error() == Some(ERROR_INVALID_PARAMETER as i32) => None,
        Err(_) => Some(Opened::Refused),
    }
}

/// The list of all processes, as it was at some time since [`Lookup::begin`].
#[derive(Debug)]
struct List {
    words: Vec<Word>,
    /// How many bytes there are, if it has been asked for.
    length: Option<usize>,
}

impl List {
    fn find(&mut self, pid: u32) -> Option<ProcessEntry<'_>> {
        let length = self.length.unwrap_or_else(|| self.fill());
        self.length = Some(length);
        ProcessEntry::find(pod::bytes_of(&self.words).get(..length)?, pid)
    }

    /// Asks for the list; gives its length, 0 if there is none to be had.
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
                // It grows while it is asked for.
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
    fn a_process_that_may_not_be_opened_is_known_from_the_list() {
        let pid = std::process::id();
        let mut processes = Processes::new();
        let opened = processes.describe(pid).unwrap();
        let refused = processes.describe_opened(pid, &Opened::Refused).unwrap();
        assert_eq!(refused.started, opened.started);
        assert_eq!(refused.executable, Module { path: None, ..opened.executable });
        assert_eq!(processes.started_of(pid, &Opened::Refused), processes.started(pid));
    }

    #[test]
    fn an_id_that_nobody_has_is_not_asked_for_in_the_list() {
        let mut processes = Processes::new();
        for pid in [0, u32::MAX] {
            assert_eq!((processes.started(pid), processes.describe(pid)), (None, None));
        }
        assert_eq!(processes.list.length, None);
    }
}
