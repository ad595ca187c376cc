//! The sockets that stay open during the soak, and the check that a table lists them.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};

use tcp6::{Owner, Row, State};

/// Listeners and connections that stay open, and the rows that each table must contain.
pub struct Lasting {
    /// The index of each expected row.
    rows: HashMap<Key, usize>,
    _sockets: Vec<(TcpListener, Vec<(TcpStream, TcpStream)>)>,
}

/// Both endpoints without scope IDs, because Wine sets one even for `::1`.
type Key = (Endpoint, Option<Endpoint>);
type Endpoint = (Ipv6Addr, u16);

/// The maximum number of connections to one listener.
const CONNECTIONS_PER_LISTENER: usize = 20;

impl Lasting {
    /// Opens `connections` connections on the loopback address, and their listeners.
    pub fn open(connections: u16) -> io::Result<Lasting> {
        let mut rows = HashMap::new();
        let mut sockets = Vec::new();
        let mut remaining = usize::from(connections);
        while remaining > 0 {
            let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0))?;
            let address = listener.local_addr()?;
            let mut streams = Vec::new();
            for _ in 0..remaining.min(CONNECTIONS_PER_LISTENER) {
                streams.push((TcpStream::connect(address)?, listener.accept()?.0));
            }
            let mut expect = |key| rows.insert(key, rows.len());
            expect((endpoint(address), None));
            for (client, server) in &streams {
                expect((endpoint(client.local_addr()?), Some(endpoint(address))));
                expect((endpoint(address), Some(endpoint(server.peer_addr()?))));
            }
            remaining -= streams.len();
            sockets.push((listener, streams));
        }
        Ok(Lasting { rows, _sockets: sockets })
    }

    /// The index of a row, if it belongs to a socket that stays open.
    pub fn index_of<R: Row>(&self, row: &R) -> Option<usize> {
        self.rows.get(&(endpoint(row.local()), row.remote().map(endpoint))).copied()
    }

    /// Counts the expected rows that are missing from a table. Any other defect is an error.
    pub fn missing_from<R: Row>(&self, table: &[R]) -> Result<usize, String> {
        let mut seen = vec![0; self.rows.len()];
        for row in table {
            let Some(index) = self.index_of(row) else { continue };
            seen[index] += 1;
            let expected = if row.is_listener() { State::Listen } else { State::Established };
            // The server of Wine uses its own process IDs.
            let ours = cfg!(windows) || !R::CLASS.has_owners() || row.owner() == Owner::Process(std::process::id());
            if row.state() != expected || !ours {
                return Err(format!("wrong state or owner in a row of this process: {row:?}"));
            }
        }
        let count = |times: fn(usize) -> bool| seen.iter().filter(|seen| times(**seen)).count();
        match count(|times| times > 1) {
            0 => Ok(count(|times| times == 0)),
            n => Err(format!("{n} of {} expected rows are duplicated in a table of {} rows", seen.len(), table.len())),
        }
    }
}

fn endpoint(address: impl Into<SocketAddr>) -> Endpoint {
    match address.into() {
        SocketAddr::V6(address) => (*address.ip(), address.port()),
        SocketAddr::V4(address) => (address.ip().to_ipv6_mapped(), address.port()),
    }
}
