//! The table of Linux: from the kernel's sock_diag, or from its text where that is refused.
//!
//! What reads bytes or decides ([`diag`], [`reconcile`], [`proc`], [`socket`], [`stat`], [`owners`]) is compiled and tested on
//! every system; what calls the kernel ([`netlink`], [`listing`], [`process`], [`system`], `owners::procfs`) on Linux
//! alone.
#![cfg_attr(not(target_os = "linux"), allow(dead_code))]

mod diag;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
#[cfg(target_os = "linux")]
mod listing;
#[cfg(target_os = "linux")]
mod netlink;
mod owners;
mod proc;
#[cfg(target_os = "linux")]
mod process;
mod reconcile;
mod socket;
mod spread;
mod stat;
#[cfg(target_os = "linux")]
mod system;

#[cfg(target_os = "linux")]
pub(crate) use process::Processes;
#[cfg(target_os = "linux")]
pub(crate) use system::System;
