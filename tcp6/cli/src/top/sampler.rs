//! Reads connections with their counters, and compares them with the reading before.

use std::mem;
use std::time::SystemTime;

use tcp6::{Buffer, Processes, Query, Stats, StatsKinds, System};

#[cfg(windows)]
use super::collecting::Collecting;
use super::entry::{Entry, Kind};
use super::traffic::Traffic;
use crate::counters;
use crate::owner::{Named, Owned, names};

/// Reads the connections that a query selects.
///
/// It keeps the counters of two readings: the last successful one, and the one that is being read.
#[derive(Debug)]
pub struct Sampler {
    system: System,
    query: Query,
    buffer: Buffer,
    processes: Processes,
    earlier: Stats,
    later: Stats,
    #[cfg(windows)]
    collecting: Collecting,
}

/// The statistics that are read.
const KINDS: StatsKinds = StatsKinds::DATA.union(StatsKinds::PATH);

/// The connections in one interval.
#[derive(Debug)]
pub struct Sample {
    pub taken_at: SystemTime,
    /// In the order of their ends.
    pub connections: Vec<Entry>,
    /// The reason why no connection has counters.
    pub no_counters: Option<String>,
}

impl Sampler {
    pub fn new(system: System, query: Query) -> Sampler {
        let stats = || Stats::new().request(KINDS);
        Sampler {
            system,
            query,
            buffer: Buffer::new(),
            processes: Processes::new(),
            earlier: stats(),
            later: stats(),
            #[cfg(windows)]
            collecting: Collecting::default(),
        }
    }

    /// Reads the connections. The interval began with the last successful reading. The first one has no interval.
    pub fn read(&mut self) -> tcp6::Result<Sample> {
        let Sampler { earlier, later, .. } = self;
        let table = self.system.table_with_stats::<Owned>(&self.query, &mut self.buffer, later)?;
        let mut names = names(&mut self.processes);
        let entry = |row: &Owned| Entry {
            owner: Named::new(row.owner(), |_| names(row)),
            kind: Kind::Connection { state: row.state(), local: row.local(), remote: row.remote() },
            traffic: Traffic::new(later.delta(earlier, row), later.of(row)),
        };
        let connections = table.iter().map(entry).collect();
        let states = table.iter().map(|row| (row.state(), later.of(row)));
        let no_counters = counters::why_unknown(states, |stats| stats.bytes_received.is_some());
        #[cfg(windows)]
        let no_counters = {
            self.collecting.update(&mut self.system, &table, KINDS);
            no_counters.and(self.collecting.failure())
        };
        #[cfg(not(windows))]
        let no_counters = no_counters.map(str::to_owned);
        let taken_at = table.taken_at();
        mem::swap(earlier, later);
        Ok(Sample { taken_at, connections, no_counters })
    }
}
