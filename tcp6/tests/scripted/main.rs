//! Tests of `tcp6` and `tcp6-sys` against an `iphlpapi.dll` that answers from a script.
//!
//! `cargo xtask wine --scripted test` builds the library and runs these tests with it. Without the library every test
//! is skipped with a message, or fails if `CI` is set. On systems other than Windows there are no tests. The library is
//! written in C with the C headers (`xtask/src/wine/iphlpapi`; its README.md describes the script language), so layouts,
//! sizes and calling conventions are checked against another compiler.

#![cfg(windows)]

mod bound;
mod capture;
mod children;
mod estats;
mod machine;
mod memory;
mod modules;
mod random;
mod raw;
mod raw_estats;
mod raw_owners;
mod raw_tables;
mod retry;
mod rows;
mod statistics;
mod watcher;
mod witness;
