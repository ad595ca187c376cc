//! Performs acts by sending orders to the processes of a history.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::process::Child;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use super::act::{Act, RecordPort};
use super::actor::Actor;
use super::odd::{self, Odd};
use super::process::Control;

/// The processes of a history, and the ports that their sockets have.
pub struct Crew {
    control: Control,
    /// Actor 0, which runs in the process of the history.
    own: Actor,
    children: HashMap<u32, Child>,
    odd: [Option<Odd>; odd::KINDS.len()],
    odd_program: Option<String>,
    /// Ports of listeners, by number. Entries are never removed.
    listeners: HashMap<u32, u16>,
    /// Local ports of held sockets, by number. Entries are never removed.
    held: HashMap<u32, u16>,
    /// Counts of successful and of other orders, by verb.
    pub tally: BTreeMap<String, [u64; 2]>,
}

impl Crew {
    pub fn new(history: String, odd_program: Option<String>) -> io::Result<Crew> {
        Ok(Crew {
            own: Actor::new(&history, 0)?,
            control: Control::new(history)?,
            children: HashMap::new(),
            odd: [const { None }; odd::KINDS.len()],
            odd_program,
            listeners: HashMap::new(),
            held: HashMap::new(),
            tally: BTreeMap::new(),
        })
    }

    /// Returns the ports of all present and past listeners of this history.
    pub fn ports(&self) -> HashSet<u16> {
        self.listeners.values().copied().collect()
    }

    /// Returns the processes whose first thread has exited.
    pub fn headless(&self) -> Vec<u32> {
        self.odd[0].iter().map(Odd::pid).collect()
    }

    /// Performs an act and returns the answer. No actor is executing an order when this returns.
    pub fn perform(&mut self, act: &Act) -> io::Result<String> {
        let (order, answer) = match act {
            Act::Order { actor, thread, order, record } => {
                let order = self.resolve(order);
                let answer = self.request(*actor, *thread, &order)?;
                self.record_ports(&answer, record);
                (order, answer)
            }
            Act::Spawn { actor } => {
                let child = self.control.spawn(*actor)?;
                self.children.insert(*actor, child);
                ("spawn".to_owned(), "ok".to_owned())
            }
            Act::Fork { parent, child, inherited, then } => {
                let mut order = format!("fork {child}");
                inherited.iter().for_each(|(held, number)| order += &format!(" {held}={number}"));
                order.extend(then.iter().flat_map(|then| [";", then]));
                let answer = self.request(*parent, 0, &order)?;
                self.control.wait_for_connection(*child, 0)?;
                (order, answer)
            }
            Act::Exec { actor, kept } => {
                let mut order = "exec 0".to_owned();
                kept.iter().for_each(|held| order += &format!(" {held}={held}"));
                let answer = self.request(*actor, 0, &order)?;
                // The exec has ended all other threads of the actor, and its connections.
                self.control.disconnect(*actor);
                self.control.wait_for_connection(*actor, 0)?;
                (order, if answer.is_empty() { "ok".to_owned() } else { answer })
            }
            Act::Thread { actor } => {
                let answer = self.request(*actor, 0, "thread")?;
                self.control.wait_for_connection(*actor, 1)?;
                ("thread".to_owned(), answer)
            }
            Act::Leave { actor } => {
                self.request(*actor, 1, "leave")?;
                ("leave".to_owned(), "ok".to_owned())
            }
            Act::End { actor, killed, reaped } => {
                self.end(*actor, *killed, *reaped)?;
                ("end".to_owned(), "ok".to_owned())
            }
            Act::OddStart { kind } => {
                let program = self.odd_program.as_deref().unwrap_or_default();
                self.odd[*kind] = Some(Odd::start(program, odd::KINDS[*kind])?);
                (format!("odd-{}", odd::KINDS[*kind]), "ok".to_owned())
            }
            Act::OddOrder { kind, order } => {
                let odd = self.odd[*kind].as_mut().ok_or_else(|| io::Error::other("odd.c process is not running"))?;
                (format!("odd-{order}"), odd.request(&order.to_string())?)
            }
            Act::OddEnd { kind } => {
                self.odd[*kind].take().map_or(Ok(()), Odd::end)?;
                ("odd-end".to_owned(), "ok".to_owned())
            }
        };
        for (part, answer) in order.split(';').zip(answer.split(';')) {
            let verb = part.split(' ').next().unwrap_or_default().to_owned();
            self.tally.entry(verb).or_default()[usize::from(!answer.starts_with("ok"))] += 1;
        }
        Ok(answer)
    }

    /// Sends an order to a thread of an actor. Actor 0 executes it on the calling thread.
    fn request(&mut self, actor: u32, thread: u32, order: &str) -> io::Result<String> {
        if actor == 0 { Ok(self.own.execute(order)) } else { self.control.request(actor, thread, order) }
    }

    /// Replaces `@L3` by the port of listener 3, and `@H7` by the local port of held socket 7.
    ///
    /// Unknown ports become 0.
    fn resolve(&self, order: &str) -> String {
        let resolve = |word: &str| {
            let port = |ports: &HashMap<u32, u16>, number: &str| {
                number.parse().ok().and_then(|number: u32| ports.get(&number)).map_or("0".to_owned(), u16::to_string)
            };
            match word.get(..2) {
                Some("@L") => port(&self.listeners, &word[2..]),
                Some("@H") => port(&self.held, &word[2..]),
                _ => word.to_owned(),
            }
        };
        let part = |part: &str| part.split(' ').map(resolve).collect::<Vec<_>>().join(" ");
        order.split(';').map(part).collect::<Vec<_>>().join(";")
    }

    /// Records the ports in an answer.
    fn record_ports(&mut self, answer: &str, records: &[RecordPort]) {
        let parts: Vec<&str> = answer.split(';').collect();
        let port = |part: usize| parts.get(part)?.strip_prefix("ok ")?.parse().ok();
        for record in records {
            match *record {
                RecordPort::Listener { part, listener } => {
                    self.listeners.extend(port(part).map(|port| (listener, port)))
                }
                RecordPort::Held { part, held } => self.held.extend(port(part).map(|port| (held, port))),
            }
        }
    }

    /// Ends an actor and waits until it has closed its descriptors.
    fn end(&mut self, actor: u32, killed: bool, reaped: bool) -> io::Result<()> {
        let pid = self.control.pids.get(&actor).and_then(|pid| Pid::from_raw(*pid as i32));
        match pid {
            Some(pid) if killed => kill_process(pid, Signal::KILL)?,
            _ => drop(self.control.request(actor, 0, "exit")?),
        }
        self.control.wait_for_exit(actor)?;
        if let Some(mut child) = self.children.remove(&actor) {
            if reaped {
                child.wait()?;
            } else if let Some(pid) = pid {
                // WNOWAIT leaves the child a zombie until the history ends.
                waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
            }
        }
        Ok(())
    }

    /// Ends all processes.
    pub fn end_all(mut self) -> io::Result<()> {
        self.odd.iter_mut().filter_map(Option::take).try_for_each(Odd::end)?;
        let actors: Vec<u32> = self.control.pids.keys().copied().collect();
        actors.into_iter().try_for_each(|actor| self.end(actor, false, true))
    }
}
