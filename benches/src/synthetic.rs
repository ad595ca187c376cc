//! Synthetic tables: those of a server with few local ends and many peers.

use std::collections::HashSet;
use std::net::{Ipv6Addr, SocketAddrV6};
use std::time::SystemTime;

use tcp6::{Row, Snapshot, State};

use crate::metrics;
use crate::random::Random;

/// The global addresses of the machine.
const GLOBAL: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0x2001, 0xDB8, 0x17, 0x3, 0, 0, 0, 0x10),
    Ipv6Addr::new(0x2001, 0xDB8, 0x17, 0x3, 0x5054, 0xFF, 0xFE3A, 0x91C2),
];
const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xFE80, 0, 0, 0, 0x5054, 0xFF, 0xFE3A, 0x91C2);
const SERVICES: [u16; 6] = [22, 80, 443, 5432, 6379, 8080];
const LISTENERS: usize = 40;

/// The table size of the thresholds.
pub const MIDDLE: usize = 100_000;

/// The percentages of rows that change from one table to the next.
pub const CHANGED: [usize; 4] = [0, 1, 10, 100];

/// The table sizes that are measured. If the benches are only tested, the smallest.
pub fn sizes() -> Vec<usize> {
    if metrics::is_measuring() { vec![1_000, 10_000, MIDDLE, 1_000_000] } else { vec![1_000] }
}

/// A table of `rows` rows in the order in which Linux lists them: listeners, then connections by
/// hash.
pub fn table<R: Row>(rows: usize) -> Vec<R> {
    let mut connections = Connections::new(rows as u64, &[] as &[R]);
    let mut table: Vec<R> = (0..rows.min(LISTENERS)).map(|i| listener(i as u16)).collect();
    while table.len() < rows {
        table.push(connections.next_row());
    }
    table
}

/// The table at a later time, in the same order.
///
/// About `changed` percent of its connections have changed. A third of these changes are a new state, a third a removed
/// row, a third an added row.
pub fn later<R: Row>(table: &[R], changed: usize) -> Vec<R> {
    let mut connections = Connections::new(!table.len() as u64, table);
    let mut random = Random::new(0x1A7E);
    let mut later = Vec::with_capacity(table.len());
    for row in table {
        if row.is_listener() || random.below(100) >= changed {
            later.push(*row);
            continue;
        }
        match random.below(3) {
            0 => later.push(R::new(State::CloseWait, row.local(), row.remote())),
            1 => {}
            // The rows removed above balance the added ones.
            _ => later.extend([*row, connections.next_row()]),
        }
    }
    later
}

/// A snapshot of these rows.
pub fn snapshot<R: Row>(rows: &[R]) -> Snapshot<R> {
    Snapshot::from_rows(rows.iter().copied(), SystemTime::UNIX_EPOCH)
}

fn listener<R: Row>(number: u16) -> R {
    let port = *SERVICES.get(usize::from(number)).unwrap_or(&(9_000 + number));
    R::new(State::Listen, SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0), None)
}

/// A generator of connections with distinct ends.
struct Connections {
    random: Random,
    used: HashSet<(SocketAddrV6, Option<SocketAddrV6>)>,
}

impl Connections {
    /// A generator of connections whose ends differ from those of `existing`.
    fn new<R: Row>(seed: u64, existing: &[R]) -> Connections {
        let used = existing.iter().map(|row| (row.local(), row.remote())).collect();
        Connections { random: Random::new(seed), used }
    }

    fn next_row<R: Row>(&mut self) -> R {
        loop {
            let (local, remote) = self.ends();
            if self.used.insert((local, Some(remote))) {
                let state = [State::Established, State::Established, State::Established, State::TimeWait];
                return R::new(self.random.one_of(&state), local, Some(remote));
            }
        }
    }

    /// Both ends of a connection.
    ///
    /// Of 20 connections, 14 were accepted from anywhere, 3 go out to a service of a
    /// neighbouring network, 2 use the loopback address and 1 uses link-local addresses.
    fn ends(&mut self) -> (SocketAddrV6, SocketAddrV6) {
        let random = &mut self.random;
        let service = random.one_of(&SERVICES);
        let ephemeral = 32_768 + random.below(28_232) as u16;
        let global = random.one_of(&GLOBAL);
        match random.below(20) {
            0..14 => (end(global, service), end(remote_client(random), ephemeral)),
            14..17 => (end(global, ephemeral), end(host_in(0x2001_0DB8_0099 << 80, random), service)),
            17 => (end(Ipv6Addr::LOCALHOST, service), end(Ipv6Addr::LOCALHOST, ephemeral)),
            18 => (end(Ipv6Addr::LOCALHOST, ephemeral), end(Ipv6Addr::LOCALHOST, service)),
            _ => (end(LINK_LOCAL, service), end(host_in(0xFE80 << 112, random), ephemeral)),
        }
    }
}

fn end(address: Ipv6Addr, port: u16) -> SocketAddrV6 {
    // The scope id is the index of the network interface.
    SocketAddrV6::new(address, port, 0, if address.is_unicast_link_local() { 2 } else { 0 })
}

/// The address of one of 200 hosts in this network.
fn host_in(network: u128, random: &mut Random) -> Ipv6Addr {
    Ipv6Addr::from_bits(network | 0x5054_00FF_FE00_0000 | random.below(200) as u128)
}

/// The address of a customer of one of 1,000 providers.
fn remote_client(random: &mut Random) -> Ipv6Addr {
    let provider = 0x2001_0000 + (random.below(1_000) as u128) * 0x101;
    let site = u128::from(random.next() & 0xFFFF_FF00);
    let host = u128::from(random.next());
    Ipv6Addr::from_bits(provider << 96 | site << 64 | host)
}
