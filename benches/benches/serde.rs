//! Writing snapshots and changes, and reading them: as JSON, and as bytes (postcard).

use std::hint::black_box;

use benches::comparison::{Comparison, criterion};
use benches::synthetic;
use criterion::Criterion;
use tcp6::{BasicRow, Change, Snapshot};

fn snapshots(criterion: &mut Criterion, snapshot: &Snapshot<BasicRow>) {
    let mut ways = Comparison::new(criterion, "serde/snapshot", snapshot.len());
    let json = serde_json::to_vec(snapshot).expect("JSON");
    let bytes = postcard::to_allocvec(snapshot).expect("bytes");
    ways.note("write JSON", "bytes", json.len());
    ways.note("write postcard", "bytes", bytes.len());
    ways.time("write JSON", || serde_json::to_vec(black_box(snapshot)).expect("JSON"));
    ways.time("read JSON", || serde_json::from_slice::<Snapshot<BasicRow>>(black_box(&json)).expect("a snapshot"));
    ways.time("write postcard", || postcard::to_allocvec(black_box(snapshot)).expect("bytes"));
    ways.time("read postcard", || postcard::from_bytes::<Snapshot<BasicRow>>(black_box(&bytes)).expect("a snapshot"));
}

fn changes(criterion: &mut Criterion, before: &Snapshot<BasicRow>, after: &Snapshot<BasicRow>, percent: usize) {
    let changes: Vec<Change<&BasicRow>> = before.diff(after).collect();
    let mut ways = Comparison::new(criterion, format!("serde/{percent} % changed"), before.len());
    let json = serde_json::to_vec(&changes).expect("JSON");
    ways.time("write JSON", || serde_json::to_vec(black_box(&changes)).expect("JSON"));
    ways.time("read JSON", || serde_json::from_slice::<Vec<Change<BasicRow>>>(black_box(&json)).expect("changes"));
}

fn main() {
    let mut criterion = criterion();
    for rows in synthetic::sizes() {
        let table = synthetic::table::<BasicRow>(rows);
        let before = synthetic::snapshot(&table);
        snapshots(&mut criterion, &before);
        for percent in synthetic::CHANGED {
            changes(&mut criterion, &before, &synthetic::snapshot(&synthetic::later(&table, percent)), percent);
        }
    }
    criterion.final_summary();
}
