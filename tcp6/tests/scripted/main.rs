//! The crate and `tcp6-sys` against an iphlpapi.dll that answers from a script.
//!
//! `cargo xtask wine --scripted test` builds that library and runs these tests with it. Without it each of them says that
//! it is skipped, and fails if `CI` is set. The library is C with the C headers (`xtask/src/wine/iphlpapi`, whose README.md
//! has the language of scripts), so layouts, sizes and calling conventions are checked against another compiler's.

#[cfg(windows)]
mod capture;
#[cfg(windows)]
mod machine;
#[cfg(windows)]
mod memory;
#[cfg(windows)]
mod modules;
#[cfg(windows)]
mod random;
#[cfg(windows)]
mod raw;
#[cfg(windows)]
mod raw_estats;
#[cfg(windows)]
mod raw_owners;
#[cfg(windows)]
mod raw_tables;
#[cfg(windows)]
mod retry;
#[cfg(windows)]
mod rows;
#[cfg(windows)]
mod watcher;
#[cfg(windows)]
mod witness;

#[cfg(not(windows))]
#[test]
fn scripts_are_for_windows_programs() {
    assert!(std::env::var_os("CI").is_none(), "CI runs these tests with `cargo xtask wine --scripted test`");
    eprintln!("skipped: the scripted iphlpapi.dll is for Windows programs");
}
