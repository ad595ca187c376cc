//! What a history believes of its processes and sockets, so that it can choose acts that make sense.
//!
//! It is not compared with anything and need not be exact: which of several listeners gets a connection is the kernel's
//! choice. It depends on the seed alone.

use std::collections::{BTreeMap, VecDeque};

/// Something that an actor holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A listening socket, by its number.
    Listener(u32),
    /// The side of a connection that called, and that of the one that was called.
    Client {
        connection: u32,
        listener: u32,
    },
    Server {
        connection: u32,
    },
    /// Anything else that has a descriptor.
    Plain,
    /// Thousands of descriptors, which stay.
    Many,
}

impl What {
    pub fn connection(self) -> Option<u32> {
        match self {
            What::Client { connection, .. } | What::Server { connection } => Some(connection),
            What::Listener(_) | What::Plain | What::Many => None,
        }
    }

    /// Whether it is one socket, which can be duplicated, inherited and sent.
    pub fn is_handed_on(self) -> bool {
        !matches!(self, What::Plain | What::Many)
    }

    pub fn is_stream(self) -> bool {
        self.connection().is_some()
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Held {
    pub actor: u32,
    pub what: What,
}

#[derive(Clone, Debug)]
pub struct Listener {
    /// The word for its address.
    pub kind: &'static str,
    /// The first of those that share its port.
    pub shares: Option<u32>,
    pub backlog: u32,
    /// Connections that nobody has accepted.
    pub pending: VecDeque<u32>,
    /// Actors with a thread that is blocked in accept(), and the number that the connection will have.
    pub blocked: VecDeque<(u32, u32)>,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct ActorModel {
    pub has_second_thread: bool,
    /// The history's own process can neither end nor become another.
    pub is_history: bool,
}

#[derive(Debug, Default)]
pub struct Model {
    pub actors: BTreeMap<u32, ActorModel>,
    pub held: BTreeMap<u32, Held>,
    pub listeners: BTreeMap<u32, Listener>,
    /// Sockets that are in a message which nobody has received, by the receiver.
    pub mail: BTreeMap<u32, VecDeque<What>>,
    /// Ends of connections that were closed: what held the client, and the listener.
    pub past: VecDeque<(u32, u32)>,
    last: u32,
}

impl Model {
    /// A number that nothing has had.
    pub fn number(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    pub fn hold(&mut self, actor: u32, what: What) -> u32 {
        let number = self.number();
        self.held.insert(number, Held { actor, what });
        number
    }

    /// What holds this, or something of this kind.
    pub fn of(&self, keep: impl Fn(&Held) -> bool) -> Vec<u32> {
        self.held.iter().filter(|(_, held)| keep(held)).map(|(number, _)| *number).collect()
    }

    pub fn streams(&self) -> usize {
        self.held.values().filter(|held| held.what.is_stream()).count()
    }

    /// Gives up what has this number.
    pub fn close(&mut self, number: u32) {
        let Some(held) = self.held.remove(&number) else { return };
        if let What::Client { listener, .. } = held.what {
            self.past.push_back((number, listener));
            if self.past.len() > 16 {
                self.past.pop_front();
            }
        }
        self.forget_listeners();
    }

    /// Forgets an actor and all that it holds.
    pub fn end(&mut self, actor: u32) {
        self.actors.remove(&actor);
        self.mail.remove(&actor);
        self.drop_of(actor, |_| false);
    }

    /// Forgets what an actor holds, but for some.
    pub fn drop_of(&mut self, actor: u32, keep: impl Fn(u32) -> bool) {
        self.held.retain(|number, held| held.actor != actor || keep(*number));
        for listener in self.listeners.values_mut() {
            listener.blocked.retain(|(of, _)| *of != actor);
        }
        self.forget_listeners();
    }

    /// A listener ends with the last that holds it.
    fn forget_listeners(&mut self) {
        let Model { held, mail, listeners, .. } = self;
        listeners.retain(|number, _| {
            let is_it = |what: &What| *what == What::Listener(*number);
            held.values().any(|held| is_it(&held.what)) || mail.values().flatten().any(is_it)
        });
    }
}
