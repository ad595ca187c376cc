//! sock_diag over netlink: message format, connection, and reconciliation of successive dumps.
//!
//! [`inet_diag`] and [`reconcile`] make no system calls and compile on every system. The other modules call the kernel
//! through the trait `Transport`.

#[cfg(target_os = "linux")]
mod conn;
pub(super) mod inet_diag;
#[cfg(target_os = "linux")]
mod look_up;
pub(super) mod reconcile;
#[cfg(target_os = "linux")]
pub(super) mod sock_diag;
#[cfg(target_os = "linux")]
mod socket;
#[cfg(target_os = "linux")]
mod transport;
