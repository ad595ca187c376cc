//! Connections that come and go: what the children do.
//!
//! A child is this program, run again with a word in its environment. It goes when its standard input is closed, which
//! happens however its parent ends, and in any case when its time is over.
//!
//! Half of the connections end with a reset. The others are closed in order, by the server first, so that its side stays
//! in TIME-WAIT. Their clients use a fixed set of ports in turn: the next connection from a port takes the place of what
//! the last one has left, and however long the soak, no more stay than there are ports.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef, Socket, Type};

/// The word: the number of the child, connections a second and seconds, with blanks between them.
const ORDER: &str = "TCP6_SOAK_CHURN";

/// Connections that a child has open at a time.
const OPEN: usize = 64;

/// The ports of each child for connections that are closed in order. They are below those that systems choose by
/// themselves.
const PORTS: u16 = 1_024;
const FIRST_PORT: u16 = 10_000;

/// A child that is not told to go does so after this much more than its time.
const PATIENCE: Duration = Duration::from_secs(30);

/// The children.
pub struct Churn(Vec<Child>);

impl Churn {
    /// Starts so many, which together open so many connections a second.
    pub fn start(children: u32, rate: u32, time: Duration) -> io::Result<Churn> {
        let program = std::env::current_exe()?;
        let mut churn = Churn(Vec::new());
        for child in 0..children {
            let order = format!("{child} {} {}", rate.div_ceil(children), (time + PATIENCE).as_secs());
            let mut command = Command::new(&program);
            command.env(ORDER, &order).stdin(Stdio::piped()).stdout(Stdio::piped());
            churn.0.push(command.spawn()?);
        }
        Ok(churn)
    }

    /// Ends them. Gives the connections that they opened, and what went wrong.
    pub fn stop(mut self) -> (u64, Vec<String>) {
        self.0.iter_mut().for_each(|child| drop(child.stdin.take()));
        let mut opened = 0;
        let mut problems = Vec::new();
        for child in self.0.drain(..) {
            let told = child.wait_with_output().ok().filter(|output| output.status.success());
            match told.and_then(|output| String::from_utf8_lossy(&output.stdout).trim().parse::<u64>().ok()) {
                Some(number) if number > 0 => opened += number,
                _ => problems.push("a child did not get on with its connections".to_owned()),
            }
        }
        (opened, problems)
    }
}

impl Drop for Churn {
    fn drop(&mut self) {
        // Those that are left when the soak could not be set up. Without their standard input they go.
        self.0.iter_mut().for_each(|child| drop(child.stdin.take()));
        self.0.iter_mut().for_each(|child| drop(child.wait()));
    }
}

/// What a child does. Returns at once, and false, if this process is none.
pub fn child() -> bool {
    let Ok(order) = std::env::var(ORDER) else { return false };
    let numbers: Vec<u64> = order.split(' ').filter_map(|number| number.parse().ok()).collect();
    let [child, rate, seconds] = numbers[..] else { panic!("an order that is none: {order}") };
    let mut ports = Ports::of_child(child);
    let opened = open_and_close(&mut ports, rate, Duration::from_secs(seconds)).expect("connections on the loopback");
    println!("{opened}");
    true
}

fn open_and_close(ports: &mut Ports, rate: u64, time: Duration) -> io::Result<u64> {
    let gone = Arc::new(AtomicBool::new(false));
    thread::spawn({
        let gone = Arc::clone(&gone);
        move || {
            let _ = io::stdin().read(&mut [0]);
            gone.store(true, Ordering::Relaxed);
        }
    });
    let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let mut open = VecDeque::new();
    let mut opened = 0;
    let start = Instant::now();
    while !gone.load(Ordering::Relaxed) && start.elapsed() < time {
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
            let (client, server, in_order) = open.pop_front().expect("more than none");
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

/// Ports that clients use in turn.
struct Ports {
    first: u16,
    next: u16,
}

impl Ports {
    fn of_child(child: u64) -> Ports {
        // There are 16 children at most.
        Ports { first: FIRST_PORT + PORTS * u16::try_from(child).unwrap_or(0), next: 0 }
    }

    /// A connection from the next port that nobody else has.
    fn connect(&mut self, to: SocketAddr) -> io::Result<TcpStream> {
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
