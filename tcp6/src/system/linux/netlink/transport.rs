//! The system calls on a netlink socket, as a trait.
//!
//! Tests and fuzz targets implement it with a scripted kernel.

use core::time::Duration;

use rustix::io::Errno;

/// Sends and receives datagrams, and measures the time that limits waits.
pub(in crate::system::linux) trait Transport {
    /// Sends a datagram.
    fn send(&mut self, request: &[u8]) -> Result<(), Errno>;

    /// Receives a datagram without blocking. Truncates it to the size of `buffer`.
    ///
    /// # Errors
    ///
    /// EAGAIN if no datagram is available.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<Received, Errno>;

    /// Waits for a datagram, at most for `timeout`. May return early.
    fn wait(&mut self, timeout: Duration) -> Result<(), Errno>;

    /// The time since an arbitrary fixed moment.
    fn now(&mut self) -> Duration;
}

/// A received datagram, whose bytes are in the buffer.
#[derive(Clone, Copy, Debug)]
pub(in crate::system::linux) struct Received {
    /// The full length in bytes, which may exceed the buffer.
    pub(in crate::system::linux) length: usize,
    /// Whether the kernel sent it. A privileged process can send to any netlink socket.
    pub(in crate::system::linux) from_kernel: bool,
}
