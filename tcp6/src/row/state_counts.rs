//! How many rows there are in each state.

use core::fmt;

use crate::row::state::{State, StateSet};

/// How many rows there are in each state. Collected from states; printed as `1 LISTEN, 2 ESTABLISHED`.
///
/// Numbers without a name are counted together, as `OTHER`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StateCounts {
    /// By the bit of the state in a [`StateSet`].
    counts: [usize; 14],
}

impl StateCounts {
    /// The rows in this state; of all states without a name, if it has none.
    #[must_use]
    pub fn get(&self, state: State) -> usize {
        self.counts[place(state)]
    }

    /// The rows in all states.
    #[must_use]
    pub fn total(&self) -> usize {
        self.counts.iter().sum()
    }

    /// The states that have rows, and how many, in the order of the states' numbers; those without a name last.
    pub fn iter(&self) -> impl Iterator<Item = (StateSet, usize)> {
        let named = State::NAMED.into_iter().map(StateSet::of);
        named.chain([StateSet::OTHER]).map(|state| (state, self.counts[bit(state)])).filter(|(_, count)| *count > 0)
    }
}

fn place(state: State) -> usize {
    bit(StateSet::of(state))
}

fn bit(state: StateSet) -> usize {
    state.bits().trailing_zeros() as usize
}

impl FromIterator<State> for StateCounts {
    fn from_iter<I: IntoIterator<Item = State>>(states: I) -> StateCounts {
        let mut counts = StateCounts::default();
        for state in states {
            counts.counts[place(state)] += 1;
        }
        counts
    }
}

impl fmt::Display for StateCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (state, count)) in self.iter().enumerate() {
            write!(f, "{}{count} {state}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_a_place_of_its_own() {
        let states = State::NAMED.into_iter().chain([State::Other(0), State::Other(77), State::Listen]);
        let counts: StateCounts = states.collect();
        assert_eq!(counts.total(), 16);
        assert_eq!(counts.get(State::Listen), 2);
        assert_eq!(counts.get(State::Bound), 1);
        assert_eq!(counts.get(State::Other(4711)), 2);
        assert!(counts.to_string().starts_with("1 CLOSED, 2 LISTEN, 1 SYN-SENT"), "{counts}");
        assert!(counts.to_string().ends_with("1 BOUND, 2 OTHER"), "{counts}");
        assert_eq!(StateCounts::default().to_string(), "");
    }
}
