//! Bytes as what serde reads, in a format for people (JSON) and in a binary one (postcard): refused, or something that
//! survives being written and read again.
#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tcp6::{Change, Fields, Row, Snapshot, StateSet};
use tcp6_fuzz::for_each_class;

fuzz_target!(|bytes: &[u8]| {
    for_each_class!(class(bytes));
    survives::<StateSet>(bytes, |set| set.bits().into());
    survives::<Fields>(bytes, |fields| fields.bits().into());
});

fn class<R: Row + Serialize + DeserializeOwned>(bytes: &[u8]) {
    // Snapshots are equal whenever they were taken, which must survive as well.
    survives::<Snapshot<R>>(bytes, |snapshot| match snapshot.taken_at().duration_since(std::time::UNIX_EPOCH) {
        Ok(after) => after.as_nanos() as i128,
        Err(before) => -(before.duration().as_nanos() as i128),
    });
    survives::<Change<R>>(bytes, |_| 0);
}

/// `besides` is what equality leaves out.
fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8], besides: fn(&T) -> i128) {
    let check = |one: &T, other: &T| {
        assert_eq!(one, other);
        assert_eq!(besides(one), besides(other));
    };
    if let Ok(first) = serde_json::from_slice::<T>(bytes) {
        let text = serde_json::to_string(&first).unwrap();
        check(&serde_json::from_str(&text).unwrap(), &first);
        let binary = postcard::to_allocvec(&first).unwrap();
        check(&postcard::from_bytes(&binary).unwrap(), &first);
    }
    if let Ok(first) = postcard::from_bytes::<T>(bytes) {
        let binary = postcard::to_allocvec(&first).unwrap();
        check(&postcard::from_bytes(&binary).unwrap(), &first);
        // JSON has no way to write a time beyond the year 9999, which is an error and nothing else.
        if let Ok(text) = serde_json::to_string(&first) {
            check(&serde_json::from_str(&text).unwrap(), &first);
        }
    }
}
