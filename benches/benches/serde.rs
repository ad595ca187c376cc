//! Serialization of snapshots and changes, as JSON and in a binary format (postcard), and back.

use std::hint::black_box;

use benches::comparison::{Comparison, criterion};
use benches::synthetic;
use criterion::Criterion;
use tcp6::{BasicRow, Change, Snapshot};

fn snapshots(criterion: &mut Criterion, snapshot: &Snapshot<BasicRow>) {
    let mut group = Comparison::new(criterion, "serde/snapshot", snapshot.len());
    let json = serde_json::to_vec(snapshot).expect("serialize");
    let bytes = postcard::to_allocvec(snapshot).expect("serialize");
    group.note("write JSON", "bytes", json.len());
    group.note("write postcard", "bytes", bytes.len());
    group.time("write JSON", || serde_json::to_vec(black_box(snapshot)).expect("serialize"));
    group.time("read JSON", || serde_json::from_slice::<Snapshot<BasicRow>>(black_box(&json)).expect("deserialize"));
    group.time("write postcard", || postcard::to_allocvec(black_box(snapshot)).expect("serialize"));
    group.time("read postcard", || postcard::from_bytes::<Snapshot<BasicRow>>(black_box(&bytes)).expect("deserialize"));
}

fn changes(criterion: &mut Criterion, before: &Snapshot<BasicRow>, after: &Snapshot<BasicRow>, percent: usize) {
    let changes: Vec<Change<&BasicRow>> = before.diff(after).collect();
    let mut group = Comparison::new(criterion, format!("serde/{percent} % changed"), before.len());
    let json = serde_json::to_vec(&changes).expect("serialize");
    group.time("write JSON", || serde_json::to_vec(black_box(&changes)).expect("serialize"));
    group.time("read JSON", || serde_json::from_slice::<Vec<Change<BasicRow>>>(black_box(&json)).expect("deserialize"));
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
