//! The rows of the live view: the rows of the table with their last changes, and recently removed rows.

use std::time::{Duration, Instant};

use tcp6::{Brief, Change, Owner, State, StateCounts, StateSet};

use super::Shown;
use crate::columns::width;
use crate::owner::{Name, Named};

/// How long a changed row is marked and a removed row is still shown.
pub const LINGER: Duration = Duration::from_secs(3);

/// The number of short connections that are shown at once. The tally counts all.
pub const MAX_BRIEF: usize = 100;

/// The last change of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    Added,
    Removed,
    /// A connection that was opened and closed between two polls.
    Brief,
    /// The state and the owner before the change.
    Changed {
        state: State,
        owner: Named,
    },
}

/// A row with its last change.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The current row or, if it was removed, the last one.
    pub row: Shown,
    /// The owner. The name is kept after the process has exited.
    owner: Named,
    /// The last change and its time. `None` if the row has not changed since the first poll.
    last: Option<(Mark, Instant)>,
    /// When the entry is dropped, if the row was removed or entered an unwatched state.
    expires: Option<Instant>,
}

impl Entry {
    /// The last change, if it is more recent than [`LINGER`].
    pub fn mark(&self, now: Instant) -> Option<&Mark> {
        self.last.as_ref().filter(|(_, at)| now < *at + LINGER).map(|(mark, _)| mark)
    }

    /// Whether it is a connection that was opened and closed between two polls.
    pub fn is_brief(&self) -> bool {
        matches!(self.last, Some((Mark::Brief, _)))
    }

    /// The time of the last change. `None` if the row has not changed since the first poll.
    pub fn since(&self) -> Option<Instant> {
        self.last.as_ref().map(|(_, at)| *at)
    }

    /// The state and, while a change is marked, the previous state.
    pub fn state_text(&self, now: Instant) -> Text {
        let state = self.row.state();
        if self.is_brief() {
            return Text { full: "brief".to_owned(), short: None };
        }
        match self.mark(now) {
            Some(Mark::Changed { state: before, .. }) if *before != state => {
                Text { full: format!("{before} -> {state}"), short: Some(format!("-> {state}")) }
            }
            _ => Text { full: state.to_string(), short: None },
        }
    }

    /// The owner and, while a change is marked, the previous owner.
    pub fn owner_text(&self, now: Instant) -> Text {
        let owner = &self.owner;
        if self.is_brief() {
            return Text { full: "-".to_owned(), short: None };
        }
        match self.mark(now) {
            Some(Mark::Changed { owner: before, .. }) if before.owner() != owner.owner() => {
                // Prefers the side that names a process.
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

    /// Whether the row is in one of these states or, while a change is marked, was in one before
    /// it.
    pub fn is_of(&self, states: StateSet, now: Instant) -> bool {
        let before = match self.mark(now) {
            Some(Mark::Changed { state, .. }) => states.has(*state),
            _ => false,
        };
        before || states.has(self.row.state())
    }
}

/// The text of a column.
#[derive(Debug)]
pub struct Text {
    pub full: String,
    /// One side of a change, for columns too narrow for both.
    pub short: Option<String>,
}

impl Text {
    /// The short text if there is one and the full text is wider than `columns`, else the full
    /// text.
    pub fn in_columns(self, columns: usize) -> String {
        match self.short {
            Some(short) if width(&self.full) > columns => short,
            _ => self.full,
        }
    }
}

/// The number of changes of one poll, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub added: usize,
    pub removed: usize,
    pub changed: usize,
    pub brief: usize,
}

/// The entries of the view.
///
/// An update takes a binary search for each change and a few passes over all entries.
#[derive(Debug)]
pub struct Rows {
    /// In the documented row order.
    entries: Vec<Entry>,
    /// The watched states. A change to another state is the last change that is reported for a row.
    states: StateSet,
    /// The time of the last call of [`fade`](Rows::fade).
    faded_at: Option<Instant>,
}

impl Rows {
    /// Creates unmarked entries for the rows of the first poll.
    ///
    /// `names` returns the name of a process.
    pub fn new<'a>(
        states: StateSet,
        baseline: impl IntoIterator<Item = &'a Shown>,
        mut names: impl FnMut(&Shown) -> Option<Name>,
    ) -> Rows {
        let unmarked = |row: &Shown| Entry {
            row: *row,
            owner: Named::new(row.owner(), |_| names(row)),
            last: None,
            expires: None,
        };
        let mut entries: Vec<Entry> = baseline.into_iter().map(unmarked).collect();
        // Cheap, because the rows of a poll are already sorted.
        entries.sort_by_key(|entry| entry.row);
        Rows { entries, states, faded_at: None }
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The number of rows in each state, without removed rows.
    pub fn counts(&self) -> StateCounts {
        self.entries.iter().filter(|entry| entry.expires.is_none()).map(|entry| entry.row.state()).collect()
    }

    /// Applies the changes of a poll. `names` is called only for owners of changed rows.
    pub fn update<'a>(
        &mut self,
        changes: impl IntoIterator<Item = Change<&'a Shown>>,
        mut names: impl FnMut(&Shown) -> Option<Name>,
        now: Instant,
    ) -> Tally {
        let mut tally = Tally::default();
        // Separate, because binary search needs `entries` to stay sorted.
        let mut new = Vec::new();
        for change in changes {
            match change {
                Change::Added(row) => {
                    tally.added += 1;
                    let owner = Named::new(row.owner(), |_| names(row));
                    new.push(Entry { row: *row, owner, last: Some((Mark::Added, now)), expires: None });
                }
                Change::Removed(row) => {
                    tally.removed += 1;
                    if let Some(entry) = self.current(row) {
                        entry.last = Some((Mark::Removed, now));
                        entry.expires = Some(now + LINGER);
                    }
                }
                Change::Changed { before, after } => {
                    tally.changed += 1;
                    let previous = match self.current(before) {
                        Some(entry) => {
                            entry.expires = Some(now);
                            entry.owner.clone()
                        }
                        // The row was in an unwatched state.
                        None => Named::new(before.owner(), |_| names(before)),
                    };
                    let owner = previous.renew(after.owner(), |_| names(after));
                    let last = Some((Mark::Changed { state: before.state(), owner: previous }, now));
                    let expires = (!self.states.has(after.state())).then(|| now + LINGER);
                    new.push(Entry { row: *after, owner, last, expires });
                }
            }
        }
        self.fade(now);
        self.entries.append(&mut new);
        // A stable sort merges two sorted runs in linear time.
        self.entries.sort_by_key(|entry| entry.row);
        tally
    }

    /// Adds short connections, up to [`MAX_BRIEF`] entries. Returns their number.
    pub fn add_brief<'a>(&mut self, brief: impl IntoIterator<Item = &'a Brief>, now: Instant) -> usize {
        let mut room = MAX_BRIEF.saturating_sub(self.entries.iter().filter(|entry| entry.is_brief()).count());
        let mut count = 0;
        for brief in brief {
            count += 1;
            if room > 0 {
                room -= 1;
                let row = Shown::new(State::Closed, brief.local(), Some(brief.remote()));
                let owner = Named::new(row.owner(), |_| None);
                let last = Some((Mark::Brief, now));
                self.entries.push(Entry { row, owner, last, expires: Some(now + LINGER) });
            }
        }
        self.entries.sort_by_key(|entry| entry.row);
        count
    }

    /// Drops expired entries.
    ///
    /// Returns whether an entry or a mark has disappeared since the last call.
    pub fn fade(&mut self, now: Instant) -> bool {
        let since = self.faded_at.replace(now);
        let has_faded = |at: Instant| at + LINGER <= now && since.is_some_and(|since| since < at + LINGER);
        let marks_faded = self.entries.iter().filter_map(Entry::since).any(has_faded);
        let length = self.entries.len();
        self.entries.retain(|entry| entry.expires.is_none_or(|at| now < at));
        marks_faded || self.entries.len() < length
    }

    /// An entry for this row that is not about to be dropped. Equal rows are interchangeable.
    fn current(&mut self, row: &Shown) -> Option<&mut Entry> {
        let start = self.entries.partition_point(|entry| entry.row < *row);
        let mut equal = self.entries[start..].iter_mut().take_while(|entry| entry.row == *row);
        equal.find(|entry| entry.expires.is_none())
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

    /// The row with this owner. Pid 0 means no process.
    pub fn owned(pid: u32, row: Shown) -> Shown {
        row.with_owner(if pid == 0 { Owner::Nobody } else { Owner::Process(pid) })
    }

    /// The names of the processes in the tests.
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
    fn marks_and_removed_rows_expire_together() {
        let start = Instant::now();
        let (old, new) = (listener(80), listener(22));
        let mut rows = Rows::new(StateSet::all(), [&old], names);
        assert_eq!(seen(&rows, start), [(old, None)]);

        let tally = rows.update([Change::Added(&new), Change::Removed(&old)], names, start);
        assert_eq!(tally, Tally { added: 1, removed: 1, ..Tally::default() });
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
    fn previous_state_is_shown_until_the_mark_fades() {
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
        assert!(rows.fade(start + LINGER), "a fading mark changes the view");
        assert_eq!(rows.counts().get(State::FinWait2), 1);
    }

    #[test]
    fn previous_owner_is_shown_until_the_mark_fades() {
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
    fn rows_keep_the_name_of_an_exited_owner() {
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
        assert_eq!(rows.entries()[0].owner_text(start).full, "1235", "the process exited before the lookup");
    }

    #[test]
    fn looks_up_both_owners_of_a_row_from_an_unwatched_state() {
        let start = Instant::now();
        let (before, after) =
            (owned(1234, connection(State::Established, 90)), owned(0, connection(State::TimeWait, 90)));
        let mut rows = Rows::new(StateSet::TIME_WAIT, [], names);
        rows.update([Change::Changed { before: &before, after: &after }], names, start);
        assert_eq!(rows.entries()[0].owner_text(start).full, "1234 nginx -> nobody");
    }

    #[test]
    fn short_connections_are_shown_for_a_while_and_not_counted() {
        let start = Instant::now();
        let end = |port: usize| format!("[::1]:{port}").parse().unwrap();
        let brief: Vec<Brief> = (0..MAX_BRIEF + 20).map(|port| Brief::new(end(port), end(443), None)).collect();
        let row = listener(80);
        let mut rows = Rows::new(StateSet::all(), [&row], names);
        assert_eq!(rows.add_brief(&brief[..1], start), 1);
        let entry = &rows.entries()[0];
        assert!(entry.is_brief() && entry.mark(start) == Some(&Mark::Brief));
        assert_eq!((&*entry.state_text(start).full, &*entry.owner_text(start).full), ("brief", "-"));
        assert_eq!(rows.counts().total(), 1);
        assert_eq!(rows.add_brief(&brief, start), MAX_BRIEF + 20);
        assert_eq!(rows.entries().len(), 1 + MAX_BRIEF);
        assert!(rows.fade(start + LINGER));
        assert_eq!(rows.entries().len(), 1);
    }

    #[test]
    fn drops_only_the_removed_ones_of_equal_rows() {
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
    fn rows_that_enter_an_unwatched_state_are_dropped() {
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
