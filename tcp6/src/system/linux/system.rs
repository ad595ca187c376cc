//! The Linux implementation of `System`: lists sockets, resolves their owners, and reads counters.

use std::thread;

use super::collection::Collection;
use super::listing::Listing;
use super::owners::{Owners, Proc, SocketInode};
use super::statistics::StatisticsReader;
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
    owners: Owners<Proc>,
    statistics: StatisticsReader,
}

impl System {
    pub(crate) fn new() -> Result<System> {
        let listing = Listing::new()?;
        let proc = Proc::open().map_err(|errno| Error::os("/proc", errno))?;
        Ok(System { listing, owners: Owners::new(proc), statistics: StatisticsReader::new() })
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
            self.owners.resolve(&[SocketInode { inode: socket.inode, uid: socket.uid }], false)?;
            row.set_owner(self.owners.of(socket.inode));
        }
        Ok(Some(Some(row)))
    }

    fn fill_with_owners<R: Row>(
        &mut self,
        query: &Query,
        buffer: &mut Buffer,
        stats: Option<&mut Stats>,
    ) -> Result<()> {
        let System { listing, owners, .. } = self;
        if owners.is_new() {
            // Reading descriptors takes most of the first pass, and most of it does not depend on the table.
            thread::scope(|scope| {
                // If no thread can be created, `resolve` reads all descriptors.
                let _ = thread::Builder::new().spawn_scoped(scope, || owners.read_ahead());
                listing.fill::<R>(query, buffer, stats)
            })?;
        } else {
            listing.fill::<R>(query, buffer, stats)?;
        }
        let sockets = listing.socket_inodes();
        owners.resolve(sockets, query.is_unfiltered())?;
        let rows = buffer.rows_mut::<R>()?;
        rows.iter_mut().zip(sockets).for_each(|(row, socket)| row.set_owner(owners.of(socket.inode)));
        Ok(())
    }
}
