//! Checked reads from a response that contains pointers into itself.
//!
//! Several Windows functions write structures and strings into one buffer of the caller. The structures contain the
//! addresses of the strings. These addresses are untrusted: each is converted to an offset and read through the slice,
//! so an address outside the buffer yields `None`.
#![cfg_attr(not(windows), allow(dead_code))]

use std::ffi::OsString;

/// A response, in the buffer into which the function wrote it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Response<'a> {
    bytes: &'a [u8],
}

impl<'a> Response<'a> {
    /// A response in these bytes.
    ///
    /// They must be the original buffer, not a copy, because the addresses in it point into the original.
    pub(super) fn new(bytes: &'a [u8]) -> Response<'a> {
        Response { bytes }
    }

    pub(super) fn u16(self, offset: usize) -> Option<u16> {
        self.at(offset).map(u16::from_ne_bytes)
    }

    pub(super) fn u32(self, offset: usize) -> Option<u32> {
        self.at(offset).map(u32::from_ne_bytes)
    }

    pub(super) fn u64(self, offset: usize) -> Option<u64> {
        self.at(offset).map(u64::from_ne_bytes)
    }

    /// A pointer-sized value: an address or a handle.
    pub(super) fn word(self, offset: usize) -> Option<usize> {
        self.at(offset).map(usize::from_ne_bytes)
    }

    /// The UTF-16 string of `bytes` bytes at an address.
    pub(super) fn text(self, address: usize, bytes: usize) -> Option<Vec<u16>> {
        Some(units(self.bytes_from(address)?.get(..bytes)?).collect())
    }

    /// The UTF-16 string at an address. It must end with a NUL within the response.
    pub(super) fn nul_terminated_text(self, address: usize) -> Option<Vec<u16>> {
        let bytes = self.bytes_from(address)?;
        let length = units(bytes).position(|unit| unit == 0)?;
        Some(units(bytes).take(length).collect())
    }

    /// The `N` bytes at an offset.
    fn at<const N: usize>(self, offset: usize) -> Option<[u8; N]> {
        self.bytes.get(offset..)?.first_chunk().copied()
    }

    /// The bytes from an address to the end. The address must be aligned for UTF-16.
    fn bytes_from(self, address: usize) -> Option<&'a [u8]> {
        if address % align_of::<u16>() != 0 {
            return None;
        }
        self.bytes.get(address.checked_sub(self.bytes.as_ptr().addr())?..)
    }
}

/// The UTF-16 code units in these bytes.
fn units(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.chunks_exact(size_of::<u16>()).map(|unit| u16::from_ne_bytes([unit[0], unit[1]]))
}

/// Converts UTF-16 to an `OsString` without loss.
#[cfg(windows)]
pub(super) fn os_string(units: &[u16]) -> OsString {
    std::os::windows::ffi::OsStringExt::from_wide(units)
}

/// Converts UTF-16 for tests on other systems, where unpaired surrogates are replaced.
#[cfg(not(windows))]
pub(super) fn os_string(units: &[u16]) -> OsString {
    String::from_utf16_lossy(units).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::pod::{self, Word};

    #[test]
    fn reads_texts_only_within_the_response() {
        let hi: Vec<u16> = "hi".encode_utf16().collect();
        let mut words = [Word::default(); 4];
        for (i, unit) in hi.iter().enumerate() {
            pod::bytes_of_mut(&mut words)[8 + 2 * i..][..2].copy_from_slice(&unit.to_ne_bytes());
        }
        let response = Response::new(pod::bytes_of(&words));
        let base = words.as_ptr().addr();
        assert_eq!(response.text(base + 8, 4), Some(hi.clone()));
        assert_eq!(response.nul_terminated_text(base + 8), Some(hi));
        assert_eq!(response.nul_terminated_text(base), Some(vec![]));
        assert_eq!(response.text(base + 32, 0), Some(vec![]));
        for address in [0, 1, base - 2, base + 9, base + 34, usize::MAX, usize::MAX - 1] {
            assert_eq!(response.text(address, 2), None, "{address:#x}");
            assert_eq!(response.nul_terminated_text(address), None, "{address:#x}");
        }
        assert_eq!(response.text(base, 33), None);
        assert_eq!(response.text(base, usize::MAX), None);
        assert_eq!(response.nul_terminated_text(base + 32), None);
    }

    #[test]
    fn reads_numbers_only_within_the_response() {
        let response = Response::new(&[1, 1, 1, 1, 1, 1, 1, 1]);
        assert_eq!(response.u16(6), Some(0x0101));
        assert_eq!(response.u32(1), Some(0x0101_0101));
        assert_eq!(response.u64(0), Some(0x0101_0101_0101_0101));
        assert_eq!((response.u16(7), response.u32(5), response.u64(1), response.word(8)), (None, None, None, None));
        assert_eq!(response.u16(usize::MAX), None);
    }
}
