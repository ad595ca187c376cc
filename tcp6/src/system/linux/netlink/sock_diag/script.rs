//! The kernel's end of the socket, played by a script.
//!
//! As the kernel does it, a dump goes on when something is received, and while one runs there is no other: a request
//! is then answered with EBUSY, and what is left of the old dump comes behind that. Look-ups are answered at once.

use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};

use super::*;
use crate::system::linux::netlink::conn::{DATAGRAM, RECV_TIMEOUT};
use crate::system::linux::netlink::inet_diag::REQUEST;
use crate::system::linux::netlink::transport::Received;

pub(in crate::system::linux) const PORT: u32 = 4711;

/// Beyond the room for a datagram.
const TOO_LARGE: usize = DATAGRAM + 1;

/// What the kernel does next. Rows are known by their local ports.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::system::linux) enum Step {
    /// A datagram of rows.
    Rows(Vec<u16>),
    /// The same, and the table changed under the kernel's hands.
    Interrupted(Vec<u16>),
    /// A row and an end for the request of this socket so many before this one, and for a socket so many ports away.
    Strange(usize, u32),
    /// Datagrams of other senders, as good as they can be made.
    Others(usize),
    /// A row, and a datagram that there is no room for.
    Large,
    /// The call fails.
    Fails(Errno),
    /// The request is refused.
    Refused(i32),
    /// The end, behind rows if there are some, with an errno if it could not go on.
    Done(Vec<u16>, i32),
    /// From now on nothing.
    Silence,
}

/// What happens to a request: how the call fails, and if it only was interrupted, what the kernel does then.
#[derive(Clone, Debug, Default)]
pub(in crate::system::linux) struct Answer {
    pub(in crate::system::linux) sending: VecDeque<Errno>,
    pub(in crate::system::linux) steps: VecDeque<Step>,
}

/// What goes wrong with a look-up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::system::linux) enum Mishap {
    /// The request is not sent.
    NotSent(Errno),
    /// It is refused.
    Refused(i32),
    /// The answer is not received.
    NotReceived(Errno),
    /// There is no answer.
    Silence,
    /// There is another one before it: to the request before, or to another socket.
    Strange,
}

impl<const N: usize> From<[Step; N]> for Answer {
    fn from(steps: [Step; N]) -> Answer {
        Answer { sending: VecDeque::new(), steps: steps.into() }
    }
}

impl Answer {
    /// The rows, if this is a dump that came to its end without a fault.
    pub(in crate::system::linux) fn rows(&self) -> Option<Vec<u16>> {
        let mut rows = Vec::new();
        for step in &self.steps {
            match step {
                Step::Rows(some) => rows.extend(some),
                Step::Done(some, 0) => {
                    rows.extend(some);
                    return Some(rows);
                }
                // A refusal without an errno is an acknowledgement.
                Step::Strange(..) | Step::Others(_) | Step::Fails(Errno::INTR) | Step::Refused(0) => {}
                _ => return None,
            }
        }
        None
    }
}

#[derive(Debug, Default)]
pub(in crate::system::linux) struct Script {
    answers: VecDeque<Answer>,
    /// The answer to the last request that was not refused for another dump.
    pub(in crate::system::linux) last: Answer,
    /// The sequence number of the dump that is running, and what is left of it.
    running: Option<(u32, VecDeque<Step>)>,
    /// The sequence numbers of all requests.
    requests: Vec<u32>,
    queue: VecDeque<Result<(Vec<u8>, Received), Errno>>,
    /// The sockets that there still are, for those that look them up.
    pub(in crate::system::linux) alive: BTreeSet<u16>,
    /// What goes wrong with the next look-ups.
    pub(in crate::system::linux) mishaps: VecDeque<Mishap>,
    /// How often a dump was asked for, and how many look-ups at a time.
    pub(in crate::system::linux) sends: usize,
    pub(in crate::system::linux) look_ups: Vec<usize>,
    pub(in crate::system::linux) receives: usize,
    /// How often there was nothing to receive, and how often that was waited for.
    empty: usize,
    pub(in crate::system::linux) waited: usize,
    /// Whether signals interrupt every wait and, from then on, every receive.
    pub(in crate::system::linux) signals: bool,
    /// Whether signals interrupt the waits only.
    pub(in crate::system::linux) wait_signals: bool,
    pub(in crate::system::linux) clock: Duration,
    /// How much the clock advances whenever it is read.
    pub(in crate::system::linux) tick: Duration,
    /// After how much of each wait a datagram of another sender arrives, if at all.
    pub(in crate::system::linux) foreign_every: Option<Duration>,
    /// Every errno that a call or a message had.
    pub(in crate::system::linux) said: Vec<i32>,
}

impl Script {
    /// Requests are answered in turn; behind the last there is silence.
    pub(in crate::system::linux) fn new(answers: impl IntoIterator<Item = Answer>) -> Script {
        Script { answers: answers.into_iter().collect(), ..Script::default() }
    }

    /// How often a drain found nothing more: each wait has an empty receive before and after it.
    pub(in crate::system::linux) fn drained(&self) -> usize {
        self.empty - 2 * self.waited
    }

    /// A signal interrupts a call. Fails where calls are repeated without an end.
    fn interrupt(&mut self) {
        self.clock += Duration::from_millis(100);
        assert!(self.clock < 10 * RECV_TIMEOUT, "signals postpone the deadline");
    }

    /// The kernel goes on with the dump that is running.
    fn go_on(&mut self) {
        let Some((sequence, steps)) = &mut self.running else { return };
        let sequence = *sequence;
        let Some(step) = steps.pop_front() else { return };
        match step {
            Step::Rows(ports) => self.datagram(rows(sequence, 0, &ports)),
            Step::Interrupted(ports) => self.datagram(rows(sequence, DUMP_INTR, &ports)),
            Step::Strange(before, away) => {
                let earlier = self.requests.iter().rev().nth(before).copied().unwrap_or_default();
                let port = PORT.wrapping_add(away);
                let answer = |kind, payload: &[u8]| message(kind, DUMP_INTR, earlier, port, payload);
                self.datagram([answer(ROW, &socket(666)), answer(DONE, &[0; 4])].concat());
            }
            Step::Others(count) => {
                let bytes = [rows(sequence, 0, &[667]), message(DONE, 0, sequence, PORT, &[0; 4])].concat();
                let received = Received { length: bytes.len(), from_kernel: false };
                self.queue.extend((0..count).map(|_| Ok((bytes.clone(), received))));
            }
            Step::Large => {
                let bytes = [rows(sequence, 0, &[668]), message(DONE, 0, sequence, PORT, &[0; 4])].concat();
                self.queue.push_back(Ok((bytes, Received { length: TOO_LARGE, from_kernel: true })));
            }
            Step::Fails(errno) => self.queue.push_back(Err(errno)),
            Step::Refused(errno) => self.errno(ERROR, sequence, errno, Vec::new()),
            Step::Done(ports, errno) => {
                self.errno(DONE, sequence, errno, rows(sequence, 0, &ports));
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
        assert_eq!(request[24..], socket(port)[4..52], "named as it was told");
        match self.mishaps.pop_front() {
            Some(Mishap::Refused(errno)) => return self.errno(ERROR, sequence, errno, Vec::new()),
            Some(Mishap::NotReceived(errno)) => self.queue.push_back(Err(errno)),
            Some(Mishap::Silence) => return,
            Some(Mishap::Strange) => {
                self.datagram(message(ROW, 0, sequence.wrapping_sub(1_000), PORT, &socket(port)));
                self.datagram(message(ERROR, 0, sequence, PORT + 1, &[0xFF; 4]));
            }
            // The one was handled before, where the other was not.
            Some(Mishap::NotSent(_)) | None => {}
        }
        if self.alive.contains(&port) {
            self.datagram(message(ROW, 0, sequence, PORT, &socket(port)));
        } else {
            self.datagram(message(ERROR, 0, sequence, PORT, &(-Errno::NOENT.raw_os_error()).to_ne_bytes()));
        }
    }

    fn datagram(&mut self, bytes: Vec<u8>) {
        let received = Received { length: bytes.len(), from_kernel: true };
        self.queue.push_back(Ok((bytes, received)));
    }

    /// A message with an errno, behind these others.
    fn errno(&mut self, kind: u16, sequence: u32, errno: i32, mut before: Vec<u8>) {
        self.said.extend((errno != 0).then_some(errno));
        before.extend(message(kind, 0, sequence, PORT, &errno.wrapping_neg().to_ne_bytes()));
        self.datagram(before);
    }
}

impl Transport for Script {
    fn send(&mut self, request: &[u8]) -> Result<(), Errno> {
        let flags = u16::from_ne_bytes(request[6..8].try_into().unwrap());
        if flags & DUMP == 0 {
            if let Some(Mishap::NotSent(errno)) = self.mishaps.front().copied() {
                self.mishaps.pop_front();
                self.said.push(errno.raw_os_error());
                return Err(errno);
            }
            self.look_ups.push(request.len() / REQUEST);
            request.chunks(REQUEST).for_each(|one| self.look_up(one));
            return Ok(());
        }
        self.sends += 1;
        if let Some(errno) = self.answers.front_mut().and_then(|answer| answer.sending.pop_front()) {
            self.said.push(errno.raw_os_error());
            // A signal puts the request off; whatever else there is was the answer.
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
            self.go_on();
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
                self.go_on();
                Ok(received)
            }
            Some(Err(errno)) => {
                self.said.push(errno.raw_os_error());
                // Nothing was received, so the kernel does not go on; but a signal does not keep it from it.
                if errno == Errno::INTR {
                    self.go_on();
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

/// An established connection from this port, with a cookie of its own.
fn socket(port: u16) -> [u8; 72] {
    let mut bytes = [0; 72];
    bytes[..2].copy_from_slice(&[10, 1]);
    bytes[4..6].copy_from_slice(&port.to_be_bytes());
    bytes[6..8].copy_from_slice(&443u16.to_be_bytes());
    // The kernel sends a cookie as two words, each in native order, the lower one first.
    bytes[44..48].copy_from_slice(&(u32::from(port) + 1).to_ne_bytes());
    bytes
}

fn rows(sequence: u32, flags: u16, ports: &[u16]) -> Vec<u8> {
    ports.iter().flat_map(|port| message(ROW, flags, sequence, PORT, &socket(*port))).collect()
}
