//! Sets of states.

use core::fmt;
use core::str::FromStr;

use bitflags::bitflags;

use super::{ParseStateError, State, by_name};

bitflags! {
    /// A set of states.
    ///
    /// Bits 1 to 12 are the states with these MIB numbers, and bit 0 is every state without a name. Bit 13 is
    /// [`BOUND`](StateSet::BOUND), which is not part of [`all`](StateSet::all).
    ///
    /// The text is a list of names, separated by commas: `LISTEN,ESTABLISHED`. [`FromStr`] accepts every spelling of a
    /// name that [`State`] accepts, and `OTHER` for [`StateSet::OTHER`]. The empty text is the empty set. Numbers are
    /// errors, because a set cannot distinguish states without a name. Empty names are errors too, as in
    /// `LISTEN,,ESTABLISHED`.
    ///
    /// # Example: parse and test
    ///
    /// ```
    /// use tcp6::{State, StateSet};
    ///
    /// let open: StateSet = "listen, ESTAB".parse()?;
    /// assert_eq!(open, StateSet::LISTEN | StateSet::ESTABLISHED);
    /// assert!(open.has(State::Listen) && !open.has(State::TimeWait));
    /// # Ok::<(), tcp6::ParseStateError>(())
    /// ```
    #[derive(Clone, Copy, PartialEq, Eq, Hash)]
    pub struct StateSet: u16 {
        /// Every state without a name.
        const OTHER = 1;
        /// [`State::Closed`]
        const CLOSED = 1 << 1;
        /// [`State::Listen`]
        const LISTEN = 1 << 2;
        /// [`State::SynSent`]
        const SYN_SENT = 1 << 3;
        /// [`State::SynReceived`]
        const SYN_RECEIVED = 1 << 4;
        /// [`State::Established`]
        const ESTABLISHED = 1 << 5;
        /// [`State::FinWait1`]
        const FIN_WAIT_1 = 1 << 6;
        /// [`State::FinWait2`]
        const FIN_WAIT_2 = 1 << 7;
        /// [`State::CloseWait`]
        const CLOSE_WAIT = 1 << 8;
        /// [`State::Closing`]
        const CLOSING = 1 << 9;
        /// [`State::LastAck`]
        const LAST_ACK = 1 << 10;
        /// [`State::TimeWait`]
        const TIME_WAIT = 1 << 11;
        /// [`State::DeleteTcb`]
        const DELETE_TCB = 1 << 12;
    }
}

impl StateSet {
    /// [`State::Bound`]: sockets that are bound and neither listen nor are connected.
    ///
    /// A table lists them only if its query requests them, which is expensive: see
    /// [`Query::states`](crate::Query::states). Therefore it is not part of [`all`](StateSet::all), and
    /// [`is_all`](StateSet::is_all), `!`, [`from_bits`](StateSet::from_bits) and
    /// [`from_bits_truncate`](StateSet::from_bits_truncate) do not know it;
    /// [`from_bits_retain`](StateSet::from_bits_retain) accepts its bit.
    pub const BOUND: StateSet = StateSet::from_bits_retain(1 << 13);

    /// Whether the set contains this state.
    #[must_use]
    #[inline]
    pub const fn has(self, state: State) -> bool {
        self.intersects(StateSet::of(state))
    }

    /// The set that contains only this state; [`StateSet::OTHER`] for a state without a name.
    #[must_use]
    #[inline]
    pub const fn of(state: State) -> StateSet {
        match state {
            State::Other(_) => StateSet::OTHER,
            State::Bound => StateSet::BOUND,
            named => StateSet::from_bits_truncate(1 << named.as_raw()),
        }
    }
}

impl fmt::Debug for StateSet {
    /// `StateSet(LISTEN | BOUND)`, or `StateSet(0x0)` if it is empty.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StateSet(")?;
        match (self.has(State::Bound), self.difference(StateSet::BOUND)) {
            (false, set) => fmt::Debug::fmt(&set.0, f)?,
            (true, set) if set.is_empty() => f.write_str("BOUND")?,
            (true, set) => write!(f, "{:?} | BOUND", set.0)?,
        }
        f.write_str(")")
    }
}

impl From<State> for StateSet {
    fn from(state: State) -> StateSet {
        StateSet::of(state)
    }
}

impl FromIterator<State> for StateSet {
    fn from_iter<I: IntoIterator<Item = State>>(states: I) -> StateSet {
        states.into_iter().map(StateSet::of).collect()
    }
}

/// The name of [`StateSet::OTHER`] in texts.
const OTHER_NAME: &str = "OTHER";

impl fmt::Display for StateSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = State::NAMED.into_iter().filter(|state| self.has(*state)).filter_map(State::name);
        let other = self.contains(StateSet::OTHER).then_some(OTHER_NAME);
        let mut names = named.chain(other);
        // A width applies to the whole list.
        if f.width().is_some() {
            return f.pad(&names.collect::<Vec<_>>().join(","));
        }
        if let Some(first) = names.next() {
            f.write_str(first)?;
        }
        names.try_for_each(|name| write!(f, ",{name}"))
    }
}

impl FromStr for StateSet {
    type Err = ParseStateError;

    fn from_str(text: &str) -> Result<StateSet, ParseStateError> {
        if text.is_empty() {
            return Ok(StateSet::empty());
        }
        let set = |name: &str| {
            if name.eq_ignore_ascii_case(OTHER_NAME) { Some(StateSet::OTHER) } else { by_name(name).map(StateSet::of) }
        };
        let unknown = |name: &str| ParseStateError { text: name.to_owned(), in_set: true };
        text.split(',').map(str::trim).map(|name| set(name).ok_or_else(|| unknown(name))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_contains_exactly_the_states_of_its_bits() {
        let states = State::NAMED.into_iter().chain([State::Other(0), State::Other(4711)]);
        for one in states.clone() {
            let set = StateSet::of(one);
            assert_eq!(set.bits().count_ones(), 1, "{one:?}");
            for other in states.clone() {
                let same = one == other || matches!((one, other), (State::Other(_), State::Other(_)));
                assert_eq!(set.has(other), same, "{one:?} {other:?}");
            }
        }
        assert_eq!(states.collect::<StateSet>(), StateSet::all() | StateSet::BOUND);
        assert!(!StateSet::all().has(State::Bound) && !(!StateSet::empty()).has(State::Bound));
        assert!((StateSet::all() | StateSet::BOUND).is_all());
    }

    #[test]
    fn sets_round_trip_through_text() {
        for bits in 0..=(StateSet::all() | StateSet::BOUND).bits() {
            let set = StateSet::from_bits_retain(bits);
            assert_eq!(set.to_string().parse(), Ok(set));
        }
        assert_eq!(format!("{:>8}|{:<4}|", StateSet::LISTEN, StateSet::empty()), "  LISTEN|    |");
        assert_eq!("".parse(), Ok(StateSet::empty()));
        assert_eq!(" listen, other".parse(), Ok(StateSet::LISTEN | StateSet::OTHER));
    }

    #[test]
    fn debug_names_the_states() {
        let sets = [StateSet::empty(), StateSet::BOUND, StateSet::LISTEN, StateSet::LISTEN | StateSet::BOUND];
        let texts = ["StateSet(0x0)", "StateSet(BOUND)", "StateSet(LISTEN)", "StateSet(LISTEN | BOUND)"];
        assert_eq!(sets.map(|set| format!("{set:?}")), texts);
    }

    #[test]
    fn parses_names_in_any_spelling() {
        let states = StateSet::ESTABLISHED | StateSet::TIME_WAIT | StateSet::SYN_RECEIVED | StateSet::CLOSED;
        assert_eq!("ESTAB,TimeWait, syn_rcvd ,UNCONN".parse(), Ok(states));
    }

    #[test]
    fn rejects_numbers_and_empty_names() {
        for text in [" ", ",", "LISTEN,", ",LISTEN", "LISTEN,,ESTAB", "+2", "2", "77", "LISTEN,77", "LISTEN ESTAB"] {
            assert!(text.parse::<StateSet>().is_err(), "{text:?}");
        }
        let error = "LISTEN,77".parse::<StateSet>().unwrap_err().to_string();
        assert!(error.starts_with("\"77\" is not a TCP state") && error.ends_with(" BOUND, OTHER"), "{error}");
    }
}
