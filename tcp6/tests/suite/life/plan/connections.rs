//! Events that open, accept and close connections.

use super::{Plan, STREAM_LIMIT, order_to};
use crate::life::act::{Act, RecordPort};
use crate::life::model::{Held, Listener, Resource};

impl Plan {
    /// Picks the kind of address with which a client connects to a listener of this kind.
    pub(super) fn address_kind(&mut self, kind: &str) -> &'static str {
        match kind {
            "any" => ["lo", "lo", "v4", "mapped"][self.random.below(4)],
            "link" => "link",
            "v4" => ["v4", "mapped"][self.random.below(2)],
            _ => "lo",
        }
    }

    /// Returns an order that connects to a listener, and the numbers of client and connection.
    ///
    /// `from` is the local port, or `0` for any port.
    pub(super) fn connect_order(&mut self, actor: u32, listener: u32, from: &str) -> (String, u32, u32) {
        let kind = self.model.listeners[&listener].kind;
        let address = self.address_kind(kind);
        let connection = self.model.number();
        let client = self.model.hold(actor, Resource::Client { connection, listener });
        (format!("connect {client} {address} @L{listener} {from}"), client, connection)
    }

    /// Connects a random actor to a listener.
    ///
    /// If a thread is blocked in accept() at the listener, a second act takes the accepted connection. Returns the
    /// acts, and the numbers of client and connection.
    pub(super) fn connect(&mut self, listener: u32, from: &str) -> (Vec<Act>, u32, u32) {
        let actor = self.any_actor();
        let (order, client, connection) = self.connect_order(actor, listener, from);
        let thread = self.thread_of(actor);
        let mut acts =
            vec![Act::Order { actor, thread, order, record: vec![RecordPort::Held { part: 0, held: client }] }];
        if let Some(one) = self.model.listeners.get_mut(&listener) {
            match one.blocked.pop_front() {
                Some((server, number)) => {
                    self.model.held.insert(number, Held { actor: server, resource: Resource::Server { connection } });
                    acts.push(order_to(server, 0, format!("joined {number}")));
                }
                None => one.pending.push_back(connection),
            }
        }
        (acts, client, connection)
    }

    /// Returns the order that accepts the oldest pending connection of a listener.
    ///
    /// The other values are the actor and the number of the server end.
    pub(super) fn accept_part(&mut self, listener: u32) -> Option<(u32, String, u32)> {
        let (actor, number) = self.holder(listener)?;
        let connection = self.model.listeners.get_mut(&listener)?.pending.pop_front()?;
        let server = self.model.hold(actor, Resource::Server { connection });
        Some((actor, format!("accept {server} {number}"), server))
    }

    /// Returns whether another connection may be opened to a listener.
    ///
    /// The limit of pending connections is the backlog, or 6 if the backlog is larger.
    pub(super) fn has_room(listener: &Listener) -> bool {
        listener.pending.len() < listener.backlog.min(6) as usize
    }

    pub(super) fn open(&mut self) -> Vec<Act> {
        if self.model.streams() >= STREAM_LIMIT {
            return Vec::new();
        }
        let Some(listener) = self.any_listener(Plan::has_room) else { return Vec::new() };
        self.connect(listener, "0").0
    }

    pub(super) fn open_and_accept(&mut self) -> Vec<Act> {
        if self.model.streams() >= STREAM_LIMIT {
            return Vec::new();
        }
        let Some(listener) = self.any_listener(|one| Plan::has_room(one) && one.blocked.is_empty()) else {
            return Vec::new();
        };
        let (mut acts, ..) = self.connect(listener, "0");
        if let Some((actor, part, _)) = self.accept_part(listener) {
            acts.push(self.order_to(actor, part));
        }
        acts
    }

    pub(super) fn accept(&mut self) -> Vec<Act> {
        let Some(listener) = self.any_listener(|one| !one.pending.is_empty() && one.blocked.is_empty()) else {
            return Vec::new();
        };
        let Some((actor, part, _)) = self.accept_part(listener) else { return Vec::new() };
        vec![self.order_to(actor, part)]
    }

    pub(super) fn close_one(&mut self) -> Vec<Act> {
        let Some(number) = self.any_stream() else { return Vec::new() };
        let actor = self.model.held[&number].actor;
        self.model.close(number);
        vec![self.order_to(actor, format!("close {number}"))]
    }

    /// Closes all held descriptors of a connection, so that one end enters TIME-WAIT.
    ///
    /// Copies in messages stay open.
    pub(super) fn close_both(&mut self) -> Vec<Act> {
        let Some(one) = self.any_stream() else { return Vec::new() };
        let connection = self.model.held[&one].resource.connection();
        let mut numbers = self.model.held_numbers(|held| held.resource.connection() == connection);
        if self.random.chance(50) {
            numbers.reverse();
        }
        let mut acts = Vec::new();
        for number in numbers {
            let actor = self.model.held[&number].actor;
            self.model.close(number);
            acts.push(self.order_to(actor, format!("close {number}")));
        }
        acts
    }

    /// Opens, accepts and closes a connection in one step. Tables show it only in TIME-WAIT.
    pub(super) fn short_connection(&mut self) -> Vec<Act> {
        let is_free = |one: &Listener| one.pending.is_empty() && one.blocked.is_empty() && one.shares.is_none();
        let Some(listener) = self.any_listener(is_free) else { return Vec::new() };
        let (mut acts, client, _) = self.connect(listener, "0");
        let Some((actor, part, server)) = self.accept_part(listener) else { return acts };
        let caller = self.model.held[&client].actor;
        self.model.close(client);
        self.model.close(server);
        if self.random.chance(50) {
            acts.push(self.order_to(caller, format!("close {client}")));
            acts.push(self.order_to(actor, format!("{part};close {server}")));
        } else {
            acts.push(self.order_to(actor, format!("{part};close {server}")));
            acts.push(self.order_to(caller, format!("close {client}")));
        }
        acts
    }

    pub(super) fn reset(&mut self) -> Vec<Act> {
        let Some(number) = self.any_stream() else { return Vec::new() };
        let actor = self.model.held[&number].actor;
        self.model.close(number);
        vec![self.order_to(actor, format!("rst {number}"))]
    }

    pub(super) fn shut_down(&mut self) -> Vec<Act> {
        let Some(number) = self.any_stream() else { return Vec::new() };
        let actor = self.model.held[&number].actor;
        let how = ["write", "write", "write", "both", "both", "read"][self.random.below(6)];
        vec![self.order_to(actor, format!("shut {number} {how}"))]
    }

    pub(super) fn write(&mut self) -> Vec<Act> {
        let Some(number) = self.any_stream() else { return Vec::new() };
        let actor = self.model.held[&number].actor;
        vec![self.order_to(actor, format!("write {number}"))]
    }

    /// Connects with the local port of a closed client, which may still be in TIME-WAIT.
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
                acts.push(self.order_to(actor, part));
            }
        }
        acts
    }

    /// Connects to a listener with a backlog of 1.
    ///
    /// It may already have 2 pending connections. The clients that do not fit its queue stay in SYN-SENT.
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
