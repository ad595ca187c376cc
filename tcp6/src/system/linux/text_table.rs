//! The text of the table in `/proc`, which is read if sock_diag is refused.
//!
//! The file of a network namespace stays that of the namespace, whichever thread reads it, and keeps the namespace
//! alive. It is therefore opened when a `System` is created, and read when it is needed.

use std::fs::File;
use std::io::{self, Read, Seek};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use super::namespace::{ProcessDir, of_process};
use super::net_file;
use super::proc_net::{PROC_NET_TCP6, TextReader};
use super::socket::Socket;
use crate::error::{Error, Result};

/// The name of the file of a process in errors.
const PROC_PID_NET_TCP6: &str = "/proc/PID/net/tcp6";

/// The open file of one network namespace.
#[derive(Debug)]
pub(super) struct TextTable {
    file: File,
    /// The name of the file in errors.
    path: &'static str,
    bytes: Vec<u8>,
    reader: TextReader,
}

impl TextTable {
    /// Opens the file of the calling thread's network namespace.
    pub(super) fn open() -> Result<TextTable, Errno> {
        let file = net_file::open("tcp6").map_err(|error| errno(&error))?;
        Ok(TextTable::of(file, PROC_NET_TCP6))
    }

    /// Opens the file of a process.
    ///
    /// # Errors
    ///
    /// [`gone`](super::namespace::gone) if the process has ended.
    pub(super) fn open_in(process: &ProcessDir) -> Result<TextTable> {
        match process.open_net("tcp6") {
            Ok(file) => Ok(TextTable::of(file, PROC_PID_NET_TCP6)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !has_ipv6() => Err(Error::NotSupported),
            Err(error) => Err(of_process(PROC_PID_NET_TCP6, errno(&error))),
        }
    }

    fn of(file: File, path: &'static str) -> TextTable {
        TextTable { file, path, bytes: Vec::new(), reader: TextReader::default() }
    }

    /// Reads the table and passes each socket to `found`.
    pub(super) fn read(&mut self, found: impl FnMut(Socket) -> Result<()>) -> Result<()> {
        let TextTable { file, path, bytes, reader } = self;
        bytes.clear();
        file.rewind().and_then(|()| file.read_to_end(bytes)).map_err(|error| Error::os(path, error))?;
        reader.read(bytes, found)
    }
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

/// The error for the file of the calling thread's namespace if it cannot be opened.
pub(super) fn unavailable(errno: Errno) -> Error {
    if errno == Errno::NOENT && !has_ipv6() { Error::NotSupported } else { Error::os(PROC_NET_TCP6, errno) }
}

/// Whether the kernel can create IPv6 sockets. It can even if IPv6 is disabled on every interface.
///
/// That is the same in all network namespaces.
pub(super) fn has_ipv6() -> bool {
    let socket = socket_with(AddressFamily::INET6, SocketType::STREAM, SocketFlags::CLOEXEC, None);
    !matches!(socket, Err(Errno::AFNOSUPPORT))
}
