//! Compares the names of processes and modules with a model.

use std::ffi::OsString;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use tcp6::{Buffer, OwnerModuleRow, Processes, Query, Row, System};

use super::script::{Answer, Script};
use crate::children::Waiting;
use crate::machine::{Machine, Sizes};

const FUNCTION: &std::ffi::CStr = c"GetOwnerModuleFromTcp6Entry";

/// An existing process.
#[derive(Debug)]
pub struct Owner {
    pub pid: u32,
    name: String,
    /// `None` if the process refuses to be opened.
    path: Option<String>,
}

/// Looks up this process and its children, and verifies their names, paths and creation times.
pub fn owners(machine: &Machine, children: &[Waiting; 2]) -> Vec<Owner> {
    let own = std::env::current_exe().unwrap();
    let [waiting, refusing] = children;
    let programs = [
        (std::process::id(), &*own, true),
        (waiting.pid(), waiting.program(), true),
        (refusing.pid(), refusing.program(), false),
    ];
    let mut processes = Processes::new();
    programs
        .into_iter()
        .map(|(pid, program, has_path)| {
            let process = processes.get(pid).unwrap_or_else(|| panic!("{program:?} is not found"));
            assert_eq!((process.pid(), process.name()), (pid, program.file_name().unwrap()));
            let path = process.path().map(|path| path.to_str().unwrap().to_owned());
            assert_eq!(path.is_some(), has_path, "{program:?}");
            assert_eq!(machine.created(pid).is_some(), has_path, "{program:?}");
            if let Some(path) = &path {
                assert_eq!(Path::new(path).canonicalize().unwrap(), program.canonicalize().unwrap());
                assert_eq!(Some(process.started_ticks()), machine.created(pid));
            }
            Owner { pid, name: process.name().to_str().unwrap().to_owned(), path }
        })
        .collect()
}

/// The model of GetOwnerModuleFromTcp6Entry and of the look-ups in one batch.
struct Model<'a> {
    script: &'a Script,
    owners: &'a [Owner],
    answers: std::slice::Iter<'a, Answer>,
    /// The size of the buffer, which later queries keep.
    capacity: u32,
    calls: Vec<Sizes>,
}

type Names = (String, String);

impl Model<'_> {
    fn owner(&self, pid: u32) -> Option<&Owner> {
        self.owners.iter().find(|owner| owner.pid == pid)
    }

    /// Returns what the function returns without a scripted answer.
    fn names_of(&self, pid: u32, info: u64) -> Result<Names, u32> {
        if let Some(line) = self.script.modules.iter().find(|line| line.pid == pid && line.info == info) {
            return line.names.clone();
        }
        // Without a line, it names the executable of a process that it can open.
        let path = self.owner(pid).and_then(|owner| owner.path.clone()).ok_or(87_u32)?;
        Ok((file_name(&path).to_owned(), path))
    }

    /// Calls the function until the names fit, at most four times. Returns the code of a failure.
    fn query(&mut self, pid: u32, info: u64) -> Result<Names, u32> {
        const MAX: u32 = 128 << 10;
        let mut bytes = self.capacity;
        for _ in 0..4 {
            let given = bytes.next_multiple_of(8);
            self.capacity = given;
            let (result, reported) = match self.answers.next() {
                Some(Answer::Retryable(code, size)) => (Err(*code), size.unwrap_or(given)),
                Some(Answer::Final(code)) => (Err(*code), given),
                // Null pointers to the names.
                Some(Answer::Untouched(size)) => (Err(0), *size),
                None => match self.names_of(pid, info) {
                    Ok(names) => {
                        let units = names.0.len() + 1 + names.1.len() + 1;
                        let needed = (2 * size_of::<usize>() + 2 * units) as u32;
                        if needed > given { (Err(122), needed) } else { (Ok(names), given) }
                    }
                    Err(code) => (Err(code), given),
                },
            };
            self.calls.push(Sizes { given, reported });
            match result {
                Err(122) if bytes < MAX => bytes = reported.max(2 * bytes).min(MAX),
                other => return other,
            }
        }
        Err(122)
    }

    /// Returns name and path of the module, or `None` if no process has the pid.
    fn module(&mut self, pid: u32, info: u64) -> Option<(String, Option<String>)> {
        self.owner(pid)?;
        let names = match self.query(pid, info) {
            Err(126) if info != 0 => self.query(pid, 0),
            other => other,
        };
        let owner = self.owner(pid)?;
        let process = || (owner.name.clone(), owner.path.clone());
        let Ok((name, path)) = names else { return Some(process()) };
        let path = path.contains('\\').then_some(path);
        Some(match (name.is_empty(), path) {
            (false, path) => (name, path.or_else(|| owner.path.clone())),
            (true, Some(path)) => (file_name(&path).to_owned(), Some(path)),
            (true, None) => process(),
        })
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('\\').next().unwrap()
}

/// Looks up the module of each row in one batch.
pub fn check(script: &Script, owners: &[Owner], machine: &Machine) -> Result<(), TestCaseError> {
    machine.play(&script.text_of_names());
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let table = system.table::<OwnerModuleRow>(&Query::all(), &mut buffer).unwrap();
    let mut rows: Vec<(u32, u64, OwnerModuleRow)> = Vec::new();
    for row in &table {
        let raw = row.as_raw();
        let (pid, info) = (raw.dwOwningPid, raw.OwningModuleInfo[0]);
        // A batch looks up a module once, and keeps at most 64 modules of a process.
        if !rows.iter().any(|known| (known.0, known.1) == (pid, info)) && rows.len() < 64 {
            rows.push((pid, info, *row));
        }
    }
    let answers = script.module_answers.iter();
    let mut model = Model { script, owners, answers, capacity: 2048, calls: Vec::new() };
    let mut processes = Processes::new();
    let mut batch = processes.batch();
    // The second pass makes no calls.
    let mut expected = Vec::new();
    for (pid, info, _) in &rows {
        expected.push(model.module(*pid, *info));
    }
    for _ in 0..2 {
        for ((pid, info, row), expected) in rows.iter().zip(&expected) {
            let seen = batch.module(row).map(|module| (module.name().to_owned(), module.path().map(Path::to_owned)));
            let expected = expected.clone().map(|(name, path)| (OsString::from(name), path.map(Into::into)));
            prop_assert_eq!(seen, expected, "process {}, info {}", pid, info);
        }
    }
    prop_assert_eq!(machine.sizes(FUNCTION), model.calls);
    Ok(())
}
