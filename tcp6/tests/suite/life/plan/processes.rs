//! Processes: forks, execs, threads and ends.

use super::{MOST_ACTORS, Plan};
use crate::life::act::Act;
use crate::life::model::{ActorModel, What};
use crate::life::odd;

impl Plan {
    pub(super) fn spawn(&mut self) -> Act {
        let actor = self.model.number();
        self.model.actors.insert(actor, ActorModel::default());
        Act::Spawn { actor }
    }

    /// A child that holds what its parent holds, which may close it at once and open something else.
    pub(super) fn fork(&mut self) -> Vec<Act> {
        if self.model.actors.len() >= MOST_ACTORS {
            return Vec::new();
        }
        let Some(parent) = self.other_actor() else { return Vec::new() };
        let mut all = self.model.of(|held| held.actor == parent && held.what.is_handed_on());
        all.retain(|_| self.random.chance(50));
        let child = self.model.number();
        self.model.actors.insert(child, ActorModel::default());
        let heirs: Vec<(u32, u32)> =
            all.iter().map(|number| (*number, self.model.hold(child, self.model.held[number].what))).collect();
        let closed: Vec<u32> = all
            .into_iter()
            .filter(|number| self.model.held[number].what.is_stream() && self.random.chance(50))
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
        vec![Act::Fork { parent, child, heirs, then }]
    }

    pub(super) fn exec(&mut self) -> Vec<Act> {
        let Some(actor) = self.other_actor() else { return Vec::new() };
        if self.model.held.values().any(|held| held.actor == actor && held.what == What::Many) {
            return Vec::new();
        }
        let mut kept = self.model.of(|held| held.actor == actor && held.what.is_handed_on());
        kept.retain(|_| self.random.chance(80));
        self.model.drop_of(actor, |number| kept.contains(&number));
        self.model.mail.remove(&actor);
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
        if self.model.held.values().any(|held| held.actor == actor && held.what == What::Many) {
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
        match *self.random.pick(&['o', 'o', 'o', 'c', 'p', 'p', 'f', 'k', 'e']).expect("some") {
            'e' if self.random.chance(50) => {
                self.odd[kind] = false;
                vec![Act::OddEnd { kind }]
            }
            'e' => Vec::new(),
            order => vec![Act::OddTell { kind, order }],
        }
    }
}
