//! An actor: a process that opens, closes and hands on sockets as it is ordered to.
//!
//! An order is a line; parts are separated by `;` and are obeyed one after the other, so that nothing is read in between.
//! What an actor holds has numbers that the history chooses. The answer has one part for each part of the order.

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

/// How long a connection that nobody accepts is waited for; it stays in SYN-SENT then.
const CONNECT_WAIT: Duration = Duration::from_millis(50);

/// How long a connection is waited for that the kernel has already completed.
const ACCEPT_WAIT: Duration = Duration::from_millis(50);

/// How long a thread that is blocked in accept() is waited for.
const JOIN_WAIT: Duration = Duration::from_millis(500);

/// Something that has at least one descriptor.
#[derive(Debug)]
#[expect(dead_code, reason = "what is plain is held, and closed")]
pub enum Held {
    Socket(Arc<Socket>),
    /// Files, pipes, sockets of other families.
    Plain(Vec<OwnedFd>),
    /// Both sides of many connections.
    Flood(Vec<(Socket, Socket)>),
}

/// A thread that is blocked in accept(). It has reserved the descriptor that it will return.
#[derive(Debug)]
struct Waiting {
    listener: Arc<Socket>,
    thread: JoinHandle<()>,
    accepted: Receiver<Socket>,
}

#[derive(Debug)]
pub struct Actor {
    /// The name of the history, with which the addresses of all actors begin.
    pub history: String,
    pub held: HashMap<u32, Held>,
    pub children: Vec<Child>,
    mail: UnixDatagram,
    waiting: HashMap<u32, Waiting>,
}

impl Actor {
    pub fn new(history: &str, id: u32) -> io::Result<Actor> {
        let mail = UnixDatagram::bind_addr(&rights::address(history, id))?;
        let (held, waiting) = (HashMap::new(), HashMap::new());
        Ok(Actor { history: history.to_owned(), held, children: Vec::new(), mail, waiting })
    }

    /// Obeys each part of an order. The answers begin with `ok`, `none` or `err`.
    pub fn obey(&mut self, order: &str) -> String {
        let answers: Vec<String> = order.split(';').map(|part| self.obey_part(part.trim())).collect();
        answers.join(";")
    }

    fn obey_part(&mut self, part: &str) -> String {
        let words: Vec<&str> = part.split(' ').collect();
        let number = |i: usize| words.get(i).and_then(|word| word.parse::<u32>().ok()).unwrap_or(0);
        let word = |i: usize| words.get(i).copied().unwrap_or("");
        let port = |i: usize| u16::try_from(number(i)).unwrap_or(0);
        let done = match words[0] {
            "listen" => self.listen(number(1), word(2), port(3), number(4), &words[5..]),
            "connect" => self.connect(number(1), word(2), port(3), port(4)),
            "accept" => self.accept(number(1), number(2)),
            "await" => self.wait_for_one(number(1), number(2)),
            "joined" => self.joined(number(1)),
            "close" => self.close(number(1)),
            "rst" => self.reset(number(1)),
            "shut" => self.shut(number(1), word(2)),
            "write" => self.write(number(1)),
            "dup" => self.dup(number(1), number(2), number(3)),
            "plain" => self.plain(number(1), word(2), number(3)),
            "flood" => self.flood(number(1), number(2), number(3)),
            "send" => self.send(number(1), number(2)),
            "take" => self.take(number(1)),
            other => Err(io::Error::other(format!("no such order: {other}"))),
        };
        match done {
            Ok(Some(0)) => "ok".to_owned(),
            Ok(Some(port)) => format!("ok {port}"),
            Ok(None) => "none".to_owned(),
            Err(error) => format!("err {error}"),
        }
    }

    fn hold(&mut self, number: u32, socket: Socket) -> Done {
        self.held.insert(number, Held::Socket(Arc::new(socket)));
        Ok(Some(0))
    }

    fn socket(&self, number: u32) -> Option<&Arc<Socket>> {
        match self.held.get(&number)? {
            Held::Socket(socket) => Some(socket),
            Held::Plain(_) | Held::Flood(_) => None,
        }
    }

    fn listen(&mut self, number: u32, kind: &str, port: u16, backlog: u32, options: &[&str]) -> Done {
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

    fn connect(&mut self, number: u32, kind: &str, port: u16, from: u16) -> Done {
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
            // The queue of the listener is full; the kernel goes on.
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
            done => done?,
        }
        let port = local_port(&socket)?;
        self.hold(number, socket)?;
        Ok(Some(port))
    }

    fn accept(&mut self, number: u32, listener: u32) -> Done {
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

    fn wait_for_one(&mut self, number: u32, listener: u32) -> Done {
        let Some(listener) = self.socket(listener).cloned() else { return Ok(None) };
        let (accepts, accepted) = channel();
        let socket = Arc::clone(&listener);
        let thread = thread::spawn(move || {
            if let Ok((stream, _)) = socket.accept() {
                // If nobody waits any more it is closed here.
                let _ = accepts.send(stream);
            }
        });
        self.waiting.insert(number, Waiting { listener, thread, accepted });
        Ok(Some(0))
    }

    fn joined(&mut self, number: u32) -> Done {
        let Some(waiting) = self.waiting.get(&number) else { return Ok(None) };
        let Ok(socket) = waiting.accepted.recv_timeout(JOIN_WAIT) else { return Ok(None) };
        if let Some(waiting) = self.waiting.remove(&number) {
            waiting.thread.join().map_err(|_| io::Error::other("a thread panicked"))?;
        }
        self.hold(number, socket)
    }

    fn close(&mut self, number: u32) -> Done {
        if let Some(socket) = self.socket(number).cloned() {
            let is_of = |waiting: &Waiting| Arc::ptr_eq(&waiting.listener, &socket);
            let numbers: Vec<u32> = self.waiting.iter().filter(|(_, one)| is_of(one)).map(|(n, _)| *n).collect();
            for waiting in numbers.iter().filter_map(|number| self.waiting.remove(number)).collect::<Vec<_>>() {
                // Whoever is blocked in accept() holds the listener until it returns.
                let _ = socket.shutdown(Shutdown::Both);
                waiting.thread.join().map_err(|_| io::Error::other("a thread panicked"))?;
            }
        }
        Ok(self.held.remove(&number).map(|_| 0))
    }

    fn reset(&mut self, number: u32) -> Done {
        let Some(socket) = self.socket(number) else { return Ok(None) };
        socket.set_linger(Some(Duration::ZERO))?;
        self.close(number)
    }

    fn shut(&mut self, number: u32, how: &str) -> Done {
        let Some(socket) = self.socket(number) else { return Ok(None) };
        socket.shutdown(match how {
            "read" => Shutdown::Read,
            "write" => Shutdown::Write,
            _ => Shutdown::Both,
        })?;
        Ok(Some(0))
    }

    /// What the peer does not read before it closes turns its close into a reset.
    fn write(&mut self, number: u32) -> Done {
        let Some(socket) = self.socket(number) else { return Ok(None) };
        // One in SYN-SENT would wait until it is connected.
        socket.set_write_timeout(Some(CONNECT_WAIT))?;
        socket.send(b"unread")?;
        Ok(Some(0))
    }

    /// A second descriptor, from this number on.
    fn dup(&mut self, number: u32, copy: u32, least: u32) -> Done {
        let Some(socket) = self.socket(number) else { return Ok(None) };
        let fd = rustix::io::fcntl_dupfd_cloexec(socket.as_fd(), i32::try_from(least).unwrap_or(0))?;
        self.hold(copy, fd.into())
    }

    fn plain(&mut self, number: u32, kind: &str, count: u32) -> Done {
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

    fn flood(&mut self, number: u32, listener: u32, count: u32) -> Done {
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

    fn send(&mut self, number: u32, to: u32) -> Done {
        let Some(socket) = self.socket(number) else { return Ok(None) };
        rights::send(&self.mail, &self.history, to, socket.as_fd())?;
        Ok(Some(0))
    }

    fn take(&mut self, number: u32) -> Done {
        match rights::take(&self.mail)? {
            Some(fd) => self.hold(number, fd.into()),
            None => Ok(None),
        }
    }

    /// Decides whether the programs that this process runs inherit these.
    pub fn all_inherit(&self, numbers: impl Iterator<Item = u32>, inherited: bool) -> io::Result<()> {
        numbers.filter_map(|number| self.fd(number)).try_for_each(|fd| Ok(rights::inherit(fd, inherited)?))
    }

    /// The descriptor of a socket, if that is what has this number.
    pub fn fd(&self, number: u32) -> Option<BorrowedFd<'_>> {
        self.socket(number).map(|socket| socket.as_fd())
    }
}

/// A port, 0 if there is nothing to tell; `None` if what the order is about does not exist.
type Done = io::Result<Option<u16>>;

fn local_port(socket: &Socket) -> io::Result<u16> {
    Ok(socket.local_addr()?.as_socket().map_or(0, |address| address.port()))
}

/// The loopback's, which the namespace has been given.
fn link_local(port: u16) -> SocketAddrV6 {
    SocketAddrV6::new(Ipv6Addr::new(0xFE80, 0, 0, 0, 0, 0, 0, 1), port, 0, 1)
}
