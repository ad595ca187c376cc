//! sock_diag over netlink: requests and replies as bytes, a connection, and dumps that are reconciled with each other.
//!
//! [`inet_diag`] and [`reconcile`] are pure and compile on every system; the other modules call the kernel, through the
//! trait `Transport`.

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
