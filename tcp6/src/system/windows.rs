//! The backend of Windows: GetTcp6Table and its siblings, and processes.
//!
//! Parsers and decisions ([`owner_module`], [`process_list`], [`response`], [`retry`]) compile on every system and are
//! tested there; the modules that call Windows compile on Windows only.

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
#[cfg(windows)]
mod system;

#[cfg(windows)]
pub(crate) use processes::Processes;
#[cfg(fuzzing)]
pub(crate) use retry::fill as retry;
#[cfg(windows)]
pub(crate) use system::System;
