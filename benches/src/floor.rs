//! The kernel's part of a refresh: dumps the sockets and ignores the messages.

use std::net::{Ipv6Addr, SocketAddrV6};

use rustix::fd::OwnedFd;
use rustix::io::{Errno, Result, retry_on_intr};
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, send, socket_with};

const HEADER: usize = 16;
const REQUEST: usize = HEADER + 56;
const AF_INET6: u8 = 10;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

/// A netlink socket and a buffer, both reused: the minimum that a dump needs.
#[derive(Debug)]
pub struct BareDump {
    socket: OwnedFd,
    datagram: Vec<u8>,
}

impl BareDump {
    /// Opens a socket and tests it with one dump.
    ///
    /// If the kernel refuses it, prints the error and returns `None`.
    pub fn start() -> Option<BareDump> {
        let dump = BareDump::open().and_then(|mut dump| dump.walk().map(|_| dump));
        dump.inspect_err(|error| eprintln!("skipped bare dump: {error}")).ok()
    }

    fn open() -> Result<BareDump> {
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(SOCK_DIAG))?;
        bind(&socket, &SocketAddrNetlink::new(0, 0))?;
        Ok(BareDump { socket, datagram: vec![0; 32 * 1024] })
    }

    /// Dumps all IPv6 TCP sockets, in all states that are listed, and walks the messages.
    ///
    /// Returns the number of sockets.
    pub fn walk(&mut self) -> Result<usize> {
        self.walk_request(&request())
    }

    /// Sends a request for a dump and walks the messages. Returns the number of sockets.
    pub fn walk_request(&mut self, request: &[u8]) -> Result<usize> {
        retry_on_intr(|| send(&self.socket, request, SendFlags::empty()))?;
        let mut sockets = 0;
        loop {
            let (_, length) = retry_on_intr(|| recv(&self.socket, &mut self.datagram[..], RecvFlags::empty()))?;
            let mut rest = &self.datagram[..length];
            while rest.len() >= HEADER {
                let message = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
                match u16::from_ne_bytes([rest[4], rest[5]]) {
                    NLMSG_DONE => return Ok(sockets),
                    NLMSG_ERROR => return Err(refusal(&rest[HEADER..])),
                    _ => sockets += 1,
                }
                rest = rest.get(message.max(HEADER).next_multiple_of(4)..).unwrap_or_default();
            }
        }
    }
}

impl BareDump {
    /// Sends a request for one socket. Returns whether it was found.
    pub fn exchange(&mut self, request: &[u8]) -> Result<bool> {
        retry_on_intr(|| send(&self.socket, request, SendFlags::empty()))?;
        let (_, length) = retry_on_intr(|| recv(&self.socket, &mut self.datagram[..], RecvFlags::empty()))?;
        let kind = self.datagram[..length].get(4..6).map(|bytes| u16::from_ne_bytes([bytes[0], bytes[1]]));
        Ok(kind != Some(NLMSG_ERROR))
    }
}

/// The request for all sockets, with these attributes (`idiag_ext`: bit n - 1 requests attribute
/// n).
pub fn request_with_attributes(extensions: u8) -> Vec<u8> {
    let mut bytes = request().to_vec();
    bytes[HEADER + 2] = extensions;
    bytes
}

/// The request for the sockets with this local port.
pub fn request_for_local_port(port: u16) -> Vec<u8> {
    let mut bytes = request().to_vec();
    bytes[HEADER + 8..HEADER + 10].copy_from_slice(&port.to_be_bytes());
    bytes
}

/// The request for the sockets whose remote address has this prefix, by a program for the kernel.
pub fn request_for_remote_net(address: Ipv6Addr, prefix_len: u8) -> Vec<u8> {
    const INET_DIAG_REQ_BYTECODE: u16 = 1;
    const INET_DIAG_BC_D_COND: u8 = 8;
    const OPERATION: u16 = 4 + 8 + 16;

    let mut bytes = request().to_vec();
    bytes.extend((4 + OPERATION).to_ne_bytes());
    bytes.extend(INET_DIAG_REQ_BYTECODE.to_ne_bytes());
    // A program with one operation, which rejects by jumping 4 bytes beyond the end.
    bytes.extend([INET_DIAG_BC_D_COND, OPERATION as u8]);
    bytes.extend((OPERATION + 4).to_ne_bytes());
    bytes.extend([AF_INET6, prefix_len, 0, 0]);
    bytes.extend((-1i32).to_ne_bytes());
    bytes.extend(address.octets());
    let length = bytes.len() as u32;
    bytes[..4].copy_from_slice(&length.to_ne_bytes());
    bytes
}

/// The request for one socket.
pub fn request_for_socket(local: SocketAddrV6, remote: SocketAddrV6) -> Vec<u8> {
    const NLM_F_REQUEST: u16 = 1;

    let mut bytes = request().to_vec();
    bytes[6..8].copy_from_slice(&NLM_F_REQUEST.to_ne_bytes());
    let id = &mut bytes[HEADER + 8..];
    id[..2].copy_from_slice(&local.port().to_be_bytes());
    id[2..4].copy_from_slice(&remote.port().to_be_bytes());
    id[4..20].copy_from_slice(&local.ip().octets());
    id[20..36].copy_from_slice(&remote.ip().octets());
    bytes
}

/// The error of an NLMSG_ERROR message. Its payload begins with the negated errno.
fn refusal(message: &[u8]) -> Errno {
    let number = message.first_chunk().map(|bytes| i32::from_ne_bytes(*bytes));
    number.map_or(Errno::IO, |number| Errno::from_raw_os_error(-number))
}

/// The request that tcp6 sends for a whole table.
///
/// See `include/uapi/linux/inet_diag.h` of the kernel.
fn request() -> [u8; REQUEST] {
    const SOCK_DIAG_BY_FAMILY: u16 = 20;
    const NLM_F_REQUEST_DUMP: u16 = 0x301;
    const IPPROTO_TCP: u8 = 6;
    const LISTED_STATES: u32 = 0xFFE;

    let mut bytes = [0; REQUEST];
    bytes[..4].copy_from_slice(&(REQUEST as u32).to_ne_bytes());
    bytes[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes[6..8].copy_from_slice(&NLM_F_REQUEST_DUMP.to_ne_bytes());
    bytes[HEADER..HEADER + 2].copy_from_slice(&[AF_INET6, IPPROTO_TCP]);
    bytes[HEADER + 4..HEADER + 8].copy_from_slice(&LISTED_STATES.to_ne_bytes());
    bytes[HEADER + 48..HEADER + 56].fill(0xFF);
    bytes
}
