//! Tests of `tcp6` and `tcp6-sys` against an `iphlpapi.dll` that answers from a script.
//!
//! `cargo xtask wine --scripted test` builds the library and runs these tests with it. Without the library every test
//! is skipped with a message, or fails if `CI` is set. The library is written in C with the C headers
//! (`xtask/src/wine/iphlpapi`; its README.md describes the script language), so layouts, sizes and calling conventions
//! are checked against another compiler.

#[cfg(windows)]
mod capture;
#[cfg(windows)]
mod estats;
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
mod statistics;
#[cfg(windows)]
mod watcher;
#[cfg(windows)]
mod witness;

#[cfg(not(windows))]
#[test]
fn skipped_on_systems_other_than_windows() {
    assert!(std::env::var_os("CI").is_none(), "CI runs these tests with `cargo xtask wine --scripted test`");
    eprintln!("skipped: the scripted iphlpapi.dll is for Windows programs");
}
