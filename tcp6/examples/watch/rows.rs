//! The rows of the view: those of the table, each with what last happened to it, and for a while those that are gone.

use std::time::{Duration, Instant};

use tcp6::{Change, Row, State, StateCounts, StateSet};

use super::Shown;

/// For so long a row keeps its mark, and one that has vanished its place.
pub const LINGER: Duration = Duration::from_secs(3);

/// What has happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Added,
    Removed,
    Changed { from: State },
}

#[derive(Clone, Debug)]
pub struct Entry {
    /// As it is, or was last.
    pub row: Shown,
    /// What last happened to it and when; nothing since the first poll, if there is none.
    last: Option<(Mark, Instant)>,
    /// When it leaves the view, if it is not of the table any more or not of the states that were asked for.
    leaves: Option<Instant>,
}

impl Entry {
    /// What has just happened to it.
    pub fn mark(&self, now: Instant) -> Option<Mark> {
        self.last.filter(|(_, at)| now < *at + LINGER).map(|(mark, _)| mark)
    }

    /// Since when it is as it is; unknown, if it was so at the first poll.
    pub fn since(&self) -> Option<Instant> {
        self.last.map(|(_, at)| at)
    }

    /// The state, and for a while the one that it came from.
    pub fn state_text(&self, now: Instant) -> String {
        let state = self.row.state();
        match self.mark(now) {
            Some(Mark::Changed { from }) if from != state => format!("{from} -> {state}"),
            _ => state.to_string(),
        }
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
            Some(Mark::Changed { from }) => states.has(from),
            _ => false,
        };
        before || states.has(self.row.state())
    }
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
    pub fn new<'a>(states: StateSet, baseline: impl IntoIterator<Item = &'a Shown>) -> Rows {
        let unmarked = |row: &Shown| Entry { row: *row, last: None, leaves: None };
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

    pub fn update<'a>(&mut self, changes: impl IntoIterator<Item = Change<&'a Shown>>, now: Instant) -> Tally {
        let mut tally = Tally::default();
        // Kept aside, so that the entries stay in order while they are searched.
        let mut new = Vec::new();
        for change in changes {
            match change {
                Change::Added(row) => {
                    tally.added += 1;
                    new.push(Entry { row: *row, last: Some((Mark::Added, now)), leaves: None });
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
                    if let Some(entry) = self.living(before) {
                        entry.leaves = Some(now);
                    }
                    let last = Some((Mark::Changed { from: before.state() }, now));
                    let leaves = (!self.states.has(after.state())).then(|| now + LINGER);
                    new.push(Entry { row: *after, last, leaves });
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

    fn seen(rows: &Rows, now: Instant) -> Vec<(Shown, Option<Mark>)> {
        rows.entries().iter().map(|entry| (entry.row, entry.mark(now))).collect()
    }

    #[test]
    fn marks_fade_and_what_vanished_goes_with_its_mark() {
        let start = Instant::now();
        let (old, new) = (listener(80), listener(22));
        let mut rows = Rows::new(StateSet::all(), [&old]);
        assert_eq!(seen(&rows, start), [(old, None)]);

        let tally = rows.update([Change::Added(&new), Change::Removed(&old)], start);
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
        let mut rows = Rows::new(StateSet::all(), [&before]);
        rows.update([Change::Changed { before: &before, after: &after }], start);
        assert_eq!(seen(&rows, start), [(after, Some(Mark::Changed { from: State::Established }))]);
        let entry = &rows.entries()[0];
        assert_eq!(entry.state_text(start), "ESTABLISHED -> FIN-WAIT-2");
        assert!(entry.is_of(StateSet::ESTABLISHED, start));
        assert_eq!(entry.state_text(start + LINGER), "FIN-WAIT-2");
        assert!(!entry.is_of(StateSet::ESTABLISHED, start + LINGER));
        assert!(rows.fade(start + LINGER), "a mark that fades is a difference");
        assert_eq!(rows.counts().get(State::FinWait2), 1);
    }

    #[test]
    fn of_rows_that_are_alike_as_many_vanish_as_were_removed() {
        let start = Instant::now();
        let row = listener(80);
        let mut rows = Rows::new(StateSet::all(), [&row, &row, &row]);
        rows.update([Change::Removed(&row), Change::Removed(&row)], start);
        assert_eq!(rows.counts().total(), 1);
        rows.update([Change::Added(&row), Change::Removed(&row)], start);
        assert_eq!(rows.counts().total(), 1);
        assert_eq!(rows.entries().len(), 4);
        rows.fade(start + LINGER);
        assert_eq!(rows.entries().len(), 1);
    }

    #[test]
    fn a_row_that_comes_into_a_state_that_was_not_asked_for_leaves() {
        let start = Instant::now();
        let (before, after) = (connection(State::Established, 5000), connection(State::TimeWait, 5000));
        let mut rows = Rows::new(StateSet::ESTABLISHED, [&before]);
        rows.update([Change::Changed { before: &before, after: &after }], start);
        assert_eq!(rows.entries().len(), 1);
        assert_eq!(rows.counts().total(), 0);
        rows.fade(start + LINGER);
        assert!(rows.entries().is_empty());
    }
}
