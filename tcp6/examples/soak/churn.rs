//! Connections that come and go: what the children do.
//!
//! A child is this program, run again with a word in its environment. It goes when its standard input is closed, which
//! happens however its parent ends, and in any case when its time is over.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::net::{Ipv6Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

/// The word: connections a second and seconds, with a blank between them.
const ORDER: &str = "TCP6_SOAK_CHURN";

/// Connections that a child has open at a time.
const OPEN: usize = 64;

/// Every how-many-th connection ends in order and stays in TIME-WAIT for a minute. The others end with a reset, so that
/// a long soak does not run out of ports.
const IN_ORDER: u64 = 32;

/// A child that is not told to go does so after this much more than its time.
const PATIENCE: Duration = Duration::from_secs(30);

/// The children.
pub struct Churn(Vec<Child>);

impl Churn {
    /// Starts so many, which together open so many connections a second.
    pub fn start(children: u32, rate: u32, time: Duration) -> io::Result<Churn> {
        let order = format!("{} {}", rate.div_ceil(children), (time + PATIENCE).as_secs());
        let program = std::env::current_exe()?;
        let mut churn = Churn(Vec::new());
        for _ in 0..children {
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
    let [rate, seconds] = numbers[..] else { panic!("an order that is none: {order}") };
    let opened = open_and_close(rate, Duration::from_secs(seconds)).expect("connections on the loopback");
    println!("{opened}");
    true
}

fn open_and_close(rate: u64, time: Duration) -> io::Result<u64> {
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
        open.push_back((TcpStream::connect(address)?, listener.accept()?.0));
        opened += 1;
        if open.len() > OPEN {
            let (client, server) = open.pop_front().expect("more than none");
            if opened % IN_ORDER != 0 {
                SockRef::from(&client).set_linger(Some(Duration::ZERO))?;
            }
            drop(client);
            drop(server);
        }
    }
    Ok(opened)
}
