//! Serializes changes.

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use crate::snapshot::change::Change;

/// A change in human-readable formats: an object with the kind and the rows.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename = "Change", tag = "change", rename_all = "lowercase")]
enum Text<T> {
    Added { row: T },
    Removed { row: T },
    Changed { before: T, after: T },
}

/// A change in binary formats.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename = "Change")]
enum Compact<T> {
    Added(T),
    Removed(T),
    Changed(T, T),
}

impl<T: Serialize> Serialize for Change<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            match self {
                Change::Added(row) => Text::Added { row },
                Change::Removed(row) => Text::Removed { row },
                Change::Changed { before, after } => Text::Changed { before, after },
            }
            .serialize(serializer)
        } else {
            match self {
                Change::Added(row) => Compact::Added(row),
                Change::Removed(row) => Compact::Removed(row),
                Change::Changed { before, after } => Compact::Changed(before, after),
            }
            .serialize(serializer)
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Change<T>, D::Error> {
        Ok(if deserializer.is_human_readable() {
            match Text::deserialize(deserializer)? {
                Text::Added { row } => Change::Added(row),
                Text::Removed { row } => Change::Removed(row),
                Text::Changed { before, after } => Change::Changed { before, after },
            }
        } else {
            match Compact::deserialize(deserializer)? {
                Compact::Added(row) => Change::Added(row),
                Compact::Removed(row) => Change::Removed(row),
                Compact::Changed(before, after) => Change::Changed { before, after },
            }
        })
    }
}
