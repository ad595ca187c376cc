//! What happens next: chosen by the seed, the common events most often.

mod connections;
mod descriptors;
mod listeners;
mod processes;

use super::act::Act;
use super::model::{ActorModel, Listener, Model, What};
use super::odd;
use super::random::Random;

/// Above this many connections' sides, more are closed than opened.
const MANY_STREAMS: usize = 70;

/// The most actors at a time, and the fewest besides the history itself.
const MOST_ACTORS: usize = 7;
const FEWEST_ACTORS: usize = 3;

const MOST_LISTENERS: usize = 14;

/// A way to go on. It gives no acts if it is not possible now.
type Event = fn(&mut Plan) -> Vec<Act>;

/// How often each is chosen.
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

#[derive(Debug)]
pub struct Plan {
    random: Random,
    model: Model,
    /// Which processes of `odd.c` there are.
    odd: [bool; odd::KINDS.len()],
    has_odd: bool,
    /// How many descriptors one process has besides, and how many connections.
    large: bool,
}

impl Plan {
    pub fn new(seed: u64, has_odd: bool, large: bool) -> Plan {
        let mut model = Model::default();
        model.actors.insert(0, ActorModel { is_history: true, ..ActorModel::default() });
        Plan { random: Random::new(seed), model, odd: [false; odd::KINDS.len()], has_odd, large }
    }

    /// The first step: actors, with a listener each.
    pub fn begin(&mut self) -> Vec<Act> {
        let mut acts = Vec::new();
        while self.model.actors.len() <= FEWEST_ACTORS {
            acts.push(self.spawn());
        }
        for actor in 0..=FEWEST_ACTORS as u32 {
            acts.extend(self.listen_at(actor, ["any", "lo", "any", "v4"][actor as usize % 4], None));
        }
        if self.large {
            let number = self.model.hold(1, What::Many);
            acts.push(tell(1, 0, format!("plain {number} file 3000")));
            let listener = self.model.of(|held| held.actor == 2 && matches!(held.what, What::Listener(_)))[0];
            let number = self.model.hold(2, What::Many);
            acts.push(tell(2, 0, format!("flood {number} {listener} 400")));
        }
        acts
    }

    /// The acts of the next step.
    pub fn step(&mut self) -> Vec<Act> {
        // Now and then nothing happens, and the next table must be as the last one; or several things happen at once.
        if self.random.chance(3) {
            return Vec::new();
        }
        let events = if self.random.chance(15) { 2 + self.random.below(5) } else { 1 };
        (0..events).flat_map(|_| self.event()).collect()
    }

    fn event(&mut self) -> Vec<Act> {
        if self.model.actors.len() <= FEWEST_ACTORS {
            return vec![self.spawn()];
        }
        let total: usize = EVENTS.iter().map(|(weight, _)| weight).sum();
        // Something can always be done after a while: listening, if nothing else.
        for _ in 0..50 {
            let mut at = self.random.below(total);
            let event = EVENTS.iter().find(|(weight, _)| {
                let is_it = at < *weight;
                at = at.wrapping_sub(if is_it { 0 } else { *weight });
                is_it
            });
            let acts = event.map(|(_, event)| event(self)).unwrap_or_default();
            if !acts.is_empty() {
                return acts;
            }
        }
        Vec::new()
    }

    /// A thread of an actor: mostly the first, even where there is a second.
    fn thread_of(&mut self, actor: u32) -> u32 {
        let has = self.model.actors.get(&actor).is_some_and(|actor| actor.has_second_thread);
        u32::from(has && self.random.chance(60))
    }

    fn tell(&mut self, actor: u32, order: String) -> Act {
        tell(actor, self.thread_of(actor), order)
    }

    fn any_actor(&mut self) -> u32 {
        let actors: Vec<u32> = self.model.actors.keys().copied().collect();
        *self.random.pick(&actors).expect("the history itself")
    }

    /// One that is a process of its own.
    fn other_actor(&mut self) -> Option<u32> {
        let others = self.model.actors.iter().filter(|(_, one)| !one.is_history);
        self.random.pick(&others.map(|(id, _)| *id).collect::<Vec<_>>()).copied()
    }

    fn any_stream(&mut self) -> Option<u32> {
        let streams = self.model.of(|held| held.what.is_stream());
        self.random.pick(&streams).copied()
    }

    fn any_listener(&mut self, wanted: impl Fn(&Listener) -> bool) -> Option<u32> {
        let listeners: Vec<u32> =
            self.model.listeners.iter().filter(|(_, one)| wanted(one)).map(|(number, _)| *number).collect();
        self.random.pick(&listeners).copied()
    }

    /// Whoever holds this listening socket, and under what number.
    fn holder(&mut self, listener: u32) -> Option<(u32, u32)> {
        let holders = self.model.of(|held| held.what == What::Listener(listener));
        let number = *self.random.pick(&holders)?;
        Some((self.model.held[&number].actor, number))
    }
}

fn tell(actor: u32, thread: u32, order: String) -> Act {
    Act::Tell { actor, thread, order, learn: Vec::new() }
}
