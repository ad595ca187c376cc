//! Makes acts happen: orders the processes of a history about.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::process::Child;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use super::act::{Act, Learn};
use super::actor::Actor;
use super::odd::{self, Odd};
use super::process::Control;

pub struct Crew {
    control: Control,
    /// The history's own process is an actor, too.
    own: Actor,
    children: HashMap<u32, Child>,
    odd: [Option<Odd>; odd::KINDS.len()],
    odd_program: Option<String>,
    /// The ports of listeners, and the local ports of what is or was held.
    listeners: HashMap<u32, u16>,
    held: HashMap<u32, u16>,
    /// How often each kind of order went well, and how often not.
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

    /// The ports that listeners of this history have or had.
    pub fn ports(&self) -> HashSet<u16> {
        self.listeners.values().copied().collect()
    }

    /// The processes whose first thread has exited.
    pub fn headless(&self) -> Vec<u32> {
        self.odd[0].iter().map(Odd::pid).collect()
    }

    /// Makes an act happen; everyone is at rest when this returns. Gives the answer.
    pub fn perform(&mut self, act: &Act) -> io::Result<String> {
        let (what, answer) = match act {
            Act::Tell { actor, thread, order, learn } => {
                let order = self.resolve(order);
                let answer = self.ask(*actor, *thread, &order)?;
                self.learn(&answer, learn);
                (order, answer)
            }
            Act::Spawn { actor } => {
                let child = self.control.spawn(*actor)?;
                self.children.insert(*actor, child);
                ("spawn".to_owned(), "ok".to_owned())
            }
            Act::Fork { parent, child, heirs, then } => {
                let mut order = format!("fork {child}");
                heirs.iter().for_each(|(held, number)| order += &format!(" {held}={number}"));
                order.extend(then.iter().flat_map(|then| [";", then]));
                let answer = self.ask(*parent, 0, &order)?;
                self.control.greet(*child, 0)?;
                (order, answer)
            }
            Act::Exec { actor, kept } => {
                let mut order = "exec 0".to_owned();
                kept.iter().for_each(|held| order += &format!(" {held}={held}"));
                let answer = self.ask(*actor, 0, &order)?;
                // Its other threads are gone.
                self.control.forget(*actor);
                self.control.greet(*actor, 0)?;
                (order, if answer.is_empty() { "ok".to_owned() } else { answer })
            }
            Act::Thread { actor } => {
                let answer = self.ask(*actor, 0, "thread")?;
                self.control.greet(*actor, 1)?;
                ("thread".to_owned(), answer)
            }
            Act::Leave { actor } => {
                self.ask(*actor, 1, "leave")?;
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
            Act::OddTell { kind, order } => {
                let odd = self.odd[*kind].as_mut().ok_or_else(|| io::Error::other("it was started"))?;
                (format!("odd-{order}"), odd.ask(&order.to_string())?)
            }
            Act::OddEnd { kind } => {
                self.odd[*kind].take().map_or(Ok(()), Odd::end)?;
                ("odd-end".to_owned(), "ok".to_owned())
            }
        };
        for (part, answer) in what.split(';').zip(answer.split(';')) {
            let verb = part.split(' ').next().unwrap_or_default().to_owned();
            self.tally.entry(verb).or_default()[usize::from(!answer.starts_with("ok"))] += 1;
        }
        Ok(answer)
    }

    fn ask(&mut self, actor: u32, thread: u32, order: &str) -> io::Result<String> {
        if actor == 0 { Ok(self.own.obey(order)) } else { self.control.ask(actor, thread, order) }
    }

    /// Puts ports in the place of `@L3` and `@H7`.
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

    fn learn(&mut self, answer: &str, learn: &[Learn]) {
        let parts: Vec<&str> = answer.split(';').collect();
        let port = |part: usize| parts.get(part)?.strip_prefix("ok ")?.parse().ok();
        for learn in learn {
            match *learn {
                Learn::Listener { part, listener } => self.listeners.extend(port(part).map(|port| (listener, port))),
                Learn::Held { part, held } => self.held.extend(port(part).map(|port| (held, port))),
            }
        }
    }

    fn end(&mut self, actor: u32, killed: bool, reaped: bool) -> io::Result<()> {
        let pid = self.control.pids.get(&actor).and_then(|pid| Pid::from_raw(*pid as i32));
        match pid {
            Some(pid) if killed => kill_process(pid, Signal::KILL)?,
            _ => drop(self.control.ask(actor, 0, "exit")?),
        }
        self.control.bury(actor)?;
        if let Some(mut child) = self.children.remove(&actor) {
            if reaped {
                child.wait()?;
            } else if let Some(pid) = pid {
                // Until the history ends it is a zombie.
                waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
            }
        }
        Ok(())
    }

    /// Ends everyone.
    pub fn disband(mut self) -> io::Result<()> {
        self.odd.iter_mut().filter_map(Option::take).try_for_each(Odd::end)?;
        let actors: Vec<u32> = self.control.pids.keys().copied().collect();
        actors.into_iter().try_for_each(|actor| self.end(actor, false, true))
    }
}
