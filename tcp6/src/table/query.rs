//! What is asked of a source.

use crate::row::Row;
use crate::row::state::StateSet;

/// Which rows, and in which order.
///
/// ```
/// use tcp6::{Query, StateSet};
///
/// let open = Query::all().states(StateSet::LISTEN | StateSet::ESTABLISHED).port(443).unsorted();
/// ```
///
/// What a system can select by itself is asked of it: on Linux the states, so that listeners alone cost only the
/// listeners; on Windows listeners alone, for the classes of GetExtendedTcpTable. The rest is left out afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    states: StateSet,
    port: Option<u16>,
    sorted: bool,
}

impl Query {
    /// Every row, in the documented order.
    #[must_use]
    pub const fn all() -> Query {
        Query { states: StateSet::all(), port: None, sorted: true }
    }

    /// Listeners, in the documented order.
    #[must_use]
    pub const fn listeners() -> Query {
        Query::all().states(StateSet::LISTEN)
    }

    /// The same, for rows in these states only.
    #[must_use]
    pub const fn states(self, states: StateSet) -> Query {
        Query { states, ..self }
    }

    /// The same, for rows with this port at either end only.
    #[must_use]
    pub const fn port(self, port: u16) -> Query {
        Query { port: Some(port), ..self }
    }

    /// The same, in whatever order the system has them. It may differ from one refresh to the next.
    #[must_use]
    pub const fn unsorted(self) -> Query {
        Query { sorted: false, ..self }
    }

    /// The states that are asked for.
    #[must_use]
    pub const fn wanted_states(&self) -> StateSet {
        self.states
    }

    /// Whether the rows are to be in the documented order: local address, local scope id, local port, remote address,
    /// remote scope id, remote port, ascending, addresses by their bytes and ports as numbers; then by owner, identity
    /// and all else, so that the same rows always have the same order.
    #[must_use]
    pub const fn is_sorted(&self) -> bool {
        self.sorted
    }

    /// Whether this row is asked for.
    #[must_use]
    #[inline]
    pub fn matches<R: Row>(&self, row: &R) -> bool {
        let on_port = |port| row.local().port() == port || row.remote().is_some_and(|remote| remote.port() == port);
        self.states.has(row.state()) && self.port.is_none_or(on_port)
    }

    /// Whether every row is asked for.
    #[must_use]
    #[inline]
    pub const fn is_unfiltered(&self) -> bool {
        self.states.is_all() && self.port.is_none()
    }
}

impl Default for Query {
    fn default() -> Query {
        Query::all()
    }
}
