use std::path::Path;

use tcp6_sys::{
    ERROR_ACCESS_DENIED, ERROR_INVALID_PARAMETER, ERROR_NOT_ENOUGH_MEMORY, ERROR_NOT_FOUND, ERROR_PARTIAL_COPY,
};

use super::*;

/// The size of the two pointers, and the offset of the first string.
const POINTERS: usize = size_of::<TCPIP_OWNER_MODULE_BASIC_INFO>();

fn utf16(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

/// Writes UTF-16 code units at an offset of the buffer. Returns their address.
fn put(buffer: &mut [Word], offset: usize, units: &[u16]) -> usize {
    let target = &mut pod::bytes_of_mut(buffer)[offset..][..units.len() * 2];
    for (bytes, unit) in target.chunks_exact_mut(2).zip(units) {
        bytes.copy_from_slice(&unit.to_ne_bytes());
    }
    buffer.as_ptr().addr() + offset
}

/// Writes the pointers to the name and to the path.
fn set_pointers(buffer: &mut [Word], name: usize, path: usize) {
    let (first, second) = pod::bytes_of_mut(buffer)[..POINTERS].split_at_mut(POINTERS / 2);
    first.copy_from_slice(&name.to_ne_bytes());
    second.copy_from_slice(&path.to_ne_bytes());
}

/// Behaves like the real function: writes two pointers, then the two strings.
fn respond(name: &str, path: &str, buffer: &mut [Word], size: &mut u32) -> u32 {
    let [name, path] = [name, path].map(|text| utf16(&format!("{text}\0")));
    let needed = POINTERS + 2 * (name.len() + path.len());
    if (*size as usize) < needed {
        *size = needed as u32;
        return ERROR_INSUFFICIENT_BUFFER;
    }
    let name_address = put(buffer, POINTERS, &name);
    let path_address = put(buffer, POINTERS + 2 * name.len(), &path);
    set_pointers(buffer, name_address, path_address);
    NO_ERROR
}

fn svchost() -> Process {
    let executable = Module { name: "svchost.exe".into(), path: Some(r"C:\Windows\System32\svchost.exe".into()) };
    Process { pid: 1000, started: 1, image: 0, executable, deleted: false }
}

/// The module with these names in [`svchost`].
fn module(name: &str, path: &str) -> Option<Module> {
    Names { name: utf16(name), path: utf16(path) }.module(&svchost())
}

#[test]
fn makes_one_call_if_the_names_fit() {
    let mut buffer = Vec::new();
    for _ in 0..2 {
        let mut calls = 0;
        let names = query_names(&mut buffer, |buffer, size| {
            calls += 1;
            respond("Dnscache", r"C:\Windows\system32\dnsrslvr.dll", buffer, size)
        });
        let path = utf16(r"C:\Windows\system32\dnsrslvr.dll");
        assert_eq!(names, Some(Names { name: utf16("Dnscache"), path }));
        assert_eq!(calls, 1);
    }
}

#[test]
fn grows_the_buffer_for_a_long_path() {
    let long = format!(r"\\?\C:\{}", "x".repeat(32_000));
    let mut buffer = Vec::new();
    // The second query finds the buffer large enough.
    for expected in [2, 1] {
        let mut calls = 0;
        let names = query_names(&mut buffer, |buffer, size| {
            calls += 1;
            respond("x", &long, buffer, size)
        });
        assert_eq!((names.unwrap().path, calls), (utf16(&long), expected));
    }
}

#[test]
fn limits_the_buffer_and_the_number_of_calls() {
    for required in [0, 1, 4096, 1 << 20, u32::MAX] {
        let (mut buffer, mut calls, mut last) = (Vec::new(), 0, 0);
        let names = query_names(&mut buffer, |buffer, size| {
            calls += 1;
            assert!(size_of_val(buffer) <= MAX_BYTES && *size as usize == size_of_val(buffer));
            assert!(*size > last, "required {required}: called with {size} bytes after {last}");
            last = *size;
            *size = required;
            ERROR_INSUFFICIENT_BUFFER
        });
        assert_eq!(names, None);
        assert!(calls <= ATTEMPTS, "{calls} calls");
    }
}

#[test]
fn returns_no_names_after_one_failed_call() {
    for code in [
        ERROR_ACCESS_DENIED,
        ERROR_NOT_ENOUGH_MEMORY,
        ERROR_INVALID_PARAMETER,
        ERROR_PARTIAL_COPY,
        ERROR_NOT_FOUND,
        u32::MAX,
    ] {
        let mut calls = 0;
        let fail = |_: &mut [Word], _: &mut u32| {
            calls += 1;
            code
        };
        assert_eq!(query_names(&mut Vec::new(), fail), None);
        assert_eq!(calls, 1);
    }
}

/// Queries the names for a row with this `OwningModuleInfo`.
///
/// Returns the names, and the info of each call.
fn query_with_info(info: u64, mut respond: impl FnMut(u64, &mut [Word], &mut u32) -> u32) -> (Option<Names>, Vec<u64>) {
    let mut row = MIB_TCP6ROW_OWNER_MODULE { dwOwningPid: 1000, ..Default::default() };
    row.OwningModuleInfo[0] = info;
    let mut queried = Vec::new();
    let names = query_names_for_row(&mut Vec::new(), &row, |row, buffer, size| {
        assert_eq!(row.dwOwningPid, 1000);
        queried.push(row.OwningModuleInfo[0]);
        respond(row.OwningModuleInfo[0], buffer, size)
    });
    (names, queried)
}

#[test]
fn retries_mod_not_found_with_zero_info() {
    let (names, queried) = query_with_info(5, |info, buffer, size| match info {
        0 => respond("svchost.exe", r"C:\Windows\System32\svchost.exe", buffer, size),
        _ => ERROR_MOD_NOT_FOUND,
    });
    assert_eq!(names.unwrap().name, utf16("svchost.exe"));
    assert_eq!(queried, [5, 0]);
}

#[test]
fn retries_mod_not_found_only_once_and_only_if_info_is_nonzero() {
    for (info, expected) in [(5, &[5, 0][..]), (0, &[0])] {
        let (names, queried) = query_with_info(info, |_, _, _| ERROR_MOD_NOT_FOUND);
        assert_eq!((names, &queried[..]), (None, expected));
    }
}

#[test]
fn does_not_retry_other_errors_with_zero_info() {
    for code in [ERROR_ACCESS_DENIED, ERROR_INVALID_PARAMETER, ERROR_NOT_FOUND, ERROR_PARTIAL_COPY] {
        assert_eq!(query_with_info(5, |_, _, _| code), (None, vec![5]));
    }
}

#[test]
fn returns_no_stale_names_if_the_call_writes_nothing() {
    let mut buffer = Vec::new();
    assert!(query_names(&mut buffer, |buffer, size| respond("Dnscache", "Dnscache", buffer, size)).is_some());
    assert_eq!(query_names(&mut buffer, |_, _| NO_ERROR), None);
}

#[test]
fn rejects_pointers_outside_the_response() {
    let reject = |pointer: fn(usize, usize) -> usize| {
        let names = |both: bool| {
            query_names(&mut Vec::new(), |buffer, _| {
                let good = put(buffer, POINTERS, &utf16("name\0"));
                let bad = pointer(buffer.as_ptr().addr(), size_of_val(buffer));
                set_pointers(buffer, if both { bad } else { good }, bad);
                NO_ERROR
            })
        };
        assert_eq!((names(true), names(false)), (None, None));
    };
    reject(|_, _| 0);
    reject(|_, _| 1);
    reject(|_, _| usize::MAX);
    reject(|_, _| usize::MAX - 1);
    reject(|base, _| base - 2);
    reject(|base, _| base + POINTERS + 1);
    reject(|base, size| base + size);
    reject(|base, size| base + size + 2);
    reject(|base, size| base + size - 1);
}

#[test]
fn requires_nul_within_the_response() {
    let names = query_names(&mut Vec::new(), |buffer, _| {
        let last = size_of_val(buffer) - 2;
        let unterminated = put(buffer, last, &[u16::from(b'x')]);
        set_pointers(buffer, unterminated, unterminated);
        NO_ERROR
    });
    assert_eq!(names, None);
    let names = query_names(&mut Vec::new(), |buffer, _| {
        let last = size_of_val(buffer) - 2;
        let empty = put(buffer, last, &[0]);
        set_pointers(buffer, empty, empty);
        NO_ERROR
    });
    assert_eq!(names, Some(Names { name: vec![], path: vec![] }));
}

#[test]
fn completes_missing_names_from_the_process() {
    let service = module("Dnscache", "Dnscache").unwrap();
    assert_eq!(service.name(), "Dnscache");
    assert_eq!(service.path(), Some(Path::new(r"C:\Windows\System32\svchost.exe")));

    let library = module("dnsrslvr.dll", r"C:\Windows\system32\dnsrslvr.dll").unwrap();
    assert_eq!(library.path(), Some(Path::new(r"C:\Windows\system32\dnsrslvr.dll")));

    assert_eq!(module("", r"D:\x\program.exe").unwrap().name(), "program.exe");
    assert_eq!(module("", ""), None);
    assert_eq!(module("", "no path"), None);
}
