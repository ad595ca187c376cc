//! Times in your own structs: `#[serde(with = "tcp6::serde::time")]`, or with [`seconds`].
//!
//! In human-readable formats RFC 3339 in UTC, `"2026-01-31T12:00:00.5Z"`; otherwise seconds and nanoseconds since 1970.
//!
//! A fraction of a second is written if there is one, in 3, 6 or 9 digits. Python (`datetime.fromisoformat`, since 3.11) and
//! JavaScript (`Date`) read it, and drop what they cannot represent. The `fromdate` of `jq` reads whole seconds only: that
//! is what [`seconds`] writes.

use std::time::SystemTime;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::rfc3339::Time;

/// Writes a time.
///
/// # Errors
///
/// Those of the serializer; in human-readable formats also for a year that does not have four digits.
pub fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    Time(*time).serialize(serializer)
}

/// Reads a time.
///
/// # Errors
///
/// Those of the deserializer; and if it is not a time, or one that this system cannot represent.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
    Time::deserialize(deserializer).map(|time| time.0)
}

pub mod seconds {
    //! Times as whole seconds in human-readable formats: `#[serde(with = "tcp6::serde::time::seconds")]`.
    //!
    //! `"2026-01-31T12:00:00Z"`, the second in which the time lies. Every common consumer reads this form, the `fromdate`
    //! of `jq` included. Binary formats have the nanoseconds as well.

    use std::time::SystemTime;

    use serde::{Serialize, Serializer};

    pub use super::deserialize;
    use crate::serde::rfc3339::Second;

    /// Writes a time.
    ///
    /// # Errors
    ///
    /// Those of the serializer; in human-readable formats also for a year that does not have four digits.
    pub fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        Second(*time).serialize(serializer)
    }
}
