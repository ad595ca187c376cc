//! Reads tables: lists the sockets and resolves their owners.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::listing::{Beside, Listing};
use super::owners::{Demand, Owners, Proc, SocketInode};
use crate::error::{Error, Result};
use crate::row::Row;
use crate::row::class::Class;
use crate::row::class::by_class;
use crate::row::layout::RawRow;
use crate::system::target::Target;
use crate::table::buffer::Buffer;
use crate::table::query::Query;

/// Reads the tables of one network namespace.
#[derive(Debug)]
pub(super) struct TableReader {
    listing: Listing,
    /// Shared by the readers of several network namespaces.
    owners: Arc<Mutex<Owners<Proc>>>,
    demand: Demand,
}

/// Locks the owners.
///
/// After a panic of another thread they are as usable as after any interrupted read.
fn lock(owners: &Mutex<Owners<Proc>>) -> MutexGuard<'_, Owners<Proc>> {
    owners.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TableReader {
    pub(super) fn new(listing: Listing) -> Result<TableReader> {
        let proc = Proc::open().map_err(|errno| Error::os("/proc", errno))?;
        let owners = Arc::new(Mutex::new(Owners::new(proc)));
        Ok(TableReader { listing, owners, demand: Demand::default() })
    }

    /// A reader of another listing, which shares the owners with this one.
    pub(super) fn sharing(&self, listing: Listing) -> TableReader {
        TableReader { listing, owners: Arc::clone(&self.owners), demand: Demand::default() }
    }

    pub(super) fn listing(&self) -> &Listing {
        &self.listing
    }

    /// The number of processes at the last resolution of owners, and that of the unreadable ones.
    pub(super) fn processes(&self) -> (usize, usize) {
        lock(&self.owners).processes()
    }

    pub(super) fn set_exact_owners(&mut self, exact: bool) {
        self.demand.set_exact(exact);
    }

    pub(super) fn holders(&self, inode: u32) -> impl Iterator<Item = u32> {
        // The iterator cannot keep the lock.
        lock(&self.owners).holders(inode).collect::<Vec<u32>>().into_iter()
    }

    /// Fills the buffer, and `beside` with what it has storage for.
    ///
    /// If that fails, `beside` may have a part.
    pub(super) fn fill(&mut self, class: Class, query: &Query, buffer: &mut Buffer, beside: Beside<'_>) -> Result<()> {
        by_class!(class, R => if R::CLASS.has_owners() {
            self.fill_with_owners::<R>(query, buffer, beside)
        } else {
            self.listing.fill::<R>(query, buffer, beside)
        })
    }

    /// Asks the kernel for one socket.
    ///
    /// Returns `None` if it cannot be asked, because sock_diag or the request for one socket is refused.
    pub(super) fn find<R: Row>(&mut self, target: &Target) -> Result<Option<Option<R>>> {
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

    fn fill_with_owners<R: Row>(&mut self, query: &Query, buffer: &mut Buffer, beside: Beside<'_>) -> Result<()> {
        let TableReader { listing, owners, demand } = self;
        if lock(owners).is_new() {
            // Reading descriptors takes most of the first pass, and most of it does not depend on the table.
            thread::scope(|scope| {
                // If no thread can be created, `resolve` reads all descriptors.
                let _ = thread::Builder::new().spawn_scoped(scope, || lock(owners).read_ahead());
                listing.fill::<R>(query, buffer, beside)
            })?;
        } else {
            listing.fill::<R>(query, buffer, beside)?;
        }
        let sockets = listing.socket_inodes();
        let mut owners = lock(owners);
        owners.resolve(demand, sockets, query.is_unfiltered())?;
        let rows = buffer.rows_mut::<R>()?;
        rows.iter_mut().zip(sockets).for_each(|(row, socket)| row.set_owner(owners.of(socket.inode)));
        Ok(())
    }
}
