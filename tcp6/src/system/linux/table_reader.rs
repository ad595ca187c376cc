//! Reads tables: lists the sockets and resolves their owners.

use std::thread;

use super::listing::{Beside, Listing};
use super::owners::{Demand, SocketInode};
use super::shared_owners::SharedOwners;
use crate::error::Result;
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
    owners: SharedOwners,
    demand: Demand,
    /// The number of processes, and that of the unreadable ones, when owners were resolved last.
    processes: (usize, usize),
}

impl TableReader {
    pub(super) fn new(listing: Listing) -> Result<TableReader> {
        Ok(TableReader::over(listing, SharedOwners::open()?, Demand::new()))
    }

    /// A reader of another listing, which shares the owners with this one.
    ///
    /// Its first table has the bounds of a later one.
    pub(super) fn sharing(&self, listing: Listing) -> Result<TableReader> {
        Ok(TableReader::over(listing, self.owners.in_this_process()?, Demand::continued()))
    }

    fn over(listing: Listing, owners: SharedOwners, demand: Demand) -> TableReader {
        TableReader { listing, owners, demand, processes: (0, 0) }
    }

    pub(super) fn listing(&self) -> &Listing {
        &self.listing
    }

    /// The number of processes, and that of the unreadable ones, when owners were resolved last.
    pub(super) fn processes(&self) -> (usize, usize) {
        self.processes
    }

    pub(super) fn set_exact_owners(&mut self, exact: bool) {
        self.demand.set_exact(exact);
    }

    pub(super) fn holders(&self, inode: u32) -> impl Iterator<Item = u32> {
        // The iterator cannot keep the lock.
        self.owners.lock().holders(inode).collect::<Vec<u32>>().into_iter()
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
            let mut owners = self.owners.lock();
            owners.resolve(&mut self.demand, &[SocketInode { inode: socket.inode, uid: socket.uid }], false)?;
            self.processes = owners.processes();
            row.set_owner(owners.of(socket.inode));
        }
        Ok(Some(Some(row)))
    }

    fn fill_with_owners<R: Row>(&mut self, query: &Query, buffer: &mut Buffer, beside: Beside<'_>) -> Result<()> {
        let TableReader { listing, owners, demand, processes } = self;
        if demand.is_first() && (demand.is_unbounded() || owners.lock().is_new()) {
            // Reading descriptors takes most of the first pass, and most of it does not depend on the table.
            thread::scope(|scope| {
                // If no thread can be created, `resolve` reads all descriptors.
                let _ = thread::Builder::new().spawn_scoped(scope, || owners.lock().read_ahead(demand));
                listing.fill::<R>(query, buffer, beside)
            })?;
        } else {
            listing.fill::<R>(query, buffer, beside)?;
        }
        let sockets = listing.socket_inodes();
        let mut owners = owners.lock();
        owners.resolve(demand, sockets, query.is_unfiltered())?;
        *processes = owners.processes();
        let rows = buffer.rows_mut::<R>()?;
        rows.iter_mut().zip(sockets).for_each(|(row, socket)| row.set_owner(owners.of(socket.inode)));
        Ok(())
    }
}
