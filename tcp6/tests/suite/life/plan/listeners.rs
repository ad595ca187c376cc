//! Events that open and close listeners, or block a thread in accept().

use super::{MAX_LISTENERS, MIN_ACTORS, Plan};
use crate::life::act::{Act, RecordPort};
use crate::life::model::{Listener, Resource};

impl Plan {
    /// Opens a listener in an actor, on a new port or on the port of listener `shares`.
    pub(super) fn listen_at(&mut self, actor: u32, kind: &'static str, shares: Option<u32>) -> Vec<Act> {
        let listener = self.model.number();
        let number = self.model.hold(actor, Resource::Listener(listener));
        let backlog = if self.random.chance(15) { 1 } else { 64 };
        let device = if self.random.chance(20) { " device" } else { "" };
        let port = shares.map_or("0".to_owned(), |first| format!("@L{first}"));
        // SO_REUSEPORT must be set on every listener before bind(), because another one may share its port later.
        let order = format!("listen {number} {kind} {port} {backlog} reuse{device}");
        let one = Listener { kind, shares, backlog, pending: [].into(), blocked: [].into() };
        self.model.listeners.insert(listener, one);
        let record = vec![RecordPort::Listener { part: 0, listener }];
        let thread = self.thread_of(actor);
        vec![Act::Order { actor, thread, order, record }]
    }

    pub(super) fn listen(&mut self) -> Vec<Act> {
        if self.model.listeners.len() >= MAX_LISTENERS {
            return Vec::new();
        }
        let actor = self.any_actor();
        let shared = if self.random.chance(30) {
            self.any_listener(|one| one.shares.is_none() && one.blocked.is_empty())
        } else {
            None
        };
        let kinds = ["lo", "any", "lo", "any", "only6", "link", "v4"];
        let kind = shared.map_or(kinds[self.random.below(kinds.len())], |first| self.model.listeners[&first].kind);
        self.listen_at(actor, kind, shared)
    }

    pub(super) fn close_listener(&mut self) -> Vec<Act> {
        if self.model.listeners.len() <= MIN_ACTORS {
            return Vec::new();
        }
        let listeners = self.model.held_numbers(|held| matches!(held.resource, Resource::Listener(_)));
        let Some(number) = self.random.pick(&listeners).copied() else { return Vec::new() };
        let held = self.model.held[&number];
        if let Resource::Listener(listener) = held.resource {
            if let Some(one) = self.model.listeners.get_mut(&listener) {
                one.blocked.retain(|(actor, _)| *actor != held.actor);
            }
        }
        self.model.close(number);
        vec![self.order_to(held.actor, format!("close {number}"))]
    }

    /// Blocks a thread in accept(), or gives a connection to a thread that is blocked already.
    pub(super) fn accept_blocked(&mut self) -> Vec<Act> {
        if let Some(listener) = self.any_listener(|one| !one.blocked.is_empty()) {
            if self.random.chance(70) {
                let plain = self.random.chance(50).then(|| self.any_actor());
                let mut acts: Vec<Act> = Vec::new();
                if let Some(actor) = plain {
                    let order = self.plain_order(actor);
                    acts.push(self.order_to(actor, order));
                }
                acts.extend(self.connect(listener, "0").0);
                return acts;
            }
        }
        // A listener that shares its port may never get a connection, and then accept() would not return.
        let Some(listener) = self.any_listener(|one| one.shares.is_none() && one.pending.is_empty()) else {
            return Vec::new();
        };
        let shared = self.model.listeners.values().any(|other| other.shares == Some(listener));
        let Some((actor, number)) = self.holder(listener).filter(|_| !shared) else { return Vec::new() };
        let server = self.model.number();
        if let Some(one) = self.model.listeners.get_mut(&listener) {
            one.blocked.push_back((actor, server));
        }
        vec![self.order_to(actor, format!("await {server} {number}"))]
    }
}
