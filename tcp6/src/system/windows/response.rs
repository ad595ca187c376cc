//! What a call has written, with pointers into itself.
//!
//! Several calls of Windows write structures and texts into one buffer of the caller's, and into the structures the
//! addresses of the texts. Nothing is believed of such an address: it is turned into an offset and read through the
//! slice, so that one which leads elsewhere leads nowhere.
#![cfg_attr(not(windows), allow(dead_code))]

use std::ffi::OsString;

/// The bytes that a call wrote, where it wrote them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Response<'a> {
    bytes: &'a [u8],
}

impl<'a> Response<'a> {
    /// They must not have been moved: the addresses in them are of this place.
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

    /// An address, or a handle.
    pub(super) fn word(self, offset: usize) -> Option<usize> {
        self.at(offset).map(usize::from_ne_bytes)
    }

    /// The text of so many bytes at an address.
    pub(super) fn text(self, address: usize, bytes: usize) -> Option<Vec<u16>> {
        Some(units(self.behind(address)?.get(..bytes)?).collect())
    }

    /// The text at an address, up to its zero, which must be there.
    pub(super) fn text_to_zero(self, address: usize) -> Option<Vec<u16>> {
        let behind = self.behind(address)?;
        let length = units(behind).position(|unit| unit == 0)?;
        Some(units(behind).take(length).collect())
    }

    fn at<const N: usize>(self, offset: usize) -> Option<[u8; N]> {
        self.bytes.get(offset..)?.first_chunk().copied()
    }

    /// The bytes from an address on, at which a unit of UTF-16 may stand.
    fn behind(self, address: usize) -> Option<&'a [u8]> {
        if address % align_of::<u16>() != 0 {
            return None;
        }
        self.bytes.get(address.checked_sub(self.bytes.as_ptr().addr())?..)
    }
}

fn units(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.chunks_exact(size_of::<u16>()).map(|unit| u16::from_ne_bytes([unit[0], unit[1]]))
}

/// The text, nothing lost.
#[cfg(windows)]
pub(super) fn os_string(units: &[u16]) -> OsString {
    std::os::windows::ffi::OsStringExt::from_wide(units)
}

/// The text, for tests: other systems cannot keep what is no UTF-16.
#[cfg(not(windows))]
pub(super) fn os_string(units: &[u16]) -> OsString {
    String::from_utf16_lossy(units).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::pod::{self, Word};

    #[test]
    fn texts_are_found_within_the_bytes_and_nowhere_else() {
        let hi: Vec<u16> = "hi".encode_utf16().collect();
        let mut words = [Word::default(); 4];
        for (i, unit) in hi.iter().enumerate() {
            pod::bytes_of_mut(&mut words)[8 + 2 * i..][..2].copy_from_slice(&unit.to_ne_bytes());
        }
        let response = Response::new(pod::bytes_of(&words));
        let base = words.as_ptr().addr();
        assert_eq!(response.text(base + 8, 4), Some(hi.clone()));
        assert_eq!(response.text_to_zero(base + 8), Some(hi));
        assert_eq!(response.text_to_zero(base), Some(vec![]));
        assert_eq!(response.text(base + 32, 0), Some(vec![]));
        for address in [0, 1, base - 2, base + 9, base + 34, usize::MAX, usize::MAX - 1] {
            assert_eq!(response.text(address, 2), None, "{address:#x}");
            assert_eq!(response.text_to_zero(address), None, "{address:#x}");
        }
        assert_eq!(response.text(base, 33), None);
        assert_eq!(response.text(base, usize::MAX), None);
        assert_eq!(response.text_to_zero(base + 32), None);
    }

    #[test]
    fn numbers_are_read_within_the_bytes() {
        let response = Response::new(&[1, 1, 1, 1, 1, 1, 1, 1]);
        assert_eq!(response.u16(6), Some(0x0101));
        assert_eq!(response.u32(1), Some(0x0101_0101));
        assert_eq!(response.u64(0), Some(0x0101_0101_0101_0101));
        assert_eq!((response.u16(7), response.u32(5), response.u64(1), response.word(8)), (None, None, None, None));
        assert_eq!(response.u16(usize::MAX), None);
    }
}
