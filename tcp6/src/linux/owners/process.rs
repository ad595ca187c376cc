//! One process, and the sockets that it was seen to hold.

use super::Present;
use super::tree::{Access, Link, Tree};

/// One process, as it was when it was last read.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    /// When it was started: another process with this pid was started at another time.
    started: Option<u64>,
    /// What it was known by at the last look. See [`Glance::file`](super::tree::Glance::file).
    file: Option<u64>,
    /// How many descriptors it had when it was read.
    count: Option<u64>,
    /// How many it has.
    asked: Option<u64>,
    /// The highest of them.
    highest: Option<u32>,
    access: Access,
    /// Its sockets, of any kind: one that is not in the table may be some day.
    sockets: Vec<Held>,
    /// What has been found out about it in this refresh.
    pub(super) news: News,
}

/// A socket and the descriptor that it is held by.
#[derive(Clone, Copy, Debug)]
struct Held {
    descriptor: u32,
    inode: u32,
    /// Whether it has been in the table.
    listed: bool,
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

impl Process {
    pub(super) fn new(pid: u32) -> Process {
        Process {
            pid,
            started: None,
            file: None,
            count: None,
            asked: None,
            highest: None,
            access: Access::Granted,
            sockets: Vec::new(),
            news: News::Changed,
        }
    }

    pub(super) fn was_refused(&self) -> bool {
        self.access == Access::Refused
    }

    pub(super) fn inodes(&self) -> impl Iterator<Item = u32> {
        self.sockets.iter().map(|held| held.inode)
    }

    /// How many descriptors there are to be read, about.
    pub(super) fn work(&self) -> u64 {
        match (self.count, self.asked) {
            (Some(before), Some(now)) => before.abs_diff(now),
            (None, now) => now.unwrap_or(0),
            (Some(_), None) => 0,
        }
    }

    /// Asks whether it is still the same and has as many descriptors as before.
    pub(super) fn ask(&mut self, tree: &impl Tree) {
        let glance = tree.glance(self.pid);
        if glance.file != self.file || glance.file.is_none() {
            let started = tree.started(self.pid);
            if started != self.started || started.is_none() {
                self.sockets.clear();
                let sockets = core::mem::take(&mut self.sockets);
                *self = Process { started, sockets, ..Process::new(self.pid) };
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
        let (pid, mut closed, mut opened) = (self.pid, 0, 0);
        self.sockets.retain_mut(|held| {
            if !held.listed || present.contains(&held.inode) {
                return true;
            }
            match tree.link(pid, held.descriptor) {
                Link::None => closed += 1,
                Link::Other => {}
                Link::Socket(inode) => {
                    *held = Held { inode, listed: present.contains(&inode), ..*held };
                    return true;
                }
            }
            false
        });
        // New descriptors take the lowest free number; those that found none free stand behind the last.
        for descriptor in self.highest.map_or(0, |highest| highest.saturating_add(1))..u32::MAX {
            match tree.link(pid, descriptor) {
                Link::None => break,
                Link::Other => {}
                Link::Socket(inode) => {
                    self.sockets.push(Held { descriptor, inode, listed: present.contains(&inode) });
                }
            }
            self.highest = Some(descriptor);
            opened += 1;
        }
        if before + opened != now + closed {
            return self.read_whole(tree);
        }
        self.count = Some(now);
        self.news = News::Followed;
    }

    /// Reads all of its descriptors.
    pub(super) fn read_whole(&mut self, tree: &impl Tree) {
        self.sockets.clear();
        self.highest = None;
        // Asked before they are read: what comes meanwhile makes it differ the next time.
        self.count = self.asked;
        let (sockets, highest) = (&mut self.sockets, &mut self.highest);
        self.access = tree.links(self.pid, self.asked, &mut |descriptor, link| {
            *highest = (*highest).max(Some(descriptor));
            if let Link::Socket(inode) = link {
                sockets.push(Held { descriptor, inode, listed: false });
            }
        });
        self.news = News::ReadWhole;
    }

    /// Reads one of its links again, and says whether it is as it was remembered; `None` if it has not so many.
    pub(super) fn verify(&self, tree: &impl Tree, nth: usize) -> Option<bool> {
        self.sockets.get(nth).map(|held| tree.link(self.pid, held.descriptor) == Link::Socket(held.inode))
    }

    /// Takes note of which of its sockets are in the table.
    pub(super) fn mark_listed(&mut self, present: &Present) {
        for held in &mut self.sockets {
            held.listed |= present.contains(&held.inode);
        }
    }
}
