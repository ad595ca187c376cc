//! Connections: opened, accepted, and closed in every way.

use super::{MANY_STREAMS, Plan, tell};
use crate::life::act::{Act, Learn};
use crate::life::model::{Held, Listener, What};

impl Plan {
    /// How a client reaches a listener of this kind.
    pub(super) fn way_to(&mut self, kind: &str) -> &'static str {
        match kind {
            "any" => ["lo", "lo", "v4", "mapped"][self.random.below(4)],
            "link" => "link",
            "v4" => ["v4", "mapped"][self.random.below(2)],
            _ => "lo",
        }
    }

    /// A connection of this actor to a listener: the order, and the number of its client.
    pub(super) fn connect_order(&mut self, actor: u32, listener: u32, from: &str) -> (String, u32, u32) {
        let kind = self.model.listeners[&listener].kind;
        let way = self.way_to(kind);
        let connection = self.model.number();
        let client = self.model.hold(actor, What::Client { connection, listener });
        (format!("connect {client} {way} @L{listener} {from}"), client, connection)
    }

    /// Connects, and lets a thread that waits for it take it.
    pub(super) fn connect(&mut self, listener: u32, from: &str) -> (Vec<Act>, u32, u32) {
        let actor = self.any_actor();
        let (order, client, connection) = self.connect_order(actor, listener, from);
        let thread = self.thread_of(actor);
        let mut acts = vec![Act::Tell { actor, thread, order, learn: vec![Learn::Held { part: 0, held: client }] }];
        if let Some(one) = self.model.listeners.get_mut(&listener) {
            match one.blocked.pop_front() {
                Some((server, number)) => {
                    self.model.held.insert(number, Held { actor: server, what: What::Server { connection } });
                    acts.push(tell(server, 0, format!("joined {number}")));
                }
                None => one.pending.push_back(connection),
            }
        }
        (acts, client, connection)
    }

    /// The part of an order that accepts the oldest connection of a listener; and the number of its server.
    pub(super) fn accept_part(&mut self, listener: u32) -> Option<(u32, String, u32)> {
        let (actor, number) = self.holder(listener)?;
        let connection = self.model.listeners.get_mut(&listener)?.pending.pop_front()?;
        let server = self.model.hold(actor, What::Server { connection });
        Some((actor, format!("accept {server} {number}"), server))
    }

    pub(super) fn has_room(one: &Listener) -> bool {
        one.pending.len() < one.backlog.min(6) as usize
    }

    pub(super) fn open(&mut self) -> Vec<Act> {
        if self.model.streams() >= MANY_STREAMS {
            return Vec::new();
        }
        let Some(listener) = self.any_listener(Plan::has_room) else { return Vec::new() };
        self.connect(listener, "0").0
    }

    pub(super) fn open_and_accept(&mut self) -> Vec<Act> {
        if self.model.streams() >= MANY_STREAMS {
            return Vec::new();
        }
        let Some(listener) = self.any_listener(|one| Plan::has_room(one) && one.blocked.is_empty()) else {
            return Vec::new();
        };
        let (mut acts, ..) = self.connect(listener, "0");
        if let Some((actor, part, _)) = self.accept_part(listener) {
            acts.push(self.tell(actor, part));
        }
        acts
    }

    pub(super) fn accept(&mut self) -> Vec<Act> {
        let Some(listener) = self.any_listener(|one| !one.pending.is_empty() && one.blocked.is_empty()) else {
            return Vec::new();
        };
        let Some((actor, part, _)) = self.accept_part(listener) else { return Vec::new() };
        vec![self.tell(actor, part)]
    }

    pub(super) fn close_one(&mut self) -> Vec<Act> {
        let Some(number) = self.any_stream() else { return Vec::new() };
        let actor = self.model.held[&number].actor;
        self.model.close(number);
        vec![self.tell(actor, format!("close {number}"))]
    }

    /// Both sides of a connection, so that one of them ends in TIME-WAIT; with all copies, or some stay open.
    pub(super) fn close_both(&mut self) -> Vec<Act> {
        let Some(one) = self.any_stream() else { return Vec::new() };
        let connection = self.model.held[&one].what.connection();
        let mut numbers = self.model.of(|held| held.what.connection() == connection);
        if self.random.chance(50) {
            numbers.reverse();
        }
        let mut acts = Vec::new();
        for number in numbers {
            let actor = self.model.held[&number].actor;
            self.model.close(number);
            acts.push(self.tell(actor, format!("close {number}")));
        }
        acts
    }

    /// A connection that nobody sees but in TIME-WAIT.
    pub(super) fn short_connection(&mut self) -> Vec<Act> {
        let is_free = |one: &Listener| one.pending.is_empty() && one.blocked.is_empty() && one.shares.is_none();
        let Some(listener) = self.any_listener(is_free) else { return Vec::new() };
        let (mut acts, client, _) = self.connect(listener, "0");
        let Some((actor, part, server)) = self.accept_part(listener) else { return acts };
        let caller = self.model.held[&client].actor;
        self.model.close(client);
        self.model.close(server);
        if self.random.chance(50) {
            acts.push(self.tell(caller, format!("close {client}")));
            acts.push(self.tell(actor, format!("{part};close {server}")));
        } else {
            acts.push(self.tell(actor, format!("{part};close {server}")));
            acts.push(self.tell(caller, format!("close {client}")));
        }
        acts
    }

    pub(super) fn reset(&mut self) -> Vec<Act> {
        let Some(number) = self.any_stream() else { return Vec::new() };
        let actor = self.model.held[&number].actor;
        self.model.close(number);
        vec![self.tell(actor, format!("rst {number}"))]
    }

    pub(super) fn shut_down(&mut self) -> Vec<Act> {
        let Some(number) = self.any_stream() else { return Vec::new() };
        let actor = self.model.held[&number].actor;
        let how = ["write", "write", "write", "both", "both", "read"][self.random.below(6)];
        vec![self.tell(actor, format!("shut {number} {how}"))]
    }

    pub(super) fn write(&mut self) -> Vec<Act> {
        let Some(number) = self.any_stream() else { return Vec::new() };
        let actor = self.model.held[&number].actor;
        vec![self.tell(actor, format!("write {number}"))]
    }

    /// The same pair of ends again, while what was there before may be in TIME-WAIT.
    pub(super) fn reconnect(&mut self) -> Vec<Act> {
        let past: Vec<(u32, u32)> = self.model.past.iter().copied().collect();
        let Some((client, listener)) = self.random.pick(&past).copied() else { return Vec::new() };
        if !self.model.listeners.get(&listener).is_some_and(Plan::has_room) {
            return Vec::new();
        }
        self.model.past.retain(|(one, _)| *one != client);
        let (mut acts, ..) = self.connect(listener, &format!("@H{client}"));
        if self.model.listeners[&listener].blocked.is_empty() {
            if let Some((actor, part, _)) = self.accept_part(listener) {
                acts.push(self.tell(actor, part));
            }
        }
        acts
    }

    /// More connections than a listener queues: the last ones stay in SYN-SENT.
    pub(super) fn overfill(&mut self) -> Vec<Act> {
        let Some(listener) = self.any_listener(|one| one.backlog == 1 && one.blocked.is_empty()) else {
            return Vec::new();
        };
        if self.model.listeners[&listener].pending.len() > 2 {
            return Vec::new();
        }
        self.connect(listener, "0").0
    }
}
