use std::path::Path;

use tcp6_sys::{
    ERROR_ACCESS_DENIED, ERROR_INVALID_PARAMETER, ERROR_NOT_ENOUGH_MEMORY, ERROR_NOT_FOUND, ERROR_PARTIAL_COPY,
};

use super::*;

const POINTERS: usize = size_of::<TCPIP_OWNER_MODULE_BASIC_INFO>();

fn utf16(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

/// Writes units of UTF-16 at an offset of the buffer; gives the address.
fn put(room: &mut [Word], offset: usize, units: &[u16]) -> usize {
    let place = &mut pod::bytes_of_mut(room)[offset..][..units.len() * 2];
    for (bytes, unit) in place.chunks_exact_mut(2).zip(units) {
        bytes.copy_from_slice(&unit.to_ne_bytes());
    }
    room.as_ptr().addr() + offset
}

fn point(room: &mut [Word], name: usize, path: usize) {
    let (first, second) = pod::bytes_of_mut(room)[..POINTERS].split_at_mut(POINTERS / 2);
    first.copy_from_slice(&name.to_ne_bytes());
    second.copy_from_slice(&path.to_ne_bytes());
}

/// What the real function does: two pointers, then the two texts.
fn answer(name: &str, path: &str, room: &mut [Word], size: &mut u32) -> u32 {
    let [name, path] = [name, path].map(|text| utf16(&format!("{text}\0")));
    let needed = POINTERS + 2 * (name.len() + path.len());
    if (*size as usize) < needed {
        *size = needed as u32;
        return ERROR_INSUFFICIENT_BUFFER;
    }
    let at_name = put(room, POINTERS, &name);
    let at_path = put(room, POINTERS + 2 * name.len(), &path);
    point(room, at_name, at_path);
    NO_ERROR
}

fn svchost() -> Process {
    let executable = Module { name: "svchost.exe".into(), path: Some(r"C:\Windows\System32\svchost.exe".into()) };
    Process { pid: 1000, started: 1, image: 0, executable, deleted: false }
}

/// The module that such names make of a process.
fn module(name: &str, path: &str) -> Option<Module> {
    Names { name: utf16(name), path: utf16(path) }.module(&svchost())
}

#[test]
fn names_that_fit_are_one_call() {
    let mut room = Vec::new();
    for _ in 0..2 {
        let mut calls = 0;
        let names = ask(&mut room, |room, size| {
            calls += 1;
            answer("Dnscache", r"C:\Windows\system32\dnsrslvr.dll", room, size)
        });
        let path = utf16(r"C:\Windows\system32\dnsrslvr.dll");
        assert_eq!(names, Some(Names { name: utf16("Dnscache"), path }));
        assert_eq!(calls, 1);
    }
}

#[test]
fn a_long_path_is_asked_for_once_more_with_room_for_it() {
    let long = format!(r"\\?\C:\{}", "x".repeat(32_000));
    let mut room = Vec::new();
    // The room is kept for the next time.
    for expected in [2, 1] {
        let mut calls = 0;
        let names = ask(&mut room, |room, size| {
            calls += 1;
            answer("x", &long, room, size)
        });
        assert_eq!((names.unwrap().path, calls), (utf16(&long), expected));
    }
}

#[test]
fn room_is_bounded_and_so_are_attempts() {
    for wanted in [0, 1, 4096, 1 << 20, u32::MAX] {
        let (mut room, mut calls, mut last) = (Vec::new(), 0, 0);
        let names = ask(&mut room, |room, size| {
            calls += 1;
            assert!(size_of_val(room) <= MOST_BYTES && *size as usize == size_of_val(room));
            assert!(*size > last, "{wanted}: {size} bytes after {last}");
            last = *size;
            *size = wanted;
            ERROR_INSUFFICIENT_BUFFER
        });
        assert_eq!(names, None);
        assert!(calls <= ATTEMPTS, "{calls}");
    }
}

#[test]
fn a_refusal_is_no_answer_and_is_not_asked_twice() {
    for code in [
        ERROR_ACCESS_DENIED,
        ERROR_NOT_ENOUGH_MEMORY,
        ERROR_INVALID_PARAMETER,
        ERROR_PARTIAL_COPY,
        ERROR_NOT_FOUND,
        u32::MAX,
    ] {
        let mut calls = 0;
        let refuse = |_: &mut [Word], _: &mut u32| {
            calls += 1;
            code
        };
        assert_eq!(ask(&mut Vec::new(), refuse), None);
        assert_eq!(calls, 1);
    }
}

/// Asks for a row with this info; gives the names, and the info of each call.
fn ask_with_info(info: u64, mut answers: impl FnMut(u64, &mut [Word], &mut u32) -> u32) -> (Option<Names>, Vec<u64>) {
    let mut row = MIB_TCP6ROW_OWNER_MODULE { dwOwningPid: 1000, ..Default::default() };
    row.OwningModuleInfo[0] = info;
    let mut asked = Vec::new();
    let names = ask_for_row(&mut Vec::new(), &row, |row, room, size| {
        assert_eq!(row.dwOwningPid, 1000);
        asked.push(row.OwningModuleInfo[0]);
        answers(row.OwningModuleInfo[0], room, size)
    });
    (names, asked)
}

#[test]
fn a_module_that_is_not_found_is_asked_for_without_info() {
    let (names, asked) = ask_with_info(5, |info, room, size| match info {
        0 => answer("svchost.exe", r"C:\Windows\System32\svchost.exe", room, size),
        _ => ERROR_MOD_NOT_FOUND,
    });
    assert_eq!(names.unwrap().name, utf16("svchost.exe"));
    assert_eq!(asked, [5, 0]);
}

#[test]
fn a_module_that_is_never_found_is_asked_for_twice_and_one_without_info_once() {
    for (info, expected) in [(5, &[5, 0][..]), (0, &[0])] {
        let (names, asked) = ask_with_info(info, |_, _, _| ERROR_MOD_NOT_FOUND);
        assert_eq!((names, &asked[..]), (None, expected));
    }
}

#[test]
fn no_other_refusal_is_asked_for_without_info() {
    for code in [ERROR_ACCESS_DENIED, ERROR_INVALID_PARAMETER, ERROR_NOT_FOUND, ERROR_PARTIAL_COPY] {
        assert_eq!(ask_with_info(5, |_, _, _| code), (None, vec![5]));
    }
}

#[test]
fn a_success_that_writes_nothing_does_not_show_the_last_answer() {
    let mut room = Vec::new();
    assert!(ask(&mut room, |room, size| answer("Dnscache", "Dnscache", room, size)).is_some());
    assert_eq!(ask(&mut room, |_, _| NO_ERROR), None);
}

#[test]
fn pointers_that_lead_elsewhere_are_no_answer() {
    let hostile = |pointer: fn(usize, usize) -> usize| {
        let ask = |both: bool| {
            ask(&mut Vec::new(), |room, _| {
                let good = put(room, POINTERS, &utf16("name\0"));
                let bad = pointer(room.as_ptr().addr(), size_of_val(room));
                point(room, if both { bad } else { good }, bad);
                NO_ERROR
            })
        };
        assert_eq!((ask(true), ask(false)), (None, None));
    };
    hostile(|_, _| 0);
    hostile(|_, _| 1);
    hostile(|_, _| usize::MAX);
    hostile(|_, _| usize::MAX - 1);
    hostile(|base, _| base - 2);
    hostile(|base, _| base + POINTERS + 1);
    hostile(|base, size| base + size);
    hostile(|base, size| base + size + 2);
    hostile(|base, size| base + size - 1);
}

#[test]
fn a_text_must_end_within_the_buffer() {
    let names = ask(&mut Vec::new(), |room, _| {
        let last = size_of_val(room) - 2;
        let unterminated = put(room, last, &[u16::from(b'x')]);
        point(room, unterminated, unterminated);
        NO_ERROR
    });
    assert_eq!(names, None);
    let names = ask(&mut Vec::new(), |room, _| {
        let last = size_of_val(room) - 2;
        let empty = put(room, last, &[0]);
        point(room, empty, empty);
        NO_ERROR
    });
    assert_eq!(names, Some(Names { name: vec![], path: vec![] }));
}

#[test]
fn a_service_shows_as_itself_and_a_protected_process_as_the_process() {
    let service = module("Dnscache", "Dnscache").unwrap();
    assert_eq!(service.name(), "Dnscache");
    assert_eq!(service.path(), Some(Path::new(r"C:\Windows\System32\svchost.exe")));

    let library = module("dnsrslvr.dll", r"C:\Windows\system32\dnsrslvr.dll").unwrap();
    assert_eq!(library.path(), Some(Path::new(r"C:\Windows\system32\dnsrslvr.dll")));

    assert_eq!(module("", r"D:\x\program.exe").unwrap().name(), "program.exe");
    assert_eq!(module("", ""), None);
    assert_eq!(module("", "no path"), None);
}
