//! Compares every function's signature with Microsoft's metadata, as windows-bindgen reads it.
//!
//! `windows_sys.rs` compares the structures and the values, which windows-sys has from the same metadata. Each difference
//! is listed here with its reason. One that is not listed fails the test, and so does a reason without its difference.
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]

use std::collections::BTreeMap;

/// What differs: the function, its signature there (`absent`: there is none), and why.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    (
        "GetOwnerModuleFromPidAndInfo",
        "absent",
        "the header declares it without WINAPI, and the metadata leaves it out; the DLL exports it as stdcall",
    ),
    (
        "GetPerTcpConnectionEStats",
        "(row: *const MIB_TCPROW_LH, estatstype: TCP_ESTATS_TYPE, rw: *mut u8, rwversion: u32, rwsize: u32, \
         ros: *mut u8, rosversion: u32, rossize: u32, rod: *mut u8, rodversion: u32, rodsize: u32) -> u32",
        "MIB_TCPROW is MIB_TCPROW_LH since Vista, with a union of two names for the state",
    ),
    (
        "GetTcpStatisticsEx",
        "(statistics: *mut MIB_TCPSTATS_LH, family: u32) -> u32",
        "MIB_TCPSTATS is MIB_TCPSTATS_LH since Vista, with a union of two names for the algorithm",
    ),
    (
        "SetPerTcpConnectionEStats",
        "(row: *const MIB_TCPROW_LH, estatstype: TCP_ESTATS_TYPE, rw: *const u8, rwversion: u32, rwsize: u32, \
         offset: u32) -> u32",
        "MIB_TCPROW is MIB_TCPROW_LH since Vista, with a union of two names for the state",
    ),
    (
        "SetTcpEntry",
        "(ptcprow: *const MIB_TCPROW_LH) -> u32",
        "MIB_TCPROW is MIB_TCPROW_LH since Vista, with a union of two names for the state",
    ),
];

/// The functions that a source declares by `link!`, by their names. Names of parameters are in lower case, as in the
/// metadata; paths of types are dropped.
fn signatures(source: &str) -> BTreeMap<String, String> {
    let mut signatures = BTreeMap::new();
    for declaration in source.split("link!(").skip(1) {
        let Some((_, function)) = declaration.split_once(" fn ") else { continue };
        let function = function.split_once(");").expect("a declaration ends").0;
        let (name, rest) = function.split_once('(').expect("a function has parameters");
        let (parameters, result) = rest.rsplit_once(')').expect("a function has parameters");
        let parameters: Vec<String> = parameters
            .split(',')
            .filter(|parameter| !parameter.trim().is_empty())
            .map(|parameter| {
                let (name, kind) = parameter.split_once(':').expect("a parameter has a type");
                format!("{}: {}", name.trim().to_lowercase(), type_name(kind))
            })
            .collect();
        let result = result.trim().trim_start_matches("->");
        signatures.insert(name.to_owned(), format!("({}) -> {}", parameters.join(", "), type_name(result)));
    }
    signatures
}

/// A type without its path: `*mut core::ffi::c_void` is `*mut c_void`.
fn type_name(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").replace(":: ", "::");
    let (pointer, name) = text.rsplit_once(' ').map_or(("", &*text), |(pointer, name)| (pointer, name));
    let name = name.rsplit("::").next().unwrap_or(name);
    if pointer.is_empty() { name.to_owned() } else { format!("{pointer} {name}") }
}

/// The functions of these names, as windows-bindgen declares them.
fn generated(names: &[&str]) -> BTreeMap<String, String> {
    let file = std::env::temp_dir().join(format!("tcp6-sys-{}-{}.rs", std::process::id(), names[0]));
    let path = file.to_str().expect("a path in UTF-8");
    let mut args = vec!["--in", "default", "--out", path, "--flat", "--sys", "--filter"];
    args.extend(names);
    windows_bindgen::bindgen(args).unwrap();
    let source = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    signatures(&source)
}

#[test]
fn signatures_differ_from_the_metadata_only_where_a_reason_is_given() {
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
                println!("{name}: {reason}\n  here {ours}\n  there {theirs}");
                assert_eq!(theirs, *listed, "{name}");
                assert_ne!(ours, theirs, "{name} needs no reason any more");
            }
        }
    }
    assert!(DIFFERENCES.iter().all(|(name, ..)| ours.contains_key(*name)));
}

/// What is resolved at run time alone is compared by its pointer type.
#[test]
fn get_tcp_statistics_ex2_has_the_signature_of_the_metadata() {
    let theirs = generated(&["GetTcpStatisticsEx2"]);
    assert_eq!(theirs["GetTcpStatisticsEx2"], "(statistics: *mut MIB_TCPSTATS2, family: u32) -> u32");
    let source = include_str!("../src/functions.rs").split_whitespace().collect::<Vec<_>>().join(" ");
    let ours =
        "PFN_GetTcpStatisticsEx2 = unsafe extern \"system\" fn(Statistics: *mut MIB_TCPSTATS2, Family: u32) -> u32;";
    assert!(source.contains(ours));
}
