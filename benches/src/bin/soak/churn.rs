//! Child processes that open and close connections.
//!
//! A child is this program, run again with [`CHILD_ARGS`] in its environment. It exits when its time is over, or when
//! its standard input is closed, which happens however its parent exits.
//!
//! Half of the connections end with a reset. The others are closed in order, by the server first, so that its side
//! stays in TIME-WAIT. Their clients cycle through a fixed set of ports: a new connection from a port replaces the
//! TIME-WAIT socket of the previous one. So the number of TIME-WAIT sockets never exceeds the number of ports.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef, Socket, Type};

/// The environment variable with the arguments of a child.
///
/// They are the index of the child, connections per second, and seconds, separated by spaces.
const CHILD_ARGS: &str = "TCP6_SOAK_CHURN";

/// The number of connections that a child keeps open.
const OPEN: usize = 64;

/// The number of client ports of each child for connections that are closed in order.
///
/// The ports of all children begin at [`FIRST_PORT`] and are below the default ephemeral ports of both systems.
const PORTS: u16 = 1_024;
const FIRST_PORT: u16 = 10_000;

/// A child exits this long after the end of the soak, even if its standard input stays open.
pub const GRACE: Duration = Duration::from_secs(30);

/// The running children.
pub struct Churn(Vec<Child>);

impl Churn {
    /// Starts `children` processes, which together open `rate` connections per second.
    pub fn start(children: u32, rate: u32, time: Duration) -> io::Result<Churn> {
        let program = std::env::current_exe()?;
        let mut churn = Churn(Vec::new());
        for child in 0..children {
            let args = format!("{child} {} {}", rate.div_ceil(children), (time + GRACE).as_secs());
            let mut command = Command::new(&program);
            command.env(CHILD_ARGS, &args).stdin(Stdio::piped()).stdout(Stdio::piped());
            churn.0.push(command.spawn()?);
        }
        Ok(churn)
    }

    /// Stops the children. Returns the number of connections that they opened, and the problems.
    pub fn stop(mut self) -> (u64, Vec<String>) {
        self.0.iter_mut().for_each(|child| drop(child.stdin.take()));
        let mut opened = 0;
        let mut problems = Vec::new();
        for child in self.0.drain(..) {
            let output = child.wait_with_output().ok().filter(|output| output.status.success());
            match output.and_then(|output| String::from_utf8_lossy(&output.stdout).trim().parse::<u64>().ok()) {
                Some(number) if number > 0 => opened += number,
                _ => problems.push("a child process failed or opened no connections".to_owned()),
            }
        }
        (opened, problems)
    }
}

impl Drop for Churn {
    fn drop(&mut self) {
        // Children remain only if the setup failed. They exit when their standard input is closed.
        self.0.iter_mut().for_each(|child| drop(child.stdin.take()));
        self.0.iter_mut().for_each(|child| drop(child.wait()));
    }
}

/// Runs as a child. Returns false at once if this process is not a child.
pub fn child() -> bool {
    let Ok(args) = std::env::var(CHILD_ARGS) else { return false };
    let numbers: Vec<u64> = args.split(' ').filter_map(|number| number.parse().ok()).collect();
    let [child, rate, seconds] = numbers[..] else { panic!("invalid {CHILD_ARGS}: {args:?}") };
    let mut ports = Ports::of_child(child);
    let opened = open_and_close(&mut ports, rate, Duration::from_secs(seconds)).expect("connect over loopback");
    println!("{opened}");
    true
}

/// Becomes true when standard input is closed, which happens however the parent exits.
pub fn stopped_by_parent() -> Arc<AtomicBool> {
    let stopped = Arc::new(AtomicBool::new(false));
    thread::spawn({
        let stopped = Arc::clone(&stopped);
        move || {
            let _ = io::stdin().read(&mut [0]);
            stopped.store(true, Ordering::Relaxed);
        }
    });
    stopped
}

/// Opens and closes `rate` connections per second until the time is over or standard input is
/// closed.
///
/// Returns the number of connections that were opened.
fn open_and_close(ports: &mut Ports, rate: u64, time: Duration) -> io::Result<u64> {
    let stopped = stopped_by_parent();
    let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let mut open = VecDeque::new();
    let mut opened = 0;
    let start = Instant::now();
    while !stopped.load(Ordering::Relaxed) && start.elapsed() < time {
        let due = (start.elapsed().as_secs_f64() * rate as f64) as u64;
        if opened >= due {
            thread::sleep(Duration::from_millis(1));
            continue;
        }
        let in_order = opened % 2 == 0;
        let client = if in_order { ports.connect(address)? } else { TcpStream::connect(address)? };
        open.push_back((client, listener.accept()?.0, in_order));
        opened += 1;
        if open.len() > OPEN {
            let (client, server, in_order) = open.pop_front().expect("the queue is not empty");
            if in_order {
                drop(server);
                drop(client);
            } else {
                SockRef::from(&client).set_linger(Some(Duration::ZERO))?;
                drop(client);
                drop(server);
            }
        }
    }
    Ok(opened)
}

/// The client ports of a child, used in turn.
pub struct Ports {
    first: u16,
    next: u16,
}

impl Ports {
    pub fn of_child(child: u64) -> Ports {
        // Cannot overflow: there are at most 16 children.
        Ports { first: FIRST_PORT + PORTS * u16::try_from(child).unwrap_or(0), next: 0 }
    }

    /// Connects from the next port that is free.
    pub fn connect(&mut self, to: SocketAddr) -> io::Result<TcpStream> {
        let mut attempts = 0..PORTS;
        loop {
            let from = SocketAddr::from((Ipv6Addr::LOCALHOST, self.first + self.next));
            self.next = (self.next + 1) % PORTS;
            let socket = Socket::new(Domain::IPV6, Type::STREAM, None)?;
            socket.set_reuse_address(true)?;
            match socket.bind(&from.into()).and_then(|()| socket.connect(&to.into())) {
                Ok(()) => return Ok(socket.into()),
                Err(error) if attempts.next().is_none() => return Err(error),
                Err(_) => {}
            }
        }
    }
}
