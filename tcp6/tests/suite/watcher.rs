//! The watcher: over scripted histories, and over sockets of its own.

use std::io::Read;
use std::net::Shutdown;
use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use tcp6::{
    BasicRow, Buffer, Change, ChangedFields, Class, Error, OwnerModuleRow, Query, Replay, Result, Row, Snapshot,
    Source, State, StateSet, System, Watcher,
};

use crate::load::{self, Load};
use crate::support::{alone_with_the_table, connect, eventually, listener, reset, same_end, v6};

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
fn the_first_poll_is_the_baseline_or_everything() {
    let tables: &[&[BasicRow]] = &[&[row(State::Listen, 80)], &[row(State::Listen, 80)]];
    let mut quiet = Watcher::new(history(tables));
    assert_eq!(poll(&mut quiet), []);
    assert_eq!(poll(&mut quiet), []);
    let mut loud = Watcher::new(history(tables)).report_initial();
    assert_eq!(poll(&mut loud), [Change::Added(row(State::Listen, 80))]);
    assert_eq!(poll(&mut loud), []);
    assert_eq!(loud.snapshot().rows(), [row(State::Listen, 80)]);
}

#[test]
fn a_first_poll_that_fails_leaves_the_baseline_to_the_first_good_one() {
    let tables = || history(&[&[row(State::Listen, 80)], &[row(State::Listen, 80), row(State::Listen, 443)]]);
    let source = |script: &[Fault]| Unreliable { history: tables(), script: script.to_vec() };
    for fault in [Fault::Error, Fault::HalfWritten] {
        let mut watcher = Watcher::<BasicRow, _>::new(source(&[fault]));
        assert!(watcher.poll().is_err());
        assert_eq!(poll(&mut watcher), [], "what is there at the first good poll is no change");
        assert_eq!(poll(&mut watcher), [Change::Added(row(State::Listen, 443))]);
        let mut watcher = Watcher::<BasicRow, _>::new(source(&[fault])).report_initial();
        assert!(watcher.poll().is_err());
        assert_eq!(poll(&mut watcher), [Change::Added(row(State::Listen, 80))]);
    }
}

#[test]
fn a_row_that_leaves_the_filter_is_changed_and_not_removed() {
    let (open, closing) = (row(State::Established, 80), row(State::TimeWait, 80));
    let tables: &[&[BasicRow]] = &[&[open], &[closing], &[closing, row(State::Listen, 443)], &[]];
    let mut watcher = Watcher::new(history(tables)).report(Query::all().states(StateSet::ESTABLISHED));
    assert_eq!(poll(&mut watcher), []);
    assert_eq!(poll(&mut watcher), [Change::Changed { before: open, after: closing }]);
    assert_eq!(poll(&mut watcher), [], "a listener was not asked for");
    assert_eq!(poll(&mut watcher), [], "nor was what it had become");

    let mut watcher = Watcher::new(history(tables)).report(Query::all().port(443));
    let polls = [poll(&mut watcher), poll(&mut watcher), poll(&mut watcher), poll(&mut watcher)];
    let listener = row(State::Listen, 443);
    assert_eq!(polls, [vec![], vec![], vec![Change::Added(listener)], vec![Change::Removed(listener)]]);
}

#[test]
fn what_is_not_read_is_not_known() {
    let tables: &[&[BasicRow]] = &[&[row(State::Listen, 80)], &[row(State::Established, 80)]];
    let mut watcher = Watcher::new(history(tables)).with_query(Query::listeners());
    assert_eq!(poll(&mut watcher), []);
    assert_eq!(poll(&mut watcher), [Change::Removed(row(State::Listen, 80))]);
}

#[test]
fn a_reused_pair_of_ends_is_told_where_rows_carry_an_identity() {
    let with_cookie = |cookie: u64| {
        let mut raw = *row(State::Established, 80).to_class::<OwnerModuleRow>().as_raw();
        raw.liCreateTimestamp = cookie as i64;
        OwnerModuleRow::from_raw(raw)
    };
    let snapshot = |cookie| Snapshot::from_iter([with_cookie(cookie)]);
    let changes: Vec<_> = snapshot(1).diff(&snapshot(2)).map(Change::cloned).collect();
    assert_eq!(changes, [Change::Removed(with_cookie(1)), Change::Added(with_cookie(2))]);

    // Among listeners on one end, those of one identity belong together, however the others change.
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
fn five_listeners_that_become_three_are_two_removed() {
    let listener = row(State::Listen, 80);
    let changes =
        Snapshot::from_iter([listener; 5]).diff(&Snapshot::from_iter([listener; 3])).collect::<Vec<_>>().len();
    assert_eq!(changes, 2);
    let five = Snapshot::from_iter([listener; 5]);
    assert!(five.diff(&Snapshot::from_iter([listener; 3])).all(|change| change == Change::Removed(&listener)));
}

/// A source that fails, or panics, when it is told to; else it plays a history.
struct Unreliable {
    history: Replay,
    script: Vec<Fault>,
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    /// An error, at once.
    Error,
    /// An error, when half of the table has been written.
    HalfWritten,
    /// A panic, when half of the table has been written.
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

    /// Between two good tables any number of failures: the changes are those of a source that never fails.
    #[test]
    fn failures_change_nothing(
        tables in proptest::collection::vec(proptest::collection::vec((1..6u16, any::<bool>()), 0..6), 1..6),
        faults in proptest::collection::vec(0..3u8, 0..12),
    ) {
        let rows = |table: &Vec<(u16, bool)>| -> Vec<BasicRow> {
            table.iter().map(|(port, open)| row(if *open { State::Established } else { State::Listen }, *port)).collect()
        };
        let tables: Vec<Vec<BasicRow>> = tables.iter().map(rows).collect();
        let tables: Vec<&[BasicRow]> = tables.iter().map(Vec::as_slice).collect();
        let mut perfect = Watcher::new(history(&tables)).report_initial();

        let script = faults.iter().map(|fault| [Fault::None, Fault::Error, Fault::HalfWritten][usize::from(*fault)]);
        let source = Unreliable { history: history(&tables), script: script.collect() };
        let mut watcher = Watcher::<BasicRow, _>::new(source).report_initial();
        for _ in &tables {
            let expected = poll(&mut perfect);
            let changes = loop {
                match watcher.poll() {
                    Ok(changes) => break changes.map(Change::cloned).collect::<Vec<_>>(),
                    Err(error) => prop_assert!(matches!(error, Error::NotSupported)),
                }
            };
            prop_assert_eq!(changes, expected);
            prop_assert_eq!(watcher.snapshot(), perfect.snapshot());
        }
    }
}

#[test]
fn a_source_that_panics_leaves_the_watcher_as_it_was() {
    let tables: &[&[BasicRow]] = &[&[row(State::Listen, 80)], &[row(State::Listen, 443)]];
    let source = Unreliable { history: history(tables), script: vec![Fault::Panic, Fault::None] };
    let mut watcher = Watcher::<BasicRow, _>::new(source);
    assert_eq!(poll(&mut watcher), []);
    assert!(catch_unwind(AssertUnwindSafe(|| watcher.poll().map(|_| ()))).is_err());
    assert_eq!(watcher.snapshot().rows(), [row(State::Listen, 80)]);
    assert_eq!(poll(&mut watcher), [Change::Removed(row(State::Listen, 80)), Change::Added(row(State::Listen, 443))]);
}

/// Connections of one's own: opened, closed without a trace, and half-closed between two polls, and told as such.
#[test]
fn the_watcher_tells_what_was_opened_closed_and_half_closed() {
    // Under Wine every refresh takes a hundred times as long.
    let (opened, closed, half_closed) = if cfg!(windows) { (20, 10, 5) } else { (200, 100, 50) };
    // Wine has not been tried with connections in TIME-WAIT.
    let waiting = if cfg!(windows) { 0 } else { 50 };
    let _alone = alone_with_the_table();
    let _load = Load::in_tests(if cfg!(windows) { 100 } else { 9_000 });
    load::raise_descriptor_limit();
    let listener = listener();
    let port = listener.local_addr().unwrap().port();
    let connections = |count: usize| -> Vec<_> { (0..count).map(|_| connect(&listener)).collect() };
    let (closing, half_closing, in_order) = (connections(closed), connections(half_closed), connections(waiting));

    let mut watcher = Watcher::<BasicRow, _>::new(System::new().unwrap()).report(Query::all().port(port));
    watcher.poll().unwrap();
    let new = connections(opened);
    // The sides that were called stay open, and are gone all the same.
    let (clients, _called): (Vec<_>, Vec<_>) = closing.into_iter().unzip();
    clients.into_iter().for_each(reset);
    half_closing.iter().for_each(|(client, _)| client.shutdown(Shutdown::Write).unwrap());
    // The client closes first and stays in TIME-WAIT; the server closes after it has seen that, and is gone.
    for (client, mut server) in in_order {
        drop(client);
        assert_eq!(server.read(&mut [0]).unwrap(), 0);
    }

    // The kernel needs a moment until both sides know. Then one poll tells everything.
    let (mut system, mut buffer) = (System::new().unwrap(), Buffer::new());
    eventually("every state", || {
        let table = system.table::<BasicRow>(&Query::all().port(port), &mut buffer).unwrap();
        let counts = table.to_snapshot().unwrap().counts();
        counts.get(State::FinWait2) == half_closed
            && counts.get(State::CloseWait) == half_closed
            && counts.get(State::Established) == 2 * opened
            && counts.get(State::TimeWait) == waiting
            && counts.total() == 1 + 2 * (opened + half_closed) + waiting
    });
    let changes: Vec<Change<BasicRow>> = watcher.poll().unwrap().map(Change::cloned).collect();
    let settled = |side: &dyn Fn(&Change<BasicRow>) -> bool| changes.iter().filter(|change| side(change)).count();
    assert_eq!(settled(&|change| matches!(change, Change::Added(_))), 2 * opened);
    assert_eq!(settled(&|change| matches!(change, Change::Removed(_))), 2 * closed + waiting);
    let states = |before: State, after: State| {
        settled(
            &|change| matches!(change, Change::Changed { before: b, after: a } if b.state() == before && a.state() == after),
        )
    };
    assert_eq!(states(State::Established, State::FinWait2), half_closed);
    assert_eq!(states(State::Established, State::CloseWait), half_closed);
    assert_eq!(states(State::Established, State::TimeWait), waiting);
    assert_eq!(changes.len(), 2 * (opened + closed + half_closed + waiting));
    for (client, _) in &new {
        let calling = v6(client.local_addr().unwrap());
        let sides =
            |row: &BasicRow| same_end(row.local(), calling) || row.remote().is_some_and(|r| same_end(r, calling));
        assert_eq!(settled(&|change| matches!(change, Change::Added(row) if sides(row))), 2, "{calling}");
    }
}

#[test]
fn owned_changes_equal_the_changes_of_a_poll() {
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
