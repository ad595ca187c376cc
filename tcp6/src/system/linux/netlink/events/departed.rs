//! The sockets that left the table, or became minisocks, before their event arrived.

use std::collections::{HashSet, VecDeque};

use crate::system::linux::int_hash::IntHash;

/// The number of sockets that are remembered.
///
/// A socket that was reset leaves the table, and its event comes when its process closes it.
pub(super) const MAX_DEPARTED: usize = 65_536;

/// The cookies of closed sockets whose event has not arrived. The oldest ones are forgotten.
#[derive(Debug, Default)]
pub(super) struct Departed {
    cookies: HashSet<u64, IntHash>,
    /// In the order of their insertion. At most half of them were removed.
    order: VecDeque<u64>,
}

impl Departed {
    /// Adds a cookie. Does nothing if memory is lacking.
    pub(super) fn insert(&mut self, cookie: u64) {
        let Departed { cookies, order } = self;
        let has_memory = cookies.try_reserve(1).is_ok() && order.try_reserve(1).is_ok();
        if !has_memory || !cookies.insert(cookie) {
            return;
        }
        order.push_back(cookie);
        while cookies.len() > MAX_DEPARTED {
            let Some(oldest) = order.pop_front() else { return };
            cookies.remove(&oldest);
        }
    }

    pub(super) fn contains(&self, cookie: u64) -> bool {
        self.cookies.contains(&cookie)
    }

    pub(super) fn remove(&mut self, cookie: u64) {
        let Departed { cookies, order } = self;
        cookies.remove(&cookie);
        if order.len() > 2 * cookies.len() {
            order.retain(|cookie| cookies.contains(cookie));
        }
    }

    pub(super) fn clear(&mut self) {
        self.cookies.clear();
        self.order.clear();
    }
}
