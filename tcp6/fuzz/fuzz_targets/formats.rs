//! Deserializes bytes, in a human-readable format (JSON) and in a binary one (postcard).
//!
//! They are rejected, or the value is the same after it is serialized and deserialized again. For JSON this also holds
//! if another program in between stores numbers as 64-bit floats.
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
    for_each_class!(check_class(bytes));
    round_trips::<StateSet>(bytes, |set| Some(set.bits().into()));
    round_trips::<ChangedFields>(bytes, |fields| Some(fields.bits().into()));
});

fn check_class<R: Row + Serialize + DeserializeOwned>(bytes: &[u8]) {
    // Equality of snapshots ignores the time, so the time is compared separately.
    round_trips::<Snapshot<R>>(bytes, |snapshot| match snapshot.taken_at()?.duration_since(std::time::UNIX_EPOCH) {
        Ok(after) => Some(after.as_nanos() as i128),
        Err(before) => Some(-(before.duration().as_nanos() as i128)),
    });
    round_trips::<Change<R>>(bytes, |_| None);
}

/// Checks the round trips of a value. `uncompared` returns the part of the value that equality ignores.
fn round_trips<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8], uncompared: fn(&T) -> Option<i128>) {
    let check = |one: &T, other: &T| {
        assert_eq!(one, other);
        assert_eq!(uncompared(one), uncompared(other));
    };
    // The memory that serde reserves for a length prefix, and that of a tree of the shortest values.
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
        // A time after the year 9999 cannot be serialized as JSON and is an error.
        if let Ok(text) = serde_json::to_string(&first) {
            check(&serde_json::from_str(&text).unwrap(), &first);
            check(&serde_json::from_str(&through_floats(&text)).unwrap(), &first);
        }
    }
}

/// The text as written again by a program that stores each number as a 64-bit float.
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
