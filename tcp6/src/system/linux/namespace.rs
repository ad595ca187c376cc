//! One network namespace: its identity, and how to enter it.

use std::fs::File;
use std::io;
use std::panic;
use std::path::Path;
use std::thread;

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, Stat, fstat, openat, stat, statat};
use rustix::io::Errno;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::error::{Error, Result};

/// The call in the error for a namespace whose process or file no longer exists.
const GONE: &str = "the network namespace is gone";

/// The device and the inode of a namespace's file, which identify it while it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::system) struct NamespaceId {
    pub(super) device: u64,
    pub(super) inode: u64,
}

impl NamespaceId {
    pub(super) fn of_stat(stat: &Stat) -> NamespaceId {
        // The device has 32 bits on some targets.
        #[allow(clippy::unnecessary_cast)]
        let device = stat.st_dev as u64;
        NamespaceId { device, inode: stat.st_ino }
    }

    /// The namespace of this descriptor.
    pub(super) fn of(namespace: impl AsFd) -> Result<NamespaceId> {
        let stat = fstat(namespace).map_err(|errno| Error::os("fstat of a network namespace", errno))?;
        Ok(NamespaceId::of_stat(&stat))
    }

    /// The namespace of the calling thread.
    ///
    /// `None` if `/proc` is not that of its pid namespace, or not mounted.
    pub(super) fn of_this_thread() -> Option<NamespaceId> {
        // `thread-self` exists since Linux 3.17.
        let by_id = || stat(format!("/proc/self/task/{}/ns/net", rustix::thread::gettid().as_raw_pid()));
        stat(c"/proc/thread-self/ns/net").or_else(|_| by_id()).ok().map(|stat| NamespaceId::of_stat(&stat))
    }
}

/// The error for a namespace that no longer exists.
pub(super) fn gone() -> Error {
    Error::os(GONE, Errno::NOENT)
}

/// Calls `open` in the namespace `id`, of which `namespace` is a descriptor.
///
/// If the calling thread is in it, that needs no privilege. Otherwise another thread enters it, and ends.
pub(super) fn enter<T: Send>(
    namespace: BorrowedFd<'_>,
    id: NamespaceId,
    open: impl FnOnce() -> Result<T> + Send,
) -> Result<T> {
    if NamespaceId::of_this_thread() == Some(id) {
        return open();
    }
    let open = || {
        move_into_link_name_space(namespace, Some(LinkNameSpaceType::Network)).map_err(entering)?;
        open()
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new().spawn_scoped(scope, open);
        let thread = thread.map_err(|error| Error::os("thread for a network namespace", error))?;
        thread.join().unwrap_or_else(|payload| panic::resume_unwind(payload))
    })
}

/// The error for a namespace that cannot be entered.
fn entering(errno: Errno) -> Error {
    match errno {
        Errno::INVAL => Error::os("setns: the descriptor is not a network namespace", errno),
        errno => Error::os("setns to a network namespace", errno),
    }
}

/// The directory of a process in `/proc`.
///
/// It never becomes that of a later process with the same pid.
#[derive(Debug)]
pub(in crate::system) struct ProcessDir(OwnedFd);

impl ProcessDir {
    /// # Errors
    ///
    /// [`gone`] if there is no such process.
    pub(super) fn open(pid: u32) -> Result<ProcessDir> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = openat(CWD, format!("/proc/{pid}"), flags, Mode::empty());
        dir.map(ProcessDir).map_err(|errno| of_process("/proc/PID", errno))
    }

    /// Opens the namespace of the process.
    pub(super) fn namespace(&self) -> Result<OwnedFd> {
        let file = openat(&self.0, c"ns/net", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        file.map_err(|errno| of_process("/proc/PID/ns/net", errno))
    }

    /// Opens a file of the namespace of the process: `net/NAME`. It stays with the namespace.
    pub(super) fn open_net(&self, name: &str) -> io::Result<File> {
        let file = openat(&self.0, format!("net/{name}"), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(file.into())
    }

    /// Verifies that the process is in the `expected` namespace, if one is given.
    ///
    /// # Errors
    ///
    /// [`gone`] if it is in another one, or has ended.
    pub(super) fn verify(&self, expected: Option<NamespaceId>) -> Result<()> {
        let Some(expected) = expected else { return Ok(()) };
        match statat(&self.0, c"ns/net", AtFlags::empty()) {
            Ok(stat) if NamespaceId::of_stat(&stat) == expected => Ok(()),
            Ok(_) => Err(gone()),
            Err(errno) => Err(of_process("/proc/PID/ns/net", errno)),
        }
    }
}

/// The error of a file of a process.
///
/// ENXIO: the kernel is removing the namespace.
pub(super) fn of_process(path: &'static str, errno: Errno) -> Error {
    match errno {
        Errno::NOENT | Errno::SRCH | Errno::NXIO => gone(),
        errno => Error::os(path, errno),
    }
}

/// Whether an error means that the caller may not enter or open a namespace.
pub(super) fn is_refused(error: &Error) -> bool {
    [Errno::PERM, Errno::ACCESS].iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Opens a file and verifies that it is this namespace.
pub(super) fn open_verified(path: &Path, id: NamespaceId) -> Result<OwnedFd> {
    // A file that is no namespace can be a FIFO.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file =
        openat(CWD, path, flags, Mode::empty()).map_err(|errno| of_process("file of a network namespace", errno))?;
    verified(file, id)
}

/// Returns the file if it is this namespace.
pub(super) fn verified(file: OwnedFd, id: NamespaceId) -> Result<OwnedFd> {
    if NamespaceId::of(&file)? == id { Ok(file) } else { Err(gone()) }
}
