//! The processes of a history: this program, run again, with a connection over which it is ordered about.

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

/// What an actor is started with: the name of the history, its own number, and what it inherits.
const ACTOR: &str = "TCP6_LIVES_ACTOR";

/// The address of the history itself, among those of its actors.
const CONTROL: u32 = u32::MAX;

/// No order takes that long, even on a busy machine.
const ANSWER_WAIT: Duration = Duration::from_secs(20);

/// A command that runs this program as an actor. `program` decides the name that the process has.
fn command(program: &str, history: &str, id: u32, inherited: &[(u32, i32)]) -> Command {
    let mut text = format!("{history} {id}");
    for (number, fd) in inherited {
        text += &format!(" {number}={fd}");
    }
    let mut command = Command::new(program);
    // The first thread runs the test, so that an actor has one thread unless it is told otherwise.
    command
        .args(["--ignored", "--exact", "life::an_actor", "--nocapture", "--test-threads=1"])
        .env(ACTOR, text)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

fn this_program() -> io::Result<String> {
    env::current_exe()?.into_os_string().into_string().map_err(|_| io::Error::other("the path of this program"))
}

/// What an actor does. Returns at once if this process is none.
pub fn child() {
    let Ok(text) = env::var(ACTOR) else { return };
    let mut words = text.split(' ');
    let history = words.next().expect("a name").to_owned();
    let id = words.next().and_then(|id| id.parse().ok()).expect("a number");
    let inherited: Vec<(u32, socket2::Socket)> = words
        .map(|word| {
            let (number, fd) = word.split_once('=').expect("a number and a descriptor");
            (number.parse().expect("a number"), rights::inherited(fd.parse().expect("a descriptor")).into())
        })
        .collect();
    let mut actor = Actor::new(&history, id).expect("an address");
    actor.held.extend(inherited.into_iter().map(|(number, socket)| (number, Held::Socket(Arc::new(socket)))));
    let actor = Arc::new(Mutex::new(actor));
    serve(&actor, id, 0).expect("orders");
    std::process::exit(0);
}

/// Obeys orders until there are no more, on this thread of the actor.
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
            _ => lock().obey(&line),
        };
        if !rest.is_empty() && ["fork", "thread"].contains(&words[0]) {
            answer += ";";
            answer += &lock().obey(rest);
        }
        writeln!(stream, "{answer}")?;
    }
    Ok(())
}

fn answer(done: io::Result<()>) -> String {
    done.map_or_else(|error| format!("err {error}"), |()| "ok".to_owned())
}

/// Starts a child that holds some of what this actor holds, under other numbers: `CHILD HELD=NUMBER...`.
fn fork(actor: &mut Actor, words: &[&str]) -> io::Result<()> {
    let (child, heirs) = heirs(actor, words);
    actor.all_inherit(heirs.iter().map(|(held, _, _)| *held), true)?;
    let inherited: Vec<(u32, i32)> = heirs.iter().map(|(_, number, fd)| (*number, *fd)).collect();
    let child = command(&this_program()?, &actor.history, child, &inherited).spawn();
    actor.all_inherit(heirs.iter().map(|(held, _, _)| *held), false)?;
    actor.children.push(child?);
    Ok(())
}

/// Runs another program in place of this one, under another name. It comes back only if that fails.
fn exec(actor: &Actor, id: u32, words: &[&str]) -> io::Result<()> {
    let (_, heirs) = heirs(actor, words);
    actor.all_inherit(heirs.iter().map(|(held, _, _)| *held), true)?;
    let inherited: Vec<(u32, i32)> = heirs.iter().map(|(_, number, fd)| (*number, *fd)).collect();
    // The name of the process becomes "exe".
    Err(command("/proc/self/exe", &actor.history, id, &inherited).exec())
}

fn heirs(actor: &Actor, words: &[&str]) -> (u32, Vec<(u32, u32, i32)>) {
    let child = words.first().and_then(|word| word.parse().ok()).unwrap_or(0);
    let heir = |word: &&str| {
        let (held, number) = word.split_once('=')?;
        let held = held.parse().ok()?;
        Some((held, number.parse().ok()?, rights::number(actor.fd(held)?)))
    };
    (child, words.iter().skip(1).filter_map(heir).collect())
}

/// The connections to the actors, as the history has them.
#[derive(Debug)]
pub struct Control {
    pub history: String,
    listener: UnixListener,
    /// By actor and thread.
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
        self.greet(id, 0)?;
        Ok(child)
    }

    /// Waits until this thread of this actor is there.
    pub fn greet(&mut self, id: u32, thread: u32) -> io::Result<()> {
        while !self.connections.contains_key(&(id, thread)) {
            let (stream, _) = self.listener.accept()?;
            stream.set_read_timeout(Some(ANSWER_WAIT))?;
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            stream.read_line(&mut line)?;
            let numbers: Vec<u32> = line.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect();
            let [of, thread, pid] = numbers[..] else { return Err(io::Error::other(format!("a greeting: {line:?}"))) };
            self.connections.insert((of, thread), stream);
            self.pids.insert(of, pid);
        }
        Ok(())
    }

    /// Gives an order and waits for the answer; none comes from an actor that ends or becomes another program.
    pub fn ask(&mut self, id: u32, thread: u32, order: &str) -> io::Result<String> {
        let gone = || io::Error::other(format!("actor {id} is not there"));
        let stream = self.connections.get_mut(&(id, thread)).ok_or_else(gone)?;
        writeln!(stream.get_mut(), "{order}")?;
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            self.connections.remove(&(id, thread));
        }
        Ok(line.trim_end().to_owned())
    }

    /// Forgets the connections to an actor that has become another program.
    pub fn forget(&mut self, id: u32) {
        self.connections.retain(|(of, _), _| *of != id);
    }

    /// Forgets an actor that has ended, once it has closed all that it had.
    pub fn bury(&mut self, id: u32) -> io::Result<()> {
        self.forget(id);
        let Some(pid) = self.pids.remove(&id) else { return Ok(()) };
        let start = Instant::now();
        while !has_ended(pid) {
            if start.elapsed() > ANSWER_WAIT {
                return Err(io::Error::other(format!("process {pid} of actor {id} does not end")));
            }
            thread::sleep(Duration::from_micros(200));
        }
        Ok(())
    }
}

/// Whether all threads of a process have ended; it may be a zombie still.
fn has_ended(pid: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return true };
    let is_zombie = stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'));
    is_zombie && std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count) <= 1
}
