//! Names and paths in `/proc`.

use core::mem::MaybeUninit;
use std::ffi::CStr;
use std::io::Write;

use rustix::fd::OwnedFd;
use rustix::fs::RawDir;
use rustix::io::Errno;

/// Passes the names in a directory to `each` until it returns false.
pub(super) fn each_name(dir: &OwnedFd, mut each: impl FnMut(&CStr) -> Result<bool, Errno>) -> Result<(), Errno> {
    let mut entries = [MaybeUninit::uninit(); 16 * 1024];
    let mut dir = RawDir::new(dir, &mut entries);
    while let Some(entry) = dir.next() {
        if !each(entry?.file_name())? {
            break;
        }
    }
    Ok(())
}

/// The number that a name consists of.
pub(super) fn number<T: std::str::FromStr>(name: &CStr) -> Option<T> {
    name.to_str().ok()?.parse().ok()
}

/// A path below `/proc`, on the stack: up to 39 bytes.
pub(super) struct Path {
    bytes: [u8; 40],
}

impl Path {
    pub(super) fn new(path: core::fmt::Arguments<'_>) -> Path {
        let mut bytes = [0; 40];
        let mut rest = &mut bytes[..39];
        // Two numbers of ten digits and a few letters fit. A truncated path does not exist.
        let _ = rest.write_fmt(path);
        Path { bytes }
    }

    pub(super) fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or(c"")
    }
}
