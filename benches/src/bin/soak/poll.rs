//! The threads that read the table.

use std::sync::atomic::{AtomicBool, Ordering};

use tcp6::{Buffer, Change, OwnerModuleRow, Query, Row, State, System, Watcher};

use crate::cookies::{self, Contradiction, Reported};
use crate::lasting::Lasting;

/// The maximum number of calls for one table: the crate gives up after this many attempts.
const MAX_ATTEMPTS: u64 = 16;

/// The number of first tables that may lack a row.
///
/// On Linux there is no earlier table to compare the first one with; see [`System`].
const UNCHECKED_TABLES: u64 = 1;

/// The number of problems that are reported in full. Further problems are only counted.
const MAX_REPORTED: u64 = 3;

/// The results of one polling thread.
#[derive(Default)]
pub struct Polled {
    name: String,
    polls: u64,
    calls: u64,
    /// The maximum number of calls for one poll.
    max_calls: u64,
    rows: u64,
    min_rows: Option<usize>,
    max_rows: usize,
    changes: u64,
    /// Duplicate rows.
    duplicates: u64,
    /// Changes that contradict earlier changes.
    contradictions: u64,
    /// Scratch memory for [`cookies::duplicates`].
    scratch: Vec<u64>,
    /// Faults that are only counted, with `--lenient`.
    tolerated: u64,
    lenient: bool,
    problem_count: u64,
    pub problems: Vec<String>,
}

/// Reads tables of one class, sorted and unsorted in turn, until `end` is set.
pub fn tables<R: Row>(lasting: &Lasting, lenient: bool, end: &AtomicBool) -> Polled {
    let mut polled = Polled { name: R::CLASS.to_string(), lenient, ..Polled::default() };
    let Some(mut system) = polled.open() else { return polled };
    let mut buffer = Buffer::new();
    while !end.load(Ordering::Relaxed) {
        let query = if polled.polls % 2 == 0 { Query::all() } else { Query::all().unsorted() };
        let calls = system.calls();
        match system.table::<R>(&query, &mut buffer) {
            Ok(table) => {
                if query.is_sorted() && !table.is_sorted() {
                    polled.problem("a table is not sorted".to_owned());
                }
                polled.check(table.rows(), lasting);
            }
            Err(error) => polled.fault(error.to_string()),
        }
        polled.called(system.calls() - calls);
    }
    polled
}

/// Watches the table until `end` is set. No change may concern a socket that stays open.
pub fn changes(lasting: &Lasting, lenient: bool, end: &AtomicBool) -> Polled {
    let mut polled = Polled { name: "watcher".to_owned(), lenient, ..Polled::default() };
    let Some(system) = polled.open() else { return polled };
    let mut watcher = Watcher::<OwnerModuleRow, _>::new(system);
    let mut reported = Reported::default();
    while !end.load(Ordering::Relaxed) {
        let calls = watcher.source().calls();
        match watcher.poll() {
            Ok(changes) => {
                for change in changes {
                    polled.changes += 1;
                    if let Some(contradiction) = reported.note(change) {
                        polled.contradiction(contradiction, change);
                    }
                    match change {
                        _ if lasting.index_of(change.row()).is_none() => {}
                        Change::Added(_) if polled.polls <= UNCHECKED_TABLES => {}
                        change => polled.fault(format!("change of a socket that stays open: {change:?}")),
                    }
                }
                if polled.polls == 0 {
                    reported.begin(watcher.snapshot());
                }
                polled.check(watcher.snapshot(), lasting);
            }
            Err(error) => polled.fault(error.to_string()),
        }
        polled.called(watcher.source().calls() - calls);
    }
    polled
}

impl Polled {
    fn open(&mut self) -> Option<System> {
        System::new().map_err(|error| self.problem(error.to_string())).ok()
    }

    /// Checks a table.
    fn check<R: Row>(&mut self, rows: &[R], lasting: &Lasting) {
        self.rows += rows.len() as u64;
        self.min_rows = Some(self.min_rows.map_or(rows.len(), |min| min.min(rows.len())));
        self.max_rows = self.max_rows.max(rows.len());
        let duplicates = cookies::duplicates(rows, &mut self.scratch);
        if duplicates > 0 {
            self.duplicates += duplicates as u64;
            self.fault(format!("{duplicates} of {} rows are duplicates", rows.len()));
        }
        let closed = |row: &&R| row.state() == State::Closed || row.local().port() == 0;
        if let Some(row) = rows.iter().find(closed) {
            self.fault(format!("a row of a socket that has closed: {row:?}"));
        }
        match lasting.missing_from(rows) {
            Ok(0) => {}
            Ok(_) if self.polls < UNCHECKED_TABLES => {}
            Ok(missing) => self.fault(format!("{missing} expected rows are missing from {} rows", rows.len())),
            Err(fault) => self.fault(fault),
        }
    }

    fn contradiction<R: Row>(&mut self, contradiction: Contradiction, change: Change<&R>) {
        self.contradictions += 1;
        self.fault(match contradiction {
            Contradiction::AlreadyPresent => format!("added, but already present: {change:?}"),
            Contradiction::RemovedBefore => format!("added, but removed before: {change:?}"),
            Contradiction::NotPresent => format!("changed or removed, but not present: {change:?}"),
        });
    }

    /// Records the number of calls of a poll.
    fn called(&mut self, calls: u64) {
        self.polls += 1;
        self.calls += calls;
        self.max_calls = self.max_calls.max(calls);
        if calls > MAX_ATTEMPTS {
            self.problem(format!("{calls} calls for one table"));
        }
    }

    /// Records a fault that may be caused by the system: a problem, except with `--lenient`.
    fn fault(&mut self, what: String) {
        if self.lenient {
            self.tolerated += 1;
        } else {
            self.problem(what);
        }
    }

    fn problem(&mut self, what: String) {
        self.problem_count += 1;
        if self.problem_count <= MAX_REPORTED {
            self.problems.push(format!("{}, poll {}: {what}", self.name, self.polls));
        } else {
            self.problems.truncate(MAX_REPORTED as usize);
            self.problems.push(format!("{}: {} problems in total", self.name, self.problem_count));
        }
    }

    /// A summary in one line.
    pub fn report(&self, seconds: f64) -> String {
        let Polled { name, polls, calls, max_calls, rows, max_rows, changes, .. } = self;
        let (retries, per_second) = (calls.saturating_sub(*polls), *polls as f64 / seconds);
        let min_rows = self.min_rows.unwrap_or(0);
        let counted = |number: u64, what| if number > 0 { format!(", {number} {what}") } else { String::new() };
        let (changes, tolerated) = (counted(*changes, "changes"), counted(self.tolerated, "tolerated faults"));
        let wrong = counted(self.duplicates, "duplicate rows") + &counted(self.contradictions, "contradictory changes");
        format!(
            "{name:<12} {polls:>7} polls ({per_second:.0}/s) of {min_rows} to {max_rows} rows, {rows} in total; \
             {retries} retries, at most {max_calls} calls per poll{changes}{wrong}{tolerated}"
        )
    }
}
