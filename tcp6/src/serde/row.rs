//! Rows.

mod text;

use core::fmt;
use std::net::SocketAddrV6;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

use self::text::Text;
use crate::endpoint::RawEnd;
use crate::row::layout::Parts;
use crate::{BasicRow, Class, OffloadRow, OwnerModuleRow, OwnerPidRow, Row, State};

/// An end in binary formats: address, scope id, port.
type End = ([u8; 16], u32, u16);

/// The fields of every class in binary formats: state, local end, and the remote one if there is one.
type Ends = (u32, End, Option<End>);

fn serialize<R: Row, S: Serializer>(row: &R, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        return Text::of(row).serialize(serializer);
    }
    let parts = row.parts();
    let end = |end: SocketAddrV6| (end.ip().octets(), end.scope_id(), end.port());
    let ends: Ends = (parts.state, end(row.local()), row.remote().map(end));
    match R::CLASS {
        Class::Basic => ends.serialize(serializer),
        Class::OwnerPid => (ends, parts.owner).serialize(serializer),
        Class::Offload => (ends, parts.owner, parts.offload).serialize(serializer),
        Class::OwnerModule => (ends, parts.owner, parts.created, parts.module).serialize(serializer),
    }
}

fn deserialize<'de, R: Row, D: Deserializer<'de>>(deserializer: D) -> Result<R, D::Error> {
    if deserializer.is_human_readable() {
        return Text::deserialize(deserializer)?.to_row().map_err(D::Error::custom);
    }
    let mut parts = Parts::of(0, RawEnd::default(), RawEnd::default());
    let (state, local, remote): Ends;
    match R::CLASS {
        Class::Basic => (state, local, remote) = Deserialize::deserialize(deserializer)?,
        Class::OwnerPid => ((state, local, remote), parts.owner) = Deserialize::deserialize(deserializer)?,
        Class::Offload => {
            ((state, local, remote), parts.owner, parts.offload) = Deserialize::deserialize(deserializer)?;
        }
        Class::OwnerModule => {
            ((state, local, remote), parts.owner, parts.created, parts.module) =
                Deserialize::deserialize(deserializer)?;
        }
    }
    let end = |(address, scope_id, port): End| SocketAddrV6::new(address.into(), port, 0, scope_id);
    build(State::from_raw(state), end(local), remote.map(end), parts).map_err(D::Error::custom)
}

/// The row of these ends, with everything else from `parts`.
fn build<R: Row>(
    state: State,
    local: SocketAddrV6,
    remote: Option<SocketAddrV6>,
    parts: Parts,
) -> Result<R, InvalidRow> {
    let remote = match (state, remote) {
        (_, None) => RawEnd::default(),
        (State::Listen, Some(_)) => return Err(InvalidRow::RemoteOfListener),
        (_, Some(remote)) => RawEnd::new(remote),
    };
    Ok(R::build(&Parts { state: state.as_raw(), local: RawEnd::new(local), remote, ..parts }))
}

/// Why fields are not a row of its class.
enum InvalidRow {
    Missing(&'static str),
    Contradiction(&'static str, &'static str),
    NotATime(&'static str),
    RemoteOfListener,
}

impl fmt::Display for InvalidRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidRow::Missing(field) => write!(f, "missing field `{field}`"),
            InvalidRow::Contradiction(one, other) => write!(f, "`{one}` contradicts `{other}`"),
            InvalidRow::NotATime(field) => write!(f, "`{field}` is not a time that a row can have"),
            InvalidRow::RemoteOfListener => f.write_str("a listener with a remote end"),
        }
    }
}

macro_rules! serialized_rows {
    ($($row:ident)*) => {$(
        impl Serialize for $row {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serialize(self, serializer)
            }
        }

        impl<'de> Deserialize<'de> for $row {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$row, D::Error> {
                deserialize(deserializer)
            }
        }
    )*};
}

serialized_rows!(BasicRow OwnerPidRow OffloadRow OwnerModuleRow);
