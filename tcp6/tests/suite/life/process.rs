//! The actor processes of a history.
//!
//! They are instances of this binary that receive orders over a Unix socket.

use std::collections::HashMap;
use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::actor::{Actor, Held};
use super::rights;

/// Environment variable that makes this binary an actor.
///
/// The words are the name of the history, the number of the actor, and `NUMBER=FD` for each inherited socket.
const ACTOR: &str = "TCP6_LIVES_ACTOR";

/// The history's own address, as an actor number.
const CONTROL: u32 = u32::MAX;

/// Time limit for an answer. No order takes that long, even on a busy machine.
const ANSWER_WAIT: Duration = Duration::from_secs(20);

/// Returns a command that runs this binary as an actor.
///
/// `program` is a path of this binary. Its file name becomes the process name.
fn command(program: &str, history: &str, id: u32, inherited: &[(u32, i32)]) -> Command {
    let mut text = format!("{history} {id}");
    for (number, fd) in inherited {
        text += &format!(" {number}={fd}");
    }
    let mut command = Command::new(program);
    // With --test-threads=1 the main thread runs the test, so an actor starts with a single thread.
    command
        .args(["--ignored", "--exact", "life::an_actor", "--nocapture", "--test-threads=1"])
        .env(ACTOR, text)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

fn this_program() -> io::Result<String> {
    env::current_exe()?
        .into_os_string()
        .into_string()
        .map_err(|_| io::Error::other("path of the current executable is not UTF-8"))
}

/// Runs an actor until it exits. Returns at once if this process is not an actor.
pub fn child() {
    let Ok(text) = env::var(ACTOR) else { return };
    let mut words = text.split(' ');
    let history = words.next().expect("missing history name").to_owned();
    let id = words.next().and_then(|id| id.parse().ok()).expect("missing actor number");
    let inherited: Vec<(u32, socket2::Socket)> = words
        .map(|word| {
            let (number, fd) = word.split_once('=').expect("malformed inherited socket");
            (
                number.parse().expect("malformed number"),
                rights::inherited(fd.parse().expect("malformed descriptor")).into(),
            )
        })
        .collect();
    let mut actor = Actor::new(&history, id).expect("failed to bind the actor address");
    actor.held.extend(inherited.into_iter().map(|(number, socket)| (number, Held::Socket(Arc::new(socket)))));
    let actor = Arc::new(Mutex::new(actor));
    serve(&actor, id, 0).expect("connection to the history failed");
    std::process::exit(0);
}

/// Executes orders on the calling thread until the connection closes or a `leave` order arrives.
fn serve(actor: &Arc<Mutex<Actor>>, id: u32, thread: u32) -> io::Result<()> {
    let lock = || actor.lock().unwrap_or_else(PoisonError::into_inner);
    let mut stream = UnixStream::connect_addr(&rights::address(&lock().history, CONTROL))?;
    writeln!(stream, "{id} {thread} {}", std::process::id())?;
    for line in BufReader::new(stream.try_clone()?).lines() {
        let line = line?;
        let (first, rest) = line.split_once(';').unwrap_or((&line, ""));
        let words: Vec<&str> = first.split(' ').collect();
        let mut answer = match words[0] {
            "thread" => {
                let actor = Arc::clone(actor);
                thread::spawn(move || serve(&actor, id, 1));
                "ok".to_owned()
            }
            "leave" => break,
            "exit" => std::process::exit(0),
            "fork" => answer(fork(&mut lock(), &words[1..])),
            "exec" => answer(exec(&lock(), id, &words[1..])),
            _ => lock().execute(&line),
        };
        if !rest.is_empty() && ["fork", "thread"].contains(&words[0]) {
            answer += ";";
            answer += &lock().execute(rest);
        }
        writeln!(stream, "{answer}")?;
    }
    Ok(())
}

/// Formats the result of an order that returns nothing.
fn answer(result: io::Result<()>) -> String {
    result.map_or_else(|error| format!("err {error}"), |()| "ok".to_owned())
}

/// Starts a child that inherits sockets of this actor under new numbers: `CHILD HELD=NUMBER...`.
fn fork(actor: &mut Actor, words: &[&str]) -> io::Result<()> {
    let (child, sockets) = parse_inherited(actor, words);
    actor.set_inheritable(sockets.iter().map(|(held, _, _)| *held), true)?;
    let inherited: Vec<(u32, i32)> = sockets.iter().map(|(_, number, fd)| (*number, *fd)).collect();
    let child = command(&this_program()?, &actor.history, child, &inherited).spawn();
    actor.set_inheritable(sockets.iter().map(|(held, _, _)| *held), false)?;
    actor.children.push(child?);
    Ok(())
}

/// Replaces this process by a new instance of this binary. Returns only if that fails.
///
/// The instance inherits sockets of this actor: `0 HELD=NUMBER...`.
fn exec(actor: &Actor, id: u32, words: &[&str]) -> io::Result<()> {
    let (_, sockets) = parse_inherited(actor, words);
    actor.set_inheritable(sockets.iter().map(|(held, _, _)| *held), true)?;
    let inherited: Vec<(u32, i32)> = sockets.iter().map(|(_, number, fd)| (*number, *fd)).collect();
    // The process name becomes "exe".
    Err(command("/proc/self/exe", &actor.history, id, &inherited).exec())
}

/// Parses a child's number, and the old number, new number and descriptor of each inherited socket.
fn parse_inherited(actor: &Actor, words: &[&str]) -> (u32, Vec<(u32, u32, i32)>) {
    let child = words.first().and_then(|word| word.parse().ok()).unwrap_or(0);
    let parse = |word: &&str| {
        let (held, number) = word.split_once('=')?;
        let held = held.parse().ok()?;
        Some((held, number.parse().ok()?, rights::raw_fd(actor.fd(held)?)))
    };
    (child, words.iter().skip(1).filter_map(parse).collect())
}

/// The history's connections to its actors.
#[derive(Debug)]
pub struct Control {
    pub history: String,
    listener: UnixListener,
    /// Indexed by actor and thread.
    connections: HashMap<(u32, u32), BufReader<UnixStream>>,
    pub pids: HashMap<u32, u32>,
}

impl Control {
    pub fn new(history: String) -> io::Result<Control> {
        let listener = UnixListener::bind_addr(&rights::address(&history, CONTROL))?;
        SockRef::from(&listener).set_read_timeout(Some(ANSWER_WAIT))?;
        Ok(Control { history, listener, connections: HashMap::new(), pids: HashMap::new() })
    }

    /// Starts an actor as a child of this process.
    pub fn spawn(&mut self, id: u32) -> io::Result<std::process::Child> {
        let child = command(&this_program()?, &self.history, id, &[]).spawn()?;
        self.wait_for_connection(id, 0)?;
        Ok(child)
    }

    /// Waits until a thread of an actor has connected.
    pub fn wait_for_connection(&mut self, id: u32, thread: u32) -> io::Result<()> {
        while !self.connections.contains_key(&(id, thread)) {
            let (stream, _) = self.listener.accept()?;
            stream.set_read_timeout(Some(ANSWER_WAIT))?;
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            stream.read_line(&mut line)?;
            let numbers: Vec<u32> = line.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect();
            let [of, thread, pid] = numbers[..] else {
                return Err(io::Error::other(format!("malformed first line of an actor: {line:?}")));
            };
            self.connections.insert((of, thread), stream);
            self.pids.insert(of, pid);
        }
        Ok(())
    }

    /// Sends an order and waits for the answer, which is empty if the actor exits or calls exec.
    pub fn request(&mut self, id: u32, thread: u32, order: &str) -> io::Result<String> {
        let not_connected = || io::Error::other(format!("thread {thread} of actor {id} is not connected"));
        let stream = self.connections.get_mut(&(id, thread)).ok_or_else(not_connected)?;
        writeln!(stream.get_mut(), "{order}")?;
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            self.connections.remove(&(id, thread));
        }
        Ok(line.trim_end().to_owned())
    }

    /// Closes the connections to an actor.
    pub fn disconnect(&mut self, id: u32) {
        self.connections.retain(|(of, _), _| *of != id);
    }

    /// Closes the connections to an actor and waits until the actor has ended.
    ///
    /// Afterwards all its threads have ended and its descriptors are closed.
    pub fn wait_for_exit(&mut self, id: u32) -> io::Result<()> {
        self.disconnect(id);
        let Some(pid) = self.pids.remove(&id) else { return Ok(()) };
        let start = Instant::now();
        while !has_ended(pid) {
            if start.elapsed() > ANSWER_WAIT {
                return Err(io::Error::other(format!(
                    "process {pid} of actor {id} did not end within {ANSWER_WAIT:?}"
                )));
            }
            thread::sleep(Duration::from_micros(200));
        }
        Ok(())
    }
}

/// Returns whether all threads of a process have ended. The process may still be a zombie.
fn has_ended(pid: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return true };
    let is_zombie = stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'));
    is_zombie && std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count) <= 1
}
