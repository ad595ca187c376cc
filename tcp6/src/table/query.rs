//! Queries: which rows of a table are selected, and their order.

use crate::row::Row;
use crate::row::state::StateSet;

/// A selection of rows and their order.
///
/// ```
/// use tcp6::{Query, StateSet};
///
/// let open = Query::all().states(StateSet::LISTEN | StateSet::ESTABLISHED).port(443).unsorted();
/// ```
///
/// The system selects what it can: on Linux the states, so that a query of listeners costs only the listeners; on
/// Windows listeners, for [`OwnerPidRow`](crate::OwnerPidRow) and [`OwnerModuleRow`](crate::OwnerModuleRow). Other rows
/// are removed after the table is read: what the system selects changes the cost of a query and never its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    states: StateSet,
    port: Option<u16>,
    sorted: bool,
}

impl Query {
    /// Every row, sorted.
    #[must_use]
    pub const fn all() -> Query {
        Query { states: StateSet::all(), port: None, sorted: true }
    }

    /// Every IPv6 listener, sorted. An IPv4 socket can listen on a port that is absent.
    #[must_use]
    pub const fn listeners() -> Query {
        Query::all().states(StateSet::LISTEN)
    }

    /// Keeps only rows in these states.
    #[must_use]
    pub const fn states(self, states: StateSet) -> Query {
        Query { states, ..self }
    }

    /// Keeps only rows with this port at either end. A listener has no remote port.
    #[must_use]
    pub const fn port(self, port: u16) -> Query {
        Query { port: Some(port), ..self }
    }

    /// Leaves the rows in the order of the system, which can differ between two reads.
    #[must_use]
    pub const fn unsorted(self) -> Query {
        Query { sorted: false, ..self }
    }

    /// The states of the query.
    #[must_use]
    pub const fn wanted_states(&self) -> StateSet {
        self.states
    }

    /// Whether the rows are sorted.
    ///
    /// The order is by local address, scope id and port, then by remote address, scope id and port, all ascending.
    /// Addresses are compared by their bytes, ports and scope ids as numbers. Rows with equal ends are sorted by owner,
    /// identity and their other fields, so that equal rows always have the same order.
    #[must_use]
    pub const fn is_sorted(&self) -> bool {
        self.sorted
    }

    /// Whether the query selects this row.
    #[must_use]
    #[inline]
    pub fn matches<R: Row>(&self, row: &R) -> bool {
        let on_port = |port| row.local().port() == port || row.remote().is_some_and(|remote| remote.port() == port);
        self.states.has(row.state()) && self.port.is_none_or(on_port)
    }

    /// Whether the query selects every row.
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
