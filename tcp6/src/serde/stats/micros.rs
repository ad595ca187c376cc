//! Times in whole microseconds.

use core::time::Duration;

use serde::de::{Deserialize, Deserializer, Error as _, Unexpected};
use serde::ser::{Error as _, Serialize, Serializer};

use crate::serde::integer::INEXACT;

/// A time in human-readable formats: whole microseconds as a number, rounded down.
///
/// The number is below 2^53 (285 years), so that programs that store numbers as 64-bit floats do not change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Micros(pub(super) Duration);

impl From<Duration> for Micros {
    fn from(time: Duration) -> Micros {
        Micros(time)
    }
}

impl From<Micros> for Duration {
    fn from(Micros(time): Micros) -> Duration {
        time
    }
}

impl Serialize for Micros {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match u64::try_from(self.0.as_micros()) {
            Ok(micros) if micros < INEXACT => serializer.serialize_u64(micros),
            _ => Err(S::Error::custom("a time of 2^53 or more microseconds")),
        }
    }
}

impl<'de> Deserialize<'de> for Micros {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Micros, D::Error> {
        let micros = u64::deserialize(deserializer)?;
        if micros >= INEXACT {
            return Err(D::Error::invalid_value(Unexpected::Unsigned(micros), &"microseconds below 2^53"));
        }
        Ok(Micros(Duration::from_micros(micros)))
    }
}
