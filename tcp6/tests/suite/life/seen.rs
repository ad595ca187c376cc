//! A row of any class, in a form that can be compared with the witness.

use std::fmt;
use std::net::SocketAddrV6;

use tcp6::os::linux::OwnerModuleRowExt;
use tcp6::{Class, Owner, OwnerModuleRow, Row, State};

/// The Linux fields of a socket, which only `OwnerModule` rows carry. Unset fields are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Info {
    pub inode: u32,
    pub uid: u32,
    pub cookie: u64,
}

/// A row as it was read. Fields that its class does not carry are `None`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seen {
    pub local: SocketAddrV6,
    pub remote: Option<SocketAddrV6>,
    pub state: State,
    pub owner: Option<Owner>,
    pub info: Option<Info>,
}

impl Seen {
    /// Converts a row of any class.
    pub fn of<R: Row>(row: &R) -> Seen {
        let info = (R::CLASS == Class::OwnerModule).then(|| {
            let info = row.to_class::<OwnerModuleRow>().socket_info().expect("the row was not read on Linux");
            Info {
                inode: info.inode.unwrap_or(0),
                uid: info.uid.unwrap_or(0),
                cookie: info.cookie.map_or(0, Into::into),
            }
        });
        Seen {
            local: row.local(),
            remote: row.remote(),
            state: row.state(),
            owner: R::CLASS.has_owners().then(|| row.owner()),
            info,
        }
    }

    /// Returns the row with only the fields that `class` carries.
    pub fn in_class(self, class: Class) -> Seen {
        Seen {
            owner: self.owner.filter(|_| class.has_owners()),
            info: self.info.filter(|_| class == Class::OwnerModule),
            ..self
        }
    }

    /// Returns the identity of the socket in a diff: its ends and, if the class carries it, its cookie.
    pub fn identity(&self) -> (SocketAddrV6, Option<SocketAddrV6>, Option<u64>) {
        (self.local, self.remote, self.info.map(|info| info.cookie))
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.state, self.local)?;
        match self.remote {
            Some(remote) => write!(f, "{remote}")?,
            None => f.write_str("-")?,
        }
        if let Some(owner) = self.owner {
            write!(f, " owner {owner}")?;
        }
        if let Some(Info { inode, uid, cookie }) = self.info {
            write!(f, " ino:{inode} uid:{uid} sk:{cookie:x}")?;
        }
        Ok(())
    }
}

/// Returns the rows that only `ours` has, and those that only `theirs` has.
///
/// Duplicates count. Both slices must be sorted.
pub fn difference(ours: &[Seen], theirs: &[Seen]) -> (Vec<Seen>, Vec<Seen>) {
    let (mut only_ours, mut only_theirs) = (Vec::new(), Vec::new());
    let (mut a, mut b) = (ours.iter().peekable(), theirs.iter().peekable());
    loop {
        match (a.peek(), b.peek()) {
            (Some(x), Some(y)) if x == y => {
                a.next();
                b.next();
            }
            (Some(x), y) if y.is_none_or(|y| x < y) => only_ours.extend(a.next()),
            (_, Some(_)) => only_theirs.extend(b.next()),
            (_, None) => return (only_ours, only_theirs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(port: u16) -> Seen {
        let local = SocketAddrV6::new(std::net::Ipv6Addr::LOCALHOST, port, 0, 0);
        Seen { local, remote: None, state: State::Listen, owner: None, info: None }
    }

    #[test]
    fn difference_counts_duplicates() {
        let [a, b, c] = [1, 2, 3].map(seen);
        assert_eq!(difference(&[a, b, b, c], &[a, b, c]), (vec![b], vec![]));
        assert_eq!(difference(&[a], &[b, c]), (vec![a], vec![b, c]));
        assert_eq!(difference(&[b, c], &[a, c, c]), (vec![b], vec![a, c]));
        assert_eq!(difference(&[], &[]), (vec![], vec![]));
    }
}
