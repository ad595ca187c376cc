//! The program, and sockets for it to show.

use std::io;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6, TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tcp6::{BasicRow, Buffer, Query, System};

pub fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tcp6"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub fn output(arguments: &[&str]) -> Output {
    started(|| program(arguments).output())
}

/// Starts a program. Wine sometimes fails to start one, and succeeds the next time.
pub fn started<T>(start: impl Fn() -> io::Result<T>) -> T {
    let retries = if cfg!(windows) { 2 } else { 0 };
    (0..retries).find_map(|_| start().ok()).unwrap_or_else(|| start().unwrap())
}

/// Standard output of a run that has to succeed without messages.
pub fn stdout(output: &Output) -> &str {
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    std::str::from_utf8(&output.stdout).unwrap()
}

/// A program that does not outlive its test.
#[derive(Debug)]
pub struct Guarded(pub Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A listener and a connection to it.
#[derive(Debug)]
pub struct Loopback {
    pub listener: TcpListener,
    pub client: TcpStream,
    _server: TcpStream,
}

impl Loopback {
    pub fn open() -> Loopback {
        let listener = listener();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        Loopback { listener, client, _server: server }
    }

    pub fn listening(&self) -> SocketAddrV6 {
        v6(self.listener.local_addr().unwrap())
    }

    pub fn calling(&self) -> SocketAddrV6 {
        v6(self.client.local_addr().unwrap())
    }

    /// The listener's port, for `--port`.
    pub fn port(&self) -> String {
        self.listening().port().to_string()
    }
}

/// A listener on a port that no other row has: connections of others may be in TIME-WAIT on a reused port.
fn listener() -> TcpListener {
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let mut others = Vec::new();
    loop {
        let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
        let query = Query::all().port(listener.local_addr().unwrap().port());
        if system.table::<BasicRow>(&query, &mut buffer).unwrap().len() == 1 {
            return listener;
        }
        others.push(listener);
    }
}

pub fn v6(address: SocketAddr) -> SocketAddrV6 {
    match address {
        SocketAddr::V6(address) => address,
        SocketAddr::V4(address) => panic!("{address} is an IPv4 address"),
    }
}

/// Whether an end in JSON is this one, with any scope id: Wine 8 reports one even for `::1`.
pub fn is_end(end: &Value, expected: SocketAddrV6) -> bool {
    let Some(end) = end.as_str() else { return false };
    let end: SocketAddrV6 = end.parse().unwrap();
    (end.ip(), end.port()) == (expected.ip(), expected.port())
}

/// Waits until a condition holds, as long as a busy machine may need.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}: not within 20 s");
        std::thread::sleep(Duration::from_millis(5));
    }
}
