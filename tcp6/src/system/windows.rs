//! The Windows backend: tables, statistics and counters from iphlpapi, and processes.
//!
//! Parsers and policies ([`bound`], [`estats`], [`owner_module`], [`process_list`], [`response`], [`retry`], [`statistics`]) compile
//! and are tested on every system. Modules that call Windows functions compile on Windows only.

mod bound;
mod estats;
#[cfg(windows)]
mod iphlpapi;
#[cfg(windows)]
mod kernel32;
mod owner_module;
mod process_list;
#[cfg(windows)]
mod processes;
mod response;
mod retry;
mod statistics;
#[cfg(windows)]
mod system;

/// The guard of collected statistics, over the functions of iphlpapi.
#[cfg(windows)]
pub(crate) type Collection = estats::Collection<estats::Functions>;

#[cfg(windows)]
pub(crate) use processes::Processes;
#[cfg(fuzzing)]
pub(crate) use retry::fill as retry;
#[cfg(windows)]
pub(crate) use system::System;
