//! The roll of a machine's sockets: each is listed once, and none that lasts is left out.
//!
//! The kernel goes through each chain of its hash piece by piece, and finds its place again by counting. When sockets have
//! come into a chain meanwhile, at its head, it lists others twice; when some have gone it passes over others. The first
//! is known by the cookie. Of the second nothing tells, but what was listed last time and is not listed now can be asked
//! for by itself: that is a look-up in the hash, and exact.
//!
//! In the steady state all this is a comparison a socket, with what was listed in the same place last time.

use core::mem;
use std::collections::HashSet;

use super::diag::{Id, Listed};
use super::spread::Spread;
use crate::error::{Error, Result};

/// Far more than come into one chain between two pieces.
const RECENT: usize = 1024;

/// So many are looked up at once: the answers to all of them have to find room in the socket.
pub(super) const AT_ONCE: usize = 32;

/// What one dump after the other has listed, in the kernel's order.
#[derive(Debug)]
pub(super) struct Roll {
    /// The states that are listed.
    states: u32,
    /// What the last dump listed.
    last: Vec<Id>,
    /// How many of them the running dump has listed first, in the same order.
    same: usize,
    /// What it has listed from there on.
    now: Vec<Id>,
    /// The cookies of `now`, where they are needed.
    cookies: HashSet<u64, Spread>,
    /// What the last dump listed, and this one did not.
    gone: Vec<Id>,
    /// Cookies that were listed lately, each until another takes its place.
    recent: Box<[u64; RECENT]>,
}

impl Roll {
    pub(super) fn new() -> Roll {
        Roll {
            states: 0,
            last: Vec::new(),
            same: 0,
            now: Vec::new(),
            cookies: HashSet::default(),
            gone: Vec::new(),
            recent: Box::new([0; RECENT]),
        }
    }

    /// Begins a dump of the sockets in these states. One of others than before tells nothing of what has gone.
    pub(super) fn begin(&mut self, states: u32) {
        if mem::replace(&mut self.states, states) != states {
            self.last.clear();
        }
        self.same = 0;
        self.now.clear();
        self.recent.fill(0);
    }

    /// Takes note of a socket that is listed. Says whether it is for the first time in this dump.
    ///
    /// One that does not last is asked for by nobody when it is gone.
    #[inline]
    pub(super) fn enter(&mut self, listed: Listed<'_>) -> Result<bool> {
        let cookie = listed.cookie();
        if cookie == 0 {
            return Ok(true);
        }
        let place = &mut self.recent[cookie as usize % RECENT];
        if mem::replace(place, cookie) == cookie {
            return Ok(false);
        }
        if self.now.is_empty() && self.last.get(self.same) == Some(&listed.id()) {
            self.same += 1;
        } else if listed.lasts() {
            push(&mut self.now, listed.id())?;
        }
        Ok(true)
    }

    /// Ends a dump: has those looked up that have gone, some at a time, and takes those in again that are found.
    ///
    /// A dump that fails, here or before, leaves the roll as it was.
    pub(super) fn call<E: From<Error>>(
        &mut self,
        mut look_up: impl FnMut(&[Id], &mut dyn FnMut(Listed<'_>) -> Result<()>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.find_gone()?;
        for some in self.gone.chunks(AT_ONCE) {
            look_up(some, &mut |listed| push(&mut self.now, listed.id()))?;
        }
        if self.same == 0 {
            mem::swap(&mut self.last, &mut self.now);
        } else {
            reserve(&mut self.last, self.now.len())?;
            self.last.truncate(self.same);
            self.last.append(&mut self.now);
        }
        Ok(())
    }

    /// Finds what the last dump listed and this one did not.
    fn find_gone(&mut self) -> Result<()> {
        self.gone.clear();
        let rest = &self.last[self.same..];
        if rest.is_empty() {
            return Ok(());
        }
        self.cookies.clear();
        self.cookies.try_reserve(self.now.len()).map_err(|_| out_of_memory(self.now.len()))?;
        self.cookies.extend(self.now.iter().map(Id::cookie));
        for id in rest.iter().filter(|id| !self.cookies.contains(&id.cookie())) {
            push(&mut self.gone, *id)?;
        }
        Ok(())
    }
}

fn push(ids: &mut Vec<Id>, id: Id) -> Result<()> {
    reserve(ids, 1)?;
    ids.push(id);
    Ok(())
}

fn reserve(ids: &mut Vec<Id>, more: usize) -> Result<()> {
    ids.try_reserve(more).map_err(|_| out_of_memory(ids.len().saturating_add(more)))
}

fn out_of_memory(ids: usize) -> Error {
    Error::OutOfMemory { bytes: ids.saturating_mul(size_of::<Id>()) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;

    use super::*;

    /// A socket as a dump tells of it.
    fn message(number: u16, state: u8) -> [u8; 72] {
        let mut bytes = [0; 72];
        bytes[..2].copy_from_slice(&[10, state]);
        bytes[4..6].copy_from_slice(&number.to_be_bytes());
        bytes[44..48].copy_from_slice(&u32::from(number).to_ne_bytes());
        bytes
    }

    fn enter(roll: &mut Roll, number: u16, state: u8) -> bool {
        roll.enter(Listed::new(&message(number, state)).unwrap().unwrap()).unwrap()
    }

    /// Ends a dump of a kernel that still has these. Gives what it was asked for, and what of that was found.
    fn call(roll: &mut Roll, alive: &BTreeSet<u16>) -> Result<(Vec<u16>, Vec<u16>)> {
        let (mut asked, mut found) = (Vec::new(), Vec::new());
        roll.call(|gone, take_in| {
            for id in gone {
                let number = u16::try_from(id.cookie()).unwrap();
                asked.push(number);
                if alive.contains(&number) {
                    found.push(number);
                    take_in(Listed::new(&message(number, 1))?.unwrap())?;
                }
            }
            Ok::<(), Error>(())
        })?;
        Ok((asked, found))
    }

    #[test]
    fn what_is_gone_is_asked_for_once() {
        let mut roll = Roll::new();
        for (listed, alive, asked, found) in [
            (&[1, 2, 3, 4][..], &[][..], &[][..], &[][..]),
            (&[1, 3, 4], &[2], &[2], &[2]),
            (&[1, 3, 4], &[2], &[2], &[2]),
            (&[1, 2, 3, 4], &[], &[], &[]),
            (&[4, 5, 1], &[], &[2, 3], &[]),
            (&[4, 5, 1], &[], &[], &[]),
            (&[4, 5], &[], &[1], &[]),
            (&[], &[4, 5], &[4, 5], &[4, 5]),
            (&[4, 5], &[], &[], &[]),
        ] {
            roll.begin(1);
            assert!(listed.iter().all(|number| enter(&mut roll, *number, 1)), "{listed:?}");
            let expected = (asked.to_vec(), found.to_vec());
            assert_eq!(call(&mut roll, &alive.iter().copied().collect()).unwrap(), expected, "{listed:?}");
        }
    }

    #[test]
    fn what_ends_by_itself_is_not_asked_for() {
        let mut roll = Roll::new();
        for asked in [&[][..], &[2]] {
            roll.begin(1);
            if asked.is_empty() {
                assert!([(1, 6), (2, 1), (3, 6)].iter().all(|(number, state)| enter(&mut roll, *number, *state)));
            }
            assert_eq!(call(&mut roll, &BTreeSet::new()).unwrap().0, asked);
        }
    }

    #[test]
    fn cookies_alone_tell_sockets_apart() {
        let mut roll = Roll::new();
        for _ in 0..2 {
            roll.begin(1);
            // Without one nothing is known. Two that share a place among the recent ones are two.
            let other = 1 + RECENT as u16;
            for (number, is_new) in [(0, true), (0, true), (1, true), (1, false), (other, true), (other, false)] {
                assert_eq!(enter(&mut roll, number, 1), is_new, "{number}");
            }
            assert_eq!(call(&mut roll, &BTreeSet::new()).unwrap().0, [0; 0]);
        }
    }

    #[test]
    fn a_dump_that_fails_leaves_the_roll_as_it_was() {
        let mut roll = Roll::new();
        let all = BTreeSet::from([1, 2, 3]);
        let mut dump = |listed: &[u16], fails: bool| {
            roll.begin(1);
            assert!(listed.iter().all(|number| enter(&mut roll, *number, 1)));
            if fails {
                let failed = roll.call(|_, _| Err(Error::NotSupported));
                assert!(matches!(failed, Err(Error::NotSupported)));
                return Vec::new();
            }
            call(&mut roll, &all).unwrap().1
        };
        assert!(dump(&[1, 2, 3], false).is_empty());
        dump(&[4, 1], true);
        dump(&[1, 5], true);
        assert_eq!(dump(&[1], false), [2, 3]);
    }

    #[test]
    fn whatever_is_passed_over_or_listed_twice_what_lasts_is_there_once() {
        // What is born and what dies before a dump, what it passes over, and what it lists again a few places later.
        let numbers = || btree_set(1..60u16, 0..20);
        let step = (numbers(), numbers(), numbers(), vec((0..60usize, 1..4usize), 0..4));
        let config = ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() };
        proptest!(config, |(steps in vec(step, 1..12))| {
            let mut roll = Roll::new();
            let mut alive: BTreeSet<u16> = BTreeSet::new();
            let mut table = BTreeSet::new();
            for (born, dead, passed_over, twice) in steps {
                alive = alive.union(&born).copied().collect();
                alive = alive.difference(&dead).copied().collect();
                let mut listed: Vec<u16> = alive.difference(&passed_over).copied().collect();
                for (at, behind) in twice {
                    if let Some(again) = listed.get(at).copied() {
                        listed.insert((at + behind).min(listed.len()), again);
                    }
                }
                roll.begin(1);
                let mut now: Vec<u16> = listed.into_iter().filter(|number| enter(&mut roll, *number, 1)).collect();
                now.extend(call(&mut roll, &alive)?.1);
                let rows = now.len();
                let now: BTreeSet<u16> = now.into_iter().collect();
                prop_assert_eq!(now.len(), rows, "each once");
                prop_assert!(now.is_subset(&alive), "none that is gone");
                let lasting: BTreeSet<u16> = table.intersection(&alive).copied().collect();
                prop_assert!(lasting.is_subset(&now), "all that last");
                table = now;
            }
        });
    }
}
