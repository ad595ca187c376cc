//! What a history is made of: acts, several of which make a step.

use std::fmt;

/// One act. Numbers are the history's own: of actors, of what they hold, of listening sockets.
#[derive(Clone, Debug)]
pub enum Act {
    /// An order to a thread of an actor. `@L3` in it is the port of listener 3, `@H7` the local port of what has number 7.
    Tell { actor: u32, thread: u32, order: String, learn: Vec<Learn> },
    /// Starts an actor.
    Spawn { actor: u32 },
    /// An actor starts another, which holds some of what it holds; then it obeys an order at once.
    Fork { parent: u32, child: u32, heirs: Vec<(u32, u32)>, then: Option<String> },
    /// An actor becomes another program under another name, and keeps these.
    Exec { actor: u32, kept: Vec<u32> },
    /// An actor starts a second thread, which obeys as well.
    Thread { actor: u32 },
    /// The second thread of an actor ends.
    Leave { actor: u32 },
    /// An actor ends: by itself, or killed. Its parent may leave it a zombie.
    End { actor: u32, killed: bool, reaped: bool },
    /// Starts the process of `odd.c` of this kind.
    OddStart { kind: usize },
    /// An order to it.
    OddTell { kind: usize, order: char },
    /// It ends.
    OddEnd { kind: usize },
}

/// What an answer says about ports: that of part `part` is the port of a listener, or of something that is held.
#[derive(Clone, Copy, Debug)]
pub enum Learn {
    Listener { part: usize, listener: u32 },
    Held { part: usize, held: u32 },
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Act::Tell { actor, thread: 0, order, .. } => write!(f, "{actor}: {order}"),
            Act::Tell { actor, thread, order, .. } => write!(f, "{actor}.{thread}: {order}"),
            Act::Spawn { actor } => write!(f, "spawn {actor}"),
            Act::Fork { parent, child, heirs, then } => {
                write!(f, "{parent}: fork {child} {heirs:?}; {}", then.as_deref().unwrap_or("-"))
            }
            Act::Exec { actor, kept } => write!(f, "{actor}: exec {kept:?}"),
            Act::Thread { actor } => write!(f, "{actor}: thread"),
            Act::Leave { actor } => write!(f, "{actor}.1: leave"),
            Act::End { actor, killed, reaped } => {
                let (how, then) = (if *killed { "kill" } else { "exit" }, if *reaped { "" } else { ", a zombie" });
                write!(f, "{how} {actor}{then}")
            }
            Act::OddStart { kind } => write!(f, "odd.c {} starts", super::odd::KINDS[*kind]),
            Act::OddTell { kind, order } => write!(f, "odd.c {}: {order}", super::odd::KINDS[*kind]),
            Act::OddEnd { kind } => write!(f, "odd.c {} ends", super::odd::KINDS[*kind]),
        }
    }
}
