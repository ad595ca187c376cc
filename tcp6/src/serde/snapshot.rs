//! Snapshots and tables.

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::Time;
use crate::{Class, Row, Snapshot, Table};

impl<R: Row + Serialize> Serialize for Snapshot<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(serializer, Time(self.taken_at()), self.rows())
    }
}

impl<R: Row + Serialize> Serialize for Table<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(serializer, Time(self.taken_at()), self.rows())
    }
}

fn write<R: Row + Serialize, S: Serializer>(serializer: S, taken_at: Time, rows: &[R]) -> Result<S::Ok, S::Error> {
    let mut table = serializer.serialize_struct("Snapshot", 3)?;
    table.serialize_field("taken_at", &taken_at)?;
    table.serialize_field("class", &R::CLASS)?;
    table.serialize_field("rows", rows)?;
    table.end()
}

#[derive(serde::Deserialize)]
#[serde(rename = "Snapshot", deny_unknown_fields, bound = "R: Deserialize<'de>")]
struct Fields<R> {
    taken_at: Time,
    class: Class,
    rows: Vec<R>,
}

impl<'de, R: Row + Deserialize<'de>> Deserialize<'de> for Snapshot<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Snapshot<R>, D::Error> {
        let Fields { taken_at, class, rows } = Fields::<R>::deserialize(deserializer)?;
        if class != R::CLASS {
            return Err(D::Error::custom(format_args!("a snapshot of class {class}, not {}", R::CLASS)));
        }
        Ok(Snapshot::from_rows(rows, taken_at.0))
    }
}
