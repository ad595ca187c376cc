//! The threads that read the table.

use std::sync::atomic::{AtomicBool, Ordering};

use tcp6::{Buffer, Change, OwnerModuleRow, Query, Row, System, Watcher};

use crate::cookies::{self, False, Reported};
use crate::lasting::Lasting;

/// So often a table is asked for before the crate gives up.
const ATTEMPTS: u64 = 16;

/// So many tables have nothing before them that they could be compared with: on Linux the first may lack a row. See
/// [`System`].
const FIRST: u64 = 1;

/// As many problems are told; the rest is counted.
const TOLD: u64 = 3;

/// What one thread saw.
#[derive(Default)]
pub struct Polled {
    name: String,
    polls: u64,
    calls: u64,
    /// Of one poll.
    most_calls: u64,
    rows: u64,
    least_rows: Option<usize>,
    most_rows: usize,
    changes: u64,
    /// Rows that were in a table once more.
    doubled: u64,
    /// Changes that cannot be true.
    false_changes: u64,
    /// For cookies.
    space: Vec<u64>,
    /// What is only counted.
    tolerated: u64,
    lenient: bool,
    wrong: u64,
    pub problems: Vec<String>,
}

/// Reads tables of one class, sorted and as they come, until it is told to end.
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
                polled.saw(table.rows(), lasting);
            }
            Err(error) => polled.fault(error.to_string()),
        }
        polled.called(system.calls() - calls);
    }
    polled
}

/// Watches for changes, none of which may be of what lasts.
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
                    if let Some(how) = reported.note(change) {
                        polled.false_change(how, change);
                    }
                    match change {
                        _ if lasting.number(change.row()).is_none() => {}
                        Change::Added(_) if polled.polls <= FIRST => {}
                        change => polled.fault(format!("a row that lasts has changed: {change:?}")),
                    }
                }
                if polled.polls == 0 {
                    reported.begin(watcher.snapshot());
                }
                polled.saw(watcher.snapshot(), lasting);
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

    fn saw<R: Row>(&mut self, rows: &[R], lasting: &Lasting) {
        self.rows += rows.len() as u64;
        self.least_rows = Some(self.least_rows.map_or(rows.len(), |least| least.min(rows.len())));
        self.most_rows = self.most_rows.max(rows.len());
        let doubled = cookies::doubled(rows, &mut self.space);
        if doubled > 0 {
            self.doubled += doubled as u64;
            self.fault(format!("{doubled} of {} rows are doubled", rows.len()));
        }
        match lasting.missing_from(rows) {
            Ok(0) => {}
            Ok(_) if self.polls < FIRST => {}
            Ok(missing) => self.fault(format!("{missing} rows that last are missing from {}", rows.len())),
            Err(wrong) => self.fault(wrong),
        }
    }

    fn false_change<R: Row>(&mut self, how: False, change: Change<&R>) {
        self.false_changes += 1;
        self.fault(match how {
            False::Added => format!("added, and it was there: {change:?}"),
            False::Back => format!("added, and it was removed before: {change:?}"),
            False::Removed => format!("changed or removed, and it was not there: {change:?}"),
        });
    }

    fn called(&mut self, calls: u64) {
        self.polls += 1;
        self.calls += calls;
        self.most_calls = self.most_calls.max(calls);
        if calls > ATTEMPTS {
            self.problem(format!("{calls} calls for one table"));
        }
    }

    /// What the system may be to blame for.
    fn fault(&mut self, what: String) {
        if self.lenient {
            self.tolerated += 1;
        } else {
            self.problem(what);
        }
    }

    fn problem(&mut self, what: String) {
        self.wrong += 1;
        if self.wrong <= TOLD {
            self.problems.push(format!("{}, poll {}: {what}", self.name, self.polls));
        } else {
            self.problems.truncate(TOLD as usize);
            self.problems.push(format!("{}: {} problems in all", self.name, self.wrong));
        }
    }

    /// A line for people.
    pub fn report(&self, seconds: f64) -> String {
        let Polled { name, polls, calls, most_calls, rows, most_rows, changes, .. } = self;
        let (retries, a_second) = (calls.saturating_sub(*polls), *polls as f64 / seconds);
        let least_rows = self.least_rows.unwrap_or(0);
        let counted = |number: u64, what| if number > 0 { format!(", {number} {what}") } else { String::new() };
        let (changes, tolerated) = (counted(*changes, "changes"), counted(self.tolerated, "faults tolerated"));
        let wrong = counted(self.doubled, "rows doubled") + &counted(self.false_changes, "changes false");
        format!(
            "{name:<12} {polls:>7} polls ({a_second:.0}/s) of {least_rows} to {most_rows} rows, {rows} in all; \
             {retries} retries, at most {most_calls} calls a poll{changes}{wrong}{tolerated}"
        )
    }
}
