//! The state of the live view: rows, sort order, filters, scroll position, counts over time.
//!
//! It uses neither the terminal nor the clock.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::ops::Range;
use std::time::Instant;

use tcp6::{Brief, Change, State, StateCounts, StateSet};

use super::Shown;
use super::keys::{Action, Own};
use super::rows::{Entry, Rows, Tally};
use crate::live::filter::Filter;
use crate::live::window::Window;
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
    filter: Filter,
    window: Window,
    /// The counts of the last [`HISTORY`] polls, the latest at the end.
    history: VecDeque<StateCounts>,
    tally: Tally,
    failure: Option<String>,
    /// Why short connections are not shown.
    no_events: Option<String>,
    /// The number of lost events since the start.
    missed: u64,
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
            filter: Filter::default(),
            window: Window::default(),
            history: VecDeque::new(),
            tally: Tally::default(),
            failure: None,
            no_events: None,
            missed: 0,
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

    /// Shows the short connections of a poll, to be called after [`update`](View::update).
    pub fn add_brief<'a>(&mut self, brief: impl IntoIterator<Item = &'a Brief>, missed: u64, now: Instant) {
        self.missed = self.missed.saturating_add(missed);
        self.tally.brief = self.rows.add_brief(brief, now);
        if self.tally.brief > 0 {
            self.arrange(now);
        }
    }

    /// Sets the reason why short connections are not shown.
    pub fn set_no_events(&mut self, reason: Option<String>) {
        self.no_events = reason;
    }

    /// Why short connections are not shown, or how many may be missing.
    pub fn events_note(&self) -> Option<String> {
        let missed =
            (self.missed > 0).then(|| format!("{} events lost: short connections may be missing", self.missed));
        self.no_events.clone().or(missed)
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
        self.window.fit(page, self.shown.len());
    }

    /// Performs an action, except [`Action::Quit`], which the caller handles.
    pub fn act(&mut self, action: Action, now: Instant) {
        match action {
            Action::Quit => {}
            Action::Pause => self.paused = if self.paused.is_some() { None } else { Some(now) },
            Action::Sort => self.sort = self.sort.next(),
            Action::Reverse => self.reversed = !self.reversed,
            Action::Own(Own::State) => self.state = self.next_state(),
            Action::Help => self.help = !self.help,
            Action::Filter(edit) => self.filter.edit(edit),
            Action::Scroll(scroll) => self.window.scroll(scroll, self.shown.len()),
        }
        if matches!(action, Action::Sort | Action::Reverse | Action::Own(Own::State) | Action::Filter(_)) {
            self.window.reset();
            self.arrange(now);
        }
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
        let passes =
            |entry: &Entry| state.is_none_or(|state| entry.is_of(state, now)) && filter.matches(|| cells(entry, now));
        shown.clear();
        shown.extend((0..entries.len()).filter(|&index| passes(&entries[index])));
        // The sorts are stable, so ties stay in the order of the entries: by local endpoint.
        match self.sort {
            Sort::State => shown.sort_by_key(|&index| {
                let state = entries[index].row.state();
                // Short connections have no state. The rows in TIME-WAIT can be thousands.
                let rank = match (entries[index].is_brief(), state) {
                    (true, _) => 1,
                    (false, State::TimeWait) => 2,
                    _ => 0,
                };
                (rank, state)
            }),
            Sort::Local => {}
            Sort::Remote => shown.sort_by_key(|&index| entries[index].row.remote()),
            Sort::Owner => shown.sort_by_key(|&index| entries[index].owner().sort_key()),
            Sort::Age => shown.sort_by_key(|&index| Reverse(entries[index].since())),
        }
        if self.reversed {
            shown.reverse();
        }
        self.window.clamp(shown.len());
    }

    /// The visible entries.
    pub fn visible(&self) -> impl Iterator<Item = &Entry> {
        self.shown[self.lines()].iter().map(|&index| &self.rows.entries()[index])
    }

    /// The range of visible lines among those that pass the filters.
    pub fn lines(&self) -> Range<usize> {
        self.window.lines(self.shown.len())
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

    pub fn filter(&self) -> &Filter {
        &self.filter
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

/// The texts of the columns that the filter searches.
fn cells(entry: &Entry, now: Instant) -> [String; 4] {
    [entry.state_text(now).full, entry.local_text(), entry.remote_text(), entry.owner_text(now).full]
}

#[cfg(test)]
mod tests;
