//! Two tables: what has changed between them, and changes made to one, as a slow model has it.
#![no_main]

use std::time::SystemTime;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use tcp6::{Change, Error, Row, Snapshot};
use tcp6_fuzz::rows::{Few, Garbage};
use tcp6_fuzz::{for_each_class, model};

#[derive(Arbitrary, Debug)]
struct Input {
    both: Vec<(Few, Garbage, Garbage)>,
    lost: Vec<(Few, Garbage)>,
    gained: Vec<(Few, Garbage)>,
    /// Changes that need not fit.
    edits: Vec<Edit>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Edit {
    Add(Few, Garbage),
    Remove(Few, Garbage),
    Change(Few, Few, Garbage),
}

fuzz_target!(|input: Input| for_each_class!(laws(&input)));

fn laws<R: Row>(input: &Input) {
    let row = |(few, garbage): &(Few, Garbage)| few.row::<R>(*garbage);
    let shared = |side: fn(&(Few, Garbage, Garbage)) -> Garbage| {
        input.both.iter().map(move |twins| twins.0.row::<R>(side(twins)))
    };
    let before: Vec<R> = shared(|twins| twins.1).chain(input.lost.iter().map(row)).collect();
    // In another order.
    let after: Vec<R> = input.gained.iter().map(row).chain(shared(|twins| twins.2)).collect();
    let (old, new) = (snapshot(&before), snapshot(&after));

    let changes: Vec<Change<R>> = old.diff(&new).map(Change::cloned).collect();
    assert_eq!(changes, model::diff(&before, &after));

    let mut applied = old.clone();
    applied.apply(changes.iter().copied()).unwrap();
    assert_eq!(applied, new);
    applied.apply(changes.iter().rev().map(|change| change.reversed())).unwrap();
    assert_eq!(applied, old);

    let edits: Vec<Change<R>> = input.edits.iter().map(|edit| edit.change()).collect();
    let edited = applied.apply(edits.iter().copied());
    match model::apply(&before, &edits) {
        Some(rows) => {
            edited.unwrap();
            assert_eq!(applied.rows(), rows);
        }
        None => {
            assert!(matches!(edited, Err(Error::RowNotFound)));
            assert_eq!(applied, old, "nothing was touched");
        }
    }
}

impl Edit {
    fn change<R: Row>(self) -> Change<R> {
        match self {
            Edit::Add(few, garbage) => Change::Added(few.row(garbage)),
            Edit::Remove(few, garbage) => Change::Removed(few.row(garbage)),
            Edit::Change(few, other, garbage) => {
                Change::Changed { before: few.row(garbage), after: other.row(garbage) }
            }
        }
    }
}

fn snapshot<R: Row>(rows: &[R]) -> Snapshot<R> {
    Snapshot::from_rows(rows.iter().copied(), SystemTime::UNIX_EPOCH)
}
