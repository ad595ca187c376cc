//! Checks that a new connection has its owner in the first table that contains it.
//!
//! As root, the check runs as the user `nobody`, who cannot read the descriptors of other users.

use std::collections::BTreeSet;
use std::net::SocketAddrV6;

use tcp6::{Buffer, Owner, OwnerPidRow, Query, Row, State, System};

use super::actor::Actor;
use super::namespace::{as_nobody, in_namespaces, test_command};
use super::process::Control;
use super::witness::{self, Witness};

/// New connections per round, one for each server.
const SERVERS: usize = 4;

/// Number of rounds. Together they open 1,000 connections.
const ROUNDS: usize = 250;

#[test]
fn new_connections_have_their_owner_in_the_first_table() {
    if !witness::is_available() {
        return eprintln!("skipped: ss is not installed");
    }
    const INSIDE: &str = "life::first_table::inside";
    let isolated = if rustix::process::geteuid().is_root() { in_namespaces(INSIDE, true) } else { None };
    let mut command = isolated.unwrap_or_else(|| test_command(INSIDE));
    let output = command.env(MARKER, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    text.lines().filter(|line| line.contains("skipped:")).for_each(|line| eprintln!("{line}"));
}

/// Environment variable that marks the process inside the namespaces.
const MARKER: &str = "TCP6_LIVES_FIRST_TABLE";

#[test]
#[ignore = "not a test: runs inside the namespaces"]
fn inside() {
    if std::env::var_os(MARKER).is_none() {
        return;
    }
    if rustix::process::geteuid().is_root() {
        return as_nobody("life::first_table::inside");
    }
    let mut servers = Servers::start();
    let (mut system, mut buffer, mut witness) = (System::new().unwrap(), Buffer::new(), Witness::default());
    system.table::<OwnerPidRow>(&Query::all(), &mut buffer).unwrap();
    let (mut correct, mut wrong) = (0, Vec::new());
    for round in 0..ROUNDS {
        // In three of four rounds, a table is also read before the new connections exist.
        servers.close();
        if round % 4 != 3 {
            system.table::<OwnerPidRow>(&Query::all(), &mut buffer).unwrap();
        }
        let served = servers.serve();
        let table = system.table::<OwnerPidRow>(&Query::all(), &mut buffer).unwrap();
        let rows: Vec<OwnerPidRow> = table.to_vec();
        let lines = witness.read();
        for (ends, pid) in served {
            let is_served = |local: SocketAddrV6, remote: Option<SocketAddrV6>| {
                (local.port(), remote.map(|end| end.port())) == ends
            };
            let in_ss: Vec<_> = lines.iter().filter(|line| is_served(line.seen.local, line.seen.remote)).collect();
            assert_eq!(in_ss.len(), 1, "{ends:?}: {in_ss:?}");
            assert_eq!((in_ss[0].seen.state, &in_ss[0].pids), (State::Established, &BTreeSet::from([pid])));
            let owners: Vec<Owner> =
                rows.iter().filter(|row| is_served(row.local(), row.remote())).map(Row::owner).collect();
            if owners == [Owner::Process(pid)] {
                correct += 1;
            } else {
                wrong.push(format!("round {round}, ports {ends:?}, expected pid {pid}: {owners:?}"));
            }
        }
    }
    let first = &wrong[..wrong.len().min(12)];
    assert_eq!(correct, SERVERS * ROUNDS, "{} owners are wrong in the first table: {first:#?}", wrong.len());
}

/// The local and remote port of a server's connection, and the pid that must own it.
type Served = ((u16, Option<u16>), u32);

/// Four servers:
///
/// * Server 0, in this process, and server 1, in another process, serve one connection at a time. Both have a thread
///   that is blocked in accept() before each connection.
/// * `MIXED` serves IPv4 and IPv6 connections in turn, and always has the same number of connections.
/// * `FORKING` starts a child for each connection.
struct Servers {
    control: Control,
    /// This process: server 0, and all clients.
    own: Actor,
    ports: [u16; SERVERS],
    /// Port of the IPv4 listener of `MIXED`.
    port_4: u16,
    /// For each server, the numbers of its connection and of the client.
    open: [Option<(u32, u32)>; SERVERS],
    /// The child of `FORKING` that holds its connection.
    forked_child: Option<u32>,
    last: u32,
}

const MIXED: u32 = 2;
const FORKING: u32 = 3;
/// Resource numbers, the same in every server.
const LISTENER: u32 = 1;
const LISTENER_4: u32 = 2;
const CONNECTION_4: u32 = 3;

impl Servers {
    /// Starts the servers and opens their listeners.
    fn start() -> Servers {
        let name = format!("tcp6-first-{}", std::process::id());
        let own = Actor::new(&name, 0).unwrap();
        let control = Control::new(name).unwrap();
        let (ports, open) = ([0; SERVERS], [None; SERVERS]);
        let mut servers = Servers { control, own, ports, port_4: 0, open, forked_child: None, last: 100 };
        for server in 0..SERVERS as u32 {
            if server != 0 {
                // The child exits when this process does, because its connection closes.
                drop(servers.control.spawn(server).unwrap());
            }
            servers.ports[server as usize] = servers.request(server, &format!("listen {LISTENER} any 0 64"));
        }
        servers.port_4 = servers.request(MIXED, &format!("listen {LISTENER_4} v4 0 64"));
        servers
    }

    /// Sends an order, which must succeed, and returns the port in the answer, or 0 without a port.
    fn request(&mut self, server: u32, order: &str) -> u16 {
        let answer =
            if server == 0 { self.own.execute(order) } else { self.control.request(server, 0, order).unwrap() };
        assert!(answer.split(';').all(|part| part.starts_with("ok")), "{server}: {order}: {answer}");
        answer.rsplit(' ').next().and_then(|port| port.parse().ok()).unwrap_or(0)
    }

    /// Returns a new resource or actor number.
    fn number(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    /// Closes the connections of the previous round.
    ///
    /// Afterwards, servers 0 and 1 are blocked in accept() and have reserved a descriptor, and `MIXED` has an IPv4
    /// connection.
    fn close(&mut self) {
        for server in 0..SERVERS as u32 {
            let number = self.number();
            let before = self.open[server as usize].replace((number, 0));
            let close = before.map_or(String::new(), |(number, _)| format!("close {number};"));
            match server {
                MIXED => {
                    self.request(0, &format!("connect {CONNECTION_4} v4 {} 0", self.port_4));
                    self.request(server, &format!("{close}accept {CONNECTION_4} {LISTENER_4}"));
                }
                FORKING => {}
                _ => drop(self.request(server, &format!("{close}await {number} {LISTENER}"))),
            }
            // All servers except `FORKING` closed before the client, so their ends are in TIME-WAIT afterwards.
            if let Some((_, client)) = before {
                self.request(0, &format!("close {client}"));
            }
        }
    }

    /// Opens a new connection to each server.
    fn serve(&mut self) -> Vec<Served> {
        (0..SERVERS as u32).map(|server| self.serve_one(server)).collect()
    }

    /// Opens a new connection to a server, and lets the server accept it.
    fn serve_one(&mut self, server: u32) -> Served {
        let port = self.ports[server as usize];
        let client = self.number();
        let from = self.request(0, &format!("connect {client} lo {port} 0"));
        let (number, _) = self.open[server as usize].expect("close() has chosen the number");
        self.open[server as usize] = Some((number, client));
        let mut pid = self.control.pids.get(&server).copied().unwrap_or(std::process::id());
        match server {
            MIXED => {
                self.request(server, &format!("close {CONNECTION_4};accept {number} {LISTENER}"));
                self.request(0, &format!("close {CONNECTION_4}"));
            }
            FORKING => {
                let child = self.number();
                self.request(server, &format!("accept {number} {LISTENER}"));
                self.request(server, &format!("fork {child} {number}={number};close {number}"));
                self.control.wait_for_connection(child, 0).unwrap();
                pid = self.control.pids[&child];
                if let Some(before) = self.forked_child.replace(child) {
                    self.control.request(before, 0, "exit").unwrap();
                    self.control.wait_for_exit(before).unwrap();
                }
            }
            _ => drop(self.request(server, &format!("joined {number}"))),
        }
        ((port, Some(from)), pid)
    }
}
