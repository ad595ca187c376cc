//! What is held open all the time, and whether a table shows it.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};

use tcp6::{Owner, Row, State};

/// Listeners and connections that last, and the rows that they must have.
pub struct Lasting {
    rows: HashMap<Key, usize>,
    _sockets: Vec<(TcpListener, Vec<(TcpStream, TcpStream)>)>,
}

/// Both ends, without scope ids: Wine gives even `::1` one.
type Key = (End, Option<End>);
type End = (Ipv6Addr, u16);

/// Connections a listener.
const SHARE: usize = 20;

impl Lasting {
    pub fn open(connections: u16) -> io::Result<Lasting> {
        let mut rows = HashMap::new();
        let mut sockets = Vec::new();
        let mut left = usize::from(connections);
        while left > 0 {
            let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0))?;
            let address = listener.local_addr()?;
            let mut streams = Vec::new();
            for _ in 0..left.min(SHARE) {
                streams.push((TcpStream::connect(address)?, listener.accept()?.0));
            }
            let mut expect = |key| rows.insert(key, rows.len());
            expect((end(address), None));
            for (client, server) in &streams {
                expect((end(client.local_addr()?), Some(end(address))));
                expect((end(address), Some(end(server.peer_addr()?))));
            }
            left -= streams.len();
            sockets.push((listener, streams));
        }
        Ok(Lasting { rows, _sockets: sockets })
    }

    /// The number of a row, if it is one that lasts.
    pub fn number<R: Row>(&self, row: &R) -> Option<usize> {
        self.rows.get(&(end(row.local()), row.remote().map(end))).copied()
    }

    /// How many of them are missing from a table; or what else is wrong with it.
    pub fn missing_from<R: Row>(&self, table: &[R]) -> Result<usize, String> {
        let mut seen = vec![0; self.rows.len()];
        for row in table {
            let Some(number) = self.number(row) else { continue };
            seen[number] += 1;
            let expected = if row.is_listener() { State::Listen } else { State::Established };
            // Wine's server knows processes by numbers of its own.
            let ours = cfg!(windows) || !R::CLASS.has_owners() || row.owner() == Owner::Process(std::process::id());
            if row.state() != expected || !ours {
                return Err(format!("{row:?} of this process is not as it is"));
            }
        }
        let count = |times: fn(usize) -> bool| seen.iter().filter(|seen| times(**seen)).count();
        match count(|times| times > 1) {
            0 => Ok(count(|times| times == 0)),
            doubled => Err(format!("of {} rows that last, {doubled} are doubled in {} rows", seen.len(), table.len())),
        }
    }
}

fn end(address: impl Into<SocketAddr>) -> End {
    match address.into() {
        SocketAddr::V6(address) => (*address.ip(), address.port()),
        SocketAddr::V4(address) => (address.ip().to_ipv6_mapped(), address.port()),
    }
}
