//! The state of the live view: rows, sort order, text filter, scroll position.
//!
//! It uses neither the terminal nor the clock.

use std::cmp::{Ordering, Reverse};
use std::ops::Range;
use std::time::Instant;

use super::entry::{Entry, by_process};
use super::keys::{Action, Own};
use super::sampler::Sample;
use super::traffic::Traffic;
use crate::live::filter::Filter;
use crate::live::window::Window;

/// The column by which the rows are sorted: numbers from the highest, texts from the lowest. Unknown numbers come last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// By the sum of the first two columns.
    Total,
    Received,
    Sent,
    Rtt,
    Retransmits,
    Connections,
    State,
    Local,
    Remote,
    Owner,
}

const BY_CONNECTION: [Sort; 9] = [
    Sort::Total,
    Sort::Received,
    Sort::Sent,
    Sort::Rtt,
    Sort::Retransmits,
    Sort::State,
    Sort::Local,
    Sort::Remote,
    Sort::Owner,
];
const BY_PROCESS: [Sort; 7] =
    [Sort::Total, Sort::Received, Sort::Sent, Sort::Rtt, Sort::Retransmits, Sort::Connections, Sort::Owner];

#[derive(Debug)]
pub struct View {
    connections: Vec<Entry>,
    /// Empty if connections are shown.
    processes: Vec<Entry>,
    is_by_process: bool,
    /// The indices of the rows that pass the filter, in display order.
    shown: Vec<usize>,
    sort: Sort,
    reversed: bool,
    filter: Filter,
    window: Window,
    no_counters: Option<String>,
    failure: Option<String>,
    paused: Option<Instant>,
    help: bool,
}

impl View {
    pub fn new(baseline: Sample, by_process: bool) -> View {
        let mut view = View {
            connections: Vec::new(),
            processes: Vec::new(),
            is_by_process: by_process,
            shown: Vec::new(),
            sort: Sort::Total,
            reversed: false,
            filter: Filter::default(),
            window: Window::default(),
            no_counters: None,
            failure: None,
            paused: None,
            help: false,
        };
        view.update(baseline);
        view
    }

    /// Replaces the rows by those of an interval.
    pub fn update(&mut self, sample: Sample) {
        self.failure = None;
        self.connections = sample.connections;
        self.no_counters = sample.no_counters;
        self.arrange();
    }

    /// Records the error of a poll. The rows are kept.
    pub fn fail(&mut self, error: &tcp6::Error) {
        self.failure = Some(error.to_string());
    }

    /// Sets the number of lines that fit on the screen.
    pub fn fit(&mut self, page: usize) {
        self.window.fit(page, self.shown.len());
    }

    /// Performs an action, except [`Action::Quit`], which the caller handles.
    pub fn act(&mut self, action: Action, now: Instant) {
        match action {
            Action::Quit => return,
            Action::Pause => return self.paused = if self.paused.is_some() { None } else { Some(now) },
            Action::Help => return self.help = !self.help,
            Action::Scroll(scroll) => return self.window.scroll(scroll, self.shown.len()),
            Action::Sort => self.sort = self.next_sort(),
            Action::Reverse => self.reversed = !self.reversed,
            Action::Filter(edit) => self.filter.edit(edit),
            Action::Own(Own::SortBy(sort)) => (self.sort, self.reversed) = (sort, false),
            Action::Own(Own::Group) => self.group(),
        }
        self.window.reset();
        self.arrange();
    }

    fn group(&mut self) {
        self.is_by_process = !self.is_by_process;
        if !self.columns().contains(&self.sort) {
            (self.sort, self.reversed) = (Sort::Total, false);
        }
    }

    fn columns(&self) -> &'static [Sort] {
        if self.is_by_process { &BY_PROCESS } else { &BY_CONNECTION }
    }

    fn next_sort(&self) -> Sort {
        let mut columns = self.columns().iter().copied().cycle();
        columns.find(|sort| *sort == self.sort);
        columns.next().unwrap_or(Sort::Total)
    }

    fn rows(&self) -> &[Entry] {
        if self.is_by_process { &self.processes } else { &self.connections }
    }

    /// Groups, filters and sorts the rows.
    fn arrange(&mut self) {
        self.processes = if self.is_by_process { by_process(&self.connections) } else { Vec::new() };
        let rows = self.rows();
        let mut shown: Vec<usize> = (0..rows.len()).filter(|&row| self.filter.matches(|| cells(&rows[row]))).collect();
        // The sort is stable, so ties stay in the order of the rows: by local endpoint, or by process name.
        shown.sort_by(|&a, &b| compare(self.sort, &rows[a], &rows[b]));
        if self.reversed {
            shown.reverse();
        }
        self.shown = shown;
        self.window.clamp(self.shown.len());
    }

    /// The visible rows.
    pub fn visible(&self) -> impl Iterator<Item = &Entry> {
        self.shown[self.lines()].iter().map(|&row| &self.rows()[row])
    }

    /// The range of visible lines among those that pass the filter.
    pub fn lines(&self) -> Range<usize> {
        self.window.lines(self.shown.len())
    }

    /// The number of rows that pass the filter.
    pub fn shown(&self) -> usize {
        self.shown.len()
    }

    /// The number of connections, and the sum of their traffic, whether they pass the text filter or not.
    pub fn total(&self) -> (usize, Traffic) {
        (self.connections.len(), self.connections.iter().map(|entry| entry.traffic).sum())
    }

    /// The number of processes, if they are shown.
    pub fn processes(&self) -> Option<usize> {
        self.is_by_process.then_some(self.processes.len())
    }

    pub fn sort(&self) -> Sort {
        self.sort
    }

    pub fn is_reversed(&self) -> bool {
        self.reversed
    }

    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// When the view was paused. While it is paused, it is not polled, and the next interval is longer.
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

    /// The reason why no connection has counters.
    pub fn no_counters(&self) -> Option<&str> {
        self.no_counters.as_deref()
    }
}

fn compare(sort: Sort, a: &Entry, b: &Entry) -> Ordering {
    fn descending<T: Ord>(a: T, b: T) -> Ordering {
        Reverse(a).cmp(&Reverse(b))
    }
    let rates = |rate: fn(&Traffic) -> Option<f64>| {
        // Below every known rate.
        let known = |entry: &Entry| rate(&entry.traffic).unwrap_or(-1.0);
        known(b).total_cmp(&known(a))
    };
    match sort {
        Sort::Total => rates(Traffic::total),
        Sort::Received => rates(Traffic::received),
        Sort::Sent => rates(Traffic::sent),
        Sort::Rtt => descending(a.traffic.rtt, b.traffic.rtt),
        Sort::Retransmits => descending(a.traffic.retransmitted(), b.traffic.retransmitted()),
        Sort::Connections => descending(a.connections(), b.connections()),
        Sort::State => a.state().cmp(&b.state()),
        Sort::Local => a.local().cmp(&b.local()),
        Sort::Remote => a.remote().cmp(&b.remote()),
        Sort::Owner => a.owner.sort_key().cmp(&b.owner.sort_key()),
    }
}

/// The texts of the columns that the filter searches.
fn cells(entry: &Entry) -> [String; 4] {
    let text = |end: Option<std::net::SocketAddrV6>| end.map(|end| end.to_string()).unwrap_or_default();
    let state = entry.state().map(|state| state.to_string()).unwrap_or_default();
    [state, text(entry.local()), text(entry.remote()), entry.owner.to_string()]
}

#[cfg(test)]
pub(super) mod tests;
