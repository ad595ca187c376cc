//! Acts: the operations of a history. A step is a list of acts.

use std::fmt;

/// An operation. The history assigns the numbers of actors, held resources and listening sockets.
#[derive(Clone, Debug)]
pub enum Act {
    /// Sends an order to a thread of an actor.
    ///
    /// In the order, `@L3` is the port of listener 3 and `@H7` is the local port of held resource 7.
    Order { actor: u32, thread: u32, order: String, record: Vec<RecordPort> },
    /// Starts an actor.
    Spawn { actor: u32 },
    /// The parent starts a child that inherits some of its sockets, and then executes `then`.
    ///
    /// `inherited` has pairs of numbers: the number in the parent, and the number in the child.
    Fork { parent: u32, child: u32, inherited: Vec<(u32, u32)>, then: Option<String> },
    /// An actor calls exec. Its process name changes, and it keeps the sockets in `kept`.
    Exec { actor: u32, kept: Vec<u32> },
    /// An actor starts a second thread that executes orders.
    Thread { actor: u32 },
    /// The second thread of an actor exits.
    Leave { actor: u32 },
    /// An actor exits or is killed. If it is not reaped, it stays a zombie.
    End { actor: u32, killed: bool, reaped: bool },
    /// Starts the `odd.c` process of this kind, an index into [`KINDS`](super::odd::KINDS).
    OddStart { kind: usize },
    /// Sends an order to the `odd.c` process of this kind.
    OddOrder { kind: usize, order: char },
    /// Ends the `odd.c` process of this kind.
    OddEnd { kind: usize },
}

/// Records the port in part `part` of an answer as the port of a listener or of a held socket.
#[derive(Clone, Copy, Debug)]
pub enum RecordPort {
    Listener { part: usize, listener: u32 },
    Held { part: usize, held: u32 },
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Act::Order { actor, thread: 0, order, .. } => write!(f, "{actor}: {order}"),
            Act::Order { actor, thread, order, .. } => write!(f, "{actor}.{thread}: {order}"),
            Act::Spawn { actor } => write!(f, "spawn {actor}"),
            Act::Fork { parent, child, inherited, then } => {
                write!(f, "{parent}: fork {child} {inherited:?}; {}", then.as_deref().unwrap_or("-"))
            }
            Act::Exec { actor, kept } => write!(f, "{actor}: exec {kept:?}"),
            Act::Thread { actor } => write!(f, "{actor}: thread"),
            Act::Leave { actor } => write!(f, "{actor}.1: leave"),
            Act::End { actor, killed, reaped } => {
                let (how, then) = (if *killed { "kill" } else { "exit" }, if *reaped { "" } else { ", a zombie" });
                write!(f, "{how} {actor}{then}")
            }
            Act::OddStart { kind } => write!(f, "odd.c {} starts", super::odd::KINDS[*kind]),
            Act::OddOrder { kind, order } => write!(f, "odd.c {}: {order}", super::odd::KINDS[*kind]),
            Act::OddEnd { kind } => write!(f, "odd.c {} ends", super::odd::KINDS[*kind]),
        }
    }
}
