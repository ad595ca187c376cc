//! The Windows implementation of `System`: reads tables and counters with iphlpapi.

use std::thread;

use super::{iphlpapi, kernel32, retry, statistics};
use crate::error::Result;
use crate::row::class::Class;
use crate::row::pod::Word;
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

    /// Fills the buffer. No function returns statistics with the table, so that `stats` stays empty.
    pub(crate) fn fill(
        &mut self,
        class: Class,
        query: &Query,
        buffer: &mut Buffer,
        stats: Option<&mut Stats>,
    ) -> Result<()> {
        if let Some(stats) = stats {
            stats.clear();
        }
        let call = iphlpapi::Call::new(class, query);
        let counted = |table: &mut [Word], size: &mut u32| {
            self.calls += 1;
            call.make(table, size)
        };
        retry::fill(buffer, class, call.name(), counted, thread::sleep)
    }
}
