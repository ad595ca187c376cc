//! Code shared by the tests: sockets, and look-ups of their rows.

use std::io::{self, Read};
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6, TcpListener, TcpStream};
use std::path::PathBuf;
#[cfg(target_os = "linux")]
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use socket2::SockRef;
#[cfg(target_os = "linux")]
use socket2::{Domain, Socket, Type};
use tcp6::{BasicRow, Buffer, Query, Row, State, System};

use crate::inheritance;

/// A listener and both sides of a connection to it.
#[derive(Debug)]
pub struct Loopback {
    pub listener: TcpListener,
    pub client: TcpStream,
    pub server: TcpStream,
}

impl Loopback {
    pub fn open() -> Loopback {
        let listener = listener();
        let (client, server) = connect(&listener);
        Loopback { listener, client, server }
    }

    /// The address of the listener.
    pub fn listening(&self) -> SocketAddrV6 {
        v6(self.listener.local_addr().unwrap())
    }

    /// The address of the client.
    pub fn calling(&self) -> SocketAddrV6 {
        v6(self.client.local_addr().unwrap())
    }
}

/// Opens a listener on a port that has no other rows.
///
/// The kernel reuses ports while old connections on them are in TIME-WAIT. As long as the listener is open, its port is
/// not assigned to another socket.
pub fn listener() -> TcpListener {
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let mut others = Vec::new();
    loop {
        let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        if system.table::<BasicRow>(&Query::all().port(port), &mut buffer).unwrap().len() == 1 {
            return listener;
        }
        others.push(listener);
    }
}

/// A listener at this end, bound to this interface. It accepts IPv4 too if its address is unspecified.
#[cfg(target_os = "linux")]
pub fn listener_on(end: SocketAddrV6, device: Option<&str>) -> Socket {
    let socket = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
    socket.bind_device(device.map(str::as_bytes)).unwrap();
    socket.bind(&end.into()).unwrap();
    socket.listen(1).unwrap();
    socket
}

/// Connects to the listener. Returns the client and the server side.
pub fn connect(listener: &TcpListener) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, inheritance::accept(listener).unwrap())
}

/// Closes a connection normally: `first` enters TIME-WAIT, `second` leaves the table.
///
/// A socket may stay open for a moment after its drop: a child that another thread starts holds a copy of each
/// descriptor until it calls exec, and a reader of `/proc/PID/fd` holds the file. The end of the stream shows that
/// `first` is closed.
pub fn close<S: Read>(first: S, mut second: S) {
    drop(first);
    assert_eq!(second.read(&mut [0]).unwrap(), 0);
}

/// Stops listening at once, even if the listener stays open for a moment, as in [`close`].
#[cfg(target_os = "linux")]
pub fn stop(listener: impl std::os::fd::AsFd) {
    SockRef::from(&listener).shutdown(std::net::Shutdown::Both).unwrap();
}

/// Waits until the kernel lists no socket with this local port, which may take a moment after a close, as in [`close`].
///
/// Reads the text of the kernel, which opens no other socket.
#[cfg(target_os = "linux")]
pub fn wait_until_closed(local: SocketAddrV6) {
    let end = format!(":{:04X}", local.port());
    let has_end = |line: &str| line.split_whitespace().nth(1).unwrap().ends_with(&end);
    eventually("the socket is closed", || {
        let text = std::fs::read_to_string("/proc/thread-self/net/tcp6").unwrap();
        !text.lines().skip(1).any(has_end)
    });
}

/// Closes a connection with a reset, so that neither side stays in TIME-WAIT.
pub fn reset(client: TcpStream) {
    SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
}

/// The address as an IPv6 address.
pub fn v6(address: SocketAddr) -> SocketAddrV6 {
    match address {
        SocketAddr::V6(address) => address,
        SocketAddr::V4(address) => panic!("{address} is not an IPv6 address"),
    }
}

/// Whether both ends are equal, ignoring the scope id, because Wine 8 sets one even for `::1`.
pub fn same_end(a: SocketAddrV6, b: SocketAddrV6) -> bool {
    a.ip() == b.ip() && a.port() == b.port()
}

/// The states of the rows with this local end and, if there is one, this remote end.
pub fn states<R: Row>(rows: &[R], local: SocketAddrV6, remote: Option<SocketAddrV6>) -> Vec<State> {
    let same_remote = |row: &R| match (row.remote(), remote) {
        (Some(a), Some(b)) => same_end(a, b),
        (None, None) => true,
        _ => false,
    };
    rows.iter().filter(|row| same_end(row.local(), local) && same_remote(row)).map(Row::state).collect()
}

/// Locks the table of the machine.
///
/// Tests hold the lock if they add thousands of rows, or if they need a stable table.
pub fn alone_with_the_table() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    // The lock is usable after a failed test: the sockets of that test are closed.
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a test, given by its name, in a separate process.
///
/// In the shared process, other tests start child processes, which inherit all open descriptors until they call exec.
#[cfg(target_os = "linux")]
pub fn by_itself(test: &str, body: impl FnOnce()) {
    const BY_ITSELF: &str = "TCP6_BY_ITSELF";
    if std::env::var_os(BY_ITSELF).is_some() {
        return body();
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = command.args(["--exact", test, "--nocapture"]).env(BY_ITSELF, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    text.lines().filter(|line| line.contains("skipped:")).for_each(|line| eprintln!("{line}"));
}

/// Waits until a condition holds. Panics after 20 s, which is enough for a busy machine.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}: timed out after 20 s");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Starts an example. Under Wine it retries twice, because Wine sometimes fails to start a program.
pub fn started<T>(start: impl Fn() -> io::Result<T>) -> T {
    let retries = if cfg!(windows) { 2 } else { 0 };
    (0..retries).find_map(|_| start().ok()).unwrap_or_else(|| start().expect("start an example built by cargo test"))
}

/// The path of an example. `cargo test` builds the examples.
pub fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let profile = tests.parent().unwrap().parent().unwrap();
    profile.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}
