//! The table of this machine, by whichever way the kernel allows.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::thread;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use super::netlink::{self, Failure, Netlink};
use super::owners::{Owners, Proc};
use super::proc::Text;
use super::socket::{Socket, mask};
use crate::class::by_class;
use crate::error::{Error, Result};
use crate::{Buffer, Class, Query, Row};

/// The sockets of the calling thread's network namespace; `/proc/net` would be those of the process' first thread.
const TEXT: &str = "/proc/thread-self/net/tcp6";

#[derive(Debug)]
pub(crate) struct System {
    way: Way,
    calls: u64,
    /// Whether it is known that this machine has IPv6. That does not change while it runs.
    has_ipv6: bool,
    owners: Owners<Proc>,
}

#[derive(Debug)]
enum Way {
    Dump(Netlink),
    Text { file: File, bytes: Vec<u8>, text: Text },
}

impl System {
    pub(crate) fn new() -> Result<System> {
        let way = match Netlink::open() {
            Ok(netlink) => Way::Dump(netlink),
            Err(errno) if is_refusal(errno.raw_os_error()) => Way::text()?,
            Err(errno) => return Err(Error::os("socket for sock_diag", errno)),
        };
        let proc = Proc::open().map_err(|errno| Error::os("/proc", errno))?;
        Ok(System { way, calls: 0, has_ipv6: false, owners: Owners::new(proc) })
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls
    }

    /// The processes that were there when owners were last looked for, and how many of them refused to be read.
    pub(crate) fn processes(&self) -> (usize, usize) {
        self.owners.processes()
    }

    pub(crate) fn holders(&self, inode: u32) -> impl Iterator<Item = u32> {
        self.owners.holders(inode)
    }

    pub(crate) fn fill(&mut self, class: Class, query: &Query, buffer: &mut Buffer) -> Result<()> {
        by_class!(class, R => self.fill_with::<R>(query, buffer))
    }

    fn fill_with<R: Row>(&mut self, query: &Query, buffer: &mut Buffer) -> Result<()> {
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
        if R::CLASS.has_owners() {
            self.owners.resolve(query.wanted_states().is_all())?;
            let rows = buffer.rows_mut::<R>()?;
            rows.iter_mut().zip(self.owners.of_rows()).for_each(|(row, owner)| row.set_owner(owner));
        }
        Ok(())
    }

    fn is_dump(&self) -> bool {
        matches!(self.way, Way::Dump(_))
    }

    fn read<R: Row>(&mut self, query: &Query, buffer: &mut Buffer) -> Result<()> {
        match &mut self.way {
            Way::Dump(netlink) => {
                let states = mask(query.wanted_states());
                let dump = || {
                    self.calls += 1;
                    write::<R, Failure>(buffer, &mut self.owners, |found| netlink.dump(states, found))
                };
                netlink::retry(dump, thread::sleep)
            }
            Way::Text { file, bytes, text } => {
                self.calls += 1;
                bytes.clear();
                file.rewind().and_then(|()| file.read_to_end(bytes)).map_err(|error| Error::os(TEXT, error))?;
                write::<R, Error>(buffer, &mut self.owners, |found| text.read(bytes, found))
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

/// Writes a table of the sockets that `read` finds, and notes whose owners are to be found.
fn write<R: Row, E: From<Error>>(
    buffer: &mut Buffer,
    owners: &mut Owners<Proc>,
    read: impl FnOnce(&mut dyn FnMut(Socket) -> Result<()>) -> Result<(), E>,
) -> Result<(), E> {
    let mut writer = buffer.write::<R>();
    owners.begin();
    read(&mut |socket| {
        if R::CLASS.has_owners() {
            owners.note(socket.inode)?;
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
