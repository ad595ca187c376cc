//! Queries: which rows of a table are selected, and their order.

use ipnet::Ipv6Net;

use crate::row::Row;
use crate::row::state::StateSet;
use crate::table::filter::Filter;
use crate::table::port_set::PortSet;

/// A selection of rows and their order. A row must fulfill all conditions of the query.
///
/// ```
/// use tcp6::{Query, StateSet};
///
/// let open = Query::all().states(StateSet::LISTEN | StateSet::ESTABLISHED).local_port(443).unsorted();
/// ```
///
/// What the system selects changes the cost of a query and never its result: rows that it returns in addition are
/// removed after the table is read. A method that is called twice replaces its condition.
///
/// # Cost
///
/// On Linux the kernel selects by every condition except scope ids:
///
/// | query | cost, relative to all rows |
/// |---|---|
/// | [`listeners`](Query::listeners) | less than 1 %: the kernel has a table of listeners |
/// | [`local_port`](Query::local_port), [`remote_port`](Query::remote_port) | about 20 % if few rows match: the kernel looks at every socket |
/// | other conditions | about 25 % if few rows match |
///
/// If a sandbox refuses these filters, and in tables read from `/proc`, all rows are read and then removed.
///
/// On Windows the system selects listeners, for [`OwnerPidRow`](crate::OwnerPidRow) and
/// [`OwnerModuleRow`](crate::OwnerModuleRow); otherwise a query costs as much as the whole table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    states: StateSet,
    filter: Filter,
    sorted: bool,
}

impl Query {
    /// Every row, sorted.
    ///
    /// Sockets that are only bound have no row unless [`states`](Query::states) requests them.
    #[must_use]
    pub const fn all() -> Query {
        Query { states: StateSet::all(), filter: Filter::NONE, sorted: true }
    }

    /// Every IPv6 listener, sorted. An IPv4 socket can listen on a port that is absent.
    #[must_use]
    pub const fn listeners() -> Query {
        Query::all().states(StateSet::LISTEN)
    }

    /// Keeps only rows in these states.
    ///
    /// # Sockets that are only bound
    ///
    /// [`StateSet::BOUND`] requests sockets that are bound and neither listen nor are connected. They use up ports, and
    /// no other query lists them. On Linux since 6.8 the kernel walks all bound sockets for it, connections included: a
    /// table takes 30 to 40 % longer, however few of them are only bound, and a few per cent more if there are any.
    /// They are not [reconciled](crate::System#consistency) with the previous table.
    ///
    /// Earlier kernels ignore the request, and the table has no such rows. In a table read from `/proc` it is an error:
    /// [`Error::NotSupported`](crate::Error::NotSupported).
    ///
    /// On Windows it is one more call, of `InternalGetBoundTcp6EndpointTable`, which Microsoft does not document and
    /// which allocates memory in each call. It is called only on request. If the system lacks it, as Wine and old
    /// versions of Windows do, the request is an error: [`Error::NotSupported`](crate::Error::NotSupported). Such rows
    /// have an owner, but no creation time, module or offload state. This was verified with a stand-in for the function
    /// only.
    ///
    /// ```
    /// use tcp6::{Query, StateSet};
    ///
    /// let in_use = Query::all().states(StateSet::all() | StateSet::BOUND).local_port(8080);
    /// ```
    #[must_use]
    pub const fn states(self, states: StateSet) -> Query {
        Query { states, ..self }
    }

    /// Keeps only rows whose local end has this port.
    #[must_use]
    pub const fn local_port(self, port: u16) -> Query {
        self.local_ports(PortSet::of(port))
    }

    /// Keeps only rows whose local end has one of these ports.
    #[must_use]
    pub const fn local_ports(self, ports: PortSet) -> Query {
        Query { filter: Filter { local_ports: Some(ports), ..self.filter }, ..self }
    }

    /// Keeps only rows whose remote end has this port. A listener has no remote end.
    #[must_use]
    pub const fn remote_port(self, port: u16) -> Query {
        self.remote_ports(PortSet::of(port))
    }

    /// Keeps only rows whose remote end has one of these ports. A listener has no remote end.
    #[must_use]
    pub const fn remote_ports(self, ports: PortSet) -> Query {
        Query { filter: Filter { remote_ports: Some(ports), ..self.filter }, ..self }
    }

    /// Keeps only rows with this port at either end.
    #[must_use]
    pub const fn port(self, port: u16) -> Query {
        self.ports(PortSet::of(port))
    }

    /// Keeps only rows with one of these ports at either end.
    #[must_use]
    pub const fn ports(self, ports: PortSet) -> Query {
        Query { filter: Filter { ports: Some(ports), ..self.filter }, ..self }
    }

    /// Keeps only rows whose local address is in this network.
    ///
    /// A socket that is bound to all addresses has the local address `::`. IPv4 connections of dual-stack sockets have
    /// addresses in `::ffff:0:0/96`.
    ///
    /// ```
    /// let query = tcp6::Query::all().local_net("2001:db8::/32".parse()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn local_net(self, net: Ipv6Net) -> Query {
        Query { filter: Filter { local_net: Some(net), ..self.filter }, ..self }
    }

    /// Keeps only rows whose remote address is in this network. A listener has no remote address.
    #[must_use]
    pub const fn remote_net(self, net: Ipv6Net) -> Query {
        Query { filter: Filter { remote_net: Some(net), ..self.filter }, ..self }
    }

    /// Keeps only rows whose local end has this scope id: the index of an interface, for link-local addresses.
    ///
    /// Other addresses have the scope id 0, and so have all in a table read from `/proc`.
    ///
    /// ```
    /// let query = tcp6::Query::all().local_net("fe80::/10".parse()?).local_scope_id(2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn local_scope_id(self, scope_id: u32) -> Query {
        Query { filter: Filter { local_scope_id: Some(scope_id), ..self.filter }, ..self }
    }

    /// Keeps only rows whose remote end has this scope id. A listener has no remote end.
    #[must_use]
    pub const fn remote_scope_id(self, scope_id: u32) -> Query {
        Query { filter: Filter { remote_scope_id: Some(scope_id), ..self.filter }, ..self }
    }

    /// Removes rows with a v4-mapped address (`::ffff:192.0.2.1`) at either end.
    ///
    /// On Linux these are the IPv4 connections of dual-stack sockets.
    #[must_use]
    pub const fn without_v4_mapped(self) -> Query {
        Query { filter: Filter { without_v4_mapped: true, ..self.filter }, ..self }
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

    /// The conditions on the ends.
    pub(crate) const fn filter(&self) -> &Filter {
        &self.filter
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
        // A source lists bound sockets on request only. If it lists them, all states include them.
        (self.states.has(row.state()) || self.states.is_all()) && self.filter.matches(row)
    }

    /// Whether the query selects every row.
    #[must_use]
    #[inline]
    pub const fn is_unfiltered(&self) -> bool {
        self.states.is_all() && self.filter.is_none()
    }
}

impl Default for Query {
    fn default() -> Query {
        Query::all()
    }
}
