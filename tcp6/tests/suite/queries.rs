//! Queries with conditions on the ends, and look-ups of single sockets, for sockets of many kinds.
//!
//! As root, the sockets are in their own network namespace, and every row is compared. Otherwise only the sockets of
//! the test are.

mod find;
mod kinds;

use std::collections::HashSet;
use std::net::{Ipv6Addr, SocketAddrV6};

use kinds::Kinds;
use tcp6::os::linux::OwnerModuleRowExt;
use tcp6::{BasicRow, Buffer, Ipv6Net, OwnerModuleRow, PortSet, Query, Snapshot, State, StateSet, System, Watcher};

use crate::life::namespace::{in_namespaces, test_command};

/// The number of random queries.
const QUERIES: usize = 400;

/// Runs an ignored test in a network namespace, or here if none can be created.
fn in_a_namespace(test: &str) {
    let mut command = in_namespaces(test, false).unwrap_or_else(|| {
        eprintln!("no network namespace: only the sockets of this test are compared");
        test_command(test)
    });
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn random_queries_select_what_a_program_would_select() {
    in_a_namespace("queries::random_queries");
}

/// A query and the same conditions as a closure over the ends and the state.
struct Case {
    query: Query,
    selects: Box<dyn Fn(SocketAddrV6, Option<SocketAddrV6>, State) -> bool>,
}

/// A reproducible sequence of random numbers (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn ports(&mut self, known: &[u16]) -> Vec<u16> {
        let count = self.pick(&[1, 1, 1, 2, 3, 64, 0]);
        (0..count).map(|_| if self.one_in(4) { self.below(65_536) as u16 } else { self.pick(known) }).collect()
    }

    fn net(&mut self, known: &[Ipv6Addr]) -> Ipv6Net {
        let length = self.pick(&[0, 1, 10, 64, 80, 95, 96, 97, 120, 127, 128]);
        Ipv6Net::new(self.pick(known), length).unwrap()
    }

    fn case(&mut self, ports: &[u16], addresses: &[Ipv6Addr]) -> Case {
        let mut case = Case { query: Query::all(), selects: Box::new(|_, _, _| true) };
        let mut and = |query: Query, condition: Box<dyn Fn(SocketAddrV6, Option<SocketAddrV6>, State) -> bool>| {
            let before = std::mem::replace(&mut case.selects, Box::new(|_, _, _| true));
            case.query = query;
            case.selects =
                Box::new(move |local, remote, state| before(local, remote, state) && condition(local, remote, state));
            query
        };
        let mut query = Query::all();
        if self.one_in(3) {
            let set = self.ports(ports);
            query = and(
                query.local_ports(PortSet::new(set.clone()).unwrap()),
                Box::new(move |local, _, _| set.contains(&local.port())),
            );
        }
        if self.one_in(3) {
            let set = self.ports(ports);
            query = and(
                query.remote_ports(PortSet::new(set.clone()).unwrap()),
                Box::new(move |_, remote, _| remote.is_some_and(|remote| set.contains(&remote.port()))),
            );
        }
        if self.one_in(3) {
            let set = self.ports(ports);
            query = and(
                query.ports(PortSet::new(set.clone()).unwrap()),
                Box::new(move |local, remote, _| {
                    set.contains(&local.port()) || remote.is_some_and(|remote| set.contains(&remote.port()))
                }),
            );
        }
        // The prefix is compared as text of bits, not with the code of the library.
        let is_in = |net: Ipv6Net, address: Ipv6Addr| {
            let bits = |address: Ipv6Addr| format!("{:0128b}", address.to_bits());
            bits(net.addr())[..net.prefix_len().into()] == bits(address)[..net.prefix_len().into()]
        };
        if self.one_in(4) {
            let net = self.net(addresses);
            query = and(query.local_net(net), Box::new(move |local, _, _| is_in(net, *local.ip())));
        }
        if self.one_in(4) {
            let net = self.net(addresses);
            let condition =
                move |_, remote: Option<SocketAddrV6>, _| remote.is_some_and(|remote| is_in(net, *remote.ip()));
            query = and(query.remote_net(net), Box::new(condition));
        }
        if self.one_in(4) {
            let is_mapped =
                |end: SocketAddrV6| end.ip().to_string().starts_with("::ffff:") && end.ip().segments()[5] == 0xFFFF;
            let condition =
                move |local, remote: Option<SocketAddrV6>, _| !is_mapped(local) && !remote.is_some_and(is_mapped);
            query = and(query.without_v4_mapped(), Box::new(condition));
        }
        if self.one_in(3) {
            let states = self.pick(&[
                StateSet::LISTEN,
                StateSet::ESTABLISHED,
                StateSet::ESTABLISHED | StateSet::TIME_WAIT,
                !StateSet::LISTEN,
            ]);
            and(query.states(states), Box::new(move |_, _, state| states.has(state)));
        }
        case
    }
}

#[test]
#[ignore = "not a test: runs in the namespace of random_queries_select_what_a_program_would_select"]
fn random_queries() {
    let kinds = Kinds::open();
    let is_alone = kinds::is_alone();
    let mine = |row: &OwnerModuleRow| is_alone || kinds.ports.contains(&row.local().port());
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let all: Snapshot<OwnerModuleRow> = {
        let table = system.table::<OwnerModuleRow>(&Query::all(), &mut buffer).unwrap();
        table.iter().filter(|row| mine(row)).copied().collect()
    };
    let ports: Vec<u16> = kinds.ports.iter().copied().collect();
    let addresses: Vec<Ipv6Addr> = {
        let ends = all.iter().flat_map(|row| [Some(row.local()), row.remote()]).flatten();
        ends.map(|end| *end.ip()).collect::<HashSet<_>>().into_iter().collect()
    };
    let states: HashSet<State> = all.iter().map(OwnerModuleRow::state).collect();
    for state in [State::Listen, State::Established, State::TimeWait, State::FinWait2, State::CloseWait, State::SynSent]
    {
        assert!(states.contains(&state), "no socket is in {state}: {states:?}");
    }
    assert!(addresses.iter().any(|address| address.to_ipv4_mapped().is_some()), "{addresses:?}");

    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut selected = HashSet::new();
    for number in 0..QUERIES {
        let Case { query, selects } = random.case(&ports, &addresses);
        let expected: Snapshot<OwnerModuleRow> =
            all.iter().filter(|row| selects(row.local(), row.remote(), row.state())).copied().collect();
        let calls = system.calls();
        // The second table is reconciled with the first.
        for _ in 0..2 {
            let table = system.table::<OwnerModuleRow>(&query, &mut buffer).unwrap();
            let found: Snapshot<OwnerModuleRow> = table.iter().filter(|row| mine(row)).copied().collect();
            assert_eq!(found.rows(), expected.rows(), "query {number}: {query:?}");
        }
        assert_eq!(system.calls() - calls, 2, "the kernel refused query {number}: {query:?}");
        selected.insert(expected.len());
    }
    assert!(selected.contains(&0) && selected.contains(&all.len()) && selected.len() > 10, "{selected:?}");
}

#[test]
fn a_watcher_reports_the_changes_that_its_query_selects() {
    in_a_namespace("queries::watched");
}

#[test]
#[ignore = "not a test: runs in the namespace of a_watcher_reports_the_changes_that_its_query_selects"]
fn watched() {
    let mut kinds = Kinds::open();
    let port = kinds.plain.0.local_addr().unwrap().as_socket_ipv6().unwrap().port();
    let query = Query::all().port(port);
    let mut watchers = [
        Watcher::<BasicRow, _>::new(System::new().unwrap()).report(query),
        Watcher::<BasicRow, _>::new(System::new().unwrap()).with_query(query),
    ];
    watchers.iter_mut().for_each(|watcher| assert_eq!(watcher.poll().unwrap().count(), 0));
    // The second connection is on another port.
    kinds.close_plain();
    kinds.close_other();
    for watcher in &mut watchers {
        let changes = watcher.poll_owned().unwrap();
        assert!(!changes.is_empty());
        for change in changes {
            let row = *change.as_ref().row();
            assert!(row.local().port() == port || row.remote().is_some_and(|remote| remote.port() == port), "{row:?}");
        }
    }
}

#[test]
fn a_socket_reports_the_interface_to_which_it_is_bound() {
    in_a_namespace("queries::interfaces");
}

#[test]
#[ignore = "not a test: runs in the namespace of a_socket_reports_the_interface_to_which_it_is_bound"]
fn interfaces() {
    let kinds = Kinds::open();
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    let table = system.table::<OwnerModuleRow>(&Query::all(), &mut buffer).unwrap();
    let interface = |end: SocketAddrV6| {
        let row = table.iter().find(|row| row.local().port() == end.port()).unwrap();
        row.socket_info().unwrap().interface.map(|index| index.get())
    };
    assert_eq!(interface(kinds.wildcard_end()), None);
    if let Some(bound) = kinds.bound_end() {
        assert_eq!(interface(bound), Some(kinds::loopback_index()));
    }
}
