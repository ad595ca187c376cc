//! What the kernel takes to tell what descriptors are, when nobody looks at the answers.

use std::ffi::{CStr, CString};
use std::fs;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustix::fs::{CWD, Mode, OFlags, openat, readlinkat_raw};
use rustix::io::Result;

/// The descriptors of all processes that may be read, by name: what has to be asked, to know who holds which socket.
#[derive(Debug)]
pub struct Descriptors {
    folders: Vec<(PathBuf, Vec<CString>)>,
}

impl Descriptors {
    /// Those that there are now.
    pub fn list() -> Descriptors {
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let folders = processes.filter_map(|process| {
            let folder = process.path().join("fd");
            let names: Vec<CString> = fs::read_dir(&folder).ok()?.flatten().filter_map(|entry| name(&entry)).collect();
            Some((folder, names))
        });
        Descriptors { folders: folders.collect() }
    }

    /// Asks what each of them is, on so many threads: how many answered.
    pub fn ask(&self, threads: usize) -> usize {
        let (next, answers) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let ask_some = || {
            while let Some((folder, names)) = self.folders.get(next.fetch_add(1, Ordering::Relaxed)) {
                answers.fetch_add(ask(folder, names).unwrap_or(0), Ordering::Relaxed);
            }
        };
        thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(ask_some);
            }
            ask_some();
        });
        answers.into_inner()
    }
}

fn name(entry: &fs::DirEntry) -> Option<CString> {
    CString::new(entry.file_name().into_encoded_bytes()).ok()
}

fn ask(folder: &Path, names: &[CString]) -> Result<usize> {
    let folder = openat(CWD, folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let is_answered = |name: &&CString| {
        let name: &CStr = name;
        readlinkat_raw(&folder, name, &mut [MaybeUninit::uninit(); 64]).is_ok()
    };
    Ok(names.iter().filter(is_answered).count())
}
