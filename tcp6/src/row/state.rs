//! The state of a TCP socket: numbers, names and spellings.

mod set;

use core::fmt;
use core::str::FromStr;

pub use self::set::StateSet;

/// The state of a TCP socket.
///
/// The names are those of [RFC 9293, section 3.3.2](https://www.rfc-editor.org/rfc/rfc9293#section-3.3.2), with two
/// more: DELETE-TCB from the MIB, and BOUND. The numbers are those of the MIB, which Windows uses ([`State::as_raw`]);
/// the numbers of Linux are translated. An unknown number is kept in [`State::Other`].
///
/// # Text
///
/// [`Display`](fmt::Display) writes the name (`SYN-RECEIVED`, `FIN-WAIT-1`), or the decimal number of a state without a
/// name.
///
/// [`FromStr`] accepts these texts and the names that other tools print: ss and netstat on Linux (`ESTAB`, `SYN-RECV`,
/// `TIME_WAIT`, `FIN_WAIT1`, `UNCONN`, `CLOSE`), netstat on Windows and the BSDs (`LISTENING`, `SYN_RCVD`,
/// `FIN_WAIT_1`), PowerShell (`TimeWait`) and the Windows headers (`DELETE_TCB`). Case is ignored. An underscore, a
/// space or nothing may replace each hyphen. A number consists of decimal digits without a sign and must fit into 32
/// bits.
///
/// # Example: parse and display
///
/// ```
/// use tcp6::State;
///
/// assert_eq!(State::SynReceived.to_string(), "SYN-RECEIVED");
/// for text in ["SYN-RECEIVED", "syn-recv", "SYN_RCVD", "SynReceived"] {
///     assert_eq!(text.parse(), Ok(State::SynReceived));
/// }
/// assert_eq!("77".parse(), Ok(State::Other(77)));
/// assert!("+77".parse::<State>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[doc(alias = "MIB_TCP_STATE")]
pub enum State {
    /// There is no connection.
    #[doc(alias = "MIB_TCP_STATE_CLOSED")]
    Closed,
    /// Waits for connections. There is no remote end.
    #[doc(alias = "MIB_TCP_STATE_LISTEN")]
    Listen,
    /// This side has sent a SYN and waits for the reply.
    #[doc(alias = "MIB_TCP_STATE_SYN_SENT")]
    SynSent,
    /// This side has received a SYN and replied to it.
    #[doc(alias = "MIB_TCP_STATE_SYN_RCVD")]
    SynReceived,
    /// The connection is open in both directions.
    #[doc(alias = "MIB_TCP_STATE_ESTAB")]
    Established,
    /// This side has closed, and waits for the acknowledgement or the FIN of the peer.
    #[doc(alias = "MIB_TCP_STATE_FIN_WAIT1")]
    FinWait1,
    /// This side has closed and the peer has acknowledged it; the FIN of the peer is missing.
    #[doc(alias = "MIB_TCP_STATE_FIN_WAIT2")]
    FinWait2,
    /// The peer has closed, and the local program has not closed yet.
    #[doc(alias = "MIB_TCP_STATE_CLOSE_WAIT")]
    CloseWait,
    /// Both sides have closed at the same time; the acknowledgement of the peer is missing.
    #[doc(alias = "MIB_TCP_STATE_CLOSING")]
    Closing,
    /// The peer has closed first and then this side, which waits for the last acknowledgement.
    #[doc(alias = "MIB_TCP_STATE_LAST_ACK")]
    LastAck,
    /// Both sides have closed.
    ///
    /// The ends are kept for some time because of segments that are still in the network.
    #[doc(alias = "MIB_TCP_STATE_TIME_WAIT")]
    TimeWait,
    /// The control block is being deleted (Windows only).
    #[doc(alias = "MIB_TCP_STATE_DELETE_TCB")]
    DeleteTcb,
    /// Bound to a port, neither listening nor connected.
    ///
    /// The Windows headers name it RESERVED; its number is 100.
    #[doc(alias = "MIB_TCP_STATE_RESERVED")]
    Bound,
    /// A state without a name, by its number.
    ///
    /// [`State::from_raw`] returns it for unknown numbers only.
    Other(u32),
}

impl State {
    /// Every state with a name, by ascending number.
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

    /// The name, or `None` for [`State::Other`].
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

/// The error of parsing a [`State`] or a [`StateSet`]: the text is not a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseStateError {
    text: String,
    in_set: bool,
}

impl fmt::Display for ParseStateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a TCP state; expected", self.text)?;
        for state in State::NAMED {
            write!(f, " {state},")?;
        }
        f.write_str(if self.in_set { " OTHER" } else { " or a number" })
    }
}

impl std::error::Error for ParseStateError {}

/// Names that other tools print. [`is_spelling`] accepts other separators for each hyphen.
const ALIASES: &[(&str, State)] = &[
    ("CLOSE", State::Closed),
    ("UNCONN", State::Closed),
    ("UNCONNECTED", State::Closed),
    ("LISTENING", State::Listen),
    ("SYN-RECV", State::SynReceived),
    ("SYN-RCVD", State::SynReceived),
    ("ESTAB", State::Established),
];

/// Whether the text is this name, ignoring case, with `-`, `_`, a space or nothing for each hyphen.
fn is_spelling(text: &str, name: &str) -> bool {
    let mut rest = text.bytes().peekable();
    name.bytes().all(|expected| match expected {
        b'-' => {
            rest.next_if(|byte| matches!(byte, b'-' | b'_' | b' '));
            true
        }
        letter => rest.next().is_some_and(|byte| byte.eq_ignore_ascii_case(&letter)),
    }) && rest.next().is_none()
}

/// The state with this name, in any spelling.
fn by_name(text: &str) -> Option<State> {
    let names = State::NAMED.into_iter().filter_map(|state| Some((state.name()?, state)));
    names.chain(ALIASES.iter().copied()).find(|(name, _)| is_spelling(text, name)).map(|(_, state)| state)
}

/// The state with this number. A sign is not accepted.
fn by_number(text: &str) -> Option<State> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok().map(State::from_raw) } else { None }
}

impl FromStr for State {
    type Err = ParseStateError;

    fn from_str(text: &str) -> Result<State, ParseStateError> {
        by_name(text)
            .or_else(|| by_number(text))
            .ok_or_else(|| ParseStateError { text: text.to_owned(), in_set: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_round_trip() {
        for raw in (0..=200).chain([u32::MAX - 1, u32::MAX]) {
            let state = State::from_raw(raw);
            assert_eq!(state.as_raw(), raw);
            assert_eq!(state.to_string().parse(), Ok(state));
        }
    }

    #[test]
    fn numbers_match_the_windows_headers() {
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
    fn parses_the_spellings_of_other_tools() {
        let spellings: [(State, &[&str]); 13] = [
            (State::Closed, &["CLOSED", "CLOSE", "UNCONN", "unconnected", "Closed"]),
            (State::Listen, &["LISTEN", "LISTENING", "Listen", "listening"]),
            (State::SynSent, &["SYN-SENT", "SYN_SENT", "SynSent", "syn sent"]),
            (
                State::SynReceived,
                &["SYN-RECEIVED", "SYN-RECV", "SYN_RECV", "SYN-RCVD", "SYN_RCVD", "SYN_RECEIVED", "SynReceived"],
            ),
            (State::Established, &["ESTABLISHED", "ESTAB", "estab", "Established"]),
            (State::FinWait1, &["FIN-WAIT-1", "FIN_WAIT1", "FIN_WAIT_1", "FinWait1", "fin-wait1", "FINWAIT-1"]),
            (State::FinWait2, &["FIN-WAIT-2", "FIN_WAIT2", "FIN_WAIT_2", "FinWait2"]),
            (State::CloseWait, &["CLOSE-WAIT", "CLOSE_WAIT", "CloseWait"]),
            (State::Closing, &["CLOSING", "closing"]),
            (State::LastAck, &["LAST-ACK", "LAST_ACK", "LastAck"]),
            (State::TimeWait, &["TIME-WAIT", "TIME_WAIT", "TimeWait", "timewait"]),
            (State::DeleteTcb, &["DELETE-TCB", "DELETE_TCB", "DeleteTCB"]),
            (State::Bound, &["BOUND", "Bound"]),
        ];
        for (state, names) in spellings {
            for name in names {
                assert_eq!(name.parse(), Ok(state), "{name}");
            }
        }
    }

    #[test]
    fn rejects_texts_that_are_not_states() {
        for text in
            ["", " ", "+2", "-2", "2 ", "0x2", "4294967296", "L-ISTEN", "FIN--WAIT-1", "FIN-WAIT-3", "LISTENI", "-"]
        {
            assert!(text.parse::<State>().is_err(), "{text:?}");
        }
        let error = |text: &str| text.parse::<State>().unwrap_err().to_string();
        assert!(error("\u{1b}x").starts_with(r#""\u{1b}x" is not a TCP state; expected CLOSED, LISTEN,"#));
        assert!(error("x").ends_with(" BOUND, or a number"));
    }
}
