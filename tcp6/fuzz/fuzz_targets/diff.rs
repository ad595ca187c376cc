//! Diffs of two tables, and changes applied to one, compared with a slow model.
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
    /// Changes that may not apply to the table.
    edits: Vec<Edit>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Edit {
    Add(Few, Garbage),
    Remove(Few, Garbage),
    Change(Few, Few, Garbage),
}

fuzz_target!(|input: Input| for_each_class!(check(&input)));

fn check<R: Row>(input: &Input) {
    let row = |(few, garbage): &(Few, Garbage)| few.row::<R>(*garbage);
    let shared =
        |side: fn(&(Few, Garbage, Garbage)) -> Garbage| input.both.iter().map(move |pair| pair.0.row::<R>(side(pair)));
    let before: Vec<R> = shared(|pair| pair.1).chain(input.lost.iter().map(row)).collect();
    // The shared rows are in a different position.
    let after: Vec<R> = input.gained.iter().map(row).chain(shared(|pair| pair.2)).collect();
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
            assert_eq!(applied, old, "a failed apply must not modify the snapshot");
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
