//! The rows of the view: those of the table, each with what last happened to it, and for a while those that are gone.

use std::time::{Duration, Instant};

use tcp6::{Change, Owner, Row, State, StateCounts, StateSet};

use super::Shown;
use super::owner::{Name, Named};

/// For so long a row keeps its mark, and one that has vanished its place.
pub const LINGER: Duration = Duration::from_secs(3);

/// What has happened to a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    Added,
    Removed,
    /// What it was before.
    Changed {
        state: State,
        owner: Named,
    },
}

#[derive(Clone, Debug)]
pub struct Entry {
    /// As it is, or was last.
    pub row: Shown,
    /// Its owner by name, which it keeps when that process is gone.
    owner: Named,
    /// What last happened to it and when; nothing since the first poll, if there is none.
    last: Option<(Mark, Instant)>,
    /// When it leaves the view, if it is not of the table any more or not of the states that were asked for.
    leaves: Option<Instant>,
}

impl Entry {
    /// What has just happened to it.
    pub fn mark(&self, now: Instant) -> Option<&Mark> {
        self.last.as_ref().filter(|(_, at)| now < *at + LINGER).map(|(mark, _)| mark)
    }

    /// Since when it is as it is; unknown, if it was so at the first poll.
    pub fn since(&self) -> Option<Instant> {
        self.last.as_ref().map(|(_, at)| *at)
    }

    /// The state, and for a while the one that it came from.
    pub fn state_text(&self, now: Instant) -> Text {
        let state = self.row.state();
        match self.mark(now) {
            Some(Mark::Changed { state: before, .. }) if *before != state => {
                Text { full: format!("{before} -> {state}"), short: Some(format!("-> {state}")) }
            }
            _ => Text { full: state.to_string(), short: None },
        }
    }

    /// The owner, and for a while the one that it came from.
    pub fn owner_text(&self, now: Instant) -> Text {
        let owner = &self.owner;
        match self.mark(now) {
            Some(Mark::Changed { owner: before, .. }) if before.owner() != owner.owner() => {
                // Of a process and nobody, the process tells more.
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

    /// Whether it is in one of these states, or has just come out of one.
    pub fn is_of(&self, states: StateSet, now: Instant) -> bool {
        let before = match self.mark(now) {
            Some(Mark::Changed { state, .. }) => states.has(*state),
            _ => false,
        };
        before || states.has(self.row.state())
    }
}

/// What stands in a column.
#[derive(Debug)]
pub struct Text {
    pub full: String,
    /// Where there is no room for all of it: one side of a change.
    pub short: Option<String>,
}

/// How many changes of each kind there were in a poll.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub added: usize,
    pub removed: usize,
    pub changed: usize,
}

/// A poll costs a binary search a change and a few plain passes over all rows.
#[derive(Debug)]
pub struct Rows {
    /// In the documented order of rows, as the changes are.
    entries: Vec<Entry>,
    /// The states of which changes are told. A row that comes into another one is heard of for the last time.
    states: StateSet,
    /// When it was last seen to what fades.
    faded_at: Option<Instant>,
}

impl Rows {
    /// The rows that were found at first. `names` gives those of their owners.
    pub fn new<'a>(
        states: StateSet,
        baseline: impl IntoIterator<Item = &'a Shown>,
        mut names: impl FnMut(u32) -> Option<Name>,
    ) -> Rows {
        let unmarked =
            |row: &Shown| Entry { row: *row, owner: Named::new(row.owner(), &mut names), last: None, leaves: None };
        let mut entries: Vec<Entry> = baseline.into_iter().map(unmarked).collect();
        // Those of a poll are in order already.
        entries.sort_by_key(|entry| entry.row);
        Rows { entries, states, faded_at: None }
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many rows there are in each state, without those that are gone.
    pub fn counts(&self) -> StateCounts {
        self.entries.iter().filter(|entry| entry.leaves.is_none()).map(|entry| entry.row.state()).collect()
    }

    /// After a poll. `names` gives the owners' names, and is asked only for rows that have changed.
    pub fn update<'a>(
        &mut self,
        changes: impl IntoIterator<Item = Change<&'a Shown>>,
        mut names: impl FnMut(u32) -> Option<Name>,
        now: Instant,
    ) -> Tally {
        let mut tally = Tally::default();
        // Kept aside, so that the entries stay in order while they are searched.
        let mut new = Vec::new();
        for change in changes {
            match change {
                Change::Added(row) => {
                    tally.added += 1;
                    let owner = Named::new(row.owner(), &mut names);
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
                        // It was in a state that was not asked for.
                        None => Named::new(before.owner(), &mut names),
                    };
                    let owner = was.renew(after.owner(), &mut names);
                    let last = Some((Mark::Changed { state: before.state(), owner: was }, now));
                    let leaves = (!self.states.has(after.state())).then(|| now + LINGER);
                    new.push(Entry { row: *after, owner, last, leaves });
                }
            }
        }
        self.fade(now);
        self.entries.append(&mut new);
        // Two sorted runs, which this sort merges.
        self.entries.sort_by_key(|entry| entry.row);
        tally
    }

    /// Lets go what has been gone for long enough. Tells whether anything looks different since the last time.
    pub fn fade(&mut self, now: Instant) -> bool {
        let since = self.faded_at.replace(now);
        let has_faded = |at: Instant| at + LINGER <= now && since.is_some_and(|since| since < at + LINGER);
        let marks_faded = self.entries.iter().filter_map(Entry::since).any(has_faded);
        let length = self.entries.len();
        self.entries.retain(|entry| entry.leaves.is_none_or(|at| now < at));
        marks_faded || self.entries.len() < length
    }

    /// The entry of this row, if it is in the table; of several alike, any.
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

    /// This row of a process; of nobody, if the id is 0.
    pub fn owned(pid: u32, row: Shown) -> Shown {
        let mut raw = *row.as_raw();
        raw.dwOwningPid = pid;
        Shown::from_raw(raw)
    }

    /// The processes that there are.
    pub fn names(pid: u32) -> Option<Name> {
        match pid {
            1234 | 1235 => Some("nginx".into()),
            999 => Some("Sshd".into()),
            _ => None,
        }
    }

    fn seen(rows: &Rows, now: Instant) -> Vec<(Shown, Option<Mark>)> {
        rows.entries().iter().map(|entry| (entry.row, entry.mark(now).cloned())).collect()
    }

    #[test]
    fn marks_fade_and_what_vanished_goes_with_its_mark() {
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
        assert!(rows.fade(start + LINGER), "a mark that fades is a difference");
        assert_eq!(rows.counts().get(State::FinWait2), 1);
    }

    #[test]
    fn an_owner_that_changes_is_kept_for_a_while_and_the_state_is_told_once() {
        let start = Instant::now();
        let row = connection(State::FinWait2, 5000);
        let (before, after) = (owned(1234, row), owned(0, row));
        let mut rows = Rows::new(StateSet::all(), [&before], names);
        rows.update([Change::Changed { before: &before, after: &after }], |pid| panic!("{pid}"), start);
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
    fn a_row_keeps_the_name_of_its_owner_when_that_is_gone() {
        let start = Instant::now();
        let gone = |_: u32| None;
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
        assert_eq!(rows.entries()[0].owner_text(start).full, "1235", "gone before it could be looked up");
    }

    #[test]
    fn a_row_that_comes_out_of_a_state_that_was_not_asked_for_has_its_owners_looked_up() {
        let start = Instant::now();
        let (before, after) =
            (owned(1234, connection(State::Established, 90)), owned(0, connection(State::TimeWait, 90)));
        let mut rows = Rows::new(StateSet::TIME_WAIT, [], names);
        rows.update([Change::Changed { before: &before, after: &after }], names, start);
        assert_eq!(rows.entries()[0].owner_text(start).full, "1234 nginx -> nobody");
    }

    #[test]
    fn of_rows_that_are_alike_as_many_vanish_as_were_removed() {
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
    fn a_row_that_comes_into_a_state_that_was_not_asked_for_leaves() {
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
