//! Makes Windows collect the statistics of the connections that are shown.

use std::collections::HashMap;
use std::net::SocketAddrV6;

use tcp6::{StatsCollection, StatsKinds, System};

use crate::owner::Owned;

/// `ERROR_ACCESS_DENIED`.
const ACCESS_DENIED: i32 = 5;

/// The connections whose statistics this program makes the system collect, until they close or it exits.
#[derive(Debug, Default)]
pub struct Collecting {
    collections: HashMap<Connection, StatsCollection>,
    failure: Option<tcp6::Error>,
}

/// Ends and time of creation, which distinguish successive connections.
type Connection = (SocketAddrV6, Option<SocketAddrV6>, Option<i64>);

impl Collecting {
    /// Begins to collect for the new connections of a table, whose next reading then has statistics.
    ///
    /// After a failure, the rest of the table is left out: most failures concern all connections alike.
    pub fn update(&mut self, system: &mut System, rows: &[Owned], kinds: StatsKinds) {
        let mut ended = std::mem::take(&mut self.collections);
        self.failure = None;
        let kept = rows.iter().filter_map(|row| ended.remove_entry(&connection(row)));
        self.collections.extend(kept);
        // The switch belongs to the ends, so that an old connection must not switch off a new one.
        drop(ended);
        for row in rows {
            let connection = connection(row);
            if self.collections.contains_key(&connection) {
                continue;
            }
            match system.collect(row, kinds) {
                Ok(Some(collection)) => drop(self.collections.insert(connection, collection)),
                Ok(None) => {}
                Err(error) => {
                    self.failure = Some(error);
                    return;
                }
            }
        }
    }

    /// The reason why statistics are not collected.
    pub fn failure(&self) -> Option<String> {
        let error = self.failure.as_ref()?;
        Some(match error.raw_os_error() {
            Some(ACCESS_DENIED) => "Windows counts the bytes of a connection only if an administrator enables it; run \
                                    this program as administrator"
                .to_owned(),
            _ if error.is_not_supported() => "this Windows does not count the bytes of connections".to_owned(),
            _ => format!("Windows does not count the bytes of connections: {error}"),
        })
    }
}

fn connection(row: &Owned) -> Connection {
    (row.local(), row.remote(), row.created_ticks())
}
