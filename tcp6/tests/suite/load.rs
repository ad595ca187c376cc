//! Many connections on the loopback, held open by child processes.
//!
//! Several processes hold them, because the number of descriptors per process is limited.
//!
//! A child is the same program, run again with `SHARE` in its environment. It opens its share of the connections,
//! prints `READY`, and exits when its standard input is closed. That happens when its parent exits or is killed.

use std::io::{self, BufRead, BufReader, Read};
use std::net::{Ipv6Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use socket2::SockRef;

/// The environment variable with the number of connections that the child opens.
const SHARE: &str = "TCP6_LOAD_CONNECTIONS";

/// The line that a child prints when its connections are open.
const READY: &str = "the load is open";

/// The maximum number of connections per child.
///
/// Each takes two descriptors, so a low descriptor limit is sufficient.
const MAX_PER_CHILD: usize = 1_500;

/// Connections that stay open until this is dropped.
///
/// Each adds two rows, and each child adds a listener.
#[derive(Debug)]
pub struct Load {
    children: Vec<Child>,
}

impl Load {
    /// Opens connections. `program` creates a command that runs this program again and calls [`child`].
    pub fn open(connections: usize, program: impl Fn() -> Command) -> io::Result<Load> {
        let mut load = Load { children: Vec::new() };
        let mut remaining = connections;
        while remaining > 0 {
            let share = remaining.min(MAX_PER_CHILD);
            remaining -= share;
            let child = program()
                .env(SHARE, share.to_string())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::inherit())
                .spawn()?;
            load.children.push(child);
        }
        for child in &mut load.children {
            let lines = BufReader::new(child.stdout.as_mut().expect("stdout is piped")).lines();
            let ready = lines.map_while(Result::ok).any(|line| line.contains(READY));
            if !ready {
                return Err(io::Error::other("a child process failed to open its connections"));
            }
        }
        Ok(load)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for child in &mut self.children {
            drop(child.stdin.take());
        }
        for child in &mut self.children {
            // The connections are closed when the child has exited. If wait fails, it no longer exists.
            let _ = child.wait();
        }
    }
}

/// Runs as a child. Returns false at once if this process is not a child.
pub fn child() -> bool {
    let Some(share) = std::env::var(SHARE).ok().and_then(|share| share.parse().ok()) else {
        return false;
    };
    raise_descriptor_limit();
    let _sockets = open(share).expect("connect over loopback");
    println!("\n{READY}");
    // Returns when the parent closes it or exits.
    let _ = io::stdin().read(&mut [0]);
    true
}

/// Opens a listener and connections to it. Returns both sides of each connection.
///
/// The connections close with a reset, so that they do not stay in TIME-WAIT for a minute.
pub fn open(connections: usize) -> io::Result<(TcpListener, Vec<(TcpStream, TcpStream)>)> {
    let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let open_one = |_| {
        let (client, server) = (TcpStream::connect(address)?, listener.accept()?.0);
        for side in [&client, &server] {
            SockRef::from(side).set_linger(Some(Duration::ZERO))?;
        }
        Ok((client, server))
    };
    let sockets = (0..connections).map(open_one).collect::<io::Result<_>>()?;
    Ok((listener, sockets))
}

/// Raises the soft descriptor limit to the hard limit.
pub fn raise_descriptor_limit() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        // If this fails, opening the connections fails with an error.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    }
}
