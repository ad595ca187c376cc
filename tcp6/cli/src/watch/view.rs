//! The state of the live view: rows, sort order, filters, scroll position, counts over time.
//!
//! It uses neither the terminal nor the clock.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::ops::Range;
use std::time::Instant;

use tcp6::{Change, State, StateCounts, StateSet};

use super::Shown;
use super::keys::{Action, Edit, Scroll};
use super::rows::{Entry, Rows, Tally};
use crate::owner::Name;

/// The number of polls whose counts are kept: more than terminals have columns.
const HISTORY: usize = 512;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    State,
    Local,
    Remote,
    Owner,
    /// By the time of the last change, the latest first.
    Age,
}

impl Sort {
    fn next(self) -> Sort {
        match self {
            Sort::State => Sort::Local,
            Sort::Local => Sort::Remote,
            Sort::Remote => Sort::Owner,
            Sort::Owner => Sort::Age,
            Sort::Age => Sort::State,
        }
    }
}

#[derive(Debug)]
pub struct View {
    rows: Rows,
    /// The indices of the entries that pass the filters, in display order.
    shown: Vec<usize>,
    sort: Sort,
    reversed: bool,
    /// The state filter.
    state: Option<StateSet>,
    /// The text filter, in lower case.
    filter: String,
    typing: bool,
    /// The first visible line and the number of lines that fit on the screen.
    top: usize,
    page: usize,
    /// The counts of the last [`HISTORY`] polls, the latest at the end.
    history: VecDeque<StateCounts>,
    tally: Tally,
    failure: Option<String>,
    paused: Option<Instant>,
    help: bool,
}

impl View {
    /// Creates a view of the rows of the first poll.
    ///
    /// `states` are the watched states. `names` returns the name of a process.
    pub fn new<'a>(
        states: StateSet,
        baseline: impl IntoIterator<Item = &'a Shown>,
        names: impl FnMut(&Shown) -> Option<Name>,
        now: Instant,
    ) -> View {
        let mut view = View {
            rows: Rows::new(states, baseline, names),
            shown: Vec::new(),
            sort: Sort::State,
            reversed: false,
            state: None,
            filter: String::new(),
            typing: false,
            top: 0,
            page: 0,
            history: VecDeque::new(),
            tally: Tally::default(),
            failure: None,
            paused: None,
            help: false,
        };
        view.remember();
        view.arrange(now);
        view
    }

    /// Applies the changes of a poll.
    pub fn update<'a>(
        &mut self,
        changes: impl IntoIterator<Item = Change<&'a Shown>>,
        names: impl FnMut(&Shown) -> Option<Name>,
        now: Instant,
    ) {
        self.failure = None;
        self.tally = self.rows.update(changes, names, now);
        self.remember();
        self.arrange(now);
    }

    /// Records the error of a poll. The rows are kept.
    pub fn fail(&mut self, error: &tcp6::Error) {
        self.failure = Some(error.to_string());
    }

    /// Removes expired marks and rows.
    pub fn fade(&mut self, now: Instant) {
        if self.rows.fade(now) {
            self.arrange(now);
        }
    }

    /// Sets the number of lines that fit on the screen.
    pub fn fit(&mut self, page: usize) {
        self.page = page;
        self.top = self.top.min(self.shown.len().saturating_sub(page));
    }

    /// Performs an action, except [`Action::Quit`], which the caller handles.
    pub fn act(&mut self, action: Action, now: Instant) {
        match action {
            Action::Quit => {}
            Action::Pause => self.paused = if self.paused.is_some() { None } else { Some(now) },
            Action::Sort => self.sort = self.sort.next(),
            Action::Reverse => self.reversed = !self.reversed,
            Action::State => self.state = self.next_state(),
            Action::Help => self.help = !self.help,
            Action::Filter(edit) => self.edit(edit),
            Action::Scroll(scroll) => self.scroll(scroll),
        }
        if matches!(action, Action::Sort | Action::Reverse | Action::State | Action::Filter(_)) {
            self.top = 0;
            self.arrange(now);
        }
    }

    fn edit(&mut self, edit: Edit) {
        self.typing = !matches!(edit, Edit::Keep | Edit::Clear);
        match edit {
            Edit::Begin | Edit::Keep => {}
            Edit::Type(typed) => self.filter.extend(typed.to_lowercase()),
            Edit::Erase => drop(self.filter.pop()),
            Edit::Clear => self.filter.clear(),
        }
    }

    fn scroll(&mut self, scroll: Scroll) {
        self.top = match scroll {
            Scroll::Up => self.top.saturating_sub(1),
            Scroll::Down => self.top + 1,
            Scroll::PageUp => self.top.saturating_sub(self.page),
            Scroll::PageDown => self.top + self.page,
            Scroll::Top => 0,
            Scroll::Bottom => self.shown.len(),
        };
        self.fit(self.page);
    }

    /// The next state that has rows. After the last one, `None`: all states.
    fn next_state(&self) -> Option<StateSet> {
        let counts = self.rows.counts();
        let mut present = counts.iter().map(|(state, _)| state);
        present.find(|state| self.state.is_none_or(|current| state.bits() > current.bits()))
    }

    fn remember(&mut self) {
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(self.rows.counts());
    }

    /// Filters and sorts the entries.
    fn arrange(&mut self, now: Instant) {
        let View { rows, shown, state, filter, .. } = self;
        let entries = rows.entries();
        let passes = |entry: &Entry| {
            state.is_none_or(|state| entry.is_of(state, now)) && (filter.is_empty() || contains(entry, filter, now))
        };
        shown.clear();
        shown.extend((0..entries.len()).filter(|&index| passes(&entries[index])));
        // The sorts are stable, so ties stay in the order of the entries: by local endpoint.
        match self.sort {
            Sort::State => shown.sort_by_key(|&index| entries[index].row.state()),
            Sort::Local => {}
            Sort::Remote => shown.sort_by_key(|&index| entries[index].row.remote()),
            Sort::Owner => shown.sort_by_key(|&index| entries[index].owner().sort_key()),
            Sort::Age => shown.sort_by_key(|&index| Reverse(entries[index].since())),
        }
        if self.reversed {
            shown.reverse();
        }
        self.fit(self.page);
    }

    /// The visible entries.
    pub fn visible(&self) -> impl Iterator<Item = &Entry> {
        self.shown[self.lines()].iter().map(|&index| &self.rows.entries()[index])
    }

    /// The range of visible lines among those that pass the filters.
    pub fn lines(&self) -> Range<usize> {
        self.top..self.shown.len().min(self.top + self.page)
    }

    /// The number of entries that pass the filters.
    pub fn shown(&self) -> usize {
        self.shown.len()
    }

    /// The states that had rows at any remembered poll.
    pub fn states(&self) -> impl Iterator<Item = State> {
        // States without a name share one counter, which any of them selects.
        let states = State::NAMED.into_iter().chain([State::Other(0)]);
        states.filter(|state| self.history.iter().any(|counts| counts.get(*state) > 0))
    }

    /// The number of rows in this state at each remembered poll, the latest first.
    pub fn counts(&self, state: State) -> impl Iterator<Item = usize> {
        self.history.iter().rev().map(move |counts| counts.get(state))
    }

    /// The number of rows at the latest poll.
    pub fn total(&self) -> usize {
        self.history.back().map_or(0, StateCounts::total)
    }

    /// The number of changes of the latest poll.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    pub fn sort(&self) -> Sort {
        self.sort
    }

    pub fn is_reversed(&self) -> bool {
        self.reversed
    }

    pub fn state(&self) -> Option<StateSet> {
        self.state
    }

    pub fn filter(&self) -> &str {
        &self.filter
    }

    pub fn is_typing(&self) -> bool {
        self.typing
    }

    /// When the view was paused. While it is paused, the table is not polled and ages do not grow.
    pub fn paused(&self) -> Option<Instant> {
        self.paused
    }

    pub fn has_help(&self) -> bool {
        self.help
    }

    /// The error of the latest poll, if it failed.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }
}

/// Whether the text of any column, converted to lower case, contains `text`.
fn contains(entry: &Entry, text: &str, now: Instant) -> bool {
    [entry.state_text(now).full, entry.local_text(), entry.remote_text(), entry.owner_text(now).full]
        .iter()
        .any(|cell| lowercase(cell).contains(text))
}

/// Converts each character to lower case, like the typed filter.
///
/// `str::to_lowercase` converts a final sigma differently.
fn lowercase(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests;
