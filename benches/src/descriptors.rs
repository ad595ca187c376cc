//! The kernel's part of finding owners: reads the links of all descriptors and ignores the results.

use std::ffi::{CStr, CString};
use std::fs;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustix::fs::{CWD, Mode, OFlags, openat, readlinkat_raw};
use rustix::io::Result;

/// The names of the descriptors of all readable processes. To find owners, all must be read.
#[derive(Debug)]
pub struct Descriptors {
    folders: Vec<(PathBuf, Vec<CString>)>,
}

impl Descriptors {
    /// Lists the descriptors that are open now.
    pub fn list() -> Descriptors {
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let folders = processes.filter_map(|process| {
            let folder = process.path().join("fd");
            let names: Vec<CString> = fs::read_dir(&folder).ok()?.flatten().filter_map(|entry| name(&entry)).collect();
            Some((folder, names))
        });
        Descriptors { folders: folders.collect() }
    }

    /// Reads the link of each descriptor on `threads` threads.
    ///
    /// Returns the number of links that could be read.
    pub fn ask(&self, threads: usize) -> usize {
        let (next, links) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let read_some = || {
            while let Some((folder, names)) = self.folders.get(next.fetch_add(1, Ordering::Relaxed)) {
                links.fetch_add(read_links(folder, names).unwrap_or(0), Ordering::Relaxed);
            }
        };
        thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(read_some);
            }
            read_some();
        });
        links.into_inner()
    }
}

fn name(entry: &fs::DirEntry) -> Option<CString> {
    CString::new(entry.file_name().into_encoded_bytes()).ok()
}

fn read_links(folder: &Path, names: &[CString]) -> Result<usize> {
    let folder = openat(CWD, folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let is_read = |name: &&CString| {
        let name: &CStr = name;
        readlinkat_raw(&folder, name, &mut [MaybeUninit::uninit(); 64]).is_ok()
    };
    Ok(names.iter().filter(is_read).count())
}
