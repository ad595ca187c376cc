//! What is looked at, and how: the rows in their order, the filters, the place, the counts over time.
//!
//! It knows neither terminal nor clock. Time is told to it.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::ops::Range;
use std::time::Instant;

use tcp6::{Change, Row, State, StateCounts, StateSet};

use super::Shown;
use super::keys::{Action, Edit, Scroll};
use super::owner::Name;
use super::rows::{Entry, Rows, Tally};

/// So many polls are remembered for the counts over time: more than terminals have columns.
const HISTORY: usize = 512;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    State,
    Local,
    Remote,
    Owner,
    /// The youngest first.
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
    /// The entries that pass the filters, by their places among the rows, in the order in which they are shown.
    shown: Vec<usize>,
    sort: Sort,
    reversed: bool,
    /// One state, if only that is shown.
    state: Option<StateSet>,
    /// In lower case.
    filter: String,
    typing: bool,
    /// The first line that is seen, and how many there is room for.
    top: usize,
    page: usize,
    /// The latest poll last.
    history: VecDeque<StateCounts>,
    tally: Tally,
    failure: Option<String>,
    paused: Option<Instant>,
    help: bool,
}

impl View {
    /// The view of the table that was found at first, narrowed to these states. `names` gives the owners' names.
    pub fn new<'a>(
        states: StateSet,
        baseline: impl IntoIterator<Item = &'a Shown>,
        names: impl FnMut(u32) -> Option<Name>,
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

    /// After a poll that worked.
    pub fn update<'a>(
        &mut self,
        changes: impl IntoIterator<Item = Change<&'a Shown>>,
        names: impl FnMut(u32) -> Option<Name>,
        now: Instant,
    ) {
        self.failure = None;
        self.tally = self.rows.update(changes, names, now);
        self.remember();
        self.arrange(now);
    }

    /// After a poll that did not: all stays as it was.
    pub fn fail(&mut self, error: &tcp6::Error) {
        self.failure = Some(error.to_string());
    }

    /// Lets marks fade, and what has vanished go.
    pub fn fade(&mut self, now: Instant) {
        if self.rows.fade(now) {
            self.arrange(now);
        }
    }

    /// Says how many lines there is room for.
    pub fn fit(&mut self, page: usize) {
        self.page = page;
        self.top = self.top.min(self.shown.len().saturating_sub(page));
    }

    /// Does what a key stands for, [`Action::Quit`] apart.
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
        self.typing = !matches!(edit, Edit::Keep | Edit::Drop);
        match edit {
            Edit::Begin | Edit::Keep => {}
            Edit::Type(typed) => self.filter.extend(typed.to_lowercase()),
            Edit::Erase => drop(self.filter.pop()),
            Edit::Drop => self.filter.clear(),
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

    /// The next state that has rows, and after the last one again all.
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

    /// Makes out anew what is shown, and in which order.
    fn arrange(&mut self, now: Instant) {
        let View { rows, shown, state, filter, .. } = self;
        let entries = rows.entries();
        let passes = |entry: &Entry| {
            state.is_none_or(|state| entry.is_of(state, now)) && (filter.is_empty() || contains(entry, filter, now))
        };
        shown.clear();
        shown.extend((0..entries.len()).filter(|&place| passes(&entries[place])));
        // The sorts are stable, and the rows are in the order of their local ends.
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

    /// The entries that there is room for.
    pub fn visible(&self) -> impl Iterator<Item = &Entry> {
        self.shown[self.lines()].iter().map(|&place| &self.rows.entries()[place])
    }

    /// The lines that there is room for, of those that are shown.
    pub fn lines(&self) -> Range<usize> {
        self.top..self.shown.len().min(self.top + self.page)
    }

    /// How many entries pass the filters.
    pub fn shown(&self) -> usize {
        self.shown.len()
    }

    /// The states that had rows at any poll that is remembered.
    pub fn states(&self) -> impl Iterator<Item = State> {
        // Numbers without a name are counted together: any of them stands for all.
        let states = State::NAMED.into_iter().chain([State::Other(0)]);
        states.filter(|state| self.history.iter().any(|counts| counts.get(*state) > 0))
    }

    /// The rows in this state at the polls that are remembered, the latest first.
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

    /// When the view was stopped, if it was. It is not polled then, and for it no time passes.
    pub fn paused(&self) -> Option<Instant> {
        self.paused
    }

    pub fn has_help(&self) -> bool {
        self.help
    }

    /// Why the latest poll failed, if it did.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }
}

/// Whether any column has this text, which is in lower case.
fn contains(entry: &Entry, text: &str, now: Instant) -> bool {
    [entry.state_text(now).full, entry.local_text(), entry.remote_text(), entry.owner_text(now).full]
        .iter()
        .any(|cell| cell.to_lowercase().contains(text))
}

#[cfg(test)]
mod tests {
    use super::super::rows::LINGER;
    use super::super::rows::tests::{connection, listener, names, owned};
    use super::*;

    /// The local ports, line by line.
    fn ports(view: &View) -> Vec<u16> {
        view.visible().map(|entry| entry.row.local().port()).collect()
    }

    fn view_of(rows: &[Shown], now: Instant) -> View {
        let mut view = View::new(StateSet::all(), rows, names, now);
        view.fit(100);
        view
    }

    fn type_text(view: &mut View, text: &str, now: Instant) {
        view.act(Action::Filter(Edit::Begin), now);
        for typed in text.chars() {
            view.act(Action::Filter(Edit::Type(typed)), now);
        }
    }

    #[test]
    fn rows_are_sorted_by_what_was_chosen() {
        let start = Instant::now();
        let mut view =
            view_of(&[connection(State::TimeWait, 10), connection(State::Established, 20), listener(30)], start);
        view.update([Change::Added(&listener(25))], names, start);
        assert_eq!(ports(&view), [25, 30, 20, 10], "by state, then by local end");
        view.act(Action::Reverse, start);
        assert_eq!(ports(&view), [10, 20, 30, 25]);
        view.act(Action::Reverse, start);
        view.act(Action::Sort, start);
        assert_eq!((view.sort(), ports(&view)), (Sort::Local, vec![10, 20, 25, 30]));
        view.act(Action::Sort, start);
        assert_eq!((view.sort(), ports(&view)), (Sort::Remote, vec![25, 30, 10, 20]));
        view.act(Action::Sort, start);
        assert_eq!(view.sort(), Sort::Owner);
        view.act(Action::Sort, start);
        assert_eq!((view.sort(), ports(&view)), (Sort::Age, vec![25, 10, 20, 30]));
        view.act(Action::Sort, start);
        assert_eq!(view.sort(), Sort::State);
    }

    #[test]
    fn a_filter_narrows_while_it_is_typed() {
        let start = Instant::now();
        let mut view = view_of(&[connection(State::Established, 8010), listener(22), listener(8022)], start);
        type_text(&mut view, ":80", start);
        assert!(view.is_typing());
        assert_eq!(ports(&view), [8022, 8010]);
        view.act(Action::Filter(Edit::Keep), start);
        assert!(!view.is_typing());
        type_text(&mut view, "2", start);
        assert_eq!((view.filter(), ports(&view)), (":802", vec![8022]));
        view.act(Action::Filter(Edit::Erase), start);
        assert_eq!(ports(&view), [8022, 8010]);
        view.act(Action::Filter(Edit::Drop), start);
        assert_eq!((view.is_typing(), ports(&view).len()), (false, 3));
        type_text(&mut view, "ListeN", start);
        assert_eq!(ports(&view), [22, 8022]);
    }

    #[test]
    fn processes_of_one_name_stand_together_before_those_without() {
        let start = Instant::now();
        let rows = [
            owned(0, listener(1)),
            owned(1235, listener(2)),
            owned(700, listener(3)),
            owned(999, listener(4)),
            owned(1234, listener(5)),
            owned(1234, listener(6)),
            listener(7),
        ];
        let mut view = view_of(&rows, start);
        while view.sort() != Sort::Owner {
            view.act(Action::Sort, start);
        }
        assert_eq!(ports(&view), [4, 5, 6, 2, 3, 1, 7], "Sshd, nginx thrice, one without a name, nobody, unresolved");
    }

    #[test]
    fn rows_are_found_by_their_owners_and_for_a_while_by_those_before() {
        let start = Instant::now();
        let row = connection(State::Established, 10);
        let mut view = view_of(&[owned(1234, row), owned(999, listener(22)), owned(0, listener(80))], start);
        for (text, found) in [("nginx", 10), ("SSHD", 22), ("999 s", 22), ("nobody", 80)] {
            type_text(&mut view, text, start);
            assert_eq!(ports(&view), [found], "{text}");
            view.act(Action::Filter(Edit::Drop), start);
        }
        type_text(&mut view, "1234", start);
        view.update([Change::Changed { before: &owned(1234, row), after: &owned(0, row) }], names, start);
        assert_eq!(ports(&view), [10], "it is seen to leave");
        view.fade(start + LINGER);
        assert!(ports(&view).is_empty());
    }

    #[test]
    fn the_state_filter_goes_round_the_states_that_are_there() {
        let start = Instant::now();
        let (before, after) = (connection(State::Established, 10), connection(State::TimeWait, 10));
        let mut view = view_of(&[before, listener(30)], start);
        view.act(Action::State, start);
        assert_eq!((view.state(), ports(&view)), (Some(StateSet::LISTEN), vec![30]));
        view.act(Action::State, start);
        assert_eq!((view.state(), ports(&view)), (Some(StateSet::ESTABLISHED), vec![10]));
        view.update([Change::Changed { before: &before, after: &after }], names, start);
        assert_eq!(ports(&view), [10], "it is seen to leave");
        view.fade(start + LINGER);
        assert!(ports(&view).is_empty());
        view.act(Action::State, start);
        assert_eq!((view.state(), ports(&view)), (Some(StateSet::TIME_WAIT), vec![10]));
        view.act(Action::State, start);
        assert_eq!((view.state(), ports(&view).len()), (None, 2));
    }

    #[test]
    fn scrolling_ends_at_the_ends() {
        let start = Instant::now();
        let rows: Vec<Shown> = (1..=10).map(listener).collect();
        let mut view = view_of(&rows, start);
        view.fit(4);
        for (scroll, first) in [
            (Scroll::Up, 1),
            (Scroll::Down, 2),
            (Scroll::PageDown, 6),
            (Scroll::PageDown, 7),
            (Scroll::Down, 7),
            (Scroll::PageUp, 3),
            (Scroll::Bottom, 7),
            (Scroll::Top, 1),
        ] {
            view.act(Action::Scroll(scroll), start);
            assert_eq!(ports(&view), [first, first + 1, first + 2, first + 3], "{scroll:?}");
        }
        view.act(Action::Scroll(Scroll::Bottom), start);
        view.fit(20);
        assert_eq!(ports(&view).len(), 10, "a larger window shows more");
        view.fit(0);
        view.act(Action::Scroll(Scroll::PageDown), start);
        assert!(ports(&view).is_empty());
    }

    #[test]
    fn counts_are_remembered_and_a_failure_lasts_until_the_next_good_poll() {
        let start = Instant::now();
        let mut view = view_of(&[listener(1)], start);
        view.update([Change::Added(&listener(2))], names, start);
        view.update([Change::Removed(&listener(1)), Change::Removed(&listener(2))], names, start);
        view.fail(&tcp6::Error::NotSupported);
        assert!(view.failure().is_some());
        assert_eq!(view.tally(), Tally { removed: 2, ..Tally::default() });
        view.update([], names, start);
        assert_eq!(view.failure(), None);
        assert_eq!(view.states().collect::<Vec<_>>(), [State::Listen], "as long as it is remembered");
        assert_eq!(view.counts(State::Listen).collect::<Vec<_>>(), [0, 0, 2, 1]);
        for _ in 0..HISTORY {
            view.update([], names, start);
        }
        assert_eq!(view.counts(State::Listen).count(), HISTORY);
        assert_eq!(view.states().count(), 0);
    }
}
