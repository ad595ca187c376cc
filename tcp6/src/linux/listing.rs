//! The sockets of this machine, by whichever way the kernel allows.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::thread;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use super::netlink::{self, Failure, Netlink};
use super::proc::Text;
use super::socket::{Socket, mask};
use crate::error::{Error, Result};
use crate::{Buffer, Query, Row};

/// The sockets of the calling thread's network namespace; `/proc/net` would be those of the process' first thread.
const TEXT: &str = "/proc/thread-self/net/tcp6";

#[derive(Debug)]
pub(super) struct Listing {
    way: Way,
    calls: u64,
    /// Whether it is known that this machine has IPv6. That does not change while it runs.
    has_ipv6: bool,
    inodes: Vec<u32>,
}

#[derive(Debug)]
enum Way {
    Dump(Netlink),
    Text { file: File, bytes: Vec<u8>, text: Text },
}

impl Listing {
    pub(super) fn new() -> Result<Listing> {
        let way = match Netlink::open() {
            Ok(netlink) => Way::Dump(netlink),
            Err(errno) if is_refusal(errno.raw_os_error()) => Way::text()?,
            Err(errno) => return Err(Error::os("socket for sock_diag", errno)),
        };
        Ok(Listing { way, calls: 0, has_ipv6: false, inodes: Vec::new() })
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls
    }

    /// The inodes of the sockets in the last table, row by row, if its rows have owners; 0 for a socket that nobody holds.
    pub(super) fn inodes(&self) -> &[u32] {
        &self.inodes
    }

    /// Fills the buffer with a table whose owners are yet to be found.
    pub(super) fn fill<R: Row>(&mut self, query: &Query, buffer: &mut Buffer) -> Result<()> {
        match self.read::<R>(query, buffer) {
            // The socket could be opened, but the kernel does not know what is asked of it.
            Err(Error::Os { source, .. }) if self.is_dump() && source.raw_os_error().is_some_and(is_refusal) => {
                self.way = Way::text()?;
                self.read::<R>(query, buffer)?;
            }
            done => done?,
        }
        // A kernel without IPv6 answers with no sockets, which is not the same as having none.
        if !self.has_ipv6 && buffer.table::<R>()?.is_empty() && !has_ipv6() {
            return Err(Error::NotSupported);
        }
        self.has_ipv6 = true;
        Ok(())
    }

    fn is_dump(&self) -> bool {
        matches!(self.way, Way::Dump(_))
    }

    fn read<R: Row>(&mut self, query: &Query, buffer: &mut Buffer) -> Result<()> {
        let Listing { way, calls, inodes, .. } = self;
        match way {
            Way::Dump(netlink) => {
                let states = mask(query.wanted_states());
                let dump = || {
                    *calls += 1;
                    write::<R, Failure>(buffer, inodes, |found| netlink.dump(states, found))
                };
                netlink::retry(dump, thread::sleep)
            }
            Way::Text { file, bytes, text } => {
                *calls += 1;
                bytes.clear();
                file.rewind().and_then(|()| file.read_to_end(bytes)).map_err(|error| Error::os(TEXT, error))?;
                write::<R, Error>(buffer, inodes, |found| text.read(bytes, found))
            }
        }
    }
}

impl Way {
    fn text() -> Result<Way> {
        match File::open(TEXT) {
            Ok(file) => Ok(Way::Text { file, bytes: Vec::new(), text: Text::default() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !has_ipv6() => Err(Error::NotSupported),
            Err(error) => Err(Error::os(TEXT, error)),
        }
    }
}

/// Writes a table of the sockets that `read` finds, and their inodes if owners are to be found.
fn write<R: Row, E: From<Error>>(
    buffer: &mut Buffer,
    inodes: &mut Vec<u32>,
    read: impl FnOnce(&mut dyn FnMut(Socket) -> Result<()>) -> Result<(), E>,
) -> Result<(), E> {
    let mut writer = buffer.writer::<R>();
    inodes.clear();
    read(&mut |socket| {
        if R::CLASS.has_owners() {
            inodes.try_reserve(1).map_err(|_| Error::OutOfMemory { bytes: size_of_val(&inodes[..]) })?;
            inodes.push(socket.inode);
        }
        writer.push(&socket.to_row())
    })?;
    Ok(writer.finish()?)
}

/// How calls fail where sock_diag is not to be had: not built in or not loaded, or forbidden by a sandbox.
const REFUSALS: [Errno; 8] = [
    Errno::PROTONOSUPPORT,
    Errno::AFNOSUPPORT,
    Errno::OPNOTSUPP,
    Errno::NOENT,
    Errno::CONNREFUSED,
    Errno::ACCESS,
    Errno::PERM,
    Errno::NOSYS,
];

pub(super) fn is_refusal(errno: i32) -> bool {
    REFUSALS.iter().any(|refusal| refusal.raw_os_error() == errno)
}

/// Whether the machine has IPv6 at all: sockets of the family can be made. (Disabled on every interface, it still can.)
fn has_ipv6() -> bool {
    let socket = socket_with(AddressFamily::INET6, SocketType::STREAM, SocketFlags::CLOEXEC, None);
    !matches!(socket, Err(Errno::AFNOSUPPORT))
}
