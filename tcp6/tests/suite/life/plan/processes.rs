//! Events that start, fork, exec and end processes and threads.

use super::{MAX_ACTORS, Plan};
use crate::life::act::Act;
use crate::life::model::{ActorModel, Resource};
use crate::life::odd;

impl Plan {
    pub(super) fn spawn(&mut self) -> Act {
        let actor = self.model.number();
        self.model.actors.insert(actor, ActorModel::default());
        Act::Spawn { actor }
    }

    /// Starts a child that inherits sockets.
    ///
    /// The parent may close its copies at once and open other resources.
    pub(super) fn fork(&mut self) -> Vec<Act> {
        if self.model.actors.len() >= MAX_ACTORS {
            return Vec::new();
        }
        let Some(parent) = self.other_actor() else { return Vec::new() };
        let mut all = self.model.held_numbers(|held| held.actor == parent && held.resource.is_socket());
        all.retain(|_| self.random.chance(50));
        let child = self.model.number();
        self.model.actors.insert(child, ActorModel::default());
        let inherited: Vec<(u32, u32)> =
            all.iter().map(|number| (*number, self.model.hold(child, self.model.held[number].resource))).collect();
        let closed: Vec<u32> = all
            .into_iter()
            .filter(|number| self.model.held[number].resource.is_stream() && self.random.chance(50))
            .collect();
        let mut then: Vec<String> = Vec::new();
        for number in closed {
            self.model.close(number);
            then.push(format!("close {number}"));
            if self.random.chance(50) {
                then.push(self.plain_order(parent));
            }
        }
        let then = (!then.is_empty()).then(|| then.join(";"));
        vec![Act::Fork { parent, child, inherited, then }]
    }

    pub(super) fn exec(&mut self) -> Vec<Act> {
        let Some(actor) = self.other_actor() else { return Vec::new() };
        if self.model.held.values().any(|held| held.actor == actor && held.resource == Resource::Bulk) {
            return Vec::new();
        }
        let mut kept = self.model.held_numbers(|held| held.actor == actor && held.resource.is_socket());
        kept.retain(|_| self.random.chance(80));
        self.model.retain_held(actor, |number| kept.contains(&number));
        self.model.mailboxes.remove(&actor);
        self.model.actors.insert(actor, ActorModel::default());
        vec![Act::Exec { actor, kept }]
    }

    pub(super) fn thread(&mut self) -> Vec<Act> {
        let Some(actor) = self.other_actor() else { return Vec::new() };
        let one = self.model.actors.entry(actor).or_default();
        one.has_second_thread = !one.has_second_thread;
        vec![if one.has_second_thread { Act::Thread { actor } } else { Act::Leave { actor } }]
    }

    pub(super) fn end(&mut self) -> Vec<Act> {
        let Some(actor) = self.other_actor() else { return Vec::new() };
        if self.model.held.values().any(|held| held.actor == actor && held.resource == Resource::Bulk) {
            return Vec::new();
        }
        self.model.end(actor);
        vec![Act::End { actor, killed: self.random.chance(30), reaped: self.random.chance(50) }]
    }

    pub(super) fn odd(&mut self) -> Vec<Act> {
        if !self.has_odd {
            return Vec::new();
        }
        let kind = self.random.below(odd::KINDS.len());
        if !self.odd[kind] {
            self.odd[kind] = true;
            return vec![Act::OddStart { kind }];
        }
        match *self.random.pick(&['o', 'o', 'o', 'c', 'p', 'p', 'f', 'k', 'e']).expect("the list is not empty") {
            'e' if self.random.chance(50) => {
                self.odd[kind] = false;
                vec![Act::OddEnd { kind }]
            }
            'e' => Vec::new(),
            order => vec![Act::OddOrder { kind, order }],
        }
    }
}
