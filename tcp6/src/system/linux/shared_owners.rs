//! The owners that all systems of this process share, so that descriptors are read once.
//!
//! A system that sees other processes than another one, or has other rights, has owners of its own: see [`View`].
//!
//! # After a fork
//!
//! A child has copies of the owners of its parent, and of their locks. A thread that does not exist in the child may hold
//! one of these, so that the child must not wait for it. Therefore each process has a [`Slot`] of its own.

use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::owners::{Owners, Proc, View};
use crate::error::{Error, Result};

/// The owners of sockets, shared by several systems.
#[derive(Clone, Debug)]
pub(super) struct SharedOwners {
    owners: Arc<Mutex<Owners<Proc>>>,
    /// The pid of the process that has opened them.
    pid: u32,
}

impl SharedOwners {
    /// The owners of the systems of this process that see the same processes as this thread.
    pub(super) fn open() -> Result<SharedOwners> {
        let proc = Proc::open().map_err(|errno| Error::os("/proc", errno))?;
        static SLOTS: [Slot; MAX_FORKS] = [const { Slot::free() }; MAX_FORKS];
        Ok(match Slot::of_process(&SLOTS, process_key(&proc)) {
            Some(slot) => slot.share(proc.view(), proc),
            None => SharedOwners::new(proc),
        })
    }

    /// These owners, or, in a process that was forked since they were opened, those of that process.
    pub(super) fn in_this_process(&self) -> Result<SharedOwners> {
        if process::id() == self.pid { Ok(self.clone()) } else { SharedOwners::open() }
    }

    fn new(proc: Proc) -> SharedOwners {
        SharedOwners { owners: Arc::new(Mutex::new(Owners::new(proc))), pid: process::id() }
    }

    /// After a panic of another thread, the owners are as usable as after any interrupted read.
    pub(super) fn lock(&self) -> MutexGuard<'_, Owners<Proc>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of bits of the time at which a process started, in a [`process_key`]. The kernel counts ticks since boot.
const START_TIME_BITS: u32 = 42;

/// A number that differs between a process, its ancestors and its descendants.
///
/// `None` if `/proc` does not show this process.
///
/// The pid alone does not differ: each process can be number 1 of a pid namespace of its own, and the kernel assigns the
/// pid of an ended process again. A pid has up to 22 bits.
fn process_key(proc: &Proc) -> Option<u64> {
    let start_time = proc.own_start_time()? & ((1 << START_TIME_BITS) - 1);
    Some(u64::from(process::id()) << START_TIME_BITS | start_time)
}

/// Owners that exist as long as a system has them.
struct Known {
    view: View,
    owners: Weak<Mutex<Owners<Proc>>>,
}

/// All owners of one process.
struct Slot {
    /// The [`process_key`]. 0 if the slot is free.
    process: AtomicU64,
    known: Mutex<Vec<Known>>,
}

/// The number of slots.
///
/// Each process of a chain of forks takes one, until one of them calls exec. If none is left, nothing is shared.
const MAX_FORKS: usize = 8;

impl Slot {
    const fn free() -> Slot {
        Slot { process: AtomicU64::new(0), known: Mutex::new(Vec::new()) }
    }

    /// The slot of a process, which is taken if the process has none. `None` if none is left.
    fn of_process(slots: &[Slot], process: Option<u64>) -> Option<&Slot> {
        let process = process?;
        let take = |slot: &&Slot| {
            let taken = slot.process.compare_exchange(0, process, Ordering::Relaxed, Ordering::Relaxed);
            taken.is_ok() || taken == Err(process)
        };
        slots.iter().find(take)
    }

    /// The owners with this view, which are those of `proc` if no system has such owners.
    fn share(&self, view: View, proc: Proc) -> SharedOwners {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|known| known.owners.strong_count() > 0);
        let mut shared = known.iter().filter(|known| known.view == view).filter_map(|known| known.owners.upgrade());
        if let Some(owners) = shared.next() {
            return SharedOwners { owners, pid: process::id() };
        }
        drop(shared);
        let shared = SharedOwners::new(proc);
        known.push(Known { view, owners: Arc::downgrade(&shared.owners) });
        shared
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn is_same(a: &SharedOwners, b: &SharedOwners) -> bool {
        Arc::ptr_eq(&a.owners, &b.owners)
    }

    #[test]
    fn all_threads_share_the_owners() {
        let first = SharedOwners::open().unwrap();
        assert!(is_same(&first, &SharedOwners::open().unwrap()));
        assert!(is_same(&first, &first.in_this_process().unwrap()));
        thread::scope(|scope| {
            let open = || SharedOwners::open().unwrap();
            let opened: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            assert!(opened.into_iter().all(|thread| is_same(&first, &thread.join().unwrap())));
        });
    }

    #[test]
    fn another_view_has_other_owners_until_they_are_dropped() {
        let slot = Slot::free();
        let share = |view: View| slot.share(view, Proc::open().unwrap());
        let views = Proc::open().unwrap().view().variants();
        let shared: Vec<SharedOwners> = views.iter().map(|view| share(*view)).collect();
        for (i, view) in views.iter().enumerate() {
            let again = share(*view);
            assert!(shared.iter().enumerate().all(|(j, shared)| is_same(shared, &again) == (i == j)), "{view:?}");
        }
        assert_eq!(slot.known.lock().unwrap().len(), views.len());
        drop(shared);
        share(views[0]);
        assert_eq!(slot.known.lock().unwrap().len(), 1);
    }

    #[test]
    fn owners_of_the_parent_are_replaced_in_a_forked_process() {
        let own = SharedOwners::open().unwrap();
        let inherited = SharedOwners { pid: own.pid + 1, ..SharedOwners::new(Proc::open().unwrap()) };
        assert!(is_same(&own, &inherited.in_this_process().unwrap()));
    }

    #[test]
    fn a_forked_process_takes_no_lock_of_its_parent() {
        let slots = [const { Slot::free() }; 4];
        let own = process_key(&Proc::open().unwrap()).unwrap();
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        // Field 22 is the start time; the second one is the name, which can contain spaces.
        let start_time: u64 = stat.rsplit(')').next().unwrap().split(' ').nth(20).unwrap().parse().unwrap();
        assert_eq!((own >> START_TIME_BITS, own % (1 << START_TIME_BITS)), (process::id().into(), start_time));
        let slot = Slot::of_process(&slots, Some(own)).unwrap();
        let _held = slot.known.lock();
        // Another pid, or the same pid and another time of start.
        for child in [own + (1 << START_TIME_BITS), own + 1] {
            let of_child = Slot::of_process(&slots, Some(child)).unwrap();
            assert!(!core::ptr::eq(slot, of_child));
            let proc = Proc::open().unwrap();
            of_child.share(proc.view(), proc);
        }
        assert!(core::ptr::eq(slot, Slot::of_process(&slots, Some(own)).unwrap()));
        assert!(Slot::of_process(&slots, None).is_none());
        assert!(Slot::of_process(&slots, Some(own + 2)).is_some());
        assert!(Slot::of_process(&slots, Some(own + 3)).is_none(), "all slots are taken");
    }
}
