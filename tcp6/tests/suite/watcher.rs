//! The watcher, tested with scripted histories and with real sockets.

use std::io::Read;
use std::net::Shutdown;
use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use tcp6::{
    BasicRow, Buffer, Change, ChangedFields, Class, Error, EventOptions, Events, OwnerModuleRow, Query, Replay, Result,
    Row, Snapshot, Source, State, StateSet, System, Watcher,
};

use crate::load::{self, Load};
use crate::support::{alone_with_the_table, close, connect, eventually, listener, reset, same_end, v6};

fn row(state: State, port: u16) -> BasicRow {
    let remote = (state != State::Listen).then(|| "[::1]:50000".parse().unwrap());
    BasicRow::new(state, format!("[::1]:{port}").parse().unwrap(), remote)
}

fn history(tables: &[&[BasicRow]]) -> Replay {
    tables.iter().fold(Replay::new(), |history, rows| history.then(&rows.iter().copied().collect()).unwrap())
}

fn poll(watcher: &mut Watcher<BasicRow, impl Source>) -> Vec<Change<BasicRow>> {
    watcher.poll().unwrap().map(Change::cloned).collect()
}

#[test]
fn first_poll_reports_nothing_or_all_rows() {
    let tables: &[&[BasicRow]] = &[&[row(State::Listen, 80)], &[row(State::Listen, 80)]];
    let mut without_initial = Watcher::new(history(tables));
    assert_eq!(poll(&mut without_initial), []);
    assert_eq!(poll(&mut without_initial), []);
    let mut with_initial = Watcher::new(history(tables)).report_initial();
    assert_eq!(poll(&mut with_initial), [Change::Added(row(State::Listen, 80))]);
    assert_eq!(poll(&mut with_initial), []);
    assert_eq!(with_initial.snapshot().rows(), [row(State::Listen, 80)]);
}

#[test]
fn first_successful_poll_is_the_baseline() {
    let tables = || history(&[&[row(State::Listen, 80)], &[row(State::Listen, 80), row(State::Listen, 443)]]);
    let source = |script: &[Fault]| Unreliable { history: tables(), script: script.to_vec() };
    for fault in [Fault::Error, Fault::HalfWritten] {
        let mut watcher = Watcher::<BasicRow, _>::new(source(&[fault]));
        assert!(watcher.poll().is_err());
        assert_eq!(poll(&mut watcher), [], "rows of the first successful poll are the baseline");
        assert_eq!(poll(&mut watcher), [Change::Added(row(State::Listen, 443))]);
        let mut watcher = Watcher::<BasicRow, _>::new(source(&[fault])).report_initial();
        assert!(watcher.poll().is_err());
        assert_eq!(poll(&mut watcher), [Change::Added(row(State::Listen, 80))]);
    }
}

#[test]
fn a_row_that_leaves_the_report_filter_is_changed_and_not_removed() {
    let (open, closing) = (row(State::Established, 80), row(State::TimeWait, 80));
    let tables: &[&[BasicRow]] = &[&[open], &[closing], &[closing, row(State::Listen, 443)], &[]];
    let mut watcher = Watcher::new(history(tables)).report(Query::all().states(StateSet::ESTABLISHED));
    assert_eq!(poll(&mut watcher), []);
    assert_eq!(poll(&mut watcher), [Change::Changed { before: open, after: closing }]);
    assert_eq!(poll(&mut watcher), [], "a new listener does not match the filter");
    assert_eq!(poll(&mut watcher), [], "neither of the removed rows matches the filter");

    let mut watcher = Watcher::new(history(tables)).report(Query::all().port(443));
    let polls = [poll(&mut watcher), poll(&mut watcher), poll(&mut watcher), poll(&mut watcher)];
    let listener = row(State::Listen, 443);
    assert_eq!(polls, [vec![], vec![], vec![Change::Added(listener)], vec![Change::Removed(listener)]]);
}

#[test]
fn a_row_that_leaves_the_query_is_removed() {
    let tables: &[&[BasicRow]] = &[&[row(State::Listen, 80)], &[row(State::Established, 80)]];
    let mut watcher = Watcher::new(history(tables)).with_query(Query::listeners());
    assert_eq!(poll(&mut watcher), []);
    assert_eq!(poll(&mut watcher), [Change::Removed(row(State::Listen, 80))]);
}

#[test]
fn rows_are_paired_only_with_the_same_identity() {
    let connection = |created: i64| {
        let mut raw = *row(State::Established, 80).to_class::<OwnerModuleRow>().as_raw();
        raw.liCreateTimestamp = created;
        OwnerModuleRow::from_raw(raw)
    };
    let snapshot = |created| Snapshot::from_iter([connection(created)]);
    let changes: Vec<_> = snapshot(1).diff(&snapshot(2)).map(Change::cloned).collect();
    assert_eq!(changes, [Change::Removed(connection(1)), Change::Added(connection(2))]);

    // Listeners on the same end are paired by identity, regardless of changes of the others.
    let listener = |created, owner| {
        let mut raw = *row(State::Listen, 80).to_class::<OwnerModuleRow>().as_raw();
        (raw.liCreateTimestamp, raw.dwOwningPid) = (created, owner);
        OwnerModuleRow::from_raw(raw)
    };
    let before = Snapshot::from_iter([listener(1, 10), listener(2, 20), listener(3, 30)]);
    let after = Snapshot::from_iter([listener(2, 5), listener(3, 30), listener(4, 10)]);
    let changes: Vec<_> = before.diff(&after).map(Change::cloned).collect();
    assert_eq!(
        changes,
        [
            Change::Removed(listener(1, 10)),
            Change::Changed { before: listener(2, 20), after: listener(2, 5) },
            Change::Added(listener(4, 10)),
        ]
    );
    assert_eq!(changes[1].as_ref().fields(), ChangedFields::OWNER);
}

#[test]
fn removing_two_of_five_equal_listeners_is_two_changes() {
    let listener = row(State::Listen, 80);
    let changes =
        Snapshot::from_iter([listener; 5]).diff(&Snapshot::from_iter([listener; 3])).collect::<Vec<_>>().len();
    assert_eq!(changes, 2);
    let five = Snapshot::from_iter([listener; 5]);
    assert!(five.diff(&Snapshot::from_iter([listener; 3])).all(|change| change == Change::Removed(&listener)));
}

/// A source that replays a history, with scripted faults. The last fault of the script comes first.
struct Unreliable {
    history: Replay,
    script: Vec<Fault>,
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    /// An error before anything is written.
    Error,
    /// An error after a part of the table is written.
    HalfWritten,
    /// A panic after a table is written.
    Panic,
}

impl Source for Unreliable {
    fn fill(&mut self, class: Class, query: &Query, buffer: &mut Buffer) -> Result<()> {
        match self.script.pop().unwrap_or(Fault::None) {
            Fault::None => self.history.fill(class, query, buffer),
            Fault::Error => Err(Error::NotSupported),
            Fault::HalfWritten => {
                buffer.writer::<BasicRow>().push(&row(State::Listen, 1))?;
                Err(Error::NotSupported)
            }
            Fault::Panic => {
                buffer.write_rows(class, [&row(State::Listen, 2)])?;
                std::panic::panic_any("on purpose");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Compares the changes with those of a source that never fails.
    #[test]
    fn failed_polls_lose_no_changes(
        tables in proptest::collection::vec(proptest::collection::vec((1..6u16, any::<bool>()), 0..6), 1..6),
        faults in proptest::collection::vec(0..3u8, 0..12),
    ) {
        let rows = |table: &Vec<(u16, bool)>| -> Vec<BasicRow> {
            table.iter().map(|(port, open)| row(if *open { State::Established } else { State::Listen }, *port)).collect()
        };
        let tables: Vec<Vec<BasicRow>> = tables.iter().map(rows).collect();
        let tables: Vec<&[BasicRow]> = tables.iter().map(Vec::as_slice).collect();
        let mut reliable = Watcher::new(history(&tables)).report_initial();

        let script = faults.iter().map(|fault| [Fault::None, Fault::Error, Fault::HalfWritten][usize::from(*fault)]);
        let source = Unreliable { history: history(&tables), script: script.collect() };
        let mut watcher = Watcher::<BasicRow, _>::new(source).report_initial();
        for _ in &tables {
            let expected = poll(&mut reliable);
            let changes = loop {
                match watcher.poll() {
                    Ok(changes) => break changes.map(Change::cloned).collect::<Vec<_>>(),
                    Err(error) => prop_assert!(matches!(error, Error::NotSupported)),
                }
            };
            prop_assert_eq!(changes, expected);
            prop_assert_eq!(watcher.snapshot(), reliable.snapshot());
        }
    }
}

#[test]
fn a_panicking_source_does_not_change_the_watcher() {
    let tables: &[&[BasicRow]] = &[&[row(State::Listen, 80)], &[row(State::Listen, 443)]];
    let source = Unreliable { history: history(tables), script: vec![Fault::Panic, Fault::None] };
    let mut watcher = Watcher::<BasicRow, _>::new(source);
    assert_eq!(poll(&mut watcher), []);
    assert!(catch_unwind(AssertUnwindSafe(|| watcher.poll().map(|_| ()))).is_err());
    assert_eq!(watcher.snapshot().rows(), [row(State::Listen, 80)]);
    assert_eq!(poll(&mut watcher), [Change::Removed(row(State::Listen, 80)), Change::Added(row(State::Listen, 443))]);
}

/// Opens, resets, half-closes and closes connections between two polls.
#[test]
fn reports_opened_closed_and_half_closed_connections() {
    // Under Wine, each refresh takes 100 times as long.
    let (opened, reset_count, half_closed) = if cfg!(windows) { (20, 10, 5) } else { (200, 100, 50) };
    let closed = if cfg!(windows) { 5 } else { 50 };
    let _alone = alone_with_the_table();
    let _load = Load::in_tests(if cfg!(windows) { 100 } else { 9_000 });
    load::raise_descriptor_limit();
    let listener = listener();
    let port = listener.local_addr().unwrap().port();
    let connections = |count: usize| -> Vec<_> { (0..count).map(|_| connect(&listener)).collect() };
    let (resetting, half_closing, closing) = (connections(reset_count), connections(half_closed), connections(closed));

    let mut watcher = Watcher::<BasicRow, _>::new(System::new().unwrap()).report(Query::all().port(port));
    watcher.poll().unwrap();
    let new = connections(opened);
    let (clients, mut servers): (Vec<_>, Vec<_>) = resetting.into_iter().unzip();
    clients.into_iter().for_each(reset);
    for server in &mut servers {
        // Wine 8 sometimes reports a reset as the end of the stream.
        let read = server.read(&mut [0]);
        assert!(read.is_err() || cfg!(windows) && read.is_ok_and(|bytes| bytes == 0), "the connection is reset");
    }
    // Linux does not list these sockets although their descriptors are open. Wine 10 lists them as CLOSED until then.
    if cfg!(windows) {
        servers.clear();
    }
    half_closing.iter().for_each(|(client, _)| client.shutdown(Shutdown::Write).unwrap());
    // The client closes first and stays in TIME-WAIT. The server then closes and is removed.
    closing.into_iter().for_each(|(client, server)| close(client, server));

    // Waits until the kernel has processed all segments. One poll then reports all changes.
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    eventually("all connections are in their final states", || {
        let table = system.table::<BasicRow>(&Query::all().port(port), &mut buffer).unwrap();
        let counts = table.to_snapshot().unwrap().counts();
        counts.get(State::FinWait2) == half_closed
            && counts.get(State::CloseWait) == half_closed
            && counts.get(State::Established) == 2 * opened
            && counts.total() - counts.get(State::TimeWait) == 1 + 2 * (opened + half_closed)
    });
    // A system may list no socket in TIME-WAIT, as Wine 10, which lists handles. The C program shows what this one does.
    #[cfg(windows)]
    let time_wait = crate::c_program::count(State::TimeWait, port).unwrap_or(closed);
    #[cfg(not(windows))]
    let time_wait = closed;
    assert!(time_wait == closed || cfg!(windows) && time_wait == 0, "{time_wait} of {closed} sockets in TIME-WAIT");
    let changes: Vec<Change<BasicRow>> = watcher.poll().unwrap().map(Change::cloned).collect();
    let count = |matches: &dyn Fn(&Change<BasicRow>) -> bool| changes.iter().filter(|change| matches(change)).count();
    assert_eq!(count(&|change| matches!(change, Change::Added(_))), 2 * opened);
    assert_eq!(count(&|change| matches!(change, Change::Removed(_))), 2 * reset_count + 2 * closed - time_wait);
    let states = |before: State, after: State| {
        count(
            &|change| matches!(change, Change::Changed { before: b, after: a } if b.state() == before && a.state() == after),
        )
    };
    assert_eq!(states(State::Established, State::FinWait2), half_closed);
    assert_eq!(states(State::Established, State::CloseWait), half_closed);
    assert_eq!(states(State::Established, State::TimeWait), time_wait);
    assert_eq!(changes.len(), 2 * (opened + reset_count + half_closed + closed));
    for (client, _) in &new {
        let calling = v6(client.local_addr().unwrap());
        let sides =
            |row: &BasicRow| same_end(row.local(), calling) || row.remote().is_some_and(|r| same_end(r, calling));
        assert_eq!(count(&|change| matches!(change, Change::Added(row) if sides(row))), 2, "{calling}");
    }
}

#[test]
fn poll_owned_returns_the_changes_of_poll() {
    let rows = [row(State::Listen, 80), row(State::Listen, 443)];
    let tables: &[&[BasicRow]] = &[&rows[..1], &rows, &rows[1..]];
    let mut borrowed = Watcher::<BasicRow, _>::new(history(tables)).report_initial();
    let mut owned = Watcher::<BasicRow, _>::new(history(tables)).report_initial();
    for _ in tables {
        let changes = borrowed.poll().unwrap();
        let taken_at = changes.taken_at();
        let changes: Vec<_> = changes.map(Change::cloned).collect();
        assert_eq!(changes.len(), 1);
        assert_eq!(borrowed.snapshot().taken_at(), Some(taken_at));
        assert_eq!(owned.poll_owned().unwrap(), changes);
        assert_eq!(owned.snapshot(), borrowed.snapshot());
    }
    assert!(matches!(owned.poll_owned(), Err(Error::EndOfReplay)));
}

/// A source with events that fails before it has looked at them.
struct FailsOnce {
    fails: bool,
    /// Whether the table before each successful call was accepted.
    accepted: Vec<bool>,
}

impl Source for FailsOnce {
    fn fill(&mut self, class: Class, _: &Query, buffer: &mut Buffer) -> Result<()> {
        buffer.write_rows::<BasicRow>(class, &[])
    }

    fn subscribe(&mut self, _: &EventOptions) -> Result<()> {
        Ok(())
    }

    fn fill_with_events(
        &mut self,
        class: Class,
        query: &Query,
        buffer: &mut Buffer,
        events: &mut Events,
    ) -> Result<()> {
        if std::mem::take(&mut self.fails) {
            return Err(Error::NotSupported);
        }
        self.accepted.push(events.is_accepted());
        events.clear();
        self.fill(class, query, buffer)
    }
}

#[test]
fn a_source_that_failed_is_told_that_its_last_table_was_accepted() {
    let mut watcher = Watcher::<BasicRow, _>::new(FailsOnce { fails: false, accepted: Vec::new() });
    watcher.subscribe(&EventOptions::new()).unwrap();
    watcher.poll().unwrap();
    watcher.source_mut().fails = true;
    assert!(watcher.poll().is_err());
    watcher.poll().unwrap();
    assert_eq!(watcher.source().accepted, [false, true]);
}
