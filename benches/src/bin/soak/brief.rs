//! The soak with `--events`: each of thousands of short connections is reported once.
//!
//! Children open connections and close them some milliseconds later: half in order, so that the server stays in
//! TIME-WAIT until its ends are used again, and half with unread data, which resets them without erasing their ends. At
//! its end a child prints how many connections it has opened with each pair of ports. Meanwhile a watcher counts how
//! often each side of a connection is added or reported as brief, and how many are removed.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::io::{self, Read, Write as _};
use std::net::{Ipv6Addr, SocketAddrV6, TcpListener, TcpStream};
use std::num::NonZeroU64;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use tcp6::os::linux::{BriefExt, OwnerModuleRowExt};
use tcp6::{Change, OwnerModuleRow, State, System, Watcher};

use crate::Options;
use crate::churn::{GRACE, Ports, stopped_by_parent};

/// The environment variable with the arguments of a child: its index, connections per second, and
/// seconds.
const CHILD_ARGS: &str = "TCP6_SOAK_BRIEF";

/// The time between the opening of a connection and its close.
const LIFE: Duration = Duration::from_millis(4);

/// The number of wrong sides whose reports are printed.
const MAX_SHOWN: u32 = 10;

/// The client and the server port of a connection.
type Pair = (u16, u16);

/// Runs as a child. Returns false at once if this process is not a child.
pub fn child() -> bool {
    let Ok(args) = std::env::var(CHILD_ARGS) else { return false };
    let numbers: Vec<u64> = args.split(' ').filter_map(|number| number.parse().ok()).collect();
    let [child, rate, seconds] = numbers[..] else { panic!("invalid {CHILD_ARGS}: {args:?}") };
    let opened = open_and_close(&mut Ports::of_child(child), rate, Duration::from_secs(seconds));
    let mut text = String::new();
    for ((client, server), count) in opened.expect("connect over loopback") {
        writeln!(text, "{client} {server} {count}").expect("write to a String");
    }
    io::stdout().write_all(text.as_bytes()).expect("print the connections");
    true
}

fn open_and_close(ports: &mut Ports, rate: u64, time: Duration) -> io::Result<HashMap<Pair, u64>> {
    let stopped = stopped_by_parent();
    let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let mut open = VecDeque::new();
    let mut opened: HashMap<Pair, u64> = HashMap::new();
    let mut count = 0;
    let start = Instant::now();
    let close = |(client, mut server, _): (TcpStream, TcpStream, Instant), in_order: bool| -> io::Result<()> {
        if in_order {
            drop(server);
            let mut client = client;
            client.read_to_end(&mut Vec::new())?;
        } else {
            server.write_all(b"x")?;
            client.peek(&mut [0])?;
            drop(client);
        }
        Ok(())
    };
    let mut closed = 0;
    while !stopped.load(Ordering::Relaxed) && start.elapsed() < time {
        while open.front().is_some_and(|(_, _, since): &(_, _, Instant)| since.elapsed() >= LIFE) {
            close(open.pop_front().expect("not empty"), closed % 2 == 0)?;
            closed += 1;
        }
        let due = (start.elapsed().as_secs_f64() * rate as f64) as u64;
        if count >= due {
            thread::sleep(Duration::from_millis(1));
            continue;
        }
        let client = ports.connect(address)?;
        let server = listener.accept()?.0;
        *opened.entry((client.local_addr()?.port(), address.port())).or_default() += 1;
        open.push_back((client, server, Instant::now()));
        count += 1;
    }
    for (index, connection) in open.into_iter().enumerate() {
        close(connection, index % 2 == 0)?;
    }
    Ok(opened)
}

/// One report of a side of a connection.
#[derive(Clone, Copy, Debug)]
struct Report {
    /// The number of the poll.
    #[allow(dead_code, reason = "printed")]
    poll: u32,
    #[allow(dead_code, reason = "printed")]
    cookie: Option<NonZeroU64>,
    /// The state of the row; CLOSED if the connection is brief.
    #[allow(dead_code, reason = "printed")]
    state: State,
}

/// What the watcher has reported.
#[derive(Default)]
struct Reported {
    /// By client and server port, for the client and for the server side.
    sides: HashMap<(Pair, bool), Vec<Report>>,
    polls: u32,
    added: u64,
    brief: u64,
    inferred: u64,
    /// Rows of connections that have changed their cookie.
    renamed: u64,
    /// Connections that were removed; those that were removed in another state than TIME-WAIT and have no final statistics.
    removed: u64,
    without_stats: u64,
    ignored: u64,
    missed: u64,
    in_polls: Duration,
}

impl Reported {
    fn poll(&mut self, watcher: &mut Watcher<OwnerModuleRow, System>) -> Result<(), tcp6::Error> {
        let start = Instant::now();
        let changes = watcher.poll()?;
        self.in_polls += start.elapsed();
        self.polls += 1;
        self.ignored += changes.ignored();
        self.missed += changes.missed();
        for brief in changes.brief() {
            self.brief += 1;
            self.inferred += u64::from(changes.inferred_owner(brief).is_some());
            self.note(brief.local(), brief.remote(), brief.cookie(), State::Closed);
        }
        for change in changes.clone() {
            let row = change.row();
            match (change, row.remote()) {
                (Change::Added(_), Some(remote)) => {
                    self.added += 1;
                    self.note(row.local(), remote, cookie(row), row.state());
                }
                (Change::Removed(_), Some(_)) => {
                    self.removed += 1;
                    // The change to TIME-WAIT had the statistics.
                    let has_none = row.state() != State::TimeWait && changes.final_stats(change).is_none();
                    self.without_stats += u64::from(has_none);
                }
                (Change::Changed { before, after }, _) => self.renamed += u64::from(cookie(before) != cookie(after)),
                (_, None) => {}
            }
        }
        Ok(())
    }

    fn note(&mut self, local: SocketAddrV6, remote: SocketAddrV6, cookie: Option<NonZeroU64>, state: State) {
        let report = Report { poll: self.polls, cookie, state };
        self.sides.entry(side(local, remote)).or_default().push(report);
    }
}

fn cookie(row: &OwnerModuleRow) -> Option<NonZeroU64> {
    row.socket_info().and_then(|info| info.cookie)
}

/// The pair of ports, and whether this is the side of the client.
fn side(local: SocketAddrV6, remote: SocketAddrV6) -> (Pair, bool) {
    // Client ports are below ephemeral ones, which listeners have.
    let is_client = local.port() < remote.port();
    (if is_client { (local.port(), remote.port()) } else { (remote.port(), local.port()) }, is_client)
}

fn start(children: u32, rate: u32, time: Duration) -> io::Result<Vec<Child>> {
    let program = std::env::current_exe()?;
    (0..children)
        .map(|child| {
            let args = format!("{child} {} {}", rate.div_ceil(children), (time + GRACE).as_secs());
            Command::new(&program).env(CHILD_ARGS, args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()
        })
        .collect()
}

/// Ends the children and returns the connections that they opened.
fn stop(children: Vec<Child>) -> Result<HashMap<Pair, u64>, Box<dyn std::error::Error>> {
    let mut opened = HashMap::new();
    for mut child in children {
        drop(child.stdin.take());
        let output = child.wait_with_output()?;
        if !output.status.success() {
            return Err("a child process failed".into());
        }
        for line in String::from_utf8(output.stdout)?.lines() {
            let numbers: Vec<u64> = line.split(' ').map(str::parse).collect::<Result<_, _>>()?;
            let [client, server, count] = numbers[..] else { return Err("a child printed something else".into()) };
            opened.insert((client.try_into()?, server.try_into()?), count);
        }
    }
    Ok(opened)
}

/// The number of connections in the last table.
fn connections(watcher: &Watcher<OwnerModuleRow, System>) -> u64 {
    watcher.snapshot().iter().filter(|row| row.remote().is_some()).count() as u64
}

/// Runs the soak. Returns the problems.
pub fn soak(options: &Options) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let (time, interval) = (Duration::from_secs(options.seconds), Duration::from_millis(options.interval));
    let mut watcher = Watcher::<OwnerModuleRow, _>::new(System::new()?);
    watcher.subscribe(&options.of_events())?;
    watcher.poll()?;
    let initial = connections(&watcher);
    let mut reported = Reported::default();
    let running = start(options.children, options.rate, time)?;
    let begin = Instant::now();
    while begin.elapsed() < time {
        thread::sleep(interval);
        reported.poll(&mut watcher)?;
    }
    // Pipes hold less than a child prints.
    let stopping = thread::spawn(move || stop(running).map_err(|error| error.to_string()));
    while !stopping.is_finished() {
        thread::sleep(interval);
        reported.poll(&mut watcher)?;
    }
    let opened = stopping.join().expect("the thread does not panic")?;
    for _ in 0..5 {
        thread::sleep(interval);
        reported.poll(&mut watcher)?;
    }

    let total: u64 = opened.values().sum();
    let listed = connections(&watcher);
    let Reported {
        polls,
        added,
        brief,
        inferred,
        renamed,
        removed,
        without_stats,
        ignored,
        missed,
        in_polls,
        ref sides,
    } = reported;
    let events = (brief + added).max(1);
    println!("{total} connections opened and closed, {:.0} per second", total as f64 / begin.elapsed().as_secs_f64());
    println!("{polls} polls: {added} sides added, {brief} brief, {ignored} events ignored, {missed} missed");
    println!("{renamed} sides had two cookies; {without_stats} of {removed} had no final statistics");
    println!(
        "{:.2} us of polls per side; the owner of {inferred} of {brief} brief sides is inferred",
        in_polls.as_secs_f64() * 1e6 / events as f64
    );
    let mut problems = Vec::new();
    if initial + added != removed + listed {
        let count = format!("{initial} were listed first, {added} added, {removed} removed, and {listed} are listed");
        problems.push(format!("the numbers of sides do not agree: {count}"));
    }
    let (mut too_few, mut too_many, mut shown) = (0, 0, 0);
    for (pair, count) in &opened {
        for is_client in [true, false] {
            let reports = sides.get(&(*pair, is_client)).map_or(&[][..], Vec::as_slice);
            let found = reports.len() as u64;
            too_few += count.saturating_sub(found);
            too_many += found.saturating_sub(*count);
            if found != *count && shown < MAX_SHOWN {
                shown += 1;
                // The two reports with the fewest polls in between.
                let nearest = reports.windows(2).min_by_key(|two| two[1].poll - two[0].poll);
                println!("{pair:?}, client: {is_client}, opened {count} times, reported {found} times: {nearest:?}");
            }
        }
    }
    if too_few > missed {
        problems.push(format!("{too_few} of {} sides were not reported, and {missed} events missed", 2 * total));
    }
    if too_many > 0 {
        problems.push(format!("{too_many} of {} sides were reported twice", 2 * total));
    }
    if total == 0 {
        problems.push("no connections were opened".to_owned());
    }
    Ok(problems)
}
