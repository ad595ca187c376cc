//! The number of rows in each state.

use core::fmt;

use crate::row::state::{State, StateSet};

/// The number of rows in each state. Displayed as `1 LISTEN, 2 ESTABLISHED`.
///
/// States without a name are counted together, as `OTHER`.
///
/// # Example: gauges that are zero if no row is in a state
///
/// ```
/// use tcp6::{State, StateCounts};
///
/// let counts: StateCounts = [State::Listen, State::Listen, State::TimeWait].into_iter().collect();
/// assert_eq!(counts.get(State::Listen), 2);
/// assert_eq!(counts.iter().count(), 2);
/// assert_eq!(counts.all().count(), 14);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StateCounts {
    /// By the bit of the state in a [`StateSet`].
    counts: [usize; 14],
}

impl StateCounts {
    /// The number of rows in this state; for a state without a name, in all such states.
    #[must_use]
    pub fn get(&self, state: State) -> usize {
        self.counts[place(state)]
    }

    /// The number of rows.
    #[must_use]
    pub fn total(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Every state that has rows, with their number, in the order of the states' numbers; `OTHER`
    /// is last.
    pub fn iter(&self) -> impl Iterator<Item = (StateSet, usize)> {
        self.all().filter(|(_, count)| *count > 0)
    }

    /// Every state with the number of its rows, which can be zero, in the order of
    /// [`iter`](StateCounts::iter).
    ///
    /// Each item is a set of one state, whose text is the name of the state.
    pub fn all(&self) -> impl Iterator<Item = (StateSet, usize)> {
        let named = State::NAMED.into_iter().map(StateSet::of);
        named.chain([StateSet::OTHER]).map(|state| (state, self.counts[bit(state)]))
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
    fn counts_each_state_separately() {
        let states = State::NAMED.into_iter().chain([State::Other(0), State::Other(77), State::Listen]);
        let counts: StateCounts = states.collect();
        assert_eq!(counts.total(), 16);
        assert_eq!(counts.get(State::Listen), 2);
        assert_eq!(counts.get(State::Bound), 1);
        assert_eq!(counts.get(State::Other(4711)), 2);
        assert!(counts.to_string().starts_with("1 CLOSED, 2 LISTEN, 1 SYN-SENT"), "{counts}");
        assert!(counts.to_string().ends_with("1 BOUND, 2 OTHER"), "{counts}");
        assert_eq!(StateCounts::default().to_string(), "");
        assert_eq!(StateCounts::default().all().filter(|(_, count)| *count == 0).count(), 14);
    }
}
