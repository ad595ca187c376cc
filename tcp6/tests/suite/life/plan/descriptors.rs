//! Events that copy and pass on descriptors, or reuse the descriptor number of a socket.

use super::Plan;
use crate::life::act::{Act, RecordPort};
use crate::life::model::Resource;

impl Plan {
    /// Returns an order that opens a file or a socket that is not IPv6 TCP.
    pub(super) fn plain_order(&mut self, actor: u32) -> String {
        let number = self.model.hold(actor, Resource::Plain);
        let kind = ["file", "file", "tcp4", "udp6"][self.random.below(4)];
        format!("plain {number} {kind} 1")
    }

    /// Closes a connection end and opens another resource.
    ///
    /// The actor has as many descriptors as before, and the new one may get the same number.
    pub(super) fn replace_a_stream(&mut self) -> Vec<Act> {
        let Some(number) = self.any_stream() else { return Vec::new() };
        let actor = self.model.held[&number].actor;
        self.model.close(number);
        let plain = self.plain_order(actor);
        vec![self.order_to(actor, format!("close {number};{plain}"))]
    }

    /// Closes a plain resource, and accepts or opens a connection.
    ///
    /// The connection may get the same descriptor number.
    pub(super) fn replace_a_plain(&mut self) -> Vec<Act> {
        let plains = self.model.held_numbers(|held| held.resource == Resource::Plain);
        let Some(plain) = self.random.pick(&plains).copied() else { return Vec::new() };
        let actor = self.model.held[&plain].actor;
        let accepts = |plan: &Plan, listener: u32| {
            plan.model.held.values().any(|held| held.actor == actor && held.resource == Resource::Listener(listener))
        };
        let candidates: Vec<u32> = self.model.listeners.keys().copied().filter(|one| accepts(self, *one)).collect();
        let with_pending = candidates.into_iter().find(|listener| {
            let one = &self.model.listeners[listener];
            !one.pending.is_empty() && one.blocked.is_empty()
        });
        if let Some(listener) = with_pending {
            let number =
                self.model.held_numbers(|held| held.actor == actor && held.resource == Resource::Listener(listener))[0];
            let Some(connection) = self.model.listeners.get_mut(&listener).and_then(|one| one.pending.pop_front())
            else {
                return Vec::new();
            };
            self.model.close(plain);
            let server = self.model.hold(actor, Resource::Server { connection });
            return vec![self.order_to(actor, format!("close {plain};accept {server} {number}"))];
        }
        let Some(listener) = self.any_listener(|one| Plan::has_room(one) && one.blocked.is_empty()) else {
            return Vec::new();
        };
        self.model.close(plain);
        let (order, client, connection) = self.connect_order(actor, listener, "0");
        if let Some(one) = self.model.listeners.get_mut(&listener) {
            one.pending.push_back(connection);
        }
        let thread = self.thread_of(actor);
        let order = format!("close {plain};{order}");
        vec![Act::Order { actor, thread, order, record: vec![RecordPort::Held { part: 1, held: client }] }]
    }

    /// Duplicates a socket's descriptor and may close the original.
    pub(super) fn dup(&mut self) -> Vec<Act> {
        let all = self.model.held_numbers(|held| held.resource.is_socket());
        let Some(number) = self.random.pick(&all).copied() else { return Vec::new() };
        let held = self.model.held[&number];
        let copy = self.model.hold(held.actor, held.resource);
        let min_fd = if self.random.chance(20) { 900 } else { 0 };
        // Without the original, the copy is the only descriptor that is left here.
        let close = if self.random.chance(40) { format!(";close {number}") } else { String::new() };
        let has_blocked_thread = matches!(held.resource, Resource::Listener(one) if self.model.listeners.get(&one)
            .is_some_and(|one| !one.blocked.is_empty()));
        let close = if has_blocked_thread { String::new() } else { close };
        if !close.is_empty() {
            self.model.close(number);
        }
        vec![self.order_to(held.actor, format!("dup {number} {copy} {min_fd}{close}"))]
    }

    /// Opens or closes a plain resource.
    pub(super) fn plain(&mut self) -> Vec<Act> {
        let plains = self.model.held_numbers(|held| held.resource == Resource::Plain);
        if plains.len() > 30 || (self.random.chance(40) && !plains.is_empty()) {
            let number = *self.random.pick(&plains).expect("plains is not empty");
            let actor = self.model.held[&number].actor;
            self.model.close(number);
            return vec![self.order_to(actor, format!("close {number}"))];
        }
        let actor = self.any_actor();
        let number = self.model.hold(actor, Resource::Plain);
        let kind = ["file", "pipe", "tcp4", "udp6", "unix"][self.random.below(5)];
        vec![self.order_to(actor, format!("plain {number} {kind} 1"))]
    }

    /// Sends a socket to an actor.
    ///
    /// The sender may close it at once, and the receiver may receive it at once.
    pub(super) fn send(&mut self) -> Vec<Act> {
        let all = self.model.held_numbers(|held| held.resource.is_socket());
        let Some(number) = self.random.pick(&all).copied() else { return Vec::new() };
        let held = self.model.held[&number];
        let to = self.any_actor();
        let queue = self.model.mailboxes.entry(to).or_default();
        // The queue of a Unix datagram socket may be short, and a send to a full queue fails.
        if queue.len() > 4 {
            return Vec::new();
        }
        queue.push_back(held.resource);
        let has_blocked_thread = matches!(held.resource, Resource::Listener(one) if self.model.listeners.get(&one)
            .is_some_and(|one| !one.blocked.is_empty()));
        let close =
            if !has_blocked_thread && self.random.chance(60) { format!(";close {number}") } else { String::new() };
        if !close.is_empty() {
            self.model.close(number);
        }
        let order = self.order_to(held.actor, format!("send {number} {to}{close}"));
        let mut acts = vec![order];
        if self.random.chance(60) {
            acts.extend(self.take_at(to));
        }
        acts
    }

    /// Returns an order that receives an actor's oldest message, or `None` if it has none.
    pub(super) fn take_at(&mut self, actor: u32) -> Option<Act> {
        let resource = self.model.mailboxes.get_mut(&actor)?.pop_front()?;
        let number = self.model.hold(actor, resource);
        Some(self.order_to(actor, format!("take {number}")))
    }

    pub(super) fn take(&mut self) -> Vec<Act> {
        let receivers: Vec<u32> =
            self.model.mailboxes.iter().filter(|(_, queue)| !queue.is_empty()).map(|(actor, _)| *actor).collect();
        let Some(actor) = self.random.pick(&receivers).copied() else { return Vec::new() };
        self.take_at(actor).into_iter().collect()
    }
}
