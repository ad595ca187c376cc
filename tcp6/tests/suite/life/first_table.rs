//! A new connection has its owner in the first table that contains it, also for a user who may not look into others.

use std::collections::BTreeSet;
use std::net::SocketAddrV6;

use tcp6::{Buffer, Owner, OwnerPidRow, Query, Row, State, System};

use super::actor::Actor;
use super::namespace::{again, as_nobody, in_namespaces};
use super::process::Control;
use super::witness::{self, Witness};

/// New connections a round, one of each kind of server.
const SERVERS: usize = 4;
const ROUNDS: usize = 250;

#[test]
fn a_thousand_new_connections_have_their_owner_in_the_first_table() {
    if !witness::is_there() {
        return eprintln!("skipped: no ss on this machine");
    }
    const INSIDE: &str = "life::first_table::inside";
    let isolated = if rustix::process::geteuid().is_root() { in_namespaces(INSIDE, true) } else { None };
    let mut command = isolated.unwrap_or_else(|| again(INSIDE));
    let output = command.env(THE_TEST, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    said.lines().filter(|line| line.contains("skipped:")).for_each(|line| eprintln!("{line}"));
}

const THE_TEST: &str = "TCP6_LIVES_FIRST_TABLE";

#[test]
#[ignore = "not a test: what is done in the namespaces"]
fn inside() {
    if std::env::var_os(THE_TEST).is_none() {
        return;
    }
    if rustix::process::geteuid().is_root() {
        return as_nobody("life::first_table::inside");
    }
    let mut servers = Servers::start();
    let (mut system, mut buffer, mut witness) = (System::new().unwrap(), Buffer::new(), Witness::default());
    system.table::<OwnerPidRow>(&Query::all(), &mut buffer).unwrap();
    let (mut right, mut wrong) = (0, Vec::new());
    for round in 0..ROUNDS {
        // Most tables do not show the new connections only, but also that there are none yet.
        servers.close();
        if round % 4 != 3 {
            system.table::<OwnerPidRow>(&Query::all(), &mut buffer).unwrap();
        }
        let served = servers.serve();
        let table = system.table::<OwnerPidRow>(&Query::all(), &mut buffer).unwrap();
        let rows: Vec<OwnerPidRow> = table.to_vec();
        let lines = witness.look();
        for (ends, pid) in served {
            let is_it = |local: SocketAddrV6, remote: Option<SocketAddrV6>| {
                (local.port(), remote.map(|end| end.port())) == ends
            };
            let of_ss: Vec<_> = lines.iter().filter(|line| is_it(line.seen.local, line.seen.remote)).collect();
            assert_eq!(of_ss.len(), 1, "{ends:?}: {of_ss:?}");
            assert_eq!((of_ss[0].seen.state, &of_ss[0].pids), (State::Established, &BTreeSet::from([pid])));
            let owners: Vec<Owner> =
                rows.iter().filter(|row| is_it(row.local(), row.remote())).map(Row::owner).collect();
            if owners == [Owner::Process(pid)] {
                right += 1;
            } else {
                wrong.push(format!("round {round}, {ends:?} of {pid}: {owners:?}"));
            }
        }
    }
    let some = &wrong[..wrong.len().min(12)];
    assert_eq!(right, SERVERS * ROUNDS, "owners are right in the first table; {} are not: {some:#?}", wrong.len());
}

/// The ports of the end of a server, and the pid that it must have.
type Served = ((u16, Option<u16>), u32);

/// An iterative server in this process and one in another, both blocked in accept() before each connection; one that has
/// connections of IPv4 and IPv6 in turn, as many at any time; and one that forks for each connection.
struct Servers {
    control: Control,
    /// This process: the first server, and every client.
    own: Actor,
    ports: [u16; SERVERS],
    port_4: u16,
    /// The connection of each server, and its client.
    open: [Option<(u32, u32)>; SERVERS],
    /// Who holds the connection of the server that forks.
    heir: Option<u32>,
    last: u32,
}

const MIXED: u32 = 2;
const FORKING: u32 = 3;
/// Numbers of what all servers hold.
const LISTENER: u32 = 1;
const LISTENER_4: u32 = 2;
const CONNECTION_4: u32 = 3;

impl Servers {
    fn start() -> Servers {
        let name = format!("tcp6-first-{}", std::process::id());
        let own = Actor::new(&name, 0).unwrap();
        let control = Control::new(name).unwrap();
        let (ports, open) = ([0; SERVERS], [None; SERVERS]);
        let mut servers = Servers { control, own, ports, port_4: 0, open, heir: None, last: 100 };
        for server in 0..SERVERS as u32 {
            if server != 0 {
                // It ends when this process does.
                drop(servers.control.spawn(server).unwrap());
            }
            servers.ports[server as usize] = servers.ask(server, &format!("listen {LISTENER} any 0 64"));
        }
        servers.port_4 = servers.ask(MIXED, &format!("listen {LISTENER_4} v4 0 64"));
        servers
    }

    /// Gives an order that must go well. Gives the port that is in the answer.
    fn ask(&mut self, server: u32, order: &str) -> u16 {
        let answer = if server == 0 { self.own.obey(order) } else { self.control.ask(server, 0, order).unwrap() };
        assert!(answer.split(';').all(|part| part.starts_with("ok")), "{server}: {order}: {answer}");
        answer.rsplit(' ').next().and_then(|port| port.parse().ok()).unwrap_or(0)
    }

    fn number(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    /// The connections of the round before are closed. The servers that are blocked in accept() have reserved a
    /// descriptor again, and the one that is mixed has a connection of IPv4.
    fn close(&mut self) {
        for server in 0..SERVERS as u32 {
            let number = self.number();
            let before = self.open[server as usize].replace((number, 0));
            let close = before.map_or(String::new(), |(number, _)| format!("close {number};"));
            match server {
                MIXED => {
                    self.ask(0, &format!("connect {CONNECTION_4} v4 {} 0", self.port_4));
                    self.ask(server, &format!("{close}accept {CONNECTION_4} {LISTENER_4}"));
                }
                FORKING => {}
                _ => drop(self.ask(server, &format!("{close}await {number} {LISTENER}"))),
            }
            // The server has closed before its client: what is left of it is in TIME-WAIT.
            if let Some((_, client)) = before {
                self.ask(0, &format!("close {client}"));
            }
        }
    }

    /// A new connection for each server.
    fn serve(&mut self) -> Vec<Served> {
        (0..SERVERS as u32).map(|server| self.serve_one(server)).collect()
    }

    fn serve_one(&mut self, server: u32) -> Served {
        let port = self.ports[server as usize];
        let client = self.number();
        let from = self.ask(0, &format!("connect {client} lo {port} 0"));
        let (number, _) = self.open[server as usize].expect("chosen when the one before was closed");
        self.open[server as usize] = Some((number, client));
        let mut pid = self.control.pids.get(&server).copied().unwrap_or(std::process::id());
        match server {
            MIXED => {
                self.ask(server, &format!("close {CONNECTION_4};accept {number} {LISTENER}"));
                self.ask(0, &format!("close {CONNECTION_4}"));
            }
            FORKING => {
                let child = self.number();
                self.ask(server, &format!("accept {number} {LISTENER}"));
                self.ask(server, &format!("fork {child} {number}={number};close {number}"));
                self.control.greet(child, 0).unwrap();
                pid = self.control.pids[&child];
                if let Some(before) = self.heir.replace(child) {
                    self.control.ask(before, 0, "exit").unwrap();
                    self.control.bury(before).unwrap();
                }
            }
            _ => drop(self.ask(server, &format!("joined {number}"))),
        }
        ((port, Some(from)), pid)
    }
}
