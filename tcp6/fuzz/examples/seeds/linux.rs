//! Opens sockets and records seeds.

use std::error::Error;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddrV6, TcpListener, TcpStream};
use std::path::Path;

use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::net::{bind, recv, send, socket_with};
use serde::Serialize;
use socket2::{Domain, Socket, Type};
use tcp6::{
    BasicRow, Buffer, Change, OffloadRow, OwnerModuleRow, OwnerPidRow, Query, Recorder, Row, StatsKinds, System,
};
use tcp6_fuzz::frames;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Writes one or more files for each target whose input can be recorded.
pub fn record(folder: &Path) -> Result<()> {
    let _sockets = Sockets::open()?;
    let write = |target: &str, name: &str, bytes: &[u8]| -> Result<()> {
        let folder = folder.join(target);
        fs::create_dir_all(&folder)?;
        Ok(fs::write(folder.join(name), bytes)?)
    };
    for (name, kinds) in [("dump", StatsKinds::QUEUES), ("dump_with_attributes", StatsKinds::all())] {
        write("sock_diag", name, &frames::join(datagrams(kinds)?.iter().map(Vec::as_slice)))?;
    }
    for seed in 1..=HISTORIES {
        write("netlink", &format!("history-{seed}"), &history(seed))?;
    }
    write("events", "closed", &frames::join(events()?.iter().map(Vec::as_slice)))?;
    write("proc_text", "tcp6", &fs::read("/proc/thread-self/net/tcp6")?)?;
    let [snmp, netstat] = ["snmp", "netstat"].map(|name| fs::read(format!("/proc/thread-self/net/{name}")));
    write("stats_text", "linux", &[snmp?, netstat?].join(&0))?;

    let mut tables = Vec::new();
    of_class::<BasicRow>(&mut tables)?;
    of_class::<OwnerPidRow>(&mut tables)?;
    of_class::<OffloadRow>(&mut tables)?;
    of_class::<OwnerModuleRow>(&mut tables)?;
    for OfClass { name, table, capture, json, change, binary } in &tables {
        write("table", name, table)?;
        write("capture", name, capture)?;
        write("formats", &format!("{name}.json"), json)?;
        write("formats", &format!("{name}-change.json"), change)?;
        write("formats", &format!("{name}.postcard"), binary)?;
    }
    Ok(())
}

/// The number of seeds for the model of the kernel's table, and their length in bytes.
const HISTORIES: u32 = 8;
const HISTORY_LEN: usize = 600;

/// A pseudorandom history, the same in every recording. Any bytes are a valid history.
fn history(seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9);
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 24) as u8
    };
    (0..HISTORY_LEN).map(|_| byte()).collect()
}

/// The recorded bytes of a table of one class.
struct OfClass {
    name: &'static str,
    table: Vec<u8>,
    capture: Vec<u8>,
    json: Vec<u8>,
    change: Vec<u8>,
    binary: Vec<u8>,
}

fn of_class<R: Row + Serialize>(tables: &mut Vec<OfClass>) -> Result<()> {
    let mut buffer = Buffer::new();
    let table = System::new()?.table::<R>(&Query::all(), &mut buffer)?;
    let mut recorder = Recorder::new(Vec::new())?;
    recorder.record(table)?;
    let snapshot = table.to_snapshot()?;
    let change = Change::Changed { before: snapshot.first().ok_or("no rows")?, after: &snapshot[0] };
    tables.push(OfClass {
        name: R::CLASS.name(),
        capture: recorder.into_inner(),
        json: serde_json::to_vec(&snapshot)?,
        change: serde_json::to_vec(&change)?,
        binary: postcard::to_allocvec(&snapshot)?,
        table: buffer.as_bytes().to_vec(),
    });
    Ok(())
}

/// Open sockets with a row of every kind that is possible on the loopback address.
struct Sockets {
    _listeners: Vec<TcpListener>,
    _streams: Vec<TcpStream>,
}

impl Sockets {
    fn open() -> Result<Sockets> {
        let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0))?;
        let mut streams = Vec::new();
        let mut connect = |listener: &TcpListener| -> Result<(TcpStream, TcpStream)> {
            let client = TcpStream::connect(listener.local_addr()?)?;
            let server = listener.accept()?.0;
            streams.extend([client.try_clone()?, server.try_clone()?]);
            Ok((client, server))
        };
        connect(&listener)?;
        // A connection in FIN-WAIT-2 and CLOSE-WAIT.
        connect(&listener)?.0.shutdown(Shutdown::Write)?;
        // A socket in TIME-WAIT, which has no owner.
        let mut closed = (TcpStream::connect(listener.local_addr()?)?, listener.accept()?.0);
        closed.0.write_all(b"x")?;
        closed.0.shutdown(Shutdown::Write)?;
        closed.1.read_to_end(&mut Vec::new())?;
        drop(closed);

        // A dual-stack listener. IPv4 connections to it have v4-mapped addresses.
        let dual = Socket::new(Domain::IPV6, Type::STREAM, None)?;
        dual.set_only_v6(false)?;
        dual.bind(&SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0).into())?;
        dual.listen(1)?;
        let dual = TcpListener::from(dual);
        streams.push(TcpStream::connect((Ipv4Addr::LOCALHOST, dual.local_addr()?.port()))?);
        Ok(Sockets { _listeners: vec![listener, dual], _streams: streams })
    }
}

/// The datagrams of the destroy events of a socket, of a listener, and of both sides of a
/// connection.
fn events() -> Result<Vec<Vec<u8>>> {
    /// The bit of `SKNLGRP_INET6_TCP_DESTROY`.
    const GROUP: u32 = 1 << (3 - 1);
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(SOCK_DIAG))?;
    bind(&socket, &SocketAddrNetlink::new(0, GROUP))?;
    drop(Socket::new(Domain::IPV6, Type::STREAM, None)?);
    let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0))?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let mut server = listener.accept()?.0;
    drop(client);
    server.read_to_end(&mut Vec::new())?;
    drop((server, listener));
    (0..4)
        .map(|_| {
            let mut datagram = vec![0; 4096];
            let (_, length) = recv(&socket, &mut datagram[..], RecvFlags::empty())?;
            datagram.truncate(length);
            Ok(datagram)
        })
        .collect()
}

/// The datagrams of the kernel's reply to a dump request with these kinds of statistics.
fn datagrams(kinds: StatsKinds) -> Result<Vec<Vec<u8>>> {
    const NLMSG_DONE: [u8; 2] = 3u16.to_ne_bytes();
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(SOCK_DIAG))?;
    bind(&socket, &SocketAddrNetlink::new(0, 0))?;
    send(&socket, &tcp6::fuzzing::request(1, kinds), SendFlags::empty())?;
    let mut datagrams = Vec::new();
    loop {
        let mut datagram = vec![0; 32 * 1024];
        let (_, length) = recv(&socket, &mut datagram[..], RecvFlags::empty())?;
        datagram.truncate(length);
        // Here the kernel sends NLMSG_DONE in a separate datagram. If it did not, the next recv would block.
        let done = datagram.get(4..6) == Some(&NLMSG_DONE);
        datagrams.push(datagram);
        if done {
            return Ok(datagrams);
        }
    }
}
