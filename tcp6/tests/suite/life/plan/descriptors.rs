//! Descriptors: copies, messages with sockets, and other things that take a socket's number.

use super::Plan;
use crate::life::act::{Act, Learn};
use crate::life::model::What;

impl Plan {
    pub(super) fn plain_order(&mut self, actor: u32) -> String {
        let number = self.model.hold(actor, What::Plain);
        let kind = ["file", "file", "tcp4", "udp6"][self.random.below(4)];
        format!("plain {number} {kind} 1")
    }

    /// A stream is closed and something else opened: the descriptor has the same number, and there are as many.
    pub(super) fn replace_a_stream(&mut self) -> Vec<Act> {
        let Some(number) = self.any_stream() else { return Vec::new() };
        let actor = self.model.held[&number].actor;
        self.model.close(number);
        let plain = self.plain_order(actor);
        vec![self.tell(actor, format!("close {number};{plain}"))]
    }

    /// The other way round: a listener or a connection takes the place of something else.
    pub(super) fn replace_a_plain(&mut self) -> Vec<Act> {
        let plains = self.model.of(|held| held.what == What::Plain);
        let Some(plain) = self.random.pick(&plains).copied() else { return Vec::new() };
        let actor = self.model.held[&plain].actor;
        let accepts = |plan: &Plan, listener: u32| {
            plan.model.held.values().any(|held| held.actor == actor && held.what == What::Listener(listener))
        };
        let candidates: Vec<u32> = self.model.listeners.keys().copied().filter(|one| accepts(self, *one)).collect();
        let waiting = candidates.into_iter().find(|listener| {
            let one = &self.model.listeners[listener];
            !one.pending.is_empty() && one.blocked.is_empty()
        });
        if let Some(listener) = waiting {
            let number = self.model.of(|held| held.actor == actor && held.what == What::Listener(listener))[0];
            let Some(connection) = self.model.listeners.get_mut(&listener).and_then(|one| one.pending.pop_front())
            else {
                return Vec::new();
            };
            self.model.close(plain);
            let server = self.model.hold(actor, What::Server { connection });
            return vec![self.tell(actor, format!("close {plain};accept {server} {number}"))];
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
        vec![Act::Tell { actor, thread, order, learn: vec![Learn::Held { part: 1, held: client }] }]
    }

    pub(super) fn dup(&mut self) -> Vec<Act> {
        let all = self.model.of(|held| held.what.is_handed_on());
        let Some(number) = self.random.pick(&all).copied() else { return Vec::new() };
        let held = self.model.held[&number];
        let copy = self.model.hold(held.actor, held.what);
        let least = if self.random.chance(20) { 900 } else { 0 };
        // The copy may be all that stays.
        let close = if self.random.chance(40) { format!(";close {number}") } else { String::new() };
        let is_waited_at = matches!(held.what, What::Listener(one) if self.model.listeners.get(&one)
            .is_some_and(|one| !one.blocked.is_empty()));
        let close = if is_waited_at { String::new() } else { close };
        if !close.is_empty() {
            self.model.close(number);
        }
        vec![self.tell(held.actor, format!("dup {number} {copy} {least}{close}"))]
    }

    pub(super) fn plain(&mut self) -> Vec<Act> {
        let plains = self.model.of(|held| held.what == What::Plain);
        if plains.len() > 30 || (self.random.chance(40) && !plains.is_empty()) {
            let number = *self.random.pick(&plains).expect("some");
            let actor = self.model.held[&number].actor;
            self.model.close(number);
            return vec![self.tell(actor, format!("close {number}"))];
        }
        let actor = self.any_actor();
        let number = self.model.hold(actor, What::Plain);
        let kind = ["file", "pipe", "tcp4", "udp6", "unix"][self.random.below(5)];
        vec![self.tell(actor, format!("plain {number} {kind} 1"))]
    }

    /// A socket goes into a message to another actor; it may be closed here at once.
    pub(super) fn send(&mut self) -> Vec<Act> {
        let all = self.model.of(|held| held.what.is_handed_on());
        let Some(number) = self.random.pick(&all).copied() else { return Vec::new() };
        let held = self.model.held[&number];
        let to = self.any_actor();
        let queue = self.model.mail.entry(to).or_default();
        // More than a few would make the sender wait.
        if queue.len() > 4 {
            return Vec::new();
        }
        queue.push_back(held.what);
        let waits = matches!(held.what, What::Listener(one) if self.model.listeners.get(&one)
            .is_some_and(|one| !one.blocked.is_empty()));
        let close = if !waits && self.random.chance(60) { format!(";close {number}") } else { String::new() };
        if !close.is_empty() {
            self.model.close(number);
        }
        let order = self.tell(held.actor, format!("send {number} {to}{close}"));
        let mut acts = vec![order];
        if self.random.chance(60) {
            acts.extend(self.take_at(to));
        }
        acts
    }

    pub(super) fn take_at(&mut self, actor: u32) -> Option<Act> {
        let what = self.model.mail.get_mut(&actor)?.pop_front()?;
        let number = self.model.hold(actor, what);
        Some(self.tell(actor, format!("take {number}")))
    }

    pub(super) fn take(&mut self) -> Vec<Act> {
        let full: Vec<u32> =
            self.model.mail.iter().filter(|(_, queue)| !queue.is_empty()).map(|(actor, _)| *actor).collect();
        let Some(actor) = self.random.pick(&full).copied() else { return Vec::new() };
        self.take_at(actor).into_iter().collect()
    }
}
