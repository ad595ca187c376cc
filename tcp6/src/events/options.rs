//! How a source receives events.

/// The size of the receive buffer that is requested by default: 32 MiB.
pub(crate) const RECEIVE_BUFFER: usize = 32 << 20;

/// Options of [`Watcher::subscribe`](crate::Watcher::subscribe).
///
/// # Which rate of connections works with which setting
///
/// Events wait in a buffer in the kernel until they are read: by each poll, or by a thread as they arrive. An event
/// takes 1,280 bytes of the buffer (Linux 6.18), and a connection over the loopback address makes two events. If the
/// buffer is full, the kernel drops events and counts them: [`Changes::missed`](crate::Changes::missed).
///
/// The repository counts the events that fit with `cargo test -p tcp6 --test suite events -- --nocapture` (as root), and
/// those that are lost with `cargo run --release -p benches --bin soak -- --events --interval MILLISECONDS
/// --receive-buffer BYTES`; `--thread` receives them in a thread. With 212,992 bytes and `--rate 1000`, it counts none with
/// an interval of 100 ms, nearly half of them with 300 ms, and none with a thread and 1 s.
///
/// | reader | receive buffer | events that fit | connections over loopback per second without loss |
/// |---|---|--:|---|
/// | polls | 32 MiB requested, 64 MiB granted (CAP_NET_ADMIN) | 52,428 | 26,214 divided by the interval of polls in seconds |
/// | polls | 4 MiB requested, 8 MiB granted (CAP_NET_ADMIN) | 6,553 | 3,276 divided by the interval of polls in seconds |
/// | polls | 208 KiB requested, 416 KiB granted (`net.core.rmem_max` by default) | 332 | 166 divided by the interval of polls in seconds |
/// | thread | any | 65,536 more in memory | as many as the machine opens, up to 32,768 per poll |
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct EventOptions {
    receive_buffer: usize,
    thread: bool,
}

impl EventOptions {
    /// A receive buffer of 32 MiB, read by polls.
    pub const fn new() -> EventOptions {
        EventOptions { receive_buffer: RECEIVE_BUFFER, thread: false }
    }

    /// Requests a receive buffer of this size in bytes.
    ///
    /// Linux reserves twice the size, for its own data. Without CAP_NET_ADMIN the size is limited to
    /// `net.core.rmem_max`, often 208 KiB; a smaller buffer than requested is no error.
    #[doc(alias = "SO_RCVBUF")]
    pub const fn receive_buffer(self, bytes: usize) -> EventOptions {
        EventOptions { receive_buffer: bytes, ..self }
    }

    /// Receives events in a thread, as they arrive.
    ///
    /// It is useful if the receive buffer is small, as without privileges, or if polls are rare. The thread keeps up to
    /// 65,536 events, in up to 23 MiB; later ones wait in the receive buffer until the next poll. The thread ends when the
    /// source is dropped.
    pub const fn thread(self, thread: bool) -> EventOptions {
        EventOptions { thread, ..self }
    }

    /// The size of the receive buffer to request, in bytes.
    #[must_use]
    pub const fn wanted_receive_buffer(&self) -> usize {
        self.receive_buffer
    }

    /// Whether a thread receives events.
    #[must_use]
    pub const fn has_thread(&self) -> bool {
        self.thread
    }
}

impl Default for EventOptions {
    fn default() -> EventOptions {
        EventOptions::new()
    }
}
