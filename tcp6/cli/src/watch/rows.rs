//! The rows of the view: those of the table, each with its last change, and for a while those that were removed.

use std::time::{Duration, Instant};

use tcp6::{Change, Owner, Row, State, StateCounts, StateSet};

use super::Shown;
use crate::columns::width;
use crate::owner::{Name, Named};

/// How long a row keeps its mark, and a removed row its place.
pub const LINGER: Duration = Duration::from_secs(3);

/// The last change of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    Added,
    Removed,
    /// With the state and the owner before the change.
    Changed {
        state: State,
        owner: Named,
    },
}

#[derive(Clone, Debug)]
pub struct Entry {
    /// The current row, or the last one before it was removed.
    pub row: Shown,
    /// Its owner, with a name that is kept after the process has ended.
    owner: Named,
    /// Its last change and when; none since the first poll if absent.
    last: Option<(Mark, Instant)>,
    /// When it leaves the view, if it was removed or has left the states that are watched.
    leaves: Option<Instant>,
}

impl Entry {
    /// Its last change, if that is recent.
    pub fn mark(&self, now: Instant) -> Option<&Mark> {
        self.last.as_ref().filter(|(_, at)| now < *at + LINGER).map(|(mark, _)| mark)
    }

    /// When it last changed; unknown if it has not changed since the first poll.
    pub fn since(&self) -> Option<Instant> {
        self.last.as_ref().map(|(_, at)| *at)
    }

    /// The state, and for a while the previous one.
    pub fn state_text(&self, now: Instant) -> Text {
        let state = self.row.state();
        match self.mark(now) {
            Some(Mark::Changed { state: before, .. }) if *before != state => {
                Text { full: format!("{before} -> {state}"), short: Some(format!("-> {state}")) }
            }
            _ => Text { full: state.to_string(), short: None },
        }
    }

    /// The owner, and for a while the previous one.
    pub fn owner_text(&self, now: Instant) -> Text {
        let owner = &self.owner;
        match self.mark(now) {
            Some(Mark::Changed { owner: before, .. }) if before.owner() != owner.owner() => {
                // A process says more than nobody.
                let is_process = matches!(owner.owner(), Owner::Process(_));
                let short = if is_process { format!("-> {owner}") } else { format!("{before} ->") };
                Text { full: format!("{before} -> {owner}"), short: Some(short) }
            }
            _ => Text { full: owner.to_string(), short: None },
        }
    }

    pub fn owner(&self) -> &Named {
        &self.owner
    }

    pub fn local_text(&self) -> String {
        self.row.local().to_string()
    }

    pub fn remote_text(&self) -> String {
        self.row.remote().map_or("-".to_owned(), |remote| remote.to_string())
    }

    /// Whether it is in one of these states, or was just before.
    pub fn is_of(&self, states: StateSet, now: Instant) -> bool {
        let before = match self.mark(now) {
            Some(Mark::Changed { state, .. }) => states.has(*state),
            _ => false,
        };
        before || states.has(self.row.state())
    }
}

/// The content of a column.
#[derive(Debug)]
pub struct Text {
    pub full: String,
    /// One side of a change, shown if there is no room for both.
    pub short: Option<String>,
}

impl Text {
    /// The text for a column of this width.
    pub fn in_columns(self, columns: usize) -> String {
        match self.short {
            Some(short) if width(&self.full) > columns => short,
            _ => self.full,
        }
    }
}

/// The changes of one poll, counted by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub added: usize,
    pub removed: usize,
    pub changed: usize,
}

/// An update takes one binary search for each change and a few passes over all rows.
#[derive(Debug)]
pub struct Rows {
    /// In the documented order of rows.
    entries: Vec<Entry>,
    /// The states that are watched. A change into another state is the last one reported for a row.
    states: StateSet,
    /// When marks were last checked.
    faded_at: Option<Instant>,
}

impl Rows {
    /// Starts with the rows of the first poll. `names` looks up their owners' names.
    pub fn new<'a>(
        states: StateSet,
        baseline: impl IntoIterator<Item = &'a Shown>,
        mut names: impl FnMut(&Shown) -> Option<Name>,
    ) -> Rows {
        let unmarked =
            |row: &Shown| Entry { row: *row, owner: Named::new(row.owner(), |_| names(row)), last: None, leaves: None };
        let mut entries: Vec<Entry> = baseline.into_iter().map(unmarked).collect();
        // The rows of a poll are in order already.
        entries.sort_by_key(|entry| entry.row);
        Rows { entries, states, faded_at: None }
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The rows in each state, without the removed ones.
    pub fn counts(&self) -> StateCounts {
        self.entries.iter().filter(|entry| entry.leaves.is_none()).map(|entry| entry.row.state()).collect()
    }

    /// Applies the changes of a poll. `names` is called only for rows that have changed.
    pub fn update<'a>(
        &mut self,
        changes: impl IntoIterator<Item = Change<&'a Shown>>,
        mut names: impl FnMut(&Shown) -> Option<Name>,
        now: Instant,
    ) -> Tally {
        let mut tally = Tally::default();
        // Kept apart, because the entries are searched by binary search meanwhile.
        let mut new = Vec::new();
        for change in changes {
            match change {
                Change::Added(row) => {
                    tally.added += 1;
                    let owner = Named::new(row.owner(), |_| names(row));
                    new.push(Entry { row: *row, owner, last: Some((Mark::Added, now)), leaves: None });
                }
                Change::Removed(row) => {
                    tally.removed += 1;
                    if let Some(entry) = self.living(row) {
                        entry.last = Some((Mark::Removed, now));
                        entry.leaves = Some(now + LINGER);
                    }
                }
                Change::Changed { before, after } => {
                    tally.changed += 1;
                    let was = match self.living(before) {
                        Some(entry) => {
                            entry.leaves = Some(now);
                            entry.owner.clone()
                        }
                        // It was in a state that is not watched.
                        None => Named::new(before.owner(), |_| names(before)),
                    };
                    let owner = was.renew(after.owner(), |_| names(after));
                    let last = Some((Mark::Changed { state: before.state(), owner: was }, now));
                    let leaves = (!self.states.has(after.state())).then(|| now + LINGER);
                    new.push(Entry { row: *after, owner, last, leaves });
                }
            }
        }
        self.fade(now);
        self.entries.append(&mut new);
        // Two sorted runs, which a stable sort merges in linear time.
        self.entries.sort_by_key(|entry| entry.row);
        tally
    }

    /// Drops removed rows after [`LINGER`]. Reports whether anything looks different since the last call.
    pub fn fade(&mut self, now: Instant) -> bool {
        let since = self.faded_at.replace(now);
        let has_faded = |at: Instant| at + LINGER <= now && since.is_some_and(|since| since < at + LINGER);
        let marks_faded = self.entries.iter().filter_map(Entry::since).any(has_faded);
        let length = self.entries.len();
        self.entries.retain(|entry| entry.leaves.is_none_or(|at| now < at));
        marks_faded || self.entries.len() < length
    }

    /// The entry of this row that was not removed; any of several equal ones.
    fn living(&mut self, row: &Shown) -> Option<&mut Entry> {
        let start = self.entries.partition_point(|entry| entry.row < *row);
        let mut alike = self.entries[start..].iter_mut().take_while(|entry| entry.row == *row);
        alike.find(|entry| entry.leaves.is_none())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn listener(port: u16) -> Shown {
        Shown::new(State::Listen, format!("[::1]:{port}").parse().unwrap(), None)
    }

    pub fn connection(state: State, port: u16) -> Shown {
        let end = |port| format!("[::1]:{port}").parse().unwrap();
        Shown::new(state, end(port), Some(end(443)))
    }

    /// The row with this owner; pid 0 is nobody.
    pub fn owned(pid: u32, row: Shown) -> Shown {
        let mut raw = *row.as_raw();
        raw.dwOwningPid = pid;
        Shown::from_raw(raw)
    }

    /// The processes of the tests.
    pub fn names(row: &Shown) -> Option<Name> {
        match row.owner().pid()? {
            1234 | 1235 => Some("nginx".into()),
            999 => Some("Sshd".into()),
            _ => None,
        }
    }

    fn seen(rows: &Rows, now: Instant) -> Vec<(Shown, Option<Mark>)> {
        rows.entries().iter().map(|entry| (entry.row, entry.mark(now).cloned())).collect()
    }

    #[test]
    fn marks_fade_and_removed_rows_are_dropped_with_them() {
        let start = Instant::now();
        let (old, new) = (listener(80), listener(22));
        let mut rows = Rows::new(StateSet::all(), [&old], names);
        assert_eq!(seen(&rows, start), [(old, None)]);

        let tally = rows.update([Change::Added(&new), Change::Removed(&old)], names, start);
        assert_eq!(tally, Tally { added: 1, removed: 1, changed: 0 });
        assert_eq!(seen(&rows, start), [(new, Some(Mark::Added)), (old, Some(Mark::Removed))]);
        assert_eq!(rows.counts().total(), 1);

        let almost = start + LINGER - Duration::from_millis(1);
        assert!(!rows.fade(almost));
        assert_eq!(seen(&rows, almost).len(), 2);
        assert!(rows.fade(start + LINGER));
        assert_eq!(seen(&rows, start + LINGER), [(new, None)]);
        assert!(!rows.fade(start + 2 * LINGER));
    }

    #[test]
    fn a_change_keeps_the_old_state_for_a_while() {
        let start = Instant::now();
        let (before, after) = (connection(State::Established, 5000), connection(State::FinWait2, 5000));
        let mut rows = Rows::new(StateSet::all(), [&before], names);
        rows.update([Change::Changed { before: &before, after: &after }], names, start);
        let [entry] = rows.entries() else { panic!("{rows:?}") };
        assert_eq!(entry.row, after);
        assert!(matches!(entry.mark(start), Some(Mark::Changed { state: State::Established, .. })), "{entry:?}");
        assert_eq!(entry.state_text(start).full, "ESTABLISHED -> FIN-WAIT-2");
        assert!(entry.is_of(StateSet::ESTABLISHED, start));
        assert_eq!(entry.state_text(start + LINGER).full, "FIN-WAIT-2");
        assert!(!entry.is_of(StateSet::ESTABLISHED, start + LINGER));
        assert!(rows.fade(start + LINGER), "a mark that fades is visible");
        assert_eq!(rows.counts().get(State::FinWait2), 1);
    }

    #[test]
    fn a_previous_owner_is_shown_for_a_while() {
        let start = Instant::now();
        let row = connection(State::FinWait2, 5000);
        let (before, after) = (owned(1234, row), owned(0, row));
        let mut rows = Rows::new(StateSet::all(), [&before], names);
        rows.update([Change::Changed { before: &before, after: &after }], |row: &Shown| panic!("{row:?}"), start);
        let [entry] = rows.entries() else { panic!("{rows:?}") };
        assert_eq!(entry.owner_text(start).full, "1234 nginx -> nobody");
        assert_eq!(entry.owner_text(start).short.as_deref(), Some("1234 nginx ->"));
        assert_eq!(entry.state_text(start).full, "FIN-WAIT-2");
        assert_eq!(entry.owner_text(start + LINGER).full, "nobody");

        let accepted = owned(999, row);
        rows.update([Change::Changed { before: &after, after: &accepted }], names, start);
        let Text { full, short } = rows.entries()[0].owner_text(start);
        assert_eq!((&*full, short.as_deref()), ("nobody -> 999 Sshd", Some("-> 999 Sshd")));
    }

    #[test]
    fn a_row_keeps_the_name_of_an_owner_that_has_ended() {
        let start = Instant::now();
        let gone = |_: &Shown| None;
        let (before, after) =
            (owned(1234, connection(State::Established, 90)), owned(1234, connection(State::CloseWait, 90)));
        let mut rows = Rows::new(StateSet::all(), [&before], names);
        rows.update([Change::Changed { before: &before, after: &after }], gone, start);
        assert_eq!(rows.entries()[0].owner_text(start).full, "1234 nginx");
        rows.update([Change::Removed(&after)], gone, start);
        let [entry] = rows.entries() else { panic!("{rows:?}") };
        assert_eq!(entry.mark(start), Some(&Mark::Removed));
        assert_eq!(entry.owner_text(start).full, "1234 nginx");

        rows.update([Change::Added(&owned(1235, listener(80)))], gone, start);
        assert_eq!(rows.entries()[0].owner_text(start).full, "1235", "it ended before it was looked up");
    }

    #[test]
    fn both_owners_of_a_row_from_an_unwatched_state_are_looked_up() {
        let start = Instant::now();
        let (before, after) =
            (owned(1234, connection(State::Established, 90)), owned(0, connection(State::TimeWait, 90)));
        let mut rows = Rows::new(StateSet::TIME_WAIT, [], names);
        rows.update([Change::Changed { before: &before, after: &after }], names, start);
        assert_eq!(rows.entries()[0].owner_text(start).full, "1234 nginx -> nobody");
    }

    #[test]
    fn of_equal_rows_only_the_removed_ones_are_dropped() {
        let start = Instant::now();
        let row = listener(80);
        let mut rows = Rows::new(StateSet::all(), [&row, &row, &row], names);
        rows.update([Change::Removed(&row), Change::Removed(&row)], names, start);
        assert_eq!(rows.counts().total(), 1);
        rows.update([Change::Added(&row), Change::Removed(&row)], names, start);
        assert_eq!(rows.counts().total(), 1);
        assert_eq!(rows.entries().len(), 4);
        rows.fade(start + LINGER);
        assert_eq!(rows.entries().len(), 1);
    }

    #[test]
    fn a_row_that_enters_an_unwatched_state_is_dropped() {
        let start = Instant::now();
        let (before, after) = (connection(State::Established, 5000), connection(State::TimeWait, 5000));
        let mut rows = Rows::new(StateSet::ESTABLISHED, [&before], names);
        rows.update([Change::Changed { before: &before, after: &after }], names, start);
        assert_eq!(rows.entries().len(), 1);
        assert_eq!(rows.counts().total(), 0);
        rows.fade(start + LINGER);
        assert!(rows.entries().is_empty());
    }
}
