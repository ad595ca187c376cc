//! Chooses the next acts at random from the seed. Common events have higher weights.

mod connections;
mod descriptors;
mod listeners;
mod processes;

use super::act::Act;
use super::model::{ActorModel, Listener, Model, Resource};
use super::odd;
use super::random::Random;

/// Number of connection ends at which the events `open` and `open_and_accept` stop.
const STREAM_LIMIT: usize = 70;

/// Number of actors, the history's own process included, at which forks stop.
const MAX_ACTORS: usize = 7;

/// Least number of actors besides the history's own process, and least number of listeners.
const MIN_ACTORS: usize = 3;

/// Number of listeners at which the event `listen` stops.
const MAX_LISTENERS: usize = 14;

/// Returns the acts of an event, or none if the event is impossible in the present state.
type Event = fn(&mut Plan) -> Vec<Act>;

/// The events and their weights.
const EVENTS: &[(usize, Event)] = &[
    (120, Plan::open_and_accept),
    (40, Plan::open),
    (50, Plan::accept),
    (140, Plan::close_one),
    (90, Plan::close_both),
    (60, Plan::short_connection),
    (70, Plan::replace_a_stream),
    (70, Plan::replace_a_plain),
    (35, Plan::reset),
    (40, Plan::shut_down),
    (15, Plan::write),
    (45, Plan::listen),
    (25, Plan::close_listener),
    (60, Plan::accept_blocked),
    (25, Plan::dup),
    (40, Plan::plain),
    (40, Plan::send),
    (40, Plan::take),
    (25, Plan::fork),
    (12, Plan::exec),
    (12, Plan::thread),
    (12, Plan::end),
    (25, Plan::reconnect),
    (20, Plan::overfill),
    (40, Plan::odd),
];

/// Generates the acts of a history.
#[derive(Debug)]
pub struct Plan {
    random: Random,
    model: Model,
    /// Whether the `odd.c` process of each kind is running.
    odd: [bool; odd::KINDS.len()],
    /// Whether `odd.c` could be compiled.
    has_odd: bool,
    /// Whether the first step also opens 3,000 plain descriptors and 400 connections.
    large: bool,
}

impl Plan {
    pub fn new(seed: u64, has_odd: bool, large: bool) -> Plan {
        let mut model = Model::default();
        model.actors.insert(0, ActorModel { is_history: true, ..ActorModel::default() });
        Plan { random: Random::new(seed), model, odd: [false; odd::KINDS.len()], has_odd, large }
    }

    /// Returns the acts of the first step: starts the actors, and opens a listener in each.
    pub fn begin(&mut self) -> Vec<Act> {
        let mut acts = Vec::new();
        while self.model.actors.len() <= MIN_ACTORS {
            acts.push(self.spawn());
        }
        for actor in 0..=MIN_ACTORS as u32 {
            acts.extend(self.listen_at(actor, ["any", "lo", "any", "v4"][actor as usize % 4], None));
        }
        if self.large {
            let number = self.model.hold(1, Resource::Bulk);
            acts.push(order_to(1, 0, format!("plain {number} file 3000")));
            let listener =
                self.model.held_numbers(|held| held.actor == 2 && matches!(held.resource, Resource::Listener(_)))[0];
            let number = self.model.hold(2, Resource::Bulk);
            acts.push(order_to(2, 0, format!("flood {number} {listener} 400")));
        }
        acts
    }

    /// Returns the acts of the next step.
    pub fn step(&mut self) -> Vec<Act> {
        // Some steps do nothing, so that an unchanged table is read too. Other steps have several events.
        if self.random.chance(3) {
            return Vec::new();
        }
        let events = if self.random.chance(15) { 2 + self.random.below(5) } else { 1 };
        (0..events).flat_map(|_| self.event()).collect()
    }

    /// Returns the acts of one random event.
    fn event(&mut self) -> Vec<Act> {
        if self.model.actors.len() <= MIN_ACTORS {
            return vec![self.spawn()];
        }
        let total: usize = EVENTS.iter().map(|(weight, _)| weight).sum();
        // Many events are impossible in some states, so up to 50 are tried.
        for _ in 0..50 {
            let mut at = self.random.below(total);
            let event = EVENTS.iter().find(|(weight, _)| {
                let is_chosen = at < *weight;
                at = at.wrapping_sub(if is_chosen { 0 } else { *weight });
                is_chosen
            });
            let acts = event.map(|(_, event)| event(self)).unwrap_or_default();
            if !acts.is_empty() {
                return acts;
            }
        }
        Vec::new()
    }

    /// Picks a thread of an actor: the second one, if there is one, in 60 % of the cases.
    fn thread_of(&mut self, actor: u32) -> u32 {
        let has_second = self.model.actors.get(&actor).is_some_and(|actor| actor.has_second_thread);
        u32::from(has_second && self.random.chance(60))
    }

    /// Returns an order to a random thread of an actor.
    fn order_to(&mut self, actor: u32, order: String) -> Act {
        order_to(actor, self.thread_of(actor), order)
    }

    fn any_actor(&mut self) -> u32 {
        let actors: Vec<u32> = self.model.actors.keys().copied().collect();
        *self.random.pick(&actors).expect("the history's own process is always an actor")
    }

    /// Picks an actor other than the history's own process.
    fn other_actor(&mut self) -> Option<u32> {
        let others = self.model.actors.iter().filter(|(_, one)| !one.is_history);
        self.random.pick(&others.map(|(id, _)| *id).collect::<Vec<_>>()).copied()
    }

    fn any_stream(&mut self) -> Option<u32> {
        let streams = self.model.held_numbers(|held| held.resource.is_stream());
        self.random.pick(&streams).copied()
    }

    fn any_listener(&mut self, matches: impl Fn(&Listener) -> bool) -> Option<u32> {
        let listeners: Vec<u32> =
            self.model.listeners.iter().filter(|(_, one)| matches(one)).map(|(number, _)| *number).collect();
        self.random.pick(&listeners).copied()
    }

    /// Picks a holder of a listener: the actor, and the number of the socket there.
    fn holder(&mut self, listener: u32) -> Option<(u32, u32)> {
        let holders = self.model.held_numbers(|held| held.resource == Resource::Listener(listener));
        let number = *self.random.pick(&holders)?;
        Some((self.model.held[&number].actor, number))
    }
}

/// Returns an order whose answer has no ports to record.
fn order_to(actor: u32, thread: u32, order: String) -> Act {
    Act::Order { actor, thread, order, record: Vec::new() }
}
