//! The network namespaces of the machine.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::vec;

use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, fstat, fstatfs, makedev, openat, stat, statat};
use rustix::io::Errno;

use super::mountinfo::{net_inode, net_mounts};
use super::namespace::{NamespaceId, ProcessDir, gone, is_refused, open_verified, verified};
use crate::error::{Error, Result};
use crate::system::System;

/// The directory in which `ip netns` mounts namespaces.
const RUN_NETNS: &str = "/run/netns";

/// `NSFS_MAGIC` of `linux/magic.h`.
const NSFS_MAGIC: u64 = 0x6E73_6673;

/// Lists the network namespaces of the machine.
///
/// It finds the namespaces of all processes, those that are mounted anywhere in the caller's mount namespace, and those
/// that a link in `/run/netns` names. A namespace is listed once, whatever leads to it, and the caller's own one first.
///
/// # What is not found
///
/// * Namespaces of processes that the caller may not trace, unless they are mounted:
///   [`Namespaces::refused`] counts these processes.
/// * Namespaces that only a thread other than the first of its process, an open descriptor or a socket keeps alive.
/// * Namespaces that are mounted in another mount namespace only, and without a process.
///
/// # Cost
///
/// One `stat` per process, and one file for all mounts.
///
/// # Errors
///
/// [`Error::Os`] if `/proc` cannot be listed.
///
/// # Example: the listeners of every namespace
///
/// ```
/// use tcp6::os::linux::{SystemExt, namespaces};
/// use tcp6::{Buffer, OwnerPidRow, Query, System};
///
/// let (system, mut buffer) = (System::new()?, Buffer::new());
/// let namespaces = namespaces()?;
/// if namespaces.refused > 0 {
///     eprintln!("the namespaces of {} processes are unknown", namespaces.refused);
/// }
/// for namespace in &namespaces.list {
///     match namespace.system(&system) {
///         Ok(mut inside) => {
///             let source = if inside.is_text() { "text" } else { "sock_diag" };
///             let table = inside.table::<OwnerPidRow>(&Query::listeners(), &mut buffer)?;
///             println!("{:?} {:?}: {} listeners from {source}", namespace.name(), namespace.pid, table.len());
///         }
///         // It needs CAP_SYS_ADMIN, or has ended since.
///         Err(error) => eprintln!("{:?}: {error}", namespace.name()),
///     }
/// }
/// # Ok::<(), tcp6::Error>(())
/// ```
#[doc(alias = "lsns")]
pub fn namespaces() -> Result<Namespaces> {
    let own = NamespaceId::of_this_thread();
    let mut found = BTreeMap::new();
    let refused = add_processes(&mut found)?;
    add_mounts(&mut found);
    add_links(&mut found);
    let mut list: Vec<Namespace> = found
        .into_iter()
        .map(|(id, Found { pid, paths })| Namespace {
            device: id.device,
            inode: id.inode,
            pid,
            paths,
            is_own: own == Some(id),
        })
        .collect();
    list.sort_by_key(|namespace| !namespace.is_own);
    Ok(Namespaces { list, refused })
}

/// The network namespaces of the machine. Returned by [`namespaces`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Namespaces {
    /// The namespaces: the caller's own one, then by device and inode.
    pub list: Vec<Namespace>,
    /// The number of processes whose namespace is unknown.
    ///
    /// The caller may not trace them (EACCES).
    pub refused: usize,
}

impl IntoIterator for Namespaces {
    type Item = Namespace;
    type IntoIter = vec::IntoIter<Namespace>;

    fn into_iter(self) -> vec::IntoIter<Namespace> {
        self.list.into_iter()
    }
}

/// A network namespace, as it was when it was listed.
///
/// The value does not keep the namespace alive; [`open`](Namespace::open) does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Namespace {
    /// The device of its file (`st_dev`).
    ///
    /// With `inode`, it identifies the namespace while that exists.
    pub device: u64,
    /// The inode of its file (`st_ino`), which the kernel shows as `net:[4026531840]`.
    pub inode: u64,
    /// The lowest pid of the processes that are in it. `None` if no known process is.
    pub pid: Option<u32>,
    /// The files at which it is mounted, or that link to it, such as `/run/netns/blue`.
    pub paths: Vec<PathBuf>,
    /// Whether the thread that listed the namespaces is in it.
    pub is_own: bool,
}

impl Namespace {
    /// The name that `ip netns` shows: that of a file in `/run/netns`. `None` if there is none.
    #[must_use]
    pub fn name(&self) -> Option<&OsStr> {
        self.paths.iter().find(|path| path.parent() == Some(Path::new(RUN_NETNS))).and_then(|path| path.file_name())
    }

    /// Opens the namespace, for `SystemExt::in_namespace`.
    ///
    /// The descriptor keeps the namespace alive.
    ///
    /// # Errors
    ///
    /// [`Error::Os`] with the code
    ///
    /// * ENOENT (2) if it is gone: its processes have ended and its files have been unmounted, or other namespaces have
    ///   taken their place.
    /// * EACCES (13) if the caller may neither trace its process nor open its files.
    pub fn open(&self) -> Result<OwnedFd> {
        let id = self.id();
        let mut refused = None;
        for path in &self.paths {
            match open_verified(path, id) {
                Err(error) if is_refused(&error) => refused = Some(error),
                Err(Error::Os { source, .. }) if source.raw_os_error() == Some(Errno::NOENT.raw_os_error()) => {}
                done => return done,
            }
        }
        let by_pid = || {
            let process = ProcessDir::open(self.pid.ok_or_else(gone)?)?;
            verified(process.namespace()?, id)
        };
        // That a path is refused tells more than that the process is gone.
        by_pid().map_err(|error| if is_refused(&error) { error } else { refused.unwrap_or(error) })
    }

    /// Opens a [`System`] for this namespace, which shares the descriptors that `like` has read.
    ///
    /// It enters the namespace like `SystemExt::in_namespace`. If that is refused and a process is in the namespace,
    /// it reads the text of the table instead, like `SystemExt::in_namespace_of`.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Namespace::open) and of `SystemExt::in_namespace`.
    pub fn system(&self, like: &System) -> Result<System> {
        let entered = self.open().and_then(|file| like.in_namespace(file.as_fd()));
        match (entered, self.pid) {
            (Err(error), Some(pid)) if is_refused(&error) => {
                like.in_namespace_by_text(&ProcessDir::open(pid)?, self.id())
            }
            (entered, _) => entered,
        }
    }

    fn id(&self) -> NamespaceId {
        NamespaceId { device: self.device, inode: self.inode }
    }
}

/// What leads to a namespace.
#[derive(Debug, Default)]
struct Found {
    pid: Option<u32>,
    paths: Vec<PathBuf>,
}

type FoundById = BTreeMap<NamespaceId, Found>;

/// Adds the namespaces of all processes. Returns the number of processes that refused.
fn add_processes(found: &mut FoundById) -> Result<usize> {
    let failed = |errno| Error::os("/proc", errno);
    let dir = openat(CWD, c"/proc", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let dir = dir.map_err(failed)?;
    let mut refused = 0;
    for entry in rustix::fs::Dir::read_from(&dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let Some(pid) = entry.file_name().to_str().ok().and_then(|name| name.parse::<u32>().ok()) else { continue };
        match statat(&dir, format!("{pid}/ns/net"), AtFlags::empty()) {
            Ok(stat) => {
                let known = found.entry(NamespaceId::of_stat(&stat)).or_default();
                known.pid = Some(known.pid.map_or(pid, |lowest| lowest.min(pid)));
            }
            Err(Errno::ACCESS | Errno::PERM) => refused += 1,
            // It has ended.
            Err(_) => {}
        }
    }
    Ok(refused)
}

/// Adds the namespaces that are mounted.
fn add_mounts(found: &mut FoundById) {
    // The mounts are those of the thread. `thread-self` exists since Linux 3.17.
    let text = match fs::read("/proc/thread-self/mountinfo") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::read("/proc/self/mountinfo"),
        text => text,
    };
    for mount in net_mounts(&text.unwrap_or_default()) {
        let id = NamespaceId { device: makedev(mount.device.0, mount.device.1) as u64, inode: mount.inode };
        let path = PathBuf::from(OsString::from_vec(mount.point));
        // Another mount can cover it. A file that the caller may not reach is kept, so that opening it says so.
        let is_covered = stat(&path).is_ok_and(|stat| NamespaceId::of_stat(&stat) != id);
        let known = found.entry(id).or_default();
        if !is_covered && !known.paths.contains(&path) {
            known.paths.push(path);
        }
    }
}

/// Adds the files in `/run/netns`, which can be links to the namespaces of processes.
fn add_links(found: &mut FoundById) {
    // Without the directory, there are none.
    let Ok(entries) = fs::read_dir(RUN_NETNS) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let is_known = found.values().any(|known| known.paths.contains(&path));
        if let Some(id) = if is_known { None } else { net_namespace(&path) } {
            found.entry(id).or_default().paths.push(path);
        }
    }
}

/// The network namespace at this path. `None` for other files.
fn net_namespace(path: &Path) -> Option<NamespaceId> {
    // O_PATH opens nothing: a FIFO does not block, and a device does nothing.
    let file = openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
    if fstatfs(&file).ok()?.f_type as u64 != NSFS_MAGIC {
        return None;
    }
    let stat = fstat(&file).ok()?;
    // The kernel's name of the file contains the kind of the namespace.
    let link = format!("/proc/thread-self/fd/{}", file.as_raw_fd());
    let name = fs::read_link(link).ok()?;
    net_inode(name.as_os_str().as_bytes()).filter(|inode| *inode == stat.st_ino)?;
    Some(NamespaceId::of_stat(&stat))
}
