//! Reads ranges of the descriptors of a process.

use super::{Held, ScanState, Tracked};
use crate::system::linux::owners::fd_source::{Access, FdRange, FdSource, Link};

impl Tracked {
    /// Reads up to `max` descriptors from the lowest on.
    ///
    /// Returns whether any differs from what was known.
    pub(in super::super) fn scan_from_start(
        &mut self,
        source: &impl FdSource,
        max: u64,
        scratch: &mut Vec<Held>,
    ) -> bool {
        self.cursor = 0;
        self.scan(source, max, scratch)
    }

    /// Reads up to `max` descriptors from where the last scan stopped.
    ///
    /// Returns whether any differs from what was known.
    ///
    /// If reading fails, known descriptors are kept. If reading is refused or the process has ended, they are dropped.
    pub(in super::super) fn scan(&mut self, source: &impl FdSource, max: u64, scratch: &mut Vec<Held>) -> bool {
        scratch.clear();
        if self.count == Some(0) {
            // There is no descriptor that could be refused.
            let had_any = !self.held.is_empty();
            self.held.clear();
            self.access = Access::Granted;
            self.finish();
            return had_any;
        }
        let from = self.cursor;
        let begin = self.held.partition_point(|held| held.descriptor < from);
        // Without a count, the number of known descriptors is expected, because listing a directory makes the kernel
        // look up hundreds of names at once.
        let expected = Some(self.count.unwrap_or(self.known_count()).saturating_sub(begin as u64));
        let mut has_memory = true;
        let mut remember = |descriptor, link| {
            has_memory &= scratch.try_reserve(1).is_ok();
            if link != Link::None && has_memory {
                scratch.push(Held { descriptor, link });
            }
        };
        let scan = source.scan(self.thread, FdRange { from, max, expected }, &mut remember);
        let was_refused = self.access == Access::Refused;
        self.access = if has_memory { scan.access } else { Access::Failed };
        match self.access {
            Access::Granted => {}
            Access::Refused | Access::Gone => {
                let had_any = !self.held.is_empty();
                self.held.clear();
                self.finish();
                return had_any;
            }
            Access::Failed => {
                self.mark_pending();
                return false;
            }
        }
        if from == 0 && scratch.is_empty() && scan.next.is_none() && self.follow_live_thread(source) {
            let differs = self.scan(source, max, scratch);
            // The next refresh compares the table with those of other processes.
            self.state = ScanState::New;
            return differs;
        }
        let end = scan.next.map_or(self.held.len(), |next| self.held.partition_point(|held| held.descriptor < next));
        let differs = self.held[begin..end] != scratch[..];
        if differs {
            let more = scratch.len().saturating_sub(end - begin);
            if self.held.try_reserve(more).is_err() {
                self.access = Access::Failed;
                self.mark_pending();
                return false;
            }
            self.held.splice(begin..end, scratch.iter().copied());
        }
        let read = scratch.len() as u64;
        match scan.next {
            Some(next) => {
                // Without a count, only the end of the list shows that all have been read. An idle process, which has
                // nothing pending, is known completely.
                let is_counted = self.state != ScanState::New && self.count.is_some();
                let min = u64::from(!is_counted && self.pending > 0);
                self.cursor = next;
                self.pending = self.pending.saturating_sub(read).max(min);
            }
            None if from == 0 || self.pending <= read => self.finish(),
            // The process has run since a part was read: that part is read again.
            None => {
                let left = self.pending - read;
                self.finish();
                self.pending = left;
            }
        }
        if was_refused {
            // The next refresh compares the table with those of other processes, which takes the same right as reading
            // it.
            self.state = ScanState::New;
        }
        differs
    }

    /// Marks all descriptors as read.
    fn finish(&mut self) {
        self.cursor = 0;
        self.pending = 0;
        if self.state == ScanState::New {
            self.state = ScanState::Ran;
        }
    }
}
