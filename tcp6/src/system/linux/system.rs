//! The Linux implementation of `System`: lists sockets, resolves their owners, and reads counters.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::fd::{AsFd, BorrowedFd};

use super::collection::Collection;
use super::interface_names::InterfaceNames;
use super::listing::Listing;
use super::namespace::{self, NamespaceId, ProcessDir};
use super::owners::{Demand, Owners, Proc, SocketInode};
use super::statistics::StatisticsReader;
use super::text_table::TextTable;
use crate::error::{Error, Result};
use crate::row::Row;
use crate::row::class::Class;
use crate::row::class::by_class;
use crate::row::layout::RawRow;
use crate::stats::kinds::StatsKinds;
use crate::stats::statistics::Statistics;
use crate::stats::table::Stats;
use crate::system::target::Target;
use crate::table::buffer::Buffer;
use crate::table::query::Query;

#[derive(Debug)]
pub(crate) struct System {
    listing: Listing,
    statistics: StatisticsReader,
    /// Shared by the systems of several network namespaces.
    owners: Arc<Mutex<Owners<Proc>>>,
    demand: Demand,
}

/// Locks the owners.
///
/// After a panic of another thread they are as usable as after any interrupted read.
fn lock(owners: &Mutex<Owners<Proc>>) -> MutexGuard<'_, Owners<Proc>> {
    owners.lock().unwrap_or_else(PoisonError::into_inner)
}

impl System {
    pub(crate) fn new() -> Result<System> {
        let listing = Listing::new()?;
        let proc = Proc::open().map_err(|errno| Error::os("/proc", errno))?;
        let owners = Arc::new(Mutex::new(Owners::new(proc)));
        Ok(System { listing, statistics: StatisticsReader::new(), owners, demand: Demand::default() })
    }

    /// A system for another network namespace, which shares the owners with this one.
    fn sharing(&self, listing: Listing, statistics: StatisticsReader) -> System {
        System { listing, statistics, owners: Arc::clone(&self.owners), demand: Demand::default() }
    }

    /// See [`SystemExt::in_namespace`](crate::os::linux::SystemExt::in_namespace).
    pub(in crate::system) fn in_namespace(&self, namespace: BorrowedFd<'_>) -> Result<System> {
        let id = NamespaceId::of(namespace)?;
        let open = || Ok((Listing::new()?, StatisticsReader::open()?));
        let (listing, statistics) = namespace::enter(namespace, id, open)?;
        Ok(self.sharing(listing, statistics))
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
        Ok(self.sharing(Listing::of_text(text), statistics))
    }

    pub(crate) fn is_text(&self) -> bool {
        self.listing.is_text()
    }

    /// The names of the interfaces in the network namespace.
    pub(in crate::system) fn interface_names(&self) -> Result<InterfaceNames> {
        InterfaceNames::on(self.listing.socket())
    }

    pub(crate) fn calls(&self) -> u64 {
        self.listing.calls()
    }

    pub(crate) fn unreconciled(&self) -> u64 {
        self.listing.unreconciled()
    }

    /// The number of processes at the last resolution of owners, and that of the unreadable ones.
    pub(crate) fn processes(&self) -> (usize, usize) {
        lock(&self.owners).processes()
    }

    pub(crate) fn set_exact_owners(&mut self, exact: bool) {
        self.demand.set_exact(exact);
    }

    pub(crate) fn holders(&self, inode: u32) -> impl Iterator<Item = u32> {
        // The iterator cannot keep the lock.
        lock(&self.owners).holders(inode).collect::<Vec<u32>>().into_iter()
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
        by_class!(class, R => if R::CLASS.has_owners() {
            self.fill_with_owners::<R>(query, buffer, stats)
        } else {
            self.listing.fill::<R>(query, buffer, stats)
        })
    }

    /// Asks the kernel for one socket.
    ///
    /// Returns `None` if it cannot be asked, because sock_diag or the request for one socket is refused.
    pub(in crate::system) fn find<R: Row>(&mut self, target: &Target) -> Result<Option<Option<R>>> {
        let Some(found) = self.listing.find::<R>(target)? else { return Ok(None) };
        let Some(socket) = found else { return Ok(Some(None)) };
        let mut row = socket.to_row::<R>();
        if R::CLASS.has_owners() {
            let mut owners = lock(&self.owners);
            owners.resolve(&mut self.demand, &[SocketInode { inode: socket.inode, uid: socket.uid }], false)?;
            row.set_owner(owners.of(socket.inode));
        }
        Ok(Some(Some(row)))
    }

    fn fill_with_owners<R: Row>(
        &mut self,
        query: &Query,
        buffer: &mut Buffer,
        stats: Option<&mut Stats>,
    ) -> Result<()> {
        let System { listing, owners, demand, .. } = self;
        if lock(owners).is_new() {
            // Reading descriptors takes most of the first pass, and most of it does not depend on the table.
            thread::scope(|scope| {
                // If no thread can be created, `resolve` reads all descriptors.
                let _ = thread::Builder::new().spawn_scoped(scope, || lock(owners).read_ahead());
                listing.fill::<R>(query, buffer, stats)
            })?;
        } else {
            listing.fill::<R>(query, buffer, stats)?;
        }
        let sockets = listing.socket_inodes();
        let mut owners = lock(owners);
        owners.resolve(demand, sockets, query.is_unfiltered())?;
        let rows = buffer.rows_mut::<R>()?;
        rows.iter_mut().zip(sockets).for_each(|(row, socket)| row.set_owner(owners.of(socket.inode)));
        Ok(())
    }
}
