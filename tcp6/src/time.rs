//! Times as snapshots are written with, for structs of one's own: `#[serde(with = "tcp6::time")]`.
//!
//! For people RFC 3339 in UTC, `"2026-01-31T12:00:00.5Z"`; otherwise seconds and nanoseconds since 1970.

use std::time::SystemTime;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::serde::Time;

/// Writes a time.
///
/// # Errors
///
/// Those of the serializer; and for people a time whose year does not have four digits.
pub fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    Time(*time).serialize(serializer)
}

/// Reads a time.
///
/// # Errors
///
/// Those of the deserializer; and what is no time, or none that this system can tell.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
    Time::deserialize(deserializer).map(|time| time.0)
}
