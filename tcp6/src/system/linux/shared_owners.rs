//! The owners that all systems of this process share, so that descriptors are read once.
//!
//! Systems share owners if they see the same processes with the same rights ([`View`]). Other systems have others: those
//! of a thread with another `/proc`, or with another user.
//!
//! # After a fork
//!
//! A child has copies of the owners of its parent, and of their locks. A thread that does not exist in the child may hold
//! one of these. Therefore each process has a [`Slot`] of its own, and never touches that of its parent.

use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::owners::{Owners, Proc, View};
use crate::error::{Error, Result};

/// The owners of sockets, shared by several systems.
#[derive(Clone, Debug)]
pub(super) struct SharedOwners(Arc<Mutex<Owners<Proc>>>);

impl SharedOwners {
    /// The owners of the systems of this process that see the same processes as this thread.
    pub(super) fn open() -> Result<SharedOwners> {
        let proc = Proc::open().map_err(|errno| Error::os("/proc", errno))?;
        let view = proc.view();
        let Some(slot) = Slot::of_this_process(&view) else { return Ok(SharedOwners::new(proc)) };
        let mut known = slot.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|known| known.owners.strong_count() > 0);
        if let Some(owners) = known.iter().filter(|known| known.view == view).find_map(|known| known.owners.upgrade()) {
            return Ok(SharedOwners(owners));
        }
        let owners = SharedOwners::new(proc);
        known.push(Known { view, owners: Arc::downgrade(&owners.0) });
        Ok(owners)
    }

    fn new(proc: Proc) -> SharedOwners {
        SharedOwners(Arc::new(Mutex::new(Owners::new(proc))))
    }

    /// After a panic of another thread, the owners are as usable as after any interrupted read.
    pub(super) fn lock(&self) -> MutexGuard<'_, Owners<Proc>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Owners that exist as long as a system has them.
struct Known {
    view: View,
    owners: Weak<Mutex<Owners<Proc>>>,
}

/// All owners of one process.
struct Slot {
    /// The process: its pid, and its pid in `/proc`. 0 if the slot is free.
    process: AtomicU64,
    known: Mutex<Vec<Known>>,
}

/// The number of slots.
///
/// Each process of a chain of forks takes one, until one of them calls exec. If none is left, nothing is shared.
const SLOTS: usize = 8;

impl Slot {
    const fn free() -> Slot {
        Slot { process: AtomicU64::new(0), known: Mutex::new(Vec::new()) }
    }

    /// The slot of this process, which is taken if it has none.
    ///
    /// The pid alone can be equal to that of the parent: each is 1 in a pid namespace of its own.
    fn of_this_process(view: &View) -> Option<&'static Slot> {
        static ALL: [Slot; SLOTS] = [const { Slot::free() }; SLOTS];
        let process = u64::from(process::id()) << 32 | u64::from(view.own_pid.unwrap_or(0));
        let take = |slot: &&Slot| {
            let taken = slot.process.compare_exchange(0, process, Ordering::Relaxed, Ordering::Relaxed);
            taken.is_ok() || taken == Err(process)
        };
        ALL.iter().find(take)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn is_same(a: &SharedOwners, b: &SharedOwners) -> bool {
        Arc::ptr_eq(&a.0, &b.0)
    }

    #[test]
    fn all_threads_share_the_owners() {
        let first = SharedOwners::open().unwrap();
        assert!(is_same(&first, &SharedOwners::open().unwrap()));
        thread::scope(|scope| {
            let open = || SharedOwners::open().unwrap();
            let opened: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            assert!(opened.into_iter().all(|thread| is_same(&first, &thread.join().unwrap())));
        });
    }

    #[test]
    fn another_view_has_other_owners() {
        let proc = Proc::open().unwrap();
        let view = proc.view();
        assert_eq!(view, Proc::open().unwrap().view());
        let slot = Slot::of_this_process(&view).unwrap();
        assert!(core::ptr::eq(slot, Slot::of_this_process(&view).unwrap()));
        // As in a process that was forked into another pid namespace.
        let mut forked = view;
        forked.own_pid = view.own_pid.map(|pid| pid + 1);
        assert!(!core::ptr::eq(slot, Slot::of_this_process(&forked).unwrap()));
    }
}
