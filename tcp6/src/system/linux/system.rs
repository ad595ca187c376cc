//! The table of this machine: its sockets, and whose they are.

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

    /// The processes that were there when owners were last looked for, and how many of them refused to be read.
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
            // The most of a first pass, and most of that needs no table.
            thread::scope(|scope| {
                // Where there is no thread to be had, everything is read afterwards.
                let _ = thread::Builder::new().spawn_scoped(scope, || owners.read_ahead());
                listing.fill::<R>(query, buffer)
            })?;
        } else {
            listing.fill::<R>(query, buffer)?;
        }
        let wanted = listing.wanted();
        owners.resolve(wanted, query.wanted_states().is_all())?;
        let rows = buffer.rows_mut::<R>()?;
        rows.iter_mut().zip(wanted).for_each(|(row, wanted)| row.set_owner(owners.of(wanted.inode)));
        Ok(())
    }
}
