//! The state of the live view: rows in their order, filters, scroll position, counts over time.
//!
//! It knows neither the terminal nor the clock.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::ops::Range;
use std::time::Instant;

use tcp6::{Change, Row, State, StateCounts, StateSet};

use super::Shown;
use super::keys::{Action, Edit, Scroll};
use super::rows::{Entry, Rows, Tally};
use crate::owner::Name;

/// How many polls the counts over time go back: more than terminals have columns.
const HISTORY: usize = 512;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    State,
    Local,
    Remote,
    Owner,
    /// The latest change first.
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
    /// The indexes of the entries that pass the filters, in the order of display.
    shown: Vec<usize>,
    sort: Sort,
    reversed: bool,
    /// The state to which the view is restricted.
    state: Option<StateSet>,
    /// In lower case.
    filter: String,
    typing: bool,
    /// The first line on the screen, and how many fit.
    top: usize,
    page: usize,
    /// The latest poll is the last.
    history: VecDeque<StateCounts>,
    tally: Tally,
    failure: Option<String>,
    paused: Option<Instant>,
    help: bool,
}

impl View {
    /// Starts with the rows of the first poll, which are in these states. `names` looks up their owners' names.
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

    /// Shows the error of a poll. The rows stay.
    pub fn fail(&mut self, error: &tcp6::Error) {
        self.failure = Some(error.to_string());
    }

    /// Lets marks fade, and drops removed rows.
    pub fn fade(&mut self, now: Instant) {
        if self.rows.fade(now) {
            self.arrange(now);
        }
    }

    /// Sets how many lines fit on the screen.
    pub fn fit(&mut self, page: usize) {
        self.page = page;
        self.top = self.top.min(self.shown.len().saturating_sub(page));
    }

    /// Carries out an action. [`Action::Quit`] is up to the caller.
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

    /// The next state that has rows; after the last one, all.
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
        shown.extend((0..entries.len()).filter(|&place| passes(&entries[place])));
        // The sorts are stable, and the entries are in the order of their local ends.
        match self.sort {
            Sort::State => shown.sort_by_key(|&place| entries[place].row.state()),
            Sort::Local => {}
            Sort::Remote => shown.sort_by_key(|&place| entries[place].row.remote()),
            Sort::Owner => shown.sort_by_key(|&place| entries[place].owner().sort_key()),
            Sort::Age => shown.sort_by_key(|&place| Reverse(entries[place].since())),
        }
        if self.reversed {
            shown.reverse();
        }
        self.fit(self.page);
    }

    /// The entries on the screen.
    pub fn visible(&self) -> impl Iterator<Item = &Entry> {
        self.shown[self.lines()].iter().map(|&place| &self.rows.entries()[place])
    }

    /// The lines on the screen, among all that pass the filters.
    pub fn lines(&self) -> Range<usize> {
        self.top..self.shown.len().min(self.top + self.page)
    }

    /// The number of entries that pass the filters.
    pub fn shown(&self) -> usize {
        self.shown.len()
    }

    /// The states that had rows at any remembered poll.
    pub fn states(&self) -> impl Iterator<Item = State> {
        // States without a name are counted together: any of them stands for all.
        let states = State::NAMED.into_iter().chain([State::Other(0)]);
        states.filter(|state| self.history.iter().any(|counts| counts.get(*state) > 0))
    }

    /// The rows in this state at the remembered polls, the latest first.
    pub fn counts(&self, state: State) -> impl Iterator<Item = usize> {
        self.history.iter().rev().map(move |counts| counts.get(state))
    }

    /// The rows of the table at the latest poll.
    pub fn total(&self) -> usize {
        self.history.back().map_or(0, StateCounts::total)
    }

    /// The changes of the latest poll.
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

    /// When the view was paused. Until it goes on there is no poll, and ages stand still.
    pub fn paused(&self) -> Option<Instant> {
        self.paused
    }

    pub fn has_help(&self) -> bool {
        self.help
    }

    /// The error of the latest poll.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }
}

/// Whether any column contains this text, which is in lower case.
fn contains(entry: &Entry, text: &str, now: Instant) -> bool {
    [entry.state_text(now).full, entry.local_text(), entry.remote_text(), entry.owner_text(now).full]
        .iter()
        .any(|cell| lowercase(cell).contains(text))
}

/// Character by character, as the filter is typed: `str::to_lowercase` treats a final sigma differently.
fn lowercase(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests;
