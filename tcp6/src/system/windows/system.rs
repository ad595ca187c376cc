//! The Windows implementation of `System`: reads tables, statistics and counters with iphlpapi.

use std::thread;

use super::{Collection, bound, estats, iphlpapi, kernel32, retry, statistics};
use crate::error::{Error, Result};
use crate::row::Row;
use crate::row::class::Class;
use crate::row::class::by_class;
use crate::row::pod::Word;
use crate::row::state::{State, StateSet};
use crate::stats::kinds::StatsKinds;
use crate::stats::statistics::Statistics;
use crate::stats::table::Stats;
use crate::table::buffer::Buffer;
use crate::table::query::Query;

/// Counts the calls. The functions of iphlpapi are stateless.
#[derive(Debug)]
pub(crate) struct System {
    calls: u64,
}

impl System {
    pub(crate) fn new() -> Result<System> {
        Ok(System { calls: 0 })
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls
    }

    /// Always zero: the table contains the owners, so no processes are read to find them.
    pub(crate) fn processes(&self) -> (usize, usize) {
        (0, 0)
    }

    pub(crate) fn statistics(&mut self) -> Result<Statistics> {
        statistics::read(kernel32::tcp_statistics2, iphlpapi::tcp_statistics)
    }

    /// Makes the system collect the statistics of a connection.
    pub(crate) fn collect<R: Row>(&mut self, row: &R, kinds: StatsKinds) -> Result<Option<Collection>> {
        Collection::enable(estats::Functions, row, kinds)
    }

    /// Fills the buffer, and `stats` with the statistics of the connections that the query selects.
    ///
    /// If that fails, `stats` may have some of them.
    pub(crate) fn fill(
        &mut self,
        class: Class,
        query: &Query,
        buffer: &mut Buffer,
        stats: Option<&mut Stats>,
    ) -> Result<()> {
        let states = query.wanted_states();
        if states == StateSet::BOUND {
            by_class!(class, R => buffer.writer::<R>().finish())?;
        } else {
            self.fill_documented(class, query, buffer)?;
        }
        if states.has(State::Bound) {
            self.append_bound(class, buffer)?;
        }
        let Some(stats) = stats else { return Ok(()) };
        stats.clear();
        by_class!(class, R => estats::read(&mut estats::Functions, buffer.table::<R>()?.rows(), query, stats))
    }

    /// Fills the buffer with a documented table of this class.
    fn fill_documented(&mut self, class: Class, query: &Query, buffer: &mut Buffer) -> Result<()> {
        let call = iphlpapi::Call::new(class, query);
        let counted = |table: &mut [Word], size: &mut u32| {
            self.calls += 1;
            call.make(table, size)
        };
        retry::fill(buffer, class, call.name(), counted, thread::sleep)
    }

    /// Appends the sockets that are only bound to the table in the buffer.
    fn append_bound(&mut self, class: Class, buffer: &mut Buffer) -> Result<()> {
        let append = |code, table: &[u8]| {
            self.calls += 1;
            by_class!(class, R => bound::append::<R>(code, table, buffer))
        };
        kernel32::bound_endpoints(append).unwrap_or(Err(Error::NotSupported))
    }
}
