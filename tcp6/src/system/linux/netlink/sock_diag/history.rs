//! Simulates histories of the kernel's table and checks every table that a [`SockDiag`] returns.
//!
//! A history is decoded from arbitrary bytes. A table must list each socket once, no socket that did not exist, and
//! every socket of the previous table that existed throughout the refresh. Statistics must be those of the rows.

use core::mem;
use core::num::NonZeroU64;
use core::time::Duration;
use std::collections::BTreeSet;
use std::net::SocketAddrV6;

use super::model::{ESTABLISHED, Event, FIN_WAIT_2, Faults, LISTEN, Model, PORT, Ports, Sock, TIME_WAIT, Wanted};
use super::{Closed, Extensions, Selection, SockDiag, SockId, retry};
use crate::row::class::OwnerModuleRow;
use crate::stats::kinds::StatsKinds;
use crate::stats::table::{SocketStats, Stats};
use crate::stats::tcp_info::TcpInfo;
use crate::system::linux::netlink::inet_diag::Attributes;
use crate::system::linux::socket::Socket;
use crate::table::port_set::PortSet;
use crate::table::query::Query;

/// The number of refreshes, or a description of the fault in the last one.
pub(crate) type Outcome = Result<usize, String>;

/// The bytes that a history is decoded from.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    /// The next byte; 0 after the last one.
    fn byte(&mut self) -> u8 {
        let Some((byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *byte
    }

    fn event(&mut self) -> Event {
        let (kind, number) = (self.byte(), usize::from(self.byte()));
        match kind % 16 {
            0 => Event::Listen,
            1 => Event::ListenOnSameEnd(number),
            2 => Event::ConnectWithoutCookie,
            3..=6 => Event::Connect,
            7 => Event::Change(number, self.byte() % 13),
            8 | 9 => Event::Close(number, TIME_WAIT),
            10 => Event::Close(number, FIN_WAIT_2),
            11 => Event::Reuse(number),
            _ => Event::Reset(number),
        }
    }

    fn wanted(&mut self) -> Wanted {
        let states = match self.byte() % 8 {
            0 => 1 << ESTABLISHED,
            1 => 1 << TIME_WAIT | 1 << FIN_WAIT_2,
            2 => 1 << LISTEN,
            _ => 0xFFE,
        };
        let ports = match self.byte() % 8 {
            0 => Ports::Local(self.byte().into()),
            1 => Ports::Remote(443),
            // A set of ports has at most 64.
            2 => Ports::LocalUpTo(u16::from(self.byte() % 64)),
            3 => Ports::EitherUpTo(u16::from(self.byte() % 64)),
            _ => Ports::Any,
        };
        Wanted { states, ports }
    }

    fn faults(&mut self) -> Faults {
        let mut faults = Faults::default();
        match self.byte() % 16 {
            0 => faults.capacity = Some(usize::from(self.byte() % 33)),
            // Not ENOENT or ESTALE, which are replies.
            1 => faults.refused = Some(i32::from(self.byte() % 133)).filter(|errno| ![0, 2, 116].contains(errno)),
            2 => faults.silent = true,
            3 => (faults.silent, faults.interrupted) = (true, true),
            4..=6 => faults.answers_with_another = true,
            7 => faults.refuses_programs = true,
            _ => {}
        }
        faults
    }
}

/// Simulates the history that `input` encodes.
pub(crate) fn run(input: &[u8]) -> Outcome {
    let mut input = Input(input);
    let mut netlink = SockDiag::over(Model::default(), PORT);
    let mut stats = Stats::new();
    let mut previous = (Wanted::default(), BTreeSet::new());
    let mut refreshes = 0;
    (0..input.byte() % 64).for_each(|_| netlink.conn.transport.apply(Event::Connect));
    while !input.0.is_empty() {
        let model = &mut netlink.conn.transport;
        match input.byte() % 4 {
            0 | 1 => {
                let event = input.event();
                model.apply(event);
            }
            // Up to 2 s, or up to 65 s, which exceeds the lifetime of a minisock.
            2 => model.pass(u64::from(input.byte()) * if input.byte() % 2 == 0 { 8 } else { 256 }),
            _ => {
                refreshes += 1;
                let wanted = input.wanted();
                let piece = input.byte();
                model.piece = usize::from(piece % 16) + 1;
                let kinds = if piece & 0x10 == 0 { StatsKinds::QUEUES } else { StatsKinds::DATA };
                model.interrupts_pieces = piece & 0x20 != 0;
                model.faults = input.faults();
                model.events = (0..input.byte() % 8).map(|_| input.event()).collect();
                let chains = if piece & 0x40 == 0 { 0 } else { usize::MAX };
                let table = refresh(&mut netlink, wanted, &previous, kinds, chains, &mut stats)?;
                previous = (wanted, table);
            }
        }
    }
    Ok(refreshes)
}

/// What a refresh requests.
fn selection(wanted: Wanted) -> Selection {
    let up_to = |last| PortSet::new(0..=last).expect("at most 64 ports");
    let query = match wanted.ports {
        Ports::Any => Query::all(),
        Ports::Local(port) => Query::all().local_port(port),
        Ports::Remote(port) => Query::all().remote_port(port),
        Ports::LocalUpTo(last) => Query::all().local_ports(up_to(last)),
        Ports::EitherUpTo(last) => Query::all().ports(up_to(last)),
    };
    Selection::of(&query).with_states(wanted.states)
}

/// Refreshes, checks the table and returns its cookies.
///
/// `previous` has what the previous table wanted, and its cookies. `chains` is the number of chains of the hash.
fn refresh(
    netlink: &mut SockDiag<Model>,
    wanted: Wanted,
    previous: &(Wanted, BTreeSet<u64>),
    kinds: StatsKinds,
    chains: usize,
    stats: &mut Stats,
) -> Result<BTreeSet<u64>, String> {
    let unreconciled = netlink.unreconciled();
    let are_paused = netlink.look_ups.are_paused(Duration::from_millis(netlink.conn.transport.clock));
    let faults = netlink.conn.transport.faults;
    let has_events = !netlink.conn.transport.events.is_empty();
    netlink.conn.transport.begin_refresh(wanted);
    let closed = mem::take(&mut netlink.conn.transport.closed);
    let any_state = Wanted { states: u32::MAX, ..wanted };
    let is_selected = |ends: &&(SocketAddrV6, SocketAddrV6)| any_state.selects(TIME_WAIT, ends.0.port(), ends.1.port());
    let ids = closed.iter().filter(is_selected).map(|(local, remote)| SockId::of_ends(*local, Some(*remote), 0, None));
    let mut ids: Vec<SockId> = ids.collect();
    let mut rows: Vec<Socket> = Vec::new();
    let dump = || {
        rows.clear();
        let closed = Closed { ids: &mut ids, chains };
        stats.clear();
        netlink.dump(&selection(wanted), Extensions::of(kinds), closed, |socket, attributes| {
            if wanted.selects(socket.state, socket.local.port(), socket.remote.port()) {
                let row = socket.to_row::<OwnerModuleRow>();
                stats.push_reported(&row, &Attributes::parse(attributes)?.reported(&socket))?;
                rows.push(socket);
            }
            Ok(())
        })
    };
    retry(dump, |_: Duration| ()).map_err(|error| format!("refresh failed: {error}"))?;
    let is_reconciled = netlink.unreconciled() == unreconciled;
    let model = &mut netlink.conn.transport;
    model.waiting = rows.iter().filter(|row| row.state == TIME_WAIT).map(|row| row.cookie).collect();

    stats.index_entries().map_err(|error| error.to_string())?;
    check_stats(&rows, kinds, stats)?;
    let mut cookies = BTreeSet::new();
    for row in rows {
        if row.local.port() == 0 || !model.existed.contains(&(row.cookie, row.state)) {
            return Err(format!("a row of a socket that did not exist: {row:?}"));
        }
        if !cookies.insert(row.cookie) && row.cookie != 0 {
            return Err(format!("duplicate row: {row:?}"));
        }
    }
    if previous.0 == wanted && is_reconciled {
        if let Some(cookie) = previous.1.intersection(&model.persistent).find(|cookie| !cookies.contains(cookie)) {
            let sock = model.sockets.iter().find(|sock| sock.cookie == *cookie);
            let (now, looked_up) = (model.clock, &model.looked_up);
            return Err(format!("a persistent socket is missing: {sock:x?} at {now:x}, looked up: {looked_up:x?}"));
        }
    }
    let can_succeed = faults.capacity.is_none() && faults.refused.is_none() && !faults.silent;
    if chains == 0 && can_succeed && !are_paused {
        let is_lost = |sock: &&Sock| {
            closed.contains(&sock.ends()) && model.persistent.contains(&sock.cookie) && !cookies.contains(&sock.cookie)
        };
        if let Some(sock) = model.sockets.iter().find(is_lost) {
            return Err(format!("a socket with the ends of a closed connection is missing: {sock:x?}"));
        }
    }
    if !has_events {
        if let Some(cookie) = model.persistent.iter().find(|cookie| !cookies.contains(cookie)) {
            return Err(format!("a socket is missing although the table did not change: {cookie:#x}"));
        }
    }
    if let Some(cookie) = model.looked_up.iter().find(|cookie| model.listed.contains(cookie)) {
        return Err(format!("looked up although it was listed: {cookie:#x}"));
    }
    if can_succeed && model.looked_up.iter().collect::<BTreeSet<_>>().len() != model.looked_up.len() {
        return Err(format!("looked up twice: {:x?}", model.looked_up));
    }
    let looked_up_ends: BTreeSet<_> = model.looked_up_ends.iter().collect();
    if can_succeed && looked_up_ends.len() != model.looked_up_ends.len() {
        return Err(format!("looked up twice: {:?}", model.looked_up_ends));
    }
    if let Some(ends) = looked_up_ends.into_iter().find(|ends| model.listed_ends.contains(ends)) {
        return Err(format!("looked up although it was listed: {ends:?}"));
    }
    if can_succeed && model.expired_look_ups > 1 {
        return Err(format!("{} look-ups of expired connections", model.expired_look_ups));
    }
    if model.refused_programs > 1 {
        return Err("a program was sent after it had been refused".to_owned());
    }
    if model.waits > 1_000 {
        return Err(format!("waited {} ms for look-ups", model.waits));
    }
    Ok(cookies)
}

/// Checks that the statistics are those of the rows, and that a row is found if its socket has a
/// cookie.
fn check_stats(rows: &[Socket], kinds: StatsKinds, stats: &Stats) -> Result<(), String> {
    if stats.len() != rows.len() {
        return Err(format!("{} statistics of {} rows", stats.len(), rows.len()));
    }
    for (row, listed) in rows.iter().zip(stats.iter()) {
        let is_minisock = row.inode == 0;
        let expected = (kinds == StatsKinds::DATA && !is_minisock).then_some(row.cookie);
        let acknowledged = |stats: &SocketStats<'_>| stats.tcp_info().and_then(TcpInfo::bytes_acked);
        if (listed.cookie().map_or(0, NonZeroU64::get), acknowledged(&listed)) != (row.cookie, expected) {
            return Err(format!("{listed:?} are the statistics of {row:?}"));
        }
        let found = stats.get(&row.to_row::<OwnerModuleRow>());
        if row.cookie != 0 && found.as_ref().and_then(acknowledged) != expected {
            return Err(format!("{found:?} were found for {row:?}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_table_lists_each_socket_once_and_all_that_persist() {
        let config = ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() };
        proptest!(config, |(input in vec(any::<u8>(), 0..600))| {
            prop_assert_eq!(run(&input).err(), None);
        });
    }
}
