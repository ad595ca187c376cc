//! Models of diff, apply, and the detection of repeated lines in `/proc/net/tcp6`.
//!
//! They implement the documentation by linear searches in lists. They are slow, but simple enough to check by reading.

use std::collections::BTreeMap;
use std::net::{Ipv6Addr, SocketAddrV6};
use std::num::NonZeroU64;

use tcp6::os::linux::OwnerModuleRowExt;
use tcp6::{Change, Class, OwnerModuleRow, Row};

/// Both ends, in the documented sort order.
type Ends = [(Ipv6Addr, u32, u16); 2];

fn ends<R: Row>(row: &R) -> Ends {
    let key = |end: SocketAddrV6| (*end.ip(), end.scope_id(), end.port());
    [key(row.local()), row.remote().map_or((Ipv6Addr::UNSPECIFIED, 0, 0), key)]
}

/// The identity of a socket, which does not change during its lifetime. `None` if the class has none.
fn identity<R: Row>(row: &R) -> Option<NonZeroU64> {
    if R::CLASS != Class::OwnerModule {
        return None;
    }
    let row: OwnerModuleRow = row.to_class();
    match row.socket_info() {
        Some(info) => info.cookie,
        None => NonZeroU64::new(row.created_ticks().unwrap_or(0) as u64),
    }
}

/// The changes, in the documented order.
pub fn diff<R: Row>(before: &[R], after: &[R]) -> Vec<Change<R>> {
    let mut groups = BTreeMap::<Ends, (Vec<R>, Vec<R>)>::new();
    before.iter().for_each(|row| groups.entry(ends(row)).or_default().0.push(*row));
    after.iter().for_each(|row| groups.entry(ends(row)).or_default().1.push(*row));
    groups.into_values().flat_map(|(lost, gained)| group(lost, gained)).collect()
}

/// The changes between rows with the same ends.
fn group<R: Row>(mut lost: Vec<R>, mut gained: Vec<R>) -> Vec<Change<R>> {
    lost.sort();
    gained.sort();
    // Rule 1: rows that are equal on both sides are not changes. Each row cancels one equal row.
    lost.retain(|row| match gained.iter().position(|other| other == row) {
        Some(at) => {
            gained.remove(at);
            false
        }
        None => true,
    });
    // Rule 2: the remaining rows are paired by identity, in order. Rule 3: the others were removed or added.
    let mut changes = Vec::new();
    for before in lost {
        changes.push(match gained.iter().position(|after| identity(after) == identity(&before)) {
            Some(at) => Change::Changed { before, after: gained.remove(at) },
            None => Change::Removed(before),
        });
    }
    changes.extend(gained.into_iter().map(Change::Added));
    changes
}

/// The rows after these changes. `None` if a change removes or changes a row that does not exist.
pub fn apply<R: Row>(rows: &[R], changes: &[Change<R>]) -> Option<Vec<R>> {
    let mut result = rows.to_vec();
    for lost in changes.iter().filter_map(|change| change.before()) {
        let at = result.iter().position(|row| *row == lost)?;
        result.remove(at);
    }
    result.extend(changes.iter().filter_map(|change| change.after()));
    result.sort();
    Some(result)
}

/// Whether a line of `/proc/net/tcp6` provably describes the same socket as an earlier line.
///
/// Lines are given as their ends, inode and object (the address of the socket in the kernel). An inode of zero means
/// that the socket has none. An object of zero means that the kernel hides the address.
pub fn repeats<Ends: PartialEq>(earlier: &[(Ends, u32, u64)], line: &(Ends, u32, u64)) -> bool {
    let (ends, inode, object) = line;
    let of_these_ends = || earlier.iter().filter(|(other, ..)| other == ends);
    let same_inode = *inode != 0 && of_these_ends().any(|(_, other, _)| other == inode);
    let of_this_object = || of_these_ends().filter(|(.., other)| *object != 0 && other == object);
    let all_without_inode = || of_this_object().all(|(_, other, _)| *other == 0);
    same_inode || (of_this_object().next().is_some() && (*inode == 0 || all_without_inode()))
}
