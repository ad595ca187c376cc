//! Runs the command and opens sockets for it to list.

use std::io::{self, Read};
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6, TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tcp6::{BasicRow, Buffer, Query, System};

use crate::inheritance;

/// The command `tcp6` with these arguments, its output piped.
pub fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tcp6"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the command and collects its output.
pub fn output(arguments: &[&str]) -> Output {
    started(|| inheritance::output(&mut program(arguments)))
}

/// Starts a program. Retries twice on Windows, because Wine sometimes fails to start a program.
pub fn started<T>(start: impl Fn() -> io::Result<T>) -> T {
    let retries = if cfg!(windows) { 2 } else { 0 };
    (0..retries).find_map(|_| start().ok()).unwrap_or_else(|| start().unwrap())
}

/// The standard output of a run. Asserts that it succeeded and wrote nothing to standard error.
pub fn stdout(output: &Output) -> &str {
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    std::str::from_utf8(&output.stdout).unwrap()
}

/// A child process that is killed on drop.
#[derive(Debug)]
pub struct Guarded(pub Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        // Errors are ignored: the process may have exited already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A listener and a connection to it.
#[derive(Debug)]
pub struct Loopback {
    pub listener: TcpListener,
    pub client: TcpStream,
    /// Used by the tests of statistics, which only Linux runs.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    pub server: TcpStream,
}

impl Loopback {
    pub fn open() -> Loopback {
        // Kept open, so that the next attempt gets other ports.
        let mut rejected = Vec::new();
        loop {
            let listener = listener();
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let server = inheritance::accept(&listener).unwrap();
            let own = Loopback { listener, client, server };
            // A connection to another port may have the port of the client, too.
            if count_rows(own.calling().port()) == 2 {
                return own;
            }
            rejected.push(own);
        }
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

/// Closes a connection normally: `first` enters TIME-WAIT, `second` leaves the table.
///
/// A socket may stay open for a moment after its drop: a child that another test starts holds a copy of each descriptor
/// until it calls exec, and a reader of `/proc/PID/fd` holds the file. The end of the stream shows that `first` is
/// closed.
pub fn close(first: TcpStream, mut second: TcpStream) {
    drop(first);
    assert_eq!(second.read(&mut [0]).unwrap(), 0);
}

/// Opens a listener on a port that no other row has.
///
/// Old connections may be in TIME-WAIT on a reused port.
fn listener() -> TcpListener {
    // Kept open, so that the next attempt gets another port.
    let mut rejected = Vec::new();
    loop {
        let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
        if count_rows(listener.local_addr().unwrap().port()) == 1 {
            return listener;
        }
        rejected.push(listener);
    }
}

/// The number of rows with this port at either end.
fn count_rows(port: u16) -> usize {
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    system.table::<BasicRow>(&Query::all().port(port), &mut buffer).unwrap().len()
}

pub fn v6(address: SocketAddr) -> SocketAddrV6 {
    match address {
        SocketAddr::V6(address) => address,
        SocketAddr::V4(address) => panic!("{address} is an IPv4 address"),
    }
}

/// Whether an endpoint in JSON equals `expected`, ignoring the scope ID.
///
/// Wine 8 reports a scope ID even for `::1`.
pub fn is_endpoint(end: &Value, expected: SocketAddrV6) -> bool {
    let Some(end) = end.as_str() else { return false };
    let end: SocketAddrV6 = end.parse().unwrap();
    (end.ip(), end.port()) == (expected.ip(), expected.port())
}

/// Waits until a condition holds.
///
/// # Panics
///
/// Panics after 20 s, which is generous for a busy machine.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}: timed out after 20 s");
        std::thread::sleep(Duration::from_millis(5));
    }
}
