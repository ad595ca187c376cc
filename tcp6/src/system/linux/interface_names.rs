//! The names of network interfaces.

use std::collections::HashMap;

use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::netdevice::{InlinedName, index_to_name_inlined, name_to_index};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use super::int_hash::IntHash;
use crate::error::{Error, Result};

/// The names of the network interfaces in one network namespace, by index.
///
/// Rows contain the index of an interface, as the scope id of a link-local address and in
/// [`SocketInfo::interface`](crate::os::linux::SocketInfo::interface). Indices count per network namespace, an
/// interface can be renamed, and an index can be reused: call [`refresh`](InterfaceNames::refresh) with every table.
///
/// # Cost
///
/// The first look-up of an index after a refresh is one system call of about 1 us, on a socket that is kept open. Later
/// ones read a map. Nothing is allocated for indices that were looked up before.
///
/// # Example: `[fe80::1%eth0]:80`
///
/// ```
/// use tcp6::os::linux::{InterfaceNames, SystemExt};
/// use tcp6::{BasicRow, Buffer, Query, System};
///
/// let (mut system, mut buffer) = (System::new()?, Buffer::new());
/// let mut names = system.interface_names()?;
/// for row in system.table::<BasicRow>(&Query::all(), &mut buffer)? {
///     let local = row.local();
///     match names.name(local.scope_id()) {
///         Some(name) => println!("[{}%{name}]:{}", local.ip(), local.port()),
///         None => println!("{local}"),
///     }
/// }
/// names.refresh();
/// # Ok::<(), tcp6::Error>(())
/// ```
#[derive(Debug)]
pub struct InterfaceNames {
    /// A socket in the namespace, unless there is none.
    socket: Option<OwnedFd>,
    names: HashMap<u32, Option<InlinedName>, IntHash>,
}

impl InterfaceNames {
    /// The names in the network namespace of the calling thread, which stays that of the value.
    ///
    /// `SystemExt::interface_names` returns the names in that of a [`System`](crate::System).
    ///
    /// # Errors
    ///
    /// [`Error::Os`] with the errno of `socket`, such as EMFILE.
    pub fn new() -> Result<InterfaceNames> {
        let open = |family| socket_with(family, SocketType::DGRAM, SocketFlags::CLOEXEC, None);
        // Any family will do.
        let socket = open(AddressFamily::INET6).or_else(|errno| match errno {
            Errno::AFNOSUPPORT | Errno::ACCESS | Errno::PERM => open(AddressFamily::UNIX),
            errno => Err(errno),
        });
        let socket = socket.map_err(|errno| Error::os("socket for interface names", errno))?;
        Ok(InterfaceNames { socket: Some(socket), names: HashMap::default() })
    }

    /// The names in the namespace of this socket. None if there is no socket.
    pub(super) fn on(socket: Option<BorrowedFd<'_>>) -> Result<InterfaceNames> {
        let socket = socket.map(|socket| socket.try_clone_to_owned()).transpose();
        let socket = socket.map_err(|error| Error::os("dup of a socket for interface names", error))?;
        Ok(InterfaceNames { socket, names: HashMap::default() })
    }

    /// The name of the interface with this index: at most 15 bytes.
    ///
    /// `None` if there is none, if the index is 0, or if the name is not UTF-8: print the number.
    #[doc(alias = "if_indextoname")]
    pub fn name(&mut self, index: u32) -> Option<&str> {
        let InterfaceNames { socket, names } = self;
        let socket = socket.as_ref().filter(|_| index != 0)?;
        let name = names.entry(index).or_insert_with(|| index_to_name_inlined(socket, index).ok());
        name.as_ref().map(InlinedName::as_str)
    }

    /// The index of the interface with this name. `None` if there is none.
    #[doc(alias = "if_nametoindex")]
    #[must_use]
    pub fn index(&self, name: &str) -> Option<u32> {
        // The kernel would read a truncated name.
        let is_name = !name.is_empty() && name.len() < 16 && !name.contains('\0');
        let socket = self.socket.as_ref().filter(|_| is_name)?;
        name_to_index(socket, name).ok().filter(|index| *index != 0)
    }

    /// Forgets all names, so that they are looked up again.
    pub fn refresh(&mut self) {
        self.names.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_loopback_both_ways() {
        let mut names = InterfaceNames::new().unwrap();
        let index = names.index("lo").unwrap();
        assert_eq!(names.name(index), Some("lo"));
        assert_eq!(names.name(index), Some("lo"));
        names.refresh();
        assert_eq!(names.name(index), Some("lo"));
        for unknown in [0, u32::MAX, 1 << 31] {
            assert_eq!(names.name(unknown), None, "{unknown}");
        }
        for unknown in ["", "no such name", "lo\0", "lo and some more text", "0123456789abcdef"] {
            assert_eq!(names.index(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn has_no_names_without_a_socket() {
        let mut names = InterfaceNames::on(None).unwrap();
        assert_eq!(names.index("lo"), None);
        assert_eq!(names.name(1), None);
    }
}
