//! The sockets of this machine, by whichever way the kernel allows.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::thread;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use super::netlink::sock_diag::{self, Failure, SockDiag};
use super::owners::SocketInode;
use super::proc_net::{TEXT, Text, open_text};
use super::socket::{Socket, mask};
use crate::error::{Error, Result};
use crate::row::Row;
use crate::table::buffer::Buffer;
use crate::table::query::Query;

#[derive(Debug)]
pub(super) struct Listing {
    way: Way,
    calls: u64,
    /// See [`SystemExt::unreconciled_refreshes`](crate::os::linux::SystemExt::unreconciled_refreshes).
    unreconciled: u64,
    /// Whether it is known that this machine has IPv6. That does not change while it runs.
    has_ipv6: bool,
    wanted: Vec<SocketInode>,
}

#[derive(Debug)]
enum Way {
    Dump(Box<SockDiag>),
    Text { file: File, bytes: Vec<u8>, text: Text },
}

impl Listing {
    pub(super) fn new() -> Result<Listing> {
        let way = match SockDiag::open() {
            Ok(netlink) => Way::Dump(Box::new(netlink)),
            Err(errno) if is_refusal(errno.raw_os_error()) => Way::text()?,
            Err(errno) => return Err(Error::os("socket for sock_diag", errno)),
        };
        Ok(Listing { way, calls: 0, unreconciled: 0, has_ipv6: false, wanted: Vec::new() })
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls
    }

    pub(super) fn unreconciled(&self) -> u64 {
        self.unreconciled
    }

    /// The sockets whose owners are to be found, row by row, if the rows of the last table have owners.
    pub(super) fn wanted(&self) -> &[SocketInode] {
        &self.wanted
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
        let Listing { way, calls, unreconciled, wanted, .. } = self;
        match way {
            Way::Dump(netlink) => {
                let states = mask(query.wanted_states());
                let dump = || {
                    *calls += 1;
                    write::<R, Failure>(buffer, wanted, |found| netlink.dump(states, found))
                };
                let read = sock_diag::retry(dump, thread::sleep);
                *unreconciled = netlink.unreconciled();
                read
            }
            Way::Text { file, bytes, text } => {
                *calls += 1;
                bytes.clear();
                file.rewind().and_then(|()| file.read_to_end(bytes)).map_err(|error| Error::os(TEXT, error))?;
                write::<R, Error>(buffer, wanted, |found| text.read(bytes, found))
            }
        }
    }
}

impl Way {
    fn text() -> Result<Way> {
        let tid = rustix::thread::gettid().as_raw_pid();
        match open_text(tid, || shares_namespace(tid), |path| File::open(path)) {
            Ok(file) => Ok(Way::Text { file, bytes: Vec::new(), text: Text::default() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !has_ipv6() => Err(Error::NotSupported),
            Err(error) => Err(Error::os(TEXT, error)),
        }
    }
}

/// Whether this thread is in the network namespace of the process' first thread.
fn shares_namespace(tid: i32) -> bool {
    // A link names a namespace since Linux 3.8.
    let own = || fs::read_link(format!("/proc/self/task/{tid}/ns/net"));
    let is_first = i32::try_from(std::process::id()) == Ok(tid);
    is_first || fs::read_link("/proc/self/ns/net").is_ok_and(|first| own().is_ok_and(|own| own == first))
}

/// Writes a table of the sockets that `read` finds, and notes those whose owners are to be found.
fn write<R: Row, E: From<Error>>(
    buffer: &mut Buffer,
    wanted: &mut Vec<SocketInode>,
    read: impl FnOnce(&mut dyn FnMut(Socket) -> Result<()>) -> Result<(), E>,
) -> Result<(), E> {
    let mut writer = buffer.writer::<R>();
    wanted.clear();
    read(&mut |socket| {
        if R::CLASS.has_owners() {
            wanted.try_reserve(1).map_err(|_| Error::OutOfMemory { bytes: size_of_val(&wanted[..]) })?;
            wanted.push(SocketInode { inode: socket.inode, uid: socket.uid });
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
