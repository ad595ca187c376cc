//! Where the last table and the new one list the sockets of events.

use core::ops::Index;
use std::collections::HashMap;

use super::event::{Event, Verdict};
use super::listed::Listed;
use super::tables::Tables;
use crate::error::{Error, Result};
use crate::system::linux::int_hash::IntHash;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Presence {
    #[default]
    Missing,
    Socket,
    Minisock,
}

impl Presence {
    fn of(listed: &Listed) -> Presence {
        if listed.is_minisock() { Presence::Minisock } else { Presence::Socket }
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fate {
    pub(super) before: Presence,
    pub(super) after: Presence,
    /// Whether its event has arrived.
    pub(super) has_event: bool,
    /// The verdict on its event, if it is an orphan.
    pub(super) awaited: Option<Verdict>,
}

impl Fate {
    /// Of a socket that neither table lists.
    const UNKNOWN: Fate = Fate { before: Presence::Missing, after: Presence::Missing, has_event: false, awaited: None };
}

/// The fates of the sockets of events and orphans, and of those that differ between the tables, by cookie.
#[derive(Debug, Default)]
pub(super) struct Fates(HashMap<u64, Fate, IntHash>);

impl Fates {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// `awaited` has the cookies of the orphans and the verdicts on their events.
    pub(super) fn look_up(
        &mut self,
        tables: &Tables,
        pending: &[Event],
        awaited: impl ExactSizeIterator<Item = (u64, Verdict)>,
    ) -> Result<()> {
        let Fates(fates) = self;
        let (before, after) = (tables.before(), tables.after());
        fates.clear();
        let needed = pending.len() + awaited.len() + before.len() + after.len();
        let bytes = needed.saturating_mul(size_of::<(u64, Fate)>());
        fates.try_reserve(needed).map_err(|_| Error::OutOfMemory { bytes })?;
        for listed in before {
            fates.entry(listed.cookie).or_default().before = Presence::of(listed);
        }
        for listed in after {
            fates.entry(listed.cookie).or_default().after = Presence::of(listed);
        }
        if pending.is_empty() && awaited.len() == 0 {
            return Ok(());
        }
        for event in pending {
            fates.entry(event.cookie).or_default();
        }
        for (cookie, verdict) in awaited {
            fates.entry(cookie).or_default().awaited = Some(verdict);
        }
        for listed in tables.equal() {
            if let Some(fate) = fates.get_mut(&listed.cookie) {
                (fate.before, fate.after) = (Presence::of(listed), Presence::of(listed));
            }
        }
        Ok(())
    }

    /// The fate of the socket of an event.
    pub(super) fn get_mut(&mut self, cookie: u64) -> &mut Fate {
        self.0.entry(cookie).or_default()
    }
}

impl Index<u64> for Fates {
    type Output = Fate;

    fn index(&self, cookie: u64) -> &Fate {
        self.0.get(&cookie).unwrap_or(&Fate::UNKNOWN)
    }
}
