//! sock_diag over netlink: message format, connection, and reconciliation of successive dumps.
//!
//! [`bytecode`], [`events`], [`inet_diag`], [`reconcile`] and [`selection`] make no system calls and compile on every system. The other modules call the kernel
//! through the trait `Transport`.

pub(super) mod bytecode;
#[cfg(target_os = "linux")]
mod conn;
#[cfg(target_os = "linux")]
pub(super) mod event_socket;
pub(super) mod events;
pub(super) mod inet_diag;
#[cfg(target_os = "linux")]
pub(super) mod look_up;
pub(super) mod reconcile;
pub(super) mod selection;
#[cfg(target_os = "linux")]
pub(super) mod sock_diag;
#[cfg(target_os = "linux")]
mod socket;
#[cfg(target_os = "linux")]
mod sockopt;
#[cfg(target_os = "linux")]
mod transport;
