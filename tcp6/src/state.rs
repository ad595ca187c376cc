//! The state of a connection, and sets of states.

use core::fmt;
use core::str::FromStr;

use bitflags::bitflags;

/// The state of a TCP endpoint, as RFC 9293 names it.
///
/// Its numbers are those of the MIB, which Windows uses ([`State::as_raw`]); Linux' are translated into them.
/// A number without a name is kept in [`State::Other`] and never turned into something it is not.
///
/// The text form is that of RFC 9293, section 3.3.2 (`SYN-RECEIVED`, `FIN-WAIT-1`); a number without a name is
/// written as the number. Reading it back is not sensitive to case.
///
/// ```
/// use tcp6::State;
///
/// assert_eq!(State::SynReceived.to_string(), "SYN-RECEIVED");
/// assert_eq!("time-wait".parse(), Ok(State::TimeWait));
/// assert_eq!("77".parse(), Ok(State::Other(77)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[doc(alias = "MIB_TCP_STATE")]
pub enum State {
    /// Not connected.
    #[doc(alias = "MIB_TCP_STATE_CLOSED")]
    Closed,
    /// Waits for connections; has no remote end.
    #[doc(alias = "MIB_TCP_STATE_LISTEN")]
    Listen,
    /// Has sent a SYN and waits for the answer.
    #[doc(alias = "MIB_TCP_STATE_SYN_SENT")]
    SynSent,
    /// Has received a SYN and answered it.
    #[doc(alias = "MIB_TCP_STATE_SYN_RCVD")]
    SynReceived,
    /// Open in both directions.
    #[doc(alias = "MIB_TCP_STATE_ESTAB")]
    Established,
    /// Has closed its side; waits for the peer's acknowledgement or FIN.
    #[doc(alias = "MIB_TCP_STATE_FIN_WAIT1")]
    FinWait1,
    /// Has closed its side, which the peer has acknowledged; waits for the peer's FIN.
    #[doc(alias = "MIB_TCP_STATE_FIN_WAIT2")]
    FinWait2,
    /// The peer has closed its side; waits for the local program to close.
    #[doc(alias = "MIB_TCP_STATE_CLOSE_WAIT")]
    CloseWait,
    /// Both sides have closed; waits for the peer's acknowledgement.
    #[doc(alias = "MIB_TCP_STATE_CLOSING")]
    Closing,
    /// The peer closed first and then this side; waits for the last acknowledgement.
    #[doc(alias = "MIB_TCP_STATE_LAST_ACK")]
    LastAck,
    /// Closed; kept for a while so that stray segments find it.
    #[doc(alias = "MIB_TCP_STATE_TIME_WAIT")]
    TimeWait,
    /// Its control block is being deleted (Windows only).
    #[doc(alias = "MIB_TCP_STATE_DELETE_TCB")]
    DeleteTcb,
    /// Bound to a port, neither listening nor connected. The Windows headers call it RESERVED, number 100.
    #[doc(alias = "MIB_TCP_STATE_RESERVED")]
    Bound,
    /// A number that has no name here. [`State::from_raw`] makes it of unnamed numbers only.
    Other(u32),
}

impl State {
    /// Every state that has a name, in the order of their numbers.
    pub const NAMED: [State; 13] = [
        State::Closed,
        State::Listen,
        State::SynSent,
        State::SynReceived,
        State::Established,
        State::FinWait1,
        State::FinWait2,
        State::CloseWait,
        State::Closing,
        State::LastAck,
        State::TimeWait,
        State::DeleteTcb,
        State::Bound,
    ];

    /// The state with this MIB number.
    #[must_use]
    pub const fn from_raw(raw: u32) -> State {
        match raw {
            1 => State::Closed,
            2 => State::Listen,
            3 => State::SynSent,
            4 => State::SynReceived,
            5 => State::Established,
            6 => State::FinWait1,
            7 => State::FinWait2,
            8 => State::CloseWait,
            9 => State::Closing,
            10 => State::LastAck,
            11 => State::TimeWait,
            12 => State::DeleteTcb,
            100 => State::Bound,
            other => State::Other(other),
        }
    }

    /// The MIB number of the state: 1 for CLOSED to 12 for DELETE-TCB, 100 for BOUND.
    #[must_use]
    pub const fn as_raw(self) -> u32 {
        match self {
            State::Closed => 1,
            State::Listen => 2,
            State::SynSent => 3,
            State::SynReceived => 4,
            State::Established => 5,
            State::FinWait1 => 6,
            State::FinWait2 => 7,
            State::CloseWait => 8,
            State::Closing => 9,
            State::LastAck => 10,
            State::TimeWait => 11,
            State::DeleteTcb => 12,
            State::Bound => 100,
            State::Other(raw) => raw,
        }
    }

    /// The name, or `None` for a number without one.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            State::Closed => "CLOSED",
            State::Listen => "LISTEN",
            State::SynSent => "SYN-SENT",
            State::SynReceived => "SYN-RECEIVED",
            State::Established => "ESTABLISHED",
            State::FinWait1 => "FIN-WAIT-1",
            State::FinWait2 => "FIN-WAIT-2",
            State::CloseWait => "CLOSE-WAIT",
            State::Closing => "CLOSING",
            State::LastAck => "LAST-ACK",
            State::TimeWait => "TIME-WAIT",
            State::DeleteTcb => "DELETE-TCB",
            State::Bound => "BOUND",
            State::Other(_) => return None,
        })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => fmt::Display::fmt(&self.as_raw(), f),
        }
    }
}

/// A text that names no state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseStateError {
    text: String,
}

impl fmt::Display for ParseStateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a TCP state; known are", self.text)?;
        for (i, state) in State::NAMED.iter().enumerate() {
            write!(f, "{} {state}", if i == 0 { "" } else { "," })?;
        }
        f.write_str(" and numbers")
    }
}

impl std::error::Error for ParseStateError {}

impl FromStr for State {
    type Err = ParseStateError;

    fn from_str(text: &str) -> Result<State, ParseStateError> {
        let named = State::NAMED.into_iter().find(|s| s.name().is_some_and(|name| name.eq_ignore_ascii_case(text)));
        named
            .or_else(|| text.parse().ok().map(State::from_raw))
            .ok_or_else(|| ParseStateError { text: text.to_owned() })
    }
}

bitflags! {
    /// A set of states.
    ///
    /// Bit n stands for the state with the MIB number n, but for the two at the ends: bit 0 for every state
    /// without a name, bit 13 for BOUND.
    ///
    /// The text form, read and written, is a list with commas: `LISTEN,ESTABLISHED`.
    ///
    /// ```
    /// use tcp6::{State, StateSet};
    ///
    /// let open: StateSet = "listen,established".parse()?;
    /// assert_eq!(open, StateSet::LISTEN | StateSet::ESTABLISHED);
    /// assert!(open.has(State::Listen) && !open.has(State::TimeWait));
    /// # Ok::<(), tcp6::ParseStateError>(())
    /// ```
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
        /// [`State::Bound`]
        const BOUND = 1 << 13;
    }
}

impl StateSet {
    /// Whether the set holds this state.
    #[must_use]
    #[inline]
    pub const fn has(self, state: State) -> bool {
        self.intersects(StateSet::of(state))
    }

    /// The set of this state alone; [`StateSet::OTHER`] for one without a name.
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

/// What stands for [`StateSet::OTHER`] in a list of states.
const OTHER_NAME: &str = "OTHER";

impl fmt::Display for StateSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = State::NAMED.into_iter().filter(|state| self.has(*state)).filter_map(State::name);
        let other = self.contains(StateSet::OTHER).then_some(OTHER_NAME);
        for (i, name) in named.chain(other).enumerate() {
            f.write_str(if i == 0 { "" } else { "," })?;
            f.write_str(name)?;
        }
        Ok(())
    }
}

impl FromStr for StateSet {
    type Err = ParseStateError;

    fn from_str(text: &str) -> Result<StateSet, ParseStateError> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        names
            .map(|name| {
                if name.eq_ignore_ascii_case(OTHER_NAME) { Ok(StateSet::OTHER) } else { name.parse().map(StateSet::of) }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_survives_the_round_trip() {
        for raw in (0..=200).chain([u32::MAX - 1, u32::MAX]) {
            let state = State::from_raw(raw);
            assert_eq!(state.as_raw(), raw);
            assert_eq!(state.to_string().parse(), Ok(state));
        }
    }

    #[test]
    fn the_numbers_are_those_of_the_headers() {
        use tcp6_sys as sys;
        let pairs = [
            (State::Closed, sys::MIB_TCP_STATE_CLOSED),
            (State::Listen, sys::MIB_TCP_STATE_LISTEN),
            (State::SynSent, sys::MIB_TCP_STATE_SYN_SENT),
            (State::SynReceived, sys::MIB_TCP_STATE_SYN_RCVD),
            (State::Established, sys::MIB_TCP_STATE_ESTAB),
            (State::FinWait1, sys::MIB_TCP_STATE_FIN_WAIT1),
            (State::FinWait2, sys::MIB_TCP_STATE_FIN_WAIT2),
            (State::CloseWait, sys::MIB_TCP_STATE_CLOSE_WAIT),
            (State::Closing, sys::MIB_TCP_STATE_CLOSING),
            (State::LastAck, sys::MIB_TCP_STATE_LAST_ACK),
            (State::TimeWait, sys::MIB_TCP_STATE_TIME_WAIT),
            (State::DeleteTcb, sys::MIB_TCP_STATE_DELETE_TCB),
            (State::Bound, sys::MIB_TCP_STATE_RESERVED),
        ];
        for (state, raw) in pairs {
            assert_eq!(i64::from(state.as_raw()), i64::from(raw), "{state}");
        }
    }

    #[test]
    fn a_set_holds_what_was_put_in_and_nothing_else() {
        let states = State::NAMED.into_iter().chain([State::Other(0), State::Other(4711)]);
        for one in states.clone() {
            let set = StateSet::of(one);
            assert_eq!(set.bits().count_ones(), 1, "{one:?}");
            for other in states.clone() {
                let same = one == other || matches!((one, other), (State::Other(_), State::Other(_)));
                assert_eq!(set.has(other), same, "{one:?} {other:?}");
            }
        }
        assert_eq!(states.collect::<StateSet>(), StateSet::all());
    }

    #[test]
    fn a_set_survives_its_text() {
        for bits in 0..=StateSet::all().bits() {
            let set = StateSet::from_bits(bits).unwrap();
            assert_eq!(set.to_string().parse(), Ok(set));
        }
        assert_eq!("".parse(), Ok(StateSet::empty()));
        assert_eq!(" listen, other,".parse(), Ok(StateSet::LISTEN | StateSet::OTHER));
        assert!("LISTEN,LISTENING".parse::<StateSet>().is_err());
    }
}
