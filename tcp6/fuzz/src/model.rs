//! Diff, apply and the repeated lines of the kernel's text as their documentation has them, over lists and by searching:
//! slow, and plain to see.

use std::collections::BTreeMap;
use std::net::{Ipv6Addr, SocketAddrV6};
use std::num::NonZeroU64;

use tcp6::os::linux::OwnerModuleRowExt;
use tcp6::{Change, Class, OwnerModuleRow, Row};

/// Both ends, in the documented order.
type Ends = [(Ipv6Addr, u32, u16); 2];

fn ends<R: Row>(row: &R) -> Ends {
    let key = |end: SocketAddrV6| (*end.ip(), end.scope_id(), end.port());
    [key(row.local()), row.remote().map_or((Ipv6Addr::UNSPECIFIED, 0, 0), key)]
}

/// What stays the same for as long as a socket lives, where the class carries it.
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

/// What has changed, in the documented order.
pub fn diff<R: Row>(before: &[R], after: &[R]) -> Vec<Change<R>> {
    let mut groups = BTreeMap::<Ends, (Vec<R>, Vec<R>)>::new();
    before.iter().for_each(|row| groups.entry(ends(row)).or_default().0.push(*row));
    after.iter().for_each(|row| groups.entry(ends(row)).or_default().1.push(*row));
    groups.into_values().flat_map(|(lost, gained)| group(lost, gained)).collect()
}

/// What has changed on one pair of ends.
fn group<R: Row>(mut lost: Vec<R>, mut gained: Vec<R>) -> Vec<Change<R>> {
    lost.sort();
    gained.sort();
    // Rule 1: what is equal on both sides is no change, as often as it is there on both.
    lost.retain(|row| match gained.iter().position(|other| other == row) {
        Some(at) => {
            gained.remove(at);
            false
        }
        None => true,
    });
    // Rule 2: what is left is paired by identity, in order. Rule 3: what is left then was removed or added.
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

/// The rows after these changes, or `None` if one is of a row that is not there.
pub fn apply<R: Row>(rows: &[R], changes: &[Change<R>]) -> Option<Vec<R>> {
    let mut left = rows.to_vec();
    for lost in changes.iter().filter_map(|change| change.before()) {
        let at = left.iter().position(|row| *row == lost)?;
        left.remove(at);
    }
    left.extend(changes.iter().filter_map(|change| change.after()));
    left.sort();
    Some(left)
}

/// Whether a line of the kernel's text, given as its ends, inode and object, provably describes the socket of an earlier
/// one. Zero is no inode, and an object that the kernel hides.
pub fn repeats<Ends: PartialEq>(earlier: &[(Ends, u32, u64)], line: &(Ends, u32, u64)) -> bool {
    let (ends, inode, object) = line;
    let of_these_ends = || earlier.iter().filter(|(other, ..)| other == ends);
    let same_inode = *inode != 0 && of_these_ends().any(|(_, other, _)| other == inode);
    let of_this_object = || of_these_ends().filter(|(.., other)| *object != 0 && other == object);
    let all_without_inode = || of_this_object().all(|(_, other, _)| *other == 0);
    same_inode || (of_this_object().next().is_some() && (*inode == 0 || all_without_inode()))
}
