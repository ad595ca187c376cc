//! Listeners, and threads that are blocked in accept().

use super::{FEWEST_ACTORS, MOST_LISTENERS, Plan};
use crate::life::act::{Act, Learn};
use crate::life::model::{Listener, What};

impl Plan {
    pub(super) fn listen_at(&mut self, actor: u32, kind: &'static str, shares: Option<u32>) -> Vec<Act> {
        let listener = self.model.number();
        let number = self.model.hold(actor, What::Listener(listener));
        let backlog = if self.random.chance(15) { 1 } else { 64 };
        let device = if self.random.chance(20) { " device" } else { "" };
        let port = shares.map_or("0".to_owned(), |first| format!("@L{first}"));
        // Whoever may share its port later says so when it is opened.
        let order = format!("listen {number} {kind} {port} {backlog} reuse{device}");
        let one = Listener { kind, shares, backlog, pending: [].into(), blocked: [].into() };
        self.model.listeners.insert(listener, one);
        let learn = vec![Learn::Listener { part: 0, listener }];
        let thread = self.thread_of(actor);
        vec![Act::Tell { actor, thread, order, learn }]
    }

    pub(super) fn listen(&mut self) -> Vec<Act> {
        if self.model.listeners.len() >= MOST_LISTENERS {
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
        if self.model.listeners.len() <= FEWEST_ACTORS {
            return Vec::new();
        }
        let listeners = self.model.of(|held| matches!(held.what, What::Listener(_)));
        let Some(number) = self.random.pick(&listeners).copied() else { return Vec::new() };
        let held = self.model.held[&number];
        if let What::Listener(listener) = held.what {
            if let Some(one) = self.model.listeners.get_mut(&listener) {
                one.blocked.retain(|(actor, _)| *actor != held.actor);
            }
        }
        self.model.close(number);
        vec![self.tell(held.actor, format!("close {number}"))]
    }

    /// A thread blocks in accept(); or, if one is there already, it gets a connection.
    pub(super) fn accept_blocked(&mut self) -> Vec<Act> {
        if let Some(listener) = self.any_listener(|one| !one.blocked.is_empty()) {
            if self.random.chance(70) {
                let plain = self.random.chance(50).then(|| self.any_actor());
                let mut acts: Vec<Act> = Vec::new();
                if let Some(actor) = plain {
                    let order = self.plain_order(actor);
                    acts.push(self.tell(actor, order));
                }
                acts.extend(self.connect(listener, "0").0);
                return acts;
            }
        }
        // A listener that shares its port may never get a connection.
        let Some(listener) = self.any_listener(|one| one.shares.is_none() && one.pending.is_empty()) else {
            return Vec::new();
        };
        let shared = self.model.listeners.values().any(|other| other.shares == Some(listener));
        let Some((actor, number)) = self.holder(listener).filter(|_| !shared) else { return Vec::new() };
        let server = self.model.number();
        if let Some(one) = self.model.listeners.get_mut(&listener) {
            one.blocked.push_back((actor, server));
        }
        vec![self.tell(actor, format!("await {server} {number}"))]
    }
}
