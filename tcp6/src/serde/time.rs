//! Serializes a `SystemTime` in your own structs: `#[serde(with = "tcp6::serde::time")]`.
//!
//! Human-readable formats contain RFC 3339 in UTC, `"2026-01-31T12:00:00.500Z"`. Binary formats contain the seconds
//! and nanoseconds since 1970-01-01 UTC.
//!
//! A fraction of a second that is not zero has 3, 6 or 9 digits. `datetime.fromisoformat` of Python (since 3.11) and
//! `Date` of JavaScript accept it, and drop the digits that they cannot represent. `fromdate` of `jq` accepts only
//! whole seconds, which [`seconds`] writes.
//!
//! # Example: a time in your own struct
//!
//! ```
//! use std::time::{Duration, SystemTime};
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Alert {
//!     #[serde(with = "tcp6::serde::time")]
//!     raised_at: SystemTime,
//!     #[serde(with = "tcp6::serde::time::seconds")]
//!     seen_at: SystemTime,
//! }
//!
//! let raised_at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_500);
//! let json = serde_json::to_string(&Alert { raised_at, seen_at: raised_at })?;
//! assert_eq!(json, r#"{"raised_at":"1970-01-01T00:00:01.500Z","seen_at":"1970-01-01T00:00:01Z"}"#);
//! let alert: Alert = serde_json::from_str(&json)?;
//! assert_eq!(alert.raised_at, raised_at);
//! # Ok::<(), serde_json::Error>(())
//! ```

use std::time::SystemTime;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::rfc3339::Time;

/// Serializes a time.
///
/// # Errors
///
/// Those of the serializer. In human-readable formats, also if the year does not have four digits.
pub fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    Time(*time).serialize(serializer)
}

/// Deserializes a time.
///
/// # Errors
///
/// Those of the deserializer. Also if the value is not a time, or if this system cannot represent it.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
    Time::deserialize(deserializer).map(|time| time.0)
}

pub mod seconds {
    //! Serializes a time in whole seconds: `#[serde(with = "tcp6::serde::time::seconds")]`.
    //!
    //! Human-readable formats contain the second in which the time lies, `"2026-01-31T12:00:00Z"`. Common programs
    //! accept this form, including `fromdate` of `jq`. Binary formats also contain the nanoseconds.

    use std::time::SystemTime;

    use serde::{Serialize, Serializer};

    pub use super::deserialize;
    use crate::serde::rfc3339::Second;

    /// Serializes a time.
    ///
    /// # Errors
    ///
    /// Those of the serializer. In human-readable formats, also if the year does not have four digits.
    pub fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        Second(*time).serialize(serializer)
    }
}
