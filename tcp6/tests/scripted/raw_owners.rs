//! The three functions that return owner modules, each as an import and by address.
//!
//! The assertions are those that the tests of Wine and ReactOS make on Windows.

use std::ffi::c_void;

use tcp6_sys::*;

use crate::machine::Machine;
use crate::raw::{RawBuffer, look_up, null};

/// Calls a function with a pid, the first word of the info, a buffer and a pointer to its size.
type Lookup<'a> = Box<dyn Fn(u32, u64, *mut c_void, *mut u32) -> u32 + 'a>;

const BASIC: TCPIP_OWNER_MODULE_INFO_CLASS = TCPIP_OWNER_MODULE_INFO_BASIC;

fn row6(pid: u32, info: u64) -> MIB_TCP6ROW_OWNER_MODULE {
    let mut row = MIB_TCP6ROW_OWNER_MODULE { dwOwningPid: pid, ..Default::default() };
    row.OwningModuleInfo[0] = info;
    row
}

fn row4(pid: u32, info: u64) -> MIB_TCPROW_OWNER_MODULE {
    let mut row = MIB_TCPROW_OWNER_MODULE { dwOwningPid: pid, ..Default::default() };
    row.OwningModuleInfo[0] = info;
    row
}

/// Returns every function that looks up the module of a pid and an info.
fn functions() -> [(&'static str, Lookup<'static>); 6] {
    let six: PFN_GetOwnerModuleFromTcp6Entry = look_up(c"GetOwnerModuleFromTcp6Entry");
    let four: PFN_GetOwnerModuleFromTcpEntry = look_up(c"GetOwnerModuleFromTcpEntry");
    let pair: PFN_GetOwnerModuleFromPidAndInfo = look_up(c"GetOwnerModuleFromPidAndInfo");
    [
        (
            "6",
            Box::new(|pid, info, to, size| {
                // SAFETY: the row is valid for a read; callers pass null or a buffer of the given size, and a size or null.
                unsafe { GetOwnerModuleFromTcp6Entry(&row6(pid, info), BASIC, to, size) }
            }),
        ),
        // SAFETY: as above.
        ("6 by address", Box::new(move |pid, info, to, size| unsafe { six(&row6(pid, info), BASIC, to, size) })),
        // SAFETY: as above.
        ("4", Box::new(|pid, info, to, size| unsafe { GetOwnerModuleFromTcpEntry(&row4(pid, info), BASIC, to, size) })),
        // SAFETY: as above.
        ("4 by address", Box::new(move |pid, info, to, size| unsafe { four(&row4(pid, info), BASIC, to, size) })),
        (
            "pair",
            Box::new(|pid, info, to, size| {
                let info = row6(pid, info).OwningModuleInfo;
                // SAFETY: as above; the info is valid for a read.
                unsafe { GetOwnerModuleFromPidAndInfo(pid, info.as_ptr(), BASIC, to, size) }
            }),
        ),
        (
            "pair by address",
            Box::new(move |pid, info, to, size| {
                let info = row6(pid, info).OwningModuleInfo;
                // SAFETY: as above.
                unsafe { pair(pid, info.as_ptr(), BASIC, to, size) }
            }),
        ),
    ]
}

/// Returns the size of the structure and of both strings with their NULs, in bytes.
fn needed(name: &str, path: &str) -> u32 {
    let units = name.encode_utf16().count() + path.encode_utf16().count() + 2;
    (size_of::<TCPIP_OWNER_MODULE_BASIC_INFO>() + 2 * units) as u32
}

/// Returns the NUL-terminated string at an address within the buffer.
fn text(buffer: &RawBuffer, address: *mut u16) -> String {
    let bytes = buffer.bytes();
    let units =
        bytes[address.addr() - buffer.address()..].chunks_exact(2).map(|pair| u16::from_ne_bytes([pair[0], pair[1]]));
    String::from_utf16(&units.take_while(|unit| *unit != 0).collect::<Vec<_>>()).unwrap()
}

/// Calls the function with insufficient and sufficient sizes, and checks what it writes.
fn check(lookup: &Lookup<'_>, pid: u32, info: u64, name: &str, path: &str) {
    let needed = needed(name, path);
    for bytes in [0, 1, needed - 1] {
        let mut buffer = RawBuffer::new(bytes);
        let to = buffer.pointer();
        assert_eq!(lookup(pid, info, to, &mut buffer.size), ERROR_INSUFFICIENT_BUFFER);
        assert_eq!(buffer.size, needed);
        assert!(buffer.is_untouched());
    }
    for bytes in [needed, needed + 100] {
        let mut buffer = RawBuffer::new(bytes);
        let to = buffer.pointer();
        assert_eq!(lookup(pid, info, to, &mut buffer.size), NO_ERROR);
        assert_eq!(buffer.size, bytes, "success does not change the size");
        let written: TCPIP_OWNER_MODULE_BASIC_INFO = buffer.at(0);
        let first = buffer.address() + size_of::<TCPIP_OWNER_MODULE_BASIC_INFO>();
        assert_eq!(written.pModuleName.addr(), first);
        assert_eq!(written.pModulePath.addr(), first + 2 * (name.encode_utf16().count() + 1));
        assert_eq!((&*text(&buffer, written.pModuleName), &*text(&buffer, written.pModulePath)), (name, path));
    }
}

#[test]
fn names_are_written_after_the_structure() {
    let path = r"C:\Windows\System32\dnsrslvr.dll";
    let Some(_machine) = Machine::new(&format!("module self 5 Dnscache {path}\nmodule 4 0 System System")) else {
        return;
    };
    for (function, lookup) in functions() {
        println!("{function}");
        check(&lookup, std::process::id(), 5, "Dnscache", path);
        check(&lookup, 4, 0, "System", "System");
    }
}

#[test]
fn socket_without_info_belongs_to_the_executable_of_its_process() {
    let Some(_machine) = Machine::new("") else { return };
    let path = std::env::current_exe().unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    for (function, lookup) in functions() {
        let mut buffer = RawBuffer::new(4096);
        let to = buffer.pointer();
        assert_eq!(lookup(std::process::id(), 0, to, &mut buffer.size), NO_ERROR, "{function}");
        let written: TCPIP_OWNER_MODULE_BASIC_INFO = buffer.at(0);
        let seen = text(&buffer, written.pModuleName);
        assert!(seen.eq_ignore_ascii_case(name), "{function}: {seen} is not {name}");
        assert!(text(&buffer, written.pModulePath).to_lowercase().ends_with(&name.to_lowercase()), "{function}");
    }
}

#[test]
fn every_error_code_is_returned() {
    let codes = [5, 8, 87, 126, 299, 1168];
    let script: String = codes.iter().map(|code| format!("module self {code} code {code}\n")).collect();
    let Some(machine) = Machine::new(&script) else { return };
    for (function, lookup) in functions() {
        let mut buffer = RawBuffer::new(4096);
        let to = buffer.pointer();
        for code in codes {
            assert_eq!(lookup(std::process::id(), code.into(), to, &mut buffer.size), code, "{function}");
        }
        assert_eq!(lookup(0, 0, to, &mut buffer.size), ERROR_NOT_FOUND, "{function}: pid 0");
        assert_eq!(lookup(0xFFFF, 0, to, &mut buffer.size), ERROR_INVALID_PARAMETER, "{function}: impossible pid");
        assert_eq!(lookup(std::process::id(), 0, to, null()), ERROR_INVALID_PARAMETER, "{function}: null size");
        assert!(buffer.is_untouched() && buffer.size == 4096, "{function}");
    }
    // Newer versions of Windows return 126 for some rows with info, and success without it.
    machine.play("module self 9 code 126");
    for (function, lookup) in functions() {
        let mut buffer = RawBuffer::new(4096);
        let to = buffer.pointer();
        assert_eq!(lookup(std::process::id(), 9, to, &mut buffer.size), ERROR_MOD_NOT_FOUND, "{function}");
        assert_eq!(lookup(std::process::id(), 0, to, &mut buffer.size), NO_ERROR, "{function}");
    }
}

#[test]
fn null_row_and_unknown_class_are_refused() {
    let Some(_machine) = Machine::new("") else { return };
    let mut buffer = RawBuffer::new(4096);
    let (to, size) = (buffer.pointer(), &mut 4096);
    let (row6, row4, me) = (row6(4, 0), row4(4, 0), std::process::id());
    // SAFETY: a null row is refused.
    assert_eq!(unsafe { GetOwnerModuleFromTcp6Entry(null(), BASIC, to, size) }, ERROR_INVALID_PARAMETER);
    // SAFETY: a null row is refused.
    assert_eq!(unsafe { GetOwnerModuleFromTcpEntry(null(), BASIC, to, size) }, ERROR_INVALID_PARAMETER);
    // SAFETY: a null info is refused.
    assert_eq!(unsafe { GetOwnerModuleFromPidAndInfo(me, null(), BASIC, to, size) }, ERROR_INVALID_PARAMETER);
    for class in [-1, 1] {
        // SAFETY: all pointers are valid; the class is refused.
        assert_eq!(unsafe { GetOwnerModuleFromTcp6Entry(&row6, class, to, size) }, ERROR_INVALID_PARAMETER);
        // SAFETY: as above.
        assert_eq!(unsafe { GetOwnerModuleFromTcpEntry(&row4, class, to, size) }, ERROR_INVALID_PARAMETER);
        let info = row6.OwningModuleInfo.as_ptr();
        // SAFETY: as above.
        assert_eq!(unsafe { GetOwnerModuleFromPidAndInfo(me, info, class, to, size) }, ERROR_INVALID_PARAMETER);
    }
    assert!(buffer.is_untouched());
}
