//! What has changed between two snapshots.

use core::cmp::Ordering;
use core::iter::FusedIterator;

use crate::change::Change;
use crate::{Row, order, view};

/// What has changed between two snapshots, change by change. Made by [`Snapshot::diff`](crate::Snapshot::diff).
///
/// It is lazy and allocates nothing: a merge of two sorted tables, which passes over what is equal at the speed of
/// comparing memory. It is linear in the rows, but for those of one pair of ends whose identities come in another order
/// after than before: it is quadratic in these.
///
/// Changes come in the documented order of their ends. Where one pair of ends has several, those that were removed or
/// changed come first, then those that were added.
///
/// Rows are paired so:
///
/// 1. A row that is equal before and after is no change, as often as it is there on both sides: duplicates are counted,
///    and of five listeners on one end that become three, two are removed.
/// 2. What is left on one pair of ends is paired if its identity is the same, in order, and is a [`Change::Changed`].
///    The identity is the time of creation on Windows and the socket's cookie on Linux, which
///    [`OwnerModuleRow`](crate::OwnerModuleRow) carries; where there is none, all rows of one pair of ends share it.
/// 3. What is left then was removed, or added. So a pair of ends that is used again is Removed and Added where rows carry
///    an identity, and may be taken for Changed where they do not.
///
/// On Linux a connection that enters TIME-WAIT leaves its socket, and the cookie with it: with `OwnerModuleRow` that is
/// Removed and Added as well.
#[derive(Clone, Debug)]
pub struct Diff<'a, R> {
    before: &'a [R],
    after: &'a [R],
    /// The rows of one pair of ends, if they are more than one on a side.
    group: Option<Group<'a, R>>,
}

/// So many rows are compared at once: many where nothing has changed, fewer on the way to what has.
const STRIDES: [usize; 3] = [32, 8, 1];

impl<'a, R: Row> Diff<'a, R> {
    /// Of canonical rows in the documented order.
    pub(crate) fn new(before: &'a [R], after: &'a [R]) -> Diff<'a, R> {
        Diff { before, after, group: None }
    }

    /// Passes over rows that are equal on both sides, up to the first that are not.
    ///
    /// A pair of ends may be equal in part: then what is equal is a change of nothing, and what is left of the group is
    /// still in order, so that passing over it changes no pairing.
    #[inline]
    fn skip_equal(&mut self) {
        for stride in STRIDES {
            while let (Some(before), Some(after)) = (self.before.get(..stride), self.after.get(..stride)) {
                if view::row_bytes(before) != view::row_bytes(after) {
                    break;
                }
                self.before = &self.before[stride..];
                self.after = &self.after[stride..];
            }
        }
    }
}

/// Whether canonical rows are equal.
#[inline]
fn same<R: Row>(a: &R, b: &R) -> bool {
    view::row_bytes(core::slice::from_ref(a)) == view::row_bytes(core::slice::from_ref(b))
}

impl<'a, R: Row> Iterator for Diff<'a, R> {
    type Item = Change<&'a R>;

    fn next(&mut self) -> Option<Change<&'a R>> {
        loop {
            if let Some(group) = &mut self.group {
                match group.next() {
                    None => self.group = None,
                    change => return change,
                }
            }
            self.skip_equal();
            let (before, after) = match (self.before.split_first(), self.after.split_first()) {
                (None, None) => return None,
                (Some((row, rest)), None) => {
                    self.before = rest;
                    return Some(Change::Removed(row));
                }
                (None, Some((row, rest))) => {
                    self.after = rest;
                    return Some(Change::Added(row));
                }
                (Some((before, _)), Some((after, _))) => (before, after),
            };
            match order::ends(before).cmp(&order::ends(after)) {
                Ordering::Less => {
                    self.before = &self.before[1..];
                    return Some(Change::Removed(before));
                }
                Ordering::Greater => {
                    self.after = &self.after[1..];
                    return Some(Change::Added(after));
                }
                Ordering::Equal => {}
            }
            let lost = split_group(&mut self.before);
            let gained = split_group(&mut self.after);
            match (lost, gained) {
                ([before], [after]) if before.identity() == after.identity() => {
                    return Some(Change::Changed { before, after });
                }
                _ => self.group = Some(Group::new(lost, gained)),
            }
        }
    }
}

impl<R: Row> FusedIterator for Diff<'_, R> {}

/// Takes the rows of the first pair of ends off the front.
fn split_group<'a, R: Row>(rows: &mut &'a [R]) -> &'a [R] {
    let ends = rows.first().map(order::ends);
    let length = rows.iter().take_while(|row| Some(order::ends(*row)) == ends).count();
    let (group, rest) = rows.split_at(length);
    *rows = rest;
    group
}

/// The changes of one pair of ends.
///
/// What is left on each side when equal rows are paired is found by a merge, again and again instead of being kept:
/// nothing may be allocated for it. As long as the how-many-th row of one side has the identity of the how-many-th of the
/// other, as where there are no identities or where one process has taken over from another, they are partners. From the
/// first that has not, partners are searched for, which is quadratic in the rows that are left on this pair of ends.
#[derive(Clone, Debug)]
struct Group<'a, R> {
    lost: Minus<'a, R>,
    gained: Minus<'a, R>,
    /// Whether each row so far was the partner of the one in its place. `gained` stands behind those.
    keeps_step: bool,
    all_lost: Minus<'a, R>,
    all_gained: Minus<'a, R>,
}

impl<'a, R: Row> Group<'a, R> {
    fn new(before: &'a [R], after: &'a [R]) -> Group<'a, R> {
        let (lost, gained) = (Minus::new(before, after), Minus::new(after, before));
        Group { lost: lost.clone(), gained: gained.clone(), keeps_step: true, all_lost: lost, all_gained: gained }
    }

    fn next(&mut self) -> Option<Change<&'a R>> {
        if let Some(before) = self.lost.next() {
            return Some(match self.partner(before) {
                Some(after) => Change::Changed { before, after },
                None => Change::Removed(before),
            });
        }
        if !self.keeps_step {
            let (all_lost, all_gained) = (&self.all_lost, &self.all_gained);
            let is_paired = |after: &&R| all_lost.alike(*after).nth(all_gained.rank(after)).is_some();
            return self.gained.find(|after| !is_paired(after)).map(Change::Added);
        }
        self.gained.next().map(Change::Added)
    }

    /// The row after that this one before has become.
    fn partner(&mut self, before: &'a R) -> Option<&'a R> {
        if self.keeps_step {
            let mut rest = self.gained.clone();
            match rest.next() {
                Some(after) if after.identity() == before.identity() => {
                    self.gained = rest;
                    return Some(after);
                }
                _ => self.keeps_step = false,
            }
        }
        self.all_gained.alike(before).nth(self.all_lost.rank(before))
    }
}

/// The rows of one slice without those of another, counted; both in order.
#[derive(Clone, Debug)]
struct Minus<'a, R> {
    rows: &'a [R],
    without: &'a [R],
}

impl<'a, R: Row> Minus<'a, R> {
    fn new(rows: &'a [R], without: &'a [R]) -> Minus<'a, R> {
        Minus { rows, without }
    }

    /// From the begin: those with the same identity.
    fn alike(&self, row: &R) -> impl Iterator<Item = &'a R> + use<'a, R> {
        let identity = row.identity();
        self.clone().filter(move |other| other.identity() == identity)
    }

    /// From the begin: how many with the same identity come before this row, which is one of them.
    fn rank(&self, row: &R) -> usize {
        self.alike(row).take_while(|other| !core::ptr::eq(*other, row)).count()
    }
}

impl<'a, R: Row> Iterator for Minus<'a, R> {
    type Item = &'a R;

    fn next(&mut self) -> Option<&'a R> {
        loop {
            let (row, rest) = self.rows.split_first()?;
            match self.without.first() {
                Some(other) if other < row => self.without = &self.without[1..],
                Some(other) if same(other, row) => {
                    self.rows = rest;
                    self.without = &self.without[1..];
                }
                _ => {
                    self.rows = rest;
                    return Some(row);
                }
            }
        }
    }
}
