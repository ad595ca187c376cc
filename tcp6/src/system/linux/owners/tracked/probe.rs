//! Reads single descriptors of a process that have probably changed.

use super::{Held, Tracked};
use crate::system::linux::owners::fd_source::{FdSource, Link};

/// The number of gaps to probe if the kernel counts no more descriptors than are known.
///
/// A new descriptor takes the lowest free number.
const GAPS: u64 = 2;

/// The number of gaps to probe in addition to the number of unknown descriptors.
const SPARE_GAPS: u64 = 16;

impl Tracked {
    /// Reads up to `max` descriptors that have probably changed.
    ///
    /// These are descriptors of closed sockets, the lowest free numbers, and the numbers above the highest known one.
    ///
    /// `is_closed` states whether the socket with this inode has been closed. Returns the number of descriptors read
    /// and whether any differs from what was known.
    pub(in super::super) fn probe(
        &mut self,
        source: &impl FdSource,
        is_closed: impl Fn(u32) -> bool,
        max: u64,
        scratch: &mut Vec<Held>,
    ) -> (u64, bool) {
        let (thread, mut read) = (self.thread, 0);
        let mut differs = false;
        for held in &mut self.held {
            if read < max && held.inode().is_some_and(&is_closed) {
                let link = source.link(thread, held.descriptor);
                read += 1;
                differs |= link != held.link;
                held.link = link;
            }
        }
        if differs {
            self.held.retain(|held| held.link != Link::None);
        }
        scratch.clear();
        let unknown = self.count.map_or(0, |count| count.saturating_sub(self.known_count()));
        let (mut gaps_left, mut unknown_left) = (if unknown > 0 { unknown + SPARE_GAPS } else { GAPS }, unknown);
        let mut next = 0;
        for held in &self.held {
            while next < held.descriptor && gaps_left > 0 && read < max && (unknown_left > 0 || unknown == 0) {
                let link = source.link(thread, next);
                read += 1;
                gaps_left -= 1;
                if link != Link::None {
                    unknown_left = unknown_left.saturating_sub(1);
                    push(scratch, next, link);
                }
                next += 1;
            }
            next = held.descriptor.saturating_add(1);
        }
        while read < max {
            let link = source.link(thread, next);
            read += 1;
            if link == Link::None || next == u32::MAX {
                break;
            }
            push(scratch, next, link);
            next += 1;
        }
        if !scratch.is_empty() && self.held.try_reserve(scratch.len()).is_ok() {
            self.held.extend_from_slice(scratch);
            self.held.sort_unstable_by_key(|held| held.descriptor);
            differs = true;
        }
        (read, differs)
    }
}

/// Adds a descriptor. If no memory is left, a later scan finds it.
fn push(scratch: &mut Vec<Held>, descriptor: u32, link: Link) {
    if scratch.try_reserve(1).is_ok() {
        scratch.push(Held { descriptor, link });
    }
}
