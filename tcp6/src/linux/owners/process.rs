//! One process, and what it was seen to hold.

use super::Present;
use super::tree::{Access, Link, Tree};

/// One process, as it was when it was last read.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    /// When it was started, if that has been asked: another process with this pid was started at another time.
    started: Option<u64>,
    /// What it was last known by. See [`Glance::file`](super::tree::Glance::file).
    file: Option<u64>,
    /// How many descriptors it had when it was read.
    count: Option<u64>,
    /// How many it has.
    asked: Option<u64>,
    access: Access,
    /// All of them, ascending. Any change that leaves their number as it was changes one of these.
    held: Vec<Held>,
    /// What has been found out about it in this refresh.
    pub(super) news: News,
}

/// A descriptor and what it is.
#[derive(Clone, Copy, Debug)]
struct Held {
    descriptor: u32,
    /// A socket may be of any kind: one that is not in the table may be some day.
    link: Link,
    /// Whether it is a socket that has been in the table.
    listed: bool,
    /// Whether it was found only now.
    gained: bool,
}

impl Held {
    fn new(descriptor: u32, link: Link) -> Held {
        Held { descriptor, link, listed: false, gained: true }
    }

    fn inode(&self) -> Option<u32> {
        if let Link::Socket(inode) = self.link { Some(inode) } else { None }
    }

    /// Whether it is a socket that is among these.
    fn is_in(&self, inodes: &Present) -> bool {
        self.inode().is_some_and(|inode| inodes.contains(&inode))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Nothing says that it has changed.
    None,
    /// It has changed, and has not been read yet.
    Changed,
    /// It has been read as far as needed to account for the change.
    Followed,
    /// All of its descriptors have been read.
    ReadWhole,
}

/// What has become of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Same,
    /// It is something else now.
    Replaced,
    /// There is none. If there are as many as before, there is another that is not known.
    Closed,
}

impl Process {
    pub(super) fn new(pid: u32) -> Process {
        Process {
            pid,
            started: None,
            file: None,
            count: None,
            asked: None,
            access: Access::Granted,
            held: Vec::new(),
            news: News::Changed,
        }
    }

    pub(super) fn was_refused(&self) -> bool {
        self.access == Access::Refused
    }

    /// Whether it is there and did not let itself be read, or could not be read for want of something else.
    pub(super) fn is_unreadable(&self) -> bool {
        matches!(self.access, Access::Refused | Access::Failed)
    }

    /// Whether it has never been read, or not to the end.
    pub(super) fn is_new(&self) -> bool {
        self.count.is_none()
    }

    /// Whether the kernel has told how many descriptors it has, so that a change of them is noticed.
    pub(super) fn is_counted(&self) -> bool {
        self.asked.is_some()
    }

    /// How many descriptors are remembered.
    pub(super) fn descriptors(&self) -> usize {
        self.held.len()
    }

    pub(super) fn holds_any(&self, inodes: &Present) -> bool {
        self.held.iter().any(|held| held.is_in(inodes))
    }

    /// Whether a socket of it that was in the table is gone from it.
    pub(super) fn has_closed(&self, present: &Present) -> bool {
        self.held.iter().any(|held| held.listed && !held.is_in(present))
    }

    pub(super) fn inodes(&self) -> impl Iterator<Item = u32> {
        self.held.iter().filter_map(Held::inode)
    }

    /// The sockets that it was found to hold when it was read now, and maybe had before.
    pub(super) fn gained(&self) -> impl Iterator<Item = u32> {
        self.held.iter().filter(|held| held.gained).filter_map(Held::inode)
    }

    /// Whether it has been read in this refresh.
    pub(super) fn was_read(&self) -> bool {
        matches!(self.news, News::Followed | News::ReadWhole)
    }

    /// How many descriptors there are to be read, about.
    pub(super) fn work(&self) -> u64 {
        match (self.count, self.asked) {
            (Some(before), Some(now)) => before.abs_diff(now),
            (None, Some(now)) => now,
            // The kernel does not tell: all are read, as many as there were.
            (_, None) => self.held.len() as u64,
        }
    }

    /// Asks whether it is still the same and has as many descriptors as before.
    pub(super) fn ask(&mut self, tree: &impl Tree) {
        let glance = tree.glance(self.pid);
        if glance.file.is_some() {
            // When a process was started takes a file to be read. So it is asked only where the kernel has forgotten what
            // the process was known by.
            if self.file.is_some() && self.file != glance.file {
                let started = tree.started(self.pid);
                if started != self.started || started.is_none() {
                    self.held.clear();
                    let held = core::mem::take(&mut self.held);
                    *self = Process { started, held, ..Process::new(self.pid) };
                }
            }
            self.file = glance.file;
        }
        self.asked = glance.count;
        let changed = self.asked.is_none() || self.asked != self.count;
        self.news = if changed { News::Changed } else { News::None };
    }

    /// Reads what may account for the difference in the number of descriptors; or, if that does not, all of them.
    /// `present` are the sockets of the table, if it is the whole table.
    pub(super) fn follow(&mut self, tree: &impl Tree, present: Option<&Present>) {
        let (Some(before), Some(now), Some(present)) = (self.count, self.asked, present) else {
            return self.read_whole(tree);
        };
        let highest = self.held.last().map(|last| last.descriptor);
        let (pid, mut closed, mut opened) = (self.pid, 0, 0);
        self.held.retain_mut(|held| {
            if held.listed && !held.is_in(present) {
                *held = Held::new(held.descriptor, tree.link(pid, held.descriptor));
                closed += u64::from(held.link == Link::None);
            }
            held.link != Link::None
        });
        // New descriptors take the lowest free number; those that found none free stand behind the last.
        for descriptor in highest.map_or(0, |highest| highest.saturating_add(1))..u32::MAX {
            match tree.link(pid, descriptor) {
                Link::None => break,
                link => self.held.push(Held::new(descriptor, link)),
            }
            opened += 1;
        }
        if before + opened != now + closed {
            return self.read_whole(tree);
        }
        self.count = Some(now);
        self.news = News::Followed;
    }

    /// Reads all of its descriptors. If that fails, what is remembered stays.
    pub(super) fn read_whole(&mut self, tree: &impl Tree) {
        let known = self.held.len();
        let (held, mut has_room) = (&mut self.held, true);
        let mut remember = |descriptor, link| {
            has_room &= held.try_reserve(1).is_ok();
            if link != Link::None && has_room {
                held.push(Held::new(descriptor, link));
            }
        };
        self.access = match self.asked {
            // A thread of the kernel's, or one that has ended: there is nothing to be refused.
            Some(0) => Access::Granted,
            asked => tree.links(self.pid, asked, &mut remember),
        };
        if !has_room {
            self.access = Access::Failed;
        }
        if self.access == Access::Failed {
            self.held.truncate(known);
        } else {
            self.held.drain(..known);
        }
        self.count = match self.access {
            // As asked before they were read: what comes meanwhile makes it differ the next time.
            Access::Granted | Access::Refused | Access::Gone => self.asked,
            // What was not read to the end is read again.
            Access::Failed => None,
        };
        self.news = News::ReadWhole;
    }

    /// Reads one of its descriptors again, and remembers what it is now; `None` if it has not so many.
    pub(super) fn verify(&mut self, tree: &impl Tree, nth: usize) -> Option<Verdict> {
        let held = self.held.get_mut(nth)?;
        let now = tree.link(self.pid, held.descriptor);
        if now == held.link {
            return Some(Verdict::Same);
        }
        *held = Held::new(held.descriptor, now);
        Some(if now == Link::None { Verdict::Closed } else { Verdict::Replaced })
    }

    /// Whether one of these sockets, which another process has got, was this one's and is not any more.
    pub(super) fn has_lost(&self, tree: &impl Tree, gained: &Present) -> bool {
        let is_lost = |held: &Held| tree.link(self.pid, held.descriptor) != held.link;
        self.held.iter().any(|held| held.is_in(gained) && is_lost(held))
    }

    /// Takes note of which of its sockets are in the table. Nothing is new any more.
    pub(super) fn settle(&mut self, present: &Present) {
        for held in &mut self.held {
            held.listed |= held.is_in(present);
            held.gained = false;
        }
    }
}
