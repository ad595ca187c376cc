//! The list of all processes: the response of NtQuerySystemInformation to SystemProcessInformation.
//!
//! Every caller may read it. It names even processes that the caller cannot open. Each entry contains the distance to
//! the next one and is followed by the threads of its process. [Microsoft's page] documents the creation time as
//! reserved; it has had the same offset since Windows NT.
//!
//! [Microsoft's page]: https://learn.microsoft.com/windows/win32/api/winternl/nf-winternl-ntquerysysteminformation
#![cfg_attr(not(windows), allow(dead_code))]

use core::mem::offset_of;

use super::response::Response;

/// The SYSTEM_INFORMATION_CLASS of this list.
pub(super) const SYSTEM_PROCESS_INFORMATION_CLASS: i32 = 5;

/// The first fields of an entry.
///
/// This type is used only for the offsets: fields are read one by one.
#[repr(C)]
#[allow(dead_code)]
struct SystemProcessInformation {
    next_entry_offset: u32,
    number_of_threads: u32,
    working_set_private_size: u64,
    hard_fault_count: u32,
    number_of_threads_high_watermark: u32,
    cycle_time: u64,
    create_time: u64,
    user_time: u64,
    kernel_time: u64,
    image_name: UnicodeString,
    base_priority: i32,
    unique_process_id: usize,
}

#[repr(C)]
#[allow(dead_code)]
struct UnicodeString {
    /// The length in bytes.
    length: u16,
    maximum_length: u16,
    buffer: usize,
}

// The 64-bit and 32-bit layouts differ only in the size of a pointer.
const _: () = {
    const WORD: usize = size_of::<usize>();
    assert!(offset_of!(SystemProcessInformation, create_time) == 32);
    assert!(offset_of!(SystemProcessInformation, image_name) == 56);
    assert!(offset_of!(UnicodeString, buffer) == WORD);
    assert!(offset_of!(SystemProcessInformation, unique_process_id) == 56 + 3 * WORD);
};

/// An entry of the list.
#[derive(Debug)]
pub(super) struct ProcessEntry<'a> {
    list: Response<'a>,
    offset: usize,
}

impl<'a> ProcessEntry<'a> {
    /// The entry of the process with this id.
    ///
    /// `None` if there is no such process, or if the list is malformed before its entry.
    pub(super) fn find(list: &'a [u8], pid: u32) -> Option<ProcessEntry<'a>> {
        let list = Response::new(list);
        let mut offset = 0_usize;
        loop {
            let id = list.word(offset.checked_add(offset_of!(SystemProcessInformation, unique_process_id))?)?;
            if u32::try_from(id) == Ok(pid) {
                return Some(ProcessEntry { list, offset });
            }
            match list.u32(offset)? {
                0 => return None,
                distance => offset = offset.checked_add(distance as usize)?,
            }
        }
    }

    /// The creation time of the process, in 100 ns ticks since 1601-01-01 UTC.
    pub(super) fn creation_time(&self) -> Option<u64> {
        self.list.u64(self.offset + offset_of!(SystemProcessInformation, create_time))
    }

    /// The file name of the executable, or `None` if it is empty.
    pub(super) fn name(&self) -> Option<Vec<u16>> {
        let text = self.offset + offset_of!(SystemProcessInformation, image_name);
        let length = self.list.u16(text + offset_of!(UnicodeString, length))?;
        let name = self.list.text(self.list.word(text + offset_of!(UnicodeString, buffer))?, length.into())?;
        (!name.is_empty()).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::pod::{self, Word};

    /// The distance between two entries in bytes. An entry, its threads and its name fit into it.
    const DISTANCE: usize = 256;

    /// The offset of the name in an entry.
    const NAME: usize = 200;

    fn put(words: &mut [Word], offset: usize, bytes: &[u8]) {
        pod::bytes_of_mut(words)[offset..][..bytes.len()].copy_from_slice(bytes);
    }

    /// A list of these processes. The creation time of each is ten times its id.
    fn list(processes: &[(u32, &str)]) -> Vec<Word> {
        let mut words = vec![Word::default(); processes.len() * DISTANCE / 8];
        let base = words.as_ptr().addr();
        for (i, (pid, name)) in processes.iter().enumerate() {
            let entry = i * DISTANCE;
            let distance = if i + 1 < processes.len() { DISTANCE as u32 } else { 0 };
            let text = entry + offset_of!(SystemProcessInformation, image_name);
            let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_ne_bytes).collect();
            put(&mut words, entry, &distance.to_ne_bytes());
            put(&mut words, entry + 32, &(u64::from(*pid) * 10).to_ne_bytes());
            put(&mut words, text, &(name.len() as u16).to_ne_bytes());
            put(&mut words, text + size_of::<usize>(), &(base + entry + NAME).to_ne_bytes());
            put(&mut words, text + 3 * size_of::<usize>(), &(*pid as usize).to_ne_bytes());
            put(&mut words, entry + NAME, &name);
        }
        words
    }

    #[test]
    fn finds_processes_by_id() {
        let words = list(&[(0, ""), (4, "System"), (812, "csrss.exe")]);
        let find = |pid| ProcessEntry::find(pod::bytes_of(&words), pid);
        let name = |pid| find(pid)?.name().map(|name| String::from_utf16(&name).unwrap());
        assert_eq!((name(4), find(4).unwrap().creation_time()), (Some("System".into()), Some(40)));
        assert_eq!((name(812), find(812).unwrap().creation_time()), (Some("csrss.exe".into()), Some(8120)));
        // The idle process has no name.
        assert!(find(0).is_some() && name(0).is_none());
        assert!(find(816).is_none());
    }

    #[test]
    fn stops_at_truncated_or_malformed_entries() {
        let words = list(&[(4, "System"), (812, "csrss.exe")]);
        let bytes = pod::bytes_of(&words);
        for end in 0..bytes.len() {
            if let Some(found) = ProcessEntry::find(&bytes[..end], 812) {
                assert_eq!(found.name().is_some(), end >= DISTANCE + NAME + 18, "{end} bytes");
            }
        }
        for distance in [1, 255, 512, u32::MAX] {
            let mut words = list(&[(4, "System"), (812, "csrss.exe")]);
            put(&mut words, 0, &distance.to_ne_bytes());
            assert!(ProcessEntry::find(pod::bytes_of(&words), 812).is_none(), "{distance}");
        }
        for address in [0, 1, usize::MAX, words.as_ptr().addr() - 2] {
            let mut words = list(&[(4, "System")]);
            put(&mut words, 56 + size_of::<usize>(), &address.to_ne_bytes());
            assert_eq!(ProcessEntry::find(pod::bytes_of(&words), 4).unwrap().name(), None);
        }
    }
}
