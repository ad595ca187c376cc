//! The rows: connections, or processes with the sum of their connections.

use std::net::SocketAddrV6;

use tcp6::State;

use super::traffic::Traffic;
use crate::owner::Named;

/// A connection or a process in one interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub owner: Named,
    pub kind: Kind,
    pub traffic: Traffic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Connection { state: State, local: SocketAddrV6, remote: Option<SocketAddrV6> },
    Process { connections: usize },
}

impl Entry {
    pub fn state(&self) -> Option<State> {
        match self.kind {
            Kind::Connection { state, .. } => Some(state),
            Kind::Process { .. } => None,
        }
    }

    pub fn local(&self) -> Option<SocketAddrV6> {
        match self.kind {
            Kind::Connection { local, .. } => Some(local),
            Kind::Process { .. } => None,
        }
    }

    pub fn remote(&self) -> Option<SocketAddrV6> {
        match self.kind {
            Kind::Connection { remote, .. } => remote,
            Kind::Process { .. } => None,
        }
    }

    /// The number of connections.
    pub fn connections(&self) -> usize {
        match self.kind {
            Kind::Connection { .. } => 1,
            Kind::Process { connections } => connections,
        }
    }
}

/// The sum of the connections of each process, in the order of their names.
pub fn by_process(connections: &[Entry]) -> Vec<Entry> {
    let mut sorted: Vec<&Entry> = connections.iter().collect();
    sorted.sort_by(|a, b| a.owner.sort_key().cmp(&b.owner.sort_key()));
    let groups = sorted.chunk_by(|a, b| a.owner == b.owner);
    let sum = |group: &[&Entry]| Entry {
        owner: group[0].owner.clone(),
        kind: Kind::Process { connections: group.len() },
        traffic: group.iter().map(|entry| entry.traffic).sum(),
    };
    groups.map(sum).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use tcp6::Owner;

    use super::super::traffic::tests::bytes;
    use super::*;

    /// A connection from this port of the process with this id; 0 means nobody.
    pub fn connection(port: u16, pid: u32, traffic: Traffic) -> Entry {
        let (local, remote) = (format!("[::1]:{port}").parse().unwrap(), Some("[2001:db8::1]:443".parse().unwrap()));
        let owner = if pid == 0 { Owner::Nobody } else { Owner::Process(pid) };
        let name = |pid| Some(if pid < 1_000 { "nginx".into() } else { "curl".into() });
        let kind = Kind::Connection { state: State::Established, local, remote };
        Entry { owner: Named::new(owner, name), kind, traffic }
    }

    #[test]
    fn connections_are_summed_by_process() {
        let entries = [
            connection(1, 700, bytes(100, 0)),
            connection(2, 2_000, bytes(10, 0)),
            connection(3, 700, bytes(200, 2)),
            connection(4, 701, Traffic::default()),
            connection(5, 0, bytes(0, 0)),
        ];
        let processes = by_process(&entries);
        let shown: Vec<_> = processes
            .iter()
            .map(|entry| (entry.owner.to_string(), entry.connections(), entry.traffic.total()))
            .collect();
        let expected = [
            ("2000 curl".to_owned(), 1, Some(5.0)),
            ("700 nginx".to_owned(), 2, Some(151.0)),
            ("701 nginx".to_owned(), 1, None),
            ("nobody".to_owned(), 1, Some(0.0)),
        ];
        assert_eq!(shown, expected);
        assert_eq!(by_process(&[]), []);
    }
}
