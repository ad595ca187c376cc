//! The system calls of a netlink socket, as a trait: tests and fuzz targets script the kernel.

use core::time::Duration;

use rustix::io::Errno;

/// Sends and receives datagrams, and has the clock by which waits are limited.
pub(in crate::system::linux) trait Transport {
    fn send(&mut self, request: &[u8]) -> Result<(), Errno>;

    /// Receives a datagram without waiting, cut to the size of `buffer`. EAGAIN: there is none.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<Received, Errno>;

    /// Waits until there may be a datagram, or for `timeout`.
    fn wait(&mut self, timeout: Duration) -> Result<(), Errno>;

    /// The time since any fixed moment.
    fn now(&mut self) -> Duration;
}

/// A datagram that was received.
#[derive(Clone, Copy, Debug)]
pub(in crate::system::linux) struct Received {
    /// Its whole length, which may exceed the buffer.
    pub(in crate::system::linux) length: usize,
    /// Whether the kernel sent it. A privileged process can send to any netlink socket.
    pub(in crate::system::linux) from_kernel: bool,
}
