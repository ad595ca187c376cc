//! The calls that tell of processes and modules.
//!
//! | function | for |
//! |---|---|
//! | [OpenProcess] | a handle, which keeps the id from being used again |
//! | [GetExitCodeProcess] | whether the process still runs |
//! | [GetProcessTimes] | when the process was created |
//! | [QueryFullProcessImageNameW] | the path of its executable |
//! | [NtQuerySystemInformation] | the list of all processes, for those that may not be opened |
//! | [LoadLibraryExA], [GetProcAddress] | [GetOwnerModuleFromTcp6Entry], which Wine does not have |
//!
//! [OpenProcess]: https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-openprocess
//! [GetExitCodeProcess]: https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-getexitcodeprocess
//! [GetProcessTimes]: https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-getprocesstimes
//! [QueryFullProcessImageNameW]: https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-queryfullprocessimagenamew
//! [NtQuerySystemInformation]: https://learn.microsoft.com/windows/win32/api/winternl/nf-winternl-ntquerysysteminformation
//! [LoadLibraryExA]: https://learn.microsoft.com/windows/win32/api/libloaderapi/nf-libloaderapi-loadlibraryexa
//! [GetProcAddress]: https://learn.microsoft.com/windows/win32/api/libloaderapi/nf-libloaderapi-getprocaddress
//! [GetOwnerModuleFromTcp6Entry]: https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getownermodulefromtcp6entry
#![allow(unsafe_code)]

use core::ffi::c_void;
use core::mem;
use core::ptr;
use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::sync::OnceLock;

use tcp6_sys::{
    BOOL, ERROR_INSUFFICIENT_BUFFER, FALSE, MIB_TCP6ROW_OWNER_MODULE, PFN_GetOwnerModuleFromTcp6Entry,
    TCPIP_OWNER_MODULE_INFO_BASIC,
};

use super::process_list::SYSTEM_PROCESS_INFORMATION_CLASS;
use crate::row::pod::Word;

/// What is asked here may be asked even by those who may ask for nothing else.
const PROCESS_QUERY_LIMITED_INFORMATION: u32 = 0x1000;

/// From the system's folder, wherever the program was started.
const LOAD_LIBRARY_SEARCH_SYSTEM32: u32 = 0x800;

/// What stands for the exit code of a process that has not exited. One may exit with it, and seem to run on.
const STILL_ACTIVE: u32 = 259;

/// In UTF-16: that of most paths, and that of the longest.
const USUAL_PATH: usize = 1 << 10;
const LONGEST_PATH: usize = 1 << 15;

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct FileTime {
    low: u32,
    high: u32,
}

type FarProc = unsafe extern "system" fn() -> isize;

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
windows_targets::link!("ntdll.dll" "system" fn NtQuerySystemInformation(
    class: i32,
    information: *mut c_void,
    length: u32,
    returned: *mut u32,
) -> i32);

/// A handle to a process that may be asked what it is called and when it was created.
pub(super) fn open(pid: u32) -> io::Result<OwnedHandle> {
    // SAFETY: the call takes numbers.
    let process = unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid) };
    if process.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle is new, so nobody else owns it, and CloseHandle is what closes it.
    Ok(unsafe { OwnedHandle::from_raw_handle(process) })
}

/// Whether it still runs: a process that has ended can be opened for as long as somebody else has a handle to it.
pub(super) fn runs(process: &OwnedHandle) -> bool {
    let mut code = STILL_ACTIVE;
    // SAFETY: the handle is open for as long as it is borrowed, and the pointer is valid for a write.
    let done = unsafe { GetExitCodeProcess(process.as_raw_handle(), &mut code) };
    done == FALSE || code == STILL_ACTIVE
}

/// When the process was created, in 100 ns ticks since 1601-01-01 UTC.
pub(super) fn started(process: &OwnedHandle) -> Option<u64> {
    let mut times = [FileTime::default(); 4];
    let [creation, exit, kernel, user] = &mut times;
    // SAFETY: the handle is open for as long as it is borrowed, and all four pointers are valid for a write.
    let done = unsafe { GetProcessTimes(process.as_raw_handle(), creation, exit, kernel, user) };
    (done != FALSE).then_some(u64::from(creation.high) << 32 | u64::from(creation.low))
}

/// The path of the process' executable.
pub(super) fn path(process: &OwnedHandle) -> Option<Vec<u16>> {
    for length in [USUAL_PATH, LONGEST_PATH] {
        let mut path = vec![0; length];
        let mut size = length as u32;
        // SAFETY: the handle is open for as long as it is borrowed, `path` is valid for writes of `size` units, and
        // `size` is a valid pointer.
        let done = unsafe { QueryFullProcessImageNameW(process.as_raw_handle(), 0, path.as_mut_ptr(), &mut size) };
        if done != FALSE {
            path.truncate(size as usize);
            return Some(path);
        }
        if io::Error::last_os_error().raw_os_error() != Some(ERROR_INSUFFICIENT_BUFFER as i32) {
            return None;
        }
    }
    None
}

/// Writes the list of all processes; gives the status, and the size that was written or is needed.
pub(super) fn list(room: &mut [Word]) -> (u32, usize) {
    let length = u32::try_from(size_of_val(room)).unwrap_or(u32::MAX);
    let mut returned = 0;
    // SAFETY: `room` is 8-aligned and valid for writes of `length` bytes, `returned` is a valid pointer, and neither is
    // kept by the function.
    let status = unsafe {
        NtQuerySystemInformation(SYSTEM_PROCESS_INFORMATION_CLASS, room.as_mut_ptr().cast(), length, &mut returned)
    };
    (status as u32, returned as usize)
}

/// Asks for the names of the module that owns the socket of this row: the return code, or `None` if the function is
/// missing.
pub(super) fn owner_module(row: &MIB_TCP6ROW_OWNER_MODULE, room: &mut [Word], size: &mut u32) -> Option<u32> {
    static FUNCTION: OnceLock<Option<PFN_GetOwnerModuleFromTcp6Entry>> = OnceLock::new();
    let function = (*FUNCTION.get_or_init(find_owner_module))?;
    *size = (*size).min(u32::try_from(size_of_val(room)).unwrap_or(u32::MAX));
    // SAFETY: `row` is valid for a read, `room` is 8-aligned and valid for writes of `size` bytes, `size` is a valid
    // pointer, the class is the one that exists, and nothing is kept by the function.
    Some(unsafe { function(row, TCPIP_OWNER_MODULE_INFO_BASIC, room.as_mut_ptr().cast(), size) })
}

/// GetOwnerModuleFromTcp6Entry, if iphlpapi has it. The library stays loaded: the function is used until the end.
fn find_owner_module() -> Option<PFN_GetOwnerModuleFromTcp6Entry> {
    let name = c"iphlpapi.dll".as_ptr().cast();
    // SAFETY: the name ends with a zero; the system's own library does nothing untoward when it is loaded.
    let library = unsafe { LoadLibraryExA(name, ptr::null_mut(), LOAD_LIBRARY_SEARCH_SYSTEM32) };
    if library.is_null() {
        return None;
    }
    let name = c"GetOwnerModuleFromTcp6Entry".as_ptr().cast();
    // SAFETY: the library is loaded, and the name ends with a zero.
    let function = unsafe { GetProcAddress(library, name) }?;
    // SAFETY: the function of this name has this signature, in every version of the library that has it.
    Some(unsafe { mem::transmute::<FarProc, PFN_GetOwnerModuleFromTcp6Entry>(function) })
}
