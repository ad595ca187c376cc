//! A model of the kernel's table of sockets and of a netlink socket for dumps and look-ups.
//!
//! Like the kernel, it lists a chain in pieces and resumes by position, so events between two pieces make it skip
//! sockets or list them twice. It shares no code with the parser of its messages, so that it can verify refreshes.

use core::time::Duration;
use std::collections::{BTreeSet, HashSet, VecDeque};
use std::net::{Ipv6Addr, SocketAddrV6};

use rustix::io::Errno;

use crate::system::linux::netlink::bytecode;
use crate::system::linux::netlink::transport::{Received, Transport};

pub(super) const PORT: u32 = 815;

pub(super) const ESTABLISHED: u8 = 1;
pub(super) const FIN_WAIT_2: u8 = 5;
pub(super) const TIME_WAIT: u8 = 6;
const CLOSED: u8 = 7;
pub(super) const LISTEN: u8 = 10;

/// In the request of a look-up: any cookie.
const ANY_COOKIE: u64 = u64::MAX;

/// The lifetime of a minisock in milliseconds.
const LIFETIME: u64 = 60_000;

/// The granularity in milliseconds of the timer that ends a minisock.
const GRANULARITY: u64 = 2_048;

/// A socket of the model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sock {
    pub(super) cookie: u64,
    pub(super) state: u8,
    local: u16,
    remote: u16,
    /// The time in milliseconds at which a minisock is due to expire.
    pub(super) due: Option<u64>,
}

impl Sock {
    fn message(&self, now: u64) -> [u8; 72] {
        let mut bytes = [0; 72];
        bytes[..2].copy_from_slice(&[10, self.state]);
        bytes[4..6].copy_from_slice(&self.local.to_be_bytes());
        bytes[6..8].copy_from_slice(&self.remote.to_be_bytes());
        bytes[44..48].copy_from_slice(&(self.cookie as u32).to_ne_bytes());
        bytes[48..52].copy_from_slice(&((self.cookie >> 32) as u32).to_ne_bytes());
        if let Some(due) = self.due {
            bytes[2] = 3;
            bytes[52..56].copy_from_slice(&(due.saturating_sub(now) as u32).to_ne_bytes());
        } else {
            bytes[68..].copy_from_slice(&77u32.to_ne_bytes());
        }
        bytes
    }

    /// The message with the attributes that the kernel sends if `extensions` (`idiag_ext`) requests
    /// them.
    ///
    /// A socket has SHUTDOWN in any case, and INFO if it is requested; a minisock has none. The bytes of `tcp_info` that
    /// count acknowledged bytes are the cookie.
    fn listed(&self, now: u64, extensions: u8) -> Vec<u8> {
        let mut bytes = self.message(now).to_vec();
        let mut attribute = |kind: u16, payload: &[u8]| {
            bytes.extend((4 + payload.len() as u16).to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(payload);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        };
        if self.due.is_none() {
            attribute(8, &[0]);
            if extensions & 1 << 1 != 0 {
                let mut info = [0; 136];
                info[120..128].copy_from_slice(&self.cookie.to_ne_bytes());
                attribute(2, &info);
            }
        }
        bytes
    }

    pub(super) fn ends(&self) -> (SocketAddrV6, SocketAddrV6) {
        let end = |port| SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0);
        (end(self.local), end(self.remote))
    }
}

/// The sockets that a refresh wants.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Wanted {
    pub(super) states: u32,
    pub(super) ports: Ports,
}

/// The ports that a refresh wants.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Ports {
    #[default]
    Any,
    Local(u16),
    Remote(u16),
    /// The local port is at most this one.
    LocalUpTo(u16),
    /// One of the ports is at most this one.
    EitherUpTo(u16),
}

impl Wanted {
    pub(super) fn selects(&self, state: u8, local: u16, remote: u16) -> bool {
        let has_ports = match self.ports {
            Ports::Any => true,
            Ports::Local(port) => local == port,
            Ports::Remote(port) => remote == port,
            Ports::LocalUpTo(last) => local <= last,
            Ports::EitherUpTo(last) => local <= last || (state != LISTEN && remote <= last),
        };
        self.states >> state & 1 == 1 && has_ports
    }

    fn selects_sock(&self, sock: &Sock) -> bool {
        self.selects(sock.state, sock.local, sock.remote)
    }
}

/// A change of the table. A number selects a socket, modulo the number of sockets.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    Listen,
    /// A listener is added on the end of another listener (SO_REUSEPORT).
    ListenOnSameEnd(usize),
    Connect,
    /// A connection without a cookie is added.
    ConnectWithoutCookie,
    /// A connection that is no minisock changes its state.
    Change(usize, u8),
    /// The socket becomes a minisock in FIN-WAIT-2 or TIME-WAIT, with the same cookie.
    Close(usize, u8),
    /// The socket is removed.
    Reset(usize),
    /// The socket is replaced by a new one with the same ends.
    Reuse(usize),
}

/// Faults of look-ups.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    /// The number of replies that fit into the receive buffer, if limited.
    pub(super) capacity: Option<usize>,
    /// The errno of the reply to every look-up.
    pub(super) refused: Option<i32>,
    /// Whether look-ups have no replies.
    pub(super) silent: bool,
    /// Whether signals interrupt every wait.
    pub(super) interrupted: bool,
    /// Whether the kernel refuses programs.
    pub(super) refuses_programs: bool,
    /// Whether the kernel replies with another socket if the requested one is gone.
    pub(super) answers_with_another: bool,
}

#[derive(Debug)]
struct RunningDump {
    sequence: u32,
    states: u32,
    /// The local and the remote port; 0 for any.
    ports: (u16, u16),
    program: Vec<u8>,
    extensions: u8,
    position: usize,
    is_first: bool,
}

/// What the kernel writes of a socket that has left the table after it was found in its chain.
fn left(sock: Sock) -> Sock {
    // It has lost its port, its state, or both.
    match sock.cookie % 3 {
        0 => Sock { local: 0, ..sock },
        1 => Sock { state: CLOSED, ..sock },
        _ => Sock { state: CLOSED, local: 0, ..sock },
    }
}

impl RunningDump {
    fn selects(&self, sock: &Sock) -> bool {
        let (local, remote) = sock.ends();
        let has = |wanted: u16, end: SocketAddrV6| wanted == 0 || wanted == end.port();
        self.states >> sock.state & 1 == 1
            && has(self.ports.0, local)
            && has(self.ports.1, remote)
            && (self.program.is_empty() || bytecode::model::run(&self.program, local, remote))
    }
}

/// The modelled kernel, with records of the current refresh.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) sockets: Vec<Sock>,
    created: u64,
    /// The time in milliseconds.
    pub(super) clock: u64,
    queue: VecDeque<Result<Vec<u8>, Errno>>,
    running: Option<RunningDump>,
    /// The number of sockets per datagram of a dump.
    pub(super) piece: usize,
    /// Events during the refresh.
    ///
    /// One occurs before each further piece of the first dump, or while the kernel writes it, and the others before the
    /// first look-up.
    pub(super) events: VecDeque<Event>,
    /// Whether events occur while the kernel writes a piece.
    pub(super) interrupts_pieces: bool,
    pub(super) faults: Faults,
    wanted: Wanted,
    dumps: usize,
    /// The cookie of each socket that existed during the refresh, with each state that it had.
    pub(super) existed: HashSet<(u64, u8)>,
    /// The cookies of the sockets that the refresh wanted from its beginning to its end.
    pub(super) persistent: BTreeSet<u64>,
    /// The cookies that the first dump of the refresh listed.
    pub(super) listed: HashSet<u64>,
    /// The ports of the sockets that the last dump of the refresh listed.
    pub(super) listed_ends: HashSet<(u16, u16)>,
    /// The cookies of all look-ups of the refresh.
    pub(super) looked_up: Vec<u64>,
    /// The ports of all look-ups of any socket.
    pub(super) looked_up_ends: Vec<(u16, u16)>,
    /// The cookies of the sockets in TIME-WAIT in the previous table.
    pub(super) waiting: HashSet<u64>,
    /// The number of look-ups of sockets in `waiting` that had expired.
    pub(super) expired_look_ups: usize,
    /// The cookies of the sockets in TIME-WAIT that expired.
    expired: HashSet<u64>,
    /// The ends of the connections that were closed since the last refresh began.
    pub(super) closed: Vec<(SocketAddrV6, SocketAddrV6)>,
    /// The number of programs that were refused.
    pub(super) refused_programs: usize,
    /// The duration of all waits of the refresh in milliseconds.
    pub(super) waits: u64,
}

impl Model {
    /// Clears the records of the previous refresh.
    pub(super) fn begin_refresh(&mut self, wanted: Wanted) {
        self.wanted = wanted;
        self.dumps = 0;
        self.existed.clear();
        self.listed.clear();
        self.looked_up.clear();
        self.looked_up_ends.clear();
        self.listed_ends.clear();
        self.expired_look_ups = 0;
        self.waits = 0;
        // Sockets without a cookie cannot be identified.
        let has_identity = |sock: &&Sock| sock.cookie != 0 && wanted.selects_sock(sock);
        self.persistent = self.sockets.iter().filter(has_identity).map(|sock| sock.cookie).collect();
        self.observe();
    }

    /// Advances the clock and removes expired minisocks.
    pub(super) fn pass(&mut self, milliseconds: u64) {
        self.clock += milliseconds;
        let has_expired = |sock: &Sock| sock.due.is_some_and(|due| self.clock >= (due / GRANULARITY + 1) * GRANULARITY);
        let expired = self.sockets.iter().filter(|sock| sock.state == TIME_WAIT && has_expired(sock));
        self.expired.extend(expired.map(|sock| sock.cookie));
        self.sockets.retain(|sock| !has_expired(sock));
        self.observe();
    }

    /// Updates `existed` and `persistent` after a change.
    fn observe(&mut self) {
        self.existed.extend(self.sockets.iter().map(|sock| (sock.cookie, sock.state)));
        let now: HashSet<u64> =
            self.sockets.iter().filter(|sock| self.wanted.selects_sock(sock)).map(|sock| sock.cookie).collect();
        self.persistent.retain(|cookie| now.contains(cookie));
    }

    pub(super) fn apply(&mut self, event: Event) {
        let count = self.sockets.len();
        let at = |number: usize| number.checked_rem(count);
        let is_overdue = |sock: &Sock| sock.due.is_some_and(|due| due <= self.clock);
        match event {
            Event::Listen => self.open(LISTEN, None, true),
            Event::ListenOnSameEnd(number) => {
                let listeners: Vec<Sock> = self.sockets.iter().filter(|s| s.state == LISTEN).copied().collect();
                if let Some(at) = number.checked_rem(listeners.len()) {
                    self.open(LISTEN, Some((listeners[at].local, 0)), true);
                }
            }
            Event::Connect => self.open(ESTABLISHED, None, true),
            Event::ConnectWithoutCookie => self.open(ESTABLISHED, None, false),
            Event::Change(number, state) => {
                if let Some(at) = at(number) {
                    let sock = &mut self.sockets[at];
                    let is_minisock_state = matches!(state, 0 | FIN_WAIT_2 | TIME_WAIT | LISTEN | CLOSED | 13..);
                    if sock.due.is_none() && sock.state != LISTEN && !is_minisock_state {
                        sock.state = state;
                    }
                }
            }
            Event::Close(number, state) => {
                // The kernel inserts minisocks at the head of the chain.
                if let Some(at) = at(number).filter(|at| self.sockets[*at].state != LISTEN) {
                    let sock = self.sockets[at];
                    if !is_overdue(&sock) && sock.state != TIME_WAIT {
                        self.sockets.remove(at);
                        self.closed.push(sock.ends());
                        self.sockets.insert(0, Sock { state, due: Some(self.clock + LIFETIME), ..sock });
                    }
                }
            }
            // Overdue sockets are not reset: they expire in order.
            Event::Reset(number) => {
                if let Some(at) = at(number).filter(|at| !is_overdue(&self.sockets[*at])) {
                    self.sockets.remove(at);
                }
            }
            Event::Reuse(number) => {
                if let Some(at) = at(number).filter(|at| !is_overdue(&self.sockets[*at])) {
                    let Sock { state, local, remote, .. } = self.sockets.remove(at);
                    let state = if state == LISTEN { LISTEN } else { ESTABLISHED };
                    self.open(state, Some((local, remote)), true);
                }
            }
        }
        self.observe();
    }

    fn open(&mut self, state: u8, ends: Option<(u16, u16)>, has_cookie: bool) {
        self.created += 1;
        let number = self.created as u16;
        let (local, remote) = ends.unwrap_or((number, if state == LISTEN { 0 } else { 443 }));
        // Cookies differ in the upper or in the lower word.
        let cookie = if self.created % 2 == 0 { self.created << 32 } else { self.created };
        let cookie = if has_cookie { cookie } else { 0 };
        self.sockets.insert(0, Sock { cookie, state, local, remote, due: None });
    }

    fn next_event(&mut self) {
        if let Some(event) = self.events.pop_front() {
            self.apply(event);
        }
    }

    /// Queues the next piece of the running dump.
    fn continue_dump(&mut self) {
        let Some(mut dump) = self.running.take() else { return };
        let has_event = !dump.is_first && self.dumps == 1;
        dump.is_first = false;
        if has_event && !self.interrupts_pieces {
            self.next_event();
        }
        let mut found = Vec::new();
        while found.len() < self.piece.max(1) {
            let Some(sock) = self.sockets.get(dump.position) else { break };
            dump.position += 1;
            if dump.selects(sock) {
                found.push(*sock);
            }
        }
        if has_event && self.interrupts_pieces {
            self.next_event();
        }
        let mut bytes = Vec::new();
        for sock in &found {
            let is_same =
                |other: &&Sock| (other.cookie, other.ends(), other.due) == (sock.cookie, sock.ends(), sock.due);
            let remaining = self.sockets.iter().find(is_same).copied();
            // A minisock keeps its fields until its last user is done.
            let written = remaining.unwrap_or_else(|| if sock.due.is_some() { *sock } else { left(*sock) });
            bytes.extend(message(20, dump.sequence, &written.listed(self.clock, dump.extensions)));
            if self.dumps == 1 && remaining.is_some() {
                self.listed.insert(sock.cookie);
            }
            if written.state != CLOSED && written.local != 0 && sock.cookie != 0 {
                self.listed_ends.insert((sock.local, sock.remote));
            }
        }
        if found.len() < self.piece.max(1) {
            bytes.extend(message(3, dump.sequence, &[0; 4]));
        } else {
            self.running = Some(dump);
        }
        self.queue.push_back(Ok(bytes));
    }

    fn look_up(&mut self, request: &[u8], queued: usize) {
        let word = |at: usize| u32::from_ne_bytes(request[at..at + 4].try_into().unwrap());
        let port = |at: usize| u16::from_be_bytes(request[at..at + 2].try_into().unwrap());
        let (sequence, ends) = (word(8), (port(24), port(26)));
        let cookie = u64::from(word(68)) << 32 | u64::from(word(64));
        if cookie == ANY_COOKIE {
            self.looked_up_ends.push(ends);
        } else {
            self.looked_up.push(cookie);
        }
        if self.expired.contains(&cookie) && self.waiting.contains(&cookie) {
            self.expired_look_ups += 1;
        }
        if self.faults.silent {
            return;
        }
        if self.faults.capacity.is_some_and(|capacity| queued >= capacity) {
            // The overflow is reported once; no more replies arrive until the queue has been read.
            if !self.queue.iter().any(Result::is_err) {
                self.queue.push_back(Err(Errno::NOBUFS));
            }
            return;
        }
        let found = self.sockets.iter().find(|sock| (sock.local, sock.remote) == ends);
        let found = found.filter(|sock| sock.cookie == cookie || cookie == ANY_COOKIE);
        let another = self.sockets.first().filter(|_| self.faults.answers_with_another);
        let reply = match (self.faults.refused, found.or(another)) {
            (Some(errno), _) => message(2, sequence, &(-errno).to_ne_bytes()),
            (None, Some(sock)) => message(20, sequence, &sock.listed(self.clock, request[18])),
            (None, None) => message(2, sequence, &(-Errno::NOENT.raw_os_error()).to_ne_bytes()),
        };
        self.queue.push_back(Ok(reply));
    }
}

impl Transport for Model {
    fn send(&mut self, request: &[u8]) -> Result<(), Errno> {
        let word = |at: usize| u32::from_ne_bytes(request[at..at + 4].try_into().unwrap());
        if u16::from_ne_bytes([request[6], request[7]]) & 0x300 == 0 {
            while let Some(event) = self.events.pop_front() {
                self.apply(event);
            }
            request.chunks(72).enumerate().for_each(|(queued, one)| self.look_up(one, queued));
            return Ok(());
        }
        self.dumps += 1;
        self.listed_ends.clear();
        let program = request.get(76..).unwrap_or_default().to_vec();
        if !program.is_empty() && (self.faults.refuses_programs || bytecode::model::audit(&program).is_err()) {
            self.refused_programs += 1;
            self.queue.push_back(Ok(message(2, word(8), &(-Errno::INVAL.raw_os_error()).to_ne_bytes())));
        } else if self.running.is_some() {
            let busy = message(2, word(8), &(-Errno::BUSY.raw_os_error()).to_ne_bytes());
            self.queue.push_back(Ok(busy));
        } else {
            let port = |at: usize| u16::from_be_bytes(request[at..at + 2].try_into().unwrap());
            self.running = Some(RunningDump {
                sequence: word(8),
                states: word(20),
                ports: (port(24), port(26)),
                program,
                extensions: request[18],
                position: 0,
                is_first: true,
            });
            self.continue_dump();
        }
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<Received, Errno> {
        let bytes = self.queue.pop_front().ok_or(Errno::AGAIN)??;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        self.continue_dump();
        Ok(Received { length: bytes.len(), from_kernel: true })
    }

    fn wait(&mut self, timeout: Duration) -> Result<(), Errno> {
        assert!(self.waits < 60_000, "waits without a deadline");
        let timeout = timeout.as_millis() as u64;
        if self.faults.interrupted {
            self.waits += timeout.min(300);
            self.pass(timeout.min(300));
            return Err(Errno::INTR);
        }
        self.waits += timeout;
        self.pass(timeout);
        Ok(())
    }

    fn now(&mut self) -> Duration {
        Duration::from_millis(self.clock)
    }
}

fn message(kind: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = ((16 + payload.len()) as u32).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(2u16.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(PORT.to_ne_bytes());
    bytes.extend(payload);
    bytes
}
