//! A subscription to destroy events: receives them, in a thread if requested, and merges them with the tables.

use core::mem;
use std::net::SocketAddrV6;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;

use super::ehash;
use super::listing::is_refusal;
use super::netlink::event_socket::{Counts, EventSocket, datagram};
use super::netlink::events::{Event, Listed, Merger, Poll};
use super::netlink::inet_diag::SockId;
use super::netlink::look_up::Closed;
use crate::error::{Error, Result};
use crate::events::brief::Brief;
use crate::events::options::EventOptions;
use crate::events::report::Events;

/// The number of events that are kept in memory. Later ones wait in the receive buffer.
const MAX_EVENTS: usize = 65_536;

/// The pause of the thread after it has received events.
///
/// The smallest default receive buffer holds the events of 3 ms at the highest rate of the kernel.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };

/// The number of chains if it is unknown.
///
/// A dump of fewer sockets skips none, even if all are in one chain, because they are sent in one piece.
const DEFAULT_CHAINS: usize = 16;

/// The stack of the thread, which has its buffers on the heap.
const STACK: usize = 256 * 1024;

/// Receives events and merges them with the tables of one watcher.
#[derive(Debug)]
pub(super) struct Subscription {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
    merger: Merger,
    /// The connections that were closed before the dump.
    closed: Vec<SockId>,
    /// The number of chains of the hash of connections.
    chains: usize,
    opened: Instant,
    /// The last number of drops of the socket, which wraps.
    drops: u32,
    missed: Missed,
}

/// The number of events that were lost since the subscription, and how many of them were reported.
#[derive(Clone, Copy, Debug, Default)]
struct Missed {
    total: u64,
    /// The total at the last poll, and at the last accepted one.
    reported: u64,
    accepted: u64,
}

/// The received events. The thread and the polls receive from one socket, under the lock.
#[derive(Debug)]
struct Queue {
    socket: EventSocket,
    received: Mutex<Received>,
    /// Ends a wait of the thread.
    wake: OwnedFd,
    is_stopped: AtomicBool,
}

#[derive(Debug)]
struct Received {
    events: Vec<Event>,
    counts: Counts,
    datagram: Box<[u8]>,
}

impl Subscription {
    /// Subscribes to the events of the network namespace of the calling thread.
    pub(super) fn open(options: &EventOptions) -> Result<Subscription> {
        let socket = EventSocket::open(options.wanted_receive_buffer()).map_err(not_supported)?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(|e| Error::os("eventfd", e))?;
        let drops = socket.drops().unwrap_or(0);
        let received = Received { events: Vec::new(), counts: Counts::default(), datagram: datagram() };
        let queue = Arc::new(Queue { socket, received: received.into(), wake, is_stopped: AtomicBool::new(false) });
        let thread = if options.has_thread() {
            let queue = Arc::clone(&queue);
            let builder = thread::Builder::new().name("tcp6-events".to_owned()).stack_size(STACK);
            Some(builder.spawn(move || queue.run()).map_err(|error| Error::os("thread for events", error))?)
        } else {
            None
        };
        Ok(Subscription {
            queue,
            thread,
            merger: Merger::default(),
            closed: Vec::new(),
            chains: ehash::chains().unwrap_or(DEFAULT_CHAINS),
            opened: Instant::now(),
            drops,
            missed: Missed::default(),
        })
    }

    /// The number of the network namespace of the events. `None` before Linux 5.14.
    pub(super) fn namespace(&self) -> Option<u64> {
        self.queue.socket.namespace()
    }

    /// Starts a poll: receives the events that arrived before its dump.
    ///
    /// `is_accepted` is whether the table of the last poll became the baseline of the watcher, and `selects` whether the
    /// query selects a connection with these ends.
    pub(super) fn begin(&mut self, is_accepted: bool, selects: impl Fn(SocketAddrV6, SocketAddrV6) -> bool) {
        if is_accepted {
            self.merger.commit();
            self.missed.accepted = self.missed.reported;
        }
        let queue = &self.queue;
        self.merger.begin(|pending| queue.take(pending));
        self.closed.clear();
        for id in self.merger.closed(selects) {
            // Without memory, fewer minisocks are looked up.
            if self.closed.try_reserve(1).is_err() {
                break;
            }
            self.closed.push(id);
        }
    }

    /// The storage for the sockets of the table, and the connections that were closed before its dump.
    pub(super) fn table(&mut self) -> (&mut Vec<Listed>, Closed<'_>) {
        (self.merger.table(), Closed { ids: &mut self.closed, chains: self.chains })
    }

    /// Ends a poll: merges the events with the table and reports them.
    ///
    /// `has_identity` and `reports` are those of [`Poll`].
    pub(super) fn finish(
        &mut self,
        has_identity: bool,
        reports: impl Fn(&Brief) -> bool,
        events: &mut Events,
    ) -> Result<()> {
        let queue = &self.queue;
        self.merger.add_late(|pending| queue.take(pending));
        self.report_missed(events);
        let poll = Poll { now: self.opened.elapsed(), has_identity, has_lost: events.missed() > 0, reports };
        self.merger.merge(poll, events)
    }

    /// Ends a poll whose table has no cookies: all events are missed.
    pub(super) fn give_up(&mut self, events: &mut Events) {
        self.missed.total += self.merger.reset();
        self.report_missed(events);
    }

    fn report_missed(&mut self, events: &mut Events) {
        let counts = mem::take(&mut self.queue.lock().counts);
        self.missed.total += counts.malformed;
        match self.queue.socket.drops() {
            Some(drops) => {
                self.missed.total += u64::from(drops.wrapping_sub(self.drops));
                self.drops = drops;
            }
            None => self.missed.total += counts.overflows,
        }
        self.missed.reported = self.missed.total;
        events.add_missed(self.missed.total - self.missed.accepted);
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.queue.is_stopped.store(true, Ordering::Release);
        self.queue.wake();
        // The thread panics only if this code is wrong. Its panic has been printed.
        self.thread.take().map(JoinHandle::join);
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Received> {
        // A panic while the lock is held leaves complete events.
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Receives what is available and appends all events to `pending`, up to [`MAX_EVENTS`].
    fn take(&self, pending: &mut Vec<Event>) {
        let mut received = self.lock();
        let was_full = received.events.len() >= MAX_EVENTS;
        received.receive(&self.socket);
        let count = received.events.len().min(MAX_EVENTS.saturating_sub(pending.len()));
        if pending.try_reserve(count).is_ok() {
            pending.extend(received.events.drain(..count));
        }
        drop(received);
        if was_full {
            self.wake();
        }
    }

    fn wake(&self) {
        // Fails only if the counter is at its maximum, and then the thread is awake.
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }

    /// Receives events until the subscription ends.
    fn run(&self) {
        while !self.is_stopped.load(Ordering::Acquire) {
            let (count, timeout) = {
                let mut received = self.lock();
                let before = received.events.len();
                received.receive(&self.socket);
                match received.events.len() {
                    // The socket stays readable until a poll takes the events.
                    MAX_EVENTS.. => (1, None),
                    after if after > before => (1, Some(&PAUSE)),
                    _ => (2, None),
                }
            };
            let woken = PollFd::new(&self.wake, PollFlags::IN);
            let available = PollFd::new(&self.socket, PollFlags::IN);
            match poll(&mut [woken, available][..count], timeout) {
                Ok(_) | Err(Errno::INTR) => {}
                // The kernel lacks memory. The polls receive the events.
                Err(_) => return,
            }
            // Resets the counter. Fails if nothing has woken the thread.
            let _ = rustix::io::read(&self.wake, &mut [0; 8]);
        }
    }
}

impl Received {
    fn receive(&mut self, socket: &EventSocket) {
        socket.receive(&mut self.datagram, &mut self.events, MAX_EVENTS, &mut self.counts);
    }
}

/// The error of a socket for events that cannot be opened.
fn not_supported(errno: Errno) -> Error {
    if is_refusal(errno.raw_os_error()) { Error::NotSupported } else { Error::os("socket for sock_diag events", errno) }
}

#[cfg(test)]
mod tests;
