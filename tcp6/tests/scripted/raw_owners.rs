//! The three functions that name modules, each as an import and by its address.
//!
//! The assertions are those that Wine's and ReactOS's tests make of them on Windows.

use std::ffi::c_void;

use tcp6_sys::*;

use crate::machine::Machine;
use crate::raw::{Room, look_up, null};

type Ask<'a> = Box<dyn Fn(u32, u64, *mut c_void, *mut u32) -> u32 + 'a>;

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

/// Every way to ask for the module of a pid and an info.
fn ways() -> [(&'static str, Ask<'static>); 6] {
    let six: PFN_GetOwnerModuleFromTcp6Entry = look_up(c"GetOwnerModuleFromTcp6Entry");
    let four: PFN_GetOwnerModuleFromTcpEntry = look_up(c"GetOwnerModuleFromTcpEntry");
    let pair: PFN_GetOwnerModuleFromPidAndInfo = look_up(c"GetOwnerModuleFromPidAndInfo");
    [
        // SAFETY: the row is there to be read; callers pass null or a buffer of the size, and a size or null.
        (
            "6",
            Box::new(|pid, info, to, size| unsafe { GetOwnerModuleFromTcp6Entry(&row6(pid, info), BASIC, to, size) }),
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
                // SAFETY: as above; the info is there to be read.
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

/// The bytes of the structure and of both texts with their zeros.
fn needed(name: &str, path: &str) -> u32 {
    let units = name.encode_utf16().count() + path.encode_utf16().count() + 2;
    (size_of::<TCPIP_OWNER_MODULE_BASIC_INFO>() + 2 * units) as u32
}

/// The text at an address within the buffer.
fn text(room: &Room, address: *mut u16) -> String {
    let bytes = room.bytes();
    let units =
        bytes[address.addr() - room.address()..].chunks_exact(2).map(|pair| u16::from_ne_bytes([pair[0], pair[1]]));
    String::from_utf16(&units.take_while(|unit| *unit != 0).collect::<Vec<_>>()).unwrap()
}

/// Asks with a size that is too small, with the one that was then reported, and checks what is written where.
fn check(ask: &Ask<'_>, pid: u32, info: u64, name: &str, path: &str) {
    let needed = needed(name, path);
    for bytes in [0, 1, needed - 1] {
        let mut room = Room::new(bytes);
        let to = room.pointer();
        assert_eq!(ask(pid, info, to, &mut room.size), ERROR_INSUFFICIENT_BUFFER);
        assert_eq!(room.size, needed);
        assert!(room.is_untouched());
    }
    for bytes in [needed, needed + 100] {
        let mut room = Room::new(bytes);
        let to = room.pointer();
        assert_eq!(ask(pid, info, to, &mut room.size), NO_ERROR);
        assert_eq!(room.size, bytes, "a success leaves the size");
        let written: TCPIP_OWNER_MODULE_BASIC_INFO = room.at(0);
        let first = room.address() + size_of::<TCPIP_OWNER_MODULE_BASIC_INFO>();
        assert_eq!(written.pModuleName.addr(), first);
        assert_eq!(written.pModulePath.addr(), first + 2 * (name.encode_utf16().count() + 1));
        assert_eq!((&*text(&room, written.pModuleName), &*text(&room, written.pModulePath)), (name, path));
    }
}

#[test]
fn names_are_written_behind_the_structure() {
    let path = r"C:\Windows\System32\dnsrslvr.dll";
    let Some(_machine) = Machine::new(&format!("module self 5 Dnscache {path}\nmodule 4 0 System System")) else {
        return;
    };
    for (way, ask) in ways() {
        println!("{way}");
        check(&ask, std::process::id(), 5, "Dnscache", path);
        check(&ask, 4, 0, "System", "System");
    }
}

#[test]
fn a_process_owns_its_sockets_by_its_executable() {
    let Some(_machine) = Machine::new("") else { return };
    let path = std::env::current_exe().unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    for (way, ask) in ways() {
        let mut room = Room::new(4096);
        let to = room.pointer();
        assert_eq!(ask(std::process::id(), 0, to, &mut room.size), NO_ERROR, "{way}");
        let written: TCPIP_OWNER_MODULE_BASIC_INFO = room.at(0);
        let seen = text(&room, written.pModuleName);
        assert!(seen.eq_ignore_ascii_case(name), "{way}: {seen} is not {name}");
        assert!(text(&room, written.pModulePath).to_lowercase().ends_with(&name.to_lowercase()), "{way}");
    }
}

#[test]
fn every_refusal_comes_through() {
    let codes = [5, 8, 87, 126, 299, 1168];
    let script: String = codes.iter().map(|code| format!("module self {code} code {code}\n")).collect();
    let Some(machine) = Machine::new(&script) else { return };
    for (way, ask) in ways() {
        let mut room = Room::new(4096);
        let to = room.pointer();
        for code in codes {
            assert_eq!(ask(std::process::id(), code.into(), to, &mut room.size), code, "{way}");
        }
        assert_eq!(ask(0, 0, to, &mut room.size), ERROR_NOT_FOUND, "{way}: no process");
        assert_eq!(ask(0xFFFF, 0, to, &mut room.size), ERROR_INVALID_PARAMETER, "{way}: a pid that none has");
        assert_eq!(ask(std::process::id(), 0, to, null()), ERROR_INVALID_PARAMETER, "{way}: no size");
        assert!(room.is_untouched() && room.size == 4096, "{way}");
    }
    // 126, and then success without the info, as some rows of newer versions have it.
    machine.play("module self 9 code 126");
    for (way, ask) in ways() {
        let mut room = Room::new(4096);
        let to = room.pointer();
        assert_eq!(ask(std::process::id(), 9, to, &mut room.size), ERROR_MOD_NOT_FOUND, "{way}");
        assert_eq!(ask(std::process::id(), 0, to, &mut room.size), NO_ERROR, "{way}");
    }
}

#[test]
fn no_row_and_another_class_are_refused() {
    let Some(_machine) = Machine::new("") else { return };
    let mut room = Room::new(4096);
    let (to, size) = (room.pointer(), &mut 4096);
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
    assert!(room.is_untouched());
}
