//! Queries of few rows among many, and look-ups of one socket, compared with the kernel's part.
//!
//! * `queries/local port`: two rows with one local port, selected by a field of the request.
//! * `queries/remote net`: no row, selected by a program that the kernel runs for each socket.
//! * `queries/one socket`: one connection.
//!
//! In each group, `bare` is the exchange of the same request without decoding the reply, and `all rows` is a refresh of
//! the whole table. Windows selects rows after it has read the table, so that there is nothing to compare.

#[cfg(target_os = "linux")]
mod linux {
    use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6, TcpListener, TcpStream};

    use benches::comparison::Comparison;
    use benches::floor::{BareDump, request_for_local_port, request_for_remote_net, request_for_socket};
    use benches::live::Live;
    use tcp6::{BasicRow, Buffer, Query, System};

    /// A network that contains no address of the table.
    const NET: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2001, 0xDB8, 0, 0, 0, 0, 0, 0), 32);

    fn v6(address: SocketAddr) -> SocketAddrV6 {
        match address {
            SocketAddr::V6(address) => address,
            SocketAddr::V4(address) => panic!("{address} is not an IPv6 address"),
        }
    }

    fn query(group: &mut Comparison<'_>, query: Query, bare: &[u8], expected: usize) {
        let (mut system, mut buffer) = (System::new().expect("open a system"), Buffer::new());
        let Some(mut dump) = BareDump::start() else { return };
        group.time("bare", || assert_eq!(dump.walk_request(bare).expect("dump the sockets"), expected));
        let mut refresh = |query: &Query| system.table::<BasicRow>(query, &mut buffer).expect("read the table").len();
        group.time("tcp6", || assert_eq!(refresh(&query.unsorted()), expected));
        group.time("bare again", || assert_eq!(dump.walk_request(bare).expect("dump the sockets"), expected));
        group.time("all rows", || refresh(&Query::all().unsorted()));
    }

    pub fn queries(live: &mut Live<'_>) {
        let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).expect("listen on ::1");
        let client = TcpStream::connect(listener.local_addr().expect("bound")).expect("connect to ::1");
        let _server = listener.accept().expect("accept the connection");
        let (local, remote) = (v6(client.local_addr().expect("bound")), v6(client.peer_addr().expect("connected")));

        let port = remote.port();
        let local_port = Query::all().local_port(port);
        query(&mut live.compare("queries/local port"), local_port, &request_for_local_port(port), 2);
        let net = format!("{}/{}", NET.0, NET.1).parse().expect("a network");
        // The listener's remote address is zero, which is not in the network.
        query(
            &mut live.compare("queries/remote net"),
            Query::all().remote_net(net),
            &request_for_remote_net(NET.0, NET.1),
            0,
        );

        let mut group = live.compare("queries/one socket");
        let (mut system, request) = (System::new().expect("open a system"), request_for_socket(local, remote));
        let Some(mut dump) = BareDump::start() else { return };
        group.time("bare", || assert!(dump.exchange(&request).expect("look up the socket")));
        group.time("tcp6", || {
            let row: Option<BasicRow> = system.find(local, Some(remote)).expect("look up the socket");
            assert!(row.is_some());
        });
        group.time("bare again", || assert!(dump.exchange(&request).expect("look up the socket")));
    }
}

fn main() {
    benches::live::main(|_live| {
        #[cfg(target_os = "linux")]
        linux::queries(_live);
    });
}
