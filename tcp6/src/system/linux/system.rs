//! The Linux implementation of `System`: lists sockets and resolves their owners.

use std::thread;

use super::listing::Listing;
use super::owners::{Owners, Proc};
use crate::error::{Error, Result};
use crate::row::Row;
use crate::row::class::Class;
use crate::row::class::by_class;
use crate::row::layout::RawRow;
use crate::table::buffer::Buffer;
use crate::table::query::Query;

#[derive(Debug)]
pub(crate) struct System {
    listing: Listing,
    owners: Owners<Proc>,
}

impl System {
    pub(crate) fn new() -> Result<System> {
        let listing = Listing::new()?;
        let proc = Proc::open().map_err(|errno| Error::os("/proc", errno))?;
        Ok(System { listing, owners: Owners::new(proc) })
    }

    pub(crate) fn calls(&self) -> u64 {
        self.listing.calls()
    }

    pub(crate) fn unreconciled(&self) -> u64 {
        self.listing.unreconciled()
    }

    /// The number of processes at the last resolution of owners, and that of the unreadable ones.
    pub(crate) fn processes(&self) -> (usize, usize) {
        self.owners.processes()
    }

    pub(crate) fn set_exact_owners(&mut self, exact: bool) {
        self.owners.set_exact(exact);
    }

    pub(crate) fn holders(&self, inode: u32) -> impl Iterator<Item = u32> {
        self.owners.holders(inode)
    }

    pub(crate) fn fill(&mut self, class: Class, query: &Query, buffer: &mut Buffer) -> Result<()> {
        by_class!(class, R => if R::CLASS.has_owners() {
            self.fill_with_owners::<R>(query, buffer)
        } else {
            self.listing.fill::<R>(query, buffer)
        })
    }

    fn fill_with_owners<R: Row>(&mut self, query: &Query, buffer: &mut Buffer) -> Result<()> {
        let System { listing, owners } = self;
        if owners.is_new() {
            // Reading descriptors takes most of the first pass, and most of it does not depend on the table.
            thread::scope(|scope| {
                // If no thread can be created, `resolve` reads all descriptors.
                let _ = thread::Builder::new().spawn_scoped(scope, || owners.read_ahead());
                listing.fill::<R>(query, buffer)
            })?;
        } else {
            listing.fill::<R>(query, buffer)?;
        }
        let sockets = listing.socket_inodes();
        owners.resolve(sockets, query.wanted_states().is_all())?;
        let rows = buffer.rows_mut::<R>()?;
        rows.iter_mut().zip(sockets).for_each(|(row, socket)| row.set_owner(owners.of(socket.inode)));
        Ok(())
    }
}
