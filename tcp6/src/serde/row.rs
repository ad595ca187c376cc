//! Serializes rows.

mod text;

use core::fmt;
use std::net::SocketAddrV6;

use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeTuple, Serializer};

use self::text::Text;
use crate::row::Row;
use crate::row::class::{BasicRow, OffloadRow, OwnerModuleRow, OwnerPidRow, for_each_row};
use crate::row::endpoint::RawEnd;
use crate::row::layout::{Layout, Parts, RawRow};
use crate::row::state::State;

/// An end in binary formats: address, scope id, port.
type End = ([u8; 16], u32, u16);

/// The common fields of all classes in binary formats: state, local end, and remote end if the
/// socket has one.
type Ends = (u32, End, Option<End>);

/// The number of elements of a row in binary formats: the common fields, and each further field of
/// its class.
fn elements(layout: &Layout) -> usize {
    let Layout { owner, offload, created, module, state: _, local: _, remote: _ } = layout;
    1 + [owner, offload, created, module].into_iter().flatten().count()
}

fn serialize<R: Row, S: Serializer>(row: &R, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        return Text::of(row).serialize(serializer);
    }
    let end = |end: SocketAddrV6| (end.ip().octets(), end.scope_id(), end.port());
    let ends: Ends = (row.raw_state(), end(row.local()), row.remote().map(end));
    let mut tuple = serializer.serialize_tuple(elements(&R::LAYOUT))?;
    tuple.serialize_element(&ends)?;
    if let Some(owner) = row.raw_owner() {
        tuple.serialize_element(&owner)?;
    }
    if let Some(offload) = row.raw_offload() {
        tuple.serialize_element(&offload)?;
    }
    if let Some(created) = row.raw_created() {
        tuple.serialize_element(&created)?;
    }
    if let Some(module) = row.raw_module() {
        tuple.serialize_element(module)?;
    }
    tuple.end()
}

fn deserialize<'de, R: Row, D: Deserializer<'de>>(deserializer: D) -> Result<R, D::Error> {
    if deserializer.is_human_readable() {
        return Text::deserialize(deserializer)?.to_row().map_err(D::Error::custom);
    }
    let ((state, local, remote), parts) = deserializer.deserialize_tuple(elements(&R::LAYOUT), Elements(R::LAYOUT))?;
    let end = |(address, scope_id, port): End| SocketAddrV6::new(address.into(), port, 0, scope_id);
    build(State::from_raw(state), end(local), remote.map(end), parts).map_err(D::Error::custom)
}

/// Deserializes the elements of a row with this layout.
struct Elements(Layout);

impl<'de> Visitor<'de> for Elements {
    type Value = (Ends, Parts);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} elements of a row", elements(&self.0))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(Ends, Parts), A::Error> {
        let ends = next(&mut seq, &self, 0)?;
        let mut parts = Parts::of(0, RawEnd::default(), RawEnd::default());
        let mut index = 0;
        let mut element = |field: Option<usize>| {
            index += usize::from(field.is_some());
            field.map(|_| index)
        };
        if let Some(index) = element(self.0.owner) {
            parts.owner = next(&mut seq, &self, index)?;
        }
        if let Some(index) = element(self.0.offload) {
            parts.offload = next(&mut seq, &self, index)?;
        }
        if let Some(index) = element(self.0.created) {
            parts.created = next(&mut seq, &self, index)?;
        }
        if let Some(index) = element(self.0.module) {
            parts.module = next(&mut seq, &self, index)?;
        }
        Ok((ends, parts))
    }
}

fn next<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(
    seq: &mut A,
    elements: &Elements,
    index: usize,
) -> Result<T, A::Error> {
    seq.next_element()?.ok_or_else(|| A::Error::invalid_length(index, elements))
}

/// Builds a row from a state, its ends, and the other fields in `parts`.
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

/// The reason why fields do not form a row of the class.
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

for_each_row!(serialized_rows);
