//! Bytes as serde input, in a human-readable format (JSON) and in a binary one (postcard): refused, or something that
//! survives being written and read again, also by a reader whose numbers are floats.
#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tcp6::{Change, ChangedFields, Row, Snapshot, StateSet};
use tcp6_fuzz::for_each_class;
use tcp6_fuzz::memory::bounded;

fuzz_target!(|bytes: &[u8]| {
    for_each_class!(class(bytes));
    survives::<StateSet>(bytes, |set| Some(set.bits().into()));
    survives::<ChangedFields>(bytes, |fields| Some(fields.bits().into()));
});

fn class<R: Row + Serialize + DeserializeOwned>(bytes: &[u8]) {
    // Snapshots are equal whenever they were taken; the time must survive as well.
    survives::<Snapshot<R>>(bytes, |snapshot| match snapshot.taken_at()?.duration_since(std::time::UNIX_EPOCH) {
        Ok(after) => Some(after.as_nanos() as i128),
        Err(before) => Some(-(before.duration().as_nanos() as i128)),
    });
    survives::<Change<R>>(bytes, |_| None);
}

/// `besides` is what equality leaves out.
fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8], besides: fn(&T) -> Option<i128>) {
    let check = |one: &T, other: &T| {
        assert_eq!(one, other);
        assert_eq!(besides(one), besides(other));
    };
    // What serde believes of a length at once, and what a tree of the shortest values takes.
    let bound = 2 * 1024 * 1024 + 128 * bytes.len();
    if let Ok(first) = bounded(bound, || serde_json::from_slice::<T>(bytes)) {
        let text = serde_json::to_string(&first).unwrap();
        check(&serde_json::from_str(&text).unwrap(), &first);
        check(&serde_json::from_str(&through_floats(&text)).unwrap(), &first);
        let binary = postcard::to_allocvec(&first).unwrap();
        check(&postcard::from_bytes(&binary).unwrap(), &first);
    }
    if let Ok(first) = bounded(bound, || postcard::from_bytes::<T>(bytes)) {
        let binary = postcard::to_allocvec(&first).unwrap();
        check(&postcard::from_bytes(&binary).unwrap(), &first);
        // JSON has no way to write a time beyond the year 9999, which is an error and nothing else.
        if let Ok(text) = serde_json::to_string(&first) {
            check(&serde_json::from_str(&text).unwrap(), &first);
            check(&serde_json::from_str(&through_floats(&text)).unwrap(), &first);
        }
    }
}

/// The text as a reader writes it again that keeps each number as a 64-bit float.
fn through_floats(json: &str) -> String {
    fn walk(value: &mut Value) {
        match value {
            Value::Number(number) => *value = (number.as_f64().unwrap() as i64).into(),
            Value::Array(values) => values.iter_mut().for_each(walk),
            Value::Object(fields) => fields.values_mut().for_each(walk),
            _ => {}
        }
    }
    let mut value = serde_json::from_str(json).unwrap();
    walk(&mut value);
    value.to_string()
}
