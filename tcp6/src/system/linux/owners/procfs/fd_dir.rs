//! Reads `/proc/PID/fd`: the numbers of descriptors and what they refer to.

use core::mem::MaybeUninit;
use std::ffi::CStr;
use std::str;

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{SeekFrom, readlinkat_raw, seek};
use rustix::io::Errno;

use super::dir::{Path, each_name, number};
use crate::system::linux::owners::fd_source::{FdRange, Link};

/// The maximum number of gaps to probe before listing the directory instead.
///
/// Probing that many gaps between `descriptors` descriptors takes as long as listing these.
const fn max_gaps(descriptors: u64) -> u64 {
    4 + descriptors / 4
}

/// What [`count_up`] has not read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// `range.max` descriptors have been read. The scan continues with this number.
    OverMax(u32),
    /// Numbers from `from` on are to be listed, and `max` descriptors of them to be read.
    ///
    /// All expected descriptors have been read, or there are many gaps. In the former case there are usually no others,
    /// unless the process has opened some since they were counted.
    ToList { from: u32, max: u64 },
}

/// Reads the descriptors 0, 1, 2 and so on until the expected number has been read.
///
/// This saves listing the directory: numbers are dense, because a new descriptor takes the lowest free number.
pub(super) fn count_up(
    range: FdRange,
    read: impl Fn(u32, &CStr) -> Result<Link, Errno>,
    found: &mut dyn FnMut(u32, Link),
) -> Result<Rest, Errno> {
    let FdRange { from, max, expected } = range;
    let expected = expected.unwrap_or(0);
    let (mut read_so_far, mut gaps, mut next) = (0, 0, from);
    while read_so_far < expected && gaps <= max_gaps(expected) && next < u32::MAX {
        if read_so_far == max {
            return Ok(Rest::OverMax(next));
        }
        match read(next, Path::new(format_args!("{next}")).as_c_str())? {
            Link::None => gaps += 1,
            link => {
                read_so_far += 1;
                found(next, link);
            }
        }
        next += 1;
    }
    Ok(Rest::ToList { from: next, max: max - read_so_far })
}

/// Lists the descriptors from `from` on and reads up to `max` of them.
///
/// Returns the next descriptor if there are more.
pub(super) fn list_from(
    dir: &OwnedFd,
    from: u32,
    max: u64,
    read: impl Fn(u32, &CStr) -> Result<Link, Errno>,
    found: &mut dyn FnMut(u32, Link),
) -> Result<Option<u32>, Errno> {
    // The kernel lists descriptors in ascending order. The position in the directory is the next number plus 2, for `.`
    // and `..`.
    seek(dir, SeekFrom::Start(u64::from(from) + 2))?;
    let (mut left, mut next) = (max, None);
    each_name(dir, |name| {
        let Some(descriptor) = number(name).filter(|descriptor| *descriptor >= from) else { return Ok(true) };
        if left == 0 {
            next = Some(descriptor);
            return Ok(false);
        }
        let link = read(descriptor, name)?;
        left -= u64::from(link != Link::None);
        found(descriptor, link);
        Ok(true)
    })?;
    Ok(next)
}

/// Reads what a descriptor refers to.
///
/// The caller must have the right to trace the process. Listing the directory does not require it.
///
/// Inlined, like its callers, into the loop that reads many: with a return from a function between two of these system
/// calls, reading takes a fifth longer (see benches/NOTES.md).
#[inline(always)]
pub(super) fn link(dir: impl AsFd, name: &CStr) -> Result<Link, Errno> {
    let mut target = [MaybeUninit::uninit(); 64];
    let target = match readlinkat_raw(dir, name, &mut target) {
        Ok((target, _)) => target,
        Err(Errno::NOENT) => return Ok(Link::None),
        Err(errno) => return Err(errno),
    };
    let inode = target.strip_prefix(b"socket:[").and_then(|rest| rest.strip_suffix(b"]"));
    Ok(inode.and_then(|inode| str::from_utf8(inode).ok()?.parse().ok()).map_or(Link::Other, Link::Socket))
}

/// Reads a link as [`link`] does, but returns [`Link::None`] for the descriptor `excepted`.
#[inline(always)]
pub(super) fn link_except(excepted: Option<u32>, descriptor: u32, dir: impl AsFd, name: &CStr) -> Result<Link, Errno> {
    if excepted == Some(descriptor) { Ok(Link::None) } else { link(dir, name) }
}
