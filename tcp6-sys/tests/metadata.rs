//! Compares the signature of every function with Microsoft's metadata, using `windows-bindgen`.
//!
//! Structures and values are compared in `windows_sys.rs`: windows-sys is generated from the same metadata. Every
//! difference is listed here with a reason. An unlisted difference fails the test, and so does a listed one that no
//! longer exists.
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]

use std::collections::BTreeMap;

/// Known differences: function, signature in the metadata (or `absent`), reason.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    (
        "GetOwnerModuleFromPidAndInfo",
        "absent",
        "the header declares it without WINAPI and the metadata omits it; the DLL exports it as stdcall",
    ),
    (
        "GetPerTcpConnectionEStats",
        "(row: *const MIB_TCPROW_LH, estatstype: TCP_ESTATS_TYPE, rw: *mut u8, rwversion: u32, rwsize: u32, \
         ros: *mut u8, rosversion: u32, rossize: u32, rod: *mut u8, rodversion: u32, rodsize: u32) -> u32",
        "since Vista MIB_TCPROW is MIB_TCPROW_LH, which declares the state as a union of a DWORD and an enumeration",
    ),
    (
        "GetTcpStatisticsEx",
        "(statistics: *mut MIB_TCPSTATS_LH, family: u32) -> u32",
        "since Vista MIB_TCPSTATS is MIB_TCPSTATS_LH, which declares the algorithm as a union of a DWORD and an enum",
    ),
    (
        "SetPerTcpConnectionEStats",
        "(row: *const MIB_TCPROW_LH, estatstype: TCP_ESTATS_TYPE, rw: *const u8, rwversion: u32, rwsize: u32, \
         offset: u32) -> u32",
        "since Vista MIB_TCPROW is MIB_TCPROW_LH, which declares the state as a union of a DWORD and an enumeration",
    ),
    (
        "SetTcpEntry",
        "(ptcprow: *const MIB_TCPROW_LH) -> u32",
        "since Vista MIB_TCPROW is MIB_TCPROW_LH, which declares the state as a union of a DWORD and an enumeration",
    ),
];

/// Parses the `link!` declarations of a source file into a map from function name to signature.
///
/// Parameter names are in lower case, as in the metadata. Paths of types are removed.
fn signatures(source: &str) -> BTreeMap<String, String> {
    let mut signatures = BTreeMap::new();
    for declaration in source.split("link!(").skip(1) {
        let Some((_, function)) = declaration.split_once(" fn ") else { continue };
        let function = function.split_once(");").expect("no end of declaration").0;
        let (name, rest) = function.split_once('(').expect("no parameter list");
        let (parameters, result) = rest.rsplit_once(')').expect("no parameter list");
        let parameters: Vec<String> = parameters
            .split(',')
            .filter(|parameter| !parameter.trim().is_empty())
            .map(|parameter| {
                let (name, kind) = parameter.split_once(':').expect("no parameter type");
                format!("{}: {}", name.trim().to_lowercase(), type_name(kind))
            })
            .collect();
        let result = result.trim().trim_start_matches("->");
        signatures.insert(name.to_owned(), format!("({}) -> {}", parameters.join(", "), type_name(result)));
    }
    signatures
}

/// Removes the path from a type: `*mut core::ffi::c_void` becomes `*mut c_void`.
fn type_name(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").replace(":: ", "::");
    let (pointer, name) = text.rsplit_once(' ').map_or(("", &*text), |(pointer, name)| (pointer, name));
    let name = name.rsplit("::").next().unwrap_or(name);
    if pointer.is_empty() { name.to_owned() } else { format!("{pointer} {name}") }
}

/// Returns the signatures that windows-bindgen generates for the functions.
fn generated(names: &[&str]) -> BTreeMap<String, String> {
    let file = std::env::temp_dir().join(format!("tcp6-sys-{}-{}.rs", std::process::id(), names[0]));
    let path = file.to_str().expect("path is not UTF-8");
    let mut args = vec!["--in", "default", "--out", path, "--flat", "--sys", "--filter"];
    args.extend(names);
    windows_bindgen::bindgen(args).unwrap();
    let source = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    signatures(&source)
}

#[test]
fn imports_match_the_metadata_except_for_listed_differences() {
    let ours = signatures(include_str!("../src/functions.rs"));
    assert_eq!(ours.len(), 14, "{ours:?}");
    let absent = |name: &&str| DIFFERENCES.iter().any(|(it, theirs, _)| it == name && *theirs == "absent");
    let known: Vec<&str> = ours.keys().map(String::as_str).filter(|name| !absent(name)).collect();
    let theirs = generated(&known);
    for (name, ours) in &ours {
        let theirs = theirs.get(name).map_or("absent", String::as_str);
        match DIFFERENCES.iter().find(|(it, ..)| it == name) {
            None => assert_eq!(ours, theirs, "{name}"),
            Some((_, listed, reason)) => {
                println!("{name}: {reason}\n  tcp6-sys {ours}\n  metadata {theirs}");
                assert_eq!(theirs, *listed, "{name}");
                assert_ne!(ours, theirs, "{name}: the listed difference no longer exists");
            }
        }
    }
    assert!(DIFFERENCES.iter().all(|(name, ..)| ours.contains_key(*name)));
}

/// This function has no import, so its pointer type is compared.
#[test]
fn pfn_get_tcp_statistics_ex2_matches_the_metadata() {
    let theirs = generated(&["GetTcpStatisticsEx2"]);
    assert_eq!(theirs["GetTcpStatisticsEx2"], "(statistics: *mut MIB_TCPSTATS2, family: u32) -> u32");
    let source = include_str!("../src/functions/pointers.rs").split_whitespace().collect::<Vec<_>>().join(" ");
    let ours =
        "PFN_GetTcpStatisticsEx2 = unsafe extern \"system\" fn(Statistics: *mut MIB_TCPSTATS2, Family: u32) -> u32;";
    assert!(source.contains(ours));
}
