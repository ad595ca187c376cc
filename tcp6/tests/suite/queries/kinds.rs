//! Sockets of many kinds.

use std::collections::HashSet;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};
use tcp6::{BasicRow, Buffer, Query, StateSet, System};

use crate::support::{close, eventually};

/// Open sockets of many kinds, and the ports that they use.
pub struct Kinds {
    /// Keeps sockets open that no test uses.
    open: Vec<Socket>,
    wildcard: Socket,
    pub mapped: (Socket, Socket),
    pub shared: [Socket; 3],
    bound: Option<(Socket, Socket, Socket)>,
    pub plain: (Socket, Option<(Socket, Socket)>),
    other: Option<(Socket, Socket)>,
    pub ports: HashSet<u16>,
}

/// Whether the network namespace contains no sockets of other processes.
pub fn is_alone() -> bool {
    rustix::process::geteuid().is_root() && std::fs::read_to_string("/proc/net/dev").unwrap().lines().count() == 3
}

pub fn loopback_index() -> u32 {
    std::fs::read_to_string("/sys/class/net/lo/ifindex").map_or(1, |text| text.trim().parse().unwrap())
}

pub fn socket() -> Socket {
    Socket::new(Domain::IPV6, Type::STREAM, None).unwrap()
}

pub fn end(address: Ipv6Addr, port: u16) -> SockAddr {
    let scope_id = if address.segments()[0] == 0xFE80 { loopback_index() } else { 0 };
    SocketAddrV6::new(address, port, 0, scope_id).into()
}

pub fn local(socket: &Socket) -> SocketAddrV6 {
    socket.local_addr().unwrap().as_socket_ipv6().unwrap()
}

pub fn listen(socket: Socket, address: Ipv6Addr, port: u16) -> Socket {
    socket.bind(&end(address, port)).unwrap();
    socket.listen(16).unwrap();
    socket
}

/// Connects to a listener. Returns the client and the server.
pub fn connect(client: Socket, listener: &Socket, address: Ipv6Addr) -> (Socket, Socket) {
    client.connect(&end(address, local(listener).port())).unwrap();
    let (server, _) = listener.accept().unwrap();
    (client, server)
}

impl Kinds {
    pub fn open() -> Kinds {
        let link_local: Ipv6Addr = "fe80::1".parse().unwrap();
        let mut open = Vec::new();
        let wildcard = socket();
        wildcard.set_only_v6(false).unwrap();
        let wildcard = listen(wildcard, Ipv6Addr::UNSPECIFIED, 0);
        let first = listen(socket(), Ipv6Addr::LOCALHOST, 0);
        let second = listen(socket(), Ipv6Addr::LOCALHOST, 0);

        // Listeners with equal ends.
        let shared = [(); 3].map(|()| {
            let socket = socket();
            socket.set_reuse_port(true).unwrap();
            socket
        });
        shared[0].bind(&end(Ipv6Addr::LOCALHOST, 0)).unwrap();
        let port = local(&shared[0]).port();
        shared[1..].iter().for_each(|socket| socket.bind(&end(Ipv6Addr::LOCALHOST, port)).unwrap());
        shared.iter().for_each(|socket| socket.listen(16).unwrap());

        // An IPv4 client of a dual-stack listener, and a listener on a v4-mapped address.
        let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        client.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, local(&wildcard).port())).into()).unwrap();
        let mapped = (client, wildcard.accept().unwrap().0);
        let on_mapped = socket();
        on_mapped.set_only_v6(false).unwrap();
        open.push(listen(on_mapped, Ipv4Addr::LOCALHOST.to_ipv6_mapped(), 0));
        let both_mapped = socket();
        both_mapped.set_only_v6(false).unwrap();
        let (client, server) = connect(both_mapped, &wildcard, Ipv4Addr::LOCALHOST.to_ipv6_mapped());
        open.extend([client, server]);

        // A connection by the concrete address of a wildcard listener, and one that is not accepted.
        let (client, server) = connect(socket(), &wildcard, Ipv6Addr::LOCALHOST);
        open.extend([client, server]);
        let queued = socket();
        queued.connect(&end(Ipv6Addr::LOCALHOST, local(&first).port())).unwrap();

        // Link-local addresses.
        if is_alone() {
            let listener = listen(socket(), link_local, 0);
            let (client, server) = connect(socket(), &listener, link_local);
            open.extend([listener, client, server]);
        }

        // FIN-WAIT-2 and CLOSE-WAIT, TIME-WAIT.
        let (client, server) = connect(socket(), &second, Ipv6Addr::LOCALHOST);
        client.shutdown(std::net::Shutdown::Write).unwrap();
        open.extend([client, server]);
        let (client, server) = connect(socket(), &second, Ipv6Addr::LOCALHOST);
        let time_wait = local(&client).port();
        close(client, server);

        // SYN-SENT: the queue of the listener is full.
        let full = socket();
        full.bind(&end(Ipv6Addr::LOCALHOST, 0)).unwrap();
        full.listen(0).unwrap();
        for _ in 0..3 {
            let client = socket();
            client.set_nonblocking(true).unwrap();
            let _ = client.connect(&end(Ipv6Addr::LOCALHOST, local(&full).port()));
            open.push(client);
        }
        open.push(full);

        // A connection whose sockets are bound to an interface although its addresses are global.
        let bound = is_alone().then(|| {
            let [listener, client] = [(); 2].map(|()| {
                let socket = socket();
                socket.bind_device(Some(b"lo")).unwrap();
                socket
            });
            let listener = listen(listener, Ipv6Addr::LOCALHOST, 0);
            let (client, server) = connect(client, &listener, Ipv6Addr::LOCALHOST);
            (listener, client, server)
        });

        // The connection in the queue is accepted before this one, which stays in the queue.
        let client = socket();
        client.connect(&end(Ipv6Addr::LOCALHOST, local(&first).port())).unwrap();
        let (server, _) = first.accept().unwrap();
        open.push(client);
        let other = Some(connect(socket(), &second, Ipv6Addr::LOCALHOST));
        open.push(second);
        let plain = (first, Some((queued, server)));
        let mut kinds = Kinds { open, wildcard, mapped, shared, bound, plain, other, ports: HashSet::new() };
        kinds.settle(time_wait);
        kinds
    }

    /// Waits until the states are those of a quiet table, and collects the ports.
    fn settle(&mut self, time_wait: u16) {
        let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
        eventually("a connection in TIME-WAIT", || {
            let query = Query::all().states(StateSet::TIME_WAIT);
            let table = system.table::<BasicRow>(&query, &mut buffer).unwrap();
            table.iter().any(|row| row.local().port() == time_wait)
        });
        // The kernel creates no further rows for these sockets.
        std::thread::sleep(Duration::from_millis(20));
        let all = self.open.iter().chain([&self.wildcard, &self.plain.0, &self.mapped.1]).chain(&self.shared);
        let bound = self.bound.iter().flat_map(|(a, b, c)| [a, b, c]);
        let pairs = self.plain.1.iter().chain(&self.other).flat_map(|(a, b)| [a, b]);
        let ports = all.chain(bound).chain(pairs).map(|socket| local(socket).port());
        self.ports = ports.chain([time_wait]).collect();
    }

    pub fn wildcard_end(&self) -> SocketAddrV6 {
        local(&self.wildcard)
    }

    /// The local end of the client that is bound to the loopback interface.
    pub fn bound_end(&self) -> Option<SocketAddrV6> {
        self.bound.as_ref().map(|(_, client, _)| local(client))
    }

    /// Closes one connection of the plain listener.
    pub fn close_plain(&mut self) {
        let (client, server) = self.plain.1.take().unwrap();
        close(client, server);
    }

    /// Closes a connection of another listener.
    pub fn close_other(&mut self) {
        let (client, server) = self.other.take().unwrap();
        close(client, server);
    }

    /// The IPv4 ends of the connection of an AF_INET socket, as v4-mapped addresses.
    pub fn ipv4_client(&self) -> (SocketAddrV6, SocketAddrV6) {
        let mapped = |address: SocketAddrV4| SocketAddrV6::new(address.ip().to_ipv6_mapped(), address.port(), 0, 0);
        let client = &self.mapped.0;
        (
            mapped(client.local_addr().unwrap().as_socket_ipv4().unwrap()),
            mapped(client.peer_addr().unwrap().as_socket_ipv4().unwrap()),
        )
    }
}
