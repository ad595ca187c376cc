//! `/proc`, as the resolver asks it. See `proc(5)`.

use core::mem::MaybeUninit;
use std::ffi::CStr;
use std::io::{self, Write};

use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use rustix::fs::{AtFlags, Mode, OFlags, RawDir, openat, readlinkat_raw, statat};
use rustix::io::{Errno, read};

use super::super::stat;
use super::tree::{Access, Glance, Link, Tree};

/// The processes of this machine, as far as this process' `/proc` shows them.
#[derive(Debug)]
pub(in crate::linux) struct Proc {
    /// `/proc`, if it is mounted.
    root: Option<OwnedFd>,
    /// What this process is called there.
    own: Option<u32>,
    /// Whether the kernel tells how many descriptors a process has. This one has some.
    tells_counts: bool,
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Proc {
    /// Without `/proc` there are no processes, and no owners. That is no error; having no descriptor for it is.
    pub(in crate::linux) fn open() -> Result<Proc, Errno> {
        let root = match openat(rustix::fs::CWD, c"/proc", FOLDER, Mode::empty()) {
            Ok(root) => Some(root),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS | Errno::PERM) => None,
            Err(errno) => return Err(errno),
        };
        let own = root.as_ref().and_then(|root| statat(root, c"self/fd", AtFlags::empty()).ok());
        let tells_counts = own.is_some_and(|own| own.st_size > 0);
        let mut name = [MaybeUninit::uninit(); 16];
        let own = root.as_ref().and_then(|root| readlinkat_raw(root, c"self", &mut name).ok());
        let own = own.and_then(|(name, _)| std::str::from_utf8(name).ok()?.parse().ok());
        Ok(Proc { root, own, tells_counts })
    }

    fn root(&self) -> Result<&OwnedFd, Errno> {
        self.root.as_ref().ok_or(Errno::NOENT)
    }
}

impl Tree for Proc {
    fn pids(&self, into: &mut Vec<u32>) -> io::Result<()> {
        // Opened anew: reading a folder moves its descriptor.
        let folder = openat(self.root()?, c".", FOLDER, Mode::empty())?;
        each_name(&folder, |name| {
            into.extend(number::<u32>(name));
            Ok(())
        })?;
        Ok(())
    }

    fn glance(&self, pid: u32) -> Glance {
        let path = Path::new(format_args!("{pid}/fd"));
        let stat = self.root().and_then(|root| statat(root, path.as_c_str(), AtFlags::empty()));
        stat.map_or(Glance::default(), |stat| Glance {
            count: u64::try_from(stat.st_size).ok().filter(|_| self.tells_counts),
            file: Some(stat.st_ino),
        })
    }

    fn started(&self, pid: u32) -> Option<u64> {
        let path = Path::new(format_args!("{pid}/stat"));
        let file = openat(self.root().ok()?, path.as_c_str(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
        let mut line = [0; stat::ENOUGH];
        let length = read(&file, &mut line).ok()?;
        stat::started(&line[..length])
    }

    fn link(&self, pid: u32, descriptor: u32) -> Link {
        let path = Path::new(format_args!("{pid}/fd/{descriptor}"));
        self.root().and_then(|root| link(root, path.as_c_str())).unwrap_or(Link::None)
    }

    fn links(&self, pid: u32, expected: Option<u64>, found: &mut dyn FnMut(u32, Link)) -> Access {
        let path = Path::new(format_args!("{pid}/fd"));
        let folder = self.root().and_then(|root| openat(root, path.as_c_str(), FOLDER, Mode::empty()));
        let read = folder.and_then(|folder| {
            // This one's own folder is open only now.
            let passing = (self.own == Some(pid)).then(|| folder.as_raw_fd() as u32);
            let read = |descriptor: u32, name: &CStr| {
                if passing == Some(descriptor) { Ok(Link::None) } else { link(&folder, name) }
            };
            match count_up(expected.unwrap_or(0), read, found)? {
                None => Ok(()),
                Some(first) => each_name(&folder, |name| {
                    if let Some(descriptor) = number(name).filter(|descriptor| *descriptor >= first) {
                        found(descriptor, read(descriptor, name)?);
                    }
                    Ok(())
                }),
            }
        });
        match read {
            Ok(()) => Access::Granted,
            Err(Errno::ACCESS | Errno::PERM) => Access::Refused,
            Err(Errno::NOENT | Errno::SRCH) => Access::Gone,
            Err(_) => Access::Failed,
        }
    }
}

/// The gaps in the numbers of so many descriptors that are passed over before these are listed instead: when that has
/// taken as long as listing them does.
const fn most_gaps(descriptors: u64) -> u64 {
    4 + descriptors / 4
}

/// Reads descriptors by counting up from 0 until as many have been found as there are, which saves listing them: the
/// numbers are dense, as a process always gets the lowest that is free. Gives the first number that was not tried, if that
/// did not find them all.
fn count_up(
    expected: u64,
    read: impl Fn(u32, &CStr) -> Result<Link, Errno>,
    found: &mut dyn FnMut(u32, Link),
) -> Result<Option<u32>, Errno> {
    let (mut left, mut gaps) = (expected, 0);
    for descriptor in 0..u32::MAX {
        if left == 0 && expected > 0 {
            return Ok(None);
        }
        if left == 0 || gaps > most_gaps(expected) {
            return Ok(Some(descriptor));
        }
        match read(descriptor, Path::new(format_args!("{descriptor}")).as_c_str())? {
            Link::None => gaps += 1,
            link => {
                left -= 1;
                found(descriptor, link);
            }
        }
    }
    Ok(None)
}

/// What a descriptor is. Who may list a process' descriptors need not be allowed to know: that takes the right to trace
/// it.
fn link(folder: impl AsFd, name: &CStr) -> Result<Link, Errno> {
    let mut target = [MaybeUninit::uninit(); 64];
    let target = match readlinkat_raw(folder, name, &mut target) {
        Ok((target, _)) => target,
        Err(Errno::NOENT) => return Ok(Link::None),
        Err(errno) => return Err(errno),
    };
    let inode = target.strip_prefix(b"socket:[").and_then(|rest| rest.strip_suffix(b"]"));
    Ok(inode.and_then(|inode| std::str::from_utf8(inode).ok()?.parse().ok()).map_or(Link::Other, Link::Socket))
}

fn each_name(folder: &OwnedFd, mut each: impl FnMut(&CStr) -> Result<(), Errno>) -> Result<(), Errno> {
    let mut entries = [MaybeUninit::uninit(); 16 * 1024];
    let mut folder = RawDir::new(folder, &mut entries);
    while let Some(entry) = folder.next() {
        each(entry?.file_name())?;
    }
    Ok(())
}

fn number<T: std::str::FromStr>(name: &CStr) -> Option<T> {
    name.to_str().ok()?.parse().ok()
}

/// A path below `/proc`, which needs no heap: two numbers and a few letters.
struct Path {
    bytes: [u8; 40],
}

impl Path {
    fn new(path: core::fmt::Arguments<'_>) -> Path {
        let mut bytes = [0; 40];
        let mut rest = &mut bytes[..39];
        // Two numbers of ten digits fit; and what did not would be no path of any process.
        let _ = rest.write_fmt(path);
        Path { bytes }
    }

    fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or(c"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_seen_with_its_descriptors() {
        let proc = Proc::open().unwrap();
        let own = std::process::id();
        let mut pids = Vec::new();
        proc.pids(&mut pids).unwrap();
        assert!(pids.contains(&own));
        assert!(proc.started(own).is_some());
        let socket = std::net::UdpSocket::bind("[::1]:0").unwrap();
        let inode = rustix::fs::fstat(&socket).unwrap().st_ino as u32;
        let mut found = None;
        // However many are expected: none, too few, as many as there are, too many.
        for expected in [None, Some(1), proc.glance(own).count, Some(100_000)] {
            let mut descriptors = Vec::new();
            let access = proc.links(own, expected, &mut |descriptor, link| {
                descriptors.push(descriptor);
                if link == Link::Socket(inode) {
                    found = Some(descriptor);
                }
            });
            assert_eq!(access, Access::Granted);
            assert!(descriptors.is_sorted_by(|a, b| a < b), "{descriptors:?}");
            // Standard input, whether they are counted up or listed.
            assert_eq!(descriptors.first(), Some(&0), "{expected:?}");
            assert!(expected == Some(1) || descriptors.contains(&found.unwrap()));
        }
        assert_eq!(proc.link(own, found.unwrap()), Link::Socket(inode));
        // No more and no fewer than there are; the folder that they are read from is not one of them. Other tests open
        // and close some meanwhile.
        let is_exact = || {
            let (mut number, count) = (0, proc.glance(own).count);
            proc.links(own, count, &mut |_, link| number += u64::from(link != Link::None));
            !proc.tells_counts || proc.glance(own).count == count && Some(number) == count
        };
        assert!((0..1_000).any(|_| is_exact()));
        assert_eq!(proc.link(own, u32::MAX), Link::None);
        assert_eq!(proc.glance(u32::MAX).file, None);
        assert_eq!(proc.glance(own).file, proc.glance(own).file);
        assert_eq!(proc.started(u32::MAX), None);
    }
}
