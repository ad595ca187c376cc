//! What the tests share: sockets of their own, and how they are looked up.

use std::io;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6, TcpListener, TcpStream};
use std::path::PathBuf;
#[cfg(target_os = "linux")]
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use socket2::SockRef;
use tcp6::{BasicRow, Buffer, Query, Row, State, System};

/// A listener and a connection to it, all three sockets this test's own.
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

    pub fn listening(&self) -> SocketAddrV6 {
        v6(self.listener.local_addr().unwrap())
    }

    pub fn calling(&self) -> SocketAddrV6 {
        v6(self.client.local_addr().unwrap())
    }
}

/// A listener on a port of which there is no other row: ports are used again, while what others had on them is still in
/// TIME-WAIT. As long as this one is open nobody else gets the port.
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

/// A connection to this listener: the side that called, and the one that was called.
pub fn connect(listener: &TcpListener) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    (client, server)
}

/// Ends a connection with a reset, which leaves nothing in TIME-WAIT, on either side.
pub fn reset(client: TcpStream) {
    SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
}

pub fn v6(address: SocketAddr) -> SocketAddrV6 {
    match address {
        SocketAddr::V6(address) => address,
        SocketAddr::V4(address) => panic!("{address} is not of IPv6"),
    }
}

/// Whether both are the same end, but for the scope id: Wine 8 gives even `::1` one.
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

/// Taken by tests that fill the machine's table with thousands of rows, and by those that need it to stand still: they
/// take turns.
pub fn alone_with_the_table() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    // One that failed has left nothing behind: its sockets are closed.
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a test, by its name, in a process of its own. In this one other tests start children, and until a child runs its own
/// program it holds all that this process has open.
#[cfg(target_os = "linux")]
pub fn by_itself(test: &str, body: impl FnOnce()) {
    const BY_ITSELF: &str = "TCP6_BY_ITSELF";
    if std::env::var_os(BY_ITSELF).is_some() {
        return body();
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = command.args(["--exact", test, "--nocapture"]).env(BY_ITSELF, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    said.lines().filter(|line| line.contains("skipped:")).for_each(|line| eprintln!("{line}"));
}

/// Tries until it holds, for as long as a busy machine may need.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}: not within 20 s");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What comes of starting an example. Wine has been seen not to start a program, and to start it the next time.
pub fn started<T>(start: impl Fn() -> io::Result<T>) -> T {
    let again = if cfg!(windows) { 2 } else { 0 };
    (0..again).find_map(|_| start().ok()).unwrap_or_else(|| start().expect("cargo test builds the examples"))
}

/// The path of an example, which `cargo test` builds beside the tests.
pub fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let profile = tests.parent().unwrap().parent().unwrap();
    profile.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}
