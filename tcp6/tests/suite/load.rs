//! Many connections on the loopback, held open by child processes: a process has only so many descriptors.
//!
//! A child is the program that wants the load, run again with a word in its environment. It opens its share, says that
//! it is ready, and goes when its standard input is closed, which happens however its parent ends.

use std::io::{self, BufRead, BufReader, Read};
use std::net::{Ipv6Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use socket2::SockRef;

/// The word: how many connections the child is to open.
const SHARE: &str = "TCP6_LOAD_CONNECTIONS";

/// What a child says when its connections are open.
const READY: &str = "the load is open";

/// Connections a child: two descriptors each, so that a modest limit will do.
const MOST_PER_CHILD: usize = 1_500;

/// Connections that are open until this is dropped. Each makes two rows; each child, one listener.
#[derive(Debug)]
pub struct Load {
    children: Vec<Child>,
}

impl Load {
    /// Opens so many connections. `again` is how this program is run so that it comes to [`child`].
    pub fn open(connections: usize, again: impl Fn() -> Command) -> io::Result<Load> {
        let mut load = Load { children: Vec::new() };
        let mut left = connections;
        while left > 0 {
            let share = left.min(MOST_PER_CHILD);
            left -= share;
            let child = again()
                .env(SHARE, share.to_string())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::inherit())
                .spawn()?;
            load.children.push(child);
        }
        for child in &mut load.children {
            let lines = BufReader::new(child.stdout.as_mut().expect("piped above")).lines();
            let ready = lines.map_while(Result::ok).any(|line| line.contains(READY));
            if !ready {
                return Err(io::Error::other("a child could not open its connections"));
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
            // It has closed its connections when it is gone. One that cannot be waited for is gone.
            let _ = child.wait();
        }
    }
}

/// What a child does. Returns at once, and false, if this process is none.
pub fn child() -> bool {
    let Some(share) = std::env::var(SHARE).ok().and_then(|share| share.parse().ok()) else {
        return false;
    };
    raise_descriptor_limit();
    let _sockets = open(share).expect("connections on the loopback");
    println!("\n{READY}");
    // Until the parent closes it, or is gone.
    let _ = io::stdin().read(&mut [0]);
    true
}

/// A listener, and so many connections to it: both sides of each.
///
/// They end with a reset, so that they do not fill the table for a minute more, in TIME-WAIT.
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

/// As many descriptors as this process may have without asking anybody.
pub fn raise_descriptor_limit() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        // Where it cannot be raised the connections run out, and say so.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    }
}
