//! The list of all processes: NtQuerySystemInformation's answer to SystemProcessInformation.
//!
//! It is what names a process that may not be opened, for whoever asks. Processes stand at distances that each of them
//! tells, followed by their threads. Microsoft's page calls the time of creation reserved; it has been at its place
//! since Windows NT.
//!
//! [Microsoft's page](https://learn.microsoft.com/windows/win32/api/winternl/nf-winternl-ntquerysysteminformation)
#![cfg_attr(not(windows), allow(dead_code))]

use core::mem::offset_of;

use super::response::Response;

/// The call's number for this list.
pub(super) const SYSTEM_PROCESS_INFORMATION_CLASS: i32 = 5;

/// The beginning of a process in the list. It is read field by field; this says where they are.
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
    /// In bytes.
    length: u16,
    maximum_length: u16,
    buffer: usize,
}

// What the structures of the 64-bit and of the 32-bit system have in common, and where they differ.
const _: () = {
    const WORD: usize = size_of::<usize>();
    assert!(offset_of!(SystemProcessInformation, create_time) == 32);
    assert!(offset_of!(SystemProcessInformation, image_name) == 56);
    assert!(offset_of!(UnicodeString, buffer) == WORD);
    assert!(offset_of!(SystemProcessInformation, unique_process_id) == 56 + 3 * WORD);
};

/// A process in the list.
#[derive(Debug)]
pub(super) struct ProcessEntry<'a> {
    list: Response<'a>,
    offset: usize,
}

impl<'a> ProcessEntry<'a> {
    /// The process with this id.
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

    /// When it was created, in 100 ns ticks since 1601-01-01 UTC.
    pub(super) fn started(&self) -> Option<u64> {
        self.list.u64(self.offset + offset_of!(SystemProcessInformation, create_time))
    }

    /// The name of its executable's file.
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

    /// Between two processes, in bytes: room for one, its threads, and its name.
    const DISTANCE: usize = 256;
    const NAME: usize = 200;

    fn put(words: &mut [Word], offset: usize, bytes: &[u8]) {
        pod::bytes_of_mut(words)[offset..][..bytes.len()].copy_from_slice(bytes);
    }

    /// The list with these in it; each was started at ten times its id.
    fn list(processes: &[(u32, &str)]) -> Vec<Word> {
        let mut words = vec![Word::default(); processes.len() * DISTANCE / 8];
        let base = words.as_ptr().addr();
        for (i, (pid, name)) in processes.iter().enumerate() {
            let at = i * DISTANCE;
            let distance = if i + 1 < processes.len() { DISTANCE as u32 } else { 0 };
            let text = at + offset_of!(SystemProcessInformation, image_name);
            let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_ne_bytes).collect();
            put(&mut words, at, &distance.to_ne_bytes());
            put(&mut words, at + 32, &(u64::from(*pid) * 10).to_ne_bytes());
            put(&mut words, text, &(name.len() as u16).to_ne_bytes());
            put(&mut words, text + size_of::<usize>(), &(base + at + NAME).to_ne_bytes());
            put(&mut words, text + 3 * size_of::<usize>(), &(*pid as usize).to_ne_bytes());
            put(&mut words, at + NAME, &name);
        }
        words
    }

    #[test]
    fn each_process_is_found_by_its_id() {
        let words = list(&[(0, ""), (4, "System"), (812, "csrss.exe")]);
        let find = |pid| ProcessEntry::find(pod::bytes_of(&words), pid);
        let name = |pid| find(pid)?.name().map(|name| String::from_utf16(&name).unwrap());
        assert_eq!((name(4), find(4).unwrap().started()), (Some("System".into()), Some(40)));
        assert_eq!((name(812), find(812).unwrap().started()), (Some("csrss.exe".into()), Some(8120)));
        // The idle process has no name.
        assert!(find(0).is_some() && name(0).is_none());
        assert!(find(816).is_none());
    }

    #[test]
    fn a_list_that_is_cut_or_has_nonsense_in_it_is_read_no_further() {
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
