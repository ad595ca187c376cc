//! Calls that describe processes and modules, and calls of functions that are resolved at run time.
//!
//! | function | purpose |
//! |---|---|
//! | [OpenProcess] | a handle; while it is open, the process id is not reused |
//! | [GetExitCodeProcess] | whether the process is running |
//! | [GetProcessTimes] | the creation time of the process |
//! | [QueryFullProcessImageNameW] | the path of its executable |
//! | [NtQuerySystemInformation] | the list of all processes, for processes that cannot be opened |
//! | [HeapSize], [HeapFree] | the size of memory that a function allocated, and its end |
//! | [LoadLibraryExA], [GetProcAddress] | the addresses of functions of iphlpapi that some systems lack, such as [GetOwnerModuleFromTcp6Entry] in Wine before 11.3 |
//!
//! [OpenProcess]: https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-openprocess
//! [GetExitCodeProcess]: https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-getexitcodeprocess
//! [GetProcessTimes]: https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-getprocesstimes
//! [QueryFullProcessImageNameW]: https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-queryfullprocessimagenamew
//! [NtQuerySystemInformation]: https://learn.microsoft.com/windows/win32/api/winternl/nf-winternl-ntquerysysteminformation
//! [HeapSize]: https://learn.microsoft.com/windows/win32/api/heapapi/nf-heapapi-heapsize
//! [HeapFree]: https://learn.microsoft.com/windows/win32/api/heapapi/nf-heapapi-heapfree
//! [LoadLibraryExA]: https://learn.microsoft.com/windows/win32/api/libloaderapi/nf-libloaderapi-loadlibraryexa
//! [GetProcAddress]: https://learn.microsoft.com/windows/win32/api/libloaderapi/nf-libloaderapi-getprocaddress
//! [GetOwnerModuleFromTcp6Entry]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getownermodulefromtcp6entry
//! [GetTcpStatisticsEx2]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-gettcpstatisticsex2
#![allow(unsafe_code)]

use core::ffi::{CStr, c_void};
use core::mem;
use core::ptr;
use core::slice;
use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::sync::OnceLock;

use tcp6_sys::{
    AF_INET6, BOOL, ERROR_INSUFFICIENT_BUFFER, FALSE, MIB_TCP6ROW_OWNER_MODULE, MIB_TCPSTATS2, NO_ERROR,
    PFN_GetOwnerModuleFromTcp6Entry, PFN_GetTcpStatisticsEx2, PFN_InternalGetBoundTcp6EndpointTable,
    TCPIP_OWNER_MODULE_INFO_BASIC,
};

use super::process_list::SYSTEM_PROCESS_INFORMATION_CLASS;
use crate::row::pod::Word;

/// The weakest access right for queries. It suffices for every call in this file.
const PROCESS_QUERY_LIMITED_INFORMATION: u32 = 0x1000;

/// Searches only the system folder for the library, not the folder of the program or the current
/// one.
const LOAD_LIBRARY_SEARCH_SYSTEM32: u32 = 0x800;

/// Clears the memory that is allocated, so that all of it is initialized.
const HEAP_ZERO_MEMORY: u32 = 8;

/// The exit code of a running process. A process that exits with this code appears to be running.
const STILL_ACTIVE: u32 = 259;

/// The capacity that suffices for most paths, in UTF-16 code units.
const USUAL_PATH: usize = 1 << 10;

/// The capacity that suffices for every path, in UTF-16 code units.
const LONGEST_PATH: usize = 1 << 15;

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct FileTime {
    low: u32,
    high: u32,
}

/// The address of a function, to be cast to its type.
pub(super) type FarProc = unsafe extern "system" fn() -> isize;

windows_targets::link!("kernel32.dll" "system" fn OpenProcess(access: u32, inherit: BOOL, pid: u32) -> *mut c_void);
windows_targets::link!("kernel32.dll" "system" fn GetExitCodeProcess(process: *mut c_void, code: *mut u32) -> BOOL);
windows_targets::link!("kernel32.dll" "system" fn GetProcessTimes(
    process: *mut c_void,
    creation: *mut FileTime,
    exit: *mut FileTime,
    kernel: *mut FileTime,
    user: *mut FileTime,
) -> BOOL);
windows_targets::link!("kernel32.dll" "system" fn QueryFullProcessImageNameW(
    process: *mut c_void,
    flags: u32,
    name: *mut u16,
    size: *mut u32,
) -> BOOL);
windows_targets::link!("kernel32.dll" "system" fn LoadLibraryExA(
    name: *const i8,
    file: *mut c_void,
    flags: u32,
) -> *mut c_void);
windows_targets::link!("kernel32.dll" "system" fn GetProcAddress(
    library: *mut c_void,
    name: *const i8,
) -> Option<FarProc>);
windows_targets::link!("kernel32.dll" "system" fn GetProcessHeap() -> *mut c_void);
windows_targets::link!("kernel32.dll" "system" fn HeapSize(
    heap: *mut c_void,
    flags: u32,
    block: *const c_void,
) -> usize);
windows_targets::link!("kernel32.dll" "system" fn HeapFree(heap: *mut c_void, flags: u32, block: *mut c_void) -> BOOL);
windows_targets::link!("ntdll.dll" "system" fn NtQuerySystemInformation(
    class: i32,
    information: *mut c_void,
    length: u32,
    returned: *mut u32,
) -> i32);

/// Opens a process to query its exit code, creation time and path.
///
/// # Errors
///
/// The error of OpenProcess.
pub(super) fn open(pid: u32) -> io::Result<OwnedHandle> {
    // SAFETY: all arguments are integers.
    let process = unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid) };
    if process.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle is new and has no other owner, and CloseHandle closes it.
    Ok(unsafe { OwnedHandle::from_raw_handle(process) })
}

/// Whether the process is running. Also true if its exit code cannot be read.
///
/// A process that has exited can be opened as long as another handle to it is open.
pub(super) fn is_running(process: &OwnedHandle) -> bool {
    let mut code = STILL_ACTIVE;
    // SAFETY: the handle is open while it is borrowed, and the pointer is valid for writes.
    let succeeded = unsafe { GetExitCodeProcess(process.as_raw_handle(), &mut code) };
    succeeded == FALSE || code == STILL_ACTIVE
}

/// The creation time of the process, in 100 ns ticks since 1601-01-01 UTC.
pub(super) fn creation_time(process: &OwnedHandle) -> Option<u64> {
    let mut times = [FileTime::default(); 4];
    let [creation, exit, kernel, user] = &mut times;
    // SAFETY: the handle is open while it is borrowed, and all four pointers are valid for writes.
    let succeeded = unsafe { GetProcessTimes(process.as_raw_handle(), creation, exit, kernel, user) };
    (succeeded != FALSE).then_some(u64::from(creation.high) << 32 | u64::from(creation.low))
}

/// The path of the executable, or `None` if Windows does not report it.
pub(super) fn path(process: &OwnedHandle) -> Option<Vec<u16>> {
    for length in [USUAL_PATH, LONGEST_PATH] {
        let mut path = vec![0; length];
        match write_path(process, &mut path) {
            Ok(length) => {
                path.truncate(length);
                return Some(path);
            }
            Err(error) if error.raw_os_error() == Some(ERROR_INSUFFICIENT_BUFFER as i32) => {}
            Err(_) => return None,
        }
    }
    None
}

/// Writes the path of the executable to the buffer, and returns its length in UTF-16 code units.
fn write_path(process: &OwnedHandle, path: &mut [u16]) -> io::Result<usize> {
    let mut size = u32::try_from(path.len()).unwrap_or(u32::MAX);
    // SAFETY: the handle is open while it is borrowed, `path` is valid for writes of `size` units, and `size` is valid
    // for reads and writes.
    let succeeded = unsafe { QueryFullProcessImageNameW(process.as_raw_handle(), 0, path.as_mut_ptr(), &mut size) };
    if succeeded == FALSE { Err(io::Error::last_os_error()) } else { Ok(size as usize) }
}

/// Writes the list of all processes to the buffer.
///
/// Returns the NTSTATUS, and the written or required size in bytes.
pub(super) fn list(buffer: &mut [Word]) -> (u32, usize) {
    let length = u32::try_from(size_of_val(buffer)).unwrap_or(u32::MAX);
    let mut returned = 0;
    // SAFETY: `buffer` is 8-aligned and valid for writes of `length` bytes, `returned` is valid for writes, and the
    // function retains neither pointer.
    let status = unsafe {
        NtQuerySystemInformation(SYSTEM_PROCESS_INFORMATION_CLASS, buffer.as_mut_ptr().cast(), length, &mut returned)
    };
    (status as u32, returned as usize)
}

/// Queries the names of the module that owns the socket of this row, and writes them to the buffer.
///
/// `size` is the capacity in bytes, limited to that of `buffer`. If it is too small, the function sets it to the
/// required size. Returns the code of the function, or `None` if iphlpapi lacks it.
pub(super) fn owner_module(row: &MIB_TCP6ROW_OWNER_MODULE, buffer: &mut [Word], size: &mut u32) -> Option<u32> {
    static FUNCTION: OnceLock<Option<PFN_GetOwnerModuleFromTcp6Entry>> = OnceLock::new();
    let function = (*FUNCTION.get_or_init(find_owner_module))?;
    *size = (*size).min(u32::try_from(size_of_val(buffer)).unwrap_or(u32::MAX));
    // SAFETY: `row` is valid for reads, `buffer` is 8-aligned and valid for writes of `size` bytes, `size` is valid for
    // reads and writes, the class is the only one defined, and the function retains no pointer.
    Some(unsafe { function(row, TCPIP_OWNER_MODULE_INFO_BASIC, buffer.as_mut_ptr().cast(), size) })
}

/// Reads the IPv6 counters of the TCP stack, and returns the code of the function, or `None` if
/// iphlpapi lacks it.
pub(super) fn tcp_statistics2(counters: &mut MIB_TCPSTATS2) -> Option<u32> {
    static FUNCTION: OnceLock<Option<PFN_GetTcpStatisticsEx2>> = OnceLock::new();
    let function = (*FUNCTION.get_or_init(find_tcp_statistics2))?;
    // SAFETY: `counters` is valid for a write, and the function does not retain the pointer.
    Some(unsafe { function(counters, AF_INET6) })
}

/// Lists the endpoints that are only bound.
///
/// Passes the code of the function to `read`, and the memory that it has allocated, which then is freed. Returns `None`
/// if iphlpapi lacks the function.
pub(super) fn bound_endpoints<T>(read: impl FnOnce(u32, &[u8]) -> T) -> Option<T> {
    static FUNCTION: OnceLock<Option<PFN_InternalGetBoundTcp6EndpointTable>> = OnceLock::new();
    let function = (*FUNCTION.get_or_init(find_bound_endpoints))?;
    // SAFETY: the function has no preconditions.
    let heap = unsafe { GetProcessHeap() };
    let mut start = ptr::null_mut();
    // SAFETY: `start` is valid for a write, the heap belongs to this process, and the flag is one of HeapAlloc.
    let code = unsafe { function(&mut start, heap, HEAP_ZERO_MEMORY) };
    // Only a call that succeeds is known to have allocated the memory.
    let memory = HeapMemory { heap, start: if code == NO_ERROR { start } else { ptr::null_mut() } };
    Some(read(code, memory.bytes()))
}

/// Memory that another function has allocated from a heap.
struct HeapMemory {
    heap: *mut c_void,
    /// Null if there is none.
    start: *mut c_void,
}

impl HeapMemory {
    fn bytes(&self) -> &[u8] {
        if self.start.is_null() {
            return &[];
        }
        // SAFETY: the memory was allocated from this heap and is not freed before `self` is dropped.
        let size = unsafe { HeapSize(self.heap, 0, self.start) };
        // Also the value for a failure, which is the largest one.
        if size > isize::MAX as usize {
            return &[];
        }
        // SAFETY: the heap reports this size, the memory was cleared when it was allocated, and it is not freed or
        // written to while `self` is borrowed.
        unsafe { slice::from_raw_parts(self.start.cast::<u8>(), size) }
    }
}

impl Drop for HeapMemory {
    fn drop(&mut self) {
        if !self.start.is_null() {
            // SAFETY: the memory was allocated from this heap, and nothing refers to it any more.
            unsafe { HeapFree(self.heap, 0, self.start) };
        }
    }
}

fn find_owner_module() -> Option<PFN_GetOwnerModuleFromTcp6Entry> {
    let function = find(c"GetOwnerModuleFromTcp6Entry")?;
    // SAFETY: the function has this signature in every version of the library that exports it.
    Some(unsafe { mem::transmute::<FarProc, PFN_GetOwnerModuleFromTcp6Entry>(function) })
}

fn find_tcp_statistics2() -> Option<PFN_GetTcpStatisticsEx2> {
    let function = find(c"GetTcpStatisticsEx2")?;
    // SAFETY: as above.
    Some(unsafe { mem::transmute::<FarProc, PFN_GetTcpStatisticsEx2>(function) })
}

fn find_bound_endpoints() -> Option<PFN_InternalGetBoundTcp6EndpointTable> {
    let function = find(c"InternalGetBoundTcp6EndpointTable")?;
    // SAFETY: this is the signature that other programs use. Microsoft documents none.
    Some(unsafe { mem::transmute::<FarProc, PFN_InternalGetBoundTcp6EndpointTable>(function) })
}

/// The address of a function of iphlpapi, or `None` if it lacks the function.
///
/// The library is never unloaded, because the address is used for the rest of the program.
pub(super) fn find(name: &CStr) -> Option<FarProc> {
    let library = c"iphlpapi.dll".as_ptr().cast();
    // SAFETY: the name is NUL-terminated, and loading this system library has no unsound side effects.
    let library = unsafe { LoadLibraryExA(library, ptr::null_mut(), LOAD_LIBRARY_SEARCH_SYSTEM32) };
    if library.is_null() {
        return None;
    }
    // SAFETY: the library is loaded, and the name is NUL-terminated.
    unsafe { GetProcAddress(library, name.as_ptr().cast()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size that a call receives is that of the slice: the rest of the storage stays unwritten.
    #[test]
    fn a_path_is_written_only_within_the_buffer() {
        let process = open(std::process::id()).unwrap();
        let expected = path(&process).unwrap();
        for length in [0, 1, expected.len() / 2 + 1, expected.len()] {
            let mut storage = vec![0xFFFF; 4 * expected.len()];
            let error = write_path(&process, &mut storage[..length]).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(ERROR_INSUFFICIENT_BUFFER as i32), "{length} units");
            assert!(storage[length..].iter().all(|unit| *unit == 0xFFFF), "{length} units");
        }
        // The path and a NUL.
        let mut storage = vec![0xFFFF; expected.len() + 1];
        assert_eq!(write_path(&process, &mut storage).unwrap(), expected.len());
        assert_eq!(storage[..expected.len()], expected);
    }

    #[test]
    fn the_list_is_written_only_within_the_buffer() {
        let mut storage = vec![Word([7; 2]); 1 << 15];
        let (status, needed) = list(&mut storage[..2]);
        assert_eq!(status, 0xC000_0004);
        let words = needed.div_ceil(size_of::<Word>());
        assert!((8..1 << 14).contains(&words), "{needed} bytes");
        for length in [words / 8, words / 2] {
            assert_eq!(list(&mut storage[..length]).0, 0xC000_0004, "{length} words");
            assert!(storage[length..].iter().all(|word| word.0 == [7; 2]), "{length} words");
        }
        // Twice the size, because other processes can start.
        let (status, written) = list(&mut storage[..2 * words]);
        assert_eq!(status, 0);
        assert!(written > words * 4 && written <= 2 * words * size_of::<Word>(), "{written} bytes");
    }
}
