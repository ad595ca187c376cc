//! Tests that look-ups by the kernel find real sockets of all kinds that a dump skips.

use std::io::Read;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV6, TcpListener, TcpStream};
use std::time::Instant;

use rustix::io::Errno;
use socket2::{Domain, SockRef, Socket as AnySocket, Type};

use super::tests::refresh_rows;
use super::*;
use crate::row::class::BasicRow;
use crate::row::state::State;
use crate::system::linux::netlink::conn::DATAGRAM;
use crate::system::linux::netlink::event_socket::{Counts, EventSocket, datagram};
use crate::system::linux::netlink::events::Merger;
use crate::system::linux::netlink::transport::Received;

/// A kernel socket that removes all sockets on these ports from dumps.
#[derive(Debug)]
struct Skipping {
    kernel: KernelSocket,
    ports: Vec<u16>,
}

const NLM_F_MULTI: u16 = 0x2;
const NLMSG_NOOP: u16 = 1;
const SOCK_DIAG_BY_FAMILY: u16 = 20;

impl Transport for Skipping {
    fn send(&mut self, request: &[u8]) -> Result<(), Errno> {
        self.kernel.send(request)
    }

    fn receive(&mut self, into: &mut [u8]) -> Result<Received, Errno> {
        let received = self.kernel.receive(into)?;
        let u16_at = |bytes: &[u8], at: usize| u16::from_ne_bytes(bytes[at..at + 2].try_into().unwrap());
        let mut rest = &mut into[..received.length.min(DATAGRAM)];
        while !rest.is_empty() {
            let length = u32::from_ne_bytes(rest[..4].try_into().unwrap()).next_multiple_of(4) as usize;
            let (message, after) = rest.split_at_mut(length.min(rest.len()));
            rest = after;
            let is_dumped = u16_at(message, 4) == SOCK_DIAG_BY_FAMILY && u16_at(message, 6) & NLM_F_MULTI != 0;
            if is_dumped && [20, 22].iter().any(|at| self.ports.contains(&u16::from_be(u16_at(message, *at)))) {
                message[4..6].copy_from_slice(&NLMSG_NOOP.to_ne_bytes());
            }
        }
        Ok(received)
    }

    fn wait(&mut self, timeout: Duration) -> Result<(), Errno> {
        self.kernel.wait(timeout)
    }

    fn now(&mut self) -> Duration {
        self.kernel.now()
    }
}

fn pair(listener: &TcpListener, address: SocketAddr) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(address).unwrap();
    (client, listener.accept().unwrap().0)
}

/// A listener on all addresses, IPv4 included, that is bound to the loopback interface.
fn bound_to_loopback() -> TcpListener {
    let socket = AnySocket::new(Domain::IPV6, Type::STREAM, None).unwrap();
    socket.set_only_v6(false).unwrap();
    socket.bind_device(Some(b"lo")).unwrap();
    socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into()).unwrap();
    socket.listen(8).unwrap();
    socket.into()
}

#[test]
fn lists_skipped_sockets_as_long_as_they_exist() {
    let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
    let device_bound = bound_to_loopback();
    let address = listener.local_addr().unwrap();
    let ports = vec![address.port(), device_bound.local_addr().unwrap().port()];
    let is_ours = |row: &BasicRow| {
        ports.contains(&row.local().port()) || row.remote().is_some_and(|end| ports.contains(&end.port()))
    };
    let ends = |row: &BasicRow| (row.local(), row.remote());
    // Connections of other programs may be in TIME-WAIT on these ports. Their ends are not reused so soon.
    let mut others = refresh_rows(&mut SockDiag::open().unwrap()).0.unwrap();
    others.retain(|row| is_ours(row) && row.remote().is_some());
    let others: Vec<_> = others.iter().map(ends).collect();

    let open = pair(&listener, address);
    let half_closed = pair(&listener, address);
    half_closed.0.shutdown(Shutdown::Write).unwrap();
    let mapped = pair(&device_bound, (Ipv4Addr::LOCALHOST, ports[1]).into());
    let bound = pair(&device_bound, (Ipv6Addr::LOCALHOST, ports[1]).into());
    let unaccepted = TcpStream::connect(address).unwrap();

    let (kernel, port) = KernelSocket::open().unwrap();
    let mut netlink = SockDiag::over(Skipping { kernel, ports: Vec::new() }, port);
    let mut ours = || {
        let mut rows = refresh_rows(&mut netlink).0.unwrap();
        rows.retain(|row| is_ours(row) && !others.contains(&ends(row)));
        rows.sort_unstable();
        netlink.conn.transport.ports.clone_from(&ports);
        rows
    };
    let before = ours();
    // Two listeners and both sides of five connections, except the IPv4 client of `mapped`, which is not in this table.
    assert_eq!(before.len(), 2 + 5 * 2 - 1, "{before:#?}");
    for state in [State::Listen, State::Established, State::CloseWait] {
        assert!(before.iter().any(|row| row.state() == state), "{state}");
    }
    // States are not compared: the peer of CLOSE-WAIT moves from FIN-WAIT-1 to FIN-WAIT-2.
    for _ in 0..3 {
        assert!(ours().iter().map(ends).eq(before.iter().map(ends)));
    }
    // An orderly close leaves the client's end in TIME-WAIT. The other connections are reset and leave nothing.
    let closed = (open.0.local_addr().unwrap(), address);
    let (client, mut server) = open;
    drop(client);
    assert_eq!(server.read(&mut [0]).unwrap(), 0);
    for client in [&half_closed.0, &mapped.0, &bound.0, &unaccepted] {
        SockRef::from(client).set_linger(Some(Duration::ZERO)).unwrap();
    }
    drop((server, half_closed, mapped, bound, unaccepted, listener, device_bound));
    for _ in 0..3 {
        let rows = ours();
        let is_closed = |row: &BasicRow| {
            row.state() == State::TimeWait
                && SocketAddr::from(row.local()) == closed.0
                && row.remote().map(SocketAddr::from) == Some(closed.1)
        };
        assert!(rows.len() == 1 && is_closed(&rows[0]), "{rows:#?}");
    }
}

/// Refreshes twice and skips `listeners` in the second dump.
///
/// Returns the number of these listeners in the second table. If `is_small` is true, the receive buffer is as small as
/// the kernel allows.
fn refresh_twice(listeners: &[TcpListener], is_small: bool) -> (usize, SockDiag<Skipping>) {
    let ports: Vec<u16> = listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
    let (kernel, port) = KernelSocket::open().unwrap();
    if is_small {
        kernel.shrink_receive_buffer();
    }
    let mut netlink = SockDiag::over(Skipping { kernel, ports: Vec::new() }, port);
    let mut listed = || {
        let rows = refresh_rows(&mut netlink).0.unwrap();
        netlink.conn.transport.ports.clone_from(&ports);
        rows.iter().filter(|row| row.state() == State::Listen && ports.contains(&row.local().port())).count()
    };
    assert_eq!(listed(), listeners.len());
    let listed = listed();
    (listed, netlink)
}

#[test]
fn a_small_receive_buffer_reduces_the_batch_and_fails_no_look_up() {
    let listeners: Vec<_> = (0..100).map(|_| TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap()).collect();
    let (listed, netlink) = refresh_twice(&listeners, false);
    assert_eq!((listed, netlink.unreconciled(), netlink.conn.batch_size), (100, 0, 32));
    let (listed, netlink) = refresh_twice(&listeners, true);
    assert_eq!((listed, netlink.unreconciled()), (100, 0));
    assert!(netlink.conn.batch_size < 32, "{}", netlink.conn.batch_size);
}

#[test]
fn lists_skipped_minisocks_of_connections_that_no_dump_has_listed() {
    let events = EventSocket::open(1 << 20).unwrap();
    let listeners = [TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap(), bound_to_loopback()];
    let ports = listeners.each_ref().map(|listener| listener.local_addr().unwrap().port());
    let mut sides = Vec::new();
    for (listener, port) in listeners.iter().zip(ports) {
        let (mut client, server) = pair(listener, (Ipv6Addr::LOCALHOST, port).into());
        sides.push((port, client.local_addr().unwrap().port()));
        drop(server);
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    }

    // The events of the sides that are in TIME-WAIT, each twice.
    let mut merger = Merger::default();
    let (mut buffer, mut received, mut ids) = (datagram(), Vec::new(), Vec::new());
    let is_ours = |local: SocketAddrV6, remote: SocketAddrV6| sides.contains(&(local.port(), remote.port()));
    let start = Instant::now();
    while ids.len() < sides.len() {
        assert!(start.elapsed() < Duration::from_secs(10), "{} events", ids.len());
        events.receive(&mut buffer, &mut received, usize::MAX, &mut Counts::default());
        merger.begin(|pending| pending.append(&mut received));
        ids = merger.closed(is_ours).collect();
    }
    ids.extend_from_within(..);

    let (kernel, port) = KernelSocket::open().unwrap();
    let mut netlink = SockDiag::over(Skipping { kernel, ports: ports.to_vec() }, port);
    let mut listed = |states, ids: &mut [SockId], chains| {
        let mut rows = Vec::new();
        netlink
            .dump(&Selection::in_states(states), Extensions::NONE, Closed { ids, chains }, |socket, _| {
                rows.extend(
                    ports.contains(&socket.local.port()).then_some((socket.local.port(), socket.remote.port())),
                );
                Ok(())
            })
            .unwrap();
        rows.sort_unstable();
        rows
    };
    let established = 1 << 1;
    sides.sort_unstable();
    assert_eq!(listed(u32::MAX, &mut ids, usize::MAX), [], "a hash of short chains");
    assert_eq!(listed(established, &mut ids, 0), [], "TIME-WAIT is not requested");
    assert_eq!(listed(u32::MAX, &mut ids, 0), sides);
    // From now on they are known.
    assert_eq!(listed(u32::MAX, &mut [], usize::MAX), sides);
}
