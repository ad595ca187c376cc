//! The Linux implementation of `System`: reads tables, events and counters of one network namespace.

use std::io;

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};

use super::collection::Collection;
use super::interface_names::InterfaceNames;
use super::listing::{Beside, Listing};
use super::namespace::{self, NamespaceId, ProcessDir};
use super::statistics::StatisticsReader;
use super::subscription::Subscription;
use super::table_reader::TableReader;
use super::text_table::TextTable;
use crate::error::{Error, Result};
use crate::events::options::EventOptions;
use crate::events::report::Events;
use crate::row::Row;
use crate::row::class::{BasicRow, Class};
use crate::row::state::{State, StateSet};
use crate::stats::kinds::StatsKinds;
use crate::stats::statistics::Statistics;
use crate::stats::table::Stats;
use crate::system::target::Target;
use crate::table::buffer::Buffer;
use crate::table::query::Query;

#[derive(Debug)]
pub(crate) struct System {
    tables: TableReader,
    statistics: StatisticsReader,
    subscription: Option<Subscription>,
    /// The network namespace that was entered to open the system.
    entered: Option<OwnedFd>,
}

impl System {
    pub(crate) fn new() -> Result<System> {
        let tables = TableReader::new(Listing::new()?)?;
        Ok(System { tables, statistics: StatisticsReader::new(), subscription: None, entered: None })
    }

    /// See [`SystemExt::in_namespace`](crate::os::linux::SystemExt::in_namespace).
    pub(in crate::system) fn in_namespace(&self, namespace: BorrowedFd<'_>) -> Result<System> {
        let id = NamespaceId::of(namespace)?;
        let open = || Ok((Listing::new()?, StatisticsReader::open()?));
        let (listing, statistics) = namespace::enter(namespace, id, open)?;
        let entered = namespace.try_clone_to_owned().map_err(|error| Error::os("network namespace", error))?;
        let tables = self.tables.sharing(listing)?;
        Ok(System { tables, statistics, subscription: None, entered: Some(entered) })
    }

    /// See [`SystemExt::in_namespace_of`](crate::os::linux::SystemExt::in_namespace_of).
    pub(in crate::system) fn in_namespace_of(&self, pid: u32) -> Result<System> {
        let process = ProcessDir::open(pid)?;
        match process.namespace().and_then(|file| self.in_namespace(file.as_fd())) {
            Err(error) if namespace::is_refused(&error) => self.in_namespace_by_text(&process, None),
            entered => entered,
        }
    }

    /// A system that reads the files of a process, which needs no privilege.
    ///
    /// # Errors
    ///
    /// [`namespace::gone`] if the process has ended, or if it is not in the `expected` namespace.
    pub(in crate::system) fn in_namespace_by_text(
        &self,
        process: &ProcessDir,
        expected: Option<NamespaceId>,
    ) -> Result<System> {
        process.verify(expected)?;
        let text = TextTable::open_in(process)?;
        let statistics = StatisticsReader::open_in(process)?;
        // A process can enter another namespace.
        process.verify(expected)?;
        let tables = self.tables.sharing(Listing::of_text(text))?;
        Ok(System { tables, statistics, subscription: None, entered: None })
    }

    pub(crate) fn is_text(&self) -> bool {
        self.tables.listing().is_text()
    }

    /// The names of the interfaces in the network namespace.
    pub(in crate::system) fn interface_names(&self) -> Result<InterfaceNames> {
        InterfaceNames::on(self.tables.listing().socket())
    }

    pub(crate) fn calls(&self) -> u64 {
        self.tables.listing().calls()
    }

    pub(crate) fn unreconciled(&self) -> u64 {
        self.tables.listing().unreconciled()
    }

    /// The number of processes at the last resolution of owners, and that of the unreadable ones.
    pub(crate) fn processes(&self) -> (usize, usize) {
        self.tables.processes()
    }

    pub(crate) fn set_exact_owners(&mut self, exact: bool) {
        self.tables.set_exact_owners(exact);
    }

    pub(crate) fn holders(&self, inode: u32) -> impl Iterator<Item = u32> {
        self.tables.holders(inode)
    }

    pub(crate) fn statistics(&mut self) -> Result<Statistics> {
        self.statistics.read()
    }

    pub(crate) fn tcp_ext_counters(&self) -> impl Iterator<Item = (&str, u64)> {
        self.statistics.tcp_ext_counters()
    }

    /// Does nothing: Linux collects the statistics of every socket.
    pub(crate) fn collect<R: Row>(&mut self, _: &R, _: StatsKinds) -> Result<Option<Collection>> {
        Ok(Some(Collection))
    }

    /// Fills the buffer, and `stats` with the statistics of its rows.
    ///
    /// If that fails, `stats` may have some of them.
    pub(crate) fn fill(
        &mut self,
        class: Class,
        query: &Query,
        buffer: &mut Buffer,
        stats: Option<&mut Stats>,
    ) -> Result<()> {
        self.tables.fill(class, query, buffer, Beside { stats, ..Beside::default() })
    }

    /// See [`TableReader::find`].
    pub(in crate::system) fn find<R: Row>(&mut self, target: &Target) -> Result<Option<Option<R>>> {
        self.tables.find(target)
    }

    /// Receives destroy events from now on.
    pub(crate) fn subscribe(&mut self, options: &EventOptions) -> Result<()> {
        // The rows of the text have no cookies.
        if self.is_text() {
            return Err(Error::NotSupported);
        }
        let subscription = match &self.entered {
            Some(namespace) => {
                let id = NamespaceId::of(namespace)?;
                namespace::enter(namespace.as_fd(), id, || Subscription::open(options))?
            }
            None => Subscription::open(options)?,
        };
        if self.tables.listing().namespace() != subscription.namespace() {
            let text = "this thread is in another network namespace than that of the table";
            return Err(Error::os("socket for sock_diag events", io::Error::other(text)));
        }
        self.subscription = Some(subscription);
        Ok(())
    }

    /// Fills the buffer, and `events` with what events report besides.
    pub(crate) fn fill_with_events(
        &mut self,
        class: Class,
        query: &Query,
        buffer: &mut Buffer,
        events: &mut Events,
    ) -> Result<()> {
        let System { tables, subscription, .. } = self;
        let is_accepted = events.is_accepted();
        events.clear();
        let Some(subscription) = subscription else {
            return tables.fill(class, query, buffer, Beside::default());
        };
        let any_state = query.states(StateSet::all());
        let reads_connections = query.wanted_states().contains(CONNECTIONS);
        let selects =
            |local, remote| reads_connections && any_state.matches(&BasicRow::new(State::Closed, local, Some(remote)));
        subscription.begin(is_accepted, selects);
        let (listed, closed) = subscription.table();
        tables.fill(class, query, buffer, Beside { stats: None, listed: Some(listed), closed })?;
        if tables.listing().is_text() {
            subscription.give_up(events);
            return Ok(());
        }
        let has_identity = matches!(class, Class::OwnerModule);
        subscription.finish(has_identity, |brief| selects(brief.local(), brief.remote()), events)
    }
}

/// The states of connections, except TIME-WAIT.
///
/// Without one of them, a table does not show that a connection exists.
const CONNECTIONS: StateSet = StateSet::SYN_SENT
    .union(StateSet::SYN_RECEIVED)
    .union(StateSet::ESTABLISHED)
    .union(StateSet::FIN_WAIT_1)
    .union(StateSet::FIN_WAIT_2)
    .union(StateSet::CLOSE_WAIT)
    .union(StateSet::CLOSING)
    .union(StateSet::LAST_ACK);
