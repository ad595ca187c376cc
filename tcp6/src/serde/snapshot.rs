//! Serializes snapshots and tables.

use std::time::SystemTime;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::rfc3339::{Second, Time};
use crate::row::Row;
use crate::row::class::Class;
use crate::snapshot::Snapshot;
use crate::table::Table;

impl<R: Row + Serialize> Serialize for Snapshot<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(serializer, self.taken_at(), self.rows())
    }
}

impl<R: Row + Serialize> Serialize for Table<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(serializer, Some(self.taken_at()), self.rows())
    }
}

fn write<R: Row + Serialize, S: Serializer>(
    serializer: S,
    taken_at: Option<SystemTime>,
    rows: &[R],
) -> Result<S::Ok, S::Error> {
    let is_text = serializer.is_human_readable();
    let mut table = serializer.serialize_struct("Snapshot", if is_text { 4 } else { 3 })?;
    if is_text {
        table.serialize_field("taken_at", &taken_at.map(Second))?;
        table.serialize_field("taken_at_nanos", &taken_at.map(|time| Time(time).parts().1))?;
    } else {
        table.serialize_field("taken_at", &taken_at.map(Time))?;
    }
    table.serialize_field("class", &R::CLASS)?;
    table.serialize_field("rows", rows)?;
    table.end()
}

/// A snapshot in human-readable formats.
#[derive(serde::Deserialize)]
#[serde(rename = "Snapshot", bound = "R: Deserialize<'de>")]
struct Text<R> {
    // Without this attribute, serde would accept a missing field as `None`.
    #[serde(deserialize_with = "Option::deserialize")]
    taken_at: Option<Time>,
    taken_at_nanos: Option<u32>,
    class: Class,
    rows: Vec<R>,
}

/// A snapshot in binary formats.
#[derive(serde::Deserialize)]
#[serde(rename = "Snapshot", bound = "R: Deserialize<'de>")]
struct Compact<R> {
    taken_at: Option<Time>,
    class: Class,
    rows: Vec<R>,
}

impl<R> Text<R> {
    /// The time. Its nanoseconds are in `taken_at_nanos` or in a fraction of `taken_at`.
    fn time(&self) -> Result<Option<Time>, &'static str> {
        self.taken_at.map(|time| time.with_nanoseconds(self.taken_at_nanos)).transpose()
    }
}

impl<'de, R: Row + Deserialize<'de>> Deserialize<'de> for Snapshot<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Snapshot<R>, D::Error> {
        let Compact { taken_at, class, rows } = if deserializer.is_human_readable() {
            let text = Text::<R>::deserialize(deserializer)?;
            Compact { taken_at: text.time().map_err(D::Error::custom)?, class: text.class, rows: text.rows }
        } else {
            Compact::<R>::deserialize(deserializer)?
        };
        if class != R::CLASS {
            return Err(D::Error::custom(format_args!("a snapshot of class {class}, not {}", R::CLASS)));
        }
        Ok(Snapshot::with_time(rows, taken_at.map(|time| time.0)))
    }
}
