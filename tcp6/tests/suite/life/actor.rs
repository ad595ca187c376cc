//! An actor: a process that executes orders to open, close and pass on sockets.
//!
//! An order is one line. Its parts are separated by `;` and are executed in sequence. No table is read between them.
//! The answer has one part for each part of the order. The history chooses the numbers of the held resources.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::Child;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::rights;

/// Time limit of connect(). If the listener's queue is full, the connection then stays in SYN-SENT.
const CONNECT_WAIT: Duration = Duration::from_millis(50);

/// Time limit of accept() for a connection that the kernel has already completed.
const ACCEPT_WAIT: Duration = Duration::from_millis(50);

/// Time limit for a thread that is blocked in accept() to deliver its connection.
const JOIN_WAIT: Duration = Duration::from_millis(500);

/// A resource with at least one descriptor.
#[derive(Debug)]
#[expect(dead_code, reason = "plain descriptors are only kept open until they are dropped")]
pub enum Held {
    Socket(Arc<Socket>),
    /// Files, pipes and sockets that are not IPv6 TCP.
    Plain(Vec<OwnedFd>),
    /// Both ends of several connections.
    Flood(Vec<(Socket, Socket)>),
}

/// A thread that is blocked in accept().
///
/// The kernel has already reserved the descriptor that accept() will return.
#[derive(Debug)]
struct BlockedAccept {
    listener: Arc<Socket>,
    thread: JoinHandle<()>,
    accepted: Receiver<Socket>,
}

/// The resources of an actor, and the socket over which it passes descriptors.
#[derive(Debug)]
pub struct Actor {
    /// Name of the history, a prefix of the addresses of all its actors.
    pub history: String,
    pub held: HashMap<u32, Held>,
    pub children: Vec<Child>,
    /// Receives SCM_RIGHTS messages from other actors.
    mailbox: UnixDatagram,
    /// Indexed by the number that the accepted connection will have.
    blocked: HashMap<u32, BlockedAccept>,
}

impl Actor {
    pub fn new(history: &str, id: u32) -> io::Result<Actor> {
        let mailbox = UnixDatagram::bind_addr(&rights::address(history, id))?;
        let (held, blocked) = (HashMap::new(), HashMap::new());
        Ok(Actor { history: history.to_owned(), held, children: Vec::new(), mailbox, blocked })
    }

    /// Executes each part of an order. Each part of the answer begins with `ok`, `none` or `err`.
    pub fn execute(&mut self, order: &str) -> String {
        let answers: Vec<String> = order.split(';').map(|part| self.execute_part(part.trim())).collect();
        answers.join(";")
    }

    fn execute_part(&mut self, part: &str) -> String {
        let words: Vec<&str> = part.split(' ').collect();
        let number = |i: usize| words.get(i).and_then(|word| word.parse::<u32>().ok()).unwrap_or(0);
        let word = |i: usize| words.get(i).copied().unwrap_or("");
        let port = |i: usize| u16::try_from(number(i)).unwrap_or(0);
        let outcome = match words[0] {
            "listen" => self.listen(number(1), word(2), port(3), number(4), &words[5..]),
            "connect" => self.connect(number(1), word(2), port(3), port(4)),
            "accept" => self.accept(number(1), number(2)),
            "await" => self.accept_in_thread(number(1), number(2)),
            "joined" => self.joined(number(1)),
            "close" => self.close(number(1)),
            "rst" => self.reset(number(1)),
            "shut" => self.shut(number(1), word(2)),
            "write" => self.write(number(1)),
            "dup" => self.dup(number(1), number(2), number(3)),
            "plain" => self.plain(number(1), word(2), number(3)),
            "flood" => self.flood(number(1), number(2), number(3)),
            "send" => self.send(number(1), number(2)),
            "take" => self.receive(number(1)),
            other => Err(io::Error::other(format!("unknown order: {other}"))),
        };
        match outcome {
            Ok(Some(0)) => "ok".to_owned(),
            Ok(Some(port)) => format!("ok {port}"),
            Ok(None) => "none".to_owned(),
            Err(error) => format!("err {error}"),
        }
    }

    fn hold(&mut self, number: u32, socket: Socket) -> Outcome {
        self.held.insert(number, Held::Socket(Arc::new(socket)));
        Ok(Some(0))
    }

    fn socket(&self, number: u32) -> Option<&Arc<Socket>> {
        match self.held.get(&number)? {
            Held::Socket(socket) => Some(socket),
            Held::Plain(_) | Held::Flood(_) => None,
        }
    }

    fn listen(&mut self, number: u32, kind: &str, port: u16, backlog: u32, options: &[&str]) -> Outcome {
        let address: SocketAddr = match kind {
            "any" | "only6" => (Ipv6Addr::UNSPECIFIED, port).into(),
            "link" => SocketAddr::V6(link_local(port)),
            "v4" => (Ipv4Addr::LOCALHOST, port).into(),
            _ => (Ipv6Addr::LOCALHOST, port).into(),
        };
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        if address.is_ipv6() {
            socket.set_only_v6(kind != "any")?;
        }
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(options.contains(&"reuse"))?;
        if options.contains(&"device") {
            socket.bind_device(Some(b"lo"))?;
        }
        socket.bind(&address.into())?;
        socket.listen(i32::try_from(backlog).unwrap_or(8))?;
        let port = local_port(&socket)?;
        self.hold(number, socket)?;
        Ok(Some(port))
    }

    fn connect(&mut self, number: u32, kind: &str, port: u16, from: u16) -> Outcome {
        let address: SocketAddr = match kind {
            "v4" => (Ipv4Addr::LOCALHOST, port).into(),
            "mapped" => (Ipv4Addr::LOCALHOST.to_ipv6_mapped(), port).into(),
            "link" => SocketAddr::V6(link_local(port)),
            _ => (Ipv6Addr::LOCALHOST, port).into(),
        };
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        if from != 0 {
            socket.set_reuse_address(true)?;
            let from: SocketAddr = if address.is_ipv4() {
                (Ipv4Addr::UNSPECIFIED, from).into()
            } else {
                (Ipv6Addr::UNSPECIFIED, from).into()
            };
            socket.bind(&from.into())?;
        }
        match socket.connect_timeout(&address.into(), CONNECT_WAIT) {
            // The listener's queue is full. The kernel keeps trying to connect.
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
            result => result?,
        }
        let port = local_port(&socket)?;
        self.hold(number, socket)?;
        Ok(Some(port))
    }

    fn accept(&mut self, number: u32, listener: u32) -> Outcome {
        let Some(listener) = self.socket(listener) else { return Ok(None) };
        listener.set_read_timeout(Some(ACCEPT_WAIT))?;
        let accepted = listener.accept();
        listener.set_read_timeout(None)?;
        match accepted {
            Ok((socket, _)) => self.hold(number, socket),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Starts a thread that blocks in accept().
    fn accept_in_thread(&mut self, number: u32, listener: u32) -> Outcome {
        let Some(listener) = self.socket(listener).cloned() else { return Ok(None) };
        let (sender, accepted) = channel();
        let socket = Arc::clone(&listener);
        let thread = thread::spawn(move || {
            if let Ok((stream, _)) = socket.accept() {
                // If the receiver is gone, the connection is closed here.
                let _ = sender.send(stream);
            }
        });
        self.blocked.insert(number, BlockedAccept { listener, thread, accepted });
        Ok(Some(0))
    }

    /// Takes the connection that a thread blocked in accept() has accepted.
    fn joined(&mut self, number: u32) -> Outcome {
        let Some(blocked) = self.blocked.get(&number) else { return Ok(None) };
        let Ok(socket) = blocked.accepted.recv_timeout(JOIN_WAIT) else { return Ok(None) };
        if let Some(blocked) = self.blocked.remove(&number) {
            blocked.thread.join().map_err(|_| io::Error::other("a thread panicked"))?;
        }
        self.hold(number, socket)
    }

    fn close(&mut self, number: u32) -> Outcome {
        if let Some(socket) = self.socket(number).cloned() {
            let uses_socket = |blocked: &BlockedAccept| Arc::ptr_eq(&blocked.listener, &socket);
            let numbers: Vec<u32> = self.blocked.iter().filter(|(_, one)| uses_socket(one)).map(|(n, _)| *n).collect();
            for blocked in numbers.iter().filter_map(|number| self.blocked.remove(number)).collect::<Vec<_>>() {
                // A thread that is blocked in accept() holds the listener until accept() returns.
                let _ = socket.shutdown(Shutdown::Both);
                blocked.thread.join().map_err(|_| io::Error::other("a thread panicked"))?;
            }
        }
        Ok(self.held.remove(&number).map(|_| 0))
    }

    /// Closes a connection with a reset.
    fn reset(&mut self, number: u32) -> Outcome {
        let Some(socket) = self.socket(number) else { return Ok(None) };
        socket.set_linger(Some(Duration::ZERO))?;
        self.close(number)
    }

    fn shut(&mut self, number: u32, how: &str) -> Outcome {
        let Some(socket) = self.socket(number) else { return Ok(None) };
        socket.shutdown(match how {
            "read" => Shutdown::Read,
            "write" => Shutdown::Write,
            _ => Shutdown::Both,
        })?;
        Ok(Some(0))
    }

    /// Sends data that the peer does not read, so that the peer's close becomes a reset.
    fn write(&mut self, number: u32) -> Outcome {
        let Some(socket) = self.socket(number) else { return Ok(None) };
        // In SYN-SENT, send() would block until the connection is established.
        socket.set_write_timeout(Some(CONNECT_WAIT))?;
        socket.send(b"unread")?;
        Ok(Some(0))
    }

    /// Duplicates a socket onto the lowest free descriptor not below `min_fd`.
    fn dup(&mut self, number: u32, copy: u32, min_fd: u32) -> Outcome {
        let Some(socket) = self.socket(number) else { return Ok(None) };
        let fd = rustix::io::fcntl_dupfd_cloexec(socket.as_fd(), i32::try_from(min_fd).unwrap_or(0))?;
        self.hold(copy, fd.into())
    }

    fn plain(&mut self, number: u32, kind: &str, count: u32) -> Outcome {
        let mut fds = Vec::new();
        for _ in 0..count.max(1) {
            match kind {
                "pipe" => fds.extend(rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map(|(a, b)| [a, b])?),
                "tcp4" => fds.push(Socket::new(Domain::IPV4, Type::STREAM, None)?.into()),
                "udp6" => fds.push(std::net::UdpSocket::bind((Ipv6Addr::LOCALHOST, 0))?.into()),
                "unix" => fds.extend(UnixStream::pair().map(|(a, b)| [OwnedFd::from(a), b.into()])?),
                _ => fds.push(File::open("/dev/null")?.into()),
            }
        }
        self.held.insert(number, Held::Plain(fds));
        Ok(Some(0))
    }

    /// Opens `count` connections to a listener and accepts each of them.
    fn flood(&mut self, number: u32, listener: u32, count: u32) -> Outcome {
        let Some(listener) = self.socket(listener) else { return Ok(None) };
        let address = listener.local_addr()?;
        let mut connections = Vec::new();
        for _ in 0..count {
            let client = Socket::new(Domain::IPV6, Type::STREAM, None)?;
            client.connect(&address)?;
            connections.push((client, listener.accept()?.0));
        }
        self.held.insert(number, Held::Flood(connections));
        Ok(Some(0))
    }

    fn send(&mut self, number: u32, to: u32) -> Outcome {
        let Some(socket) = self.socket(number) else { return Ok(None) };
        rights::send(&self.mailbox, &self.history, to, socket.as_fd())?;
        Ok(Some(0))
    }

    fn receive(&mut self, number: u32) -> Outcome {
        match rights::receive(&self.mailbox)? {
            Some(fd) => self.hold(number, fd.into()),
            None => Ok(None),
        }
    }

    /// Sets or clears FD_CLOEXEC of these sockets.
    pub fn set_inheritable(&self, numbers: impl Iterator<Item = u32>, inheritable: bool) -> io::Result<()> {
        numbers.filter_map(|number| self.fd(number)).try_for_each(|fd| Ok(rights::set_inheritable(fd, inheritable)?))
    }

    /// Returns the descriptor of the socket with this number, or `None` if there is no such socket.
    pub fn fd(&self, number: u32) -> Option<BorrowedFd<'_>> {
        self.socket(number).map(|socket| socket.as_fd())
    }
}

/// The result of an order: a port, 0 without a port, or `None` if the order could not be applied.
type Outcome = io::Result<Option<u16>>;

fn local_port(socket: &Socket) -> io::Result<u16> {
    Ok(socket.local_addr()?.as_socket().map_or(0, |address| address.port()))
}

/// The link-local address that the namespace's loopback interface has.
fn link_local(port: u16) -> SocketAddrV6 {
    SocketAddrV6::new(Ipv6Addr::new(0xFE80, 0, 0, 0, 0, 0, 0, 1), port, 0, 1)
}
