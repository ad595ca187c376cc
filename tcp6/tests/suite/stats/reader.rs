//! Reads the rows and the statistics of one pair of ends.

use std::net::SocketAddrV6;

use tcp6::{Buffer, Query, Row, Stats, StatsKinds, System};

/// A system with the statistics of its last table.
pub struct Reader {
    system: System,
    buffer: Buffer,
    pub stats: Stats,
}

impl Reader {
    pub fn of(kinds: StatsKinds) -> Reader {
        Reader { system: System::new().unwrap(), buffer: Buffer::new(), stats: Stats::new().request(kinds) }
    }

    /// Reads the rows with these ends.
    pub fn rows<R: Row>(&mut self, (local, remote): (SocketAddrV6, Option<SocketAddrV6>)) -> Vec<R> {
        let query = Query::all().local_port(local.port());
        let table = self.system.table_with_stats::<R>(&query, &mut self.buffer, &mut self.stats).unwrap();
        table.find(local, remote).copied().collect()
    }

    /// Reads the row with these ends, if there is one.
    pub fn read<R: Row>(&mut self, ends: (SocketAddrV6, Option<SocketAddrV6>)) -> Option<R> {
        let rows = self.rows(ends);
        assert!(rows.len() <= 1, "{rows:?}");
        rows.into_iter().next()
    }
}
