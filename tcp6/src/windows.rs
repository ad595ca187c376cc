//! The table of Windows: GetTcp6Table and its siblings.
//!
//! What reads answers or decides ([`answer`], [`module`], [`process_list`], [`retry`]) is compiled and tested on every
//! system; what calls Windows ([`calls`], [`kernel`], [`process`], [`system`]) on Windows alone.

mod answer;
#[cfg(windows)]
mod calls;
#[cfg(windows)]
mod kernel;
mod module;
#[cfg(windows)]
mod process;
mod process_list;
mod retry;
#[cfg(windows)]
mod system;

#[cfg(windows)]
pub(crate) use process::Processes;
#[cfg(fuzzing)]
pub(crate) use retry::fill as retry;
#[cfg(windows)]
pub(crate) use system::System;
