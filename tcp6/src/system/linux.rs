//! The Linux backend: sockets from sock_diag or `/proc/net/tcp6`, owners and counters from `/proc`.
//!
//! Parsers and decisions compile, and are tested, on every system. Modules that call the kernel compile on Linux only.
#![cfg_attr(not(target_os = "linux"), allow(dead_code))]

#[cfg(target_os = "linux")]
mod collection;
mod ehash;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod int_hash;
#[cfg(target_os = "linux")]
pub(crate) mod interface_names;
#[cfg(target_os = "linux")]
mod listing;
mod mountinfo;
#[cfg(target_os = "linux")]
pub(in crate::system) mod namespace;
#[cfg(target_os = "linux")]
pub(crate) mod namespaces;
mod net_file;
mod netlink;
mod owners;
mod pid_stat;
mod proc_net;
#[cfg(target_os = "linux")]
mod processes;
#[cfg(target_os = "linux")]
mod shared_owners;
mod socket;
#[cfg(target_os = "linux")]
mod statistics;
#[cfg(target_os = "linux")]
mod subscription;
#[cfg(target_os = "linux")]
mod system;
#[cfg(target_os = "linux")]
mod table_reader;
#[cfg(target_os = "linux")]
mod text_table;

#[cfg(target_os = "linux")]
pub(crate) use collection::Collection;
#[cfg(target_os = "linux")]
pub(crate) use processes::Processes;
#[cfg(target_os = "linux")]
pub(crate) use rustix::fd::AsFd;
#[cfg(target_os = "linux")]
pub(crate) use system::System;
