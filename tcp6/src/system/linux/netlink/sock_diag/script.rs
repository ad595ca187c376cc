//! A scripted kernel as the [`Transport`] of a netlink socket.
//!
//! Like the kernel, it continues a dump when a datagram is received, and runs one dump at a time: it replies to another
//! request with EBUSY, followed by the rest of the running dump. It replies to look-ups at once.

use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};

use super::*;
use crate::system::linux::netlink::conn::{DATAGRAM, RECV_TIMEOUT};
use crate::system::linux::netlink::inet_diag::REQUEST;
use crate::system::linux::netlink::transport::Received;

pub(in crate::system::linux) const PORT: u32 = 4711;

/// A length in bytes that exceeds the buffer for a datagram.
const TOO_LARGE: usize = DATAGRAM + 1;

/// A step of a scripted dump. Rows are identified by their local ports.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::system::linux) enum Step {
    /// A datagram of rows.
    Rows(Vec<u16>),
    /// A datagram of rows with the flag NLM_F_DUMP_INTR: the table changed during the dump.
    Interrupted(Vec<u16>),
    /// A row and NLMSG_DONE in reply to another request or to another netlink port.
    ///
    /// The request is the n-th before this one, and the port is at this distance.
    Mismatched(usize, u32),
    /// This many datagrams from other senders, otherwise valid.
    Foreign(usize),
    /// A datagram that exceeds the buffer.
    Large,
    /// The receive call fails.
    Fails(Errno),
    /// The request is refused.
    Refused(i32),
    /// Rows, if any, and NLMSG_DONE with an errno, or 0, in one datagram.
    Done(Vec<u16>, i32),
    /// No further datagram.
    Silence,
}

/// The script for a request for a dump.
///
/// `sending` has the errnos of the send call: each EINTR fails one call, any other errno ends the script. `steps` is
/// the dump that follows a successful call.
#[derive(Clone, Debug, Default)]
pub(in crate::system::linux) struct Answer {
    pub(in crate::system::linux) sending: VecDeque<Errno>,
    pub(in crate::system::linux) steps: VecDeque<Step>,
}

/// A fault in a look-up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::system::linux) enum LookUpFault {
    /// The request is not sent.
    NotSent(Errno),
    /// The kernel replies with an errno.
    Refused(i32),
    /// Receiving the reply fails.
    NotReceived(Errno),
    /// There is no reply.
    Silence,
    /// Replies to another request and to another socket precede the reply.
    Mismatched,
}

impl<const N: usize> From<[Step; N]> for Answer {
    fn from(steps: [Step; N]) -> Answer {
        Answer { sending: VecDeque::new(), steps: steps.into() }
    }
}

impl Answer {
    /// The rows, if the dump completes without a fault.
    pub(in crate::system::linux) fn rows(&self) -> Option<Vec<u16>> {
        let mut rows = Vec::new();
        for step in &self.steps {
            match step {
                Step::Rows(ports) => rows.extend(ports),
                Step::Done(ports, 0) => {
                    rows.extend(ports);
                    return Some(rows);
                }
                // NLMSG_ERROR with 0 is an acknowledgement.
                Step::Mismatched(..) | Step::Foreign(_) | Step::Fails(Errno::INTR) | Step::Refused(0) => {}
                _ => return None,
            }
        }
        None
    }
}

/// The scripted kernel, with counters of the calls.
#[derive(Debug, Default)]
pub(in crate::system::linux) struct Script {
    answers: VecDeque<Answer>,
    /// The script of the last request that was not refused with EBUSY.
    pub(in crate::system::linux) last: Answer,
    /// The sequence number of the running dump, and its remaining steps.
    running: Option<(u32, VecDeque<Step>)>,
    /// The attributes that the running dump requests (`idiag_ext`).
    extensions: u8,
    /// The sequence numbers of all requests.
    requests: Vec<u32>,
    queue: VecDeque<Result<(Vec<u8>, Received), Errno>>,
    /// The sockets that look-ups find.
    pub(in crate::system::linux) alive: BTreeSet<u16>,
    /// The faults of the next look-ups.
    pub(in crate::system::linux) faults: VecDeque<LookUpFault>,
    /// The number of send calls for dumps.
    pub(in crate::system::linux) sends: usize,
    /// The size in bytes of each request for a dump.
    pub(in crate::system::linux) requested: Vec<usize>,
    /// The size of each batch of look-ups.
    pub(in crate::system::linux) look_ups: Vec<usize>,
    pub(in crate::system::linux) receives: usize,
    /// The number of receive calls that failed with EAGAIN.
    empty: usize,
    /// The number of waits.
    pub(in crate::system::linux) waited: usize,
    /// Whether signals interrupt every wait and, from then on, every receive.
    pub(in crate::system::linux) signals: bool,
    /// Whether signals interrupt the waits only.
    pub(in crate::system::linux) wait_signals: bool,
    pub(in crate::system::linux) clock: Duration,
    /// The time by which each reading advances the clock.
    pub(in crate::system::linux) tick: Duration,
    /// The time in each wait after which a datagram from another sender arrives, if any.
    pub(in crate::system::linux) foreign_every: Option<Duration>,
    /// The errnos of all failed calls and messages.
    pub(in crate::system::linux) errnos: Vec<i32>,
}

impl Script {
    /// Creates a kernel that replies to each request with the next of `answers`.
    ///
    /// It does not reply to further requests.
    pub(in crate::system::linux) fn new(answers: impl IntoIterator<Item = Answer>) -> Script {
        Script { answers: answers.into_iter().collect(), ..Script::default() }
    }

    /// The number of drains that emptied the socket.
    ///
    /// Each has one receive call without a datagram. A wait has two, one before and one after it.
    pub(in crate::system::linux) fn drained(&self) -> usize {
        self.empty - 2 * self.waited
    }

    /// Advances the clock as if a signal interrupted a call.
    ///
    /// Panics if calls are retried without a deadline.
    fn interrupt(&mut self) {
        self.clock += Duration::from_millis(100);
        assert!(self.clock < 10 * RECV_TIMEOUT, "signals postpone the deadline");
    }

    /// Runs the next step of the running dump.
    fn continue_dump(&mut self) {
        let Some((sequence, steps)) = &mut self.running else { return };
        let (sequence, extensions) = (*sequence, self.extensions);
        let Some(step) = steps.pop_front() else { return };
        match step {
            Step::Rows(ports) => self.datagram(rows(sequence, 0, &ports, extensions)),
            Step::Interrupted(ports) => self.datagram(rows(sequence, DUMP_INTR, &ports, extensions)),
            Step::Mismatched(before, distance) => {
                let earlier = self.requests.iter().rev().nth(before).copied().unwrap_or_default();
                let port = PORT.wrapping_add(distance);
                let answer = |kind, payload: &[u8]| message(kind, DUMP_INTR, earlier, port, payload);
                self.datagram([answer(ROW, &socket(666)), answer(DONE, &[0; 4])].concat());
            }
            Step::Foreign(count) => {
                let bytes = [rows(sequence, 0, &[667], extensions), message(DONE, 0, sequence, PORT, &[0; 4])].concat();
                let received = Received { length: bytes.len(), from_kernel: false };
                self.queue.extend((0..count).map(|_| Ok((bytes.clone(), received))));
            }
            Step::Large => {
                let bytes = [rows(sequence, 0, &[668], extensions), message(DONE, 0, sequence, PORT, &[0; 4])].concat();
                self.queue.push_back(Ok((bytes, Received { length: TOO_LARGE, from_kernel: true })));
            }
            Step::Fails(errno) => self.queue.push_back(Err(errno)),
            Step::Refused(errno) => self.errno(ERROR, sequence, errno, Vec::new()),
            Step::Done(ports, errno) => {
                self.errno(DONE, sequence, errno, rows(sequence, 0, &ports, extensions));
                self.running = None;
                return;
            }
            Step::Silence => {
                self.running = Some((sequence, [Step::Silence].into()));
                return;
            }
        }
        if self.running.as_ref().is_some_and(|(_, steps)| steps.is_empty()) {
            self.running = None;
        }
    }

    fn look_up(&mut self, request: &[u8]) {
        let sequence = u32::from_ne_bytes(request[8..12].try_into().unwrap());
        let port = u16::from_be_bytes(request[24..26].try_into().unwrap());
        let (ends, cookie) = request[24..].split_at(40);
        assert_eq!(ends, &socket(port)[4..44], "the id from the dump");
        assert!(cookie == &socket(port)[44..52] || cookie == [0xFF; 8], "{cookie:?}");
        match self.faults.pop_front() {
            Some(LookUpFault::Refused(errno)) => return self.errno(ERROR, sequence, errno, Vec::new()),
            Some(LookUpFault::NotReceived(errno)) => self.queue.push_back(Err(errno)),
            Some(LookUpFault::Silence) => return,
            Some(LookUpFault::Mismatched) => {
                self.datagram(message(ROW, 0, sequence.wrapping_sub(1_000), PORT, &socket(port)));
                self.datagram(message(ERROR, 0, sequence, PORT + 1, &[0xFF; 4]));
            }
            // `send` handles `NotSent`.
            Some(LookUpFault::NotSent(_)) | None => {}
        }
        if self.alive.contains(&port) {
            self.datagram(message(ROW, 0, sequence, PORT, &listed(port, request[18])));
        } else {
            self.datagram(message(ERROR, 0, sequence, PORT, &(-Errno::NOENT.raw_os_error()).to_ne_bytes()));
        }
    }

    fn datagram(&mut self, bytes: Vec<u8>) {
        let received = Received { length: bytes.len(), from_kernel: true };
        self.queue.push_back(Ok((bytes, received)));
    }

    /// Queues a datagram of the messages in `before` and one with an errno.
    fn errno(&mut self, kind: u16, sequence: u32, errno: i32, mut before: Vec<u8>) {
        self.errnos.extend((errno != 0).then_some(errno));
        before.extend(message(kind, 0, sequence, PORT, &errno.wrapping_neg().to_ne_bytes()));
        self.datagram(before);
    }
}

impl Transport for Script {
    fn send(&mut self, request: &[u8]) -> Result<(), Errno> {
        let flags = u16::from_ne_bytes(request[6..8].try_into().unwrap());
        if flags & DUMP == 0 {
            if let Some(LookUpFault::NotSent(errno)) = self.faults.front().copied() {
                self.faults.pop_front();
                self.errnos.push(errno.raw_os_error());
                return Err(errno);
            }
            self.look_ups.push(request.len() / REQUEST);
            request.chunks(REQUEST).for_each(|one| self.look_up(one));
            return Ok(());
        }
        self.sends += 1;
        self.requested.push(request.len());
        if let Some(errno) = self.answers.front_mut().and_then(|answer| answer.sending.pop_front()) {
            self.errnos.push(errno.raw_os_error());
            // After EINTR the request is sent again. Any other errno ends its script.
            if errno != Errno::INTR {
                self.answers.pop_front();
            }
            return Err(errno);
        }
        let sequence = u32::from_ne_bytes(request[8..12].try_into().unwrap());
        self.requests.push(sequence);
        if self.running.is_some() {
            self.errno(ERROR, sequence, Errno::BUSY.raw_os_error(), Vec::new());
        } else {
            self.last = self.answers.pop_front().unwrap_or_default();
            self.running = Some((sequence, self.last.steps.clone()));
            self.extensions = request[18];
            self.continue_dump();
        }
        Ok(())
    }

    fn receive(&mut self, into: &mut [u8]) -> Result<Received, Errno> {
        self.receives += 1;
        if self.signals && self.waited > 0 {
            self.interrupt();
            return Err(Errno::INTR);
        }
        match self.queue.pop_front() {
            Some(Ok((bytes, received))) => {
                into[..bytes.len()].copy_from_slice(&bytes);
                self.continue_dump();
                Ok(received)
            }
            Some(Err(errno)) => {
                self.errnos.push(errno.raw_os_error());
                // A failed receive does not continue the dump, except that the script also continues after EINTR.
                if errno == Errno::INTR {
                    self.continue_dump();
                }
                Err(errno)
            }
            None => {
                self.empty += 1;
                Err(Errno::AGAIN)
            }
        }
    }

    fn wait(&mut self, timeout: Duration) -> Result<(), Errno> {
        self.waited += 1;
        if self.signals || self.wait_signals {
            self.interrupt();
            return Err(Errno::INTR);
        }
        match self.foreign_every.filter(|every| *every < timeout) {
            Some(every) => {
                self.clock += every;
                let received = Received { length: 16, from_kernel: false };
                self.queue.push_back(Ok((vec![0; 16], received)));
            }
            None => self.clock += timeout,
        }
        Ok(())
    }

    fn now(&mut self) -> Duration {
        self.clock += self.tick;
        self.clock
    }
}

const ERROR: u16 = 2;
const DONE: u16 = 3;
const ROW: u16 = 20;
const DUMP_INTR: u16 = 0x10;
const DUMP: u16 = 0x300;

fn message(kind: u16, flags: u16, sequence: u32, port: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = ((16 + payload.len()) as u32).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(port.to_ne_bytes());
    bytes.extend(payload);
    bytes
}

/// The message of an established connection from `port`, with a unique cookie.
fn socket(port: u16) -> [u8; 72] {
    let mut bytes = [0; 72];
    bytes[..2].copy_from_slice(&[10, 1]);
    bytes[4..6].copy_from_slice(&port.to_be_bytes());
    bytes[6..8].copy_from_slice(&443u16.to_be_bytes());
    // The kernel sends a cookie as two words, each in native order, the lower one first.
    bytes[44..48].copy_from_slice(&(u32::from(port) + 1).to_ne_bytes());
    bytes
}

/// The message of [`socket`], with a `tcp_info` if it is requested, whose number of retransmissions
/// is the port.
fn listed(port: u16, extensions: u8) -> Vec<u8> {
    let mut bytes = socket(port).to_vec();
    if extensions & 1 << 1 != 0 {
        let mut info = [0; 104];
        info[100..].copy_from_slice(&u32::from(port).to_ne_bytes());
        bytes.extend([[4 + 104, 0], [2, 0]].map(u16::from_le_bytes).map(u16::to_ne_bytes).as_flattened());
        bytes.extend(info);
    }
    bytes
}

fn rows(sequence: u32, flags: u16, ports: &[u16], extensions: u8) -> Vec<u8> {
    ports.iter().flat_map(|port| message(ROW, flags, sequence, PORT, &listed(*port, extensions))).collect()
}
