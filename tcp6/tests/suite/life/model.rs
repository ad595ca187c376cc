//! A model of a history's processes and sockets, from which the plan chooses useful acts.
//!
//! The model is not compared with anything and may be inexact. For example, the kernel chooses which of several
//! listeners on a port gets a connection. The model depends only on the seed.

use std::collections::{BTreeMap, VecDeque};

/// A resource that an actor holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// A listening socket, identified by its listener number.
    Listener(u32),
    /// The connecting end of a connection.
    Client { connection: u32, listener: u32 },
    /// The accepting end of a connection.
    Server { connection: u32 },
    /// A resource other than an IPv6 TCP socket that has a descriptor.
    Plain,
    /// Hundreds or thousands of descriptors, which stay open until the history ends.
    Bulk,
}

impl Resource {
    pub fn connection(self) -> Option<u32> {
        match self {
            Resource::Client { connection, .. } | Resource::Server { connection } => Some(connection),
            Resource::Listener(_) | Resource::Plain | Resource::Bulk => None,
        }
    }

    /// Returns whether this is a single TCP socket, which can be duplicated, inherited and sent.
    pub fn is_socket(self) -> bool {
        !matches!(self, Resource::Plain | Resource::Bulk)
    }

    pub fn is_stream(self) -> bool {
        self.connection().is_some()
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Held {
    pub actor: u32,
    pub resource: Resource,
}

#[derive(Clone, Debug)]
pub struct Listener {
    /// Address kind: `any`, `lo`, `only6`, `link` or `v4`.
    pub kind: &'static str,
    /// The listener whose port this one shares.
    pub shares: Option<u32>,
    pub backlog: u32,
    /// Connections that are not accepted yet, oldest first.
    pub pending: VecDeque<u32>,
    /// Actors with a thread that is blocked in accept().
    ///
    /// The second value is the number that the accepted connection will have.
    pub blocked: VecDeque<(u32, u32)>,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct ActorModel {
    pub has_second_thread: bool,
    /// Whether this is the history's own process, which never exits and never calls exec.
    pub is_history: bool,
}

#[derive(Debug, Default)]
pub struct Model {
    pub actors: BTreeMap<u32, ActorModel>,
    pub held: BTreeMap<u32, Held>,
    pub listeners: BTreeMap<u32, Listener>,
    /// Sockets in messages that are not received yet, by receiving actor.
    pub mailboxes: BTreeMap<u32, VecDeque<Resource>>,
    /// The last 16 closed clients: number of the client, and number of its listener.
    pub past: VecDeque<(u32, u32)>,
    last: u32,
}

impl Model {
    /// Returns a new number. Actors, held resources, listeners and connections share one sequence.
    pub fn number(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    /// Gives a resource to an actor and returns its new number.
    pub fn hold(&mut self, actor: u32, resource: Resource) -> u32 {
        let number = self.number();
        self.held.insert(number, Held { actor, resource });
        number
    }

    /// Returns the numbers of all held resources that match, in ascending order.
    pub fn held_numbers(&self, matches: impl Fn(&Held) -> bool) -> Vec<u32> {
        self.held.iter().filter(|(_, held)| matches(held)).map(|(number, _)| *number).collect()
    }

    /// Returns the number of held connection ends.
    pub fn streams(&self) -> usize {
        self.held.values().filter(|held| held.resource.is_stream()).count()
    }

    /// Removes a held resource.
    pub fn close(&mut self, number: u32) {
        let Some(held) = self.held.remove(&number) else { return };
        if let Resource::Client { listener, .. } = held.resource {
            self.past.push_back((number, listener));
            if self.past.len() > 16 {
                self.past.pop_front();
            }
        }
        self.remove_unheld_listeners();
    }

    /// Removes an actor and all its resources.
    pub fn end(&mut self, actor: u32) {
        self.actors.remove(&actor);
        self.mailboxes.remove(&actor);
        self.retain_held(actor, |_| false);
    }

    /// Removes an actor's blocked threads, and its resources except those to keep.
    pub fn retain_held(&mut self, actor: u32, keep: impl Fn(u32) -> bool) {
        self.held.retain(|number, held| held.actor != actor || keep(*number));
        for listener in self.listeners.values_mut() {
            listener.blocked.retain(|(blocked, _)| *blocked != actor);
        }
        self.remove_unheld_listeners();
    }

    /// Removes the listeners that are neither held nor in a message.
    fn remove_unheld_listeners(&mut self) {
        let Model { held, mailboxes, listeners, .. } = self;
        listeners.retain(|number, _| {
            let is_listener = |resource: &Resource| *resource == Resource::Listener(*number);
            held.values().any(|held| is_listener(&held.resource)) || mailboxes.values().flatten().any(is_listener)
        });
    }
}
